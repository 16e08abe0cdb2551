//! Decision thresholds of multi-label classification, given or tuned.

use finetune_data::Target;
use finetune_eval::Thresholds;
use serde::{Deserialize, Serialize};

use crate::error::TrainError;
use crate::task::describe_labels;

/// Minimum probability at which a class is predicted in multi-label classification (default: 0.5):
/// in JSON a number, a list with one number per class, or `"max_f1"`.
///
/// It is used by all evaluations of a run and saved with its model.
///
/// ```
/// use finetune_eval::Thresholds;
/// use finetune_train::DecisionThreshold;
///
/// let given: DecisionThreshold = serde_json::from_str("0.3")?;
/// assert_eq!(given, DecisionThreshold::Fixed(Thresholds::Same(0.3)));
/// let tuned: DecisionThreshold = serde_json::from_str("\"max_f1\"")?;
/// assert_eq!(tuned, DecisionThreshold::MaxF1);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecisionThreshold {
    /// The threshold of each class with the highest F1 on the validation rows, of the model that is
    /// evaluated ([`Thresholds::best_f1`]). The scores of these rows are then slightly too good;
    /// those of the test rows are not.
    MaxF1,
    /// These thresholds.
    #[serde(untagged)]
    Fixed(Thresholds),
}

impl Default for DecisionThreshold {
    fn default() -> Self {
        Self::Fixed(Thresholds::default())
    }
}

impl DecisionThreshold {
    /// Returns the thresholds that are given; `None` if they are to be tuned.
    ///
    /// ```
    /// use finetune_eval::Thresholds;
    /// use finetune_train::DecisionThreshold;
    ///
    /// assert_eq!(DecisionThreshold::default().fixed(), Some(&Thresholds::Same(0.5)));
    /// assert_eq!(DecisionThreshold::MaxF1.fixed(), None);
    /// ```
    pub fn fixed(&self) -> Option<&Thresholds> {
        match self {
            Self::Fixed(thresholds) => Some(thresholds),
            Self::MaxF1 => None,
        }
    }

    /// Checks that all thresholds are probabilities.
    ///
    /// # Errors
    /// - [`TrainError::Eval`] if one is not in `[0, 1]`.
    pub fn validate(&self) -> Result<(), TrainError> {
        match self.fixed() {
            Some(thresholds) => Ok(thresholds.validate()?),
            None => Ok(()),
        }
    }

    /// Checks it against the labels of a task.
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if rows have one class or a score, or thresholds are to be
    ///   tuned without validation rows.
    /// - [`TrainError::Eval`] if there is not one threshold per class.
    pub(crate) fn check(&self, target: &Target, has_validation: bool) -> Result<(), TrainError> {
        let error =
            |found: String, expected: &str| Err(TrainError::setting("threshold", found, expected));
        match (self, target) {
            (Self::MaxF1, Target::MultiLabel(_)) if !has_validation => error(
                "max_f1 without validation rows".to_string(),
                "numbers, or an evaluation on validation rows",
            ),
            (Self::MaxF1, Target::MultiLabel(_)) => Ok(()),
            (Self::Fixed(thresholds), Target::MultiLabel(names)) => {
                thresholds.per_class(names.len())?;
                Ok(())
            }
            _ => error(
                format!("given for {}", describe_labels(target)),
                "none: it is for any number of classes per row",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_checked_against_the_labels() {
        let names = vec!["a".to_string(), "b".to_string()];
        let (any, one) = (Target::MultiLabel(names.clone()), Target::Classes(names));
        let threshold = |json: &str| -> DecisionThreshold { serde_json::from_str(json).unwrap() };
        for (json, target, has_validation, message) in [
            ("0.5", &any, false, None),
            ("[0.5, 0.25]", &any, false, None),
            (r#""max_f1""#, &any, true, None),
            (
                r#""max_f1""#,
                &any,
                false,
                Some("threshold is max_f1 without validation rows"),
            ),
            (
                "0.25",
                &one,
                false,
                Some("threshold is given for the classes a, b, expected none"),
            ),
            (
                r#""max_f1""#,
                &one,
                true,
                Some("threshold is given for the classes a, b"),
            ),
            (
                "[0.5]",
                &any,
                false,
                Some("threshold is a list of 1, expected one number, or one"),
            ),
        ] {
            let checked = threshold(json).check(target, has_validation);
            let found = checked.err().map(|error| error.to_string());
            match (found, message) {
                (None, None) => {}
                (Some(found), Some(start)) => assert!(found.starts_with(start), "{found}"),
                (found, _) => panic!("{json}: {found:?}"),
            }
        }
        let error = threshold("1.5").validate().unwrap_err().to_string();
        assert!(error.starts_with("threshold is 1.5"), "{error}");
        assert!(serde_json::from_str::<DecisionThreshold>(r#""best""#).is_err());
    }
}
