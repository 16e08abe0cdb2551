//! Cosine similarity of two texts, each optionally projected by a linear layer first (equation 3 of
//! Xie, "BERT Finetuning Analysis").

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use super::score_range::check_one_output;
use super::{Head, HeadInput, HeadSize, ScoreRange, sites};
use crate::error::ModelError;
use crate::layers;
use crate::limits::{check_dropout, check_matrix, check_width};

/// Minimum vector norm, as `eps` in
/// [`torch.nn.functional.cosine_similarity`](https://docs.pytorch.org/docs/2.9/generated/torch.nn.functional.cosine_similarity.html).
const SHORTEST: f64 = 1e-8;

/// Configuration of a cosine similarity head.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CosineSimilarityHeadConfig {
    /// Output width of the linear layers, one per text; `None` compares the pooled vectors directly
    /// (default: `None`).
    pub projection: Option<usize>,
    /// Dropout probability on the pooled vector of each text, in `[0, 1)` (default: 0).
    pub dropout: f64,
    /// Range that cosines from -1 to 1 are mapped to linearly; `None` for the plain cosine
    /// (default: `None`).
    pub range: Option<ScoreRange>,
}

impl CosineSimilarityHeadConfig {
    pub(super) fn validate(&self, size: HeadSize) -> Result<(), ModelError> {
        let outputs = size.num_labels;
        check_dropout("head.dropout", self.dropout)?;
        check_one_output(outputs)?;
        ScoreRange::check(self.range, outputs)?;
        if let Some(projected) = self.projection {
            check_width("head.projection", projected)?;
            check_matrix("head.projection", size.hidden_size, projected)?;
        }
        Ok(())
    }

    /// Creates the head; the configuration must be valid.
    pub(super) fn init(&self, size: HeadSize, device: &Device) -> CosineSimilarityHead {
        let projection = || {
            self.projection
                .map(|projected| layers::linear(size.hidden_size, projected, device))
        };
        CosineSimilarityHead {
            first: projection(),
            second: projection(),
            config: *self,
        }
    }
}

/// Cosine similarity head.
#[derive(Module, Debug)]
pub struct CosineSimilarityHead {
    /// Projection `[W, projection]` of the first text.
    pub first: Option<Linear>,
    /// Projection `[W, projection]` of the second text.
    pub second: Option<Linear>,
    #[module(skip)]
    config: CosineSimilarityHeadConfig,
}

impl Head for CosineSimilarityHead {
    /// # Panics
    /// If the second text is missing.
    fn forward(&self, input: HeadInput) -> Tensor<2> {
        let side = |projection: &Option<Linear>, rows, site| {
            let rows = input.dropout.apply(rows, self.config.dropout, site);
            match projection {
                Some(linear) => layers::apply_linear(linear, rows),
                None => rows,
            }
        };
        let Some(second) = input.second else {
            panic!("a cosine of one text")
        };
        let first = side(&self.first, input.pooled, sites::FIRST_TEXT);
        let second = side(&self.second, second, sites::SECOND_TEXT);
        let cosine = cosine(first, second);
        match self.config.range {
            Some(range) => range.of_cosine(cosine),
            None => cosine,
        }
    }

    fn num_texts(&self) -> usize {
        2
    }

    fn reads_hidden_states(&self) -> bool {
        false
    }
}

/// # Shapes
/// - `u`, `v`: `[B, W]`
/// - output: `[B, 1]`
fn cosine(u: Tensor<2>, v: Tensor<2>) -> Tensor<2> {
    let dot = |a: &Tensor<2>, b: &Tensor<2>| (a.clone() * b.clone()).sum_dim(1);
    // Square root of the clamped square: its gradient at a zero vector is 0, not infinite.
    let length = |x: &Tensor<2>| dot(x, x).clamp_min(SHORTEST * SHORTEST).sqrt();
    dot(&u, &v) / (length(&u) * length(&v))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn angles_and_a_vector_of_zeros() {
        let device = Device::flex().autodiff();
        let rows = |values: [[f32; 2]; 4]| Tensor::<2>::from_data(values, &device).require_grad();
        let u = rows([[3.0, 0.0], [1.0, 1.0], [2.0, 0.0], [0.0, 0.0]]);
        let v = rows([[5.0, 0.0], [1.0, -1.0], [-1.0, 0.0], [1.0, 2.0]]);
        let cosines = cosine(u.clone(), v);
        let values: Vec<f32> = cosines.clone().into_data().try_to_vec().unwrap();
        for (got, expected) in values.iter().zip([1.0, 0.0, -1.0, 0.0]) {
            assert!((got - expected).abs() < 1e-6, "{values:?}");
        }
        let gradients = cosines.sum().backward();
        let gradient: Vec<f32> = u
            .grad(&gradients)
            .unwrap()
            .into_data()
            .try_to_vec()
            .unwrap();
        assert!(
            gradient.iter().all(|value| value.is_finite()),
            "{gradient:?}"
        );
    }
}
