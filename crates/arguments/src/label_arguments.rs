//! Command-line arguments for the texts and labels of a table: a class per text, any number of
//! classes per text, or scores; single texts or pairs.

use clap::{Args, ValueEnum};
use finetune::data::Target;
use finetune::data::tabular::{ColumnNames, LabelKind};
use finetune::eval::{MetricKind, Thresholds};
use finetune::prelude::*;
use finetune::train::DecisionThreshold;

use crate::error::ArgumentsError;
use crate::run_arguments::RunArguments;
use crate::table_arguments::{ColumnList, score_range, thresholds};

/// Columns of texts and labels.
#[derive(Debug, Clone, Default, Args)]
pub struct LabelArguments {
    /// Columns with the text, joined by spaces [default: text]
    ///
    /// Commas separate names; a name with a comma is in double quotes: '"last, first",title'
    #[arg(long, value_name = "NAME,...")]
    text_column: Vec<ColumnList>,
    /// Columns with the second text of a pair
    #[arg(long, value_name = "NAME,...")]
    text_pair_column: Vec<ColumnList>,
    /// Column with the class or the score [default: label]
    #[arg(long, value_name = "NAME")]
    label_column: Option<String>,
    /// Columns of 0 and 1, one for each class, of which a text may have any number; a name with a
    /// comma is in double quotes
    #[arg(long, value_name = "NAME,...", conflicts_with_all = ["label_column", "label_separator", "class_names"])]
    label_columns: Vec<ColumnList>,
    /// Separator of any number of classes, such as `;`
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    label_separator: Option<String>,
    /// Class names, in the order of the outputs of the model [default: those of the training rows,
    /// sorted]
    #[arg(long, value_name = "NAME,...")]
    class_names: Vec<ColumnList>,
    /// Minimum probability of a predicted class where a text may have any number: a number, one for
    /// each class, or `max_f1` to tune them on the validation rows [default: 0.5]
    #[arg(long, value_name = "P,...|max_f1", value_parser = threshold)]
    threshold: Option<DecisionThreshold>,
    /// Minimum and maximum of the scores [default: those of the training rows]
    #[arg(long, value_name = "MIN,MAX", value_parser = score_range, allow_hyphen_values = true)]
    score_range: Option<[f64; 2]>,
}

/// Kind of labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LabelType {
    /// Classes, but labels that look like scores are refused.
    Auto,
    /// One class per text.
    Classes,
    /// Any number of classes per text.
    MultiLabel,
    /// Scores.
    Score,
}

/// Parses `max_f1`, a number, or numbers with commas between them.
fn threshold(text: &str) -> Result<DecisionThreshold, String> {
    if text == "max_f1" {
        return Ok(DecisionThreshold::MaxF1);
    }
    thresholds(text).map(DecisionThreshold::Fixed)
}

impl LabelArguments {
    /// Returns the columns; `text` and `label` are the names of those that are not given.
    pub fn columns(&self, text: &str, label: &str) -> ColumnNames {
        ColumnNames {
            text: match self.text_column.as_slice() {
                [] => vec![text.into()],
                lists => ColumnList::columns(lists),
            },
            text_pair: ColumnList::columns(&self.text_pair_column),
            label: Some(self.label_column.as_deref().unwrap_or(label).into()),
        }
    }

    /// Returns the column of the label, if given.
    pub fn label_column(&self) -> Option<&str> {
        self.label_column.as_deref()
    }

    /// Returns the range of the scores, if given.
    pub fn score_range(&self) -> Option<[f64; 2]> {
        self.score_range
    }

    /// Returns the threshold of a trained model, if given.
    ///
    /// # Errors
    /// [`ArgumentsError::Usage`] if it is to be tuned.
    pub fn fixed_threshold(&self) -> Result<Option<Thresholds>, ArgumentsError> {
        let to_be_tuned = || ArgumentsError::usage("--threshold max_f1 is for training");
        let thresholds = self.threshold.as_ref().map(|threshold| {
            let fixed = threshold.fixed().cloned();
            fixed.ok_or_else(to_be_tuned)
        });
        thresholds.transpose()
    }

    /// Returns the class names, if given.
    pub fn class_names(&self) -> Vec<String> {
        let names = ColumnList::columns(&self.class_names);
        names.iter().map(ToString::to_string).collect()
    }

    /// Returns how the labels are read.
    ///
    /// # Errors
    /// [`ArgumentsError::Usage`] if an argument is for another kind of labels.
    pub fn labels(&self, kind: LabelType) -> Result<LabelKind, ArgumentsError> {
        let names = self.class_names();
        let classes = (!names.is_empty()).then_some(names);
        let separated = self.label_separator.is_some();
        let several = separated || !self.label_columns.is_empty();
        match kind {
            LabelType::Score if classes.is_some() => {
                return Err(ArgumentsError::usage("--class-names are not for scores"));
            }
            LabelType::Classes | LabelType::Score if several => {
                let problem = "--label-columns and --label-separator are for any number of classes \
                               per text";
                return Err(ArgumentsError::usage(problem));
            }
            LabelType::Auto | LabelType::Classes | LabelType::MultiLabel
                if self.score_range.is_some() =>
            {
                return Err(ArgumentsError::usage("--score-range is for scores"));
            }
            _ => {}
        }
        Ok(match (kind, self.score_range) {
            (LabelType::Score, Some([min, max])) => LabelKind::Range { min, max },
            (LabelType::Score, None) => LabelKind::InferRange,
            _ if !self.label_columns.is_empty() => {
                LabelKind::Indicators(ColumnList::columns(&self.label_columns))
            }
            (kind, _) if separated || kind == LabelType::MultiLabel => LabelKind::MultiLabel {
                separator: self.label_separator.clone(),
                classes,
            },
            (kind, _) => match classes {
                Some(names) => LabelKind::Classes(names),
                None if kind == LabelType::Classes => LabelKind::InferClasses,
                None => LabelKind::Infer,
            },
        })
    }

    /// Returns the recipe for labels of this kind: loss, metrics, and the metric that selects the best
    /// model on validation rows.
    pub fn recipe(
        &self,
        run: &RunArguments,
        target: &Target,
        has_validation_file: bool,
    ) -> FineTuningConfig {
        let mut recipe = run.defaults();
        recipe.threshold = self.threshold.clone();
        let metric = match target {
            Target::Score { .. } => {
                recipe.loss = LossConfig::Mse {};
                recipe.metrics = vec![MetricKind::MeanSquaredError.to_string()];
                MetricKind::Pearson
            }
            Target::MultiLabel(_) => MetricKind::MicroF1,
            _ => MetricKind::Accuracy,
        };
        recipe.train.evaluation = run.evaluation(&metric.to_string(), has_validation_file);
        recipe
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        labels: LabelArguments,
    }

    fn labels(kind: LabelType, arguments: &str) -> Result<LabelKind, String> {
        let words = std::iter::once("program").chain(arguments.split_whitespace());
        let labels = Program::parse_from(words).labels.labels(kind);
        labels.map_err(|error| error.to_string())
    }

    #[test]
    fn the_kind_of_labels_follows_from_the_arguments() {
        let names = || vec!["no".to_string(), "yes".to_string()];
        for (kind, arguments, expected) in [
            (LabelType::Auto, "", LabelKind::Infer),
            (LabelType::Classes, "", LabelKind::InferClasses),
            (
                LabelType::Auto,
                "--class-names no,yes",
                LabelKind::Classes(names()),
            ),
            (
                LabelType::Auto,
                "--label-separator ; --class-names no,yes",
                LabelKind::MultiLabel {
                    separator: Some(";".to_string()),
                    classes: Some(names()),
                },
            ),
            (
                LabelType::MultiLabel,
                "",
                LabelKind::MultiLabel {
                    separator: None,
                    classes: None,
                },
            ),
            (
                LabelType::Auto,
                "--label-columns no,yes",
                LabelKind::Indicators(vec!["no".into(), "yes".into()]),
            ),
            (LabelType::Score, "", LabelKind::InferRange),
            (
                LabelType::Score,
                "--score-range -1,1",
                LabelKind::Range {
                    min: -1.0,
                    max: 1.0,
                },
            ),
        ] {
            assert_eq!(
                labels(kind, arguments),
                Ok(expected),
                "{kind:?} {arguments}"
            );
        }
    }

    #[test]
    fn arguments_for_other_labels_are_refused() {
        for (kind, arguments) in [
            (LabelType::Auto, "--score-range 0,5"),
            (LabelType::Score, "--class-names no,yes"),
            (LabelType::Score, "--label-separator ;"),
            (LabelType::Classes, "--label-columns a,b"),
        ] {
            assert!(labels(kind, arguments).is_err(), "{kind:?} {arguments}");
        }
    }
}
