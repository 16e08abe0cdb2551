//! Losses of embedding models: from the embeddings of a batch's texts to one number.
//!
//! [`EmbeddingLoss`] is the trait, for the built-in ones and anyone's own;
//! [`EmbeddingLossConfig`] is the registry of the built-in ones by name, with the names and defaults of
//! sentence-transformers.
//!
//! | loss | rows |
//! |---|---|
//! | multiple negatives ranking | pairs, triplets or rows with several negatives |
//! | triplet | triplets |
//! | CoSENT, cosine similarity | pairs with scores, or with labels 0 or 1 |
//! | contrastive, online contrastive | pairs with labels 0 or 1 |

mod config;
mod contrastive;
mod cosent;
mod cosine_similarity;
mod distance;
mod matryoshka;
mod multiple_negatives_ranking;
mod online_contrastive;
mod triplet;

pub use config::EmbeddingLossConfig;
pub use distance::EmbeddingDistance;
pub use matryoshka::MatryoshkaConfig;

use std::fmt;

use burn::tensor::Tensor;
use finetune_data::EmbeddingKind;
use finetune_eval::short_type_name;
use finetune_ops::upload_floats;

use crate::error::TrainError;

/// A loss of embeddings.
///
/// ```
/// use burn::tensor::Tensor;
/// use finetune_train::EmbeddingLoss;
///
/// /// Squared distance of texts that belong together.
/// #[derive(Debug)]
/// struct Attraction;
///
/// impl EmbeddingLoss for Attraction {
///     fn of_batch(&self, texts: &[Tensor<2>], _labels: &[f64]) -> Tensor<1> {
///         let difference = texts[0].clone() - texts[1].clone();
///         let rows = difference.dims()[0];
///         difference.square().sum() / rows as f64
///     }
/// }
/// ```
pub trait EmbeddingLoss: fmt::Debug + Send + Sync {
    /// Returns the loss of a batch, usually the mean over its rows.
    ///
    /// # Shapes
    /// - each of `texts`: `[B, W]`, the first texts of the rows, the second, and so on
    /// - `labels`: `B` scores or labels; empty for positives
    /// - output: `[1]`
    fn of_batch(&self, texts: &[Tensor<2>], labels: &[f64]) -> Tensor<1>;

    /// Checks that the loss fits the rows (default: it does).
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if it does not.
    fn check(&self, _rows: &EmbeddingRows) -> Result<(), TrainError> {
        Ok(())
    }

    /// Name in the settings of a run (default: name of the type).
    fn name(&self) -> String {
        short_type_name::<Self>().to_string()
    }
}

/// What an [`EmbeddingLoss`] is checked against: the training rows and their batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EmbeddingRows {
    /// What the rows say about their texts.
    pub kind: EmbeddingKind,
    /// Number of texts per row.
    pub texts_per_row: usize,
    /// Maximum number of rows in a batch.
    pub batch_size: usize,
}

impl EmbeddingRows {
    /// Checks that the rows are of one of these kinds.
    fn check_kind(&self, kinds: &[EmbeddingKind], loss: &str) -> Result<(), TrainError> {
        if kinds.contains(&self.kind) {
            return Ok(());
        }
        let found = format!("{loss} for {}", rows_of(self.kind));
        let known: Vec<_> = kinds.iter().map(|kind| rows_of(*kind)).collect();
        let expected = format!("a loss for them; it is for {}", known.join(" and "));
        Err(TrainError::setting("loss", found, expected))
    }
}

fn rows_of(kind: EmbeddingKind) -> &'static str {
    match kind {
        EmbeddingKind::Positives => "texts that belong together",
        EmbeddingKind::Scores => "pairs with scores",
        EmbeddingKind::Labels => "pairs with labels",
    }
}

/// Copies a number for each row to the device of the embeddings.
///
/// # Shapes
/// - output: `[B]`
fn on_device(values: impl Iterator<Item = f64>, embeddings: &Tensor<2>) -> Tensor<1> {
    let values: Vec<f32> = values.map(|value| value as f32).collect();
    let shape = [values.len()];
    upload_floats(values, shape, &embeddings.device())
}
