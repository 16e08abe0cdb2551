//! Reader of the aclImdb reviews: one text file per review in labeled directories, or an archive of
//! these directories.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Component, Path, PathBuf};

use flate2::read::GzDecoder;

use crate::column_mapping::MappedFiles;
use crate::dataset::{Example, Label};
use crate::error::DataError;
use crate::progress::{Counted, Progress};
use crate::splits::Split;
use crate::table::read_text;

/// Returns the directories of a split in row order, each with the label of its reviews.
pub(super) fn directories(split: Split) -> &'static [(&'static str, Label)] {
    const NEGATIVE: Label = Label::Class(0);
    const POSITIVE: Label = Label::Class(1);
    match split {
        Split::Train => &[("train/neg", NEGATIVE), ("train/pos", POSITIVE)],
        Split::Test => &[("test/neg", NEGATIVE), ("test/pos", POSITIVE)],
        Split::Unlabeled => &[("train/unsup", Label::Unlabeled)],
        Split::Validation => &[],
    }
}

/// Returns whether any directory of a split exists; reading reports missing ones.
pub(super) fn is_tree(root: &Path, split: Split) -> bool {
    let mut directories = directories(split).iter();
    directories.any(|(directory, _)| root.join(directory).exists())
}

/// Reads the reviews of a split from its directories, ordered by the number in the file name.
///
/// # Errors
/// - [`DataError::Io`] if a directory cannot be listed.
///
/// Each review may also be an error.
pub(super) fn read_directories(paths: &[PathBuf], split: Split) -> Result<MappedFiles, DataError> {
    let mut reviews = Vec::new();
    for (directory, (_, label)) in paths.iter().zip(directories(split)) {
        let failed = |source| DataError::io(directory, source);
        let mut names = Vec::new();
        for entry in fs::read_dir(directory).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            if is_review(Path::new(&name)) {
                names.push(PathBuf::from(name));
            }
        }
        names.sort_by_cached_key(|name| (number(name), name.clone()));
        reviews.extend(
            names
                .iter()
                .map(|name| (directory.join(name), label.clone())),
        );
    }
    let (progress, total) = (Progress::default(), reviews.len() as u64);
    let counted = progress.clone();
    let examples = reviews.into_iter().map(move |(path, label)| {
        // Progress counts reviews, because file sizes are unknown before reading.
        counted.add(1);
        let mut file = File::open(&path).map_err(|source| DataError::io(&path, source))?;
        let text = read_text(&path, &mut file, &Progress::default())?;
        Ok(Example::new(text, label))
    });
    Ok(MappedFiles {
        examples: Box::new(examples),
        progress,
        bytes: total,
    })
}

/// Reads the reviews of a split from the archive without extracting it, in the order of
/// [`read_directories`]. Archive order differs, so the split is held in memory.
///
/// # Errors
/// - [`DataError::Io`] if the file does not exist or cannot be opened.
///
/// The first example may also be an error.
pub(super) fn read_archive(path: &Path, split: Split) -> Result<MappedFiles, DataError> {
    let failed = |source| DataError::io(path, source);
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    let progress = Progress::default();
    let source = Counted::new(file, &progress);
    let path = path.to_path_buf();
    let examples = std::iter::once_with(move || {
        let reviews = unpack(&path, source, split);
        reviews.unwrap_or_else(|error| vec![Err(error)])
    });
    Ok(MappedFiles {
        examples: Box::new(examples.flatten()),
        progress,
        bytes: metadata.len(),
    })
}

/// Returns the sorted reviews of a split.
fn unpack(
    path: &Path,
    source: impl Read,
    split: Split,
) -> Result<Vec<Result<Example, DataError>>, DataError> {
    let mut reviews = Vec::new();
    let mut archive = tar::Archive::new(GzDecoder::new(source));
    let failed = |source| DataError::reading(path, source);
    for entry in archive.entries().map_err(failed)? {
        let mut entry = entry.map_err(failed)?;
        let name = entry.path().map_err(failed)?.into_owned();
        check_stays_inside(path, &name)?;
        let Some((place, label)) = place(&name, split) else {
            continue;
        };
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let text = read_text(&path.join(&name), &mut entry, &Progress::default());
        let example = match text {
            Err(error) if !error.is_of_one_row() => return Err(error),
            text => text.map(|text| Example::new(text, label)),
        };
        reviews.push(((place, number(&name), name), example));
    }
    // The checksum is at the end of the compressed file, so the rest must be read to verify it.
    io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(failed)?;
    reviews.sort_by(|(left, _), (right, _)| left.cmp(right));
    Ok(reviews.into_iter().map(|(_, example)| example).collect())
}

/// Returns an error if a path leads outside the archive. Nothing is extracted, but an archive with
/// such a path is not the dataset.
fn check_stays_inside(path: &Path, name: &Path) -> Result<(), DataError> {
    let leads_out = |part| !matches!(part, Component::Normal(_) | Component::CurDir);
    if name.components().any(leads_out) {
        let entry = name.display().to_string();
        let problem = format!("the archive holds the path {entry:?}, which leads out of it");
        return Err(DataError::file(path, problem));
    }
    Ok(())
}

/// Returns the directory of the split that contains a path of the archive.
fn place(name: &Path, split: Split) -> Option<(usize, Label)> {
    let parent = name.parent().filter(|_| is_review(name))?;
    let directories = directories(split).iter().enumerate();
    directories
        .filter(|(_, (directory, _))| parent.ends_with(directory))
        .map(|(place, (_, label))| (place, label.clone()))
        .next()
}

fn is_review(name: &Path) -> bool {
    name.extension().is_some_and(|extension| extension == "txt")
}

/// Returns the review number, such as 12 for `12_7.txt`; files without a number are sorted last.
fn number(name: &Path) -> u64 {
    let stem = name.file_stem().unwrap_or_default().to_string_lossy();
    let number = stem
        .split_once('_')
        .map_or(stem.as_ref(), |(number, _)| number);
    number.parse().unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    const FILES: [(&str, &str); 6] = [
        ("aclImdb/train/pos/10_9.txt", "Fine, too."),
        ("aclImdb/train/pos/9_10.txt", "Fine."),
        ("aclImdb/train/neg/0_2.txt", "Dull."),
        ("aclImdb/train/unsup/0_0.txt", "Long."),
        ("aclImdb/test/pos/0_8.txt", "Good."),
        ("aclImdb/train/urls_pos.txt", "no review"),
    ];

    fn texts(files: MappedFiles) -> Vec<(String, Label)> {
        let examples = files.examples.map(Result::unwrap);
        examples
            .map(|example| (example.text, example.label))
            .collect()
    }

    fn archive(files: &[(&str, &str)]) -> Vec<u8> {
        let mut builder = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
        for (name, content) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_cksum();
            builder.append(&header, content.as_bytes()).unwrap();
        }
        builder.into_inner().unwrap().finish().unwrap()
    }

    #[test]
    fn directories_and_archive_have_the_same_rows_in_the_same_order() {
        let directory = tempfile::tempdir().unwrap();
        for (name, content) in FILES {
            let path = directory.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let path = directory.path().join("aclImdb_v1.tar.gz");
        fs::write(&path, archive(&FILES)).unwrap();
        let root = directory.path().join("aclImdb");
        let read = |split| {
            let paths: Vec<PathBuf> = directories(split)
                .iter()
                .map(|(name, _)| root.join(name))
                .collect();
            let found = texts(read_directories(&paths, split).unwrap());
            assert_eq!(found, texts(read_archive(&path, split).unwrap()));
            found
        };
        let expected = [("Dull.", 0), ("Fine.", 1), ("Fine, too.", 1)];
        let expected = expected.map(|(text, class)| (text.to_owned(), Label::Class(class)));
        assert_eq!(read(Split::Train), expected);
        assert_eq!(
            read(Split::Unlabeled),
            [("Long.".to_owned(), Label::Unlabeled)]
        );
        assert!(is_tree(&root, Split::Test) && !is_tree(&root, Split::Validation));
        let missing =
            read_directories(&[root.join("test/neg"), root.join("test/pos")], Split::Test);
        assert!(matches!(missing, Err(DataError::Io { path, .. }) if path.ends_with("test/neg")));
    }

    #[test]
    fn a_path_that_leads_out_and_a_cut_off_archive_are_errors() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("aclImdb_v1.tar.gz");
        let first = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            let mut files = read_archive(&path, Split::Train).unwrap();
            let first = files.examples.next().unwrap().unwrap_err();
            assert!(files.examples.next().is_none());
            first
        };
        for name in ["aclImdb/../../train/pos/0_1.txt", "/train/pos/0_1.txt"] {
            let error = first(&archive(&[FILES[0], (name, "x")]));
            assert!(
                matches!(&error, DataError::InvalidFile { problem, .. } if problem.contains(name)),
                "{error}"
            );
        }
        let whole = archive(&FILES);
        for length in [0, 5, whole.len() / 2, whole.len() - 9] {
            let error = first(&whole[..length]);
            assert!(
                matches!(error, DataError::Compressed { .. }),
                "{length}: {error}"
            );
        }
    }
}
