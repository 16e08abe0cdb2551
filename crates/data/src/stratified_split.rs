//! Stratified splits of a dataset.

use finetune_random::{Purpose, permutation};

use crate::dataset::Dataset;
use crate::error::DataError;
use crate::splits::Splits;

/// Tolerance for the sum of fractions: enough for ten rounded decimals.
const ROUNDING: f64 = 1e-9;

impl Dataset {
    /// Splits the rows into disjoint parts with the given fractions, such as `[0.8, 0.1, 0.1]`, and
    /// returns the row indices of each part. If the fractions add up to less than 1, the remaining
    /// rows are in no part.
    ///
    /// The split is stratified: the number of rows of a class in a part differs from the exact
    /// proportion by at most one. Rows without a class (scores, unlabeled texts) count as one
    /// class, and so does each set of classes of multi-label data: classes that occur together stay
    /// together in proportion, and the count of one class differs by at most the number of sets
    /// with it. The assignment depends on `seed`; rows keep their order in each part.
    ///
    /// ```
    /// use finetune_data::{Dataset, Example, Label, Schema};
    ///
    /// let examples = (0..100).map(|row| Example::new(row.to_string(), Label::Class(row % 2)));
    /// let dataset = Dataset {
    ///     name: "numbers".into(),
    ///     schema: Schema::classification(["even", "odd"]),
    ///     examples: examples.collect(),
    /// };
    /// let parts = dataset.split(&[0.8, 0.1, 0.1], 7)?;
    /// let sizes: Vec<usize> = parts.iter().map(Vec::len).collect();
    /// assert_eq!(sizes, [80, 10, 10]);
    /// assert_eq!(dataset.select(&parts[2]).class_counts(), [5, 5]);
    /// # Ok::<(), finetune_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// - [`DataError::InvalidSplit`] if a fraction is outside `(0, 1]`, or if the fractions add up
    ///   to more than 1, or if a part would have no rows.
    pub fn split(&self, shares: &[f64], seed: u64) -> Result<Vec<Vec<usize>>, DataError> {
        self.split_counts(&counts_of_shares(shares, self.len())?, seed)
    }

    /// Splits the rows into disjoint parts of the given sizes; otherwise like [`Self::split`].
    ///
    /// # Errors
    /// - [`DataError::InvalidSplit`] if a size is 0, or if the sizes add up to more than the number
    ///   of rows.
    pub fn split_counts(&self, rows: &[usize], seed: u64) -> Result<Vec<Vec<usize>>, DataError> {
        check_no_empty_part(rows, self.len())?;
        let found = rows
            .iter()
            .fold(0usize, |sum, &count| sum.saturating_add(count));
        let Some(left) = self.len().checked_sub(found) else {
            let expected = format!("parts of at most {} rows in all", self.len());
            return Err(DataError::split(expected, found));
        };
        let strata = self.rows_by_label();
        let class_counts: Vec<usize> = strata.iter().map(|(_, members)| members.len()).collect();
        let sizes: Vec<usize> = rows.iter().copied().chain([left]).collect();

        let mut parts: Vec<Vec<usize>> = rows
            .iter()
            .map(|&count| Vec::with_capacity(count))
            .collect();
        let quotas = contingency_table(&class_counts, &sizes);
        for ((address, members), quotas) in strata.iter().zip(quotas) {
            let order = permutation(seed, Purpose::Split, *address, members.len());
            let mut order = order.into_iter().map(|place| members[place]);
            for (part, quota) in parts.iter_mut().zip(quotas) {
                part.extend(order.by_ref().take(quota));
            }
        }
        parts.iter_mut().for_each(|part| part.sort_unstable());
        Ok(parts)
    }

    /// Splits the rows into training, validation and test datasets, like [`Self::split`].
    ///
    /// # Errors
    /// The same errors as [`Self::split`].
    pub fn train_validation_test(&self, shares: [f64; 3], seed: u64) -> Result<Splits, DataError> {
        let parts = self.split(&shares, seed)?;
        Ok(Splits {
            train: self.part("train", &parts[0]),
            validation: Some(self.part("validation", &parts[1])),
            test: Some(self.part("test", &parts[2])),
            unlabeled: None,
        })
    }

    /// Returns a random subset with the given fraction of the rows, such as 0.1 for a learning
    /// curve. Rows are selected as in [`Self::subset`].
    ///
    /// # Errors
    /// - [`DataError::InvalidSplit`] if the fraction is outside `(0, 1]`, or if the subset would
    ///   have no rows.
    pub fn subset_by_fraction(&self, share: f64, seed: u64) -> Result<Dataset, DataError> {
        let rows = counts_of_shares(&[share], self.len())?;
        Ok(self.subset(rows[0], seed))
    }
}

impl Splits {
    /// Moves a fraction of the training rows to a new validation split, which replaces an existing
    /// one.
    ///
    /// # Errors
    /// The same errors as [`Dataset::split`]. A fraction of 1 is an error because it leaves no
    /// training rows.
    pub fn hold_out_validation(self, share: f64, seed: u64) -> Result<Self, DataError> {
        let parts = self.train.split(&[share, 1.0 - share], seed)?;
        Ok(Self {
            train: self.train.select(&parts[1]),
            validation: Some(self.train.part("held out", &parts[0])),
            ..self
        })
    }
}

/// Converts fractions to numbers of rows. Boundaries are rounded rather than sizes, so fractions
/// that add up to 1 use every row.
fn counts_of_shares(shares: &[f64], rows: usize) -> Result<Vec<usize>, DataError> {
    for (part, &found) in shares.iter().enumerate() {
        // Also rejects NaN.
        if !(found > 0.0 && found <= 1.0) {
            let expected = format!("a share of part {part} above 0 and at most 1");
            return Err(DataError::split(expected, found));
        }
    }
    let found: f64 = shares.iter().sum();
    if found > 1.0 + ROUNDING {
        return Err(DataError::split("shares that add up to at most 1", found));
    }
    let (mut sum, mut start) = (0.0, 0);
    let counts = shares.iter().map(|share| {
        sum += share;
        let end = ((sum * rows as f64).round() as usize).min(rows);
        let count = end - start;
        start = end;
        count
    });
    let counts: Vec<usize> = counts.collect();
    check_no_empty_part(&counts, rows)?;
    Ok(counts)
}

fn check_no_empty_part(counts: &[usize], rows: usize) -> Result<(), DataError> {
    match counts.iter().position(|&count| count == 0) {
        Some(part) => {
            let expected = format!("at least 1 row of {rows} in part {part}");
            Err(DataError::split(expected, 0))
        }
        None => Ok(()),
    }
}

/// Returns the number of rows of each class in each part. Rows sum to the class counts, columns to
/// the part sizes, and each number is within one of the exact proportion.
///
/// All numbers are rounded down first. The remaining rows of each class then go to the parts with
/// the largest remaining deficits, one each. This is the construction of a bipartite graph with
/// given degrees, which succeeds if such a graph exists; the fractional solution shows that it
/// does.
fn contingency_table(class_counts: &[usize], sizes: &[usize]) -> Vec<Vec<usize>> {
    let all = sizes.iter().sum::<usize>().max(1) as u128;
    let exact = |class: usize, part: usize| class_counts[class] as u128 * sizes[part] as u128;
    let floors =
        |class: usize| (0..sizes.len()).map(move |part| (exact(class, part) / all) as usize);

    let mut table: Vec<Vec<usize>> = (0..class_counts.len())
        .map(|class| floors(class).collect())
        .collect();
    let mut lacking: Vec<usize> = sizes.to_vec();
    for row in &table {
        lacking
            .iter_mut()
            .zip(row)
            .for_each(|(lack, count)| *lack -= count);
    }
    for (class, row) in table.iter_mut().enumerate() {
        let lack = class_counts[class] - row.iter().sum::<usize>();
        let mut parts: Vec<usize> = (0..sizes.len()).collect();
        parts.sort_by_key(|&part| std::cmp::Reverse((lacking[part], exact(class, part) % all)));
        for &part in parts.iter().take(lack) {
            row[part] += 1;
            lacking[part] -= 1;
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{Example, Label, Schema};

    fn dataset(rows: usize) -> Dataset {
        let examples =
            (0..rows).map(|row| Example::new(row.to_string(), Label::Class(row % 3 / 2)));
        Dataset {
            name: "numbers".into(),
            schema: Schema::classification(["a", "b"]),
            examples: examples.collect(),
        }
    }

    #[test]
    fn shares_that_are_none_are_refused() {
        let data = dataset(30);
        for bad in [0.0, -0.5, 1.5, f64::NAN, f64::INFINITY] {
            let error = data.split(&[0.1, bad], 1).unwrap_err();
            let refused = format!("of part 1 above 0 and at most 1, found {bad}");
            assert!(error.to_string().ends_with(&refused), "{error}");
            assert!(data.subset_by_fraction(bad, 1).is_err());
        }
        let error = data.split(&[0.8, 0.3], 1).unwrap_err();
        assert!(matches!(error, DataError::InvalidSplit { .. }), "{error}");
        let error = data.split(&[0.9, 0.01], 1).unwrap_err();
        let empty = "expected at least 1 row of 30 in part 1, found 0";
        assert_eq!(error.to_string(), empty);
        let error = data.clone().split_counts(&[10, 0], 1).unwrap_err();
        let empty = "expected at least 1 row of 30 in part 1, found 0";
        assert_eq!(error.to_string(), empty);
        for counts in [[20, 11], [usize::MAX, 2]] {
            let error = data.split_counts(&counts, 1).unwrap_err();
            assert!(matches!(error, DataError::InvalidSplit { .. }), "{error}");
        }
    }

    #[test]
    fn ten_tenths_are_everything() {
        let parts = dataset(1003).split(&[0.1; 10], 1).unwrap();
        assert_eq!(parts.iter().map(Vec::len).sum::<usize>(), 1003);
    }

    #[test]
    fn the_parts_become_data_sets() {
        let splits = dataset(100)
            .train_validation_test([0.7, 0.1, 0.1], 3)
            .unwrap();
        let sizes: Vec<_> = splits
            .iter()
            .map(|(split, part)| (split.name(), part.len()))
            .collect();
        assert_eq!(sizes, [("train", 70), ("validation", 10), ("test", 10)]);
        assert_eq!(splits.train.name, "numbers/train");

        let held_out = splits.hold_out_validation(0.2, 3).unwrap();
        assert_eq!(held_out.train.len(), 56);
        assert_eq!(held_out.validation.as_ref().unwrap().len(), 14);
        assert_eq!(held_out.test.as_ref().unwrap().len(), 10);
        assert!(held_out.hold_out_validation(1.0, 3).is_err());
    }

    #[test]
    fn a_subset_by_share_is_the_subset_by_count() {
        let data = dataset(100);
        assert_eq!(data.subset_by_fraction(0.1, 5).unwrap(), data.subset(10, 5));
    }

    /// A changed value here makes published splits irreproducible.
    #[test]
    fn splits_never_change() {
        let parts = dataset(12).split(&[0.5, 0.25], 42).unwrap();
        assert_eq!(parts, [vec![1, 2, 4, 6, 7, 8], vec![5, 9, 10]]);
    }
}
