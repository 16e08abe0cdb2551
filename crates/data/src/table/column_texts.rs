//! Columns of Arrow arrays as text. The crate that casts any type to any other takes minutes to
//! compile on a small machine; these are the types of which a row is made.

use std::ops::Range;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrowPrimitiveType, OffsetSizeTrait, PrimitiveArray, StringArray};
use arrow_schema::DataType;

/// Values of a column of a record batch, as text.
pub(super) enum ColumnTexts {
    /// One text a row.
    Single(StringArray),
    /// A list a row.
    Lists {
        /// Elements of each row; `None` where the list is missing.
        ranges: Ranges,
        /// Elements of all rows.
        elements: StringArray,
    },
}

impl ColumnTexts {
    /// Returns the column as text; `None` for a type that has no unambiguous text form.
    pub(super) fn new(column: &dyn Array) -> Option<Self> {
        let (ranges, elements) = match column.data_type() {
            DataType::List(_) => list_parts::<i32>(column),
            DataType::LargeList(_) => list_parts::<i64>(column),
            DataType::FixedSizeList(..) => {
                let lists = column.as_fixed_size_list();
                let length = lists.value_length() as usize;
                let ranges = ranges(column, |row| row * length..(row + 1) * length);
                (ranges, texts(lists.values()))
            }
            _ => return texts(column).map(Self::Single),
        };
        elements.map(|elements| Self::Lists { ranges, elements })
    }

    /// Number of rows.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Single(values) => values.len(),
            Self::Lists { ranges, .. } => ranges.len(),
        }
    }
}

/// Elements of each row of lists; `None` where the list is missing.
pub(super) type Ranges = Vec<Option<Range<usize>>>;

fn list_parts<O: OffsetSizeTrait>(column: &dyn Array) -> (Ranges, Option<StringArray>) {
    let lists = column.as_list::<O>();
    let offsets = lists.value_offsets();
    let range = |row: usize| offsets[row].as_usize()..offsets[row + 1].as_usize();
    (ranges(column, range), texts(lists.values()))
}

fn ranges(lists: &dyn Array, range: impl Fn(usize) -> Range<usize>) -> Ranges {
    let rows = 0..lists.len();
    rows.map(|row| lists.is_valid(row).then(|| range(row)))
        .collect()
}

/// Returns the type of the elements of a list; `None` for other types.
pub(super) fn elements(data_type: &DataType) -> Option<&DataType> {
    match data_type {
        DataType::List(field) | DataType::LargeList(field) | DataType::FixedSizeList(field, _) => {
            Some(field.data_type())
        }
        _ => None,
    }
}

/// Whether values of the type have an unambiguous text form: text, truth values, integers,
/// floating-point numbers, and dictionaries of these.
pub(super) fn has_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Boolean => true,
        DataType::Dictionary(_, values) => has_text(values),
        other => other.is_integer() || other.is_floating(),
    }
}

/// Returns the values as text, for the types of [`has_text`].
fn texts(column: &dyn Array) -> Option<StringArray> {
    Some(match column.data_type() {
        DataType::Utf8 => column.as_string::<i32>().clone(),
        DataType::LargeUtf8 => column.as_string::<i64>().iter().collect(),
        DataType::Utf8View => column.as_string_view().iter().collect(),
        DataType::Boolean => {
            let values = column.as_boolean().iter();
            values.map(|value| Some(value?.to_string())).collect()
        }
        DataType::Int8 => numbers::<Int8Type>(column, |value| value.to_string()),
        DataType::Int16 => numbers::<Int16Type>(column, |value| value.to_string()),
        DataType::Int32 => numbers::<Int32Type>(column, |value| value.to_string()),
        DataType::Int64 => numbers::<Int64Type>(column, |value| value.to_string()),
        DataType::UInt8 => numbers::<UInt8Type>(column, |value| value.to_string()),
        DataType::UInt16 => numbers::<UInt16Type>(column, |value| value.to_string()),
        DataType::UInt32 => numbers::<UInt32Type>(column, |value| value.to_string()),
        DataType::UInt64 => numbers::<UInt64Type>(column, |value| value.to_string()),
        DataType::Float16 => numbers::<Float16Type>(column, |value| value.to_string()),
        DataType::Float32 => numbers::<Float32Type>(column, shortest),
        DataType::Float64 => numbers::<Float64Type>(column, shortest),
        DataType::Dictionary(..) => dictionary_texts(column)?,
        _ => return None,
    })
}

fn numbers<T: ArrowPrimitiveType>(
    column: &dyn Array,
    text: impl Fn(T::Native) -> String,
) -> StringArray {
    let values: &PrimitiveArray<T> = column.as_primitive();
    values.iter().map(|value| value.map(&text)).collect()
}

/// The shortest text that reads as the same number, always with a point or an exponent: `1.0`.
fn shortest(value: impl ryu::Float) -> String {
    ryu::Buffer::new().format(value).to_owned()
}

fn dictionary_texts(column: &dyn Array) -> Option<StringArray> {
    let dictionary = column.as_any_dictionary();
    let values = texts(dictionary.values())?;
    if values.is_empty() {
        return Some(StringArray::new_null(column.len()));
    }
    let keys = dictionary.normalized_keys().into_iter().enumerate();
    let text = |(row, key)| {
        let is_missing = dictionary.keys().is_null(row) || values.is_null(key);
        (!is_missing).then(|| values.value(key))
    };
    Some(keys.map(text).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::types::UInt16Type;
    use arrow_array::{
        ArrayRef, BooleanArray, DictionaryArray, FixedSizeListArray, Float16Array, Float32Array,
        Float64Array, Int8Array, LargeListArray, UInt64Array,
    };
    use half::f16;

    use super::*;

    fn single(column: ArrayRef) -> Vec<Option<String>> {
        assert!(has_text(column.data_type()));
        let Some(ColumnTexts::Single(texts)) = ColumnTexts::new(&column) else {
            panic!("not one text a row");
        };
        let owned = |text: Option<&str>| text.map(str::to_owned);
        texts.iter().map(owned).collect()
    }

    #[test]
    fn numbers_and_truth_values_have_their_shortest_text() {
        let cases: [(ArrayRef, &[Option<&str>]); 6] = [
            (
                Arc::new(Int8Array::from(vec![Some(-128), None])),
                &[Some("-128"), None],
            ),
            (
                Arc::new(UInt64Array::from(vec![u64::MAX])),
                &[Some("18446744073709551615")],
            ),
            (
                Arc::new(BooleanArray::from(vec![Some(true), None])),
                &[Some("true"), None],
            ),
            (
                Arc::new(Float16Array::from(vec![f16::from_f32(0.5)])),
                &[Some("0.5")],
            ),
            (
                Arc::new(Float32Array::from(vec![0.1, 3.0])),
                &[Some("0.1"), Some("3.0")],
            ),
            (
                Arc::new(Float64Array::from(vec![
                    1e16,
                    1.5e-7,
                    f64::NAN,
                    f64::NEG_INFINITY,
                ])),
                &[Some("1e16"), Some("1.5e-7"), Some("NaN"), Some("-inf")],
            ),
        ];
        for (column, expected) in cases {
            let owned = |text: &Option<&str>| text.map(str::to_owned);
            let expected: Vec<Option<String>> = expected.iter().map(owned).collect();
            assert_eq!(single(column), expected);
        }
    }

    #[test]
    fn a_dictionary_is_its_values() {
        let words: DictionaryArray<UInt16Type> = [Some("b"), None, Some("a"), Some("b")]
            .into_iter()
            .collect();
        let expected = [Some("b"), None, Some("a"), Some("b")];
        assert_eq!(
            single(Arc::new(words)),
            expected.map(|text| text.map(str::to_owned))
        );
        let nothing: DictionaryArray<UInt16Type> = [None::<&str>, None].into_iter().collect();
        assert_eq!(single(Arc::new(nothing)), [None, None]);
    }

    #[test]
    fn lists_keep_their_rows_when_sliced() {
        let rows = [
            Some(vec![Some(1), Some(2)]),
            None,
            Some(vec![Some(3), Some(4)]),
        ];
        let fixed = FixedSizeListArray::from_iter_primitive::<Int32Type, _, _>(rows.clone(), 2);
        let large = LargeListArray::from_iter_primitive::<Int32Type, _, _>(rows);
        let columns: [ArrayRef; 2] = [Arc::new(fixed), Arc::new(large)];
        for column in columns {
            let Some(ColumnTexts::Lists { ranges, elements }) =
                ColumnTexts::new(&column.slice(1, 2))
            else {
                panic!("not lists");
            };
            assert_eq!(ranges[0], None);
            let last = ranges[1].clone().unwrap();
            let found: Vec<&str> = last.map(|place| elements.value(place)).collect();
            assert_eq!(found, ["3", "4"]);
        }
    }
}
