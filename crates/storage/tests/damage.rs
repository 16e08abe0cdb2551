use std::fs;
use std::path::{Path, PathBuf};

use finetune_storage::{ArrayFile, ArrayFileWriter, StorageError};

/// A file of two arrays, over several blocks.
fn file(folder: &Path) -> PathBuf {
    let path = folder.join("a.arrays");
    let mut writer = ArrayFileWriter::create(&path).unwrap();
    let (numbers, more) = (
        writer.array("numbers").unwrap(),
        writer.array("more").unwrap(),
    );
    let all: Vec<u32> = (0..300_000).collect();
    writer.write(&numbers, &all).unwrap();
    writer.write(&more, &[1u8, 2, 3]).unwrap();
    writer.finish("metadata").unwrap();
    path
}

#[test]
fn any_changed_byte_is_noticed_on_opening_and_the_file_removed_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path());
    let whole = fs::read(&path).unwrap();
    let places = (0..whole.len())
        .step_by(9973)
        .chain(whole.len() - 400..whole.len());
    for place in places {
        let mut bytes = whole.clone();
        bytes[place] ^= 1;
        fs::write(&path, &bytes).unwrap();
        let error = ArrayFile::open(&path).unwrap_err();
        assert!(error.is_unusable_file(), "byte {place}: {error}");
    }
    fs::write(&path, &whole).unwrap();
    assert!(ArrayFile::open(&path).is_ok());
}

#[test]
fn a_file_cut_short_anywhere_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path());
    let whole = fs::read(&path).unwrap();
    for length in (0..whole.len())
        .step_by(49_999)
        .chain(whole.len() - 100..whole.len())
    {
        fs::write(&path, &whole[..length]).unwrap();
        let error = ArrayFile::open(&path).unwrap_err();
        assert!(error.is_unusable_file(), "{length} bytes: {error}");
    }
}

#[test]
fn files_of_something_else_are_foreign() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.arrays");
    for content in [&b""[..], b"text", b"finetune arrays2 of tomorrow"] {
        fs::write(&path, content).unwrap();
        let error = ArrayFile::open(&path).unwrap_err();
        assert!(
            matches!(error, StorageError::UnknownFormat { .. }),
            "{error}"
        );
        assert!(path.exists(), "what is not ours is not removed");
    }
    assert!(ArrayFile::open(folder.path()).is_err());
    let missing = ArrayFile::open(&folder.path().join("none")).unwrap_err();
    assert!(missing.is_unusable_file(), "{missing}");
}

/// A disk that changes bits does not change the modification time.
#[test]
fn a_change_that_opening_cannot_see_is_noticed_on_reading() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path());
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[600_000] ^= 16;
    fs::write(&path, &bytes).unwrap();
    fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_modified(modified)
        .unwrap();

    let file = ArrayFile::open(&path).unwrap();
    let numbers = file.array::<u32>("numbers").unwrap();
    assert_eq!(numbers.get(0..3).unwrap(), [0, 1, 2]);
    let error = numbers.all().unwrap_err();
    assert!(matches!(error, StorageError::Corrupted { .. }), "{error}");
    assert!(!path.exists(), "nobody shall open it again");
}

#[test]
fn a_copy_is_checked_once_and_then_opens_like_the_original() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path());
    let copy = folder.path().join("copy.arrays");
    fs::copy(&path, &copy).unwrap();
    let modified = |path: &Path| fs::metadata(path).unwrap().modified().unwrap();
    assert_ne!(modified(&path), modified(&copy));
    ArrayFile::open(&copy).unwrap();
    assert_eq!(modified(&path), modified(&copy));
}
