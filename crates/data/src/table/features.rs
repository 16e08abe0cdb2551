//! Class names in the description of a dataset by the `datasets` library.
//!
//! Parquet and Arrow files of Hugging Face datasets have a description of their columns in the
//! metadata of the schema, and saved datasets one in `dataset_info.json`. A column of the type
//! `ClassLabel`, or of lists of this type, holds indices, and the description holds the names.

use std::path::Path;

use arrow_schema::Schema;
use serde_json::Value;

use super::column_texts::elements;
use super::{Column, TableFormat, arrow_stream, parquet, positions};
use crate::error::DataError;

/// Key of the description in the metadata of a schema.
const METADATA: &str = "huggingface";
/// File with the description of a saved dataset.
pub(super) const DATASET_INFO: &str = "dataset_info.json";

/// Returns the names of the classes that the file declares for a column of class indices, or of
/// lists of them; `None`
/// if it declares none.
///
/// # Errors
/// - A [`DataError`] if the file cannot be read or lacks the column.
pub(crate) fn declared_classes(
    path: &Path,
    format: TableFormat,
    column: &Column,
) -> Result<Option<Vec<String>>, DataError> {
    format.check_placeholder(path)?;
    let schema = match format {
        TableFormat::Parquet => parquet::schema(path)?,
        TableFormat::Arrow => arrow_stream::schema(path)?,
        TableFormat::Delimited(_) | TableFormat::Json | TableFormat::JsonLines => return Ok(None),
    };
    let names: Vec<String> = schema
        .fields()
        .iter()
        .map(|field| field.name().clone())
        .collect();
    let Some(&place) = positions(path, std::slice::from_ref(column), &names)?.first() else {
        return Ok(None);
    };
    let data_type = schema.field(place).data_type();
    if !elements(data_type).unwrap_or(data_type).is_integer() {
        return Ok(None);
    }
    let features = match format {
        TableFormat::Arrow => saved_features(path)?.or_else(|| features(&schema)),
        _ => features(&schema),
    };
    Ok(features.and_then(|features| class_names(&features, &names[place])))
}

/// Returns the description in the metadata of a schema. A malformed one describes nothing: the
/// columns can be read without it.
fn features(schema: &Schema) -> Option<Value> {
    let text = schema.metadata().get(METADATA)?;
    let description: Value = serde_json::from_str(text).ok()?;
    description.pointer("/info/features").cloned()
}

/// Returns the description in the file beside the data of a saved dataset.
fn saved_features(path: &Path) -> Result<Option<Value>, DataError> {
    let path = path.with_file_name(DATASET_INFO);
    if !path.is_file() {
        return Ok(None);
    }
    let text = std::fs::read(&path).map_err(|source| DataError::io(&path, source))?;
    let info: Value =
        serde_json::from_slice(&text).map_err(|source| DataError::json(&path, source))?;
    Ok(info.get("features").cloned())
}

/// Returns the names of the classes of a column, or of the elements of a column of lists.
fn class_names(features: &Value, column: &str) -> Option<Vec<String>> {
    let feature = features.get(column)?;
    // A list is an object with the feature of its elements, or was an array of that feature.
    let element = feature.get("feature").or_else(|| feature.get(0));
    let feature = element.unwrap_or(feature);
    if feature.get("_type")? != "ClassLabel" {
        return None;
    }
    let names = feature.get("names")?.as_array()?.iter();
    names.map(|name| name.as_str().map(str::to_owned)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_class_labels_with_a_list_of_names_have_names() {
        let features = json!({
            "label": {"names": ["bad", "good"], "_type": "ClassLabel"},
            "text": {"dtype": "string", "_type": "Value"},
            "unnamed": {"num_classes": 3, "_type": "ClassLabel"},
            "object": {"names": {"0": "bad"}, "_type": "ClassLabel"},
            "numbers": {"names": [0, 1], "_type": "ClassLabel"},
            "list": [{"names": ["a", "b"], "_type": "ClassLabel"}],
            "sequence": {"feature": {"names": ["c"], "_type": "ClassLabel"}, "_type": "Sequence"},
            "texts": {"feature": {"dtype": "string", "_type": "Value"}, "_type": "List"},
        });
        let names = class_names(&features, "label");
        assert_eq!(names, Some(vec!["bad".to_owned(), "good".to_owned()]));
        let names = ["list", "sequence"].map(|column| class_names(&features, column));
        let expected = [vec!["a".to_owned(), "b".to_owned()], vec!["c".to_owned()]];
        assert_eq!(names, expected.map(Some));
        for column in ["text", "unnamed", "object", "numbers", "texts", "other"] {
            assert_eq!(class_names(&features, column), None, "{column}");
        }
    }
}
