//! Published data sets by name, from whatever files one has of them.
//!
//! A [`NamedDataset`] says what a data set is: its task, its classes, the sizes of its splits, and
//! the [`Layout`]s in which people hold it. The sets themselves are flat tables in the files
//! beside this one. Only `NamedDataset::download`, of the feature `hub`, asks the network for
//! anything; `datasets/` of the repository has a card for each set, with where it comes from and
//! under which licence.

mod acl_imdb;
#[cfg(feature = "hub")]
mod download;
mod layout;
mod pairs;
mod reviews;
mod shards;
mod topics;

use std::fs;
use std::io;
use std::path::Path;

pub use self::layout::Layout;
use self::layout::Located;
use crate::dataset::{Dataset, Target, Task, Texts};
use crate::error::DataError;
use crate::reader::{BadRows, ExampleReader};
use crate::splits::{Opened, Split, SplitReport, Splits};

/// Every data set, in the order in which [`names`] lists them.
static DATASETS: [&NamedDataset; 12] = [
    &topics::AG_NEWS,
    &topics::DBPEDIA_14,
    &topics::YAHOO_ANSWERS_TOPICS,
    &reviews::YELP_POLARITY,
    &reviews::AMAZON_REVIEWS_FULL,
    &reviews::IMDB,
    &reviews::SST5,
    &reviews::SST2,
    &reviews::CFIMDB,
    &pairs::QQP,
    &pairs::STSB,
    &topics::DISASTER_TWEETS,
];

/// A published data set.
#[derive(Debug)]
pub struct NamedDataset {
    /// The name by which it is found, such as `ag_news`.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// One text or a pair.
    pub texts: Texts,
    /// What is to be predicted.
    pub target: NamedTarget,
    /// Where the Hugging Face hub has it, if it does.
    pub hub: Option<HubSource>,
    /// How it is held, in the order in which the layouts are looked for.
    pub layouts: &'static [Layout],
}

/// What is to be predicted in a published data set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NamedTarget {
    /// One of these classes, in the order of their numbers.
    Classes(&'static [&'static str]),
    /// A number on a scale.
    Score {
        /// The lower end of the scale.
        lowest: f64,
        /// The upper end of the scale.
        highest: f64,
    },
}

/// Where a hub has a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HubSource {
    /// The repository, `owner/name`.
    pub repository: &'static str,
    /// The configuration within it.
    pub config: &'static str,
}

/// The data set of this name.
///
/// ```
/// use finetune_data::catalog;
///
/// let imdb = catalog::named("imdb")?;
/// assert_eq!(imdb.task().class_names(), ["neg", "pos"]);
/// assert!(catalog::named("imbd").unwrap_err().to_string().contains("imdb"));
/// # Ok::<(), finetune_data::DataError>(())
/// ```
///
/// # Errors
/// [`DataError::UnknownDataset`], which lists the names.
pub fn named(name: &str) -> Result<&'static NamedDataset, DataError> {
    let found = DATASETS.iter().find(|dataset| dataset.name == name);
    found.copied().ok_or_else(|| DataError::UnknownDataset {
        name: name.to_owned(),
        names: names().collect(),
    })
}

/// The names of all data sets.
pub fn names() -> impl Iterator<Item = &'static str> {
    DATASETS.iter().map(|dataset| dataset.name)
}

impl NamedDataset {
    /// What goes in and what comes out.
    pub fn task(&self) -> Task {
        let target = match self.target {
            NamedTarget::Classes(names) => {
                Target::Classes(names.iter().map(|&name| name.to_owned()).collect())
            }
            NamedTarget::Score { lowest, highest } => Target::Score { lowest, highest },
        };
        Task {
            texts: self.texts,
            target,
        }
    }

    /// Opens all splits that a folder holds, or the data set's archive.
    ///
    /// Each split comes from the first layout that has it, except that splits of different cuts of
    /// a data set are never mixed: all are of the cut that the training split is of. The reports
    /// compare with the published sizes.
    ///
    /// ```
    /// use finetune_data::catalog;
    ///
    /// let folder = tempfile::tempdir()?;
    /// std::fs::write(folder.path().join("train.csv"), "\"3\",\"Oil\",\"Prices \"\"rise\"\".\"\n")?;
    /// std::fs::write(folder.path().join("test.csv"), "\"1\",\"Vote\",\"Results are in.\"\n")?;
    ///
    /// let opened = catalog::named("ag_news")?.open(folder.path())?;
    /// let train = opened.splits.train;
    /// assert_eq!(train.examples[0].text, "Oil Prices \"rise\".");
    /// assert_eq!(train.class_names()[train.examples[0].label.class().unwrap()], "Business");
    /// let report = opened.reports[0].to_string();
    /// assert_eq!(report, "train: 1 rows, the published split has 120000");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`DataError::MissingFiles`] if there is no training split, and for the first row that is
    /// not as the layout says; the error names file and row.
    pub fn open(&self, path: &Path) -> Result<Opened, DataError> {
        self.open_with(path, BadRows::Refuse)
    }

    /// [`Self::open`], with a choice of what to do with bad rows: some published files have a few.
    ///
    /// # Errors
    /// As [`Self::open`], but for bad rows only if they are refused.
    pub fn open_with(&self, path: &Path, bad_rows: BadRows) -> Result<Opened, DataError> {
        let train = self.locate(path, Split::Train)?;
        if train.layout.is_one_file_a_split() && is_file(path)? {
            let source = io::ErrorKind::NotADirectory.into();
            return Err(DataError::io(path, source));
        }
        let mut reports = Vec::new();
        let mut dataset = |located: &Located, split: Split| {
            let official = located.layout.official_rows(split);
            let reader = located.read(self, split, bad_rows)?;
            let (dataset, report) = reader.read_split(split, official)?;
            reports.push(report);
            Ok::<_, DataError>(dataset)
        };
        let first = dataset(&train, Split::Train)?;
        let mut optional = |split: Split| {
            let found = self.find(path, split, |layout| layout.is_of_cut(train.layout))?;
            found.map(|located| dataset(&located, split)).transpose()
        };
        let splits = Splits {
            train: first,
            validation: optional(Split::Validation)?,
            test: optional(Split::Test)?,
            unlabelled: optional(Split::Unlabelled)?,
        };
        Ok(Opened { splits, reports })
    }

    /// Opens one split; the others need not be there.
    ///
    /// `path` is a folder, or a file of one of the layouts whatever its name.
    ///
    /// # Errors
    /// As [`Self::open`], and [`DataError::NoSuchSplit`] if no layout has such a split.
    pub fn open_split(
        &self,
        path: &Path,
        split: Split,
    ) -> Result<(Dataset, SplitReport), DataError> {
        self.open_split_with(path, split, BadRows::Refuse)
    }

    /// [`Self::open_split`], with a choice of what to do with bad rows.
    ///
    /// # Errors
    /// As [`Self::open_split`], but for bad rows only if they are refused.
    pub fn open_split_with(
        &self,
        path: &Path,
        split: Split,
        bad_rows: BadRows,
    ) -> Result<(Dataset, SplitReport), DataError> {
        let located = self.locate(path, split)?;
        let official = located.layout.official_rows(split);
        let reader = located.read(self, split, bad_rows)?;
        reader.read_split(split, official)
    }

    /// Reads one split, one example at a time: for files larger than memory.
    ///
    /// ```
    /// use finetune_data::{BadRows, Split, catalog};
    ///
    /// let folder = tempfile::tempdir()?;
    /// let rows = "\tid\tsentence1\tsentence2\tis_duplicate\n0\ta\tWhy?\tHow so?\t1.0\n1\tb\tWho?\t\t\n";
    /// std::fs::write(folder.path().join("quora-dev.csv"), rows)?;
    ///
    /// let qqp = catalog::named("qqp")?;
    /// let mut reader = qqp.read(folder.path(), Split::Validation, BadRows::Skip)?;
    /// assert_eq!(reader.by_ref().count(), 1);
    /// assert_eq!(reader.skipped().rows, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Self::open_split`]; each example may be an error too.
    pub fn read(
        &self,
        path: &Path,
        split: Split,
        bad_rows: BadRows,
    ) -> Result<ExampleReader, DataError> {
        self.locate(path, split)?.read(self, split, bad_rows)
    }

    /// Finds the files of a split.
    fn locate(&self, path: &Path, split: Split) -> Result<Located, DataError> {
        if let Some(located) = self.find(path, split, |_| true)? {
            return Ok(located);
        }
        let looked_for: Vec<String> = self
            .layouts
            .iter()
            .flat_map(|layout| layout.names(split))
            .collect();
        if looked_for.is_empty() {
            let name = self.name;
            return Err(DataError::NoSuchSplit { name, split });
        }
        Err(DataError::MissingFiles {
            directory: path.to_path_buf(),
            looked_for,
        })
    }

    fn find(
        &self,
        path: &Path,
        split: Split,
        wanted: impl Fn(&Layout) -> bool,
    ) -> Result<Option<Located>, DataError> {
        let one_file = is_file(path)?;
        for layout in self.layouts.iter().filter(|&layout| wanted(layout)) {
            let located = if one_file {
                layout.locate_file(path, split)
            } else {
                layout.locate(path, split)?
            };
            if located.is_some() {
                return Ok(located);
            }
        }
        Ok(None)
    }
}

fn is_file(path: &Path) -> Result<bool, DataError> {
    let metadata = fs::metadata(path).map_err(|source| DataError::io(path, source))?;
    Ok(metadata.is_file())
}

#[cfg(test)]
mod tests;
