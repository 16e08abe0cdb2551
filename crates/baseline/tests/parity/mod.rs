//! Each folder holds a generator script, what it wrote, and the comparison.

mod logistic;
mod vectorizers;

use finetune_baseline::CsrMatrix;
use serde::Deserialize;

/// A row as the goldens have it: columns and values.
#[derive(Debug, Deserialize)]
struct ExpectedRow(Vec<u32>, Vec<f64>);

/// The rows as a matrix.
fn matrix(rows: &[ExpectedRow], columns: usize) -> CsrMatrix {
    let mut starts = vec![0];
    let (mut indices, mut values) = (Vec::new(), Vec::new());
    for ExpectedRow(of_row, values_of_row) in rows {
        indices.extend(of_row);
        values.extend(values_of_row);
        starts.push(indices.len());
    }
    CsrMatrix::new(columns, starts, indices, values).unwrap()
}
