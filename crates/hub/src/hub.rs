//! Client of the Hugging Face hub.

use std::env;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::cache::cached_ids;
use crate::error::HubError;
use crate::repository::RepoType;

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
    pub(crate) endpoint: String,
    pub(crate) cache: PathBuf,
    pub(crate) token: Option<String>,
    pub(crate) local_files_only: bool,
    pub(crate) force_download: bool,
    pub(crate) max_attempts: u32,
    pub(crate) max_wait: Duration,
    pub(crate) read_timeout: Duration,
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
            max_wait: Duration::from_secs(60),
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
        let token_file = path("HF_TOKEN_PATH").or_else(|| Some(home?.join("token")));
        let token_file = token_file.and_then(|file| fs::read_to_string(file).ok());
        let token = variable("HF_TOKEN")
            .or(token_file)
            .map(|token| token.trim().to_owned());
        let is_on = |value: String| {
            ["1", "true", "yes", "on"].contains(&value.to_ascii_lowercase().as_str())
        };
        let mut hub = Self::new(cache.ok_or(HubError::NoCacheDir)?).local_files_only(
            ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"]
                .iter()
                .any(|name| variable(name).is_some_and(is_on)),
        );
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

    /// Sets the access token (default: none).
    #[must_use]
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Sets the maximum time to wait for a hub that refuses requests because there were too many
    /// (default: one minute).
    #[must_use]
    pub fn max_wait(mut self, max_wait: Duration) -> Self {
        self.max_wait = max_wait;
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

    /// Returns the ids of the repositories in the cache, such as `owner/name`, those most like `name`
    /// first.
    pub fn cached(&self, kind: RepoType, name: &str) -> Vec<String> {
        cached_ids(&self.cache, kind, name)
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
        assert!(of("TRANSFORMERS_OFFLINE", "1").local_files_only);
        let hub = of("HF_TOKEN", " secret\n");
        assert_eq!(hub.token.as_deref(), Some("secret"));
        assert!(!format!("{hub:?}").contains("secret"));
    }
}
