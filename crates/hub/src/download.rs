//! Download and verification of a file.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::cache::RepositoryCache;
use crate::client::Client;
use crate::error::HubError;
use crate::hub::Hub;
use crate::pattern::is_inside;
use crate::repository::Repository;
use crate::transfer::Metadata;

/// Downloader of the files of a commit.
pub(crate) struct Downloader<'a> {
    pub(crate) hub: &'a Hub,
    pub(crate) client: Client<'a>,
    pub(crate) repository: &'a Repository,
    pub(crate) cache: &'a RepositoryCache,
    pub(crate) commit: &'a str,
}

impl Downloader<'_> {
    /// Downloads a file into the snapshot of the commit unless it is present, and verifies it.
    ///
    /// `on_bytes` is called with the number of bytes that came, and the size of the file if known.
    pub(crate) fn ensure(
        &self,
        file: &str,
        on_bytes: &mut dyn FnMut(u64, Option<u64>),
    ) -> Result<(), HubError> {
        let snapshot = self.cache.snapshot(self.commit);
        let path = snapshot.join(file);
        if let Ok(blob) = fs::canonicalize(&path) {
            let etag = blob.file_name().unwrap_or_default().to_string_lossy();
            if check(&blob, &etag).is_ok() {
                return Ok(());
            }
            remove(&blob)?;
        }
        // A link to a file that is missing, or that was just removed.
        if path.symlink_metadata().is_ok() {
            remove(&path)?;
        }
        let url = self.repository.file(&self.hub.endpoint, self.commit, file);
        let metadata = self.client.metadata(&url)?;
        self.check_metadata(&metadata, &url)?;
        self.download(&url, &path, &metadata, on_bytes)?;
        self.cache.link(&metadata.etag, &snapshot, file)
    }

    /// Downloads a file to its place among the blobs.
    fn download(
        &self,
        url: &str,
        path: &Path,
        metadata: &Metadata,
        on_bytes: &mut dyn FnMut(u64, Option<u64>),
    ) -> Result<(), HubError> {
        let Metadata { etag, size, .. } = metadata;
        let _lock = self.cache.lock_blob(etag)?;
        let (blob, part) = (self.cache.blob(etag), self.cache.incomplete(etag));
        if blob.is_file() {
            return Ok(());
        }
        if let Some(parent) = blob.parent() {
            fs::create_dir_all(parent).map_err(|source| HubError::io(parent, source))?;
        }
        if let Ok(started) = fs::metadata(&part) {
            on_bytes(started.len(), *size);
        }
        let mut found = String::new();
        for _ in 0..self.hub.max_attempts {
            let mut on_bytes = |bytes| on_bytes(bytes, *size);
            self.client.download(url, &part, *size, &mut on_bytes)?;
            match check(&part, etag) {
                Ok(()) => {
                    return fs::rename(&part, &blob).map_err(|source| HubError::io(&blob, source));
                }
                Err(other) => found = other,
            }
            remove(&part)?;
        }
        Err(HubError::Corrupted {
            path: path.to_path_buf(),
            expected: etag.clone(),
            found,
        })
    }

    /// Checks the response headers, which become parts of paths.
    fn check_metadata(&self, metadata: &Metadata, url: &str) -> Result<(), HubError> {
        let Metadata { commit, etag, .. } = metadata;
        if etag.is_empty() {
            return Err(HubError::response(url, "the hub does not tell its hash"));
        }
        if !is_inside(etag) || etag.contains('/') {
            return Err(HubError::UnsafeName {
                repository: self.repository.to_string(),
                name: etag.clone(),
            });
        }
        if commit != self.commit {
            let reason = format!("expected commit {}, found {commit:?}", self.commit);
            return Err(HubError::response(url, reason));
        }
        Ok(())
    }
}

/// Compares the content of a file with the name of its blob: the SHA-256 of a large file, or the
/// git hash of a small one. Names of another form (from a mirror) are not hashes and are not
/// checked. The error is the hash that was found, or why there is none.
fn check(path: &Path, etag: &str) -> Result<(), String> {
    let is_hash = etag.bytes().all(|byte| byte.is_ascii_hexdigit());
    let found = match etag.len() {
        64 if is_hash => sha256(path),
        40 if is_hash => git_hash(path),
        _ => return Ok(()),
    };
    let found = found.map_err(|error| error.to_string())?;
    match found == etag {
        true => Ok(()),
        false => Err(found),
    }
}

/// Returns the SHA-256 of a file in hexadecimal digits.
pub(crate) fn sha256(path: &Path) -> io::Result<String> {
    hash(Sha256::new(), path)
}

fn git_hash(path: &Path) -> io::Result<String> {
    let bytes = fs::metadata(path)?.len();
    hash(Sha1::new().chain_update(format!("blob {bytes}\0")), path)
}

fn hash<H: Digest>(mut hash: H, path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        let bytes = file.read(&mut buffer)?;
        if bytes == 0 {
            break;
        }
        hash.update(&buffer[..bytes]);
    }
    let digits = hash
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Ok(digits)
}

fn remove(path: &Path) -> Result<(), HubError> {
    fs::remove_file(path).map_err(|source| HubError::io(path, source))
}
