//! Subsets of splits.

use finetune::prelude::*;

/// Limits the training and test rows to the given numbers, sampled with the class proportions kept;
/// `None` keeps all rows.
pub fn subset(splits: Splits, train: Option<usize>, test: Option<usize>, seed: u64) -> Splits {
    let cut = |dataset: Dataset, rows: Option<usize>| match rows {
        Some(rows) => dataset.subset(rows, seed),
        None => dataset,
    };
    Splits {
        train: cut(splits.train, train),
        test: splits.test.map(|dataset| cut(dataset, test)),
        ..splits
    }
}
