//! Fewer rows of a data set.

use finetune::prelude::*;

/// Of training and test rows so many, drawn by class in proportion; all where no number is given.
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
