//! Data of a run in its report: names, rows and fingerprints of the splits, and what their texts look
//! like.

use finetune_data::Split;
use serde::{Deserialize, Serialize};

use super::data_statistics::DataStatistics;

/// Data of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DataSection {
    /// Class names, in the order of their ids; empty for regression.
    pub class_names: Vec<String>,
    /// Fingerprint of the tokenizer, if the texts were tokenized for the run.
    #[serde(default)]
    pub tokenizer: Option<String>,
    /// Training rows.
    pub train: SplitSection,
    /// Validation rows; `None` if the run does not evaluate.
    pub validation: Option<SplitSection>,
    /// Test rows, if any.
    pub test: Option<SplitSection>,
    /// Lengths, classes and equal texts; `None` in reports of earlier versions. Settings of a run do not
    /// have them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statistics: Option<DataStatistics>,
}

/// Statistics of one split.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SplitSection {
    /// Name of the dataset and split.
    pub name: String,
    /// Number of rows.
    pub rows: usize,
    /// Number of truncated token rows.
    pub truncated: usize,
    /// Number of words with a class that were cut off by the maximum length.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub cut_words: usize,
    /// Hash of all texts and labels after cleaning.
    pub fingerprint: String,
}

impl DataSection {
    /// Returns the splits that there are, in the order in which they are used.
    pub(super) fn splits(&self) -> impl Iterator<Item = (Split, &SplitSection)> {
        let others = [
            (Split::Validation, &self.validation),
            (Split::Test, &self.test),
        ];
        let others = others.into_iter();
        let others = others.filter_map(|(split, section)| Some((split, section.as_ref()?)));
        std::iter::once((Split::Train, &self.train)).chain(others)
    }

    /// Returns the section of the settings of a run, by which a resumed run is known: names, rows and
    /// fingerprints.
    pub(crate) fn of_settings(&self) -> Self {
        Self {
            statistics: None,
            ..self.clone()
        }
    }
}

impl SplitSection {
    /// Creates the section of rows without a class for each word.
    pub(crate) fn new(name: &str, rows: usize, truncated: usize, fingerprint: String) -> Self {
        Self {
            name: name.to_string(),
            rows,
            truncated,
            cut_words: 0,
            fingerprint,
        }
    }
}

/// Returns whether a number has its default and need not be written.
fn is_zero(number: &usize) -> bool {
    *number == 0
}
