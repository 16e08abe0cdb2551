//! What the hub means by a response that is not a success.
//!
//! Beside the status, the hub names the reason in the header `X-Error-Code`, as
//! [`hf_raise_for_status`](https://huggingface.co/docs/huggingface_hub/package_reference/utilities)
//! reads it: without a token, a repository that does not exist has the status 401.

use std::time::Duration;

use ureq::http::HeaderMap;

use crate::error::HubError;
use crate::repository::Repository;

/// Classification of a failed request.
pub(crate) enum Failure {
    /// Permanent failure.
    Final(HubError),
    /// Temporary failure with its reason; the request may be retried.
    Transient(String),
    /// The hub wants fewer requests; the request may be retried after the time it gives.
    Busy(Option<Duration>),
    /// The partial file does not match the remote file; restart the download.
    UnusablePart,
}

/// What a request was about.
#[derive(Clone, Copy)]
pub(crate) struct Request<'a> {
    pub(crate) repository: &'a Repository,
    pub(crate) endpoint: &'a str,
    pub(crate) url: &'a str,
    pub(crate) has_token: bool,
}

impl Request<'_> {
    /// Returns the failure of a response with this status, which is no success.
    pub(crate) fn refused(self, status: u16, headers: &HeaderMap) -> Failure {
        let url = self.url.to_owned();
        match (status, text(headers, "x-error-code")) {
            (416, _) => Failure::UnusablePart,
            (429, _) => Failure::Busy(retry_after(headers)),
            (408 | 500.., _) => Failure::Transient(format!("status {status}")),
            (401 | 403, "GatedRepo") => Failure::Final(self.gated()),
            (_, "RevisionNotFound") => Failure::Final(HubError::UnknownRevision {
                repository: self.repository.to_string(),
            }),
            (_, "EntryNotFound") => Failure::Final(HubError::MissingFile { url }),
            (_, "RepoNotFound") | (404, _) => Failure::Final(self.unknown()),
            (401 | 403, _) => Failure::Final(HubError::Forbidden {
                url,
                status,
                has_token: self.has_token,
                message: text(headers, "x-error-message").to_owned(),
            }),
            _ => {
                let message = text(headers, "x-error-message");
                let reason = format!("status {status} {message}");
                Failure::Final(HubError::response(self.url, reason.trim_end()))
            }
        }
    }

    fn gated(self) -> HubError {
        HubError::Gated {
            repository: self.repository.to_string(),
            page: self.repository.page(self.endpoint),
            has_token: self.has_token,
        }
    }

    fn unknown(self) -> HubError {
        HubError::UnknownRepository {
            repository: self.repository.to_string(),
            kind: self.repository.kind.name(),
            endpoint: self.endpoint.to_owned(),
            has_token: self.has_token,
            cached: Vec::new(),
        }
    }

    /// Returns the failure of a request without a response.
    pub(crate) fn failed(self, error: ureq::Error, patience: Duration) -> Failure {
        match error {
            ureq::Error::Timeout(_) => Failure::Final(HubError::Timeout {
                url: self.url.to_owned(),
                patience,
            }),
            // Without a network, more attempts say the same.
            ureq::Error::HostNotFound => Failure::Final(HubError::Unreachable {
                url: self.url.to_owned(),
                attempts: 1,
                reason: "no such host: there may be no network".to_owned(),
                cached: Vec::new(),
            }),
            error @ (ureq::Error::BadUri(_)
            | ureq::Error::Http(_)
            | ureq::Error::InvalidProxyUrl
            | ureq::Error::TooManyRedirects
            | ureq::Error::LargeResponseHeader(..)) => {
                Failure::Final(HubError::response(self.url, error))
            }
            error => Failure::Transient(error.to_string()),
        }
    }
}

/// Returns the time to wait before another request: `Retry-After` in seconds, or the `t` of
/// `RateLimit`.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = text(headers, "retry-after").parse().ok().or_else(|| {
        let fields = text(headers, "ratelimit").split(';');
        let mut seconds = fields.filter_map(|field| field.trim().strip_prefix("t="));
        seconds.next()?.parse().ok()
    });
    seconds.map(Duration::from_secs)
}

/// Returns a header, or an empty text.
pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|&(name, value)| {
            let name = ureq::http::HeaderName::from_static(name);
            (name, ureq::http::HeaderValue::from_static(value))
        });
        pairs.collect()
    }

    #[test]
    fn a_refusal_has_the_reason_that_the_hub_names() {
        let repository = Repository::model("owner/name");
        let request = |has_token| Request {
            repository: &repository,
            endpoint: "https://hub",
            url: "https://hub/file",
            has_token,
        };
        let message = |status, code, has_token| match request(has_token)
            .refused(status, &headers(&[("x-error-code", code)]))
        {
            Failure::Final(error) => error.to_string(),
            Failure::Transient(reason) => reason,
            Failure::Busy(_) => "busy".to_owned(),
            Failure::UnusablePart => "unusable".to_owned(),
        };
        for (status, code, has_token, expected) in [
            (
                401,
                "GatedRepo",
                false,
                "ask on https://hub/owner/name, then set HF_TOKEN",
            ),
            (403, "GatedRepo", true, "then use a token of the account"),
            (
                401,
                "RepoNotFound",
                false,
                "no such model; a private one needs a token",
            ),
            (
                404,
                "RepoNotFound",
                true,
                "no such model, or the token may not see it",
            ),
            (
                404,
                "RevisionNotFound",
                true,
                "owner/name (main): the repository has no such revision",
            ),
            (
                404,
                "EntryNotFound",
                true,
                "https://hub/file: the repository has no such file",
            ),
            (401, "", true, "the hub refuses the token"),
            (401, "", false, "the hub wants a token: set HF_TOKEN"),
            (404, "", false, "no such model"),
            (503, "", false, "status 503"),
            (418, "", false, "https://hub/file: status 418"),
            (416, "", false, "unusable"),
            (429, "", false, "busy"),
        ] {
            let message = message(status, code, has_token);
            assert!(message.contains(expected), "{status} {code}: {message}");
        }
    }

    #[test]
    fn the_time_to_wait_is_read_from_either_header() {
        for (name, value, expected) in [
            ("retry-after", "7", Some(7)),
            ("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT", None),
            ("ratelimit", "\"api\";r=0;t=55", Some(55)),
            ("ratelimit", "nonsense", None),
            ("other", "7", None),
        ] {
            let found = retry_after(&headers(&[(name, value)]));
            assert_eq!(found, expected.map(Duration::from_secs), "{name}: {value}");
        }
    }
}
