//! Texts and classes of a dataset.

use finetune_data::Dataset;

use crate::BaselineError;

/// Texts and their classes, row by row.
pub(crate) struct LabeledTexts<'a> {
    pub(crate) texts: Vec<&'a str>,
    pub(crate) labels: Vec<usize>,
}

impl<'a> LabeledTexts<'a> {
    /// Collects the texts and classes of all rows.
    ///
    /// # Errors
    /// - [`BaselineError::TextPair`] if a row is a pair of texts.
    /// - [`BaselineError::NoClass`] if a row has no class label.
    /// - [`BaselineError::LabelOutOfRange`] if a label is out of range.
    pub(crate) fn of(dataset: &'a Dataset) -> Result<Self, BaselineError> {
        let classes = dataset.class_names().len();
        let mut texts = Vec::with_capacity(dataset.len());
        let mut labels = Vec::with_capacity(dataset.len());
        for (row, example) in dataset.examples.iter().enumerate() {
            if example.text_pair.is_some() {
                let dataset = dataset.name.clone();
                return Err(BaselineError::TextPair { dataset, row });
            }
            let label = example
                .label
                .class()
                .ok_or_else(|| BaselineError::NoClass {
                    dataset: dataset.name.clone(),
                    row,
                    found: format!("{:?}", example.label),
                })?;
            if label >= classes {
                return Err(BaselineError::LabelOutOfRange {
                    row,
                    label,
                    classes,
                });
            }
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
