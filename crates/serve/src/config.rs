//! Server settings.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::ServeError;

/// Maximum of all times, in milliseconds: a day.
const MAX_TIME_MS: u64 = 24 * 60 * 60 * 1000;

/// Settings of a server of one or more models.
///
/// They bound the memory that clients can occupy: `max_connections` times `max_body_bytes` for
/// bodies, and for each model `max_queue_size` texts or pairs of `max_text_chars`. Times are at most
/// a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServeConfig {
    /// Maximum rows (texts or pairs) per batch, at least 1 (default: 32). With 1 there is no
    /// batching.
    pub max_batch_size: usize,
    /// Maximum batching delay in milliseconds, below `request_timeout_ms` (default: 2). Rows of a
    /// single request that follow a batch of a single request are not delayed. With 0, a batch
    /// consists of the rows that arrived while the model was busy.
    pub max_batch_delay_ms: u64,
    /// Maximum number of queued rows per model, at least `max_texts` (default: 256). Requests
    /// beyond this are rejected with 503.
    pub max_queue_size: usize,
    /// Maximum size of a request body in bytes, at least 1 (default: 1 MiB).
    pub max_body_bytes: usize,
    /// Maximum number of texts or pairs per request, at least 1 (default: 64).
    pub max_texts: usize,
    /// Maximum length of a text in characters, at least 1 (default: 20,000).
    pub max_text_chars: usize,
    /// Timeout in milliseconds for the headers of a request and for idle connections, at least 1
    /// (default: 10,000).
    pub header_timeout_ms: u64,
    /// Timeout in milliseconds for the body of a request, at least 1 (default: 10,000).
    pub body_timeout_ms: u64,
    /// Timeout in milliseconds for a prediction, at least 1 (default: 30,000).
    pub request_timeout_ms: u64,
    /// Maximum time in milliseconds to finish open requests on shutdown (default: 10,000).
    pub shutdown_timeout_ms: u64,
    /// Maximum number of connections, at least 1 (default: 512). Others wait until one closes.
    pub max_connections: usize,
    /// File with the bearer token that clients must send (default: none, no authorization).
    pub token_file: Option<PathBuf>,
}

impl Default for ServeConfig {
    fn default() -> Self {
        Self {
            max_batch_size: 32,
            max_batch_delay_ms: 2,
            max_queue_size: 256,
            max_body_bytes: 1 << 20,
            max_texts: 64,
            max_text_chars: 20_000,
            header_timeout_ms: 10_000,
            body_timeout_ms: 10_000,
            request_timeout_ms: 30_000,
            shutdown_timeout_ms: 10_000,
            max_connections: 512,
            token_file: None,
        }
    }
}

impl ServeConfig {
    /// Checks that every value is in its range.
    ///
    /// ```
    /// use finetune_serve::ServeConfig;
    ///
    /// let config = ServeConfig { max_queue_size: 10, max_texts: 20, ..Default::default() };
    /// let message = config.validate().unwrap_err().to_string();
    /// assert_eq!(message, "max_queue_size is 10, expected at least max_texts, which is 20");
    /// ```
    ///
    /// # Errors
    /// - [`ServeError::InvalidSetting`] if a value is out of range; it names the first one.
    pub fn validate(&self) -> Result<(), ServeError> {
        for (setting, value) in [
            ("max_batch_size", self.max_batch_size),
            ("max_body_bytes", self.max_body_bytes),
            ("max_texts", self.max_texts),
            ("max_text_chars", self.max_text_chars),
            ("max_connections", self.max_connections),
        ] {
            ServeError::check(value > 0, setting, value, "at least 1")?;
        }
        // The maximum of a semaphore.
        let most = usize::MAX >> 3;
        let (found, expected) = (self.max_connections, format!("at most {most}"));
        ServeError::check(found <= most, "max_connections", found, expected)?;
        for (setting, value) in [
            ("header_timeout_ms", self.header_timeout_ms),
            ("body_timeout_ms", self.body_timeout_ms),
            ("request_timeout_ms", self.request_timeout_ms),
        ] {
            ServeError::check(value > 0, setting, value, "at least 1")?;
            check_time(setting, value)?;
        }
        check_time("shutdown_timeout_ms", self.shutdown_timeout_ms)?;
        let (delay, timeout) = (self.max_batch_delay_ms, self.request_timeout_ms);
        let expected = format!("below request_timeout_ms, which is {timeout}");
        ServeError::check(delay < timeout, "max_batch_delay_ms", delay, expected)?;
        let (rows, texts) = (self.max_queue_size, self.max_texts);
        let expected = format!("at least max_texts, which is {texts}");
        ServeError::check(rows >= texts, "max_queue_size", rows, expected)
    }

    pub(crate) fn max_delay(&self) -> Duration {
        Duration::from_millis(self.max_batch_delay_ms)
    }

    pub(crate) fn header_timeout(&self) -> Duration {
        Duration::from_millis(self.header_timeout_ms)
    }

    pub(crate) fn body_timeout(&self) -> Duration {
        Duration::from_millis(self.body_timeout_ms)
    }

    pub(crate) fn answer_timeout(&self) -> Duration {
        Duration::from_millis(self.request_timeout_ms)
    }

    pub(crate) fn shutdown_timeout(&self) -> Duration {
        Duration::from_millis(self.shutdown_timeout_ms)
    }
}

fn check_time(setting: &'static str, milliseconds: u64) -> Result<(), ServeError> {
    let valid = milliseconds <= MAX_TIME_MS;
    let expected = format!("at most {MAX_TIME_MS}, a day");
    ServeError::check(valid, setting, milliseconds, expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_read_back() {
        let config = ServeConfig::default();
        config.validate().unwrap();
        let json = serde_json::to_string(&config).unwrap();
        for text in [json.as_str(), "{}"] {
            assert_eq!(serde_json::from_str::<ServeConfig>(text).unwrap(), config);
        }
        assert!(serde_json::from_str::<ServeConfig>(r#"{"port": 1}"#).is_err());
    }

    #[test]
    fn impossible_settings_are_named() {
        for setting in [
            "max_batch_size",
            "max_body_bytes",
            "max_texts",
            "max_text_chars",
            "max_connections",
            "header_timeout_ms",
            "body_timeout_ms",
            "request_timeout_ms",
        ] {
            let json = format!(r#"{{"{setting}": 0}}"#);
            let config: ServeConfig = serde_json::from_str(&json).unwrap();
            let message = config.validate().unwrap_err().to_string();
            assert_eq!(message, format!("{setting} is 0, expected at least 1"));
        }
        for setting in [
            "header_timeout_ms",
            "body_timeout_ms",
            "request_timeout_ms",
            "shutdown_timeout_ms",
            "max_batch_delay_ms",
        ] {
            let json = format!(r#"{{"{setting}": {}}}"#, u64::MAX);
            let config: ServeConfig = serde_json::from_str(&json).unwrap();
            let message = config.validate().unwrap_err().to_string();
            let expected = format!("{setting} is {}, expected ", u64::MAX);
            assert!(message.starts_with(&expected), "{message}");
        }
        // A delayed row would always time out.
        let delay = |max_batch_delay_ms| ServeConfig {
            max_batch_delay_ms,
            request_timeout_ms: 50,
            ..Default::default()
        };
        assert!(delay(49).validate().is_ok());
        let message = delay(50).validate().unwrap_err().to_string();
        let expected = "max_batch_delay_ms is 50, expected below request_timeout_ms, which is 50";
        assert_eq!(message, expected);
        let many = ServeConfig {
            max_connections: usize::MAX,
            ..Default::default()
        };
        assert!(many.validate().is_err());
    }
}
