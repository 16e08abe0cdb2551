//! Snapshots: selected files of a repository at one commit, from the cache or the hub.

use std::path::PathBuf;

use serde::Deserialize;

use crate::cache::{Listing, RepositoryCache};
use crate::client::Client;
use crate::download::Downloader;
use crate::error::HubError;
use crate::hub::Hub;
use crate::pattern::matches;
use crate::repository::Repository;
use crate::watch::observe;

/// Number of names from the cache in an error.
const NAMES_IN_ERROR: usize = 5;

/// Chooses files of a repository by their names, or describes what is missing among them.
pub type SelectFiles<'a> = &'a dyn Fn(&[String]) -> Result<Vec<String>, String>;

/// Progress of a download.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DownloadProgress {
    /// Id of the repository.
    pub repository: String,
    /// Name of the file being downloaded.
    pub file: String,
    /// Index of the file among the requested files, from 0.
    pub index: usize,
    /// Number of requested files.
    pub files: usize,
    /// Number of bytes of the file received so far, including those of earlier attempts.
    pub bytes: u64,
    /// Number of bytes of the file, if known.
    pub size: Option<u64>,
}

/// Downloads files with the settings from the environment: [`Hub::from_env`] and [`Hub::snapshot_download`].
///
/// # Errors
/// The errors of these two functions.
pub fn fetch(repository: &Repository, allow_patterns: &[&str]) -> Result<PathBuf, HubError> {
    Hub::from_env()?.snapshot_download(repository, allow_patterns)
}

impl Hub {
    /// Downloads the files of a repository that match any of the patterns, unless they are cached.
    /// Returns the snapshot directory, which contains the files under their names in the
    /// repository.
    ///
    /// `*` in a pattern matches any characters except `/`. The directory may contain other files of
    /// the same commit from earlier downloads.
    ///
    /// # Errors
    /// - [`HubError::InvalidRepository`] if the repository id or the revision is invalid.
    /// - [`HubError::Offline`] if offline mode is enabled and files are missing from the cache.
    /// - [`HubError::UnknownRepository`], [`HubError::UnknownRevision`] or [`HubError::MissingFile`]
    ///   if the hub has none, or does not show it without a token that may see it.
    /// - [`HubError::Gated`] if access to the repository must be requested.
    /// - [`HubError::Forbidden`] if the hub refuses the token.
    /// - [`HubError::NoMatchingFiles`] if no file matches the patterns.
    /// - [`HubError::RateLimited`] if there were too many requests, and waiting did not help.
    /// - [`HubError::Unreachable`] if every attempt failed.
    /// - [`HubError::Timeout`] if the hub sent no data for too long.
    /// - [`HubError::InvalidResponse`] if the HTTP response is unexpected.
    /// - [`HubError::UnsafeName`] if a name leads outside the cache directory.
    /// - [`HubError::Corrupted`] if the hash of a file is wrong.
    /// - [`HubError::DiskFull`] or [`HubError::Io`] if the cache cannot be read or written.
    pub fn snapshot_download(
        &self,
        repository: &Repository,
        allow_patterns: &[&str],
    ) -> Result<PathBuf, HubError> {
        self.fetch_with(repository, allow_patterns, &mut |_| ())
    }

    /// Downloads files like [`Self::snapshot_download`], with a callback whenever bytes are received.
    ///
    /// # Errors
    /// The same errors as [`Self::snapshot_download`].
    pub fn fetch_with(
        &self,
        repository: &Repository,
        allow_patterns: &[&str],
        on_progress: &mut dyn FnMut(&DownloadProgress),
    ) -> Result<PathBuf, HubError> {
        let select = |files: &[String]| {
            let is_wanted =
                |file: &&String| allow_patterns.iter().any(|pattern| matches(pattern, file));
            let wanted: Vec<String> = files.iter().filter(is_wanted).cloned().collect();
            match wanted.is_empty() {
                true => Err(allow_patterns.join(", ")),
                false => Ok(wanted),
            }
        };
        self.download_selected(repository, &select, on_progress)
    }

    /// Downloads the files that `select` chooses from the names of all files of the commit. It
    /// returns a description of what is missing if the files that there are do not do. Otherwise
    /// as [`Self::fetch_with`].
    ///
    /// # Errors
    /// The same errors as [`Self::snapshot_download`].
    pub fn download_selected(
        &self,
        repository: &Repository,
        select: SelectFiles<'_>,
        on_progress: &mut dyn FnMut(&DownloadProgress),
    ) -> Result<PathBuf, HubError> {
        let result = self.selected(repository, select, on_progress);
        result.map_err(|error| {
            error.with_cached(|| {
                let mut names = self.cached(repository.kind, &repository.id);
                names.truncate(NAMES_IN_ERROR);
                names
            })
        })
    }

    fn selected(
        &self,
        repository: &Repository,
        select: SelectFiles<'_>,
        on_progress: &mut dyn FnMut(&DownloadProgress),
    ) -> Result<PathBuf, HubError> {
        repository.check()?;
        let cache = RepositoryCache::new(&self.cache, repository);
        let cached = || match self.force_download && !self.local_files_only {
            true => Ok(None),
            false => complete(&cache, repository, select),
        };
        if let Some(directory) = cached()? {
            return Ok(directory);
        }
        if self.local_files_only {
            return present(&cache, select).map_err(|wanted| HubError::Offline {
                repository: repository.to_string(),
                cache: self.cache.clone(),
                wanted,
                cached: Vec::new(),
            });
        }
        let _lock = cache.lock()?;
        // Another process may have downloaded it in the meantime.
        if let Some(directory) = cached()? {
            return Ok(directory);
        }
        let client = Client::new(self, repository);
        let listing = match self.listing(&client, repository) {
            Err(error) if error.is_of_the_network() => {
                return present(&cache, select).map_err(|_| error);
            }
            listing => listing?,
        };
        let files = chosen(&listing, repository, select)?;
        let downloader = Downloader {
            hub: self,
            client,
            repository,
            cache: &cache,
            commit: &listing.commit,
        };
        for (index, file) in files.iter().enumerate() {
            let mut progress = DownloadProgress {
                repository: repository.id.clone(),
                file: file.clone(),
                index,
                files: files.len(),
                bytes: 0,
                size: None,
            };
            let mut on_bytes = |bytes, size| {
                progress.bytes += bytes;
                progress.size = size;
                observe(&progress);
                on_progress(&progress);
            };
            downloader.ensure(file, &mut on_bytes)?;
        }
        cache.remember(&listing)?;
        Ok(cache.snapshot(&listing.commit))
    }

    /// Returns the files of the revision and its commit.
    fn listing(&self, client: &Client<'_>, repository: &Repository) -> Result<Listing, HubError> {
        #[derive(Deserialize)]
        struct Info {
            sha: String,
            siblings: Vec<Sibling>,
        }
        #[derive(Deserialize)]
        struct Sibling {
            rfilename: String,
        }
        let (api, revision) = (repository.api(&self.endpoint), repository.quoted_revision());
        let info: Info = client.json(&format!("{api}/revision/{revision}"))?;
        let names = info.siblings.into_iter().map(|file| file.rfilename);
        let listing = Listing {
            commit: info.sha,
            files: names.collect(),
        };
        listing.check(repository).map(|()| listing)
    }
}

/// Returns the snapshot directory if its listing is known and it has all selected files.
fn complete(
    cache: &RepositoryCache,
    repository: &Repository,
    select: SelectFiles<'_>,
) -> Result<Option<PathBuf>, HubError> {
    let Some(listing) = cache.listing() else {
        return Ok(None);
    };
    let directory = cache.snapshot(&listing.commit);
    let files = chosen(&listing, repository, select)?;
    let is_there = files.iter().all(|file| directory.join(file).is_file());
    Ok(is_there.then_some(directory))
}

/// Returns the snapshot directory if the files that it has do. Files downloaded by another library
/// have no listing, so only these can be selected.
fn present(cache: &RepositoryCache, select: SelectFiles<'_>) -> Result<PathBuf, String> {
    // A known listing was looked at before: the selected files are not all there.
    let listing = match cache.listing() {
        Some(listing) => return Err(select(&listing.files)?.join(", ")),
        None => cache.present(),
    };
    let files = listing.as_ref().map_or(&[][..], |listing| &listing.files);
    select(files)?;
    let directory = listing.map(|listing| cache.snapshot(&listing.commit));
    directory.ok_or_else(|| "files".to_owned())
}

fn chosen(
    listing: &Listing,
    repository: &Repository,
    select: SelectFiles<'_>,
) -> Result<Vec<String>, HubError> {
    select(&listing.files).map_err(|wanted| HubError::NoMatchingFiles {
        repository: repository.to_string(),
        wanted,
    })
}
