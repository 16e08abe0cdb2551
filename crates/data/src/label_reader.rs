//! Parsing of label columns.

use std::collections::BTreeMap;
use std::path::Path;

use crate::dataset::Label;
use crate::error::DataError;

/// Parser from label text to [`Label`].
#[derive(Debug, Clone)]
pub(crate) enum LabelReader {
    /// Class labels.
    Classes(ClassReader),
    /// Scores in a range.
    Scores {
        /// Minimum of the range.
        lowest: f64,
        /// Maximum of the range.
        highest: f64,
    },
}

/// Classes with the names and numbers that represent them in a file.
#[derive(Debug, Clone)]
pub(crate) struct ClassReader {
    by_name: BTreeMap<String, usize>,
    by_number: BTreeMap<i64, usize>,
    /// Labels listed in errors.
    expected: Vec<String>,
}

impl ClassReader {
    /// Creates classes identified by consecutive numbers from `first`.
    pub(crate) fn numbered(first: i64, classes: usize) -> Self {
        let by_number: BTreeMap<i64, usize> = (first..).zip(0..classes).collect();
        Self {
            by_name: BTreeMap::new(),
            expected: (first..)
                .take(classes)
                .map(|number| number.to_string())
                .collect(),
            by_number,
        }
    }

    /// Creates classes identified by name. If all names are integers, labels also match as numbers:
    /// `1.0` matches `1`. With `positions`, if no name is an integer, a label may also be the index
    /// of the class, from 0.
    pub(crate) fn named(names: &[String], positions: bool) -> Self {
        let by_name = names.iter().cloned().zip(0..).collect();
        let numbers: Vec<Option<i64>> = names.iter().map(|name| integer(name)).collect();
        let by_number = if numbers.iter().all(Option::is_some) {
            numbers.into_iter().flatten().zip(0..).collect()
        } else if positions && numbers.iter().all(Option::is_none) {
            (0..).zip(0..names.len()).collect()
        } else {
            BTreeMap::new()
        };
        Self {
            by_name,
            by_number,
            expected: names.to_vec(),
        }
    }

    fn class(&self, text: &str) -> Option<usize> {
        let by_number = || self.by_number.get(&integer(text)?).copied();
        self.by_name.get(text).copied().or_else(by_number)
    }
}

impl LabelReader {
    pub(crate) fn label(&self, path: &Path, row: u64, text: &str) -> Result<Label, DataError> {
        let problem = match self {
            Self::Classes(classes) => match classes.class(text) {
                Some(class) => return Ok(Label::Class(class)),
                None => format!("the label {text:?} is none of {:?}", classes.expected),
            },
            &Self::Scores { lowest, highest } => match score(text) {
                Some(score) if (lowest..=highest).contains(&score) => {
                    return Ok(Label::Score(score));
                }
                _ => format!("the score {text:?} is not a number from {lowest} to {highest}"),
            },
        };
        Err(DataError::row(path, row, problem))
    }
}

/// Parses a finite number.
pub(crate) fn score(text: &str) -> Option<f64> {
    let number: f64 = text.trim().parse().ok()?;
    number.is_finite().then_some(number)
}

/// Parses an integer, also when written as a floating-point number such as `1.0`.
pub(crate) fn integer(text: &str) -> Option<i64> {
    let digits = match text.split_once('.') {
        Some((digits, zeros)) if !zeros.is_empty() && zeros.bytes().all(|byte| byte == b'0') => {
            digits
        }
        Some(_) => return None,
        None => text,
    };
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(reader: &ClassReader, text: &str) -> Option<usize> {
        let reader = LabelReader::Classes(reader.clone());
        reader.label(Path::new("rows.csv"), 9, text).ok()?.class()
    }

    #[test]
    fn numbers_from_one() {
        let reader = ClassReader::numbered(1, 4);
        assert_eq!(class(&reader, "1"), Some(0));
        assert_eq!(class(&reader, "4.0"), Some(3));
        for text in ["0", "5", "-1", "x", "", "1.5", "1.", "."] {
            assert_eq!(class(&reader, text), None, "{text:?}");
        }
        let error = LabelReader::Classes(reader).label(Path::new("rows.csv"), 9, "5");
        assert!(matches!(
            error,
            Err(DataError::InvalidRow { row: 9, problem, .. })
                if problem == "the label \"5\" is none of [\"1\", \"2\", \"3\", \"4\"]"
        ));
    }

    #[test]
    fn names_and_where_allowed_their_positions() {
        let names = ["spam", "ham"].map(str::to_owned);
        let strict = ClassReader::named(&names, false);
        assert_eq!(
            (class(&strict, "ham"), class(&strict, "1")),
            (Some(1), None)
        );
        let lenient = ClassReader::named(&names, true);
        assert_eq!(
            (class(&lenient, "ham"), class(&lenient, "1")),
            (Some(1), Some(1))
        );
        let numbers = ClassReader::named(&["-1", "10"].map(str::to_owned), true);
        assert_eq!(
            (class(&numbers, "10.0"), class(&numbers, "0")),
            (Some(1), None)
        );
    }

    #[test]
    fn scores_are_finite_and_on_the_scale() {
        let reader = LabelReader::Scores {
            lowest: 0.0,
            highest: 5.0,
        };
        let label = |text| reader.label(Path::new("rows.csv"), 9, text);
        assert_eq!(label("4.25").unwrap(), Label::Score(4.25));
        for text in ["NaN", "inf", "-0.1", "5.01", "", "four"] {
            assert!(
                matches!(label(text), Err(DataError::InvalidRow { row: 9, .. })),
                "{text:?}"
            );
        }
    }
}
