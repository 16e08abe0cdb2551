//! The evaluator: several metrics over one set of predictions.

use std::sync::Arc;

use indexmap::IndexSet;

use super::shared_inputs::SharedInputs;
use super::{Metric, MetricInput, MetricKind, Scores, TWO_CLASSES};
use crate::error::EvalError;
use crate::error::defined;
use crate::multi_label::METRICS as METRICS_OF_LABEL_SETS;
use crate::names::nearest_first;
use crate::predictions::{Predictions, Targets};

/// Kind of a task's targets, which decides the metrics of the task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetKind {
    /// One of this number of classes.
    Classes(usize),
    /// Any of this number of classes.
    MultiLabel(usize),
    /// A score.
    Scores,
    /// No labels: only the loss is known.
    Unlabeled,
}

impl TargetKind {
    /// Returns the metrics evaluated by default: the loss first, then the main metric of the task.
    pub fn default_metrics(self) -> &'static [MetricKind] {
        use MetricKind::{
            Accuracy, F1, HammingLoss, Loss, MacroF1, MatthewsCorrelation, MeanAbsoluteError,
            MicroF1, Pearson, Spearman,
        };
        match self {
            // Of two classes, the second is the positive one.
            Self::Classes(1 | 2) => &[Loss, Accuracy, MacroF1, F1, MatthewsCorrelation],
            Self::Classes(_) => &[Loss, Accuracy, MacroF1, MatthewsCorrelation],
            Self::MultiLabel(_) => &[Loss, MicroF1, MacroF1, Accuracy, HammingLoss],
            Self::Scores => &[Loss, Pearson, Spearman, MeanAbsoluteError],
            Self::Unlabeled => &[Loss],
        }
    }

    /// Returns the metric a task is judged by: accuracy for classes, micro F1 for any number of
    /// them, Pearson's correlation for scores.
    pub fn main_metric(self) -> MetricKind {
        let metrics = self.default_metrics();
        metrics.get(1).copied().unwrap_or(MetricKind::Loss)
    }

    /// Returns whether predictions for such targets have the input of a metric.
    pub fn provides(self, input: MetricInput) -> bool {
        match input {
            MetricInput::Any | MetricInput::Losses => true,
            MetricInput::Classes | MetricInput::Probabilities => matches!(self, Self::Classes(_)),
            MetricInput::LabelSets => matches!(self, Self::MultiLabel(_)),
            MetricInput::Scores => self == Self::Scores,
            MetricInput::Tasks => false,
        }
    }

    /// Returns whether predictions for such targets have a built-in metric.
    pub fn has(self, metric: MetricKind) -> bool {
        if let Self::MultiLabel(_) = self {
            let is_any = matches!(metric.input(), MetricInput::Any | MetricInput::Losses);
            return is_any || METRICS_OF_LABEL_SETS.contains(&metric);
        }
        // Of more than two classes, none is the positive one.
        let has_positive = matches!(self, Self::Classes(1 | 2));
        self.provides(metric.input()) && (has_positive || !metric.is_of_positive_class())
    }
}

/// Evaluates several metrics, built-in ones and anyone's own, on predictions.
///
/// ```
/// use finetune_eval::{Evaluator, Predictions, TargetKind, Targets};
///
/// let mut evaluator = Evaluator::new(TargetKind::Classes(2));
/// evaluator.add_named("roc_auc")?;
/// let predictions = Predictions::new(vec![vec![1.0, 0.0], vec![0.0, 2.0], vec![0.5, 0.0]]);
/// let scores = evaluator.evaluate(&predictions, &Targets::Classes(vec![0, 1, 1]))?;
/// assert_eq!(scores["accuracy"], 2.0 / 3.0);
/// assert_eq!(scores["roc_auc"], 1.0);
/// # Ok::<(), finetune_eval::EvalError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Evaluator {
    target: TargetKind,
    metrics: Vec<Arc<dyn Metric>>,
}

impl Evaluator {
    /// Creates an evaluator with the default metrics of such targets.
    pub fn new(target: TargetKind) -> Self {
        let metrics = target.default_metrics().iter();
        Self {
            target,
            metrics: metrics
                .map(|kind| Arc::new(*kind) as Arc<dyn Metric>)
                .collect(),
        }
    }

    /// Adds a metric.
    ///
    /// # Errors
    /// - [`EvalError::Duplicate`] if it has the name of another or of a built-in one.
    /// - [`EvalError::MetricNeeds`] if the targets do not provide what it is computed from.
    pub fn add(&mut self, metric: Arc<dyn Metric>) -> Result<(), EvalError> {
        let name = metric.name();
        // The name of a built-in metric is reserved, whether the evaluator has it or not.
        if self.get(&name).is_some() || name.parse::<MetricKind>().is_ok() {
            let what = "metric";
            return Err(EvalError::Duplicate { what, name });
        }
        self.push(metric)
    }

    /// Adds a metric by name, if the evaluator does not have it yet.
    ///
    /// # Errors
    /// - [`EvalError::Unknown`] if the name is neither built-in nor already added.
    /// - [`EvalError::MetricNeeds`] as for [`Self::add`].
    pub fn add_named(&mut self, name: &str) -> Result<(), EvalError> {
        if self.get(name).is_some() {
            return Ok(());
        }
        match name.parse::<MetricKind>() {
            Ok(kind) => self.push(Arc::new(kind)),
            Err(_) => Err(EvalError::unknown(
                "metric",
                name,
                &[self.known_names(name)],
            )),
        }
    }

    fn push(&mut self, metric: Arc<dyn Metric>) -> Result<(), EvalError> {
        let (name, input) = (metric.name(), metric.input());
        let needs = match name.parse() {
            Ok(kind) if self.target.has(kind) => None,
            Ok(_) if self.target.provides(input) => Some(TWO_CLASSES),
            Err(_) if self.target.provides(input) => None,
            _ => match self.target {
                TargetKind::MultiLabel(_) => Some("one class per row"),
                _ => Some(input.description()),
            },
        };
        let Some(needs) = needs else {
            self.metrics.push(metric);
            return Ok(());
        };
        Err(EvalError::MetricNeeds {
            others: self.known_names(&name),
            metric: name,
            needs,
        })
    }

    /// Returns a metric by name.
    pub fn get(&self, name: &str) -> Option<&dyn Metric> {
        let mut metrics = self.metrics.iter();
        let found = metrics.find(|metric| metric.name() == name);
        found.map(|metric| metric.as_ref())
    }

    /// Returns all metrics, in the order of evaluation.
    pub fn metrics(&self) -> &[Arc<dyn Metric>] {
        &self.metrics
    }

    /// Computes all metrics; inputs that built-in metrics share, such as the confusion matrix, are
    /// computed once. A metric that the rows do not define is left out, and so is the loss of
    /// predictions without one.
    ///
    /// # Errors
    /// Any other error of a metric.
    pub fn evaluate(
        &self,
        predictions: &Predictions,
        targets: &Targets,
    ) -> Result<Scores, EvalError> {
        let shared = SharedInputs::new(predictions, targets);
        let mut scores = Scores::new();
        for metric in &self.metrics {
            if metric.input() == MetricInput::Losses && predictions.mean_loss.is_none() {
                continue;
            }
            let name = metric.name();
            // The names of built-in metrics are reserved.
            let score = match name.parse::<MetricKind>() {
                Ok(kind) => shared.score(kind),
                Err(_) => metric.compute(predictions, targets),
            };
            if let Some(score) = defined(score)? {
                // A sum of nothing is -0 in Rust.
                scores.insert(name, score + 0.0);
            }
        }
        Ok(scores)
    }

    /// Returns the names of all metrics that the task can have, most similar to `name` first.
    fn known_names(&self, name: &str) -> String {
        let built_in = MetricKind::ALL.iter();
        let built_in = built_in.filter(|kind| self.target.has(**kind));
        let own = self.metrics.iter().map(|metric| metric.name());
        let names: IndexSet<String> = own.chain(built_in.map(Metric::name)).collect();
        nearest_first(name, names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Rows(&'static str, MetricInput);

    impl Metric for Rows {
        fn name(&self) -> String {
            self.0.into()
        }

        fn input(&self) -> MetricInput {
            self.1
        }

        fn compute(&self, predictions: &Predictions, _: &Targets) -> Result<f64, EvalError> {
            Ok(predictions.len() as f64)
        }
    }

    #[test]
    fn a_metric_of_ones_own_stands_beside_the_built_in_ones() {
        let mut evaluator = Evaluator::new(TargetKind::Classes(3));
        evaluator
            .add(Arc::new(Rows("rows", MetricInput::Any)))
            .unwrap();
        evaluator.add_named("rows").unwrap();
        evaluator.add_named("top_2_accuracy").unwrap();
        let predictions = Predictions::new(vec![vec![0.0, 1.0, 2.0]; 2]).with_mean_loss(0.5);
        let scores = evaluator
            .evaluate(&predictions, &Targets::Classes(vec![2, 1]))
            .unwrap();
        let names: Vec<&str> = scores.keys().map(String::as_str).collect();
        let expected = [
            "loss",
            "accuracy",
            "macro_f1",
            "matthews_correlation",
            "rows",
            "top_2_accuracy",
        ];
        assert_eq!(names, expected);
        assert_eq!((scores["rows"], scores["top_2_accuracy"]), (2.0, 1.0));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let mut evaluator = Evaluator::new(TargetKind::Scores);
        for (name, input, message) in [
            (
                "pearson",
                MetricInput::Any,
                "two metrics are called \"pearson\"",
            ),
            (
                "accuracy",
                MetricInput::Any,
                "two metrics are called \"accuracy\"",
            ),
            (
                "sure",
                MetricInput::Probabilities,
                "sure needs the probabilities of the classes",
            ),
        ] {
            let error = evaluator.add(Arc::new(Rows(name, input))).unwrap_err();
            assert!(error.to_string().starts_with(message), "{error}");
        }
        let error = evaluator.add_named("roc_auc").unwrap_err().to_string();
        let start = "roc_auc needs the probabilities of the classes; the metrics here are ";
        assert!(
            error.starts_with(start) && error.contains("pearson"),
            "{error}"
        );
        assert!(!error.contains("accuracy"), "{error}");
        let mut classes = Evaluator::new(TargetKind::Classes(3));
        let error = classes.add_named("f1").unwrap_err().to_string();
        let start = "f1 needs two classes, the second of them the positive one; \
                     the metrics here are ";
        assert!(error.starts_with(start), "{error}");
        assert!(
            !error.contains(" f1") && error.contains("macro_f1"),
            "{error}"
        );
        Evaluator::new(TargetKind::Classes(2))
            .add_named("precision")
            .unwrap();
        let error = evaluator.add_named("spaerman").unwrap_err().to_string();
        let start = "unknown metric \"spaerman\", expected one of spearman, ";
        assert!(error.starts_with(start), "{error}");
    }

    #[test]
    fn sets_of_classes_have_metrics_of_the_same_names() {
        let mut evaluator = Evaluator::new(TargetKind::MultiLabel(2));
        for name in ["samples_f1", "roc_auc"] {
            evaluator.add_named(name).unwrap();
        }
        let error = evaluator.add_named("matthews_correlation").unwrap_err();
        let start = "matthews_correlation needs one class per row; the metrics here are ";
        assert!(error.to_string().starts_with(start), "{error}");
        assert!(!error.to_string().contains("kappa"), "{error}");
        let targets = Targets::MultiLabel(vec![vec![0], vec![0, 1], vec![]]);
        let logits = vec![vec![1.0, -1.0], vec![-0.5, 1.0], vec![-2.0, -3.0]];
        let predictions = Predictions::new(logits);
        let scores = evaluator.evaluate(&predictions, &targets).unwrap();
        assert_eq!(scores["accuracy"], 2.0 / 3.0);
        assert_eq!((scores["micro_f1"], scores["roc_auc"]), (0.8, 1.0));
        let lower = predictions.with_thresholds(crate::Thresholds::PerClass(vec![0.25, 0.5]));
        assert_eq!(
            evaluator.evaluate(&lower, &targets).unwrap()["accuracy"],
            1.0
        );
        assert!(
            MetricKind::HammingLoss
                .compute(&lower, &Targets::Classes(vec![0; 3]))
                .is_err()
        );
    }

    #[test]
    fn every_built_in_metric_can_be_evaluated() {
        let classes = Targets::Classes(vec![0, 1, 1, 0]);
        let logits = vec![
            vec![1.0, 0.0],
            vec![0.5, 1.0],
            vec![1.0, 0.0],
            vec![3.0, 0.0],
        ];
        let one_logit = vec![vec![-1.0], vec![0.5], vec![-1.0], vec![-3.0]];
        let sets = Targets::MultiLabel(vec![vec![0], vec![0, 1], vec![1], vec![]]);
        let scores = Targets::Scores(vec![0.0, 1.0, 2.0, 3.0]);
        for kind in MetricKind::ALL {
            let targets = match kind.input() {
                MetricInput::Scores => [(&one_logit, &scores); 2],
                MetricInput::LabelSets => [(&logits, &sets); 2],
                MetricInput::Tasks => continue,
                _ => [(&logits, &classes), (&one_logit, &classes)],
            };
            for (outputs, targets) in targets {
                let predictions = Predictions::new(outputs.clone()).with_mean_loss(0.5);
                let score = kind.compute(&predictions, targets);
                assert!(score.is_ok_and(f64::is_finite), "{kind}");
            }
        }
    }
}
