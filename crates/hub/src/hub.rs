//! The hub, and what is known of it.

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

/// Where files come from and where they are kept.
///
/// ```no_run
/// use finetune_hub::{Hub, Repository};
///
/// let hub = Hub::from_env()?.endpoint("https://mirror.example.org");
/// let folder = hub.fetch(&Repository::model("google-bert/bert-base-uncased"), &["*.json", "vocab.txt"])?;
/// # Ok::<(), finetune_hub::HubError>(())
/// ```
#[derive(Clone)]
pub struct Hub {
    endpoint: String,
    cache: PathBuf,
    token: Option<String>,
    offline: bool,
    refresh: bool,
    pub(crate) attempts: u32,
    pub(crate) patience: Duration,
}

/// How far a download is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchProgress {
    /// The file that is being downloaded.
    pub file: String,
    /// Its position among the files wanted, from 0.
    pub index: usize,
    /// The files wanted.
    pub files: usize,
    /// The bytes of it that have come, with those of an earlier attempt.
    pub bytes: u64,
}

/// Fetches files as the environment says: [`Hub::from_env`], [`Hub::fetch`].
///
/// # Errors
/// As these two.
pub fn fetch(repository: &Repository, wanted: &[&str]) -> Result<PathBuf, HubError> {
    Hub::from_env()?.fetch(repository, wanted)
}

impl Hub {
    /// The public hub, with a cache in this folder; no variable is read.
    pub fn new(cache: impl Into<PathBuf>) -> Self {
        Self {
            endpoint: "https://huggingface.co".to_owned(),
            cache: cache.into(),
            token: None,
            offline: false,
            refresh: false,
            attempts: 4,
            patience: Duration::from_secs(30),
        }
    }

    /// The hub that the environment names; which variables is said on the crate's first page.
    ///
    /// # Errors
    /// [`HubError::NoCache`] if the environment names no folder and no home.
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
        let mut hub = Self::new(cache.ok_or(HubError::NoCache)?)
            .offline(variable("HF_HUB_OFFLINE").is_some_and(is_on));
        hub.token = token.filter(|token| !token.is_empty());
        Ok(match variable("HF_ENDPOINT") {
            Some(endpoint) => hub.endpoint(endpoint),
            None => hub,
        })
    }

    /// Another hub, such as a mirror.
    #[must_use]
    pub fn endpoint(self, endpoint: impl Into<String>) -> Self {
        let endpoint = endpoint.into().trim_end_matches('/').to_owned();
        Self { endpoint, ..self }
    }

    /// Whether only the cache is used.
    #[must_use]
    pub fn offline(self, offline: bool) -> Self {
        Self { offline, ..self }
    }

    /// Whether to ask for a newer commit even if the cache has all that is wanted.
    #[must_use]
    pub fn refresh(self, refresh: bool) -> Self {
        Self { refresh, ..self }
    }

    /// How often a request that fails is tried; at least once.
    #[must_use]
    pub fn attempts(self, attempts: u32) -> Self {
        let attempts = attempts.max(1);
        Self { attempts, ..self }
    }

    /// For how long the hub may send nothing.
    #[must_use]
    pub fn patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// The folder of the cache.
    pub fn cache(&self) -> &Path {
        &self.cache
    }

    /// The files of a repository that match one of the patterns, downloaded unless they are in the
    /// cache; the folder in which they are, under the names that they have in the repository.
    ///
    /// `*` in a pattern stands for any characters but `/`. The folder may hold other files of the
    /// same commit from an earlier download.
    ///
    /// # Errors
    /// [`HubError::InvalidRepository`]; offline [`HubError::Offline`]; otherwise
    /// [`HubError::NotFound`], [`HubError::NoMatchingFiles`], [`HubError::Unreachable`],
    /// [`HubError::Stalled`], [`HubError::UnexpectedAnswer`], [`HubError::UnsafeName`],
    /// [`HubError::Damaged`]; [`HubError::Io`] if the cache cannot be written.
    pub fn fetch(&self, repository: &Repository, wanted: &[&str]) -> Result<PathBuf, HubError> {
        self.fetch_with(repository, wanted, &mut |_| ())
    }

    /// [`Self::fetch`], which says how far it is each time that bytes have come.
    ///
    /// # Errors
    /// As [`Self::fetch`].
    pub fn fetch_with(
        &self,
        repository: &Repository,
        wanted: &[&str],
        on_progress: &mut dyn FnMut(&FetchProgress),
    ) -> Result<PathBuf, HubError> {
        repository.check()?;
        let cache = RepositoryCache::new(&self.cache, repository);
        if let Some(folder) = self.cached(&cache, repository, wanted)? {
            return Ok(folder);
        }
        if self.offline {
            return Err(HubError::Offline {
                repository: repository.to_string(),
                cache: self.cache.clone(),
                wanted: wanted.iter().map(|&pattern| pattern.to_owned()).collect(),
            });
        }
        let _lock = cache.lock()?;
        // Another program may have fetched it in the meantime.
        if let Some(folder) = self.cached(&cache, repository, wanted)? {
            return Ok(folder);
        }
        let downloader = self.downloader(repository)?;
        let listing = downloader.listing()?;
        let files = listing.wanted(repository, wanted)?;
        let folder = cache.snapshot(&listing.commit);
        for (index, file) in files.iter().enumerate() {
            let mut progress = FetchProgress {
                file: file.clone(),
                index,
                files: files.len(),
                bytes: 0,
            };
            let mut on_bytes = |bytes| {
                progress.bytes += bytes;
                on_progress(&progress);
            };
            downloader.ensure(&listing.commit, file, &folder, &mut on_bytes)?;
        }
        cache.remember(&listing)?;
        Ok(folder)
    }

    /// The folder, if it has all that is wanted and the hub is not to be asked anyway.
    fn cached(
        &self,
        cache: &RepositoryCache,
        repository: &Repository,
        wanted: &[&str],
    ) -> Result<Option<PathBuf>, HubError> {
        if self.refresh && !self.offline {
            return Ok(None);
        }
        if let Some(listing) = cache.listing() {
            let folder = cache.snapshot(&listing.commit);
            let files = listing.wanted(repository, wanted)?;
            return Ok(files
                .iter()
                .all(|file| folder.join(file).is_file())
                .then_some(folder));
        }
        // Downloaded by another library: what belongs to a pattern is not known, only what is here.
        let present = cache.present().filter(|_| self.offline);
        let found = present.filter(|listing| listing.wanted(repository, wanted).is_ok());
        Ok(found.map(|listing| cache.snapshot(&listing.commit)))
    }

    fn downloader<'a>(&'a self, repository: &'a Repository) -> Result<Downloader<'a>, HubError> {
        let builder = ApiBuilder::from_cache(Cache::new(self.cache.clone()))
            .with_endpoint(self.endpoint.clone())
            .with_token(self.token.clone())
            .with_progress(false)
            .with_retries(0);
        let api = builder
            .build()
            .map_err(|error| HubError::UnexpectedAnswer {
                url: self.endpoint.clone(),
                reason: error.to_string(),
            })?;
        Ok(Downloader {
            hub: self,
            api,
            repository,
        })
    }
}

impl Downloader<'_> {
    /// The files of the revision, and its commit.
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

/// Without the token.
impl fmt::Debug for Hub {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Hub")
            .field("endpoint", &self.endpoint)
            .field("cache", &self.cache)
            .field("offline", &self.offline)
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
        assert!(matches!(hub(&[]), Err(HubError::NoCache)));
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
            assert_eq!(of("HF_HUB_OFFLINE", value).offline, expected, "{value}");
        }
        let hub = of("HF_TOKEN", " secret\n");
        assert_eq!(hub.token.as_deref(), Some("secret"));
        assert!(!format!("{hub:?}").contains("secret"));
    }
}
