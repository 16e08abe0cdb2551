//! Splits of a run: label checks and tokenization.

use finetune_data::{
    AugmentationConfig, DataError, Dataset, EncodedDataset, Label, Split, Splits, Target,
    TextTokenizer,
};

use crate::activations::PerSplit;
use crate::error::TrainError;
use crate::report::{DataSection, DataStatistics};
use crate::text_config::EncodedSplit;
use crate::text_config::TextConfig;

/// Tokenized splits of a run.
#[derive(Debug)]
pub(crate) struct Data {
    pub(crate) train: EncodedSplit,
    pub(crate) validation: Option<EncodedSplit>,
    pub(crate) test: Option<EncodedSplit>,
}

/// Splits of a run before tokenization: training rows, validation rows if the run evaluates, and
/// test rows if any.
pub(crate) struct UsedSplits {
    pub(crate) train: Dataset,
    validation: Option<Dataset>,
    test: Option<Dataset>,
}

impl UsedSplits {
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if a split has no rows, a label is missing or out of range,
    ///   or its classes are not those of the training rows. Validation rows are dropped unless
    ///   `measures`.
    pub(crate) fn new(splits: Splits, measures: bool) -> Result<Self, TrainError> {
        let validation = splits.validation.filter(|_| measures);
        let used = Self {
            train: splits.train,
            validation,
            test: splits.test,
        };
        check_labels("training rows", &used.train, &used.train)?;
        if let Some(test) = &used.test {
            check_labels("test rows", test, &used.train)?;
        }
        if let Some(validation) = &used.validation {
            check_labels("validation rows", validation, &used.train)?;
        }
        Ok(used)
    }

    /// Returns the splits with their names.
    pub(crate) fn named(&self) -> impl Iterator<Item = (&'static str, &Dataset)> {
        let others = [
            ("validation rows", &self.validation),
            ("test rows", &self.test),
        ];
        let others = others.into_iter();
        let others = others.filter_map(|(name, split)| Some((name, split.as_ref()?)));
        std::iter::once(("training rows", &self.train)).chain(others)
    }

    /// Returns whether the run evaluates on validation rows.
    pub(crate) fn has_validation(&self) -> bool {
        self.validation.is_some()
    }

    /// Adds copies of training rows with other names and pronouns.
    ///
    /// # Errors
    /// - [`DataError::InvalidSetting`] if a setting is out of range.
    pub(crate) fn augmented(
        self,
        config: &AugmentationConfig,
        seed: u64,
    ) -> Result<Self, DataError> {
        let train = config.augment(&self.train, seed)?;
        Ok(Self { train, ..self })
    }

    /// # Errors
    /// - Any error of [`TextConfig::encode`].
    pub(crate) fn encode(
        self,
        text: &TextConfig,
        tokenizer: &TextTokenizer,
    ) -> Result<Data, TrainError> {
        let encode = |dataset| text.encode(dataset, tokenizer);
        Ok(Data {
            train: encode(self.train)?,
            validation: self.validation.map(encode).transpose()?,
            test: self.test.map(encode).transpose()?,
        })
    }
}

fn check_labels(name: &'static str, split: &Dataset, train: &Dataset) -> Result<(), TrainError> {
    if split.is_empty() {
        return Err(TrainError::setting(name, 0, "at least 1"));
    }
    let target = &train.schema.target;
    let labels = split.examples.iter().map(|example| &example.label);
    if let Some((row, label)) = labels.enumerate().find(|(_, label)| !fits(label, target)) {
        let found = format!("{label:?} in row {row} of the {name}");
        return Err(TrainError::setting("label", found, expected_label(target)));
    }
    if train.class_names() != split.class_names() {
        let found = format!("{:?} in the {name}", split.class_names());
        let expected = format!("those of the training rows, {:?}", train.class_names());
        return Err(TrainError::setting("classes", found, expected));
    }
    Ok(())
}

fn fits(label: &Label, target: &Target) -> bool {
    match (label, target) {
        (Label::Class(class), Target::Classes(names)) => *class < names.len(),
        (Label::TokenClasses(classes), Target::TokenClasses(names)) => {
            classes.iter().all(|class| *class < names.len())
        }
        (label, Target::MultiLabel(names)) => label.is_class_set(names.len()),
        (
            Label::Score(score),
            Target::Score {
                min: lowest,
                max: highest,
            },
        ) => (lowest..=highest).contains(&score),
        _ => false,
    }
}

fn expected_label(target: &Target) -> String {
    match target {
        Target::Classes(_) => "a class".to_string(),
        Target::Score {
            min: lowest,
            max: highest,
        } => format!("a score from {lowest} to {highest}"),
        Target::MultiLabel(_) => "any number of classes, ascending, each once".to_string(),
        Target::TokenClasses(names) => {
            format!("a class below {} for each word", names.len())
        }
        Target::Unlabeled => "data with classes or scores".to_string(),
    }
}

impl Data {
    pub(crate) fn of_splits(&self) -> PerSplit<&EncodedDataset> {
        let validation = self.validation.as_ref();
        PerSplit {
            train: Some(&self.train.tokens),
            validation: validation.map(|split| &*split.tokens),
            test: self.test.as_ref().map(|split| &*split.tokens),
        }
    }

    pub(crate) fn section(&self, tokenizer: &TextTokenizer) -> Result<DataSection, TrainError> {
        let validation = self.validation.as_ref();
        let splits = [
            (Split::Train, Some(&self.train)),
            (Split::Validation, validation),
            (Split::Test, self.test.as_ref()),
        ];
        let splits = splits.into_iter();
        let splits = splits.filter_map(|(split, rows)| Some((split, rows?)));
        Ok(DataSection {
            class_names: self.train.dataset.class_names().to_vec(),
            tokenizer: Some(tokenizer.fingerprint()),
            train: self.train.section()?,
            validation: validation.map(EncodedSplit::section).transpose()?,
            test: self.test.as_ref().map(EncodedSplit::section).transpose()?,
            statistics: Some(DataStatistics::of_splits(splits)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use finetune_data::{Example, Schema};

    use super::*;

    #[test]
    fn training_rows_alone_are_augmented() {
        let rows = |name: &str| Dataset {
            name: name.to_string(),
            schema: Schema::classification(["bad", "good"]),
            examples: vec![
                Example::new("She sings.", Label::Class(1)),
                Example::new("A dog sings.", Label::Class(0)),
            ],
        };
        let splits = Splits {
            validation: Some(rows("validation")),
            ..Splits::train_test(rows("train"), rows("test"))
        };
        let used = UsedSplits::new(splits, true).unwrap();
        let used = used.augmented(&AugmentationConfig::default(), 42).unwrap();
        let expected = Example::new("He sings.", Label::Class(1));
        assert_eq!(used.train.len(), 3);
        assert_eq!(used.train.examples[2], expected);
        assert_eq!(used.validation.unwrap(), rows("validation"));
        assert_eq!(used.test.unwrap(), rows("test"));
    }
}
