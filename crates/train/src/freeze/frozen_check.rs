//! Check that frozen parameters do not change.

use std::collections::HashMap;

use burn::module::{Module, ModuleVisitor, Param, ParamId};
use burn::tensor::Tensor;
use finetune_model::Parameter;
use xxhash_rust::xxh3::Xxh3;

use crate::error::TrainError;

/// Fingerprints of parameters, to verify after a run that frozen ones are bit-identical.
///
/// A fingerprint has 16 bytes; parameters are not copied. On a GPU, all watched parameters are read
/// back once at the start and once at the end.
///
/// ```
/// use burn::nn::LinearConfig;
/// use burn::tensor::Device;
/// use finetune_model::parameters;
/// use finetune_train::FrozenParameterCheck;
///
/// let layer = LinearConfig::new(2, 2).init(&Device::flex());
/// let frozen = parameters(&layer);
/// let watch = FrozenParameterCheck::start(&layer, &frozen);
/// // ... training ...
/// watch.verify(&layer, &frozen)?;
/// # Ok::<(), finetune_train::TrainError>(())
/// ```
#[derive(Debug, Clone)]
pub struct FrozenParameterCheck {
    fingerprints: HashMap<ParamId, u128>,
}

impl FrozenParameterCheck {
    /// Takes the fingerprints of the `frozen` parameters of `model`, as listed by
    /// [`FreezeConfig::frozen`](crate::FreezeConfig::frozen).
    pub fn start<M: Module>(model: &M, frozen: &[Parameter]) -> Self {
        Self {
            fingerprints: fingerprints(model, frozen),
        }
    }

    /// Checks the parameters that are still `frozen`; unfrozen ones may have changed.
    ///
    /// # Errors
    /// - [`TrainError::Parameter`] if a parameter changed or has no fingerprint; it names the
    ///   first.
    pub fn verify<M: Module>(&self, model: &M, frozen: &[Parameter]) -> Result<(), TrainError> {
        let now = Self::start(model, frozen).fingerprints;
        let changed = frozen.iter().find(|parameter| {
            let before = self.fingerprints.get(&parameter.id);
            before.is_none() || before != now.get(&parameter.id)
        });
        match changed {
            Some(parameter) => Err(TrainError::parameter(
                &parameter.path,
                "was frozen, but changed",
            )),
            None => Ok(()),
        }
    }
}

/// Returns fingerprints of some parameters of a model: hashes of dtype, shape and values.
pub(crate) fn fingerprints<M: Module>(model: &M, of: &[Parameter]) -> HashMap<ParamId, u128> {
    let wanted = of.iter().map(|parameter| (parameter.id, 0));
    let mut taking = Taking {
        fingerprints: wanted.collect(),
    };
    model.visit(&mut taking);
    taking.fingerprints
}

/// Visitor that computes the requested fingerprints.
struct Taking {
    fingerprints: HashMap<ParamId, u128>,
}

impl ModuleVisitor for Taking {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        if let Some(fingerprint) = self.fingerprints.get_mut(&param.id) {
            let data = param.val().into_data();
            let mut hasher = Xxh3::new();
            hasher.update(format!("{:?} {:?}", data.dtype(), data.shape().as_slice()).as_bytes());
            hasher.update(data.as_bytes());
            *fingerprint = hasher.digest128();
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::nn::LinearConfig;
    use burn::tensor::Device;
    use finetune_model::parameters;

    use super::*;

    #[test]
    fn a_changed_bit_is_noticed() {
        let mut layer = LinearConfig::new(3, 2).init(&Device::flex());
        let frozen = parameters(&layer);
        let watch = FrozenParameterCheck::start(&layer, &frozen);
        watch.verify(&layer, &frozen).unwrap();
        // 0 and -0 are equal, but not the same.
        let zeros = layer.weight.val().zeros_like();
        layer.weight = Param::initialized(layer.weight.id, zeros.clone());
        let watch = FrozenParameterCheck::start(&layer, &frozen);
        layer.weight = Param::initialized(layer.weight.id, zeros.neg());
        let error = watch.verify(&layer, &frozen).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("parameter weight: was frozen"),
            "{error}"
        );
        // What is not frozen any more may be anything.
        watch.verify(&layer, &frozen[1..]).unwrap();
    }

    #[test]
    fn what_was_not_watched_proves_nothing() {
        let layer = LinearConfig::new(3, 2).init(&Device::flex());
        let frozen = parameters(&layer);
        let watch = FrozenParameterCheck::start(&layer, &frozen[..1]);
        assert!(watch.verify(&layer, &frozen).is_err());
    }
}
