//! Every setting of a server, with its default in one place.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ServeError;

/// Settings of the models that are served together.
///
/// The memory that clients can make a server use is bounded by them: `max_connections` times
/// `max_body_bytes` for what is being read, and for each model `queue_rows` texts, or pairs, of
/// `max_text_chars`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServeConfig {
    /// The most rows (a text or a pair each) that go through a model at once, at least 1; 32. With
    /// 1 there is no batching.
    pub max_batch_rows: usize,
    /// So many milliseconds a row waits for others while the batch is not full; 2. A row that comes
    /// alone after one that came alone does not wait. With 0 a batch is what has come in while the
    /// model was busy.
    pub max_delay_ms: u64,
    /// The most rows that wait for a model, at least `max_texts`; 256. Who comes when they would be
    /// more is told at once to come back.
    pub queue_rows: usize,
    /// The most bytes of a request's body, at least 1; 1 MiB.
    pub max_body_bytes: usize,
    /// The most texts, or pairs, of a request, at least 1; 64.
    pub max_texts: usize,
    /// The most characters of a text, at least 1; 20,000.
    pub max_text_chars: usize,
    /// Milliseconds that a client has for the headers of a request, and that a connection may be
    /// idle, at least 1; 10,000.
    pub header_timeout_ms: u64,
    /// Milliseconds that a client has for the body of a request, at least 1; 10,000.
    pub body_timeout_ms: u64,
    /// Milliseconds that a request waits for its answer, at least 1; 30,000.
    pub answer_timeout_ms: u64,
    /// Milliseconds that a server which was told to stop waits for what is in flight; 10,000.
    pub shutdown_timeout_ms: u64,
    /// The most connections at a time, at least 1; 512. More wait until one closes.
    pub max_connections: usize,
    /// A file with the token that clients must show; without it anybody may ask.
    pub token_file: Option<PathBuf>,
}

impl Default for ServeConfig {
    fn default() -> Self {
        Self {
            max_batch_rows: 32,
            max_delay_ms: 2,
            queue_rows: 256,
            max_body_bytes: 1 << 20,
            max_texts: 64,
            max_text_chars: 20_000,
            header_timeout_ms: 10_000,
            body_timeout_ms: 10_000,
            answer_timeout_ms: 30_000,
            shutdown_timeout_ms: 10_000,
            max_connections: 512,
            token_file: None,
        }
    }
}

impl ServeConfig {
    /// Whether every value is in its range.
    ///
    /// ```
    /// use finetune_serve::ServeConfig;
    ///
    /// let config = ServeConfig { queue_rows: 10, max_texts: 20, ..Default::default() };
    /// let message = config.validate().unwrap_err().to_string();
    /// assert_eq!(message, "queue_rows is 10, expected at least max_texts, which is 20");
    /// ```
    ///
    /// # Errors
    /// [`ServeError::InvalidSetting`] names the first that is not.
    pub fn validate(&self) -> Result<(), ServeError> {
        for (setting, value) in [
            ("max_batch_rows", self.max_batch_rows),
            ("max_body_bytes", self.max_body_bytes),
            ("max_texts", self.max_texts),
            ("max_text_chars", self.max_text_chars),
            ("max_connections", self.max_connections),
        ] {
            if value == 0 {
                return Err(ServeError::setting(setting, value, "at least 1"));
            }
        }
        // What a semaphore can count.
        let most = usize::MAX >> 3;
        if self.max_connections > most {
            let expected = format!("at most {most}");
            let found = self.max_connections;
            return Err(ServeError::setting("max_connections", found, expected));
        }
        for (setting, value) in [
            ("header_timeout_ms", self.header_timeout_ms),
            ("body_timeout_ms", self.body_timeout_ms),
            ("answer_timeout_ms", self.answer_timeout_ms),
        ] {
            if value == 0 {
                return Err(ServeError::setting(setting, value, "at least 1"));
            }
        }
        if self.queue_rows < self.max_texts {
            let expected = format!("at least max_texts, which is {}", self.max_texts);
            return Err(ServeError::setting("queue_rows", self.queue_rows, expected));
        }
        Ok(())
    }

    pub(crate) fn max_delay(&self) -> Duration {
        Duration::from_millis(self.max_delay_ms)
    }

    pub(crate) fn header_timeout(&self) -> Duration {
        Duration::from_millis(self.header_timeout_ms)
    }

    pub(crate) fn body_timeout(&self) -> Duration {
        Duration::from_millis(self.body_timeout_ms)
    }

    pub(crate) fn answer_timeout(&self) -> Duration {
        Duration::from_millis(self.answer_timeout_ms)
    }

    pub(crate) fn shutdown_timeout(&self) -> Duration {
        Duration::from_millis(self.shutdown_timeout_ms)
    }
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
            "max_batch_rows",
            "max_body_bytes",
            "max_texts",
            "max_text_chars",
            "max_connections",
            "header_timeout_ms",
            "body_timeout_ms",
            "answer_timeout_ms",
        ] {
            let json = format!(r#"{{"{setting}": 0}}"#);
            let config: ServeConfig = serde_json::from_str(&json).unwrap();
            let message = config.validate().unwrap_err().to_string();
            assert_eq!(message, format!("{setting} is 0, expected at least 1"));
        }
        let many = ServeConfig {
            max_connections: usize::MAX,
            ..Default::default()
        };
        assert!(many.validate().is_err());
    }
}
