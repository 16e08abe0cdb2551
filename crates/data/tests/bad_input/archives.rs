//! Archives that are cut off, or hold what an archive of reviews should not.

use finetune_data::DataError;

use super::*;

/// The name goes in as it is: a builder of archives would refuse some.
fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        builder.append(&header, *content).unwrap();
    }
    gzip(&builder.into_inner().unwrap())
}

fn error_of(files: &[(&str, &[u8])]) -> DataError {
    let folder = Folder::new().with("aclImdb_v1.tar.gz", archive(files));
    folder.catalog_error("imdb")
}

#[test]
fn paths_that_lead_out_of_the_archive() {
    for name in [
        "../train/neg/0_1.txt",
        "aclImdb/train/neg/../../../x",
        "/train/neg/0_1.txt",
    ] {
        assert_error!(
            error_of(&[("aclImdb/train/pos/0_9.txt", b"fine"), (name, b"x")]),
            DataError::InvalidFile { .. },
            "aclImdb_v1.tar.gz",
            name
        );
    }
}

#[test]
fn archives_that_are_cut_off() {
    let whole = archive(&[("aclImdb/train/pos/0_9.txt", b"fine")]);
    for length in [0, 3, 20, whole.len() / 2, whole.len() - 1] {
        let folder = Folder::new().with("aclImdb_v1.tar.gz", &whole[..length]);
        assert_error!(
            folder.catalog_error("imdb"),
            DataError::Compressed { .. },
            "aclImdb_v1.tar.gz"
        );
    }
}

#[test]
fn archives_without_reviews_and_reviews_without_text() {
    assert_error!(
        error_of(&[("aclImdb/README", b"none")]),
        DataError::InvalidFile { .. },
        "aclImdb_v1.tar.gz"
    );
    assert_error!(
        error_of(&[("aclImdb/train/pos/0_9.txt", b"\xff")]),
        DataError::InvalidRow { .. },
        "train/pos/0_9.txt"
    );
    assert_error!(
        error_of(&[("aclImdb/train/pos/0_9.txt", b"a\0")]),
        DataError::InvalidRow { .. },
        "train/pos/0_9.txt"
    );
}

#[test]
fn folders_of_reviews_of_which_one_is_missing() {
    let folder = Folder::new();
    fs::create_dir_all(folder.path("aclImdb/train/pos")).unwrap();
    assert_error!(
        folder.catalog_error("imdb"),
        DataError::Io { .. },
        "train/neg"
    );
}
