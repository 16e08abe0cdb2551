//! Cache on disk.
//!
//! The layout is that of `huggingface_hub`: the directory of a repository has `blobs/` with files
//! named by their hashes, `snapshots/<commit>/` with links to them under their names, and
//! `refs/<revision>` with the commit of a branch. A download in progress is
//! `blobs/<hash>.incomplete`, under the lock `.locks/<repository>/<hash>.lock`, so that either
//! library goes on where the other stopped. This crate adds `listings/<commit>.json` with the names
//! of all files of the commit, so that files can be selected without a request.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use finetune_storage::write_atomically;
use serde::{Deserialize, Serialize};

use crate::error::HubError;
use crate::pattern::is_inside;
use crate::repository::{RepoType, Repository};

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
}

/// Cache directory of a repository.
pub(crate) struct RepositoryCache {
    directory: PathBuf,
    locks: PathBuf,
    name: String,
    revision: String,
}

impl RepositoryCache {
    pub(crate) fn new(cache: &Path, repository: &Repository) -> Self {
        let name = repository.folder();
        Self {
            directory: cache.join(&name),
            locks: cache.join(".locks"),
            revision: repository.revision.clone(),
            name,
        }
    }

    pub(crate) fn snapshot(&self, commit: &str) -> PathBuf {
        self.directory.join("snapshots").join(commit)
    }

    /// Returns the path of a file by its hash.
    pub(crate) fn blob(&self, etag: &str) -> PathBuf {
        self.directory.join("blobs").join(etag)
    }

    /// Returns the path of a file that is being downloaded.
    pub(crate) fn incomplete(&self, etag: &str) -> PathBuf {
        self.directory
            .join("blobs")
            .join(format!("{etag}.incomplete"))
    }

    /// Waits until no other process of this crate downloads from the repository. A lock is released
    /// when its file is closed or the process ends.
    pub(crate) fn lock(&self) -> Result<File, HubError> {
        lock(&self.locks.join(format!("finetune--{}.lock", self.name)))
    }

    /// Waits until no other library downloads the file.
    pub(crate) fn lock_blob(&self, etag: &str) -> Result<File, HubError> {
        lock(&self.locks.join(&self.name).join(format!("{etag}.lock")))
    }

    /// Gives a blob its name in the snapshot of a commit.
    pub(crate) fn link(&self, etag: &str, snapshot: &Path, file: &str) -> Result<(), HubError> {
        let path = snapshot.join(file);
        let failed = |source| HubError::io(&path, source);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        // Out of the directories of the name, of the commit and of the snapshots.
        let up = "../".repeat(file.matches('/').count() + 2);
        match symlink(Path::new(&format!("{up}blobs/{etag}")), &path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Ok(()) => Ok(()),
            // Some file systems have no links.
            Err(_) => fs::copy(self.blob(etag), &path).map(drop).map_err(failed),
        }
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
        // A commit refers to itself.
        match self.revision == listing.commit {
            true => Ok(()),
            false => write(&self.ref_path(), listing.commit.as_bytes()),
        }
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

/// Returns the ids of the repositories of a type in a cache, those most like `name` first.
pub(crate) fn cached_ids(cache: &Path, kind: RepoType, name: &str) -> Vec<String> {
    let entries = fs::read_dir(cache).into_iter().flatten().flatten();
    let has_files = |folder: &Path| {
        let commits = fs::read_dir(folder.join("snapshots")).into_iter().flatten();
        commits.flatten().next().is_some()
    };
    let mut ids: Vec<String> = entries
        .filter(|entry| has_files(&entry.path()))
        .filter_map(|entry| Repository::of_folder(entry.file_name().to_str()?))
        .filter_map(|(found, id)| (found == kind).then_some(id))
        .collect();
    // A name may be right with the owner missing or mistaken.
    let last = |id: &str| id.rsplit('/').next().unwrap_or(id).to_lowercase();
    let likeness = |id: &String| {
        let whole = strsim::jaro_winkler(&id.to_lowercase(), &name.to_lowercase());
        whole + strsim::jaro_winkler(&last(id), &last(name))
    };
    ids.sort_by(|left, right| {
        let order = likeness(right).total_cmp(&likeness(left));
        order.then_with(|| left.cmp(right))
    });
    ids
}

fn lock(path: &Path) -> Result<File, HubError> {
    let lock = || {
        fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
        let file = File::create(path)?;
        file.lock()?;
        Ok(file)
    };
    lock().map_err(|source| HubError::io(path, source))
}

#[cfg(unix)]
fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

#[cfg(windows)]
fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_file(target, link)
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
