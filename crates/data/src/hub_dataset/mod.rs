//! Any dataset of the Hugging Face hub, by its name.
//!
//! As [`load_dataset`](https://huggingface.co/docs/datasets/loading) does, the files of the splits are
//! found by the configurations in the card of the repository, or else by their names. Parquet, JSON,
//! CSV and TSV files are read; a repository without such files is read from the branch in which the hub
//! keeps a conversion to Parquet.

mod card;
mod metadata;
mod name;
mod split_files;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use finetune_hub::{Hub, HubError, Repository};

use self::card::Card;
pub use self::name::HubName;
use self::split_files::SplitPaths;
use crate::dataset::{Dataset, Target};
use crate::error::DataError;
use crate::splits::{LoadedDataset, Split, SplitReport};
use crate::table::Column;
use crate::tabular::{
    LabelKind, TableFiles, TabularOptions, has_labels, infer_target_of, read_files,
};

/// Branch of a dataset repository to which the hub converts the data.
const CONVERTED: &str = "refs/convert/parquet";
const CARD: &str = "README.md";

/// A downloaded dataset of the hub: the files of its splits, and what its card says of them.
///
/// ```no_run
/// use finetune_data::{HubDataset, tabular::TabularOptions};
///
/// let dataset = HubDataset::download("cornell-movie-review-data/rotten_tomatoes")?;
/// let splits = dataset.open(&TabularOptions::default())?.splits;
/// println!("{} rows of {:?}", splits.train.len(), splits.train.class_names());
/// # Ok::<(), finetune_data::DataError>(())
/// ```
#[derive(Debug, Clone)]
pub struct HubDataset {
    name: HubName,
    directory: PathBuf,
    files: SplitPaths,
    /// Files that are not from the hub, in place of those of a split.
    own: BTreeMap<Split, PathBuf>,
    card: Card,
}

impl HubDataset {
    /// Downloads a dataset unless it is cached: `ID`, `ID:CONFIG`, `ID@REVISION` or
    /// `ID:CONFIG@REVISION`.
    ///
    /// Environment variables set the cache directory, the address of the hub and offline mode: see
    /// [`finetune_hub`].
    ///
    /// # Errors
    /// - [`DataError::InvalidSetting`] if the name is invalid, or the dataset has several
    ///   configurations and the name does not choose one of them; the error lists them.
    /// - [`DataError::NoTables`] if there are no files of a known format.
    /// - [`DataError::Hub`] if the download fails.
    pub fn download(name: &str) -> Result<Self, DataError> {
        Self::download_from(&Hub::from_env()?, name)
    }

    /// Downloads a dataset from the given hub.
    ///
    /// # Errors
    /// The same errors as [`Self::download`].
    pub fn download_from(hub: &Hub, name: &str) -> Result<Self, DataError> {
        let name: HubName = name.parse()?;
        let repository = name.repository();
        let card = Card::download(hub, &repository)?;
        let select = |files: &[String]| card.split_files(&name, files);
        let (directory, files) = match download(hub, &repository, &select)? {
            // Only the newest revision is converted.
            (_, files) if files.is_empty() && name.revision.is_none() => {
                let converted = repository.with_revision(CONVERTED);
                let select = |files: &[String]| card.converted_files(&name, files);
                match download(hub, &converted, &select) {
                    Err(DataError::Hub(HubError::UnknownRevision { .. })) => Default::default(),
                    found => found?,
                }
            }
            own => own,
        };
        if !files.contains_key(&Split::Train) {
            return Err(DataError::NoTables {
                name: name.to_string(),
            });
        }
        Ok(Self {
            name,
            directory,
            files,
            own: BTreeMap::new(),
            card,
        })
    }

    /// Replaces the files of some splits by a file of your own each, with the same columns.
    #[must_use]
    pub fn with_files(mut self, files: impl IntoIterator<Item = (Split, PathBuf)>) -> Self {
        self.own.extend(files);
        self
    }

    /// Returns the name with the commit, such as `owner/name:config@commit`.
    pub fn pinned_name(&self) -> String {
        let commit = self.directory.file_name().unwrap_or_default();
        let name = HubName {
            revision: Some(commit.to_string_lossy().into_owned()),
            ..self.name.clone()
        };
        name.to_string()
    }

    /// Returns the downloaded files of a split, in the order of their rows; none if there is no such split.
    pub fn files(&self, split: Split) -> Vec<PathBuf> {
        let names = self.files.get(&split).into_iter().flatten();
        names.map(|name| self.directory.join(name)).collect()
    }

    /// Reads all splits; those whose labels are not published have none. Class names are those that the files or the card declare for the label
    /// column, unless they are set in `options`.
    ///
    /// # Errors
    /// - [`DataError::UnknownColumn`] if a file has no such column; the error lists those it has.
    /// - Any other error of [`tabular::open`](crate::tabular::open).
    pub fn open(&self, options: &TabularOptions) -> Result<LoadedDataset, DataError> {
        let train = self.table(Split::Train, options)?;
        let target = infer_target_of(&train, options)?;
        let open = |files: &TableFiles, split| read_split(files, split, &target, options);
        LoadedDataset::load(open(&train, Split::Train)?, |split| {
            self.has_split(split)
                .then(|| open(&self.table(split, options)?, split))
                .transpose()
        })
    }

    /// Returns whether there is such a split.
    pub fn has_split(&self, split: Split) -> bool {
        self.files.contains_key(&split) || self.own.contains_key(&split)
    }

    /// Reads one split; its classes are those of the training rows, unless they are set in `options`. Rows
    /// are without labels if `options` has no column for them, or they are not published.
    ///
    /// # Errors
    /// - [`DataError::InvalidSetting`] if there is no such split; the error lists those there are.
    /// - The errors of [`Self::open`].
    pub fn open_split(&self, split: Split, options: &TabularOptions) -> Result<Dataset, DataError> {
        if !self.has_split(split) {
            let splits = Split::ALL
                .into_iter()
                .filter(|split| self.has_split(*split));
            let splits: Vec<&str> = splits.map(Split::name).collect();
            let expected = format!("one of {}", splits.join(", "));
            return Err(DataError::setting("split", expected, split));
        }
        let target = infer_target_of(&self.table(Split::Train, options)?, options)?;
        let table = self.table(split, options)?;
        Ok(read_split(&table, split, &target, options)?.0)
    }

    fn table(&self, split: Split, options: &TabularOptions) -> Result<TableFiles, DataError> {
        let label = match (&options.columns.label, &options.labels) {
            (_, LabelKind::Indicators(_)) => None,
            (Some(Column::Name(name)), _) => Some(name),
            _ => None,
        };
        let declared = label.and_then(|label| self.card.class_names(&self.name, label));
        let table = match self.own.get(&split) {
            Some(file) => TableFiles::at(file, split)?,
            None => TableFiles {
                name: format!("{}/{split}", self.pinned_name()),
                path: self.directory.clone(),
                files: self.files(split),
                declared: None,
            },
        };
        Ok(TableFiles { declared, ..table })
    }
}

/// Reads the files of a split, without its labels if they are not published.
fn read_split(
    files: &TableFiles,
    split: Split,
    target: &Target,
    options: &TabularOptions,
) -> Result<(Dataset, SplitReport), DataError> {
    let read_as = match split == Split::Train || has_labels(files, options)? {
        true => split,
        false => Split::Unlabeled,
    };
    read_files(files, read_as, target, options)?.read_split(split, None)
}

/// Downloads the files that `select` chooses, and returns their directory and their splits.
fn download(
    hub: &Hub,
    repository: &Repository,
    select: &dyn Fn(&[String]) -> Result<SplitPaths, DataError>,
) -> Result<(PathBuf, SplitPaths), DataError> {
    let chosen = RefCell::new(Ok(SplitPaths::new()));
    let directory = hub.download_selected(
        repository,
        &|files| match select(files) {
            Ok(splits) => {
                let names = splits.values().flatten().cloned().collect();
                *chosen.borrow_mut() = Ok(splits);
                Ok(names)
            }
            Err(error) => {
                let reason = error.to_string();
                *chosen.borrow_mut() = Err(error);
                Err(reason)
            }
        },
        &mut |_| (),
    );
    match (chosen.into_inner(), directory) {
        (Err(error), _) => Err(error),
        (Ok(splits), directory) => Ok((directory?, splits)),
    }
}

impl Card {
    /// Downloads and reads the card; a repository may have none.
    fn download(hub: &Hub, repository: &Repository) -> Result<Self, DataError> {
        let select = |files: &[String]| {
            let card = files.iter().filter(|file| *file == CARD);
            Ok(card.cloned().collect())
        };
        let directory = hub.download_selected(repository, &select, &mut |_| ())?;
        let path = directory.join(CARD);
        match fs::read(&path) {
            Ok(text) => Self::parse(&path, &String::from_utf8_lossy(&text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(DataError::io(&path, source)),
        }
    }
}

#[cfg(test)]
mod tests;
