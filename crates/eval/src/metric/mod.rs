//! Metrics: the trait for your own, and the built-in ones by name.

mod evaluate;
mod kind;
mod shared_inputs;

use std::fmt;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

pub use evaluate::{Evaluator, TargetKind};
pub(crate) use kind::TWO_CLASSES;
pub use kind::{MetricInput, MetricKind, MetricSource};

use crate::error::EvalError;
use crate::names::short_type_name;
use crate::predictions::{Predictions, Targets};

/// Metric values by name, in the order of evaluation. A metric that is undefined for the evaluated
/// rows is absent.
pub type Scores = IndexMap<String, f64>;

/// A number that measures the quality of predictions.
///
/// The built-in metrics ([`MetricKind`]) implement it like anyone's own:
///
/// ```
/// use finetune_eval::{Better, EvalError, Metric, Predictions, Targets};
///
/// /// Mean cost of the errors, where a missed alarm (class 1) costs ten times a false one.
/// #[derive(Debug)]
/// struct Cost;
///
/// impl Metric for Cost {
///     fn better(&self) -> Better {
///         Better::Lower
///     }
///
///     fn compute(&self, predictions: &Predictions, targets: &Targets) -> Result<f64, EvalError> {
///         let cost = |(label, class): (&usize, usize)| match (*label, class) {
///             (1, 0) => 10.0,
///             (0, 1) => 1.0,
///             _ => 0.0,
///         };
///         let labels = targets.classes()?;
///         Ok(labels.iter().zip(predictions.classes()).map(cost).sum::<f64>() / labels.len() as f64)
///     }
/// }
///
/// let predictions = Predictions::new(vec![vec![2.0, 0.0], vec![1.0, 0.0], vec![0.0, 3.0]]);
/// let cost = Cost.compute(&predictions, &Targets::Classes(vec![0, 1, 1]))?;
/// assert_eq!((Cost.name(), cost), ("cost".to_string(), 10.0 / 3.0));
/// # Ok::<(), EvalError>(())
/// ```
pub trait Metric: fmt::Debug + Send + Sync {
    /// Name in settings, records and reports, such as `macro_f1` (default: name of the type in snake
    /// case).
    fn name(&self) -> String {
        snake_case(short_type_name::<Self>())
    }

    /// Direction of improvement (default: higher is better).
    fn better(&self) -> Better {
        Better::Higher
    }

    /// What the metric is computed from (default: anything). A run refuses a metric that its task
    /// cannot provide before the first step.
    fn input(&self) -> MetricInput {
        MetricInput::Any
    }

    /// Computes the metric.
    ///
    /// # Errors
    /// - [`EvalError::Undefined`] if the rows do not define it; it is then left out of the scores.
    /// - [`EvalError::Custom`] for any error of the metric's own ([`EvalError::custom`]).
    fn compute(&self, predictions: &Predictions, targets: &Targets) -> Result<f64, EvalError>;
}

/// Direction in which a metric improves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Better {
    /// A larger value is better, as of an accuracy.
    Higher,
    /// A smaller value is better, as of a loss.
    Lower,
}

impl Better {
    /// Improvement from `old` to `new`; negative if `new` is worse.
    ///
    /// ```
    /// use finetune_eval::Better;
    ///
    /// assert_eq!(Better::Lower.improvement(2.0, 1.5), 0.5);
    /// assert_eq!(Better::Higher.improvement(0.5, 0.75), 0.25);
    /// ```
    pub fn improvement(self, old: f64, new: f64) -> f64 {
        match self {
            Self::Higher => new - old,
            Self::Lower => old - new,
        }
    }
}

/// Converts `MeanCost` to `mean_cost`.
fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}
