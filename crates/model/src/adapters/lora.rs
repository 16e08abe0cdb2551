//! Adding LoRA adapters to an encoder and merging them.

use burn::module::{Module, ParamGroup};

use super::{LoraConfig, LoraTarget};
use crate::encoder::Encoder;
use crate::error::ModelError;
use crate::initialization;
use crate::parameters::{parameters, replace};

impl Encoder {
    /// Adds adapters to the encoder and freezes its other parameters. The output does not change:
    /// as in PEFT, `A` is initialized from a uniform distribution (a function of the seed) and `B`
    /// with zeros.
    ///
    /// Parameters outside the encoder stay trainable.
    ///
    /// # Errors
    /// - The errors of [`LoraConfig::validate`].
    /// - [`ModelError::InvalidConfig`] if the encoder already has adapters, or is too wide for the
    ///   rank.
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use finetune_model::{EncoderConfig, LoraConfig, LoraTarget, init_weights, parameters};
    ///
    /// let config = EncoderConfig {
    ///     vocab_size: 100,
    ///     hidden_size: 16,
    ///     num_hidden_layers: 2,
    ///     num_attention_heads: 2,
    ///     intermediate_size: 32,
    ///     ..Default::default()
    /// };
    /// let encoder = init_weights(config.init(&Device::flex())?, 0.02, 42);
    /// let lora = LoraConfig {
    ///     rank: 4,
    ///     target_modules: vec![LoraTarget::Query, LoraTarget::Value],
    ///     ..Default::default()
    /// };
    /// let encoder = encoder.with_lora(&lora, 42)?;
    /// let adapters = parameters(&encoder).into_iter().filter(|parameter| parameter.kind.is_adapter());
    /// // Two matrices at two places in each of two layers.
    /// assert_eq!(adapters.count(), 8);
    /// # Ok::<(), finetune_model::ModelError>(())
    /// ```
    pub fn with_lora(self, config: &LoraConfig, seed: u64) -> Result<Self, ModelError> {
        let adapted = self.add_lora(config, |_, target| config.target_modules.contains(&target))?;
        let filled = replace(adapted, |parameter| {
            let adapter = parameter.kind.is_adapter();
            // Adapters do not use the standard deviation.
            adapter.then(|| initialization::values(parameter, 0.0, seed))
        });
        Ok(filled.freeze_all_but_lora())
    }

    /// Adds zero adapters to the linear layers that are `wanted`, by layer and target.
    pub(super) fn add_lora(
        mut self,
        config: &LoraConfig,
        wanted: impl Fn(usize, LoraTarget) -> bool,
    ) -> Result<Self, ModelError> {
        config.validate()?;
        if self.has_lora() {
            let found = "adapters for an encoder that has some";
            return Err(ModelError::config("lora", found, "one set of adapters"));
        }
        for (index, layer) in self.layers.iter_mut().enumerate() {
            for target in LoraTarget::ALL {
                if wanted(index, target) {
                    target.of_mut(layer).add_lora(config)?;
                }
            }
        }
        Ok(self)
    }

    /// Adds the adapters' products to the weights, removes the adapters and unfreezes all
    /// parameters. An encoder without adapters is returned unchanged.
    pub fn merge_lora(mut self) -> Self {
        if !self.has_lora() {
            return self;
        }
        for layer in &mut self.layers {
            for target in LoraTarget::ALL {
                target.of_mut(layer).merge_lora();
            }
        }
        self.set_require_grad(true)
    }

    /// Returns whether any linear layer has an adapter.
    pub fn has_lora(&self) -> bool {
        self.lora().is_some()
    }

    /// Returns the settings of the adapters with the targets of all layers; `None` without
    /// adapters.
    pub fn lora(&self) -> Option<LoraConfig> {
        let of = |target: LoraTarget| {
            let mut adapters = self
                .layers
                .iter()
                .filter_map(|layer| target.of(layer).lora.as_ref());
            adapters.next()
        };
        let targets = LoraTarget::ALL.into_iter();
        let targets: Vec<_> = targets.filter(|target| of(*target).is_some()).collect();
        // All adapters of an encoder share their settings.
        let settings = of(*targets.first()?)?.config();
        Some(LoraConfig {
            target_modules: targets,
            ..settings.clone()
        })
    }

    pub(super) fn freeze_all_but_lora(self) -> Self {
        let all = parameters(&self).into_iter();
        let frozen = all.filter(|parameter| !parameter.kind.is_adapter());
        let frozen = ParamGroup::from_ids(frozen.map(|parameter| parameter.id).collect());
        self.set_require_grad_group(frozen, false)
    }
}
