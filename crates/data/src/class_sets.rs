//! Parsing of sets of classes: a list, text with separators, or a column of 0 and 1 per class.

use std::collections::BTreeSet;

use crate::excerpt::{excerpt, excerpts};
use crate::label_reader::ClassReader;
use crate::table::{Column, list_elements};

/// Parser of a column with any number of classes per row.
#[derive(Debug, Clone)]
pub(crate) struct ClassSetReader {
    pub(crate) classes: ClassReader,
    /// Separator of the classes in text; `None` if the column holds lists.
    pub(crate) separator: Option<String>,
}

impl ClassSetReader {
    /// Returns the classes of a field in ascending order. The error describes what is wrong.
    pub(crate) fn set(&self, field: &str) -> Result<Vec<usize>, String> {
        let mut set = BTreeSet::new();
        for name in names(field, self.separator.as_deref())? {
            let class = self
                .classes
                .class(name)?
                .ok_or("a class of the list has no value")?;
            if !set.insert(class) {
                return Err(twice(name));
            }
        }
        Ok(set.into_iter().collect())
    }
}

/// Returns the names of the classes in a field, without the spaces around them in text. An empty
/// field has none.
///
/// # Errors
/// A description of what is wrong: text without a separator, or a name that is blank.
pub(crate) fn names<'a>(field: &'a str, separator: Option<&str>) -> Result<Vec<&'a str>, String> {
    let names: Vec<&str> = match (list_elements(field), separator) {
        (Some(elements), _) => elements.collect(),
        (None, Some(_)) if field.trim().is_empty() => Vec::new(),
        (None, Some(separator)) => field.split(separator).map(str::trim).collect(),
        (None, None) => {
            let text = excerpt(field);
            return Err(format!(
                "the label {text:?} is text, expected a list of classes, or a separator for text"
            ));
        }
    };
    match names.iter().any(|name| name.trim().is_empty()) {
        true => Err(format!(
            "the label {:?} has a class without a name",
            excerpt(&field.replace('\0', ", "))
        )),
        false => Ok(names),
    }
}

/// Returns the error of a class that is listed twice in a row.
pub(crate) fn twice(name: &str) -> String {
    format!("the class {:?} is listed twice", excerpt(name))
}

/// Returns the classes whose columns hold 1. The error names the first column that holds neither 0
/// nor 1.
pub(crate) fn indicated(columns: &[Column], fields: &[String]) -> Result<Vec<usize>, String> {
    let mut set = Vec::new();
    for (class, (column, field)) in columns.iter().zip(fields).enumerate() {
        match field.trim() {
            "1" | "1.0" | "true" | "True" | "TRUE" => set.push(class),
            "0" | "0.0" | "false" | "False" | "FALSE" => {}
            _ => {
                let (column, field) = (column.to_string(), excerpt(field));
                return Err(format!(
                    "column {:?}: the value {field:?} is neither 0 nor 1",
                    excerpt(&column)
                ));
            }
        }
    }
    Ok(set)
}

/// Returns a problem if class names are not at least two different ones.
pub(crate) fn name_problem(names: &[String]) -> Option<String> {
    let distinct: BTreeSet<&String> = names.iter().collect();
    let are_valid = distinct.len() >= 2 && distinct.len() == names.len();
    (!are_valid).then(|| format!("expected at least two classes, found {}", excerpts(names)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(separator: Option<&str>) -> ClassSetReader {
        let names = ["politics", "sports", "weather"].map(str::to_owned);
        ClassSetReader {
            classes: ClassReader::named(&names, false),
            separator: separator.map(str::to_owned),
        }
    }

    #[test]
    fn text_is_split_and_sets_are_ascending() {
        let reader = reader(Some(";"));
        for (text, expected) in [
            ("sports; politics", &[0, 1][..]),
            ("weather", &[2]),
            ("", &[]),
            (" ", &[]),
        ] {
            assert_eq!(reader.set(text).unwrap(), expected, "{text:?}");
        }
        for (text, problem) in [
            ("sports;sports", "the class \"sports\" is listed twice"),
            (
                "sports;",
                "the label \"sports;\" has a class without a name",
            ),
            (
                "sports,politics",
                "the label \"sports,politics\" is none of [\"politics\", \"sports\", \"weather\"]",
            ),
        ] {
            assert_eq!(reader.set(text).unwrap_err(), problem);
        }
    }

    #[test]
    fn a_list_needs_no_separator_and_is_not_split() {
        for reader in [reader(None), reader(Some(";"))] {
            assert_eq!(reader.set("weather\0politics\0").unwrap(), [0, 2]);
            assert!(reader.set("weather;politics\0").is_err());
            let blank = reader.set("weather\0\0").unwrap_err();
            assert!(blank.ends_with("has a class without a name"), "{blank}");
        }
        let problem = reader(None).set("weather").unwrap_err();
        assert!(
            problem.starts_with("the label \"weather\" is text"),
            "{problem}"
        );
    }

    #[test]
    fn indicators_are_0_and_1() {
        let columns = ["a", "b", "c"].map(Column::from);
        let set = |fields: [&str; 3]| indicated(&columns, &fields.map(str::to_owned));
        assert_eq!(set(["1", "0", "true"]).unwrap(), [0, 2]);
        assert_eq!(set(["0.0", "1.0", "false"]).unwrap(), [1]);
        let problem = set(["1", "2", "0"]).unwrap_err();
        assert_eq!(problem, "column \"b\": the value \"2\" is neither 0 nor 1");
        assert!(set(["1", "", "0"]).is_err());
    }
}
