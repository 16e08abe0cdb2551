//! Download and verification of a file.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use hf_hub::api::sync::{Api, ApiError, Metadata};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::error::{Failure, HubError};
use crate::hub::Hub;
use crate::pattern::is_inside;
use crate::repository::Repository;
use crate::timeout::{NoResult, Reporter, with_timeout};

/// Pause before the second attempt; each further pause is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// Downloader with a limited number of retries.
pub(crate) struct Downloader<'a> {
    pub(crate) hub: &'a Hub,
    pub(crate) api: Api,
    pub(crate) repository: &'a Repository,
}

impl Downloader<'_> {
    /// Calls the library until it succeeds, fails permanently, or exceeds the number of attempts.
    pub(crate) fn call<T: Send + 'static>(
        &self,
        url: &str,
        on_bytes: &mut dyn FnMut(u64),
        begin_anew: &dyn Fn(),
        request: impl Fn(&Api, Reporter<Result<T, ApiError>>) -> Result<T, ApiError>
        + Clone
        + Send
        + 'static,
    ) -> Result<T, HubError> {
        let mut reason = String::new();
        for attempt in 0..self.hub.max_attempts {
            if attempt > 0 {
                thread::sleep(FIRST_PAUSE * 2u32.saturating_pow(attempt - 1));
            }
            let (api, request) = (self.api.clone(), request.clone());
            let result = with_timeout(self.hub.read_timeout, on_bytes, move |reporter| {
                request(&api, reporter)
            });
            let failure = match result {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(error)) => Failure::of(error, url),
                Err(NoResult::Silent) => Failure::Final(HubError::Timeout {
                    url: url.to_owned(),
                    patience: self.hub.read_timeout,
                }),
                Err(NoResult::Panicked) => {
                    Failure::Final(HubError::response(url, "not what a hub answers"))
                }
            };
            match failure {
                Failure::Final(error) => return Err(error),
                Failure::Transient(why) => reason = why,
                Failure::UnusablePart => {
                    begin_anew();
                    reason = "the part downloaded before does not fit".to_owned();
                }
            }
        }
        Err(HubError::Unreachable {
            url: url.to_owned(),
            attempts: self.hub.max_attempts,
            reason,
        })
    }

    /// Downloads a file into the snapshot of a commit unless it is present, and verifies it.
    pub(crate) fn ensure(
        &self,
        commit: &str,
        file: &str,
        snapshot: &Path,
        on_bytes: &mut dyn FnMut(u64),
    ) -> Result<(), HubError> {
        let path = snapshot.join(file);
        let mut checked = Err(HubError::io(&path, io::ErrorKind::NotFound.into()));
        for _ in 0..self.hub.max_attempts {
            if !path.exists() {
                self.download(commit, file, snapshot, on_bytes)?;
            }
            checked = check(&path);
            if checked.is_ok() {
                break;
            }
            // Remove the file and the link to it.
            for path in fs::canonicalize(&path).iter().chain([&path]) {
                fs::remove_file(path).map_err(|source| HubError::io(path, source))?;
            }
        }
        checked
    }

    fn download(
        &self,
        commit: &str,
        file: &str,
        snapshot: &Path,
        on_bytes: &mut dyn FnMut(u64),
    ) -> Result<(), HubError> {
        let repo = self.repository.at_commit(commit);
        let url = self.api.repo(repo.clone()).url(file);
        let address = url.clone();
        let metadata = self.call(&url, &mut |_| (), &|| (), move |api, _| {
            api.metadata(&address)
        })?;
        self.check_metadata(commit, &metadata, &url)?;

        let blobs = snapshot
            .ancestors()
            .nth(2)
            .unwrap_or(snapshot)
            .join("blobs");
        let part = blobs.join(metadata.etag()).with_extension("part");
        let begin_anew = || {
            // If it cannot be removed, the next attempt fails and reports the reason.
            let _ = fs::remove_file(&part);
        };
        let file = file.to_owned();
        self.call(&url, on_bytes, &begin_anew, move |api, reporter| {
            api.repo(repo.clone())
                .download_with_progress(&file, reporter)
        })?;
        Ok(())
    }

    /// Checks the response headers, which become parts of paths.
    fn check_metadata(&self, commit: &str, metadata: &Metadata, url: &str) -> Result<(), HubError> {
        if !is_inside(metadata.etag()) {
            return Err(HubError::UnsafeName {
                repository: self.repository.to_string(),
                name: metadata.etag().to_owned(),
            });
        }
        if metadata.commit_hash() != commit {
            let reason = format!("expected commit {commit}, found {}", metadata.commit_hash());
            return Err(HubError::response(url, reason));
        }
        Ok(())
    }
}

/// Compares the content of a file with the name of its blob: the SHA-256 of a large file, or the
/// git hash of a small one. Names of another form (from a mirror) are not hashes and are not
/// checked.
fn check(path: &Path) -> Result<(), HubError> {
    let failed = |source| HubError::io(path, source);
    let blob: PathBuf = fs::canonicalize(path).map_err(failed)?;
    let expected = blob
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let is_hash = expected.bytes().all(|byte| byte.is_ascii_hexdigit());
    let found = match expected.len() {
        64 if is_hash => hash(Sha256::new(), &blob),
        40 if is_hash => {
            let bytes = fs::metadata(&blob).map_err(failed)?.len();
            hash(Sha1::new().chain_update(format!("blob {bytes}\0")), &blob)
        }
        _ => return Ok(()),
    };
    let found = found.map_err(failed)?;
    if found == expected {
        return Ok(());
    }
    Err(HubError::Corrupted {
        path: path.to_path_buf(),
        expected,
        found,
    })
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
