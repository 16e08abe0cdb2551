//! The metadata in the card of a dataset: YAML between lines of `---` at the beginning of `README.md`,
//! with the files of each [configuration](https://huggingface.co/docs/hub/datasets-manual-configuration)
//! and the types of the columns.

mod config;
#[cfg(test)]
mod tests;

use std::path::Path;

use self::config::Config;
use super::metadata::{ColumnClasses, column_classes, list, load, one_or_list};
use super::name::HubName;
use super::split_files::{SplitPaths, by_name, directories, tables};
use crate::error::DataError;
use crate::splits::Split;

/// What a card says.
#[derive(Debug, Clone, Default)]
pub(super) struct Card {
    configs: Vec<Config>,
    /// Classes of the columns that have any.
    class_names: Vec<ColumnClasses>,
}

impl Card {
    /// Reads the metadata of a card; there may be none.
    ///
    /// # Errors
    /// - [`DataError::InvalidFile`] if it is not YAML, or nested or repeated without end.
    pub(super) fn parse(path: &Path, card: &str) -> Result<Self, DataError> {
        let metadata = load(path, card)?;
        Ok(Self {
            configs: list(&metadata["configs"])
                .filter_map(Config::read)
                .collect(),
            class_names: one_or_list(&metadata["dataset_info"])
                .flat_map(column_classes)
                .collect(),
        })
    }

    /// Returns the class names of a column in the configuration of a name.
    pub(super) fn class_names(&self, name: &HubName, column: &str) -> Option<Vec<String>> {
        let config = name.config.as_deref().or_else(|| self.default_config());
        let of_column = self
            .class_names
            .iter()
            .filter(|found| found.column == column);
        let mut of_config = of_column.filter(|found| {
            let (found, wanted) = (found.config.as_deref(), config);
            found.is_none() || wanted.is_none() || found == wanted
        });
        let found = of_config.next()?;
        // Of several configurations, only one that was chosen has names.
        match config.is_none() && of_config.any(|other| other.names != found.names) {
            true => None,
            false => Some(found.names.clone()),
        }
    }

    /// Returns the name of the configuration that is meant by no name.
    fn default_config(&self) -> Option<&str> {
        let mut configs = self.configs.iter();
        let chosen = configs.find(|config| config.is_default || config.name == "default");
        let only = Some(&self.configs[..]).filter(|configs| configs.len() == 1);
        let chosen = chosen.or_else(|| only?.first());
        chosen.map(|config| &config.name[..])
    }

    /// Chooses the files of the splits among all files of the repository.
    pub(super) fn split_files(
        &self,
        name: &HubName,
        files: &[String],
    ) -> Result<SplitPaths, DataError> {
        let tables = tables(files);
        let known = || self.configs.iter().map(|config| config.name.clone());
        let wanted = name.config.as_deref().or_else(|| self.default_config());
        let config = self
            .configs
            .iter()
            .find(|config| Some(&config.name[..]) == wanted);
        Ok(match config {
            Some(config) if !config.splits.is_empty() => config.files(files, &tables),
            Some(config) if self.configs.len() > 1 => in_directory(&tables, &config.name),
            Some(_) => by_name(&tables),
            None if self.configs.len() > 1 => return Err(choose(name, known())),
            None => match wanted {
                // A configuration of a repository that does not describe them is a directory.
                Some(wanted) => match in_directory(&tables, wanted) {
                    found if found.is_empty() && !tables.is_empty() => {
                        return Err(choose(name, known().chain(directories(&tables))));
                    }
                    found => found,
                },
                None => only_directory(name, &tables)?,
            },
        })
    }

    /// Chooses the files of the splits among those of the branch with the converted data, in which a
    /// directory of each configuration has one of each split.
    pub(super) fn converted_files(
        &self,
        name: &HubName,
        files: &[String],
    ) -> Result<SplitPaths, DataError> {
        let tables = tables(files);
        let names = directories(&tables);
        let wanted = name.config.as_deref().or_else(|| self.default_config());
        let default = || names.contains("default").then_some("default");
        match wanted
            .filter(|wanted| names.contains(*wanted))
            .or_else(default)
        {
            Some(config) if name.config.is_none() || wanted == Some(config) => {
                Ok(in_directory(&tables, config))
            }
            _ if name.config.is_some() => Err(choose(name, names)),
            _ => only_directory(name, &tables),
        }
    }
}

/// Returns the files of each split in a directory and below.
fn in_directory(tables: &[&str], directory: &str) -> SplitPaths {
    let is_inside = |file: &&str| file.rsplit('/').skip(1).any(|part| part == directory);
    let inside: Vec<&str> = tables.iter().copied().filter(is_inside).collect();
    by_name(&inside)
}

/// Returns the files of each split if all training files are of the same configuration.
fn only_directory(name: &HubName, tables: &[&str]) -> Result<SplitPaths, DataError> {
    let splits = by_name(tables);
    let train = splits.get(&Split::Train);
    let train: Vec<&str> = train.into_iter().flatten().map(String::as_str).collect();
    let directories = directories(&train);
    match directories.len() {
        0 | 1 => Ok(splits),
        _ => Err(choose(name, directories)),
    }
}

fn choose(name: &HubName, known: impl IntoIterator<Item = String>) -> DataError {
    let known: Vec<String> = known
        .into_iter()
        .filter(|known| !known.is_empty())
        .collect();
    let expected = format!("{}:CONFIG with one of {}", name.id, known.join(", "));
    DataError::setting("dataset", expected, name)
}
