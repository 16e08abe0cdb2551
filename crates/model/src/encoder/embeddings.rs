//! The sum of word, position and token type embeddings, normalised: `BertEmbeddings`.

use burn::module::Module;
use burn::nn::{Embedding, LayerNorm};
use burn::tensor::{Device, Tensor};

use super::{EncoderConfig, EncoderInput};
use crate::dropout::{DropoutStage, apply};
use crate::parts;

/// The embedding tables.
#[derive(Module, Debug)]
pub struct Embeddings {
    /// `[V, D]`
    pub word_embeddings: Embedding,
    /// `[max_position_embeddings, D]`
    pub position_embeddings: Embedding,
    /// `[type_vocab_size, D]`
    pub token_type_embeddings: Embedding,
    /// Applied to the sum.
    pub norm: LayerNorm,
    epsilon: f64,
    dropout: f64,
}

impl Embeddings {
    pub(super) fn new(config: &EncoderConfig, device: &Device) -> Self {
        let table = |rows| parts::embedding(rows, config.hidden_size, device);
        Self {
            word_embeddings: table(config.vocab_size),
            position_embeddings: table(config.max_position_embeddings),
            token_type_embeddings: table(config.type_vocab_size),
            norm: parts::layer_norm(config.hidden_size, device),
            epsilon: config.layer_norm_eps,
            dropout: config.hidden_dropout_prob,
        }
    }

    /// # Shapes
    /// - output: `[T, D]`
    pub(super) fn forward(&self, input: &EncoderInput, dropout: Option<DropoutStage>) -> Tensor<2> {
        let words = self
            .word_embeddings
            .weight
            .val()
            .select(0, input.token_ids.clone());
        let types = self
            .token_type_embeddings
            .weight
            .val()
            .select(0, input.token_type_ids.clone());
        let positions = self
            .position_embeddings
            .weight
            .val()
            .slice([0..input.sequence]);

        // Positions repeat in every row of the batch: [B, S, D] + [1, S, D].
        let [tokens, hidden] = words.dims();
        let rows = (words + types).reshape([input.batch, input.sequence, hidden]);
        let summed = (rows + positions.unsqueeze()).reshape([tokens, hidden]);

        let normalised = parts::apply_layer_norm(&self.norm, summed, self.epsilon);
        apply(normalised, self.dropout, dropout, 0)
    }
}
