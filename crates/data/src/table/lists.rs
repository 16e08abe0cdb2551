//! Lists in the fields of a row, which are text.
//!
//! Each element of a list ends with a character that no text contains. A list without elements is an
//! empty field.

use super::Column;

/// End of an element. Readers refuse texts with this character.
const END: char = '\0';

/// Columns to read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestedColumns<'a> {
    /// The columns, in the order of the fields.
    pub(crate) columns: &'a [Column],
    /// Indices of the columns that may hold lists.
    pub(crate) lists: &'a [usize],
}

impl<'a> RequestedColumns<'a> {
    /// Requests columns of single values.
    pub(crate) fn values(columns: &'a [Column]) -> Self {
        Self {
            columns,
            lists: &[],
        }
    }

    /// Returns whether the column with this index may hold lists.
    pub(super) fn is_list(&self, index: usize) -> bool {
        self.lists.contains(&index)
    }
}

/// Appends an element to the field of a list.
pub(super) fn push_element(field: &mut String, element: &str) {
    field.push_str(element);
    field.push(END);
}

/// Returns the elements of a list; `None` for a field that is text.
pub(crate) fn list_elements(field: &str) -> Option<impl Iterator<Item = &str>> {
    let elements = field.strip_suffix(END);
    // Without an element there is no end, so the field is empty.
    let is_empty = field.is_empty();
    (elements.is_some() || is_empty)
        .then(|| elements.into_iter().flat_map(|field| field.split(END)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_told_from_text() {
        let list = |elements: &[&str]| {
            let mut field = String::new();
            elements
                .iter()
                .for_each(|one| push_element(&mut field, one));
            field
        };
        for elements in [&[][..], &[""], &["a"], &["a", ""], &["a;b", "c"]] {
            let field = list(elements);
            let found: Vec<&str> = list_elements(&field).unwrap().collect();
            assert_eq!(found, elements);
        }
        assert!(list_elements("a;b").is_none());
    }
}
