//! Labeled texts for a trained model: from a file, a published dataset or one of the hub.

use std::error::Error;
use std::path::Path;

use finetune::data::Split;
use finetune::data::tabular::{self, LabelKind, TabularOptions};
use finetune::model::ProblemType;
use finetune::prelude::*;
use finetune_arguments::{ArgumentsError, LabelArguments, LabelType, TableArguments};

use crate::named_dataset::NamedDatasetArguments;

/// Where the rows are.
pub(crate) struct LabeledTexts<'a> {
    /// File of one's own, if given.
    pub(crate) file: Option<&'a Path>,
    /// Argument of the file, to be named if nothing is given.
    pub(crate) argument: &'a str,
    pub(crate) dataset: &'a NamedDatasetArguments,
    /// Split of the published dataset.
    pub(crate) split: Split,
    pub(crate) labels: &'a LabelArguments,
    pub(crate) table: &'a TableArguments,
}

impl LabeledTexts<'_> {
    /// Reads the rows, with labels as the model predicts them.
    ///
    /// # Errors
    /// - [`ArgumentsError::Usage`] if nothing or too much is given, or labels do not fit the model.
    /// - If the rows cannot be downloaded or read, or have no labels.
    pub(crate) fn read(&self, predictor: &Predictor) -> Result<Dataset, Box<dyn Error>> {
        let has_file = self.file.is_some();
        if let Some(dataset) = self.dataset.download(has_file)? {
            return labeled(dataset.open_split(self.split, &self.options(predictor)?)?);
        }
        if let Some((dataset, data)) = self.dataset.open(has_file)? {
            let on_bad_rows = self.table.on_bad_rows();
            return labeled(dataset.open_split_with(&data, self.split, on_bad_rows)?.0);
        }
        let missing = || format!("{} FILE or --dataset NAME is missing", self.argument);
        let path = self.file.ok_or_else(|| ArgumentsError::usage(missing()))?;
        let options = self.options(predictor)?;
        let target = tabular::infer_target(path, &options)?;
        let reader = tabular::read(path, Split::Test, &target, &options)?;
        Ok(reader.read()?.0)
    }

    fn options(&self, predictor: &Predictor) -> Result<TabularOptions, ArgumentsError> {
        let columns = self.labels.columns("text", "label");
        Ok(self.table.options(columns, self.label_kind(predictor)?))
    }

    /// Returns the kind of labels that the model predicts, with its classes.
    fn label_kind(&self, predictor: &Predictor) -> Result<LabelKind, ArgumentsError> {
        let names = predictor.class_names();
        Ok(match predictor.problem_type() {
            ProblemType::Regression => self.labels.labels(LabelType::Score)?,
            // The names of a single output are not those of its two classes.
            ProblemType::MultiLabelClassification if names.len() > 1 => {
                match self.labels.labels(LabelType::MultiLabel)? {
                    LabelKind::MultiLabel { separator, classes } => LabelKind::MultiLabel {
                        separator,
                        classes: classes.or_else(|| Some(names.to_vec())),
                    },
                    other => other,
                }
            }
            _ => match self.labels.labels(LabelType::Classes)? {
                LabelKind::InferClasses if names.len() > 1 => LabelKind::Classes(names.to_vec()),
                other => other,
            },
        })
    }
}

/// Checks that the rows of a published dataset have labels.
fn labeled(rows: Dataset) -> Result<Dataset, Box<dyn Error>> {
    match rows
        .examples
        .iter()
        .all(|row| row.label == Label::Unlabeled)
    {
        true => Err(format!("{}: its labels are not published", rows.name).into()),
        false => Ok(rows),
    }
}
