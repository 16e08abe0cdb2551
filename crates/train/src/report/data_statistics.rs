//! What the data of a run looks like: lengths in tokens, classes, and texts that occur more than once.

use finetune_data::{
    Audit, Cleaning, EncodedDataset, LengthStatistics, Split, SplitAudit, SplitOverlap,
};
use serde::{Deserialize, Serialize};

use crate::error::TrainError;
use crate::text_config::EncodedSplit;

/// Statistics of the rows of a run, after text preprocessing and tokenization.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DataStatistics {
    /// Statistics of each split, in the order in which they are used.
    pub splits: Vec<SplitStatistics>,
    /// Texts that two splits have in common, for each pair of splits; empty for embeddings and rerankers.
    pub shared: Vec<SplitOverlap>,
}

/// Statistics of one split.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SplitStatistics {
    /// The split.
    pub split: Split,
    /// Lengths of the rows in tokens, as the model sees them: after truncation, with special tokens. Of
    /// texts that are encoded separately, the longer of a pair.
    pub lengths: LengthStatistics,
    /// Rows of each class and equal texts; `None` for embeddings and rerankers.
    pub texts: Option<SplitAudit>,
}

impl DataStatistics {
    /// Computes the statistics of tokenized splits, in linear time with 24 bytes per row.
    ///
    /// # Errors
    /// - [`TrainError::Data`] if the rows cannot be read.
    pub(crate) fn of_splits<'a>(
        splits: impl IntoIterator<Item = (Split, &'a EncodedSplit)>,
    ) -> Result<Self, TrainError> {
        let splits: Vec<_> = splits.into_iter().collect();
        // The texts are clean already.
        let datasets = splits.iter().map(|(split, rows)| (*split, &rows.dataset));
        let audit = Audit::of_datasets(datasets, &Cleaning::default());
        let rows = splits.iter().zip(audit.splits);
        let rows = rows.map(|((split, rows), texts)| {
            Ok(SplitStatistics {
                split: *split,
                lengths: lengths(&rows.tokens)?,
                texts: Some(texts),
            })
        });
        Ok(Self {
            splits: rows.collect::<Result<_, TrainError>>()?,
            shared: audit.shared,
        })
    }

    /// Creates the statistics of splits of which only the lengths are known.
    pub(crate) fn of_lengths(splits: impl IntoIterator<Item = (Split, LengthStatistics)>) -> Self {
        let splits = splits.into_iter();
        let splits = splits.map(|(split, lengths)| SplitStatistics {
            split,
            lengths,
            texts: None,
        });
        Self {
            splits: splits.collect(),
            shared: Vec::new(),
        }
    }

    /// Returns the statistics of a split.
    pub fn split(&self, split: Split) -> Option<&SplitStatistics> {
        self.splits.iter().find(|found| found.split == split)
    }

    /// Returns what makes scores doubtful, a sentence each: texts that are in the training rows and in
    /// rows that scores are computed on, and classes without training rows.
    pub fn warnings(&self) -> Vec<String> {
        let shared = self.shared.iter();
        let shared = shared.filter_map(|shared| self.warning_of(shared));
        shared.chain(self.missing_classes()).collect()
    }

    fn warning_of(&self, shared: &SplitOverlap) -> Option<String> {
        if shared.first != Split::Train || shared.rows_of_second == 0 {
            return None;
        }
        let (rows, split) = (shared.rows_of_second, shared.second);
        let all = self.split(split)?.texts.as_ref()?.rows;
        let verb = if rows == 1 { "has" } else { "have" };
        Some(format!(
            "{rows} of {all} {split} rows {verb} the text of a training row, so that the scores say \
             less about new texts."
        ))
    }

    fn missing_classes(&self) -> Option<String> {
        let train = self.split(Split::Train)?.texts.as_ref()?;
        let missing = train.classes.iter().filter(|class| class.rows == 0);
        let missing: Vec<&str> = missing.map(|class| class.class.as_str()).collect();
        match missing.len() {
            0 => None,
            1 => Some(format!("No training row has the class {}.", missing[0])),
            2..=5 => Some(format!(
                "No training row has one of the classes {}.",
                missing.join(", ")
            )),
            more => Some(format!(
                "No training row has one of {more} classes: {} and others.",
                missing[..5].join(", ")
            )),
        }
    }
}

/// Returns the lengths of encoded rows.
///
/// # Errors
/// - [`TrainError::Data`] if the rows cannot be read.
pub(crate) fn lengths(rows: &EncodedDataset) -> Result<LengthStatistics, TrainError> {
    Ok(LengthStatistics {
        truncated_rows: rows.texts.truncated_count()?,
        ..LengthStatistics::of_lengths(rows.lengths()?, &[])
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use finetune_data::{Dataset, EncodedLabels, EncodedTexts, Example, Label, Schema};

    use super::*;

    /// Rows of texts with their classes, with a token for each letter.
    fn split(rows: &[(&str, usize)]) -> EncodedSplit {
        let examples = rows.iter();
        let examples = examples.map(|(text, class)| Example::new(*text, Label::Class(*class)));
        let dataset = Dataset {
            name: "letters".to_string(),
            schema: Schema::classification(["first", "second", "third"]),
            examples: examples.collect(),
        };
        let ids = rows.iter().map(|(text, _)| vec![1; text.len()]);
        let tokens = EncodedDataset {
            texts: EncodedTexts::from_token_ids(ids),
            second_texts: None,
            labels: EncodedLabels::Unlabeled,
            schema: dataset.schema.clone(),
        };
        EncodedSplit {
            fingerprint: dataset.fingerprint(),
            dataset,
            tokens: Arc::new(tokens),
        }
    }

    fn statistics(train: &[(&str, usize)], test: &[(&str, usize)]) -> DataStatistics {
        let splits = [(Split::Train, &split(train)), (Split::Test, &split(test))];
        DataStatistics::of_splits(splits).unwrap()
    }

    #[test]
    fn rows_are_counted_by_class_and_text_and_measured() {
        let train = [("a", 0), ("bb", 1), ("a", 0), ("dddd", 2)];
        let found = statistics(&train, &[("eee", 1), ("f", 1)]);
        let of_train = found.split(Split::Train).unwrap();
        assert_eq!(of_train.lengths.quantile(0.5), Some(1));
        assert_eq!(of_train.lengths.longest, 4);
        let texts = of_train.texts.as_ref().unwrap();
        let rows: Vec<usize> = texts.classes.iter().map(|class| class.rows).collect();
        assert_eq!((rows, texts.duplicates.redundant_rows), (vec![2, 1, 1], 1));
        assert_eq!(found.split(Split::Test).unwrap().lengths.longest, 3);
        assert!(found.split(Split::Validation).is_none());
        assert_eq!((found.shared.len(), found.shared[0].texts), (1, 0));
        assert!(found.warnings().is_empty(), "{:?}", found.warnings());
    }

    #[test]
    fn known_test_texts_and_classes_without_rows_are_told() {
        let found = statistics(&[("a", 0), ("bb", 1)], &[("a", 0), ("a", 1), ("c", 2)]);
        let [shared, class] = &found.warnings()[..] else {
            panic!("{:?}", found.warnings());
        };
        assert!(shared.starts_with("2 of 3 test rows have the text of a training row"));
        assert_eq!(class, "No training row has the class third.");
        let found = statistics(&[("bb", 2)], &[("bb", 2)]);
        let warnings = found.warnings().join(" ");
        assert!(
            warnings.contains("1 of 1 test rows has the text"),
            "{warnings}"
        );
        assert!(
            warnings.ends_with("one of the classes first, second."),
            "{warnings}"
        );
    }

    #[test]
    fn of_lengths_alone_nothing_is_said() {
        let lengths = LengthStatistics::of_lengths(vec![3, 9], &[]);
        let found = DataStatistics::of_lengths([(Split::Train, lengths)]);
        assert!(found.warnings().is_empty());
        let json = serde_json::to_string(&found).unwrap();
        assert_eq!(
            serde_json::from_str::<DataStatistics>(&json).unwrap(),
            found
        );
    }
}
