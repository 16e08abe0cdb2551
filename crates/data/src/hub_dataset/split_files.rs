//! The files of each split, by their names.
//!
//! The words that mean a split are those of the
//! [`datasets`](https://huggingface.co/docs/datasets/repository_structure) library, as a part of the
//! name of the file, or else of a directory.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::splits::Split;
use crate::table::extension;

/// Names of the files of each split, in the order of their rows.
pub(super) type SplitPaths = BTreeMap<Split, Vec<String>>;

/// Formats in order of preference: of a repository with several, each has all the data.
const EXTENSIONS: [&[&str]; 4] = [
    &["parquet"],
    &["jsonl", "ndjson", "jsonl.gz", "ndjson.gz"],
    &["csv", "csv.gz", "tsv", "tsv.gz"],
    &["json", "json.gz"],
];

/// Files that describe data.
const DESCRIPTIONS: [&str; 4] = [
    "config.json",
    "dataset_dict.json",
    "dataset_info.json",
    "dataset_infos.json",
];

/// Returns the split that a name of a split means, or a part of a path.
pub(super) fn split_of_word(word: &str) -> Option<Split> {
    match word {
        "train" | "training" => Some(Split::Train),
        "validation" | "valid" | "dev" | "val" => Some(Split::Validation),
        "test" | "testing" | "eval" | "evaluation" => Some(Split::Test),
        "unsupervised" | "unlabeled" => Some(Split::Unlabeled),
        _ => None,
    }
}

/// Returns the split of the first word in a text that means one.
pub(super) fn split_of(text: &str) -> Option<Split> {
    let text = text.to_lowercase();
    let mut words = text.split(|letter: char| !letter.is_alphabetic());
    words.find_map(split_of_word)
}

/// Returns the files with data, of the preferred format.
pub(super) fn tables(files: &[String]) -> Vec<&str> {
    let is_table = |file: &str, extensions: &[&str]| {
        let path = Path::new(file);
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        extensions.contains(&&extension(path)[..])
            && !name.starts_with('.')
            && !DESCRIPTIONS.contains(&&*name)
    };
    let formats = EXTENSIONS.iter().map(|extensions| {
        let files = files.iter().map(String::as_str);
        files.filter(|file| is_table(file, extensions)).collect()
    });
    let mut formats = formats.filter(|files: &Vec<&str>| !files.is_empty());
    let mut found = formats.next().unwrap_or_default();
    found.sort_unstable();
    found
}

/// Assigns files to the splits in their names; if no name means a split, they are training files.
pub(super) fn by_name(files: &[&str]) -> SplitPaths {
    let mut splits = SplitPaths::new();
    for file in files {
        let mut parts = file.rsplit('/');
        if let Some(split) = parts.find_map(split_of) {
            splits.entry(split).or_default().push((*file).to_owned());
        }
    }
    match splits.is_empty() && !files.is_empty() {
        true => {
            let files = files.iter().map(|&file| file.to_owned());
            SplitPaths::from([(Split::Train, files.collect())])
        }
        false => splits,
    }
}

/// Returns the directories that files are in, without those that are named after a split and those that
/// only hold data: the configurations of a repository that does not describe them.
pub(super) fn directories(files: &[&str]) -> BTreeSet<String> {
    let directory = |file: &&str| {
        let parts = file.rsplit_once('/').map_or("", |(directory, _)| directory);
        let parts = parts.split('/').filter(|part| {
            let part = part.to_lowercase();
            part != "data" && split_of_word(part.trim_start_matches("partial-")).is_none()
        });
        parts.collect::<Vec<_>>().join("/")
    };
    files.iter().map(directory).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(files: &[&str]) -> Vec<String> {
        files.iter().map(|&file| file.to_owned()).collect()
    }

    #[test]
    fn splits_are_found_in_names_and_directories() {
        for (file, expected) in [
            ("train.csv", Some(Split::Train)),
            ("data/train-00000-of-00002.parquet", Some(Split::Train)),
            ("my_training_rows.jsonl", Some(Split::Train)),
            ("dev1.tsv", Some(Split::Validation)),
            (
                "plain_text/unsupervised-00000-of-00001.parquet",
                Some(Split::Unlabeled),
            ),
            ("default/partial-test/0000.parquet", Some(Split::Test)),
            ("Test/part.csv", Some(Split::Test)),
            // The name of the file decides.
            ("train/eval.csv", Some(Split::Test)),
            // Letters around a word make another one.
            ("trainer.csv", None),
            ("latest.csv", None),
            ("rows.csv", None),
        ] {
            let found = by_name(&[file, "training/0.csv"]);
            let found = found
                .iter()
                .find(|(_, files)| files.contains(&file.to_owned()));
            assert_eq!(found.map(|(split, _)| *split), expected, "{file}");
        }
    }

    #[test]
    fn files_without_a_split_are_training_files() {
        let files = ["a.csv", "b.csv"];
        assert_eq!(by_name(&files)[&Split::Train], names(&files));
        assert!(by_name(&[]).is_empty());
    }

    #[test]
    fn one_format_is_read_and_descriptions_are_not() {
        let files = names(&[
            "README.md",
            "dataset_infos.json",
            "b/train.csv",
            "a/test.csv",
            "x.json",
        ]);
        assert_eq!(tables(&files), ["a/test.csv", "b/train.csv"]);
        let files = names(&["train.csv", "train.parquet", ".hidden.parquet", "train.py"]);
        assert_eq!(tables(&files), ["train.parquet"]);
        assert!(tables(&names(&["data.zip", "dataset_info.json"])).is_empty());
    }

    #[test]
    fn directories_that_are_no_split_are_configurations() {
        let files = [
            "sst2/train/0.parquet",
            "sst2/partial-test/0.parquet",
            "data/cola/dev.csv",
        ];
        let expected = ["cola", "sst2"].map(str::to_owned);
        assert_eq!(directories(&files), BTreeSet::from(expected));
        let files = ["data/train-0.parquet", "test.parquet"];
        assert_eq!(directories(&files), BTreeSet::from([String::new()]));
    }
}
