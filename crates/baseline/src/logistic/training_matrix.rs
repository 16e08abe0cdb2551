//! Training rows, stored by row and by column.

use crate::CsrMatrix;

/// Sparse matrix in row and column order, without empty columns.
///
/// Predictions are sums over rows, gradients are sums over columns. With both orders, one thread
/// computes each sum in a fixed order, so results do not depend on the number of threads. An empty
/// column has a zero gradient at zero coefficients, so its coefficient stays 0. Of a million hashed
/// columns, a few thousand remain.
#[derive(Debug)]
pub(super) struct TrainingMatrix {
    /// Original index of each column.
    used_columns: Vec<u32>,
    row_starts: Vec<usize>,
    row_columns: Vec<u32>,
    row_values: Vec<f64>,
    column_starts: Vec<usize>,
    column_rows: Vec<u32>,
    column_values: Vec<f64>,
}

impl TrainingMatrix {
    pub(super) fn new(rows: &CsrMatrix) -> Self {
        const UNUSED: u32 = u32::MAX;
        let mut counts = vec![0usize; rows.columns()];
        for &column in rows.indices() {
            counts[column as usize] += 1;
        }
        let mut renumbered = vec![UNUSED; rows.columns()];
        let (mut used_columns, mut column_starts) = (Vec::new(), vec![0]);
        for (column, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            renumbered[column] = used_columns.len() as u32;
            used_columns.push(column as u32);
            column_starts.push(column_starts[used_columns.len() - 1] + count);
        }

        let entries = rows.nnz();
        let mut matrix = Self {
            row_starts: Vec::with_capacity(rows.len() + 1),
            row_columns: Vec::with_capacity(entries),
            row_values: Vec::with_capacity(entries),
            column_rows: vec![0; entries],
            column_values: vec![0.0; entries],
            used_columns,
            column_starts,
        };
        matrix.row_starts.push(0);
        let mut next = matrix.column_starts.clone();
        for row in 0..rows.len() {
            for (column, value) in rows.row(row) {
                let column = renumbered[column as usize];
                matrix.row_columns.push(column);
                matrix.row_values.push(value);
                let place = &mut next[column as usize];
                matrix.column_rows[*place] = row as u32;
                matrix.column_values[*place] = value;
                *place += 1;
            }
            matrix.row_starts.push(matrix.row_columns.len());
        }
        matrix
    }

    pub(super) fn columns(&self) -> usize {
        self.used_columns.len()
    }

    pub(super) fn used_columns(&self) -> &[u32] {
        &self.used_columns
    }

    /// Returns the columns and values of a row.
    pub(super) fn row(&self, row: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        let range = self.row_starts[row]..self.row_starts[row + 1];
        let columns = self.row_columns[range.clone()].iter();
        let columns = columns.map(|column| *column as usize);
        columns.zip(self.row_values[range].iter().copied())
    }

    /// Returns the rows and values of a column.
    pub(super) fn column(&self, column: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        let range = self.column_starts[column]..self.column_starts[column + 1];
        let rows = self.column_rows[range.clone()].iter();
        let rows = rows.map(|row| *row as usize);
        rows.zip(self.column_values[range].iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_orders_hold_the_same_without_empty_columns() {
        let rows = CsrMatrix::new(
            9,
            vec![0, 2, 2, 4],
            vec![3, 7, 0, 3],
            vec![1.0, 2.0, 3.0, 4.0],
        )
        .unwrap();
        let matrix = TrainingMatrix::new(&rows);
        assert_eq!(matrix.used_columns(), [0, 3, 7]);
        assert_eq!(matrix.row(2).collect::<Vec<_>>(), [(0, 3.0), (1, 4.0)]);
        assert_eq!(matrix.column(1).collect::<Vec<_>>(), [(0, 1.0), (2, 4.0)]);
        assert_eq!(matrix.column(2).collect::<Vec<_>>(), [(0, 2.0)]);
    }
}
