//! Cross-validation folds that can be shared between runs and programs.

mod assign;
mod file;

use std::hash::Hash;

use serde::{Deserialize, Serialize};

use crate::dataset::Dataset;
use crate::error::DataError;
use crate::splits::Splits;

/// Assignment strategy of folds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FoldKind {
    /// Random (k-fold).
    KFold,
    /// Random within each class (stratified k-fold).
    StratifiedKFold,
    /// Whole groups of rows (group k-fold).
    GroupKFold,
}

/// Cross-validation folds: the assignment of each row of a dataset to one of `k` folds.
///
/// Each fold is the test set once, with the other folds as the training set. The assignment depends
/// on the dataset, `k` and the seed. Saved to a file, it can be used by other programs.
///
/// ```
/// use finetune_data::{Dataset, Example, Folds, Label, Schema};
///
/// let examples = (0..50).map(|row| Example::new(row.to_string(), Label::Class(row % 5 / 4)));
/// let dataset = Dataset {
///     name: "numbers".into(),
///     schema: Schema::classification(["most", "every fifth"]),
///     examples: examples.collect(),
/// };
/// let folds = Folds::stratified_k_fold(&dataset, 10, 42)?;
/// for fold in 0..folds.k() {
///     let test = dataset.select(&folds.test(fold)?);
///     assert_eq!(test.class_counts(), [4, 1]);
///     assert_eq!(folds.train(fold)?.len(), 45);
/// }
///
/// let directory = tempfile::tempdir()?;
/// let path = directory.path().join("folds.json");
/// folds.save(&path)?;
/// assert_eq!(Folds::load(&path, &dataset)?, folds);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folds {
    kind: FoldKind,
    k: usize,
    seed: u64,
    /// Fingerprint of the dataset.
    fingerprint: String,
    fold_of_row: Vec<u32>,
}

impl Folds {
    /// Creates random folds; their sizes differ by at most one.
    ///
    /// # Errors
    /// - [`DataError::InvalidSplit`] if `k` is below 2 or above the number of rows.
    pub fn k_fold(dataset: &Dataset, k: usize, seed: u64) -> Result<Self, DataError> {
        let rows = (0..dataset.len()).collect();
        Self::dealt(dataset, FoldKind::KFold, k, seed, vec![(0, rows)])
    }

    /// Creates stratified folds: both the fold sizes and the numbers of rows of a class per fold
    /// differ by at most one. Rows without a class count as one class.
    ///
    /// A class with fewer rows than folds is missing from some folds; see [`Self::rare_classes`].
    ///
    /// # Errors
    /// The same errors as [`Self::k_fold`].
    pub fn stratified_k_fold(dataset: &Dataset, k: usize, seed: u64) -> Result<Self, DataError> {
        let strata = dataset.rows_by_label();
        Self::dealt(dataset, FoldKind::StratifiedKFold, k, seed, strata)
    }

    /// Creates folds that keep the rows of each group together, such as the sentences of a document
    /// or the tweets of a user. `groups` has the group of each row. Groups are assigned in
    /// descending order of size to the smallest fold, so fold sizes are only approximately equal.
    ///
    /// With [`text_hashes`](crate::text_hashes) as groups, equal texts stay in one fold.
    ///
    /// # Errors
    /// - [`DataError::InvalidSplit`] if the number of group labels differs from the number of rows,
    ///   or if `k` is below 2 or above the number of groups.
    pub fn group_k_fold<G: Eq + Hash>(
        dataset: &Dataset,
        groups: &[G],
        k: usize,
        seed: u64,
    ) -> Result<Self, DataError> {
        if groups.len() != dataset.len() {
            let expected = format!("a group for each of {} rows", dataset.len());
            return Err(DataError::split(expected, groups.len()));
        }
        let groups = assign::rows_by_group(groups);
        check_k("group", groups.len(), k)?;
        Ok(Self {
            kind: FoldKind::GroupKFold,
            k,
            seed,
            fingerprint: dataset.fingerprint(),
            fold_of_row: assign::whole_groups(&groups, dataset.len(), k, seed),
        })
    }

    fn dealt(
        dataset: &Dataset,
        kind: FoldKind,
        k: usize,
        seed: u64,
        strata: Vec<(u64, Vec<usize>)>,
    ) -> Result<Self, DataError> {
        check_k("row", dataset.len(), k)?;
        Ok(Self {
            kind,
            k,
            seed,
            fingerprint: dataset.fingerprint(),
            fold_of_row: assign::round(&strata, dataset.len(), k, seed),
        })
    }

    /// Returns the number of folds.
    pub fn k(&self) -> usize {
        self.k
    }

    /// Returns the assignment strategy.
    pub fn kind(&self) -> FoldKind {
        self.kind
    }

    /// Returns the random seed.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Returns the fingerprint of the dataset.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Returns the fold of each row.
    pub fn fold_of_row(&self) -> &[u32] {
        &self.fold_of_row
    }

    /// Returns the ascending training rows if the given fold is the test set.
    ///
    /// # Errors
    /// - [`DataError::InvalidSplit`] if there is no such fold.
    pub fn train(&self, fold: usize) -> Result<Vec<usize>, DataError> {
        self.rows(fold, |is_of_fold| !is_of_fold)
    }

    /// Returns the ascending rows of a fold.
    ///
    /// # Errors
    /// - [`DataError::InvalidSplit`] if there is no such fold.
    pub fn test(&self, fold: usize) -> Result<Vec<usize>, DataError> {
        self.rows(fold, |is_of_fold| is_of_fold)
    }

    /// Splits the dataset into a fold as the test set and the other folds as the training set.
    ///
    /// # Errors
    /// - [`DataError::InvalidSplit`] if the folds were made for a different dataset, or if there is
    ///   no such fold.
    pub fn splits(&self, dataset: &Dataset, fold: usize) -> Result<Splits, DataError> {
        self.check(dataset)?;
        let train = dataset.part(&format!("fold {fold} train"), &self.train(fold)?);
        let test = dataset.part(&format!("fold {fold} test"), &self.test(fold)?);
        Ok(Splits::train_test(train, test))
    }

    /// Returns the classes with fewer rows than folds, each with its number of rows. Some test sets
    /// lack these classes, so a class-averaged score is undefined there.
    pub fn rare_classes<'a>(&self, dataset: &'a Dataset) -> Vec<(&'a str, usize)> {
        let names = dataset.class_names().iter().map(String::as_str);
        names
            .zip(dataset.class_counts())
            .filter(|(_, rows)| *rows < self.k)
            .collect()
    }

    /// Checks that the folds were made for this dataset.
    ///
    /// # Errors
    /// - [`DataError::InvalidSplit`] if they were not.
    pub fn check(&self, dataset: &Dataset) -> Result<(), DataError> {
        let found = dataset.fingerprint();
        if (self.fold_of_row.len(), &self.fingerprint) == (dataset.len(), &found) {
            return Ok(());
        }
        let data = |fingerprint: &str, rows: usize| {
            format!("data with the fingerprint {fingerprint} ({rows} rows)")
        };
        Err(DataError::split(
            data(&self.fingerprint, self.fold_of_row.len()) + ", for which the folds were made",
            data(&found, dataset.len()),
        ))
    }

    fn rows(&self, fold: usize, wanted: impl Fn(bool) -> bool) -> Result<Vec<usize>, DataError> {
        if fold >= self.k {
            return Err(DataError::split(format!("a fold below {}", self.k), fold));
        }
        let rows = self.fold_of_row.iter().enumerate();
        let rows = rows.filter(|&(_, &of_row)| wanted(of_row as usize == fold));
        Ok(rows.map(|(row, _)| row).collect())
    }
}

fn check_k(unit: &'static str, most: usize, found: usize) -> Result<(), DataError> {
    if found < 2 || found > most {
        let expected = format!("2 to {most} folds (one per {unit} at most)");
        return Err(DataError::split(expected, found));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{Example, Label, Schema};

    fn dataset(rows: usize) -> Dataset {
        let examples =
            (0..rows).map(|row| Example::new(row.to_string(), Label::Class(row % 7 / 6)));
        Dataset {
            name: "numbers".into(),
            schema: Schema::classification(["a", "b", "none"]),
            examples: examples.collect(),
        }
    }

    #[test]
    fn impossible_numbers_of_folds_are_refused() {
        let data = dataset(6);
        for k in [0, 1, 7] {
            for result in [
                Folds::k_fold(&data, k, 1),
                Folds::stratified_k_fold(&data, k, 1),
            ] {
                let error = result.unwrap_err();
                let refused = format!("expected 2 to 6 folds (one per row at most), found {k}");
                assert_eq!(error.to_string(), refused);
            }
        }
        let error = Folds::group_k_fold(&data, &["a", "a", "b", "b", "b", "a"], 3, 1).unwrap_err();
        assert_eq!(
            error.to_string(),
            "expected 2 to 2 folds (one per group at most), found 3"
        );
        let error = Folds::group_k_fold(&data, &[1, 2], 2, 1).unwrap_err();
        let refused = "expected a group for each of 6 rows, found 2";
        assert_eq!(error.to_string(), refused);
    }

    #[test]
    fn a_fold_out_of_range_and_other_data_are_refused() {
        let data = dataset(6);
        let folds = Folds::k_fold(&data, 3, 1).unwrap();
        let error = folds.test(3).unwrap_err();
        assert_eq!(error.to_string(), "expected a fold below 3, found 3");
        let error = folds.splits(&dataset(7), 0).unwrap_err();
        assert!(error.to_string().ends_with("(7 rows)"), "{error}");
        let splits = folds.splits(&data, 1).unwrap();
        assert_eq!((splits.train.len(), splits.test.unwrap().len()), (4, 2));
    }

    #[test]
    fn rare_classes_are_named() {
        let data = dataset(21);
        let folds = Folds::stratified_k_fold(&data, 5, 1).unwrap();
        assert_eq!(folds.rare_classes(&data), [("b", 3), ("none", 0)]);
    }

    /// A changed value here makes published folds irreproducible.
    #[test]
    fn folds_never_change() {
        let data = dataset(12);
        let folds = Folds::stratified_k_fold(&data, 3, 42).unwrap();
        assert_eq!(folds.fold_of_row(), [0, 0, 2, 1, 1, 2, 2, 1, 2, 0, 1, 0]);
        let groups: Vec<usize> = (0..12).map(|row| row / 2).collect();
        let folds = Folds::group_k_fold(&data, &groups, 3, 42).unwrap();
        assert_eq!(folds.fold_of_row(), [1, 1, 0, 0, 2, 2, 1, 1, 0, 0, 2, 2]);
    }
}
