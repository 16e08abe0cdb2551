//! Frozen part of an encoder, and its gradual unfreezing
//! ([Howard & Ruder 2018](https://arxiv.org/abs/1801.06146), section 3.3): the last layer is
//! unfrozen first, then one more layer per interval, the embeddings last.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::TrainError;

/// Frozen part of the encoder: no gradients, no dropout by default, and no changed bit.
///
/// The pooler belongs to the head and always trains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum FreezeScope {
    /// Nothing is frozen.
    #[default]
    None,
    /// Embedding tables and their normalization.
    Embeddings,
    /// Embeddings and all layers but the last ones.
    AllButLast(usize),
    /// The whole encoder; only pooler and head train.
    Encoder,
}

impl FreezeScope {
    /// Checks that an encoder of `layers` layers has enough of them.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if more layers are to train than there are.
    pub fn check(self, layers: usize) -> Result<(), TrainError> {
        if let Self::AllButLast(last) = self
            && last > layers
        {
            let expected = format!("at most the model's {layers} layers");
            return Err(TrainError::setting("freeze", self, expected));
        }
        Ok(())
    }

    /// Returns the number of frozen stages of an encoder with `layers` layers, from the bottom: the
    /// embeddings are one stage, each layer is one.
    pub fn frozen_stages(self, layers: usize) -> usize {
        match self {
            Self::None => 0,
            Self::Embeddings => 1,
            Self::AllButLast(last) => 1 + layers.saturating_sub(last),
            Self::Encoder => 1 + layers,
        }
    }
}

const FORMS: &str = "none, embeddings, encoder or all-but-last-N";

impl FromStr for FreezeScope {
    type Err = TrainError;

    fn from_str(text: &str) -> Result<Self, TrainError> {
        let unknown = || TrainError::setting("freeze", text, FORMS);
        match text {
            "none" => Ok(Self::None),
            "embeddings" => Ok(Self::Embeddings),
            "encoder" => Ok(Self::Encoder),
            _ => {
                let last = text.strip_prefix("all-but-last-").ok_or_else(unknown)?;
                Ok(Self::AllButLast(last.parse().map_err(|_| unknown())?))
            }
        }
    }
}

impl TryFrom<String> for FreezeScope {
    type Error = TrainError;

    fn try_from(text: String) -> Result<Self, TrainError> {
        text.parse()
    }
}

impl From<FreezeScope> for String {
    fn from(freeze: FreezeScope) -> Self {
        freeze.to_string()
    }
}

impl fmt::Display for FreezeScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Embeddings => f.write_str("embeddings"),
            Self::Encoder => f.write_str("encoder"),
            Self::AllButLast(last) => write!(f, "all-but-last-{last}"),
        }
    }
}

/// Interval after which the next stage, from the top, is unfrozen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GradualUnfreezing {
    /// Number of epochs, at least 1 (1 in the paper).
    Epochs(usize),
    /// Number of optimizer steps, at least 1.
    Steps(usize),
}

impl GradualUnfreezing {
    pub(super) fn validate(self) -> Result<(), TrainError> {
        match self {
            Self::Epochs(0) | Self::Steps(0) => {
                Err(TrainError::setting("freeze.unfreeze", 0, "at least 1"))
            }
            _ => Ok(()),
        }
    }

    /// Returns the number of unfrozen stages; epochs and steps count from 0.
    pub(super) fn stages(self, epoch: usize, step: usize) -> usize {
        let (passed, interval) = match self {
            Self::Epochs(interval) => (epoch, interval),
            Self::Steps(interval) => (step, interval),
        };
        passed / interval.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_reads_back() {
        for freeze in [
            FreezeScope::None,
            FreezeScope::Embeddings,
            FreezeScope::Encoder,
            FreezeScope::AllButLast(2),
        ] {
            assert_eq!(freeze.to_string().parse::<FreezeScope>().unwrap(), freeze);
        }
        for wrong in [
            "",
            "all",
            "all-but-last-",
            "all-but-last-x",
            "all-but-last--1",
        ] {
            let message = wrong.parse::<FreezeScope>().unwrap_err().to_string();
            assert!(message.contains("all-but-last-N"), "{message}");
        }
    }

    #[test]
    fn stages_count_from_the_bottom() {
        assert_eq!(FreezeScope::None.frozen_stages(6), 0);
        assert_eq!(FreezeScope::Embeddings.frozen_stages(6), 1);
        assert_eq!(FreezeScope::AllButLast(2).frozen_stages(6), 5);
        assert_eq!(FreezeScope::AllButLast(6).frozen_stages(6), 1);
        assert_eq!(FreezeScope::Encoder.frozen_stages(6), 7);
    }
}
