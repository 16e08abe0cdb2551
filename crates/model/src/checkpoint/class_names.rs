//! Class names of a checkpoint, and the rows of its classification layer that a model keeps.

use std::collections::BTreeMap;

use serde_json::Value;

use super::config_keys::ConfigKeys;
use crate::error::ModelError;

/// Rows of a checkpoint's classification layer for the classes of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OutputRows {
    /// None: the layer is for other classes.
    None,
    /// All in the order of the file: the checkpoint does not name its classes.
    ByPosition,
    /// The row of each class of the model: the checkpoint has the same names.
    ByName(Vec<usize>),
}

impl OutputRows {
    /// Matches the classes of a model with those of a checkpoint by name, in any order. Without
    /// names in the checkpoint, all rows are kept if there are as many classes.
    pub(crate) fn of(checkpoint: Option<&[String]>, model: &[String]) -> Self {
        let Some(names) = checkpoint else {
            return Self::ByPosition;
        };
        if names.len() != model.len() {
            return Self::None;
        }
        let index_of: BTreeMap<&String, usize> = names.iter().zip(0..).collect();
        let rows: Option<Vec<usize>> = model
            .iter()
            .map(|name| index_of.get(name).copied())
            .collect();
        match rows {
            // With duplicates, a name says nothing.
            Some(rows) if index_of.len() == names.len() => Self::ByName(rows),
            _ if names == model || is_unnamed(names) => Self::ByPosition,
            _ => Self::None,
        }
    }

    /// Returns whether the rows stand in another order than in the file.
    pub(crate) fn is_reordered(&self) -> bool {
        matches!(self, Self::ByName(rows) if !rows.iter().copied().eq(0..rows.len()))
    }
}

/// Returns whether all names are the ones that transformers gives to classes without a name, each at
/// its own position.
fn is_unnamed(names: &[String]) -> bool {
    (0..)
        .zip(names)
        .all(|(index, name)| *name == unnamed(index))
}

fn unnamed(index: usize) -> String {
    format!("LABEL_{index}")
}

/// Returns the class names of a `config.json`: the values of `id2label`, or `LABEL_0`, `LABEL_1` and
/// so on if there is only `num_labels`, or it is another number. As in transformers, other values than
/// text are names, too.
pub(super) fn class_names(keys: &ConfigKeys) -> Result<Option<Vec<String>>, ModelError> {
    const KEY: &str = "id2label";
    const EXPECTED: &str = "names of classes by number";
    let names: Option<BTreeMap<usize, Value>> = keys.get(KEY, EXPECTED)?;
    let count: Option<u16> = keys.get("num_labels", "a number of classes")?;
    let count = count.map(usize::from);
    let names = match (names, count) {
        (Some(names), None) => names,
        (Some(names), Some(count)) if names.len() == count => names,
        (_, count) => return Ok(count.map(|count| (0..count).map(unnamed).collect())),
    };
    if !names.keys().copied().eq(0..names.len()) {
        let numbers: Vec<_> = names.keys().collect();
        let found = format!("names for {numbers:?}");
        return Err(keys.value(KEY, found, "a name for every number from 0"));
    }
    let names = names.into_iter().map(|(index, name)| match name {
        Value::String(name) => Ok(name),
        Value::Null => Ok(unnamed(index)),
        Value::Bool(_) | Value::Number(_) => Ok(name.to_string()),
        Value::Array(_) | Value::Object(_) => Err(keys.value(KEY, name, EXPECTED)),
    });
    names.collect::<Result<_, _>>().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(checkpoint: &[&str], model: &[&str]) -> OutputRows {
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        OutputRows::of(Some(&names(checkpoint)), &names(model))
    }

    fn read(keys: Value) -> Result<Option<Vec<String>>, String> {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("config.json"), keys.to_string()).unwrap();
        let keys = ConfigKeys::read(directory.path()).unwrap();
        class_names(&keys).map_err(|error| error.to_string())
    }

    #[test]
    fn names_decide_on_the_rows_wherever_there_are_any() {
        let (a_b, unnamed) = (&["a", "b"][..], &["LABEL_0", "LABEL_1"][..]);
        assert_eq!(rows(a_b, a_b), OutputRows::ByName(vec![0, 1]));
        assert_eq!(rows(a_b, &["b", "a"]), OutputRows::ByName(vec![1, 0]));
        assert_eq!(rows(a_b, &["a", "c"]), OutputRows::None);
        assert_eq!(rows(a_b, &["a"]), OutputRows::None);
        assert_eq!(rows(unnamed, a_b), OutputRows::ByPosition);
        assert_eq!(rows(unnamed, &["a", "b", "c"]), OutputRows::None);
        assert_eq!(
            rows(unnamed, &["LABEL_1", "LABEL_0"]),
            OutputRows::ByName(vec![1, 0])
        );
        // At other positions than their own, they are names.
        assert_eq!(rows(&["LABEL_1", "LABEL_0"], a_b), OutputRows::None);
        assert_eq!(rows(&["LABEL_1", "LABEL_2"], a_b), OutputRows::None);
        assert_eq!(rows(&["a", "a"], a_b), OutputRows::None);
        let none = OutputRows::of(None, &["a".to_string()]);
        assert_eq!(none, OutputRows::ByPosition);
    }

    #[test]
    fn ten_and_more_unnamed_classes_keep_their_rows_in_text_order() {
        let names: Vec<String> = (0..12).map(unnamed).collect();
        let mut sorted = names.clone();
        sorted.sort();
        let rows = OutputRows::of(Some(&names), &sorted);
        assert_eq!(
            rows,
            OutputRows::ByName(vec![0, 1, 10, 11, 2, 3, 4, 5, 6, 7, 8, 9])
        );
        assert!(rows.is_reordered());
        assert!(!OutputRows::of(Some(&names), &names).is_reordered());
    }

    #[test]
    fn names_may_be_numbers_missing_or_counted() {
        use serde_json::json;
        let read = |keys| read(keys).unwrap().unwrap_or_default().join(" ");
        assert_eq!(
            read(json!({"id2label": {"0": 1, "1": 2.5, "2": true}})),
            "1 2.5 true"
        );
        assert_eq!(
            read(json!({"id2label": {"0": null, "1": "b"}})),
            "LABEL_0 b"
        );
        assert_eq!(read(json!({"num_labels": 3})), "LABEL_0 LABEL_1 LABEL_2");
        assert_eq!(read(json!({"num_labels": 1, "id2label": {"0": "a"}})), "a");
        assert_eq!(
            read(json!({"num_labels": 2, "id2label": {"0": "a"}})),
            "LABEL_0 LABEL_1"
        );
        assert_eq!(read(json!({})), "");
    }

    #[test]
    fn what_is_no_list_of_names_is_refused_with_its_key() {
        use serde_json::json;
        for value in [
            json!({"1": "a"}),
            json!({"0": ["a"]}),
            json!(["a"]),
            json!({"a": "0"}),
        ] {
            let error = read(json!({ "id2label": value })).unwrap_err();
            assert!(error.contains("id2label"), "{error}");
        }
    }
}
