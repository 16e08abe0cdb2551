//! Fold files.
//!
//! A fold file is JSON with the fold of each row in dataset order, readable from any language. Its
//! checksum finds a changed assignment, which would otherwise be that of other folds.

use std::fs;
use std::path::Path;

use finetune_storage::write_atomically;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{FoldKind, Folds};
use crate::content_hash::hexadecimal;
use crate::dataset::Dataset;
use crate::error::DataError;

const FORMAT: &str = "finetune folds";
const VERSION: u64 = 1;

/// Fields common to all versions of the format.
#[derive(Deserialize)]
struct Header {
    format: String,
    version: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FoldFile {
    format: String,
    version: u64,
    kind: FoldKind,
    k: usize,
    seed: u64,
    rows: usize,
    /// Fingerprint of the dataset.
    fingerprint: String,
    fold_of_row: Vec<u32>,
    /// Hexadecimal SHA-256 hash of this file as compact JSON without this field; `None` in files of
    /// old versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    checksum: Option<String>,
}

impl Folds {
    /// Writes a fold file atomically.
    ///
    /// # Errors
    /// - [`DataError::Io`] if the file cannot be written.
    pub fn save(&self, path: &Path) -> Result<(), DataError> {
        let mut file = FoldFile {
            format: FORMAT.to_owned(),
            version: VERSION,
            kind: self.kind,
            k: self.k,
            seed: self.seed,
            rows: self.fold_of_row.len(),
            fingerprint: self.fingerprint.clone(),
            fold_of_row: self.fold_of_row.clone(),
            checksum: None,
        };
        file.checksum = Some(file.hash(path)?);
        let mut text = serde_json::to_vec(&file).map_err(|source| DataError::json(path, source))?;
        text.push(b'\n');
        write_atomically(path, &text).map_err(|source| DataError::io(path, source))
    }

    /// Reads a fold file and checks that it was made for the given dataset.
    ///
    /// # Errors
    /// - [`DataError::Io`] if the file cannot be read.
    /// - [`DataError::Json`] if the file is not valid JSON.
    /// - [`DataError::InvalidFile`] if the format version is not supported, the folds are invalid, or
    ///   the checksum does not match.
    /// - [`DataError::InvalidSplit`] if the folds were made for a different dataset.
    pub fn load(path: &Path, dataset: &Dataset) -> Result<Self, DataError> {
        let text = fs::read(path).map_err(|source| DataError::io(path, source))?;
        let json = |source| DataError::json(path, source);
        let header: Header = serde_json::from_slice(&text).map_err(json)?;
        check(path, "format", FORMAT, &header.format)?;
        check(path, "version", VERSION, header.version)?;

        let mut file: FoldFile = serde_json::from_slice(&text).map_err(json)?;
        file.check(path)?;
        let checksum = file.checksum.take();
        let hash = file.hash(path)?;
        let folds = Self {
            kind: file.kind,
            k: file.k,
            seed: file.seed,
            fingerprint: file.fingerprint,
            fold_of_row: file.fold_of_row,
        };
        folds.check(dataset)?;
        match checksum {
            Some(checksum) if checksum != hash => {
                let problem = "the file is corrupted or was changed: its checksum does not match";
                Err(DataError::file(path, problem))
            }
            _ => Ok(folds),
        }
    }
}

impl FoldFile {
    /// Returns the hash of the fields.
    fn hash(&self, path: &Path) -> Result<String, DataError> {
        let text = serde_json::to_vec(self).map_err(|source| DataError::json(path, source))?;
        Ok(hexadecimal(&Sha256::digest(text)))
    }

    fn check(&self, path: &Path) -> Result<(), DataError> {
        let wrong = |expected: String, found: &str| {
            DataError::file(path, format!("expected {expected}, found {found}"))
        };
        check(path, "number of rows", self.rows, self.fold_of_row.len())?;
        if self.k < 2 || self.k > self.rows {
            let expected = format!("2 to {} folds", self.rows);
            return Err(wrong(expected, &self.k.to_string()));
        }
        let mut sizes = vec![0usize; self.k];
        for (row, &fold) in self.fold_of_row.iter().enumerate() {
            let Some(size) = sizes.get_mut(fold as usize) else {
                let expected = format!("a fold below {} for row {row}", self.k);
                return Err(wrong(expected, &fold.to_string()));
            };
            *size += 1;
        }
        match sizes.iter().position(|&size| size == 0) {
            Some(fold) => Err(wrong(format!("rows in fold {fold}"), "none")),
            None => Ok(()),
        }
    }
}

fn check<T: PartialEq + ToString>(
    path: &Path,
    what: &str,
    expected: T,
    found: impl PartialEq<T> + ToString,
) -> Result<(), DataError> {
    if found == expected {
        return Ok(());
    }
    let (expected, found) = (expected.to_string(), found.to_string());
    let problem = format!("expected the {what} {expected}, found {found}");
    Err(DataError::file(path, problem))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{Example, Label, Schema};

    fn dataset() -> Dataset {
        Dataset {
            name: "six".into(),
            schema: Schema::classification(["a"]),
            examples: (0..6)
                .map(|row| Example::new(row.to_string(), Label::Class(0)))
                .collect(),
        }
    }

    /// Modifies a saved fold file and loads it.
    fn changed(from: &str, to: &str) -> Result<Folds, DataError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("folds.json");
        let mut folds = Folds::k_fold(&dataset(), 3, u64::MAX).unwrap();
        folds.fold_of_row = vec![0, 1, 2, 0, 1, 2];
        folds.save(&path).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{text}");
        fs::write(&path, text.replace(from, to)).unwrap();
        Folds::load(&path, &dataset())
    }

    #[test]
    fn a_fold_file_is_read_as_it_was_written() {
        let folds = changed("", "").unwrap();
        assert_eq!(
            (folds.k(), folds.kind(), folds.seed()),
            (3, FoldKind::KFold, u64::MAX)
        );
        assert_eq!(folds.fold_of_row(), [0, 1, 2, 0, 1, 2]);
    }

    #[test]
    fn a_file_that_is_no_fold_file_says_what_is_wrong() {
        for (from, to, message) in [
            (
                "finetune folds",
                "finetune",
                "expected the format finetune folds, found finetune",
            ),
            (
                "\"version\":1",
                "\"version\":2,\"x\":0",
                "expected the version 1, found 2",
            ),
            (
                "\"rows\":6",
                "\"rows\":7",
                "expected the number of rows 7, found 6",
            ),
            ("\"k\":3", "\"k\":1", "expected 2 to 6 folds, found 1"),
            (
                "\"k\":3",
                "\"k\":99999999999",
                "expected 2 to 6 folds, found 99999999999",
            ),
            (
                "0,1,2,0",
                "0,1,3,0",
                "expected a fold below 3 for row 2, found 3",
            ),
            (
                "[0,1,2,0,1,2]",
                "[0,1,1,0,1,0]",
                "expected rows in fold 2, found none",
            ),
        ] {
            let error = changed(from, to).unwrap_err();
            assert!(matches!(error, DataError::InvalidFile { .. }), "{error}");
            assert!(error.to_string().ends_with(message), "{error}");
        }
    }

    #[test]
    fn a_changed_assignment_is_found_unless_the_file_is_of_an_old_version() {
        for (from, to) in [
            ("[0,1,2,0,1,2]", "[0,1,2,0,2,1]"),
            ("\"kind\":\"k_fold\"", "\"kind\":\"group_k_fold\""),
            ("\"checksum\":\"", "\"checksum\":\"0"),
        ] {
            let error = changed(from, to).unwrap_err();
            assert!(matches!(error, DataError::InvalidFile { .. }), "{error}");
            assert!(error.to_string().contains("checksum"), "{error}");
        }
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("folds.json");
        let folds = Folds::k_fold(&dataset(), 3, 1).unwrap();
        folds.save(&path).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let checksum = text.find(",\"checksum\"").unwrap();
        fs::write(&path, format!("{}}}", &text[..checksum])).unwrap();
        assert_eq!(Folds::load(&path, &dataset()).unwrap(), folds);
        // White space is no change.
        fs::write(&path, text.replace(',', ",\n  ")).unwrap();
        assert_eq!(Folds::load(&path, &dataset()).unwrap(), folds);
    }

    #[test]
    fn damaged_files_and_folds_of_other_data_are_refused() {
        for (from, to) in [
            ("],", ""),
            ("\"kind\":\"k_fold\"", "\"kind\":\"random\""),
            ("\"k\":3", "\"k\":3,\"other\":1"),
            ("[0,", "[-1,"),
        ] {
            let error = changed(from, to).unwrap_err();
            assert!(matches!(error, DataError::Json { .. }), "{error}");
        }
        let fingerprint = dataset().fingerprint();
        let error = changed(&fingerprint, "0123").unwrap_err();
        assert!(matches!(error, DataError::InvalidSplit { .. }), "{error}");
        let error = Folds::load(Path::new("no such file"), &dataset()).unwrap_err();
        assert!(matches!(error, DataError::Io { .. }), "{error}");
    }
}
