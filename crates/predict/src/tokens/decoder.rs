//! From the logits of tokens to the classes of words.

use finetune_data::LabelAlignment;
use finetune_eval::{first_largest, softmax};
use finetune_model::{CrfWeights, TokenClassifier};

use super::config::Aggregation;
use super::predict::SentenceLogits;
use crate::error::PredictError;

/// Decoder of the classes of words.
#[derive(Debug, Clone)]
pub struct TagDecoder {
    crf: Option<CrfWeights>,
    classes: usize,
    aggregation: Aggregation,
}

/// Class of a word, with its probabilities.
#[derive(Debug, Clone, PartialEq)]
pub struct DecodedWord {
    /// Predicted class.
    pub class: usize,
    /// Probability of each class, `[C]`; with a conditional random field, given the whole sentence.
    pub probabilities: Vec<f64>,
}

impl TagDecoder {
    /// Creates the decoder of a model.
    ///
    /// # Errors
    /// - [`PredictError::InvalidSetting`] for another aggregation than [`Aggregation::First`] with a
    ///   conditional random field, whose sequences have one token per word.
    pub fn new(model: &TokenClassifier, aggregation: Aggregation) -> Result<Self, PredictError> {
        if model.crf.is_some() && aggregation != Aggregation::First {
            let expected = "first for a model with a conditional random field";
            return Err(PredictError::setting("aggregation", aggregation, expected));
        }
        Ok(Self {
            crf: model.crf.as_ref().map(|crf| crf.weights()),
            classes: model.num_labels(),
            aggregation,
        })
    }

    /// Returns the tokens that it needs the logits of.
    pub fn alignment(&self) -> LabelAlignment {
        match self.aggregation {
            Aggregation::First => LabelAlignment::First,
            Aggregation::Average | Aggregation::Max => LabelAlignment::All,
        }
    }

    /// Returns the classes of the words of a sentence.
    pub fn decode(&self, sentence: &SentenceLogits) -> Vec<DecodedWord> {
        if let Some(crf) = &self.crf {
            let classes = crf.viterbi(&sentence.logits).into_iter();
            let words = classes.zip(crf.marginals(&sentence.logits));
            return words
                .map(|(class, probabilities)| DecodedWord {
                    class,
                    probabilities,
                })
                .collect();
        }
        let mut words: Vec<Vec<Vec<f64>>> = Vec::new();
        let rows = sentence.logits.chunks_exact(self.classes);
        for (row, first) in rows.zip(&sentence.first) {
            if *first {
                words.push(Vec::new());
            }
            if let Some(word) = words.last_mut() {
                word.push(softmax(row));
            }
        }
        let word = |tokens: &Vec<Vec<f64>>| {
            let probabilities = self.aggregation.of(tokens);
            DecodedWord {
                class: first_largest(&probabilities),
                probabilities,
            }
        };
        words.iter().map(word).collect()
    }

    /// Returns the loss of a sentence with labels, summed over its tokens: the negative
    /// log-likelihood.
    pub fn loss(&self, sentence: &SentenceLogits) -> f64 {
        if let Some(crf) = &self.crf {
            return -crf.log_likelihood(&sentence.logits, &sentence.labels);
        }
        let rows = sentence.logits.chunks_exact(self.classes);
        let losses = rows.zip(&sentence.labels).map(|(row, label)| {
            let row: Vec<f64> = row.iter().map(|logit| f64::from(*logit)).collect();
            let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = row.iter().map(|logit| (logit - largest).exp()).sum();
            sum.ln() + largest - row[*label]
        });
        losses.sum()
    }
}
