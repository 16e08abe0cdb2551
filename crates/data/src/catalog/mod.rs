//! Catalog of public datasets that load by name from any of their common file layouts.
//!
//! A [`NamedDataset`] defines the schema, the classes, the split sizes and the supported [`Layout`]s
//! of a dataset. The datasets are static tables in the files of this module. Only
//! `NamedDataset::download` (feature `hub`) uses the network. The directory `datasets/` of the
//! repository has a card for each dataset with its source and license.

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
use crate::dataset::{Dataset, Schema, Target, TextArity};
use crate::error::DataError;
use crate::reader::{ExampleReader, OnBadRow};
use crate::splits::{LoadedDataset, Split, SplitReport};

/// All datasets, in the order of [`names`].
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

/// A public dataset.
#[derive(Debug)]
pub struct NamedDataset {
    /// Name in the catalog, such as `ag_news`.
    pub name: &'static str,
    /// Title of the dataset.
    pub title: &'static str,
    /// Number of texts per example.
    pub texts: TextArity,
    /// Kind of label to predict.
    pub target: NamedTarget,
    /// Source on the Hugging Face hub; `None` if it is not there.
    pub hub: Option<HubSource>,
    /// Supported file layouts, in search order.
    pub layouts: &'static [Layout],
}

/// Kind of label of a public dataset.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NamedTarget {
    /// One of these classes, in the order of their numbers.
    Classes(&'static [&'static str]),
    /// A score in a range.
    Score {
        /// Minimum of the range.
        lowest: f64,
        /// Maximum of the range.
        highest: f64,
    },
}

/// Location of a dataset on the hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HubSource {
    /// Name of the repository, `owner/name`.
    pub repository: &'static str,
    /// Name of the configuration in the repository.
    pub config: &'static str,
}

/// Returns the location of a dataset on the hub.
const fn hub(repository: &'static str, config: &'static str) -> Option<HubSource> {
    Some(HubSource { repository, config })
}

/// Returns the dataset with the given name.
///
/// ```
/// use finetune_data::catalog;
///
/// let imdb = catalog::get("imdb")?;
/// assert_eq!(imdb.schema().class_names(), ["neg", "pos"]);
/// assert!(catalog::get("imbd").unwrap_err().to_string().contains("imdb"));
/// # Ok::<(), finetune_data::DataError>(())
/// ```
///
/// # Errors
/// - [`DataError::InvalidSetting`] if there is no such dataset; the error lists the names.
pub fn get(name: &str) -> Result<&'static NamedDataset, DataError> {
    let found = DATASETS.iter().find(|dataset| dataset.name == name);
    found.copied().ok_or_else(|| {
        let names: Vec<&str> = names().collect();
        DataError::setting(
            "dataset",
            format!("one of {}", names.join(", ")),
            format!("{name:?}"),
        )
    })
}

/// Returns the names of all datasets.
pub fn names() -> impl Iterator<Item = &'static str> {
    DATASETS.iter().map(|dataset| dataset.name)
}

impl NamedDataset {
    /// Returns the number of texts per example and the kind of label.
    pub fn schema(&self) -> Schema {
        let target = match self.target {
            NamedTarget::Classes(names) => {
                Target::Classes(names.iter().map(|&name| name.to_owned()).collect())
            }
            NamedTarget::Score { lowest, highest } => Target::Score {
                min: lowest,
                max: highest,
            },
        };
        Schema {
            texts: self.texts,
            target,
        }
    }

    /// Loads all splits found in a directory, or in the archive of the dataset.
    ///
    /// Each split is read from the first layout that has it. Different versions of a dataset are
    /// never mixed: all splits come from layouts with the same published sizes as the layout of the
    /// training split. The reports compare the numbers of rows with the published ones.
    ///
    /// ```
    /// use finetune_data::catalog;
    ///
    /// let directory = tempfile::tempdir()?;
    /// std::fs::write(directory.path().join("train.csv"), "\"3\",\"Oil\",\"Prices \"\"rise\"\".\"\n")?;
    /// std::fs::write(directory.path().join("test.csv"), "\"1\",\"Vote\",\"Results are in.\"\n")?;
    ///
    /// let opened = catalog::get("ag_news")?.open(directory.path())?;
    /// let train = opened.splits.train;
    /// assert_eq!(train.examples[0].text, "Oil Prices \"rise\".");
    /// assert_eq!(train.class_names()[train.examples[0].label.class().unwrap()], "Business");
    /// let report = opened.reports[0].to_string();
    /// assert_eq!(report, "train: 1 rows, the published split has 120000");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// - [`DataError::MissingFiles`] if there is no training split.
    /// - [`DataError::Io`] if `path` is a file of a layout with one split per file.
    /// - The error of the first row that does not match the layout, with file and row number.
    pub fn open(&self, path: &Path) -> Result<LoadedDataset, DataError> {
        self.open_with(path, OnBadRow::Error)
    }

    /// Loads all splits like [`Self::open`], with a choice of how to handle invalid rows: some
    /// published files have a few.
    ///
    /// # Errors
    /// The same errors as [`Self::open`]; with [`OnBadRow::Skip`], invalid rows are not errors.
    pub fn open_with(
        &self,
        path: &Path,
        on_bad_rows: OnBadRow,
    ) -> Result<LoadedDataset, DataError> {
        let train = self.locate(path, Split::Train)?;
        if train.layout.is_one_file_a_split() && is_file(path)? {
            let source = io::ErrorKind::NotADirectory.into();
            return Err(DataError::io(path, source));
        }
        let first = self.open_located(&train, Split::Train, on_bad_rows)?;
        LoadedDataset::load(first, |split| {
            let found = self.find(path, split, |layout| layout.is_of_cut(train.layout))?;
            let open = |located: Located| self.open_located(&located, split, on_bad_rows);
            found.map(open).transpose()
        })
    }

    /// Loads one split; the other splits need not exist.
    ///
    /// `path` is a directory, or a single file of one of the layouts with any name.
    ///
    /// # Errors
    /// The same errors as [`Self::open`], and
    /// - [`DataError::InvalidFile`] if no layout has this split.
    pub fn open_split(
        &self,
        path: &Path,
        split: Split,
    ) -> Result<(Dataset, SplitReport), DataError> {
        self.open_split_with(path, split, OnBadRow::Error)
    }

    /// Loads one split like [`Self::open_split`], with a choice of how to handle invalid rows.
    ///
    /// # Errors
    /// The same errors as [`Self::open_split`]; with [`OnBadRow::Skip`], invalid rows are not
    /// errors.
    pub fn open_split_with(
        &self,
        path: &Path,
        split: Split,
        on_bad_rows: OnBadRow,
    ) -> Result<(Dataset, SplitReport), DataError> {
        self.open_located(&self.locate(path, split)?, split, on_bad_rows)
    }

    fn open_located(
        &self,
        located: &Located,
        split: Split,
        on_bad_rows: OnBadRow,
    ) -> Result<(Dataset, SplitReport), DataError> {
        let official = located.layout.official_rows(split);
        let reader = located.read(self, split, on_bad_rows)?;
        reader.read_split(split, official)
    }

    /// Returns a streaming reader of one split, for files larger than memory.
    ///
    /// ```
    /// use finetune_data::{OnBadRow, Split, catalog};
    ///
    /// let directory = tempfile::tempdir()?;
    /// let rows = "\tid\tsentence1\tsentence2\tis_duplicate\n0\ta\tWhy?\tHow so?\t1.0\n1\tb\tWho?\t\t\n";
    /// std::fs::write(directory.path().join("quora-dev.csv"), rows)?;
    ///
    /// let qqp = catalog::get("qqp")?;
    /// let mut reader = qqp.read(directory.path(), Split::Validation, OnBadRow::Skip)?;
    /// assert_eq!(reader.by_ref().count(), 1);
    /// assert_eq!(reader.skipped().rows, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The same errors as [`Self::open_split`]. Each example may also be an error.
    pub fn read(
        &self,
        path: &Path,
        split: Split,
        on_bad_rows: OnBadRow,
    ) -> Result<ExampleReader, DataError> {
        self.locate(path, split)?.read(self, split, on_bad_rows)
    }

    /// Returns the ids of the rows of a split, in the order of [`Self::open_split_with`]: the column
    /// `id` of the files of the CS224N project.
    ///
    /// ```
    /// use finetune_data::{OnBadRow, Split, catalog};
    ///
    /// let folder = tempfile::tempdir()?;
    /// let rows = "\tid\tsentence1\tsentence2\tis_duplicate\n0\ta\tWhy?\tHow so?\t1.0\n1\tb\tWho?\t\t\n";
    /// std::fs::write(folder.path().join("quora-dev.csv"), rows)?;
    ///
    /// let qqp = catalog::get("qqp")?;
    /// let ids = qqp.open_ids(folder.path(), Split::Validation, OnBadRow::Skip)?;
    /// assert_eq!(ids, ["a"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The same errors as [`Self::open_split_with`], also if the file has no such column.
    pub fn open_ids(
        &self,
        path: &Path,
        split: Split,
        on_bad_rows: OnBadRow,
    ) -> Result<Vec<String>, DataError> {
        self.locate(path, split)?.ids(self, on_bad_rows)
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
            let problem = format!("{} has no {split} split", self.name);
            return Err(DataError::file(path, problem));
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
