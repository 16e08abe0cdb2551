//! Freezing: of the lower part of the encoder, of parameters by name, and gradual unfreezing.
//!
//! Works on any module with its encoder in the field `encoder`. Frozen parameters get no gradient,
//! and no backward pass is computed below the lowest trainable parameter. [`FrozenParameterCheck`] and
//! [`check_gradients`] verify that exactly the right parameters change.

mod frozen_check;
mod glob;
mod gradients;
mod scope;

use burn::module::{Module, ParamGroup};
use finetune_model::{Parameter, parameters};
use serde::{Deserialize, Serialize};

pub use frozen_check::FrozenParameterCheck;
pub(crate) use frozen_check::fingerprints;
pub use gradients::check_gradients;
pub(crate) use gradients::check_gradients_of;
pub use scope::{FreezeScope, GradualUnfreezing};

use crate::encoder_stages::{layers, stage};
use crate::error::TrainError;
use crate::run_length::TrainDuration;

/// Freezing settings.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FreezeConfig {
    /// Part of the encoder that is frozen at the start (default: none).
    pub scope: FreezeScope,
    /// Patterns of further parameter paths to freeze for the whole run, such as
    /// `encoder.layers.*.attention.*`; `*` matches any characters including dots (default: none).
    pub parameters: Vec<String>,
    /// Gradual unfreezing of `part` (default: never).
    pub unfreeze: Option<GradualUnfreezing>,
    /// Whether dropout stays active in the frozen part (default: false). Scripts that only set
    /// `requires_grad = False` keep it active.
    pub keep_dropout: bool,
}

impl From<FreezeScope> for FreezeConfig {
    fn from(part: FreezeScope) -> Self {
        Self {
            scope: part,
            ..Self::default()
        }
    }
}

impl FreezeConfig {
    /// Checks the settings without a model.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if the unfreezing interval is 0, a pattern is empty, or
    ///   unfreezing is set while no part is frozen.
    pub fn validate(&self) -> Result<(), TrainError> {
        if let Some(unfreeze) = self.unfreeze {
            unfreeze.validate()?;
            if self.scope == FreezeScope::None {
                let expected =
                    "embeddings, encoder or all-but-last-N, since freeze.unfreeze is set";
                return Err(TrainError::setting("freeze.scope", self.scope, expected));
            }
        }
        match self.parameters.iter().any(String::is_empty) {
            true => Err(TrainError::setting(
                "freeze.parameters",
                "empty",
                "names or patterns of parameters",
            )),
            false => Ok(()),
        }
    }

    /// Checks that `model` has the parameters to freeze, and that some parameter trains from the
    /// first step.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if more layers are to train than `model` has, or none
    ///   trains.
    /// - [`TrainError::Parameter`] if a pattern matches no parameter.
    pub fn check<M: Module>(&self, model: &M) -> Result<(), TrainError> {
        self.validate()?;
        let parameters = parameters(model);
        self.scope.check(layers(&parameters))?;
        for pattern in &self.parameters {
            let mut paths = parameters.iter().map(|parameter| &parameter.path);
            if !paths.any(|path| glob::matches(pattern, path)) {
                let example = parameters.first().map_or("", |p| p.path.as_str());
                let problem = format!("not in the model, which has such as {example:?}");
                return Err(TrainError::parameter(pattern, problem));
            }
        }
        let frozen = self.frozen_at_start(model);
        match frozen.len() == parameters.len() {
            true => {
                let found = format!("all {} parameters", frozen.len());
                Err(TrainError::setting("freeze", found, "some that train"))
            }
            false => Ok(()),
        }
    }

    /// Returns the number of frozen stages of an encoder with `layers` layers, from the bottom: the
    /// embeddings are one stage, each layer is one. `epoch` and `step` count from 0.
    pub fn frozen_stages(&self, layers: usize, epoch: usize, step: usize) -> usize {
        let unfrozen = self
            .unfreeze
            .map_or(0, |unfreeze| unfreeze.stages(epoch, step));
        self.scope.frozen_stages(layers).saturating_sub(unfrozen)
    }

    /// Returns the number of stages that are frozen throughout a run of this length.
    pub fn frozen_throughout(&self, layers: usize, length: TrainDuration) -> usize {
        match (self.unfreeze, length) {
            (Some(GradualUnfreezing::Epochs(_)), TrainDuration::Epochs(epochs)) => {
                self.frozen_stages(layers, epochs.saturating_sub(1), 0)
            }
            (Some(GradualUnfreezing::Steps(_)), TrainDuration::Steps(steps)) => {
                self.frozen_stages(layers, 0, steps.saturating_sub(1))
            }
            // The number of steps per epoch depends on the data.
            (Some(_), _) => 0,
            (None, _) => self.frozen_stages(layers, 0, 0),
        }
    }

    /// Returns the first stage with dropout while `frozen_stages` stages are frozen, for
    /// [`DropoutStream::from_stage`](finetune_model::DropoutStream::from_stage).
    pub fn first_stage_with_dropout(&self, frozen_stages: usize) -> usize {
        if self.keep_dropout { 0 } else { frozen_stages }
    }

    /// Returns the frozen parameters of `model` while `frozen_stages` stages are frozen.
    ///
    /// In an encoder with adapters, all parameters but the adapters are frozen.
    pub fn frozen<M: Module>(&self, model: &M, frozen_stages: usize) -> Vec<Parameter> {
        let parameters = parameters(model);
        let adapted = parameters
            .iter()
            .any(|parameter| parameter.kind.is_adapter());
        let layers = layers(&parameters);
        let is_frozen = |parameter: &Parameter| {
            let stage = stage(parameter, layers);
            stage.is_some_and(|stage| stage < frozen_stages)
                || adapted && stage.is_some() && !parameter.kind.is_adapter()
                || self
                    .parameters
                    .iter()
                    .any(|name| glob::matches(name, &parameter.path))
        };
        parameters.into_iter().filter(is_frozen).collect()
    }

    /// Returns the parameters of `model` that are frozen in the first step.
    pub fn frozen_at_start<M: Module>(&self, model: &M) -> Vec<Parameter> {
        self.frozen(model, self.frozen_stages(layers(&parameters(model)), 0, 0))
    }

    /// Freezes `frozen_stages` stages of `model` and the named parameters; unfreezes all others.
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use finetune_model::{EncoderConfig, SequenceClassifierConfig, init_weights};
    /// use finetune_train::{FreezeScope, FreezeConfig, GradualUnfreezing};
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
    /// // One layer more each epoch, the last first; the word embeddings never.
    /// let freeze = FreezeConfig {
    ///     scope: FreezeScope::Encoder,
    ///     parameters: vec!["*word_embeddings*".into()],
    ///     unfreeze: Some(GradualUnfreezing::Epochs(1)),
    ///     ..Default::default()
    /// };
    /// freeze.check(&model)?;
    /// assert_eq!((freeze.frozen_stages(2, 0, 0), freeze.frozen_stages(2, 2, 0)), (3, 1));
    /// let model = freeze.apply(model, 3);
    /// assert!(!model.encoder.layers[1].feed_forward.norm.gamma.val().is_require_grad());
    /// let model = freeze.apply(model, 0);
    /// assert_eq!(freeze.frozen(&model, 0).len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn apply<M: Module>(&self, model: M, frozen_stages: usize) -> M {
        let group = |parameters: &[Parameter]| {
            ParamGroup::from_ids(parameters.iter().map(|parameter| parameter.id).collect())
        };
        let frozen = self.frozen(&model, frozen_stages);
        let mut training = parameters(&model);
        training.retain(|parameter| frozen.iter().all(|other| other.id != parameter.id));
        model
            .set_require_grad_group(group(&frozen), false)
            .set_require_grad_group(group(&training), true)
    }
}

#[cfg(test)]
mod tests {
    use burn::module::{ModuleVisitor, Param};
    use burn::tensor::{Device, Tensor};
    use finetune_model::{
        EncoderConfig, LoraConfig, LoraTarget, SequenceClassifier, SequenceClassifierConfig,
        init_weights,
    };

    use super::*;

    fn encoder() -> EncoderConfig {
        EncoderConfig {
            vocab_size: 20,
            hidden_size: 8,
            num_hidden_layers: 2,
            num_attention_heads: 2,
            intermediate_size: 8,
            max_position_embeddings: 8,
            ..Default::default()
        }
    }

    fn classifier() -> SequenceClassifier {
        let names = ["no", "yes"].map(String::from);
        let config = SequenceClassifierConfig::new(encoder(), names.into());
        init_weights(config.init(&Device::flex().autodiff()).unwrap(), 0.02, 1)
    }

    /// Paths of the parameters that take a gradient.
    fn training<M: Module>(model: &M) -> Vec<String> {
        struct Training(Vec<bool>);
        impl ModuleVisitor for Training {
            fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
                self.0.push(param.val().is_require_grad());
            }
        }
        let mut training = Training(Vec::new());
        model.visit(&mut training);
        let parameters = parameters(model).into_iter().zip(training.0);
        let training = parameters.filter(|(_, trains)| *trains);
        training.map(|(parameter, _)| parameter.path).collect()
    }

    #[test]
    fn what_is_frozen_can_be_unfrozen() {
        let freeze = FreezeConfig {
            scope: FreezeScope::Encoder,
            parameters: vec!["*.query.*".to_string()],
            ..Default::default()
        };
        let whole = classifier();
        let all = training(&whole);
        let model = freeze.apply(whole, 3);
        assert!(
            training(&model)
                .iter()
                .all(|path| !path.starts_with("encoder."))
        );
        let model = freeze.apply(model, 1);
        let of_layers =
            |path: &&String| !path.starts_with("encoder.embeddings.") && !path.contains(".query.");
        let expected: Vec<&String> = all.iter().filter(of_layers).collect();
        assert_eq!(training(&model).iter().collect::<Vec<_>>(), expected);
        assert_eq!(training(&FreezeConfig::default().apply(model, 0)), all);
    }

    /// The encoder's own parameters stay frozen regardless of the settings: the adapters train in
    /// their place.
    #[test]
    fn an_adapted_encoder_is_not_unfrozen() {
        let mut model = classifier();
        let lora = LoraConfig {
            rank: 2,
            target_modules: vec![LoraTarget::Query],
            ..Default::default()
        };
        model.encoder = model.encoder.with_lora(&lora, 1).unwrap();
        let before = training(&model);
        assert!(
            before.iter().any(|path| path.contains("lora")),
            "{before:?}"
        );
        assert_eq!(training(&FreezeConfig::default().apply(model, 0)), before);
    }

    #[test]
    fn a_masked_lm_is_frozen_alike() {
        let model = encoder()
            .init_masked_lm(&Device::flex().autodiff())
            .unwrap();
        let freeze = FreezeConfig::from(FreezeScope::AllButLast(1));
        freeze.check(&model).unwrap();
        let training = training(&freeze.apply(model, freeze.frozen_stages(2, 0, 0)));
        let starts = |part: &str| {
            training
                .iter()
                .filter(|path| path.starts_with(part))
                .count()
        };
        assert_eq!(
            starts("encoder.embeddings.") + starts("encoder.layers.0."),
            0
        );
        assert_eq!(
            starts("encoder.layers.1.") + starts("head."),
            training.len()
        );
    }

    #[test]
    fn stages_thaw_from_the_top() {
        let freeze = |unfreeze| FreezeConfig {
            scope: FreezeScope::AllButLast(1),
            unfreeze: Some(unfreeze),
            ..Default::default()
        };
        let epochs = freeze(GradualUnfreezing::Epochs(2));
        let steps = freeze(GradualUnfreezing::Steps(100));
        let by_epoch = [0, 1, 2, 3, 4, 20].map(|epoch| epochs.frozen_stages(3, epoch, 0));
        assert_eq!(by_epoch, [3, 3, 2, 2, 1, 0]);
        let by_step = [0, 99, 100, 299, 300].map(|step| steps.frozen_stages(3, 9, step));
        assert_eq!(by_step, [3, 3, 2, 1, 0]);
        for (freeze, length, frozen) in [
            (&epochs, TrainDuration::Epochs(2), 3),
            (&epochs, TrainDuration::Epochs(3), 2),
            (&steps, TrainDuration::Steps(100), 3),
            (&steps, TrainDuration::Steps(101), 2),
            (&steps, TrainDuration::Epochs(1), 0),
        ] {
            assert_eq!(freeze.frozen_throughout(3, length), frozen, "{length:?}");
        }
        assert_eq!(epochs.first_stage_with_dropout(2), 2);
        let always = FreezeConfig {
            keep_dropout: true,
            ..epochs
        };
        assert_eq!(always.first_stage_with_dropout(2), 0);
    }

    #[test]
    fn what_cannot_be_frozen_is_named() {
        let names = |names: &[&str]| FreezeConfig {
            parameters: names.iter().map(ToString::to_string).collect(),
            ..Default::default()
        };
        let unfreeze = |part, unfreeze| FreezeConfig {
            scope: part,
            unfreeze: Some(unfreeze),
            ..Default::default()
        };
        for (freeze, expected) in [
            (
                FreezeScope::AllButLast(3).into(),
                "freeze is all-but-last-3, expected at most the model's 2 layers",
            ),
            (
                names(&["*.gamma", "*.layer.*"]),
                "parameter *.layer.*: not in the model",
            ),
            (names(&[""]), "freeze.parameters is empty"),
            (names(&["*"]), "freeze is all"),
            (
                unfreeze(FreezeScope::None, GradualUnfreezing::Steps(1)),
                "freeze.scope is none",
            ),
            (
                unfreeze(FreezeScope::Encoder, GradualUnfreezing::Epochs(0)),
                "freeze.unfreeze is 0",
            ),
        ] {
            let message = freeze.check(&classifier()).unwrap_err().to_string();
            assert!(message.starts_with(expected), "{message}");
        }
    }

    #[test]
    fn the_settings_read_back() {
        let json = r#"{"scope": "all-but-last-2", "unfreeze": {"epochs": 1}}"#;
        let freeze: FreezeConfig = serde_json::from_str(json).unwrap();
        assert_eq!(freeze.scope, FreezeScope::AllButLast(2));
        assert_eq!(freeze.unfreeze, Some(GradualUnfreezing::Epochs(1)));
        let json = serde_json::to_string(&freeze).unwrap();
        assert_eq!(serde_json::from_str::<FreezeConfig>(&json).unwrap(), freeze);
    }
}
