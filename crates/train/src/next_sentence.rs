//! Next-sentence prediction beside masked language modeling, as in the pre-training of BERT
//! ([Devlin et al. 2018](https://arxiv.org/abs/1810.04805), section 3.1).

use finetune_data::{Cleaning, Dataset, PairEncoding, TextTokenizer, next_sentence_pairs};
use serde::{Deserialize, Serialize};

use crate::error::TrainError;
use crate::text_config::TextConfig;

/// Settings of next-sentence prediction.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NextSentenceConfig {
    /// Fraction of pairs whose second segment is from another text, in `[0, 1]` (default: 0.5).
    pub random_fraction: f64,
    /// Factor of the next-sentence loss in the sum of both losses, above 0 (default: 1.0).
    pub loss_weight: f64,
}

impl Default for NextSentenceConfig {
    fn default() -> Self {
        Self {
            random_fraction: 0.5,
            loss_weight: 1.0,
        }
    }
}

impl NextSentenceConfig {
    /// Checks that every value is in its range, and that pairs are encoded jointly.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if a value is out of range; it names the first one.
    pub(crate) fn validate(&self, text: &TextConfig) -> Result<(), TrainError> {
        let refuse =
            |setting, found: f64, expected| Err(TrainError::setting(setting, found, expected));
        if !(0.0..=1.0).contains(&self.random_fraction) {
            return refuse(
                "next_sentence.random_fraction",
                self.random_fraction,
                "in [0, 1]",
            );
        }
        if !(self.loss_weight > 0.0 && self.loss_weight.is_finite()) {
            return refuse(
                "next_sentence.loss_weight",
                self.loss_weight,
                "finite and above 0",
            );
        }
        match text.encoding.pair_encoding {
            PairEncoding::CrossEncoder => Ok(()),
            PairEncoding::BiEncoder => Err(TrainError::setting(
                "pair_encoding",
                "bi_encoder",
                "cross_encoder for next-sentence prediction",
            )),
        }
    }

    /// Returns the sentence pairs of cleaned texts, and the settings for encoding them.
    ///
    /// # Errors
    /// - [`TrainError::Data`] if the texts have no pairs of both classes.
    pub(crate) fn pairs(
        &self,
        texts: Dataset,
        text: &TextConfig,
        tokenizer: &TextTokenizer,
        seed: u64,
    ) -> Result<(Dataset, TextConfig), TrainError> {
        let texts = texts.clean(&text.cleaning);
        let max_length = text.encoding.max_length;
        let pairs = next_sentence_pairs(&texts, tokenizer, max_length, self.random_fraction, seed)?;
        // Cleaned once: cleaning twice may give another text.
        let text = TextConfig {
            cleaning: Cleaning::default(),
            ..text.clone()
        };
        Ok((pairs, text))
    }
}

#[cfg(test)]
mod tests {
    use finetune_data::EncodingConfig;

    use super::*;

    #[test]
    fn values_out_of_range_are_refused() {
        let text = TextConfig::default();
        let config = NextSentenceConfig::default();
        config.validate(&text).unwrap();
        let refused = |config: NextSentenceConfig| config.validate(&text).unwrap_err().to_string();
        for random_fraction in [-0.1, 1.1, f64::NAN] {
            let message = refused(NextSentenceConfig {
                random_fraction,
                ..config
            });
            assert!(message.starts_with("next_sentence.random_fraction is"));
        }
        for loss_weight in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let message = refused(NextSentenceConfig {
                loss_weight,
                ..config
            });
            assert!(message.starts_with("next_sentence.loss_weight is"));
        }
        let separate = TextConfig {
            encoding: EncodingConfig {
                pair_encoding: PairEncoding::BiEncoder,
                ..Default::default()
            },
            ..Default::default()
        };
        let message = config.validate(&separate).unwrap_err().to_string();
        assert!(
            message.starts_with("pair_encoding is bi_encoder"),
            "{message}"
        );
    }
}
