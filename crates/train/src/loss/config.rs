//! Settings of a loss.

use std::sync::Arc;

use finetune_data::{Labels, Target};
use finetune_eval::Targets;
use finetune_model::ScoreBins;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::binary_cross_entropy::BinaryCrossEntropy;
use super::cosine::Cosine;
use super::cross_entropy::CrossEntropy;
use super::pointwise::{AbsoluteError, Huber, SquaredError};
use super::score_bins::{BinnedLoss, binned};
use super::{Criterion, Loss, targets};
use crate::error::TrainError;
use crate::parts::Parts;

/// Training loss and its settings; means and defaults are PyTorch's.
///
/// ```
/// use finetune_data::Labels;
/// use finetune_train::LossConfig;
///
/// let config: LossConfig = serde_json::from_str(r#"{"kind": "cross_entropy"}"#)?;
/// let labels = Labels::Classes(vec![0, 1]);
/// let loss = config.init(&labels, 2)?;
/// assert_eq!(loss.weight(&labels)?, 2.0);
/// let mean = loss.mean(&[vec![1.0, 1.0], vec![-3.0, -3.0]], &labels)?;
/// assert!((mean - 2.0f64.ln()).abs() < 1e-6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum LossConfig {
    /// Cross entropy over classes
    /// ([`torch.nn.CrossEntropyLoss`](https://docs.pytorch.org/docs/2.9/generated/torch.nn.CrossEntropyLoss.html)).
    CrossEntropy {
        /// Label smoothing, in `[0, 1)` (default: 0): the fraction of the target distribution that
        /// is spread evenly over all classes
        /// ([Szegedy et al. 2016](https://arxiv.org/abs/1512.00567)).
        #[serde(default)]
        label_smoothing: f64,
        /// Weights of the classes (default: equal weights).
        #[serde(default)]
        class_weight: ClassWeights,
    },
    /// Binary cross entropy of each output
    /// ([`torch.nn.BCEWithLogitsLoss`](https://docs.pytorch.org/docs/2.9/generated/torch.nn.BCEWithLogitsLoss.html)):
    /// one logit for classes 0 and 1 or for targets in `[0, 1]`, or one logit per class, of which
    /// one is right or any number of them. The mean is over rows and outputs.
    BinaryCrossEntropy {
        /// Weight of positive targets relative to negative ones (default: 1).
        #[serde(default)]
        pos_weight: Option<PosWeight>,
    },
    /// Mean absolute error
    /// ([`torch.nn.L1Loss`](https://docs.pytorch.org/docs/2.9/generated/torch.nn.L1Loss.html)).
    Mae {},
    /// Mean squared error
    /// ([`torch.nn.MSELoss`](https://docs.pytorch.org/docs/2.9/generated/torch.nn.MSELoss.html)).
    Mse {},
    /// Huber loss: quadratic for small errors, linear for larger ones
    /// ([`torch.nn.HuberLoss`](https://docs.pytorch.org/docs/2.9/generated/torch.nn.HuberLoss.html)).
    Huber {
        /// Absolute error above which the loss is linear, above 0 (default: 1).
        #[serde(default = "one")]
        delta: f64,
    },
    /// Cosine embedding loss
    /// ([`torch.nn.CosineEmbeddingLoss`](https://docs.pytorch.org/docs/2.9/generated/torch.nn.CosineEmbeddingLoss.html)).
    /// It is `1 - cosine` for class 1 and `max(0, cosine - margin)` for class 0. The output must be
    /// a bare cosine, of a
    /// [`CosineSimilarityHeadConfig`](finetune_model::CosineSimilarityHeadConfig) without a range.
    CosineEmbedding {
        /// Cosine up to which texts count as different, in `[-1, 1]` (default: 0).
        #[serde(default)]
        margin: f64,
    },
    /// Your own loss: the one given to the run, or one registered by name ([`Parts::with_loss`]).
    Custom {
        /// Name of the loss.
        name: String,
        /// Settings, passed to the function registered for the loss (default: null).
        #[serde(default, skip_serializing_if = "Value::is_null")]
        settings: Value,
    },
}

/// Weights of the classes. The mean loss is divided by the sum of the rows' weights, not by the
/// number of rows.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClassWeights {
    /// Equal weights.
    #[default]
    None,
    /// Weights inversely proportional to class frequencies in the training rows,
    /// `rows / (classes · rows of the class)`, as scikit-learn's `"balanced"`.
    Balanced,
    /// One weight per class, above 0.
    PerClass(Vec<f64>),
}

/// Weight of positive targets relative to negative ones, above 0: in JSON a number, a list with one
/// number per output, or `"balanced"`.
///
/// ```
/// use finetune_train::{LossConfig, PosWeight};
///
/// let json = r#"{"kind": "binary_cross_entropy", "pos_weight": [2.0, 0.5]}"#;
/// let expected = LossConfig::BinaryCrossEntropy {
///     pos_weight: Some(PosWeight::PerClass(vec![2.0, 0.5])),
/// };
/// assert_eq!(serde_json::from_str::<LossConfig>(json)?, expected);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PosWeight {
    /// Negative over positive targets of each output in the training rows, so that both weigh the
    /// same in the loss.
    Balanced,
    /// The same for all outputs.
    #[serde(untagged)]
    Same(f64),
    /// One per output.
    #[serde(untagged)]
    PerClass(Vec<f64>),
}

impl PosWeight {
    fn weights(&self) -> &[f64] {
        match self {
            Self::Balanced => &[],
            Self::Same(weight) => std::slice::from_ref(weight),
            Self::PerClass(weights) => weights,
        }
    }
}

fn one() -> f64 {
    1.0
}

impl Default for LossConfig {
    fn default() -> Self {
        Self::CrossEntropy {
            label_smoothing: 0.0,
            class_weight: ClassWeights::None,
        }
    }
}

impl LossConfig {
    /// Creates the entry of your own loss without settings.
    pub(crate) fn custom(name: String) -> Self {
        Self::Custom {
            name,
            settings: Value::Null,
        }
    }

    /// Checks that every value is in its range.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if a value is out of range; it names the first one.
    pub fn validate(&self) -> Result<(), TrainError> {
        let above_0 = |value: &f64| *value > 0.0 && value.is_finite();
        let (setting, value, expected) = match self {
            Self::CrossEntropy {
                label_smoothing, ..
            } if !(0.0..1.0).contains(label_smoothing) => {
                ("label_smoothing", label_smoothing, "in [0, 1)")
            }
            Self::CrossEntropy {
                class_weight: ClassWeights::PerClass(weights),
                ..
            } => match weights.iter().find(|weight| !above_0(weight)) {
                Some(weight) => ("class_weight", weight, "above 0"),
                None => return Ok(()),
            },
            Self::BinaryCrossEntropy {
                pos_weight: Some(weight),
            } => match weight.weights().iter().find(|weight| !above_0(weight)) {
                Some(weight) => ("pos_weight", weight, "above 0"),
                None => return Ok(()),
            },
            Self::Huber { delta } if !above_0(delta) => ("delta", delta, "above 0"),
            Self::CosineEmbedding { margin } if !(-1.0..=1.0).contains(margin) => {
                ("margin", margin, "in [-1, 1]")
            }
            _ => return Ok(()),
        };
        Err(TrainError::setting(setting, value, expected))
    }

    /// Returns the loss for a model with `outputs` outputs, `C`. It checks all training labels now,
    /// so that none can stop the run later.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if a setting is out of range, the loss does not support
    ///   this number of outputs, or class weights are balanced and a class has no training row.
    /// - [`TrainError::InvalidLabel`] if a label is not valid for the loss; it names the first one.
    pub fn init(&self, training: &Labels, outputs: usize) -> Result<Criterion, TrainError> {
        self.init_with(&Parts::default(), training, outputs)
    }

    /// Checks the values, and that your own loss is among the parts.
    ///
    /// # Errors
    /// - Any error of [`Self::validate`].
    /// - [`TrainError::InvalidSetting`] if the settings name a loss that `parts` lacks; it lists
    ///   the registered ones.
    /// - [`TrainError::Custom`] if the settings of the loss are invalid.
    pub fn check(&self, parts: &Parts) -> Result<(), TrainError> {
        self.validate()?;
        match self {
            Self::Custom { name, settings } => parts.custom_loss(name, settings).map(drop),
            _ => Ok(()),
        }
    }

    /// Like [`Self::init`], with your own losses.
    ///
    /// # Errors
    /// - Any error of [`Self::init`].
    /// - [`TrainError::InvalidSetting`] if the settings name a loss that `parts` lacks.
    pub fn init_with(
        &self,
        parts: &Parts,
        training: &Labels,
        outputs: usize,
    ) -> Result<Criterion, TrainError> {
        self.init_with_bins(parts, training, outputs, None)
    }

    /// Like [`Self::init_with`], for a model whose outputs are the bins of a score: a loss over
    /// classes is trained on the bins of the labels.
    ///
    /// # Errors
    /// - Any error of [`Self::init_with`].
    /// - [`TrainError::InvalidLabel`] if a label is not a score in the range of the bins.
    /// - [`TrainError::InvalidSetting`] if all labels are in one bin.
    pub fn init_with_bins(
        &self,
        parts: &Parts,
        training: &Labels,
        outputs: usize,
        bins: Option<ScoreBins>,
    ) -> Result<Criterion, TrainError> {
        self.validate()?;
        let loss: Arc<dyn Loss> = match bins {
            None => self.loss(parts, &targets(training, 0), outputs)?,
            Some(bins) => {
                let classes = binned(bins, &targets(training, 0))?;
                let loss = self.loss(parts, &classes, outputs)?;
                Arc::new(BinnedLoss { loss, bins })
            }
        };
        Criterion::new(loss, training, outputs)
    }

    /// Returns the loss for the labels of a task: the default, cross entropy without settings, is for
    /// one class per row, so binary cross entropy takes its place for any number of classes.
    pub(crate) fn for_labels(self, target: &Target) -> Self {
        match target {
            Target::MultiLabel(_) if self == Self::default() => {
                Self::BinaryCrossEntropy { pos_weight: None }
            }
            _ => self,
        }
    }

    /// Returns the name of the kind in JSON, or of a custom loss.
    pub(crate) fn kind(&self) -> &str {
        match self {
            Self::CrossEntropy { .. } => "cross_entropy",
            Self::BinaryCrossEntropy { .. } => "binary_cross_entropy",
            Self::Mae {} => "mae",
            Self::Mse {} => "mse",
            Self::Huber { .. } => "huber",
            Self::CosineEmbedding { .. } => "cosine_embedding",
            Self::Custom { name, .. } => name,
        }
    }

    fn loss(
        &self,
        parts: &Parts,
        training: &Targets,
        outputs: usize,
    ) -> Result<Arc<dyn Loss>, TrainError> {
        Ok(match self {
            Self::CrossEntropy {
                label_smoothing,
                class_weight: class_weights,
            } => {
                // Checked before the weights, which need one per class.
                super::check_outputs(outputs, 2..=usize::MAX)?;
                let smoothing = *label_smoothing;
                Arc::new(CrossEntropy::new(
                    smoothing,
                    class_weights,
                    training,
                    outputs,
                )?)
            }
            Self::BinaryCrossEntropy { pos_weight } => Arc::new(BinaryCrossEntropy::new(
                pos_weight.as_ref(),
                training,
                outputs,
            )?),
            Self::Mae {} => Arc::new(AbsoluteError),
            Self::Mse {} => Arc::new(SquaredError),
            Self::Huber { delta } => Arc::new(Huber { delta: *delta }),
            Self::CosineEmbedding { margin } => Arc::new(Cosine { margin: *margin }),
            Self::Custom { name, settings } => parts.custom_loss(name, settings)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_reads_back_and_has_its_defaults() {
        for (config, kind) in [
            (LossConfig::default(), "cross_entropy"),
            (
                LossConfig::BinaryCrossEntropy { pos_weight: None },
                "binary_cross_entropy",
            ),
            (LossConfig::Mae {}, "mae"),
            (LossConfig::Mse {}, "mse"),
            (LossConfig::Huber { delta: 1.0 }, "huber"),
            (
                LossConfig::CosineEmbedding { margin: 0.0 },
                "cosine_embedding",
            ),
        ] {
            config.validate().unwrap();
            let json = serde_json::to_string(&config).unwrap();
            let back: LossConfig = serde_json::from_str(&json).unwrap();
            assert_eq!(back, config);
            assert_eq!(config.kind(), kind);
            let bare = format!(r#"{{"kind": "{kind}"}}"#);
            let back: LossConfig = serde_json::from_str(&bare).unwrap();
            assert_eq!(back, config);
            let misspelled = format!(r#"{{"kind": "{kind}", "magrin": 1}}"#);
            let error = serde_json::from_str::<LossConfig>(&misspelled).unwrap_err();
            assert!(error.to_string().contains("magrin"), "{error}");
        }
        let json = r#"{"kind": "cross_entropy", "class_weight": {"per_class": [1, 2.5]}}"#;
        let given: LossConfig = serde_json::from_str(json).unwrap();
        let expected = LossConfig::CrossEntropy {
            label_smoothing: 0.0,
            class_weight: ClassWeights::PerClass(vec![1.0, 2.5]),
        };
        assert_eq!(given, expected);
    }

    #[test]
    fn positive_weights_are_a_number_a_list_or_balanced() {
        for (json, weight) in [
            ("2", PosWeight::Same(2.0)),
            ("[1.0, 2.5]", PosWeight::PerClass(vec![1.0, 2.5])),
            (r#""balanced""#, PosWeight::Balanced),
        ] {
            let json = format!(r#"{{"kind": "binary_cross_entropy", "pos_weight": {json}}}"#);
            let found: LossConfig = serde_json::from_str(&json).unwrap();
            let expected = LossConfig::BinaryCrossEntropy {
                pos_weight: Some(weight),
            };
            assert_eq!(found, expected);
            let back = serde_json::to_string(&found).unwrap();
            assert_eq!(serde_json::from_str::<LossConfig>(&back).unwrap(), found);
        }
        let json = r#"{"kind": "binary_cross_entropy", "pos_weight": "equal"}"#;
        assert!(serde_json::from_str::<LossConfig>(json).is_err());
    }

    #[test]
    fn binary_cross_entropy_is_the_default_for_any_number_of_classes() {
        let names = vec!["a".to_string(), "b".to_string()];
        let (one, any) = (Target::Classes(names.clone()), Target::MultiLabel(names));
        let default = LossConfig::default;
        assert_eq!(default().for_labels(&one), default());
        assert_eq!(default().for_labels(&any).kind(), "binary_cross_entropy");
        let smoothed = LossConfig::CrossEntropy {
            label_smoothing: 0.1,
            class_weight: ClassWeights::None,
        };
        assert_eq!(smoothed.clone().for_labels(&any), smoothed);
    }

    #[test]
    fn impossible_settings_are_named() {
        let cross_entropy = |label_smoothing, class_weights| LossConfig::CrossEntropy {
            label_smoothing,
            class_weight: class_weights,
        };
        let given = |weights: &[f64]| ClassWeights::PerClass(weights.to_vec());
        let classes = Labels::Classes(vec![0, 0]);
        let scores = Labels::Scores(vec![0.0]);
        let sets = Labels::MultiLabel(vec![vec![0], vec![0, 1]]);
        let binary = |pos_weight| LossConfig::BinaryCrossEntropy {
            pos_weight: Some(pos_weight),
        };
        for (config, labels, outputs, setting) in [
            (
                binary(PosWeight::PerClass(vec![1.0, 0.0])),
                &sets,
                2,
                "pos_weight",
            ),
            (
                binary(PosWeight::PerClass(vec![1.0])),
                &sets,
                2,
                "pos_weight",
            ),
            // All rows have class 0, and none has class 2.
            (binary(PosWeight::Balanced), &sets, 2, "pos_weight"),
            (binary(PosWeight::Balanced), &sets, 3, "pos_weight"),
            (
                cross_entropy(1.0, ClassWeights::None),
                &classes,
                2,
                "label_smoothing",
            ),
            (
                cross_entropy(f64::NAN, ClassWeights::None),
                &classes,
                2,
                "label_smoothing",
            ),
            (
                cross_entropy(0.0, given(&[1.0, 0.0])),
                &classes,
                2,
                "class_weight",
            ),
            (
                cross_entropy(0.0, given(&[1.0])),
                &classes,
                2,
                "class_weight",
            ),
            (
                cross_entropy(0.0, ClassWeights::Balanced),
                &classes,
                2,
                "class_weight",
            ),
            (
                cross_entropy(0.0, ClassWeights::None),
                &classes,
                1,
                "outputs",
            ),
            (
                LossConfig::BinaryCrossEntropy {
                    pos_weight: Some(PosWeight::Same(-1.0)),
                },
                &classes,
                2,
                "pos_weight",
            ),
            (LossConfig::Mae {}, &scores, 2, "outputs"),
            (LossConfig::Huber { delta: 0.0 }, &scores, 1, "delta"),
            (
                LossConfig::CosineEmbedding { margin: 1.5 },
                &classes,
                1,
                "margin",
            ),
        ] {
            let message = config.init(labels, outputs).unwrap_err().to_string();
            assert!(message.starts_with(setting), "{message}");
        }
    }
}
