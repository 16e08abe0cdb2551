//! The metadata in the card of a dataset: YAML between lines of `---` at the beginning of `README.md`,
//! with the files of each [configuration](https://huggingface.co/docs/hub/datasets-manual-configuration)
//! and the types of the columns.

use std::path::Path;

use glob::{MatchOptions, Pattern};
use yaml_rust2::Yaml;

use super::metadata::{ColumnClasses, column_classes, list, load, one_or_list, texts};
use super::name::HubName;
use super::split_files::{SplitPaths, by_name, directories, split_of, split_of_word, tables};
use crate::error::DataError;
use crate::splits::Split;

/// What a card says.
#[derive(Debug, Clone, Default)]
pub(super) struct Card {
    configs: Vec<Config>,
    /// Classes of the columns that have any.
    class_names: Vec<ColumnClasses>,
}

/// Configuration: a part of the data of a repository.
#[derive(Debug, Clone)]
struct Config {
    name: String,
    is_default: bool,
    /// Name of each split and the patterns of its files; empty if they are found by their names.
    splits: Vec<(String, Vec<String>)>,
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

impl Config {
    fn read(config: &Yaml) -> Option<Self> {
        let name = config["config_name"].as_str()?.to_owned();
        let splits = match &config["data_files"] {
            Yaml::Hash(splits) => splits
                .iter()
                .filter_map(|(split, paths)| Some((split.as_str()?.to_owned(), texts(paths))))
                .collect(),
            Yaml::Array(files) if files.iter().any(|file| file.as_hash().is_some()) => files
                .iter()
                .filter_map(|file| {
                    let split = file["split"].as_str()?.to_owned();
                    Some((split, texts(&file["path"])))
                })
                .collect(),
            // Files of one split.
            paths => match texts(paths) {
                paths if paths.is_empty() => Vec::new(),
                paths => vec![(String::new(), paths)],
            },
        };
        Some(Self {
            name,
            is_default: config["default"].as_bool() == Some(true),
            splits,
        })
    }

    /// Returns the files that match the patterns. A split whose name means none of ours is left out,
    /// and of several that mean the same, the one with exactly that name, or the first, is used.
    fn files(&self, files: &[String], tables: &[&str]) -> SplitPaths {
        let mut found = SplitPaths::new();
        let exact =
            |(name, _): &&(String, Vec<String>)| split_of_word(&name.to_lowercase()).is_some();
        let (first, rest): (Vec<_>, Vec<_>) = self.splits.iter().partition(exact);
        for (name, patterns) in first.into_iter().chain(rest) {
            let matching = |file: &&str| patterns.iter().any(|pattern| matches(pattern, file));
            let mut of_split: Vec<&str> = tables.iter().copied().filter(matching).collect();
            if of_split.is_empty() {
                // A configuration may be in another format than the preferred one.
                of_split = files.iter().map(String::as_str).filter(matching).collect();
                of_split.sort_unstable();
            }
            match split_of(name) {
                // Without a name of a split, those of the files tell it.
                None if name.is_empty() => return by_name(&of_split),
                Some(split) if !of_split.is_empty() => {
                    let of_split = of_split.into_iter().map(str::to_owned).collect();
                    found.entry(split).or_insert(of_split);
                }
                _ => {}
            }
        }
        found
    }
}

fn matches(pattern: &str, file: &str) -> bool {
    let options = MatchOptions {
        require_literal_separator: true,
        ..MatchOptions::new()
    };
    let pattern = pattern.trim_start_matches("./");
    Pattern::new(pattern).map_or(pattern == file, |pattern| {
        pattern.matches_with(file, options)
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    fn card(yaml: &str) -> Card {
        Card::parse(
            "README.md".as_ref(),
            &format!("---\n{yaml}\n---\n# Title\n"),
        )
        .unwrap()
    }

    fn name(text: &str) -> HubName {
        text.parse().unwrap()
    }

    fn files(card: &Card, of: &str, files: &[&str]) -> Result<SplitPaths, String> {
        let files: Vec<String> = files.iter().map(|&file| file.to_owned()).collect();
        let splits = card.split_files(&name(of), &files);
        splits.map_err(|error| error.to_string())
    }

    const GLUE: &str = "
configs:
- config_name: cola
  data_files:
  - {split: test, path: cola/test-*}
  - {split: train, path: cola/train-*}
- config_name: mnli
  data_files:
    train: mnli/train-*
    validation_matched: mnli/validation_matched-*
    validation_mismatched: mnli/validation_mismatched-*
dataset_info:
- config_name: cola
  features:
  - {name: sentence, dtype: string}
  - name: label
    dtype: {class_label: {names: {'0': unacceptable, '1': acceptable}}}
- config_name: mnli
  features:
  - {name: label, dtype: {class_label: {names: [entailment, neutral, 3]}}}
  - {name: tags, sequence: {class_label: {names: {'1': b, '0': a}}}}
  - {name: holes, dtype: {class_label: {names: {'0': a, '2': c}}}}";

    #[test]
    fn a_configuration_has_its_files_and_classes() {
        let card = card(GLUE);
        let all = [
            "cola/test-0.parquet",
            "cola/train-1.parquet",
            "cola/train-0.parquet",
            "mnli/train-0.parquet",
            "mnli/validation_matched-0.parquet",
            "mnli/validation_mismatched-0.parquet",
        ];
        let cola = files(&card, "a/glue:cola", &all).unwrap();
        assert_eq!(
            cola[&Split::Train],
            ["cola/train-0.parquet", "cola/train-1.parquet"]
        );
        assert_eq!(cola[&Split::Test], ["cola/test-0.parquet"]);
        let mnli = files(&card, "a/glue:mnli", &all).unwrap();
        assert_eq!(
            mnli[&Split::Validation],
            ["mnli/validation_matched-0.parquet"]
        );
        for unknown in ["a/glue", "a/glue:sst"] {
            let error = files(&card, unknown, &all).unwrap_err();
            assert!(
                error.contains("a/glue:CONFIG with one of cola, mnli"),
                "{error}"
            );
        }
        let classes = |of: &str, column| card.class_names(&name(of), column);
        let names = |names: &[&str]| Some(names.iter().map(|&name| name.to_owned()).collect());
        assert_eq!(
            classes("a/glue:cola", "label"),
            names(&["unacceptable", "acceptable"])
        );
        assert_eq!(
            classes("a/glue:mnli", "label"),
            names(&["entailment", "neutral", "3"])
        );
        assert_eq!(classes("a/glue:mnli", "tags"), names(&["a", "b"]));
        assert_eq!(classes("a/glue:mnli", "holes"), None);
        assert_eq!(classes("a/glue:cola", "sentence"), None);
        assert_eq!(classes("a/glue", "label"), None);
    }

    #[test]
    fn the_default_configuration_needs_no_name() {
        let two = "configs: [{config_name: a, data_files: a.csv}, \
                   {config_name: b, default: true, data_files: [b/*.csv]}]";
        let all = ["a.csv", "b/test.csv", "b/train.csv", "b/c/d.csv"];
        let chosen = files(&card(two), "x/y", &all).unwrap();
        assert_eq!(chosen[&Split::Train], ["b/train.csv"]);
        assert_eq!(chosen[&Split::Test], ["b/test.csv"]);
        assert_eq!(
            files(&card(two), "x/y:a", &all).unwrap()[&Split::Train],
            ["a.csv"]
        );
    }

    #[test]
    fn without_configurations_directories_are_them() {
        let none = card("license: mit");
        let all = ["de/train.csv", "en/test.csv", "en/train.csv"];
        let error = files(&none, "x/y", &all).unwrap_err();
        assert!(error.contains("x/y:CONFIG with one of de, en"), "{error}");
        let chosen = files(&none, "x/y:en", &all).unwrap();
        assert_eq!(chosen[&Split::Test], ["en/test.csv"]);
        assert!(files(&none, "x/y:fr", &all).is_err());
        let chosen = files(&none, "x/y", &all[1..]).unwrap();
        assert_eq!(chosen.len(), 2);
        assert!(
            files(&none, "x/y", &["load.py", "data.zip"])
                .unwrap()
                .is_empty()
        );
    }

    #[test]
    fn converted_data_has_a_directory_of_each_configuration_and_split() {
        let converted = |of: &str, files: &[&str]| {
            let files: Vec<String> = files.iter().map(|&file| file.to_owned()).collect();
            Card::default().converted_files(&name(of), &files)
        };
        let two = [
            "a/train/0000.parquet",
            "b/test/0000.parquet",
            "b/train/0000.parquet",
        ];
        assert_eq!(
            converted("x/y:b", &two).unwrap()[&Split::Test],
            ["b/test/0000.parquet"]
        );
        assert!(converted("x/y", &two).is_err());
        assert!(converted("x/y:c", &two).is_err());
        let default = [
            "default/partial-train/0000.parquet",
            "other/train/0000.parquet",
        ];
        assert_eq!(
            converted("x/y", &default).unwrap()[&Split::Train],
            default[..1]
        );
        assert!(converted("x/y:c", &default).is_err());
        assert_eq!(
            converted("x/y", &["only/train/0000.parquet"])
                .unwrap()
                .len(),
            1
        );
    }

    #[test]
    fn metadata_that_is_damaged_or_without_end_is_an_error() {
        let deep = "- ".repeat(100_000);
        let brackets = "[".repeat(100_000);
        let bomb = "a: &a [x, x]\nb: &b [*a, *a]";
        for bad in [
            &deep[..],
            &brackets,
            bomb,
            "a: [",
            "\ta: b\n: - :",
            "a: \"\\xZZ\"",
        ] {
            let card = Card::parse("README.md".as_ref(), &format!("---\n{bad}\n---\n"));
            assert!(
                matches!(card, Err(DataError::InvalidFile { .. })),
                "{:.20}",
                bad
            );
        }
        for empty in [
            "",
            "# Title",
            "---\n---\n",
            "---\nno end",
            "---\n- a\n---\n",
        ] {
            let card = Card::parse("README.md".as_ref(), empty).unwrap();
            assert!(
                card.configs.is_empty() && card.class_names.is_empty(),
                "{empty}"
            );
        }
    }
}
