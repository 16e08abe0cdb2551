//! Sparse matrix in row order.

use crate::BaselineError;

/// Sparse matrix that stores the columns, in ascending order, and values of each row.
///
/// The layout is that of SciPy's
/// [`csr_array`](https://docs.scipy.org/doc/scipy/reference/generated/scipy.sparse.csr_array.html).
/// Zeros may be stored: terms that are hashed to the same column can cancel out.
///
/// ```
/// use finetune_baseline::CsrMatrix;
///
/// // [[0, 2, 0], [0, 0, 0], [1, 0, 3]]
/// let rows = CsrMatrix::new(3, vec![0, 1, 1, 3], vec![1, 0, 2], vec![2.0, 1.0, 3.0])?;
/// assert_eq!(rows.len(), 3);
/// assert_eq!(rows.row(2).collect::<Vec<_>>(), [(0, 1.0), (2, 3.0)]);
/// # Ok::<(), finetune_baseline::BaselineError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct CsrMatrix {
    columns: usize,
    /// Start of each row in the other two arrays, followed by the end of the last row.
    row_starts: Vec<usize>,
    indices: Vec<u32>,
    values: Vec<f64>,
}

impl CsrMatrix {
    /// Creates a matrix. The entries of row `i` are `row_starts[i]..row_starts[i + 1]` of `indices`
    /// (its columns, ascending) and `values`.
    ///
    /// # Errors
    /// - [`BaselineError::SparseRow`] if the row starts do not ascend from 0 to the number of
    ///   entries, if columns are not ascending or out of range, or if a value is not finite.
    pub fn new(
        columns: usize,
        row_starts: Vec<usize>,
        indices: Vec<u32>,
        values: Vec<f64>,
    ) -> Result<Self, BaselineError> {
        let wrong = |row, expected, got: String| BaselineError::SparseRow {
            row,
            expected,
            found: got,
        };
        if row_starts.first() != Some(&0) {
            let got = format!("{:?}", row_starts.first());
            return Err(wrong(0, "a start of 0", got));
        }
        let last = row_starts.len() - 1;
        if indices.len() != values.len() || row_starts[last] != indices.len() {
            let (columns, values) = (indices.len(), values.len());
            let got = format!("{columns} columns and {values} values");
            return Err(wrong(
                last,
                "as many columns as values up to the last start",
                got,
            ));
        }
        for (row, bounds) in row_starts.windows(2).enumerate() {
            let Some(indices) = indices.get(bounds[0]..bounds[1]) else {
                let got = format!("{} to {}", bounds[0], bounds[1]);
                return Err(wrong(row, "an end after its start", got));
            };
            let in_range = indices.last().is_none_or(|&last| (last as usize) < columns);
            if !indices.is_sorted_by(|a, b| a < b) || !in_range {
                return Err(wrong(
                    row,
                    "ascending columns in range",
                    format!("{indices:?}"),
                ));
            }
            let values = &values[bounds[0]..bounds[1]];
            if let Some(value) = values.iter().find(|value| !value.is_finite()) {
                return Err(wrong(row, "finite values", value.to_string()));
            }
        }
        Ok(Self {
            columns,
            row_starts,
            indices,
            values,
        })
    }

    /// Creates a matrix from valid parts, such as those of a vectorizer.
    pub(crate) fn from_parts(
        columns: usize,
        row_starts: Vec<usize>,
        indices: Vec<u32>,
        values: Vec<f64>,
    ) -> Self {
        debug_assert_eq!(row_starts.last(), Some(&indices.len()));
        debug_assert_eq!(indices.len(), values.len());
        Self {
            columns,
            row_starts,
            indices,
            values,
        }
    }

    /// Returns the number of rows.
    pub fn len(&self) -> usize {
        self.row_starts.len() - 1
    }

    /// Returns whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Returns the number of stored entries.
    pub fn nnz(&self) -> usize {
        self.values.len()
    }

    /// Returns the columns and values of a row, in ascending order of columns.
    ///
    /// # Panics
    /// If the row index is out of range.
    pub fn row(&self, row: usize) -> impl Iterator<Item = (u32, f64)> + '_ {
        let (indices, values) = self.row_slices(row);
        indices.iter().copied().zip(values.iter().copied())
    }

    pub(crate) fn row_slices(&self, row: usize) -> (&[u32], &[f64]) {
        let range = self.row_starts[row]..self.row_starts[row + 1];
        (&self.indices[range.clone()], &self.values[range])
    }

    /// Returns the column of every entry, in row order.
    pub(crate) fn indices(&self) -> &[u32] {
        &self.indices
    }

    /// Modifies the values of each row, given its columns.
    pub(crate) fn change_rows(&mut self, mut change: impl FnMut(&[u32], &mut [f64])) {
        for bounds in self.row_starts.windows(2) {
            let range = bounds[0]..bounds[1];
            change(&self.indices[range.clone()], &mut self.values[range]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_matrix_is_refused() {
        let ones = |count| vec![1.0; count];
        for (row_starts, indices, values, message) in [
            (
                vec![],
                vec![],
                vec![],
                "row 0 of a sparse matrix: expected a start of 0, found None",
            ),
            (
                vec![1, 1],
                vec![0],
                ones(1),
                "row 0 of a sparse matrix: expected a start of 0, found Some(1)",
            ),
            (
                vec![0, 1],
                vec![0],
                ones(2),
                "up to the last start, found 1 columns and 2 values",
            ),
            (
                vec![0, 1],
                vec![0, 1],
                ones(2),
                "up to the last start, found 2 columns and 2 values",
            ),
            (
                vec![0, 2, 1],
                vec![0],
                ones(1),
                "row 0 of a sparse matrix: expected an end after its start, found 0 to 2",
            ),
            (
                vec![0, 1, 3],
                vec![0, 1, 1],
                ones(3),
                "row 1 of a sparse matrix: expected ascending columns in range, found [1, 1]",
            ),
            (
                vec![0, 1],
                vec![2],
                ones(1),
                "expected ascending columns in range, found [2]",
            ),
            (
                vec![0, 1],
                vec![0],
                vec![f64::NAN],
                "expected finite values, found NaN",
            ),
        ] {
            let error = CsrMatrix::new(2, row_starts, indices, values)
                .unwrap_err()
                .to_string();
            assert!(error.ends_with(message), "{error}");
        }
    }

    #[test]
    fn a_matrix_may_have_no_rows() {
        assert!(
            CsrMatrix::new(2, vec![0], vec![], vec![])
                .unwrap()
                .is_empty()
        );
    }
}
