//! Parsing of label columns.

use std::collections::BTreeMap;
use std::path::Path;

use crate::class_sets::{ClassSetReader, indicated};
use crate::dataset::Label;
use crate::error::DataError;
use crate::excerpt::{excerpt, excerpts};
use crate::table::Column;

/// Parser from label text to [`Label`].
#[derive(Debug, Clone)]
pub(crate) enum LabelReader {
    /// Class labels.
    Classes(ClassReader),
    /// Sets of classes in one column.
    ClassSets(ClassSetReader),
    /// Sets of classes, with a column for each class.
    Indicators,
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
    /// Names of the class indices in the file; `None` if its labels are not indices.
    names_in_file: Option<Vec<String>>,
}

impl ClassReader {
    /// Creates classes identified by consecutive numbers from `first`.
    pub(crate) fn numbered(first: i64, classes: usize) -> Self {
        let expected = (first..).take(classes).map(|number| number.to_string());
        Self {
            by_name: BTreeMap::new(),
            by_number: (first..).zip(0..classes).collect(),
            expected: expected.collect(),
            names_in_file: None,
        }
    }

    /// Creates classes identified by name. If all names are integers, `1.0` is the class `1`, but
    /// `01` is not. With `positions`, if no name is a number, a label may also be the index of the
    /// class, from 0.
    pub(crate) fn named(names: &[String], positions: bool) -> Self {
        let by_number = if names.iter().all(|name| whole_number(name).is_some()) {
            let numbers = names.iter().map(|name| integer(name)).zip(0..);
            numbers
                .filter_map(|(number, class)| Some((number?, class)))
                .collect()
        } else if positions && names.iter().all(|name| score(name).is_none()) {
            (0..).zip(0..names.len()).collect()
        } else {
            BTreeMap::new()
        };
        Self {
            by_name: names.iter().cloned().zip(0..).collect(),
            by_number,
            expected: names.to_vec(),
            names_in_file: None,
        }
    }

    /// Reads labels as indices of `names_in_file`, which the file or its description declares. An index
    /// of -1 is a missing label, and what is no integer is the name of a class.
    pub(crate) fn with_names_in_file(mut self, names_in_file: Vec<String>) -> Self {
        self.names_in_file = Some(names_in_file);
        self
    }

    /// Returns the class, or `None` for a missing label.
    pub(crate) fn class(&self, text: &str) -> Result<Option<usize>, String> {
        let Some(names) = &self.names_in_file else {
            return self.class_named(text).map(Some);
        };
        match integer(text) {
            None => self.class_named(text).map(Some),
            Some(-1) => Ok(None),
            Some(index) => {
                let name = usize::try_from(index).ok();
                let name = name.and_then(|index| names.get(index));
                let outside = || {
                    let label = excerpt(text);
                    format!(
                        "the label {label:?} is no index of the {} classes in the file",
                        names.len()
                    )
                };
                self.class_named(name.ok_or_else(outside)?).map(Some)
            }
        }
    }

    fn class_named(&self, text: &str) -> Result<usize, String> {
        let by_number = || self.by_number.get(&integer(text)?).copied();
        let class = self.by_name.get(text).copied().or_else(by_number);
        class.ok_or_else(|| {
            let (label, expected) = (excerpt(text), excerpts(&self.expected));
            format!("the label {label:?} is none of {expected}")
        })
    }
}

impl LabelReader {
    /// Returns the label of a row from the fields of its label columns.
    ///
    /// # Errors
    /// - [`DataError::InvalidRow`] if a field is not a label, or is blank where a blank is none.
    pub(crate) fn label(
        &self,
        path: &Path,
        row: u64,
        columns: &[Column],
        fields: &[String],
    ) -> Result<Label, DataError> {
        let first = fields.first().map_or("", String::as_str);
        let problem = match self {
            Self::ClassSets(reader) => match reader.set(first) {
                Ok(set) => return Ok(Label::Classes(set)),
                Err(problem) => problem,
            },
            Self::Indicators => match indicated(columns, fields) {
                Ok(set) => return Ok(Label::Classes(set)),
                Err(problem) => problem,
            },
            Self::Classes(classes) => match classes.class(present(path, row, columns, first)?) {
                Ok(Some(class)) => return Ok(Label::Class(class)),
                Ok(None) => return Err(missing(path, row, columns)),
                Err(problem) => problem,
            },
            &Self::Scores { lowest, highest } => {
                let text = present(path, row, columns, first)?;
                match score(text) {
                    Some(score) if (lowest..=highest).contains(&score) => {
                        return Ok(Label::Score(score));
                    }
                    _ => {
                        let text = excerpt(text);
                        format!("the score {text:?} is not a number from {lowest} to {highest}")
                    }
                }
            }
        };
        Err(DataError::row(path, row, problem))
    }
}

/// Returns the label, or an error if it is blank. Texts may be empty, labels of one value may not.
pub(crate) fn present<'a>(
    path: &Path,
    row: u64,
    columns: &[Column],
    label: &'a str,
) -> Result<&'a str, DataError> {
    match label.trim().is_empty() {
        true => Err(missing(path, row, columns)),
        false => Ok(label),
    }
}

fn missing(path: &Path, row: u64, columns: &[Column]) -> DataError {
    let column = columns.first().map(Column::to_string);
    DataError::missing_value(path, row, &column.unwrap_or_default())
}

/// Parses a finite number.
pub(crate) fn score(text: &str) -> Option<f64> {
    let number: f64 = text.trim().parse().ok()?;
    number.is_finite().then_some(number)
}

/// Parses an integer as programs write it: without a sign or zeros that could be left out, or as
/// the floating-point number `1.0`. Other texts, such as `01`, are names and not numbers.
pub(crate) fn integer(text: &str) -> Option<i64> {
    let digits = text.strip_suffix(".0").unwrap_or(text);
    let number: i64 = digits.parse().ok()?;
    (number.to_string() == digits).then_some(number)
}

/// Parses a number without a fraction in any notation, such as `01` or `+1.00`.
pub(crate) fn whole_number(text: &str) -> Option<i64> {
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

    fn read(
        reader: &LabelReader,
        path: &str,
        column: &str,
        text: &str,
    ) -> Result<Label, DataError> {
        reader.label(Path::new(path), 9, &[column.into()], &[text.to_owned()])
    }

    fn class(reader: &ClassReader, text: &str) -> Option<usize> {
        let reader = LabelReader::Classes(reader.clone());
        read(&reader, "rows.csv", "label", text).ok()?.class()
    }

    #[test]
    fn numbers_from_one() {
        let reader = ClassReader::numbered(1, 4);
        assert_eq!(class(&reader, "1"), Some(0));
        assert_eq!(class(&reader, "4.0"), Some(3));
        for text in [
            "0", "5", "-1", "x", "", "1.5", "1.", ".", "01", "+1", "1.00", " 1",
        ] {
            assert_eq!(class(&reader, text), None, "{text:?}");
        }
        let reader = LabelReader::Classes(reader);
        let error = read(&reader, "rows.csv", "label", "5");
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
    fn zeros_before_a_number_are_part_of_a_name() {
        let reader = ClassReader::named(&["01", "1", "007", "7"].map(str::to_owned), true);
        let found = ["01", "1", "007", "7", "1.0"].map(|text| class(&reader, text));
        assert_eq!(found, [Some(0), Some(1), Some(2), Some(3), Some(1)]);
        for text in ["001", "07", "+7", "01.0", "0"] {
            assert_eq!(class(&reader, text), None, "{text:?}");
        }
        let padded = ClassReader::named(&["00", "01"].map(str::to_owned), true);
        assert_eq!((class(&padded, "1"), class(&padded, "01")), (None, Some(1)));
    }

    #[test]
    fn indices_are_those_of_the_names_in_the_file() {
        let names = ["bad", "good"].map(str::to_owned);
        let in_file = ["good", "bad", "mixed"].map(str::to_owned).to_vec();
        let reader = ClassReader::named(&names, false).with_names_in_file(in_file);
        assert_eq!(
            (class(&reader, "0"), class(&reader, "1")),
            (Some(1), Some(0))
        );
        assert_eq!(class(&reader, "bad"), Some(0));
        let reader = LabelReader::Classes(reader);
        for (label, message) in [
            ("-1", "no value in the column \"label\""),
            ("2", "the label \"mixed\" is none of [\"bad\", \"good\"]"),
            (
                "3",
                "the label \"3\" is no index of the 3 classes in the file",
            ),
            (
                "-2",
                "the label \"-2\" is no index of the 3 classes in the file",
            ),
            ("odd", "the label \"odd\" is none of [\"bad\", \"good\"]"),
        ] {
            let error = read(&reader, "rows.parquet", "label", label);
            let error = error.unwrap_err().to_string();
            assert_eq!(error, format!("rows.parquet, row 9: {message}"));
        }
    }

    #[test]
    fn scores_are_finite_and_on_the_scale() {
        let reader = LabelReader::Scores {
            lowest: 0.0,
            highest: 5.0,
        };
        let label = |text| read(&reader, "rows.csv", "score", text);
        assert_eq!(label("4.25").unwrap(), Label::Score(4.25));
        for text in ["NaN", "inf", "-0.1", "5.01", "", "four"] {
            assert!(
                matches!(label(text), Err(DataError::InvalidRow { row: 9, .. })),
                "{text:?}"
            );
        }
    }
}
