//! Cache on disk.
//!
//! The layout is that of `huggingface_hub`: the directory of a repository has `blobs/` with files
//! named by their hashes, `snapshots/<commit>/` with links to them under their names, and
//! `refs/<revision>` with the commit of a branch. This crate adds `listings/<commit>.json` with the
//! names of all files of the commit, so that patterns can be resolved without a request.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use finetune_storage::write_atomically;
use serde::{Deserialize, Serialize};

use crate::error::HubError;
use crate::pattern::{is_inside, matches};
use crate::repository::Repository;

/// Files of a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Listing {
    pub(crate) commit: String,
    pub(crate) files: Vec<String>,
}

impl Listing {
    /// Returns an error if a name leads outside the cache.
    pub(crate) fn check(&self, repository: &Repository) -> Result<(), HubError> {
        let names = self.files.iter().chain([&self.commit]);
        match names.into_iter().find(|name| !is_inside(name)) {
            None => Ok(()),
            Some(name) => Err(HubError::UnsafeName {
                repository: repository.to_string(),
                name: name.clone(),
            }),
        }
    }

    /// Returns the files that match any of the patterns.
    pub(crate) fn allow_patterns(
        &self,
        repository: &Repository,
        patterns: &[&str],
    ) -> Result<Vec<String>, HubError> {
        let is_wanted = |file: &&String| patterns.iter().any(|pattern| matches(pattern, file));
        let files: Vec<String> = self.files.iter().filter(is_wanted).cloned().collect();
        if files.is_empty() {
            return Err(HubError::NoMatchingFiles {
                repository: repository.to_string(),
                allow_patterns: patterns.join(", "),
            });
        }
        Ok(files)
    }
}

/// Cache directory of a repository.
pub(crate) struct RepositoryCache {
    directory: PathBuf,
    lock: PathBuf,
    revision: String,
}

impl RepositoryCache {
    pub(crate) fn new(cache: &Path, repository: &Repository) -> Self {
        let name = repository.at_commit("").folder_name();
        Self {
            directory: cache.join(&name),
            lock: cache.join(".locks").join(format!("finetune--{name}.lock")),
            revision: repository.revision.clone(),
        }
    }

    pub(crate) fn snapshot(&self, commit: &str) -> PathBuf {
        self.directory.join("snapshots").join(commit)
    }

    /// Waits until no other process downloads from the repository. The lock is released when the
    /// file is closed or the process ends.
    pub(crate) fn lock(&self) -> Result<File, HubError> {
        let lock = || {
            fs::create_dir_all(self.lock.parent().unwrap_or(Path::new(".")))?;
            let file = File::create(&self.lock)?;
            file.lock()?;
            Ok(file)
        };
        lock().map_err(|source| HubError::io(&self.lock, source))
    }

    /// Returns the listing of the commit that the revision had at the last download.
    pub(crate) fn listing(&self) -> Option<Listing> {
        let commit = self.commit()?;
        let text = fs::read(self.listing_path(&commit)).ok()?;
        let listing: Listing = serde_json::from_slice(&text).ok()?;
        (listing.commit == commit && listing.files.iter().all(|file| is_inside(file)))
            .then_some(listing)
    }

    /// Returns the cached files of the revision, including those downloaded by other programs.
    pub(crate) fn present(&self) -> Option<Listing> {
        let commit = self.commit()?;
        let mut files = Vec::new();
        list_files(&self.snapshot(&commit), "", &mut files).ok()?;
        files.sort_unstable();
        Some(Listing { commit, files })
    }

    /// Records that the revision refers to the commit of this listing.
    pub(crate) fn remember(&self, listing: &Listing) -> Result<(), HubError> {
        let path = self.listing_path(&listing.commit);
        let text =
            serde_json::to_vec(listing).map_err(|source| HubError::io(&path, source.into()))?;
        write(&path, &text)?;
        write(&self.ref_path(), listing.commit.as_bytes())
    }

    fn commit(&self) -> Option<String> {
        if let Ok(commit) = fs::read_to_string(self.ref_path()) {
            let commit = commit.trim();
            return is_inside(commit).then(|| commit.to_owned());
        }
        // The revision may be a commit itself.
        self.snapshot(&self.revision)
            .is_dir()
            .then(|| self.revision.clone())
    }

    fn ref_path(&self) -> PathBuf {
        self.directory.join("refs").join(&self.revision)
    }

    fn listing_path(&self, commit: &str) -> PathBuf {
        self.directory
            .join("listings")
            .join(format!("{commit}.json"))
    }
}

/// Lists all files below a directory, following links; broken links are ignored.
fn list_files(directory: &Path, prefix: &str, files: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let path = entry.path();
        if path.is_dir() {
            list_files(&path, &format!("{name}/"), files)?;
        } else if path.is_file() {
            files.push(name);
        }
    }
    Ok(())
}

fn write(path: &Path, content: &[u8]) -> Result<(), HubError> {
    let write = || {
        fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
        write_atomically(path, content)
    };
    write().map_err(|source| HubError::io(path, source))
}
