//! Reader of JSON Lines: one object per line.

use std::path::Path;

use serde_json::{Map, Number, Value};

use super::lines::{Lines, Start, TextReader, check_nul, check_text, open_text, split_line_break};
use super::lists::push_element;
use super::{Column, RequestedColumns, Row, RowSource, unknown_column};
use crate::error::DataError;
use crate::excerpt::excerpt;
use crate::progress::Progress;

/// Rows of a JSON Lines file.
pub(super) struct JsonRows {
    lines: Lines,
    keys: Keys,
    line: Vec<u8>,
}

impl JsonRows {
    pub(super) fn open(
        path: &Path,
        columns: RequestedColumns<'_>,
        progress: &Progress,
    ) -> Result<Self, DataError> {
        Self::new(path, columns, open_text(path, progress)?)
    }

    pub(super) fn new(
        path: &Path,
        columns: RequestedColumns<'_>,
        reader: TextReader,
    ) -> Result<Self, DataError> {
        Ok(Self {
            lines: Lines::new(path, reader)?,
            keys: Keys::new(path, columns)?,
            line: Vec::new(),
        })
    }
}

impl RowSource for JsonRows {
    fn next_row(&mut self) -> Result<Option<Row>, DataError> {
        let is_blank = |line: &[u8]| line.trim_ascii().is_empty();
        match self.lines.read_start(&mut self.line, is_blank)? {
            Start::End => return Ok(None),
            Start::Line => {}
            // Blank lines are allowed only at the end of the file.
            Start::Blank(row) => {
                let path = self.lines.path();
                return Err(DataError::column_count(path, row, self.keys.names.len(), 0));
            }
        }
        let (content, _) = split_line_break(&self.line);
        let number = self.lines.number();
        let path = self.lines.path();
        let text = check_text(path, number, content)?;
        object_row(path, number, &self.keys, text.as_bytes()).map(Some)
    }
}

/// Keys of the requested columns.
#[derive(Debug)]
pub(super) struct Keys {
    names: Vec<String>,
    /// Indices of the keys whose values may be arrays.
    lists: Vec<usize>,
}

impl Keys {
    /// Returns the keys of columns, which have names only: objects have no order.
    pub(super) fn new(path: &Path, columns: RequestedColumns<'_>) -> Result<Self, DataError> {
        let name = |column: &Column| match column {
            Column::Name(name) => Ok(name.clone()),
            Column::Index(_) => Err(unknown_column(path, column, &[])),
        };
        let names = columns.columns.iter().map(name);
        Ok(Self {
            names: names.collect::<Result<_, _>>()?,
            lists: columns.lists.to_vec(),
        })
    }
}

/// Returns the requested values of an object.
pub(super) fn object_row(
    path: &Path,
    number: u64,
    keys: &Keys,
    json: &[u8],
) -> Result<Row, DataError> {
    let object: Map<String, Value> =
        serde_json::from_slice(json).map_err(|source| DataError::Json {
            path: path.to_path_buf(),
            row: number,
            source,
        })?;
    let fields = keys.names.iter().enumerate().map(|(index, name)| {
        let value = match object.get(name) {
            // In the first object, a missing key is a wrong column name; later it is a missing value.
            None if number == 1 => {
                let names: Vec<String> = object.keys().cloned().collect();
                return Err(unknown_column(path, &Column::from(name.as_str()), &names));
            }
            value => value.unwrap_or(&Value::Null),
        };
        match value {
            Value::Array(elements) if keys.lists.contains(&index) => {
                let mut list = String::new();
                for element in elements {
                    push_element(&mut list, &field(path, number, name, element)?);
                }
                Ok(list)
            }
            value => field(path, number, name, value),
        }
    });
    Ok(Row {
        number,
        fields: fields.collect::<Result<_, _>>()?,
    })
}

/// Returns the value of a key, or an element of its list, as text.
fn field(path: &Path, row: u64, name: &str, value: &Value) -> Result<String, DataError> {
    let unsupported = |found: &str| DataError::unsupported_type(path, row, name, found);
    match value {
        Value::Null => Err(DataError::missing_value(path, row, name)),
        Value::String(text) => {
            check_nul(path, row, text)?;
            Ok(text.clone())
        }
        Value::Number(number) if is_inexact(number) => {
            let column = excerpt(name);
            let problem = format!(
                "column {column:?}: {number} has more digits than a number here: write it as text"
            );
            Err(DataError::row(path, row, problem))
        }
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(truth) => Ok(truth.to_string()),
        Value::Array(_) => Err(unsupported("an array")),
        Value::Object(_) => Err(unsupported("an object")),
    }
}

/// Returns whether a number may have been an integer that does not fit into 64 bits. Different ones
/// are read as the same floating-point number, so they cannot be names.
fn is_inexact(number: &Number) -> bool {
    let float = number.as_f64().filter(|_| number.is_f64());
    float.is_some_and(|float| float.abs() >= i64::MAX as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{TableFormat, open_rows};

    fn read(text: &str) -> Result<Vec<Row>, DataError> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("rows.jsonl");
        std::fs::write(&path, text).unwrap();
        let columns = ["text".into(), "label".into()];
        open_rows(&path, TableFormat::JsonLines, &columns)?.collect()
    }

    #[test]
    fn values_become_text_and_other_keys_are_ignored() {
        let rows = read(
            "{\"label\": 3, \"text\": \"a\\nb\", \"more\": [1]}\r\n{\"text\": true, \"label\": 1.5}\n\n",
        )
        .unwrap();
        assert_eq!(
            rows[0],
            Row {
                number: 1,
                fields: vec!["a\nb".into(), "3".into()]
            }
        );
        assert_eq!(
            rows[1],
            Row {
                number: 2,
                fields: vec!["true".into(), "1.5".into()]
            }
        );
    }

    #[test]
    fn integers_keep_all_their_digits() {
        let rows = |label: &str| read(&format!("{{\"text\": \"a\", \"label\": {label}}}\n"));
        for label in ["18446744073709551615", "-9223372036854775808", "\"007\""] {
            let expected = label.trim_matches('"');
            assert_eq!(rows(label).unwrap()[0].fields[1], expected);
        }
        let error = rows("123456789012345678901234567890").unwrap_err();
        assert!(
            matches!(error, DataError::InvalidRow { row: 1, .. }),
            "{error}"
        );
    }

    #[test]
    fn holes_and_wrong_names_are_told_apart() {
        assert!(matches!(
            read("{\"Text\": \"a\", \"label\": 1}\n"),
            Err(DataError::UnknownColumn { available, .. }) if available == ["Text", "label"]
        ));
        let first = "{\"text\": \"a\", \"label\": 1}\n";
        for second in ["{\"label\": 1}", "{\"text\": null, \"label\": 1}"] {
            assert!(matches!(
                read(&format!("{first}{second}\n")),
                Err(DataError::InvalidRow { row: 2, .. })
            ));
        }
        assert!(matches!(
            read(&format!("{first}\n{first}")),
            Err(DataError::InvalidRow { row: 2, .. })
        ));
    }
}
