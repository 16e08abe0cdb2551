//! Splits of a dataset and reports on loading them.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::dataset::Dataset;
use crate::error::DataError;
use crate::random_rows::limited;

/// Split of a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// Training set.
    Train,
    /// Validation set, for model selection.
    Validation,
    /// Test set, for the final evaluation.
    Test,
    /// Unlabeled texts, for further pre-training.
    Unlabeled,
}

impl Split {
    /// All splits, in the order in which they are used.
    pub const ALL: [Self; 4] = [Self::Train, Self::Validation, Self::Test, Self::Unlabeled];

    /// Returns the name: `train`, `validation`, `test` or `unlabeled`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
            Self::Unlabeled => "unlabeled",
        }
    }
}

impl fmt::Display for Split {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Split {
    type Err = DataError;

    fn from_str(text: &str) -> Result<Self, DataError> {
        let split = Self::ALL.into_iter().find(|split| split.name() == text);
        let expected = "train, validation, test or unlabeled";
        split.ok_or_else(|| DataError::setting("split", expected, format!("{text:?}")))
    }
}

/// Splits of a dataset; all have the same schema.
#[derive(Debug, Clone, PartialEq)]
pub struct Splits {
    /// Training set.
    pub train: Dataset,
    /// Validation set, if any.
    pub validation: Option<Dataset>,
    /// Test set, if any; its labels may be unpublished.
    pub test: Option<Dataset>,
    /// Unlabeled texts, if any.
    pub unlabeled: Option<Dataset>,
}

impl Splits {
    /// Creates splits from a training and a test set.
    pub fn train_test(train: Dataset, test: Dataset) -> Self {
        Self {
            test: Some(test),
            ..train.into()
        }
    }

    /// Limits the training and test rows to the given numbers, sampled with the class proportions kept
    /// ([`Dataset::subset`]); `None` keeps all.
    ///
    /// ```
    /// use finetune_data::{Dataset, Example, Label, Schema, Splits};
    ///
    /// let examples = (0..10).map(|row| Example::new(row.to_string(), Label::Class(row % 2)));
    /// let numbers = Dataset {
    ///     name: "numbers".into(),
    ///     schema: Schema::classification(["even", "odd"]),
    ///     examples: examples.collect(),
    /// };
    /// let splits = Splits::train_test(numbers.clone(), numbers).subset(Some(4), None, 7);
    /// assert_eq!(splits.train.class_counts(), [2, 2]);
    /// assert_eq!(splits.test.unwrap().len(), 10);
    /// ```
    #[must_use]
    pub fn subset(self, train: Option<usize>, test: Option<usize>, seed: u64) -> Self {
        let subset = |rows: &Dataset, limit| rows.subset(limit, seed);
        let (train, test) = limited(self.train, self.test, [train, test], subset);
        Self {
            train,
            test,
            validation: self.validation,
            unlabeled: self.unlabeled,
        }
    }

    /// Returns the existing splits, in the order in which they are used.
    pub fn iter(&self) -> impl Iterator<Item = (Split, &Dataset)> {
        let rest = [
            (Split::Validation, &self.validation),
            (Split::Test, &self.test),
            (Split::Unlabeled, &self.unlabeled),
        ];
        let rest = rest
            .into_iter()
            .filter_map(|(split, dataset)| Some((split, dataset.as_ref()?)));
        std::iter::once((Split::Train, &self.train)).chain(rest)
    }
}

/// Invalid rows that were skipped.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct SkippedRows {
    /// Number of skipped rows.
    pub rows: u64,
    /// Reasons for the first skipped rows, with file and row number.
    pub first: Vec<String>,
}

impl SkippedRows {
    /// Maximum number of reasons that are recorded.
    pub const REASONS: usize = 10;

    /// Counts a skipped row.
    pub fn count(&mut self, reason: &dyn fmt::Display) {
        self.rows += 1;
        if self.first.len() < Self::REASONS {
            self.first.push(reason.to_string());
        }
    }

    /// Returns the error of a file of which no row was read.
    pub(crate) fn error(&self, path: &Path) -> DataError {
        match self.first.first() {
            None => DataError::no_rows(path),
            Some(first) => {
                let rows = self.rows;
                DataError::file(path, format!("none of its {rows} rows is valid: {first}"))
            }
        }
    }
}

/// Report on loading a split.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitReport {
    /// The split.
    pub split: Split,
    /// Files that were read.
    pub files: Vec<PathBuf>,
    /// Number of rows read.
    pub rows: usize,
    /// Number of rows of the published split; `None` if the dataset is not from the catalog.
    pub official_rows: Option<usize>,
    /// Skipped rows.
    pub skipped: SkippedRows,
}

impl fmt::Display for SplitReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {} rows", self.split, self.rows)?;
        match self.official_rows {
            Some(official) if official == self.rows => write!(formatter, ", as published")?,
            Some(official) => write!(formatter, ", the published split has {official}")?,
            None => {}
        }
        if self.skipped.rows > 0 {
            write!(formatter, ", {} bad rows skipped", self.skipped.rows)?;
        }
        for reason in &self.skipped.first {
            write!(formatter, "\n  skipped: {reason}")?;
        }
        Ok(())
    }
}

/// Loaded dataset with its reports.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadedDataset {
    /// The splits.
    pub splits: Splits,
    /// One report per split.
    pub reports: Vec<SplitReport>,
}

impl LoadedDataset {
    /// Collects a training split and the optional other splits, which are loaded in order.
    pub(crate) fn load(
        (train, report): (Dataset, SplitReport),
        mut load: impl FnMut(Split) -> Result<Option<(Dataset, SplitReport)>, DataError>,
    ) -> Result<Self, DataError> {
        let (mut splits, mut reports) = (Splits::from(train), vec![report]);
        for (split, place) in [
            (Split::Validation, &mut splits.validation),
            (Split::Test, &mut splits.test),
            (Split::Unlabeled, &mut splits.unlabeled),
        ] {
            if let Some((dataset, report)) = load(split)? {
                *place = Some(dataset);
                reports.push(report);
            }
        }
        Ok(Self { splits, reports })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_says_what_differs_from_the_published_split() {
        let mut report = SplitReport {
            split: Split::Train,
            files: vec![],
            rows: 3,
            official_rows: Some(3),
            skipped: SkippedRows::default(),
        };
        assert_eq!(report.to_string(), "train: 3 rows, as published");
        report.official_rows = Some(4);
        report.skipped.count(&"a.csv, row 3: no label");
        assert_eq!(
            report.to_string(),
            "train: 3 rows, the published split has 4, 1 bad rows skipped\n  \
             skipped: a.csv, row 3: no label"
        );
    }

    #[test]
    fn splits_have_the_names_that_they_print() {
        for split in Split::ALL {
            assert_eq!(split.to_string().parse::<Split>().unwrap(), split);
        }
        assert!(
            "dev"
                .parse::<Split>()
                .unwrap_err()
                .to_string()
                .contains("validation")
        );
    }

    #[test]
    fn only_the_first_reasons_are_kept() {
        let mut skipped = SkippedRows::default();
        (0..100).for_each(|row| skipped.count(&row));
        assert_eq!(
            (skipped.rows, skipped.first.len()),
            (100, SkippedRows::REASONS)
        );
    }
}
