//! Evaluation of predictions: metrics, statistical tests, plots and reports, on plain slices.
//!
//! The crate does not depend on tensors, models or datasets. Predictions of any source (an encoder,
//! a baseline, a file of another program) are plain numbers:
//!
//! 1. **Collect** them, all at once (`from_slices`) or batch by batch (`add`):
//!
//!    | predicted are | collected in | for |
//!    |---|---|---|
//!    | classes | [`ConfusionMatrix`] | accuracy, precision, recall, F1, Matthews, Cohen's kappa |
//!    | probabilities or logits | [`PredictedProbabilities`] | all of these, top-k accuracy, log loss, Brier, areas under curves, calibration |
//!    | probabilities of any number of classes | [`PredictedLabelSets`] | subset accuracy, Hamming loss, averaged precision, recall and F1, areas under curves |
//!    | scores of two classes | [`BinaryRanking`] | ROC and precision-recall curves and their areas |
//!    | tags of words | [`EntityReport`] | precision, recall and F1 of entities, token accuracy |
//!    | numbers | [`PredictedScores`] | Pearson, Spearman, MAE, RMSE, R2 |
//!    | embeddings | [`Embeddings`] | cosines, [`Retrieval`] from a corpus, triplet accuracy |
//!    | scores of the documents of queries | [`Reranking`] | NDCG, reciprocal rank, average precision |
//!
//!    Scores are exact over the whole set: never means of batch means. Counts are integers and
//!    sums are rounded once, so that neither batches nor the order of rows change a digit.
//! 2. **Score**: one number by the name of a [`MetricKind`] ([`MetricSource::score`]), all of a kind in a
//!    [`ClassificationReport`], [`MultiLabelReport`] or [`RegressionReport`], or parts of the set apart by [`Slices`].
//!    Conventions are those of scikit-learn and SciPy.
//! 3. **Read.** Reports print as tables for a terminal and are stored as JSON through serde;
//!    [`plots`] draws them.
//!
//! If scikit-learn returns a value by convention (F1 without predictions: 0), so does this crate;
//! if it returns NaN or raises an error (AUC with one class), the result is
//! [`EvalError::Undefined`].
//!
//! [`statistics`] has tests, confidence intervals, effect sizes, power analysis, and comparisons of
//! the groups of a study. [`report`] writes the results of a run or study to a self-contained HTML
//! page, Markdown and JSON.
//!
//! Invalid input (different lengths, a label outside the classes, no rows) is an [`EvalError`] that
//! names the row.
//!
//! # Features
//!
//! | feature | adds | default |
//! |---|---|---|
//! | `plots` | plots as SVG | yes |
//! | `png` | plots as PNG | no |
//!
//! # Example
//!
//! ```
//! use finetune_eval::{ClassificationReport, ConfusionMatrix};
//!
//! # fn main() -> Result<(), finetune_eval::EvalError> {
//! let labels = [0, 0, 1, 1, 2, 2];
//! let predictions = [0, 1, 1, 1, 2, 0];
//! let class_names = ["world", "sports", "business"];
//! let matrix = ConfusionMatrix::from_slices(&labels, &predictions, class_names)?;
//! assert_eq!(matrix.count(0, 1), 1); // one world row was taken for sports
//!
//! let report = ClassificationReport::from_confusion_matrix(&matrix)?;
//! assert_eq!(report.accuracy, 4.0 / 6.0);
//! assert_eq!(report.per_class[1].name, "sports");
//! assert_eq!(report.per_class[1].recall, 1.0);
//!
//! println!("{report}\n{matrix}");
//! # Ok(())
//! # }
//! ```

mod classification;
mod confusion_matrix;
mod embedding;
mod entities;
mod error;
mod exact_sum;
mod metric;
mod multi_label;
mod names;
#[cfg(feature = "plots")]
pub mod plots;
mod predictions;
mod probabilities;
mod ranking;
mod regression;
pub mod report;
mod reranking;
mod slices;
pub mod statistics;
mod text_table;
mod validate;

pub use classification::{ClassScores, ClassificationReport};
pub use confusion_matrix::{
    Average, AveragedScores, Confusion, ConfusionMatrix, KappaWeights, Normalize,
};
pub use embedding::{EmbeddingReport, Embeddings, Retrieval, triplet_accuracy};
pub use entities::{Entity, EntityMode, EntityReport, EntityScheme, entities};
pub use error::{CustomError, EvalError};
pub use metric::{
    Better, Evaluator, Metric, MetricInput, MetricKind, MetricSource, Scores, TargetKind,
};
pub use multi_label::{
    LabelScores, LabelSetScores, MultiLabelReport, PredictedLabelSets, Thresholds, sigmoid,
};
pub use names::{nearest_first, short_type_name};
pub use predictions::{Predictions, Targets, first_largest, softmax};
pub use probabilities::{
    BinStrategy, Binning, CalibrationScores, MulticlassAverage, PredictedProbabilities,
    PredictionSetRule, PredictionSetScores, Reliability, ReliabilityBin, fit_temperature,
};
pub use ranking::{BinaryRanking, PrecisionRecallCurve, PrecisionRecallPoint, RocCurve, RocPoint};
pub use regression::{PredictedScores, RegressionReport};
pub use reranking::{Reranking, RerankingReport};
pub use slices::{SliceScore, SliceScores, Slices};
