//! Splits of datasets whose rows are chosen without regard to labels.

use crate::error::DataError;
use crate::random_rows::{held_out_rows, limited, random_rows};

/// Dataset of which any rows can be chosen.
pub trait SelectRows: Sized {
    /// Returns the number of rows.
    fn num_rows(&self) -> usize;

    /// Returns the name of the dataset.
    fn name_mut(&mut self) -> &mut String;

    /// Returns a dataset of the given rows, in the given order.
    ///
    /// # Panics
    /// If a row index is out of range.
    fn select(&self, rows: &[usize]) -> Self;

    /// Returns at most `rows` rows, chosen at random by `seed`, in their order.
    fn subset(&self, rows: usize, seed: u64) -> Self {
        self.select(&random_rows(rows, self.num_rows(), seed))
    }

    /// Returns a random part of the rows, at least one, for validation, and the rest; the choice
    /// depends on `seed` alone.
    ///
    /// # Errors
    /// - [`DataError::InvalidSetting`] if `fraction` is not in `(0, 1)`.
    /// - [`DataError::InvalidSplit`] if there are fewer than two rows.
    fn hold_out(self, fraction: f64, seed: u64) -> Result<[Self; 2], DataError> {
        let [validation, train] = held_out_rows(self.num_rows(), fraction, seed)?;
        let part = |part: &str, rows: &[usize]| {
            let mut selected = self.select(rows);
            let name = selected.name_mut();
            *name = format!("{name}/{part}");
            selected
        };
        Ok([part("validation", &validation), part("train", &train)])
    }
}

/// Splits of a dataset.
#[derive(Debug, Clone, PartialEq)]
pub struct RowSplits<D> {
    /// Training rows.
    pub train: D,
    /// Validation rows, if any.
    pub validation: Option<D>,
    /// Test rows, if any.
    pub test: Option<D>,
}

impl<D> From<D> for RowSplits<D> {
    fn from(train: D) -> Self {
        Self {
            train,
            validation: None,
            test: None,
        }
    }
}

impl<D: SelectRows> RowSplits<D> {
    /// Limits the training and test rows to the given numbers, chosen at random by `seed`; `None` keeps
    /// all.
    #[must_use]
    pub fn subset(self, train: Option<usize>, test: Option<usize>, seed: u64) -> Self {
        let subset = |rows: &D, limit| rows.subset(limit, seed);
        let (train, test) = limited(self.train, self.test, [train, test], subset);
        Self {
            train,
            test,
            validation: self.validation,
        }
    }

    /// Holds out a fraction of the training rows as the validation rows.
    ///
    /// # Errors
    /// As [`SelectRows::hold_out`].
    pub fn hold_out(self, fraction: f64, seed: u64) -> Result<Self, DataError> {
        let [validation, train] = self.train.hold_out(fraction, seed)?;
        Ok(Self {
            train,
            validation: Some(validation),
            test: self.test,
        })
    }
}
