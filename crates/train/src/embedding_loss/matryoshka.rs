//! Matryoshka representation learning: a loss on the first values of the embeddings, too, so that
//! they can be shortened ([Kusupati et al. 2022](https://arxiv.org/abs/2205.13147)).

use burn::tensor::Tensor;
use finetune_model::normalize;
use serde::{Deserialize, Serialize};

use super::EmbeddingLoss;
use crate::error::TrainError;

/// Sizes that the embeddings are trained at.
///
/// ```
/// use finetune_train::MatryoshkaConfig;
///
/// let config: MatryoshkaConfig = serde_json::from_str(r#"{"dims": [384, 128, 64]}"#)?;
/// config.validate(384)?;
/// assert!(config.validate(256).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MatryoshkaConfig {
    /// Numbers of values, each in `1..=W`, for embeddings of `W` values.
    pub dims: Vec<usize>,
    /// Weight of the loss of each size, at least 0 (default: 1 each).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weights: Vec<f64>,
}

impl MatryoshkaConfig {
    /// Creates the configuration of these sizes, with weights of 1.
    pub fn new(dims: impl Into<Vec<usize>>) -> Self {
        Self {
            dims: dims.into(),
            weights: Vec::new(),
        }
    }

    /// Checks that every value is in its range, for embeddings of `size` values.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if a value is out of range, or there is not one weight for each
    ///   size.
    pub fn validate(&self, size: usize) -> Result<(), TrainError> {
        if self.dims.is_empty() {
            return Err(TrainError::setting(
                "matryoshka.dims",
                "empty",
                "at least one",
            ));
        }
        if let Some(dim) = self.dims.iter().find(|dim| !(1..=size).contains(dim)) {
            let expected = format!("in 1..={size}, the values of an embedding");
            return Err(TrainError::setting("matryoshka.dims", dim, expected));
        }
        if !self.weights.is_empty() && self.weights.len() != self.dims.len() {
            let (found, expected) = (self.weights.len(), self.dims.len());
            let expected = format!("one for each of {expected} dims");
            return Err(TrainError::setting("matryoshka.weights", found, expected));
        }
        match self
            .weights
            .iter()
            .find(|weight| !(weight.is_finite() && **weight >= 0.0))
        {
            Some(weight) => Err(TrainError::setting(
                "matryoshka.weights",
                weight,
                "at least 0",
            )),
            None => Ok(()),
        }
    }

    /// Returns the weighted sum of a loss at all sizes. Shortened embeddings are scaled to length 1, as
    /// in sentence-transformers.
    pub fn of_batch(
        &self,
        loss: &dyn EmbeddingLoss,
        texts: &[Tensor<2>],
        labels: &[f64],
    ) -> Tensor<1> {
        let weights = self.weights.iter().copied().chain(std::iter::repeat(1.0));
        let losses = self.dims.iter().zip(weights).map(|(dim, weight)| {
            let shortened = texts.iter().map(|text| {
                let [rows, _] = text.dims();
                normalize(text.clone().slice([0..rows, 0..*dim]))
            });
            loss.of_batch(&shortened.collect::<Vec<_>>(), labels) * weight
        });
        Tensor::cat(losses.collect(), 0).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_weights_fit_each_other() {
        let message = |dims: &[usize], weights: &[f64]| {
            let (dims, weights) = (dims.to_vec(), weights.to_vec());
            let found = MatryoshkaConfig { dims, weights }.validate(8);
            found.map_err(|error| error.to_string())
        };
        assert!(message(&[8, 4], &[1.0, 0.5]).is_ok());
        assert!(
            message(&[], &[])
                .unwrap_err()
                .starts_with("matryoshka.dims is empty")
        );
        assert!(
            message(&[9], &[])
                .unwrap_err()
                .starts_with("matryoshka.dims is 9")
        );
        assert!(
            message(&[0], &[])
                .unwrap_err()
                .starts_with("matryoshka.dims is 0")
        );
        assert!(
            message(&[4], &[1.0, 1.0])
                .unwrap_err()
                .starts_with("matryoshka.weights is 2")
        );
        assert!(
            message(&[4], &[-1.0])
                .unwrap_err()
                .starts_with("matryoshka.weights is -1")
        );
    }
}
