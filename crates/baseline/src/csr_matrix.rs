//! Sparse matrix in row order.

use crate::error::BaselineError;

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
    /// - [`BaselineError::InvalidRow`] if the row starts do not ascend from 0 to the number of
    ///   entries, if columns are not ascending or out of range, or if a value is not finite.
    pub fn new(
        columns: usize,
        row_starts: Vec<usize>,
        indices: Vec<u32>,
        values: Vec<f64>,
    ) -> Result<Self, BaselineError> {
        let wrong = |row, found: String, expected| {
            Err(BaselineError::row("sparse matrix", row, found, expected))
        };
        if row_starts.first() != Some(&0) {
            return wrong(0, format!("{:?}", row_starts.first()), "a start of 0");
        }
        let last = row_starts.len() - 1;
        if indices.len() != values.len() || row_starts[last] != indices.len() {
            let found = format!("{} columns and {} values", indices.len(), values.len());
            return wrong(
                last,
                found,
                "as many columns as values up to the last start",
            );
        }
        for (row, bounds) in row_starts.windows(2).enumerate() {
            let Some(indices) = indices.get(bounds[0]..bounds[1]) else {
                let found = format!("{} to {}", bounds[0], bounds[1]);
                return wrong(row, found, "an end after its start");
            };
            let in_range = indices.last().is_none_or(|&last| (last as usize) < columns);
            if !indices.is_sorted_by(|a, b| a < b) || !in_range {
                return wrong(row, format!("{indices:?}"), "ascending columns in range");
            }
            let values = &values[bounds[0]..bounds[1]];
            if let Some(value) = values.iter().find(|value| !value.is_finite()) {
                return wrong(row, value.to_string(), "finite values");
            }
        }
        Ok(Self {
            columns,
            row_starts,
            indices,
            values,
        })
    }

    /// Creates a matrix without rows.
    pub(crate) fn empty(columns: usize) -> Self {
        Self {
            columns,
            row_starts: vec![0],
            indices: Vec::new(),
            values: Vec::new(),
        }
    }

    /// Adds a row of entries in ascending order of columns.
    pub(crate) fn push_row(&mut self, entries: impl IntoIterator<Item = (u32, f64)>) {
        for (column, value) in entries {
            self.indices.push(column);
            self.values.push(value);
        }
        self.row_starts.push(self.indices.len());
    }

    /// Joins the rows of matrices of equally many columns.
    pub(crate) fn concat(columns: usize, matrices: Vec<Self>) -> Self {
        let mut joined = Self::empty(columns);
        for matrix in matrices {
            let offset = joined.indices.len();
            let ends = matrix.row_starts.iter().skip(1).map(|end| end + offset);
            joined.row_starts.extend(ends);
            joined.indices.extend(matrix.indices);
            joined.values.extend(matrix.values);
        }
        joined
    }

    /// Returns the matrix with other column indices, in the same order.
    pub(crate) fn renumbered(&self, columns: usize, number: impl Fn(u32) -> u32) -> Self {
        Self {
            columns,
            indices: self.indices.iter().map(|column| number(*column)).collect(),
            ..self.clone()
        }
    }

    /// Returns the transposed matrix, with one row per column.
    pub(crate) fn transposed(&self) -> Self {
        let mut row_starts = vec![0; self.columns + 1];
        for column in &self.indices {
            row_starts[*column as usize + 1] += 1;
        }
        for column in 0..self.columns {
            row_starts[column + 1] += row_starts[column];
        }
        let mut next = row_starts.clone();
        let (mut indices, mut values) = (vec![0; self.nnz()], vec![0.0; self.nnz()]);
        for row in 0..self.len() {
            for (column, value) in self.row(row) {
                let place = &mut next[column as usize];
                (indices[*place], values[*place]) = (row as u32, value);
                *place += 1;
            }
        }
        let columns = self.len();
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
        let range = self.row_starts[row]..self.row_starts[row + 1];
        let indices = self.indices[range.clone()].iter().copied();
        indices.zip(self.values[range].iter().copied())
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
                "row 0: found None, expected a start of 0",
            ),
            (
                vec![1, 1],
                vec![0],
                ones(1),
                "row 0: found Some(1), expected a start of 0",
            ),
            (
                vec![0, 1],
                vec![0],
                ones(2),
                "found 1 columns and 2 values, expected as many columns as values up to the last start",
            ),
            (
                vec![0, 1],
                vec![0, 1],
                ones(2),
                "found 2 columns and 2 values, expected as many columns as values up to the last start",
            ),
            (
                vec![0, 2, 1],
                vec![0],
                ones(1),
                "row 0: found 0 to 2, expected an end after its start",
            ),
            (
                vec![0, 1, 3],
                vec![0, 1, 1],
                ones(3),
                "row 1: found [1, 1], expected ascending columns in range",
            ),
            (
                vec![0, 1],
                vec![2],
                ones(1),
                "found [2], expected ascending columns in range",
            ),
            (
                vec![0, 1],
                vec![0],
                vec![f64::NAN],
                "found NaN, expected finite values",
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
