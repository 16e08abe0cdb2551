//! Texts and classes of a dataset.

use finetune_data::Dataset;

use crate::error::BaselineError;

/// Texts and their classes, row by row.
pub(crate) struct LabeledTexts<'a> {
    pub(crate) texts: Vec<&'a str>,
    pub(crate) labels: Vec<usize>,
}

impl<'a> LabeledTexts<'a> {
    /// Collects the texts and classes of all rows.
    ///
    /// # Errors
    /// - [`BaselineError::InvalidRow`] if a row is a pair of texts, or has no class label in range.
    pub(crate) fn of(dataset: &'a Dataset) -> Result<Self, BaselineError> {
        let classes = dataset.class_names().len();
        let mut texts = Vec::with_capacity(dataset.len());
        let mut labels = Vec::with_capacity(dataset.len());
        for (row, example) in dataset.examples.iter().enumerate() {
            let name = dataset.name.as_str();
            if example.text_pair.is_some() {
                return Err(BaselineError::row(name, row, "a pair", "one text"));
            }
            let label = example.label.class().ok_or_else(|| {
                BaselineError::row(name, row, format!("{:?}", example.label), "a class")
            })?;
            check_label(name, row, label, classes)?;
            texts.push(example.text.as_str());
            labels.push(label);
        }
        Ok(Self { texts, labels })
    }

    /// Returns the given rows.
    pub(crate) fn select(&self, rows: &[usize]) -> Self {
        Self {
            texts: rows.iter().map(|&row| self.texts[row]).collect(),
            labels: rows.iter().map(|&row| self.labels[row]).collect(),
        }
    }
}

/// Checks that a label is in `0..classes`; `data` names the labels in the error.
pub(crate) fn check_label(
    data: &str,
    row: usize,
    label: usize,
    classes: usize,
) -> Result<(), BaselineError> {
    match label < classes {
        true => Ok(()),
        false => {
            let (found, expected) = (format!("class {label}"), format!("a class below {classes}"));
            Err(BaselineError::row(data, row, found, expected))
        }
    }
}
