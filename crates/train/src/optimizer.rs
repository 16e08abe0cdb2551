//! AdamW over parameter groups ([Loshchilov & Hutter 2017](https://arxiv.org/abs/1711.05101)): burn's
//! own, with PyTorch's settings, global-norm clipping before it, and no decay on biases and
//! normalisations.

use burn::module::{Module, ParamGroup};
use burn::optim::{AdamWConfig, GradientsParams, ModuleOptimizer};
use burn::tensor::{Gradients, Tensor};
use finetune_model::{ParameterKind, parameters};
use serde::{Deserialize, Serialize};

use crate::TrainError;
use crate::gradient_clipping::clip_by_global_norm;

/// Settings of AdamW. The defaults are those of `torch.optim.AdamW` and of BERT fine-tuning.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdamWSettings {
    /// The full learning rate, above 0; the schedule gives shares of it.
    pub learning_rate: f64,
    /// Decay of weights and embeddings, decoupled from the gradient, at least 0.
    pub weight_decay: f64,
    /// Memory of the mean gradient, in `[0, 1)`.
    pub beta_1: f64,
    /// Memory of the squared gradient, in `[0, 1)`.
    pub beta_2: f64,
    /// Added to the root of the squared gradient, above 0.
    pub epsilon: f64,
    /// The norm of all gradients together is at most this, above 0; `None` does not clip.
    pub max_gradient_norm: Option<f64>,
}

impl Default for AdamWSettings {
    fn default() -> Self {
        Self {
            learning_rate: 5e-5,
            weight_decay: 0.01,
            beta_1: 0.9,
            beta_2: 0.999,
            epsilon: 1e-8,
            max_gradient_norm: Some(1.0),
        }
    }
}

impl AdamWSettings {
    /// Whether every value is in its range.
    ///
    /// # Errors
    /// [`TrainError::InvalidSetting`] names the first that is not.
    pub fn validate(&self) -> Result<(), TrainError> {
        for (setting, value) in [
            ("learning_rate", self.learning_rate),
            ("epsilon", self.epsilon),
            ("max_gradient_norm", self.max_gradient_norm.unwrap_or(1.0)),
        ] {
            if !(value > 0.0 && value.is_finite()) {
                return Err(TrainError::setting(setting, value, "above 0"));
            }
        }
        for (setting, value) in [("beta_1", self.beta_1), ("beta_2", self.beta_2)] {
            if !(0.0..1.0).contains(&value) {
                return Err(TrainError::setting(setting, value, "in [0, 1)"));
            }
        }
        if !(self.weight_decay >= 0.0 && self.weight_decay.is_finite()) {
            return Err(TrainError::setting(
                "weight_decay",
                self.weight_decay,
                "at least 0",
            ));
        }
        Ok(())
    }

    /// The optimizer of `module`'s parameters.
    pub fn init<M: Module>(&self, module: &M) -> AdamW {
        let without_decay = AdamWConfig::new()
            .with_beta_1(self.beta_1 as f32)
            .with_beta_2(self.beta_2 as f32)
            .with_epsilon(self.epsilon as f32)
            .with_weight_decay(0.0);
        let with_decay = without_decay
            .clone()
            .with_weight_decay(self.weight_decay as f32);
        let decayed = parameters(module).into_iter().filter(|parameter| {
            matches!(
                parameter.kind,
                ParameterKind::LinearWeight
                    | ParameterKind::Embedding
                    | ParameterKind::LoraA
                    | ParameterKind::LoraB
            )
        });
        let group = ParamGroup::from_ids(decayed.map(|parameter| parameter.id).collect());
        let optimizer = without_decay
            .init()
            .with_group(group, with_decay.build(), None);
        AdamW {
            optimizer,
            max_gradient_norm: self.max_gradient_norm,
        }
    }
}

/// The optimizer with the state of every parameter.
#[allow(
    missing_debug_implementations,
    reason = "burn's ModuleOptimizer has none"
)]
pub struct AdamW {
    optimizer: ModuleOptimizer,
    max_gradient_norm: Option<f64>,
}

impl AdamW {
    /// One step: clips the gradients, then moves the parameters. Gives the module and the norm of
    /// all gradients before clipping, a tensor of one value that need not be read.
    pub fn step<M: Module>(
        &mut self,
        module: M,
        gradients: Gradients,
        learning_rate: f64,
    ) -> (M, Tensor<1>) {
        let gradients = GradientsParams::from_grads(gradients, &module);
        let (gradients, norm) = clip_by_global_norm(&module, gradients, self.max_gradient_norm);
        (self.optimizer.step(learning_rate, module, gradients), norm)
    }
}
