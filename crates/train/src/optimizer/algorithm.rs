//! Optimizer algorithms and their hyperparameters.

use std::sync::Arc;

use burn::optim::decay::WeightDecayConfig;
use burn::optim::momentum::MomentumConfig;
use burn::optim::{
    AdafactorConfig, AdamConfig, DynOptimizer, LionConfig, RmsPropConfig, SgdConfig,
};
use serde::{Deserialize, Serialize};

use super::adamw::AdamW;
use super::bert_adam::BertAdam;
use crate::error::TrainError;

/// Optimizer algorithm with its hyperparameters. The defaults are PyTorch's; all algorithms but
/// [`Self::AdamW`] and [`Self::BertAdam`] are burn's implementations.
///
/// ```
/// use finetune_train::Algorithm;
///
/// let algorithm: Algorithm = serde_json::from_str(r#"{"kind": "adamw", "beta2": 0.98}"#)?;
/// assert_eq!(algorithm, Algorithm::AdamW { beta1: 0.9, beta2: 0.98, eps: 1e-8 });
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum Algorithm {
    /// Adam with decoupled weight decay, as
    /// [`torch.optim.AdamW`](https://docs.pytorch.org/docs/2.9/generated/torch.optim.AdamW.html)
    /// ([Loshchilov & Hutter 2017](https://arxiv.org/abs/1711.05101)).
    #[serde(rename = "adamw")]
    AdamW {
        /// Decay rate of the first moment, in `[0, 1)` (default: 0.9).
        #[serde(default = "beta1")]
        beta1: f64,
        /// Decay rate of the second moment, in `[0, 1)` (default: 0.999).
        #[serde(default = "beta2")]
        beta2: f64,
        /// Constant added to the denominator, above 0 (default: 1e-8).
        #[serde(default = "eps")]
        eps: f64,
    },
    /// AdamW without bias correction, as in the [original BERT
    /// code](https://github.com/google-research/bert/blob/master/optimization.py#L87).
    BertAdam {
        /// Decay rate of the first moment, in `[0, 1)` (default: 0.9).
        #[serde(default = "beta1")]
        beta1: f64,
        /// Decay rate of the second moment, in `[0, 1)` (default: 0.999).
        #[serde(default = "beta2")]
        beta2: f64,
        /// Constant added to the denominator, above 0 (default: 1e-6).
        #[serde(default = "bert_eps")]
        eps: f64,
    },
    /// Adam with L2 regularization, as
    /// [`torch.optim.Adam`](https://docs.pytorch.org/docs/2.9/generated/torch.optim.Adam.html)
    /// ([Kingma & Ba 2014](https://arxiv.org/abs/1412.6980)).
    Adam {
        /// Decay rate of the first moment, in `[0, 1)` (default: 0.9).
        #[serde(default = "beta1")]
        beta1: f64,
        /// Decay rate of the second moment, in `[0, 1)` (default: 0.999).
        #[serde(default = "beta2")]
        beta2: f64,
        /// Constant added to the denominator, above 0 (default: 1e-8).
        #[serde(default = "eps")]
        eps: f64,
    },
    /// Stochastic gradient descent with L2 regularization, as
    /// [`torch.optim.SGD`](https://docs.pytorch.org/docs/2.9/generated/torch.optim.SGD.html).
    Sgd {
        /// Momentum factor, in `[0, 1)` (default: 0).
        #[serde(default)]
        momentum: f64,
        /// Whether to use Nesterov momentum; requires `momentum` above 0 (default: false).
        #[serde(default)]
        nesterov: bool,
    },
    /// Lion: the sign of an interpolated gradient, with decoupled weight decay ([Chen et al.
    /// 2023](https://arxiv.org/abs/2302.06675), program 1). It needs a learning rate three to ten
    /// times lower than AdamW's, and a weight decay higher by the same factor.
    Lion {
        /// Weight of the momentum in the update direction, in `[0, 1)` (default: 0.9).
        #[serde(default = "beta1")]
        beta1: f64,
        /// Decay rate of the momentum, in `[0, 1)` (default: 0.99).
        #[serde(default = "lion_beta2")]
        beta2: f64,
    },
    /// RMSprop with L2 regularization, as
    /// [`torch.optim.RMSprop`](https://docs.pytorch.org/docs/2.9/generated/torch.optim.RMSprop.html).
    RmsProp {
        /// Decay rate of the mean squared gradient, in `[0, 1)` (default: 0.99).
        #[serde(default = "alpha")]
        alpha: f64,
        /// Momentum factor, in `[0, 1)` (default: 0).
        #[serde(default)]
        momentum: f64,
        /// Constant added to the denominator, above 0 (default: 1e-8).
        #[serde(default = "eps")]
        eps: f64,
    },
    /// Adafactor: a factored second moment (row and column means) with decoupled weight decay, as
    /// [`torch.optim.Adafactor`](https://docs.pytorch.org/docs/2.9/generated/torch.optim.Adafactor.html)
    /// ([Shazeer & Stern 2018](https://arxiv.org/abs/1804.04235)). Steps are relative to the scale
    /// of a parameter; PyTorch's default learning rate is 1e-2.
    Adafactor {},
}

fn beta1() -> f64 {
    0.9
}

fn beta2() -> f64 {
    0.999
}

fn lion_beta2() -> f64 {
    0.99
}

fn alpha() -> f64 {
    0.99
}

fn eps() -> f64 {
    1e-8
}

fn bert_eps() -> f64 {
    1e-6
}

impl Default for Algorithm {
    fn default() -> Self {
        Self::adamw()
    }
}

impl Algorithm {
    /// Returns [`Self::AdamW`] with its defaults.
    pub fn adamw() -> Self {
        Self::AdamW {
            beta1: beta1(),
            beta2: beta2(),
            eps: eps(),
        }
    }

    /// Returns [`Self::BertAdam`] with its defaults.
    pub fn bert_adam() -> Self {
        Self::BertAdam {
            beta1: beta1(),
            beta2: beta2(),
            eps: bert_eps(),
        }
    }

    /// Returns [`Self::Adam`] with its defaults.
    pub fn adam() -> Self {
        Self::Adam {
            beta1: beta1(),
            beta2: beta2(),
            eps: eps(),
        }
    }

    /// Returns [`Self::Lion`] with its defaults.
    pub fn lion() -> Self {
        Self::Lion {
            beta1: beta1(),
            beta2: lion_beta2(),
        }
    }

    /// Returns [`Self::RmsProp`] with its defaults.
    pub fn rms_prop() -> Self {
        Self::RmsProp {
            alpha: alpha(),
            momentum: 0.0,
            eps: eps(),
        }
    }

    pub(super) fn validate(&self) -> Result<(), TrainError> {
        match *self {
            Self::AdamW {
                beta1,
                beta2,
                eps: epsilon,
            }
            | Self::BertAdam {
                beta1,
                beta2,
                eps: epsilon,
            }
            | Self::Adam {
                beta1,
                beta2,
                eps: epsilon,
            } => {
                check_memory("beta1", beta1)?;
                check_memory("beta2", beta2)?;
                check_epsilon(epsilon)
            }
            Self::Sgd { momentum, nesterov } => {
                check_memory("momentum", momentum)?;
                if nesterov && momentum == 0.0 {
                    return Err(TrainError::setting("momentum", 0, "above 0 with nesterov"));
                }
                Ok(())
            }
            Self::Lion { beta1, beta2 } => {
                check_memory("beta1", beta1)?;
                check_memory("beta2", beta2)
            }
            Self::RmsProp {
                alpha,
                momentum,
                eps: epsilon,
            } => {
                check_memory("alpha", alpha)?;
                check_memory("momentum", momentum)?;
                check_epsilon(epsilon)
            }
            Self::Adafactor {} => Ok(()),
        }
    }

    /// Returns burn's optimizer for parameters with this weight decay.
    pub(super) fn build(&self, weight_decay: f64) -> Arc<dyn DynOptimizer> {
        let decay = weight_decay as f32;
        let coupled = (decay > 0.0).then(|| WeightDecayConfig::new(decay));
        match *self {
            Self::AdamW {
                beta1,
                beta2,
                eps: epsilon,
            } => Arc::new(AdamW {
                beta1,
                beta2,
                epsilon,
                weight_decay,
            }),
            Self::BertAdam {
                beta1,
                beta2,
                eps: epsilon,
            } => Arc::new(BertAdam {
                beta1,
                beta2,
                epsilon,
                weight_decay,
            }),
            Self::Adam {
                beta1,
                beta2,
                eps: epsilon,
            } => Arc::new(
                AdamConfig::new()
                    .with_beta_1(beta1 as f32)
                    .with_beta_2(beta2 as f32)
                    .with_epsilon(epsilon as f32)
                    .with_weight_decay(coupled)
                    .build(),
            ),
            Self::Sgd { momentum, nesterov } => {
                let momentum = (momentum > 0.0).then_some(MomentumConfig {
                    momentum,
                    dampening: 0.0,
                    nesterov,
                });
                Arc::new(
                    SgdConfig::new()
                        .with_momentum(momentum)
                        .with_weight_decay(coupled)
                        .build(),
                )
            }
            Self::Lion { beta1, beta2 } => Arc::new(
                LionConfig::new()
                    .with_beta_1(beta1 as f32)
                    .with_beta_2(beta2 as f32)
                    .with_weight_decay(decay)
                    .build(),
            ),
            Self::RmsProp {
                alpha,
                momentum,
                eps: epsilon,
            } => Arc::new(
                RmsPropConfig::new()
                    .with_alpha(alpha as f32)
                    .with_momentum(momentum as f32)
                    .with_epsilon(epsilon as f32)
                    .with_weight_decay(coupled)
                    .build(),
            ),
            Self::Adafactor {} => Arc::new(AdafactorConfig::new().with_weight_decay(decay).build()),
        }
    }

    /// Returns whether a state tensor may have shape `state` for a parameter of shape `parameter`.
    pub(super) fn keeps(&self, state: &[usize], parameter: &[usize]) -> bool {
        match self {
            // Row and column means have size 1 in the reduced dimension.
            Self::Adafactor {} => {
                let mut sizes = state.iter().zip(parameter);
                state.len() == parameter.len()
                    && sizes.all(|(size, whole)| size == whole || *size == 1)
            }
            _ => state == parameter,
        }
    }
}

fn check_memory(setting: &'static str, value: f64) -> Result<(), TrainError> {
    // The optimizers compute in f32, where a value that rounds to 1 would never decay.
    if (0.0..1.0).contains(&(value as f32)) && value >= 0.0 {
        return Ok(());
    }
    Err(TrainError::setting(setting, value, "in [0, 1)"))
}

fn check_epsilon(value: f64) -> Result<(), TrainError> {
    if value as f32 >= f32::MIN_POSITIVE && value.is_finite() {
        return Ok(());
    }
    Err(TrainError::setting("eps", value, "above 0"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_reads_back_and_has_its_defaults() {
        let sgd = Algorithm::Sgd {
            momentum: 0.0,
            nesterov: false,
        };
        for (algorithm, kind) in [
            (Algorithm::default(), "adamw"),
            (Algorithm::bert_adam(), "bert_adam"),
            (Algorithm::adam(), "adam"),
            (sgd, "sgd"),
            (Algorithm::lion(), "lion"),
            (Algorithm::rms_prop(), "rms_prop"),
            (Algorithm::Adafactor {}, "adafactor"),
        ] {
            algorithm.validate().unwrap();
            let json = serde_json::to_string(&algorithm).unwrap();
            let back: Algorithm = serde_json::from_str(&json).unwrap();
            assert_eq!(back, algorithm);
            let bare = format!(r#"{{"kind": "{kind}"}}"#);
            let back: Algorithm = serde_json::from_str(&bare).unwrap();
            assert_eq!(back, algorithm, "{kind}");
            let misspelled = format!(r#"{{"kind": "{kind}", "betta": 1}}"#);
            let error = serde_json::from_str::<Algorithm>(&misspelled).unwrap_err();
            assert!(error.to_string().contains("betta"), "{error}");
        }
    }

    #[test]
    fn constants_out_of_range_are_named() {
        let adamw = |beta1, beta2, epsilon| Algorithm::AdamW {
            beta1,
            beta2,
            eps: epsilon,
        };
        let sgd = |momentum, nesterov| Algorithm::Sgd { momentum, nesterov };
        for (algorithm, setting) in [
            (adamw(1.0, 0.9, 1e-8), "beta1"),
            (adamw(0.9, f64::NAN, 1e-8), "beta2"),
            (adamw(0.9, 1.0 - 1e-12, 1e-8), "beta2"),
            (adamw(0.9, 0.9, 0.0), "eps"),
            (adamw(0.9, 0.9, 1e-60), "eps"),
            (adamw(0.9, 0.9, f64::INFINITY), "eps"),
            (sgd(-0.1, false), "momentum"),
            (sgd(0.0, true), "momentum"),
        ] {
            let message = algorithm.validate().unwrap_err().to_string();
            assert!(message.starts_with(setting), "{message}");
        }
    }
}
