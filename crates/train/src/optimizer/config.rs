//! Optimizer settings: the algorithm, learning rates per layer, weight decay and clipping.

use burn::module::Module;
use finetune_model::{Parameter, ParameterKind, parameters};
use serde::{Deserialize, Serialize};

use super::{Algorithm, Optimizer};
use crate::encoder_stages::stage;
use crate::error::TrainError;

/// Optimizer settings, with the defaults of `torch.optim.AdamW` and of BERT fine-tuning.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OptimizerConfig {
    /// Full learning rate, above 0 (default: 5e-5); the schedule scales it.
    pub learning_rate: f64,
    /// Full learning rate of the pooler and head, above 0 (default: `learning_rate`).
    pub head_learning_rate: Option<f64>,
    /// Layer-wise learning rate decay: factor per layer from the last layer down, in `(0, 1]`
    /// (default: 1, the same rate for all layers). The last layer has `learning_rate`, the
    /// embeddings have the lowest rate. [Sun et al. 2019](https://arxiv.org/abs/1905.05583),
    /// section 5.3.4, found 0.95 best.
    pub layerwise_lr_decay: f64,
    /// Weight decay, at least 0 (default: 0.01, as in PyTorch; transformers: 0). Biases and
    /// normalization parameters are not decayed.
    pub weight_decay: f64,
    /// Maximum global gradient norm for clipping, above 0; `None` disables clipping (default: 1).
    pub max_grad_norm: Option<f64>,
    /// Optimizer algorithm (default: AdamW).
    pub algorithm: Algorithm,
}

impl Default for OptimizerConfig {
    fn default() -> Self {
        Self {
            learning_rate: 5e-5,
            head_learning_rate: None,
            layerwise_lr_decay: 1.0,
            weight_decay: 0.01,
            max_grad_norm: Some(1.0),
            algorithm: Algorithm::default(),
        }
    }
}

impl OptimizerConfig {
    /// Checks that every value is in its range.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if a value is out of range; it names the first one.
    pub fn validate(&self) -> Result<(), TrainError> {
        for (setting, value) in [
            ("learning_rate", Some(self.learning_rate)),
            ("head_learning_rate", self.head_learning_rate),
            ("max_grad_norm", self.max_grad_norm),
        ] {
            if let Some(value) = value
                && !(value > 0.0 && value.is_finite())
            {
                return Err(TrainError::setting(setting, value, "above 0"));
            }
        }
        if !(self.layerwise_lr_decay > 0.0 && self.layerwise_lr_decay <= 1.0) {
            return Err(TrainError::setting(
                "layerwise_lr_decay",
                self.layerwise_lr_decay,
                "in (0, 1]",
            ));
        }
        if !(self.weight_decay >= 0.0 && self.weight_decay.is_finite()) {
            return Err(TrainError::setting(
                "weight_decay",
                self.weight_decay,
                "at least 0",
            ));
        }
        self.algorithm.validate()
    }

    /// Creates the optimizer for all parameters of `module`, including those that are frozen for
    /// now. Layer-wise rates apply to an encoder in the field `encoder`.
    ///
    /// ```
    /// use burn::optim::GradientsParams;
    /// use burn::tensor::Device;
    /// use finetune_model::{EncoderConfig, EncoderInput, SequenceClassifierConfig, init_weights};
    /// use finetune_train::OptimizerConfig;
    ///
    /// let encoder = EncoderConfig {
    ///     vocab_size: 100,
    ///     hidden_size: 16,
    ///     num_hidden_layers: 2,
    ///     num_attention_heads: 2,
    ///     intermediate_size: 32,
    ///     ..Default::default()
    /// };
    /// let classes = ["no", "yes"].map(String::from);
    /// let config = SequenceClassifierConfig::new(encoder, classes.into());
    /// let model = init_weights(config.init(&Device::flex().autodiff())?, 0.02, 42);
    ///
    /// let settings = OptimizerConfig { layerwise_lr_decay: 0.95, ..Default::default() };
    /// let mut optimizer = settings.init(&model);
    /// let input = EncoderInput::new(&model.encoder, &[2, 7, 3], &[0; 3], &[0, 3])?;
    /// let loss = model.forward(&input, None)?.sum();
    /// let gradients = GradientsParams::from_grads(loss.backward(), &model);
    /// // Half of the full rate: the schedule is warming up.
    /// let (model, norm) = optimizer.step(model, gradients, 0.5);
    /// assert!(norm.into_scalar::<f32>() > 0.0);
    /// # Ok::<(), finetune_model::ModelError>(())
    /// ```
    pub fn init<M: Module>(&self, module: &M) -> Optimizer {
        Optimizer::new(self, module, &parameters(module))
    }

    /// Returns the full learning rate of a parameter of a model with `layers` layers.
    pub fn learning_rate_of(&self, parameter: &Parameter, layers: usize) -> f64 {
        match stage(parameter, layers) {
            None => self.head_learning_rate.unwrap_or(self.learning_rate),
            Some(stage) => {
                let below_the_last = layers.saturating_sub(stage) as i32;
                self.learning_rate * self.layerwise_lr_decay.powi(below_the_last)
            }
        }
    }

    /// Returns the weight decay of a parameter: 0 for biases and normalization.
    pub fn weight_decay_of(&self, parameter: &Parameter) -> f64 {
        match parameter.kind {
            ParameterKind::LinearWeight
            | ParameterKind::Embedding
            | ParameterKind::LoraA
            | ParameterKind::LoraB => self.weight_decay,
            ParameterKind::Other if parameter.shape.len() >= 2 => self.weight_decay,
            _ => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_read_back() {
        let config = OptimizerConfig::default();
        config.validate().unwrap();
        let json = serde_json::to_string(&config).unwrap();
        let back: OptimizerConfig = serde_json::from_str(&json).unwrap();
        assert_eq!(back, config);
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let base = OptimizerConfig::default;
        for (config, setting) in [
            (
                OptimizerConfig {
                    learning_rate: 0.0,
                    ..base()
                },
                "learning_rate",
            ),
            (
                OptimizerConfig {
                    head_learning_rate: Some(f64::INFINITY),
                    ..base()
                },
                "head_learning_rate",
            ),
            (
                OptimizerConfig {
                    layerwise_lr_decay: 1.1,
                    ..base()
                },
                "layerwise_lr_decay",
            ),
            (
                OptimizerConfig {
                    layerwise_lr_decay: f64::NAN,
                    ..base()
                },
                "layerwise_lr_decay",
            ),
            (
                OptimizerConfig {
                    weight_decay: -1.0,
                    ..base()
                },
                "weight_decay",
            ),
            (
                OptimizerConfig {
                    max_grad_norm: Some(0.0),
                    ..base()
                },
                "max_grad_norm",
            ),
        ] {
            let message = config.validate().unwrap_err().to_string();
            assert!(message.starts_with(setting), "{message}");
        }
    }

    /// Sun et al.: the rate of layer k is that of layer k + 1 times the factor.
    #[test]
    fn rates_fall_from_the_head_to_the_embeddings() {
        use burn::module::ParamId;

        let config = OptimizerConfig {
            learning_rate: 1.0,
            head_learning_rate: Some(5.0),
            layerwise_lr_decay: 0.5,
            ..Default::default()
        };
        let rate = |path: &str| {
            let parameter = Parameter {
                path: path.to_string(),
                kind: ParameterKind::LinearWeight,
                shape: vec![1],
                id: ParamId::new(),
            };
            config.learning_rate_of(&parameter, 3)
        };
        for (path, expected) in [
            ("head.layers.0.weight", 5.0),
            ("pooler.dense.weight", 5.0),
            ("encoder.final_norm.gamma", 1.0),
            ("encoder.layers.2.attention.query.weight", 1.0),
            ("encoder.layers.1.attention.query.weight", 0.5),
            ("encoder.layers.0.attention.query.weight", 0.25),
            ("encoder.embeddings.norm.gamma", 0.125),
        ] {
            assert_eq!(rate(path), expected, "{path}");
        }
    }
}
