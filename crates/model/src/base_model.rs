//! Encoder with its pre-trained pooler: transformers' `…Model` classes.

use burn::module::Module;

use crate::encoder::{Encoder, EncoderModel};
use crate::pooling::Pooler;

/// Encoder with its pooler, if it has one. A classifier that uses the pooler has both in fields of
/// the same names, so that their parameters have the same paths.
///
/// ```
/// use burn::tensor::Device;
/// use finetune_model::{BaseModel, EncoderConfig, EncoderInput, Pooling, init_weights};
///
/// let device = Device::flex();
/// let config = EncoderConfig {
///     vocab_size: 100,
///     hidden_size: 16,
///     num_hidden_layers: 1,
///     num_attention_heads: 2,
///     intermediate_size: 32,
///     ..Default::default()
/// };
/// let model = BaseModel {
///     encoder: config.init(&device)?,
///     pooler: Some(Pooling::pooler().init(&config, &device)?),
/// };
/// let model = init_weights(model, 0.02, 42);
/// let input = EncoderInput::new(&model.encoder, &[2, 7, 3], &[0; 3], &[0, 3])?;
/// if let Some(pooler) = &model.pooler {
///     let (layers, tokens) = (pooler.layers(), pooler.queries());
///     let states = model.encoder.hidden_states_of(layers, tokens, &input, None);
///     assert_eq!(pooler.forward(states, input.sequences()).dims(), [1, 16]);
/// }
/// # Ok::<(), finetune_model::ModelError>(())
/// ```
#[derive(Module, Debug)]
#[module(custom_display)]
pub struct BaseModel {
    /// Encoder; the same type in all models.
    pub encoder: Encoder,
    /// Pooler: dense layer and tanh on the first token.
    pub pooler: Option<Pooler>,
}

impl EncoderModel for BaseModel {
    fn try_map_encoder<E>(
        self,
        map: impl FnOnce(Encoder) -> Result<Encoder, E>,
    ) -> Result<Self, E> {
        let encoder = map(self.encoder)?;
        Ok(Self { encoder, ..self })
    }
}
