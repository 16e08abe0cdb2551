//! HTTP client of the hub: requests with a limited number of attempts.

use std::thread;
use std::time::Duration;

use serde::de::DeserializeOwned;
use ureq::config::{Config, RedirectAuthHeaders};
use ureq::http::Response;
use ureq::{Agent, Body, RequestBuilder};

use crate::error::HubError;
use crate::hub::Hub;
use crate::refusal::{Failure, Request};
use crate::repository::Repository;

/// Pause before the second attempt; each further pause is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// Largest answer in JSON: the files of a large dataset are some megabytes.
const LARGEST_ANSWER: u64 = 1 << 28;
/// Longest chain of redirects.
pub(crate) const MOST_REDIRECTS: u32 = 10;

/// Type of what is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MediaType {
    Json,
    /// JSON of the protocol of Git LFS.
    LfsJson,
    /// A JSON text per line, answered by one in JSON.
    JsonLines,
}

/// Client for one repository.
pub(crate) struct Client<'a> {
    pub(crate) hub: &'a Hub,
    repository: &'a Repository,
    pub(crate) agent: Agent,
    /// Client that returns a redirect instead of following it.
    staying: Agent,
}

impl<'a> Client<'a> {
    pub(crate) fn new(hub: &'a Hub, repository: &'a Repository) -> Self {
        let agent = |most_redirects| {
            let patience = Some(hub.read_timeout);
            let config = Config::builder()
                .http_status_as_error(false)
                .max_redirects(most_redirects)
                // Large files come from other hosts, which do not need the token.
                .redirect_auth_headers(RedirectAuthHeaders::SameHost)
                .user_agent(concat!("finetune/", env!("CARGO_PKG_VERSION")))
                .timeout_resolve(patience)
                .timeout_connect(patience)
                .timeout_per_read(patience)
                .timeout_per_write(patience);
            Agent::from(config.build())
        };
        Self {
            hub,
            repository,
            agent: agent(MOST_REDIRECTS),
            staying: agent(0),
        }
    }

    /// Requests an answer in JSON.
    pub(crate) fn json<T: DeserializeOwned>(&self, url: &str) -> Result<T, HubError> {
        self.attempts(url, || {
            // Compressed, unlike a file: the names of many files are alike.
            let sent = self.authorized(url, self.agent.get(url)).call();
            self.parse(url, self.checked(url, sent, &[])?)
        })
    }

    /// Sends a text to the hub. `accepted` are statuses beside those of success.
    pub(crate) fn post(
        &self,
        url: &str,
        media: MediaType,
        body: &[u8],
        accepted: &[u16],
    ) -> Result<Response<Body>, HubError> {
        self.attempts(url, || {
            let request = self.agent.post(url).header("content-type", media.name());
            let request = request.header("accept", media.of_answer().name());
            let sent = self.authorized(url, request).send(body);
            self.checked(url, sent, accepted)
        })
    }

    /// Sends a text to the hub, which answers in JSON.
    pub(crate) fn post_json<T: DeserializeOwned>(
        &self,
        url: &str,
        media: MediaType,
        body: &[u8],
    ) -> Result<T, HubError> {
        let response = self.post(url, media, body, &[])?;
        match self.parse(url, response) {
            Ok(answer) => Ok(answer),
            Err(Failure::Final(error)) => Err(error),
            Err(_) => Err(HubError::response(url, "the answer broke off")),
        }
    }

    pub(crate) fn checked(
        &self,
        url: &str,
        sent: Result<Response<Body>, ureq::Error>,
        accepted: &[u16],
    ) -> Result<Response<Body>, Failure> {
        let about = self.about(url);
        let response = sent.map_err(|error| about.failed(error, self.hub.read_timeout))?;
        let status = response.status().as_u16();
        match (200..300).contains(&status) || accepted.contains(&status) {
            true => Ok(response),
            false => Err(about.refused(status, response.headers())),
        }
    }

    /// Adds the token to requests to the hub itself. Storages have addresses with a signature.
    pub(crate) fn authorized<B>(&self, url: &str, request: RequestBuilder<B>) -> RequestBuilder<B> {
        match &self.hub.token {
            Some(token) if url.starts_with(&format!("{}/", self.hub.endpoint)) => {
                request.header("authorization", format!("Bearer {token}"))
            }
            _ => request,
        }
    }

    /// Tries until it succeeds, fails permanently, or exceeds the number of attempts.
    pub(crate) fn attempts<T>(
        &self,
        url: &str,
        mut attempt: impl FnMut() -> Result<T, Failure>,
    ) -> Result<T, HubError> {
        let mut reason = String::new();
        let mut waited = Duration::ZERO;
        for number in 0..self.hub.max_attempts {
            let usual = FIRST_PAUSE * 2u32.saturating_pow(number);
            let is_last = number + 1 == self.hub.max_attempts;
            let pause = match attempt() {
                Ok(value) => return Ok(value),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Transient(why)) => {
                    reason = why;
                    usual
                }
                Err(Failure::UnusablePart) => {
                    reason = "the part downloaded before does not fit".to_owned();
                    Duration::ZERO
                }
                Err(Failure::Busy(retry_after)) => {
                    let pause = retry_after.unwrap_or(usual);
                    waited += pause;
                    if is_last || waited > self.hub.max_wait {
                        return Err(HubError::RateLimited {
                            url: url.to_owned(),
                            retry_after,
                        });
                    }
                    pause
                }
            };
            if !is_last {
                thread::sleep(pause);
            }
        }
        Err(HubError::Unreachable {
            url: url.to_owned(),
            attempts: self.hub.max_attempts,
            reason,
            cached: Vec::new(),
        })
    }

    /// Requests a file, or what follows its first bytes.
    pub(crate) fn file(&self, url: &str, start: Option<u64>) -> Result<Response<Body>, Failure> {
        let mut request = self.authorized(url, self.agent.get(url));
        if let Some(start) = start {
            request = request.header("range", format!("bytes={start}-"));
        }
        let response = request.header("accept-encoding", "identity").call();
        response.map_err(|error| self.about(url).failed(error, self.hub.read_timeout))
    }

    pub(crate) fn head(&self, url: &str) -> Result<Response<Body>, Failure> {
        let request = self.authorized(url, self.staying.head(url));
        let response = request.header("accept-encoding", "identity").call();
        response.map_err(|error| self.about(url).failed(error, self.hub.read_timeout))
    }

    pub(crate) fn about<'b>(&'b self, url: &'b str) -> Request<'b> {
        Request {
            repository: self.repository,
            endpoint: &self.hub.endpoint,
            url,
            has_token: self.hub.token.is_some(),
        }
    }

    fn parse<T: DeserializeOwned>(
        &self,
        url: &str,
        mut response: Response<Body>,
    ) -> Result<T, Failure> {
        let body = response.body_mut().with_config().limit(LARGEST_ANSWER);
        let text = body
            .read_to_vec()
            .map_err(|error| self.about(url).failed(error, self.hub.read_timeout))?;
        serde_json::from_slice(&text)
            .map_err(|error| Failure::Final(HubError::response(url, error)))
    }
}

impl MediaType {
    fn name(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::LfsJson => "application/vnd.git-lfs+json",
            Self::JsonLines => "application/x-ndjson",
        }
    }

    fn of_answer(self) -> Self {
        match self {
            Self::JsonLines => Self::Json,
            other => other,
        }
    }
}
