//! Configurations in a card: which files each split has.

use glob::{MatchOptions, Pattern};
use yaml_rust2::Yaml;

use crate::hub_dataset::metadata::texts;
use crate::hub_dataset::split_files::{SplitPaths, by_name, split_of, split_of_word};

/// Configuration: a part of the data of a repository.
#[derive(Debug, Clone)]
pub(super) struct Config {
    pub(super) name: String,
    pub(super) is_default: bool,
    /// Name of each split and the patterns of its files; empty if they are found by their names.
    pub(super) splits: Vec<(String, Vec<String>)>,
}

impl Config {
    pub(super) fn read(config: &Yaml) -> Option<Self> {
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
    pub(super) fn files(&self, files: &[String], tables: &[&str]) -> SplitPaths {
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
