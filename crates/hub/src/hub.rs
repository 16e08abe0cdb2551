//! Client of the Hugging Face hub.

use std::env;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hf_hub::Cache;
use hf_hub::api::sync::ApiBuilder;

use crate::cache::{Listing, RepositoryCache};
use crate::download::Downloader;
use crate::error::HubError;
use crate::repository::Repository;

/// Hub client: endpoint, cache directory and download settings.
///
/// ```no_run
/// use finetune_hub::{Hub, Repository};
///
/// let hub = Hub::from_env()?.endpoint("https://mirror.example.org");
/// let directory = hub.snapshot_download(&Repository::model("google-bert/bert-base-uncased"), &["*.json", "vocab.txt"])?;
/// # Ok::<(), finetune_hub::HubError>(())
/// ```
#[derive(Clone)]
pub struct Hub {
    endpoint: String,
    cache: PathBuf,
    token: Option<String>,
    local_files_only: bool,
    force_download: bool,
    pub(crate) max_attempts: u32,
    pub(crate) read_timeout: Duration,
}

/// Progress of a download.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DownloadProgress {
    /// Name of the file being downloaded.
    pub file: String,
    /// Index of the file among the requested files, from 0.
    pub index: usize,
    /// Number of requested files.
    pub files: usize,
    /// Number of bytes of the file received so far, including those of earlier attempts.
    pub bytes: u64,
}

/// Downloads files with the settings from the environment: [`Hub::from_env`] and [`Hub::snapshot_download`].
///
/// # Errors
/// The errors of these two functions.
pub fn fetch(repository: &Repository, allow_patterns: &[&str]) -> Result<PathBuf, HubError> {
    Hub::from_env()?.snapshot_download(repository, allow_patterns)
}

impl Hub {
    /// Creates a client of the public hub with the given cache directory, without reading
    /// environment variables.
    pub fn new(cache: impl Into<PathBuf>) -> Self {
        Self {
            endpoint: "https://huggingface.co".to_owned(),
            cache: cache.into(),
            token: None,
            local_files_only: false,
            force_download: false,
            max_attempts: 4,
            read_timeout: Duration::from_secs(30),
        }
    }

    /// Creates a client from environment variables; see the crate documentation for their names.
    ///
    /// # Errors
    /// - [`HubError::NoCacheDir`] if no variable sets the cache directory and there is no home
    ///   directory.
    pub fn from_env() -> Result<Self, HubError> {
        Self::from_variables(&|name| env::var(name).ok().filter(|value| !value.is_empty()))
    }

    fn from_variables(variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, HubError> {
        let path = |name: &str| variable(name).map(PathBuf::from);
        let home = path("HF_HOME")
            .or_else(|| Some(path("XDG_CACHE_HOME")?.join("huggingface")))
            .or_else(|| {
                Some(
                    path("HOME")
                        .or_else(|| path("USERPROFILE"))?
                        .join(".cache/huggingface"),
                )
            });
        let cache = path("HF_HUB_CACHE").or_else(|| Some(home.as_ref()?.join("hub")));
        let token_file = home.and_then(|home| fs::read_to_string(home.join("token")).ok());
        let token = variable("HF_TOKEN")
            .or(token_file)
            .map(|token| token.trim().to_owned());
        let is_on = |value: String| {
            ["1", "true", "yes", "on"].contains(&value.to_ascii_lowercase().as_str())
        };
        let mut hub = Self::new(cache.ok_or(HubError::NoCacheDir)?)
            .local_files_only(variable("HF_HUB_OFFLINE").is_some_and(is_on));
        hub.token = token.filter(|token| !token.is_empty());
        Ok(match variable("HF_ENDPOINT") {
            Some(endpoint) => hub.endpoint(endpoint),
            None => hub,
        })
    }

    /// Sets the endpoint, such as a mirror (default: `https://huggingface.co`).
    #[must_use]
    pub fn endpoint(self, endpoint: impl Into<String>) -> Self {
        let endpoint = endpoint.into().trim_end_matches('/').to_owned();
        Self { endpoint, ..self }
    }

    /// Sets whether only the cache is used (default: false).
    #[must_use]
    pub fn local_files_only(mut self, local_files_only: bool) -> Self {
        self.local_files_only = local_files_only;
        self
    }

    /// Sets whether to check for a newer commit even if the cache has all requested files (default:
    /// false).
    #[must_use]
    pub fn force_download(mut self, force_download: bool) -> Self {
        self.force_download = force_download;
        self
    }

    /// Sets the maximum number of attempts per request, at least 1 (default: 4).
    #[must_use]
    pub fn max_attempts(mut self, max_attempts: u32) -> Self {
        self.max_attempts = max_attempts.max(1);
        self
    }

    /// Sets the maximum time without received data (default: 30 seconds).
    #[must_use]
    pub fn read_timeout(mut self, read_timeout: Duration) -> Self {
        self.read_timeout = read_timeout;
        self
    }

    /// Returns the cache directory.
    pub fn cache(&self) -> &Path {
        &self.cache
    }

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
    /// - [`HubError::NotFound`] if the repository, revision or file does not exist or is not
    ///   accessible.
    /// - [`HubError::NoMatchingFiles`] if no file matches the patterns.
    /// - [`HubError::Unreachable`] if every attempt failed.
    /// - [`HubError::Timeout`] if the hub sent no data for too long.
    /// - [`HubError::InvalidResponse`] if the HTTP response is unexpected.
    /// - [`HubError::UnsafeName`] if a name leads outside the cache directory.
    /// - [`HubError::Corrupted`] if the hash of a file is wrong.
    /// - [`HubError::Io`] if the cache cannot be read or written.
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
        repository.check()?;
        let cache = RepositoryCache::new(&self.cache, repository);
        if let Some(directory) = self.cached(&cache, repository, allow_patterns)? {
            return Ok(directory);
        }
        if self.local_files_only {
            return Err(HubError::Offline {
                repository: repository.to_string(),
                cache: self.cache.clone(),
                allow_patterns: allow_patterns.join(", "),
            });
        }
        let _lock = cache.lock()?;
        // Another process may have downloaded it in the meantime.
        if let Some(directory) = self.cached(&cache, repository, allow_patterns)? {
            return Ok(directory);
        }
        let downloader = self.downloader(repository)?;
        let listing = downloader.listing()?;
        let files = listing.allow_patterns(repository, allow_patterns)?;
        let directory = cache.snapshot(&listing.commit);
        for (index, file) in files.iter().enumerate() {
            let mut progress = DownloadProgress {
                file: file.clone(),
                index,
                files: files.len(),
                bytes: 0,
            };
            let mut on_bytes = |bytes| {
                progress.bytes += bytes;
                on_progress(&progress);
            };
            downloader.ensure(&listing.commit, file, &directory, &mut on_bytes)?;
        }
        cache.remember(&listing)?;
        Ok(directory)
    }

    /// Returns the snapshot directory if it has all requested files and no refresh is requested.
    fn cached(
        &self,
        cache: &RepositoryCache,
        repository: &Repository,
        allow_patterns: &[&str],
    ) -> Result<Option<PathBuf>, HubError> {
        if self.force_download && !self.local_files_only {
            return Ok(None);
        }
        if let Some(listing) = cache.listing() {
            let directory = cache.snapshot(&listing.commit);
            let files = listing.allow_patterns(repository, allow_patterns)?;
            return Ok(files
                .iter()
                .all(|file| directory.join(file).is_file())
                .then_some(directory));
        }
        // Files downloaded by another library have no listing, so only the present files can be
        // matched.
        let present = cache.present().filter(|_| self.local_files_only);
        let found =
            present.filter(|listing| listing.allow_patterns(repository, allow_patterns).is_ok());
        Ok(found.map(|listing| cache.snapshot(&listing.commit)))
    }

    fn downloader<'a>(&'a self, repository: &'a Repository) -> Result<Downloader<'a>, HubError> {
        let builder = ApiBuilder::from_cache(Cache::new(self.cache.clone()))
            .with_endpoint(self.endpoint.clone())
            .with_token(self.token.clone())
            .with_progress(false)
            .with_retries(0);
        let api = builder.build();
        let api = api.map_err(|error| HubError::response(&self.endpoint, error))?;
        Ok(Downloader {
            hub: self,
            api,
            repository,
        })
    }
}

impl Downloader<'_> {
    /// Returns the files of the revision and its commit.
    fn listing(&self) -> Result<Listing, HubError> {
        let repo = self.repository.at_commit(&self.repository.revision);
        let url = format!("{}/api/{}", self.hub.endpoint, repo.api_url());
        let info = self.call(&url, &mut |_| (), &|| (), move |api, _| {
            api.repo(repo.clone()).info()
        })?;
        let listing = Listing {
            commit: info.sha,
            files: info
                .siblings
                .into_iter()
                .map(|file| file.rfilename)
                .collect(),
        };
        listing.check(self.repository)?;
        Ok(listing)
    }
}

/// Omits the access token.
impl fmt::Debug for Hub {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Hub")
            .field("endpoint", &self.endpoint)
            .field("cache", &self.cache)
            .field("offline", &self.local_files_only)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hub(variables: &[(&str, &str)]) -> Result<Hub, HubError> {
        let known: Vec<_> = variables.to_vec();
        Hub::from_variables(&|name| {
            let found = known.iter().find(|(other, _)| *other == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_environment_says_where_the_cache_is() {
        let all = [
            ("HF_HUB_CACHE", "/a"),
            ("HF_HOME", "/b"),
            ("XDG_CACHE_HOME", "/c"),
            ("HOME", "/d"),
        ];
        let caches = [
            "/a",
            "/b/hub",
            "/c/huggingface/hub",
            "/d/.cache/huggingface/hub",
        ];
        for (first, expected) in caches.iter().enumerate() {
            assert_eq!(hub(&all[first..]).unwrap().cache(), Path::new(expected));
        }
        assert!(matches!(hub(&[]), Err(HubError::NoCacheDir)));
    }

    #[test]
    fn the_environment_says_which_hub_and_whether_to_ask_it() {
        let of = |name, value| hub(&[("HOME", "/nowhere"), (name, value)]).unwrap();
        assert_eq!(of("HF_ENDPOINT", "https://a.bc/").endpoint, "https://a.bc");
        for (value, expected) in [
            ("1", true),
            ("ON", true),
            ("Yes", true),
            ("0", false),
            ("off", false),
        ] {
            assert_eq!(
                of("HF_HUB_OFFLINE", value).local_files_only,
                expected,
                "{value}"
            );
        }
        let hub = of("HF_TOKEN", " secret\n");
        assert_eq!(hub.token.as_deref(), Some("secret"));
        assert!(!format!("{hub:?}").contains("secret"));
    }
}
