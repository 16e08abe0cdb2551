//! Embedding model: one vector per text, for semantic search, clustering and similarity.
//!
//! It is the [`SentenceTransformer`](https://www.sbert.net) of sentence-transformers: an encoder, a
//! pooling, a dense layer if there is one, and a normalization if there is one.

mod config;
mod dense;
mod load;
mod modules;
mod save;
mod settings;

pub use config::EmbeddingModelConfig;
pub use dense::{Dense, DenseActivation, DenseConfig};
pub use load::{load_embedding_model, load_embedding_model_with};
pub use modules::EmbeddingCheckpoint;
pub use save::save_embedding_model;
pub use settings::{Prompts, SimilarityFunction};

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use finetune_ops::on_workers;

use crate::dropout::DropoutStream;
use crate::encoder::{Encoder, EncoderInput, EncoderModel, EncoderStates};
use crate::pooling::Pooler;
use crate::recompute::recompute;

/// Minimum length of a vector that is scaled to length 1, as `eps` in
/// [`torch.nn.functional.normalize`](https://docs.pytorch.org/docs/2.9/generated/torch.nn.functional.normalize.html).
const SHORTEST: f64 = 1e-12;

/// Embedding model: encoder, pooling, and optionally a dense layer and normalization.
///
/// ```
/// use burn::tensor::Device;
/// use finetune_model::{EmbeddingModelConfig, EncoderConfig, EncoderInput, init_weights};
///
/// let encoder = EncoderConfig {
///     vocab_size: 100,
///     hidden_size: 16,
///     num_hidden_layers: 1,
///     num_attention_heads: 2,
///     intermediate_size: 32,
///     ..Default::default()
/// };
/// let config = EmbeddingModelConfig { normalize: true, ..EmbeddingModelConfig::new(encoder) };
/// let model = init_weights(config.init(&Device::flex())?, 0.02, 42);
/// // Two texts, of three tokens and of two.
/// let input = EncoderInput::new(&model.encoder, &[2, 7, 3, 2, 3], &[0; 5], &[0, 3, 5])?;
/// let embeddings = model.embed(&input, None);
/// assert_eq!(embeddings.dims(), [2, 16]);
/// let length = (embeddings.clone() * embeddings).sum().into_scalar::<f32>();
/// assert!((length - 2.0).abs() < 1e-5);
/// # Ok::<(), finetune_model::ModelError>(())
/// ```
#[derive(Module, Debug)]
pub struct EmbeddingModel {
    /// Encoder; the same type as in all other models.
    pub encoder: Encoder,
    /// Pooling of hidden states into one vector per text.
    pub pooler: Pooler,
    /// Dense layer on the pooled vector, if there is one.
    pub dense: Option<Dense>,
    #[module(skip)]
    config: EmbeddingModelConfig,
}

impl EmbeddingModel {
    /// Returns the embedding of each text. Without `dropout` the result is deterministic.
    ///
    /// # Shapes
    /// - output: `[B, W]`
    ///
    /// # Panics
    /// If `input` was made for an encoder with other embedding tables.
    pub fn embed(&self, input: &EncoderInput, dropout: Option<DropoutStream>) -> Tensor<2> {
        let (layers, tokens) = (self.pooler.layers(), self.pooler.queries());
        on_workers(&self.encoder.device(), || {
            let states = self
                .encoder
                .hidden_states_of(layers, tokens, input, dropout);
            self.pool(states, input)
        })
    }

    /// Returns the embeddings as [`Self::embed`], and all hidden states from the same pass.
    ///
    /// # Shapes
    /// - embeddings: `[B, W]`
    /// - hidden states: `L + 1` of `[T, D]`, see [`Encoder::hidden_states`]
    ///
    /// # Panics
    /// As [`Self::embed`].
    pub fn embed_with_hidden_states(
        &self,
        input: &EncoderInput,
        dropout: Option<DropoutStream>,
    ) -> (Tensor<2>, EncoderStates) {
        let hidden_states = self.encoder.hidden_states(input, dropout);
        let pooled = hidden_states[self.pooler.layers()].to_vec();
        let states = EncoderStates {
            hidden_states,
            sequences: input.sequences.clone(),
        };
        (self.pool(pooled, input), states)
    }

    /// Pools hidden states to embeddings.
    fn pool(&self, states: Vec<Tensor<2>>, input: &EncoderInput) -> Tensor<2> {
        let pooled = self.pooler.forward(states, input.sequences());
        let projected = match &self.dense {
            Some(dense) => dense.forward(pooled),
            None => pooled,
        };
        match self.config.normalize {
            true => normalize(projected),
            false => projected,
        }
    }

    /// Returns the embeddings of [`Self::embed`] with the same gradients, but keeps nothing of the
    /// forward pass, which the backward pass computes again, with the same dropout. With a batch in
    /// several parts, only one part's activations exist at a time: the gradient cache of
    /// [Gao et al. 2021](https://arxiv.org/abs/2101.06983).
    ///
    /// `plain` is `input` on the device without autodiff.
    ///
    /// # Shapes
    /// - output: `[B, W]`
    ///
    /// # Panics
    /// If an input was made for an encoder with other embedding tables, or the model has more than
    /// 1,024 trained parameters.
    pub fn embed_recomputed(
        &self,
        input: EncoderInput,
        plain: EncoderInput,
        dropout: Option<DropoutStream>,
    ) -> Tensor<2> {
        recompute(self, &[], move |model: &Self, _| {
            model.embed(model.encoder.input_of(&input, &plain), dropout)
        })
    }

    /// Returns the configuration of the model.
    pub fn config(&self) -> &EmbeddingModelConfig {
        &self.config
    }

    /// Returns the device of the parameters.
    pub fn device(&self) -> Device {
        self.encoder.device()
    }
}

impl EncoderModel for EmbeddingModel {
    fn try_map_encoder<E>(
        self,
        map: impl FnOnce(Encoder) -> Result<Encoder, E>,
    ) -> Result<Self, E> {
        let encoder = map(self.encoder)?;
        Ok(Self { encoder, ..self })
    }
}

/// Scales each row to length 1; a row of zeros stays as it is.
///
/// # Shapes
/// - `rows`, output: `[B, W]`
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use finetune_model::normalize;
///
/// let rows = Tensor::<2>::from_data([[3.0, 4.0], [0.0, 0.0]], &Device::flex());
/// let unit: Vec<f32> = normalize(rows).into_data().try_to_vec()?;
/// assert_eq!(unit, [0.6, 0.8, 0.0, 0.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn normalize(rows: Tensor<2>) -> Tensor<2> {
    // Square root of the clamped square: its gradient at a zero vector is 0, not infinite.
    let squares = (rows.clone() * rows.clone()).sum_dim(1);
    rows / squares.clamp_min(SHORTEST * SHORTEST).sqrt()
}
