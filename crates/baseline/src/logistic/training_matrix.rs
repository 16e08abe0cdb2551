//! Training rows, stored by row and by column.

use crate::csr_matrix::CsrMatrix;

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
    by_row: CsrMatrix,
    by_column: CsrMatrix,
}

impl TrainingMatrix {
    pub(super) fn new(rows: &CsrMatrix) -> Self {
        let mut used = vec![false; rows.columns()];
        for &column in rows.indices() {
            used[column as usize] = true;
        }
        let mut numbers = vec![0; rows.columns()];
        let mut used_columns = Vec::new();
        for (column, _) in (0u32..).zip(&used).filter(|(_, used)| **used) {
            numbers[column as usize] = used_columns.len() as u32;
            used_columns.push(column);
        }
        let by_row = rows.renumbered(used_columns.len(), |column| numbers[column as usize]);
        Self {
            used_columns,
            by_column: by_row.transposed(),
            by_row,
        }
    }

    pub(super) fn columns(&self) -> usize {
        self.used_columns.len()
    }

    pub(super) fn used_columns(&self) -> &[u32] {
        &self.used_columns
    }

    /// Returns the columns and values of a row.
    pub(super) fn row(&self, row: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        let entries = self.by_row.row(row);
        entries.map(|(column, value)| (column as usize, value))
    }

    /// Returns the rows and values of a column.
    pub(super) fn column(&self, column: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        let entries = self.by_column.row(column);
        entries.map(|(row, value)| (row as usize, value))
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
