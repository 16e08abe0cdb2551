//! Sum of word, position and token type embeddings with layer normalization:
//! [`BertEmbeddings`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/bert/modeling_bert.py),
//! and ELECTRA's projection after it.

use burn::module::Module;
use burn::nn::{Embedding, LayerNorm, Linear};
use burn::tensor::{Device, Tensor};
use finetune_ops::embedding;

use super::normalization::Normalization;
use super::{EncoderConfig, EncoderInput, Positions};
use crate::dropout::{DropoutStage, apply};
use crate::layers;

/// Embeddings of width `E`, which equals `D` unless there is a projection.
#[derive(Module, Debug)]
pub struct Embeddings {
    /// Word embeddings, `[V, E]`.
    pub word_embeddings: Embedding,
    /// Position embeddings, `[max_position_embeddings, E]`, if positions have embeddings.
    pub position_embeddings: Option<Embedding>,
    /// Token type embeddings, `[type_vocab_size, E]`, if the family has token types.
    pub token_type_embeddings: Option<Embedding>,
    /// Normalization of the sum, if it is normalized.
    pub norm: Option<LayerNorm>,
    /// Projection to the hidden size, `[E, D]`, if there is one.
    pub projection: Option<Linear>,
    #[module(skip)]
    normalization: Normalization,
    dropout: f64,
    max_positions: usize,
    #[module(skip)]
    positions: Positions,
}

/// Table sizes and numbering of positions, which a batch must fit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tables {
    pub(super) words: usize,
    /// Rows of the position embeddings, or the longest input with rotary positions.
    pub(super) positions: usize,
    /// 0 for an encoder without token types.
    pub(super) types: usize,
    pub(super) counting: Positions,
}

impl Embeddings {
    pub(super) fn new(config: &EncoderConfig, device: &Device) -> Self {
        let (width, hidden) = (config.embedding_width(), config.hidden_size);
        let table = |rows| layers::embedding(rows, width, device);
        let types = config.type_vocab_size;
        let normalization = Normalization::new(config);
        let projects = config.family.projects_embeddings(config);
        Self {
            word_embeddings: table(config.vocab_size),
            position_embeddings: config
                .positions
                .have_embeddings()
                .then(|| table(config.max_position_embeddings)),
            token_type_embeddings: (types > 0).then(|| table(types)),
            norm: config
                .embedding_norm
                .then(|| normalization.init(width, device)),
            projection: projects.then(|| layers::linear(width, hidden, device)),
            normalization,
            dropout: config.dropout_of_embeddings(),
            max_positions: config.max_position_embeddings,
            positions: config.positions,
        }
    }

    pub(super) fn tables(&self) -> Tables {
        let rows = |table: &Embedding| table.weight.lazy_shape()[0];
        Tables {
            words: rows(&self.word_embeddings),
            positions: self.max_positions,
            types: self.token_type_embeddings.as_ref().map_or(0, rows),
            counting: self.positions,
        }
    }

    /// Returns the embeddings of a batch.
    ///
    /// # Shapes
    /// - output: `[T, D]`
    ///
    /// # Panics
    /// If the input was made for an encoder with other tables; a GPU would read out of bounds.
    pub(super) fn forward(&self, input: &EncoderInput, dropout: Option<DropoutStage>) -> Tensor<2> {
        assert_eq!(input.tables, self.tables(), "an input of another encoder");
        let rows_of = |table: &Embedding, ids| embedding(table.weight.val(), ids);
        let mut sum = rows_of(&self.word_embeddings, input.token_ids.clone());
        if let (Some(table), Some(types)) = (&self.token_type_embeddings, &input.token_type_ids) {
            sum = sum + rows_of(table, types.clone());
        }
        if let Some(table) = &self.position_embeddings {
            sum = sum + rows_of(table, input.position_ids.clone());
        }
        let normalized = match &self.norm {
            Some(norm) => self.normalization.apply(norm, sum),
            None => sum,
        };
        let dropped = apply(normalized, self.dropout, dropout, 0);
        match &self.projection {
            Some(projection) => layers::apply_linear(projection, dropped),
            None => dropped,
        }
    }
}
