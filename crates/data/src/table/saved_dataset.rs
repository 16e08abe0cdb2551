//! Directories in which the `datasets` library saves a dataset (`save_to_disk`).
//!
//! A saved dataset has its files in `state.json`; a saved dictionary of datasets has the names of its
//! splits, which are subdirectories, in `dataset_dict.json`.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::DataError;
use crate::excerpt::{excerpt, excerpts};
use crate::splits::Split;

const STATE: &str = "state.json";
const SPLITS: &str = "dataset_dict.json";

/// Files of a saved dataset, in the order of their rows.
#[derive(Deserialize)]
struct State {
    #[serde(rename = "_data_files")]
    data_files: Vec<DataFile>,
    /// Files with the order of the rows, as written by old versions.
    #[serde(rename = "_indices_data_files", default)]
    indices_data_files: Option<Vec<DataFile>>,
}

#[derive(Deserialize)]
struct DataFile {
    filename: String,
}

#[derive(Deserialize)]
struct SplitNames {
    splits: Vec<String>,
}

/// Returns whether a directory holds one saved dataset.
pub(crate) fn is_saved_dataset(directory: &Path) -> bool {
    directory.join(STATE).is_file()
}

/// Returns the data files of a path: the file itself, or the files of a saved dataset. `split`
/// selects one of several datasets; `None` if there is to be one only.
///
/// # Errors
/// - [`DataError::MissingFiles`] if a directory is no saved dataset.
/// - [`DataError::InvalidFile`] if it has no such split, or has several and `split` is `None`.
/// - [`DataError::Io`] or [`DataError::Json`] if its description cannot be read.
pub(crate) fn data_files(path: &Path, split: Option<Split>) -> Result<Vec<PathBuf>, DataError> {
    if !path.is_dir() {
        return Ok(vec![path.to_path_buf()]);
    }
    let splits = path.join(SPLITS);
    match (is_saved_dataset(path), splits.is_file()) {
        (true, _) => files(path, &path.join(STATE)),
        (false, true) => data_files(&path.join(subdirectory(&splits, split)?), None),
        (false, false) => Err(DataError::MissingFiles {
            directory: path.to_path_buf(),
            looked_for: vec![STATE.to_owned(), SPLITS.to_owned()],
        }),
    }
}

fn files(directory: &Path, state: &Path) -> Result<Vec<PathBuf>, DataError> {
    let content: State = read(state)?;
    if content
        .indices_data_files
        .is_some_and(|files| !files.is_empty())
    {
        let problem = "the rows have an order of their own, which is not supported: save the \
                       dataset again after `flatten_indices`";
        return Err(DataError::file(state, problem));
    }
    if content.data_files.is_empty() {
        return Err(DataError::file(state, "the dataset has no files"));
    }
    let file = |file: DataFile| Ok(directory.join(inside(state, &file.filename)?));
    content.data_files.into_iter().map(file).collect()
}

/// Returns the name of the subdirectory of a split.
fn subdirectory(splits: &Path, split: Option<Split>) -> Result<String, DataError> {
    let SplitNames { splits: names } = read(splits)?;
    // The second name is that of some datasets of the hub.
    let wanted: &[&str] = match split {
        None => &[],
        Some(Split::Train) => &["train"],
        Some(Split::Validation) => &["validation", "dev"],
        Some(Split::Test) => &["test"],
        Some(Split::Unlabeled) => &["unlabeled", "unsupervised"],
    };
    let found = wanted
        .iter()
        .find(|&&name| names.iter().any(|other| other == name));
    match (found, split) {
        (Some(&name), _) => Ok(name.to_owned()),
        (None, Some(split)) => {
            let problem = format!("expected the split {split}, found {}", excerpts(&names));
            Err(DataError::file(splits, problem))
        }
        (None, None) => {
            let problem = format!(
                "expected the directory of one split of {}",
                excerpts(&names)
            );
            Err(DataError::file(splits, problem))
        }
    }
}

/// Checks that a name is that of a file in the directory, not a path out of it.
fn inside<'a>(state: &Path, name: &'a str) -> Result<&'a str, DataError> {
    match Path::new(name).file_name() == Some(OsStr::new(name)) {
        true => Ok(name),
        false => {
            let problem = format!("expected the name of a file, found {:?}", excerpt(name));
            Err(DataError::file(state, problem))
        }
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T, DataError> {
    let text = fs::read(path).map_err(|source| DataError::io(path, source))?;
    serde_json::from_slice(&text).map_err(|source| DataError::json(path, source))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_in_the_order_of_the_rows() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let state = r#"{"_data_files": [{"filename": "b.arrow"}, {"filename": "a.arrow"}],
            "_fingerprint": "0", "_indices_data_files": null}"#;
        fs::write(path.join(STATE), state).unwrap();
        let files = data_files(path, None).unwrap();
        assert_eq!(files, [path.join("b.arrow"), path.join("a.arrow")]);
        assert_eq!(data_files(path, Some(Split::Test)).unwrap(), files);
        let file = path.join("a.csv");
        assert_eq!(data_files(&file, None).unwrap(), [file]);
        for bad in [
            r#"{"_data_files": [{"filename": "../a.arrow"}]}"#,
            r#"{"_data_files": [{"filename": "/a.arrow"}]}"#,
            r#"{"_data_files": [{"filename": ""}]}"#,
            r#"{"_data_files": []}"#,
            r#"{"_data_files": [{"filename": "a"}], "_indices_data_files": [{"filename": "i"}]}"#,
        ] {
            fs::write(path.join(STATE), bad).unwrap();
            let error = data_files(path, None).unwrap_err();
            assert!(matches!(error, DataError::InvalidFile { .. }), "{error}");
        }
    }

    #[test]
    fn a_split_is_a_subdirectory() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let missing = data_files(path, Some(Split::Train));
        assert!(matches!(missing, Err(DataError::MissingFiles { .. })));
        fs::write(path.join(SPLITS), r#"{"splits": ["train", "dev"]}"#).unwrap();
        for name in ["train", "dev"] {
            fs::create_dir(path.join(name)).unwrap();
            let state = r#"{"_data_files": [{"filename": "rows.arrow"}]}"#;
            fs::write(path.join(name).join(STATE), state).unwrap();
        }
        let files = |split| data_files(path, split);
        let (train, dev) = (path.join("train"), path.join("dev"));
        assert_eq!(
            files(Some(Split::Train)).unwrap(),
            [train.join("rows.arrow")]
        );
        assert_eq!(
            files(Some(Split::Validation)).unwrap(),
            [dev.join("rows.arrow")]
        );
        for (split, message) in [
            (
                Some(Split::Test),
                "expected the split test, found [\"train\", \"dev\"]",
            ),
            (
                None,
                "expected the directory of one split of [\"train\", \"dev\"]",
            ),
        ] {
            let error = files(split).unwrap_err().to_string();
            assert!(error.ends_with(message), "{error}");
        }
    }
}
