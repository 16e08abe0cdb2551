//! Parquet shards of a split, as named on the Hugging Face hub.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::DataError;

/// Finds `split.parquet`, or all of `split-00000-of-0000N.parquet`, in a directory.
///
/// # Errors
/// - [`DataError::InvalidFile`] if a shard is missing, or if there are shards of different
///   shardings.
/// - [`DataError::Io`] if the directory cannot be listed.
pub(super) fn find(directory: &Path, split: &str) -> Result<Option<Vec<PathBuf>>, DataError> {
    let single = directory.join(format!("{split}.parquet"));
    if single.exists() {
        return Ok(Some(vec![single]));
    }
    if !directory.is_dir() {
        return Ok(None);
    }
    shards(directory, split)
}

/// Returns the file names that are searched for.
pub(super) fn names(split: &str) -> [String; 2] {
    [
        format!("{split}.parquet"),
        shard_name(split, "00000", "0000N"),
    ]
}

/// Returns all shards of a split in one directory; `None` if there are none.
fn shards(directory: &Path, split: &str) -> Result<Option<Vec<PathBuf>>, DataError> {
    let failed = |source| DataError::io(directory, source);
    // One entry per sharding: the number of shards, as written in the name, and one file name.
    let mut cuts: Vec<(String, String)> = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        let name = entry
            .map_err(failed)?
            .file_name()
            .to_string_lossy()
            .into_owned();
        if let Some(total) = total_of_shard(&name, split)
            && cuts.iter().all(|(other, _)| other != total)
        {
            cuts.push((total.to_owned(), name));
        }
    }
    let total = match cuts.as_slice() {
        [] => return Ok(None),
        [(total, _)] => total,
        _ => {
            let mut found: Vec<String> = cuts.into_iter().map(|(_, name)| name).collect();
            found.sort_unstable();
            let found = found.join(", ");
            let problem = format!("expected the shards of one cut, found {found}");
            return Err(DataError::file(directory, problem));
        }
    };
    let count: usize = total.parse().unwrap_or(0);
    let shard = |index: usize| {
        let name = shard_name(split, &format!("{index:05}"), total);
        let path = directory.join(&name);
        match path.exists() {
            true => Ok(path),
            false => Err(DataError::file(
                directory,
                format!("the shard {name} is missing"),
            )),
        }
    };
    (0..count)
        .map(shard)
        .collect::<Result<Vec<_>, _>>()
        .map(Some)
}

fn shard_name(split: &str, index: &str, total: &str) -> String {
    format!("{split}-{index}-of-{total}.parquet")
}

/// Returns the number of shards in a file name, such as `00003` for `train-00001-of-00003.parquet`.
fn total_of_shard<'a>(name: &'a str, split: &str) -> Option<&'a str> {
    let numbers = name
        .strip_prefix(split)?
        .strip_prefix('-')?
        .strip_suffix(".parquet")?;
    let (index, total) = numbers.split_once("-of-")?;
    let is_number = |text: &str| text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    (is_number(index) && is_number(total)).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(names: &[&str]) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        for name in names {
            fs::write(directory.path().join(name), "").unwrap();
        }
        directory
    }

    #[test]
    fn shards_come_in_their_order() {
        let names = [
            "test-00000-of-00001.parquet",
            "train-00001-of-00002.parquet",
            "train-00000-of-00002.parquet",
        ];
        let directory = directory(&names);
        let expected = vec![
            directory.path().join(names[2]),
            directory.path().join(names[1]),
        ];
        assert_eq!(find(directory.path(), "train").unwrap(), Some(expected));
        assert_eq!(find(directory.path(), "validation").unwrap(), None);
        assert_eq!(find(&directory.path().join("none"), "train").unwrap(), None);
    }

    #[test]
    fn a_missing_shard_is_named() {
        let directory = directory(&[
            "train-00000-of-00003.parquet",
            "train-00002-of-00003.parquet",
        ]);
        assert!(matches!(
            find(directory.path(), "train"),
            Err(DataError::InvalidFile { problem, .. }) if problem.contains("train-00001-of-00003.parquet")
        ));
    }

    #[test]
    fn shards_of_two_cuts_are_refused() {
        let directory = directory(&[
            "train-00000-of-00001.parquet",
            "train-00000-of-00002.parquet",
        ]);
        assert!(matches!(
            find(directory.path(), "train"),
            Err(DataError::InvalidFile { problem, .. }) if problem.matches(".parquet").count() == 2
        ));
    }
}
