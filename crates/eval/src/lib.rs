//! Plain slices in, numbers out: scores of a classifier's predictions.
//!
//! The crate knows neither tensors nor models nor data sets. Whatever made the predictions (an
//! encoder, a baseline, a file from another program), they arrive as class numbers:
//!
//! 1. **Count.** A [`ConfusionMatrix`] counts each pair of label and prediction, in one go
//!    ([`from_slices`](ConfusionMatrix::from_slices)) or batch by batch
//!    ([`add`](ConfusionMatrix::add), [`merge`](ConfusionMatrix::merge)). Counts are integers, so
//!    scores are exact over the whole set whatever the batching: never means of batch means.
//! 2. **Score.** A [`ClassificationReport`] derives accuracy, precision, recall and F1 (per class,
//!    macro, weighted) from the counts, following scikit-learn's conventions.
//! 3. **Read.** Both print as tables for a terminal and are stored as JSON through serde.
//!
//! Whether one score is better than another, and not by chance, is for [`statistics`]: tests,
//! intervals, effect sizes, power, and comparisons of a study's arms. What came of a run or a study
//! goes into a [`report`]: one page that opens offline, and the same as Markdown and JSON.
//!
//! Bad input (lengths that differ, a label outside the classes, no rows) is an [`EvalError`] that
//! says which row is at fault.
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
mod error;
pub mod report;
pub mod statistics;

pub use classification::{ClassScores, ClassificationReport};
pub use confusion_matrix::{Confusion, ConfusionMatrix};
pub use error::EvalError;
