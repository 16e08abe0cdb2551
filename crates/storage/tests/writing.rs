use std::fs;
use std::path::Path;

use finetune_storage::{ArrayFile, ArrayFileWriter, StorageError};

fn write(path: &Path, numbers: &[u32]) -> Result<(), StorageError> {
    let mut writer = ArrayFileWriter::create(path)?;
    let array = writer.array("numbers")?;
    writer.write(&array, numbers)?;
    writer.finish(())
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn nothing_is_left_of_a_file_that_was_not_finished() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.arrays");
    let mut writer = ArrayFileWriter::create(&path).unwrap();
    let array = writer.array::<u32>("numbers").unwrap();
    writer.write(&array, &[1, 2, 3]).unwrap();
    assert_eq!(names(folder.path()), [".a.arrays.partial"]);
    drop(writer);
    assert!(names(folder.path()).is_empty());
}

#[test]
fn what_a_killed_program_left_is_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.arrays");
    fs::write(folder.path().join(".a.arrays.partial"), vec![7; 100_000]).unwrap();
    assert!(ArrayFile::open(&path).is_err());
    write(&path, &[1, 2, 3]).unwrap();
    assert_eq!(names(folder.path()), ["a.arrays"]);
    let file = ArrayFile::open(&path).unwrap();
    assert_eq!(
        file.array::<u32>("numbers").unwrap().all().unwrap(),
        [1, 2, 3]
    );
}

#[test]
fn a_file_is_replaced_under_its_readers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.arrays");
    write(&path, &[1, 2, 3]).unwrap();
    let old = ArrayFile::open(&path)
        .unwrap()
        .array::<u32>("numbers")
        .unwrap();
    write(&path, &[4]).unwrap();
    assert_eq!(old.all().unwrap(), [1, 2, 3]);
    let new = ArrayFile::open(&path)
        .unwrap()
        .array::<u32>("numbers")
        .unwrap();
    assert_eq!(new.all().unwrap(), [4]);
}

#[test]
fn two_writers_of_one_file_take_turns() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.arrays");
    std::thread::scope(|scope| {
        for number in 0..8u32 {
            let path = &path;
            scope.spawn(move || write(path, &vec![number; 50_000]).unwrap());
        }
    });
    assert_eq!(names(folder.path()), ["a.arrays"]);
    let numbers = ArrayFile::open(&path)
        .unwrap()
        .array::<u32>("numbers")
        .unwrap();
    let numbers = numbers.all().unwrap();
    assert!(numbers.len() == 50_000 && numbers.iter().all(|&number| number == numbers[0]));
}

#[test]
fn impossible_requests_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.arrays");
    let mut writer = ArrayFileWriter::create(&path).unwrap();
    writer.array::<u32>("a").unwrap();
    let again = writer.array::<u8>("a").unwrap_err();
    assert!(
        matches!(again, StorageError::DuplicateArray { .. }),
        "{again}"
    );
    writer.finish("text").unwrap();

    let file = ArrayFile::open(&path).unwrap();
    let other_type = file.array::<f32>("a").unwrap_err();
    assert!(
        other_type.to_string().contains("of f32, found one of u32"),
        "{other_type}"
    );
    let other_name = file.array::<u32>("b").unwrap_err();
    assert!(
        other_name.to_string().contains("found none"),
        "{other_name}"
    );
    let metadata = file.metadata::<u64>().unwrap_err();
    assert!(
        matches!(metadata, StorageError::Metadata { .. }),
        "{metadata}"
    );
    let missing = ArrayFileWriter::create(&folder.path().join("no/such/folder")).unwrap_err();
    assert!(matches!(missing, StorageError::Io { .. }), "{missing}");
}
