//! Scores of slices of a dataset, such as long texts, one source or one class.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::EvalError;
use crate::metric::{MetricKind, MetricSource, Scores};
use crate::text_table::{aligned, four_decimals, printable};
use crate::validate::check_class;

/// Rows grouped by a key, such as the length or the source of a text.
///
/// ```
/// use finetune_eval::{MetricKind, PredictedProbabilities, Slices};
///
/// # fn main() -> Result<(), finetune_eval::EvalError> {
/// let rows = [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.3, 0.7]];
/// let predicted = PredictedProbabilities::from_slices(&[0, 1, 1, 1], &rows)?;
///
/// let slices = Slices::by_length(&[12, 80, 400, 64], &[64, 256])?;
/// let scores = slices.scores(&[MetricKind::Accuracy], |rows| predicted.select(rows))?;
/// assert_eq!(
///     scores.to_string(),
///     "length  rows  accuracy\n\
///      0-64       2    1.0000\n\
///      65-256     1    1.0000\n\
///      257-       1    0.0000\n"
/// );
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slices {
    key: String,
    /// Name and rows of each slice, at least one row.
    slices: Vec<(String, Vec<usize>)>,
}

/// Scores of each slice of a dataset.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SliceScores {
    /// Name of the key.
    pub key: String,
    /// Metrics, in the requested order.
    pub metrics: Vec<MetricKind>,
    /// Slices, in the order of the key.
    pub slices: Vec<SliceScore>,
}

/// Scores of one slice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SliceScore {
    /// Name of the slice: the value of the key.
    pub name: String,
    /// Number of its rows, at least 1.
    pub rows: u64,
    /// Metric values; a metric that is undefined for these rows is absent.
    pub scores: Scores,
}

impl Slices {
    /// Groups rows by a key, the `i`-th of which belongs to row `i`; slices are in key order.
    ///
    /// `key` is its name in tables: `"source"`, `"truncated"`.
    ///
    /// ```
    /// use finetune_eval::Slices;
    ///
    /// let slices = Slices::by("truncated", [false, true, false]);
    /// let slices: Vec<_> = slices.iter().collect();
    /// assert_eq!(slices, [("false", [0, 2].as_slice()), ("true", &[1])]);
    /// ```
    pub fn by<K: Ord + ToString>(key: &str, keys: impl IntoIterator<Item = K>) -> Self {
        let mut rows: BTreeMap<K, Vec<usize>> = BTreeMap::new();
        for (row, key) in keys.into_iter().enumerate() {
            rows.entry(key).or_default().push(row);
        }
        let slices = rows.into_iter();
        Self {
            key: key.into(),
            slices: slices.map(|(key, rows)| (key.to_string(), rows)).collect(),
        }
    }

    /// Groups rows by length, such as the number of tokens: `[64, 256]` gives slices of up to 64, up
    /// to 256, and more.
    ///
    /// # Errors
    ///
    /// [`EvalError::InvalidSetting`] if the bounds are not ascending.
    pub fn by_length(lengths: &[usize], bounds: &[usize]) -> Result<Self, EvalError> {
        if !bounds.is_sorted_by(|a, b| a < b) {
            let found = format!("{bounds:?}");
            return Err(EvalError::setting(
                "bounds of lengths",
                found,
                "an ascending list",
            ));
        }
        let bucket = |length: &usize| bounds.partition_point(|bound| bound < length);
        let mut slices = Self::by("length", lengths.iter().map(bucket));
        // Empty buckets have no slice, so that names are taken from the rows of a slice.
        for (name, rows) in &mut slices.slices {
            let bucket = bucket(&lengths[rows[0]]);
            let from = bucket.checked_sub(1).map_or(0, |below| bounds[below] + 1);
            let to = bounds.get(bucket).map_or(String::new(), usize::to_string);
            *name = format!("{from}-{to}");
        }
        Ok(slices)
    }

    /// Groups rows by class; slices are named after the classes.
    ///
    /// # Errors
    ///
    /// [`EvalError::InvalidRow`] for the first label without a name.
    pub fn by_class(
        key: &str,
        labels: &[usize],
        class_names: &[impl AsRef<str>],
    ) -> Result<Self, EvalError> {
        for (row, label) in (0..).zip(labels) {
            check_class(row, "label", *label, class_names.len())?;
        }
        let mut slices = Self::by(key, labels.iter().copied());
        for (name, rows) in &mut slices.slices {
            *name = class_names[labels[rows[0]]].as_ref().into();
        }
        Ok(slices)
    }

    /// Returns the name and rows of each slice, in the order of the key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[usize])> {
        let slices = self.slices.iter();
        slices.map(|(name, rows)| (name.as_str(), rows.as_slice()))
    }

    /// Scores each slice; `select` returns the predictions of the rows with the given indices.
    ///
    /// # Errors
    ///
    /// The errors of `select` and of [`MetricSource::scores`]; [`EvalError::NoRows`] if there are no
    /// slices.
    pub fn scores<P: MetricSource>(
        &self,
        metrics: &[MetricKind],
        mut select: impl FnMut(&[usize]) -> Result<P, EvalError>,
    ) -> Result<SliceScores, EvalError> {
        if self.slices.is_empty() {
            return Err(EvalError::NoRows);
        }
        let score = |(name, rows): (&str, &[usize])| {
            Ok(SliceScore {
                name: name.into(),
                rows: rows.len() as u64,
                scores: select(rows)?.scores(metrics)?,
            })
        };
        Ok(SliceScores {
            key: self.key.clone(),
            metrics: metrics.to_vec(),
            slices: self.iter().map(score).collect::<Result<_, EvalError>>()?,
        })
    }
}

/// Writes a table with four decimals, and `-` for undefined scores.
impl fmt::Display for SliceScores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heads = [self.key.clone(), "rows".into()].into_iter();
        let mut lines = vec![
            heads
                .chain(self.metrics.iter().map(ToString::to_string))
                .collect(),
        ];
        for slice in &self.slices {
            let scores = self.metrics.iter();
            let scores = scores.map(|metric| slice.scores.get(&*metric.as_name()).copied());
            let name = [printable(&slice.name), slice.rows.to_string()].into_iter();
            lines.push(name.chain(scores.map(four_decimals)).collect());
        }
        f.write_str(&aligned(&lines, &[0]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::confusion_matrix::ConfusionMatrix;
    use crate::regression::PredictedScores;

    #[test]
    fn numbers_come_in_their_order() {
        let slices = Slices::by("year", [2021, 999, 2021]);
        let names: Vec<_> = slices.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["999", "2021"]);
    }

    #[test]
    fn lengths_on_a_bound_belong_below_it() {
        let slices = Slices::by_length(&[0, 64, 65, 300, 257], &[64, 128, 256]).unwrap();
        let slices: Vec<_> = slices.iter().collect();
        let expected: [(&str, &[usize]); 3] =
            [("0-64", &[0, 1]), ("65-128", &[2]), ("257-", &[3, 4])];
        assert_eq!(slices, expected);
        assert!(Slices::by_length(&[1], &[64, 64]).is_err());
        assert_eq!(Slices::by_length(&[7], &[]).unwrap().slices[0].0, "0-");
    }

    #[test]
    fn classes_come_in_class_order_under_their_names() {
        let labels = [1, 0, 1];
        let slices = Slices::by_class("label", &labels, &["b", "a"]).unwrap();
        let select = |rows: &[usize]| {
            let labels: Vec<usize> = rows.iter().map(|row| labels[*row]).collect();
            ConfusionMatrix::from_slices(&labels, &vec![0; rows.len()], ["b", "a"])
        };
        let scores = slices.scores(&[MetricKind::Accuracy], select).unwrap();
        let each: Vec<_> = scores
            .slices
            .iter()
            .map(|slice| (slice.name.as_str(), slice.rows, slice.scores["accuracy"]))
            .collect();
        assert_eq!(each, [("b", 1, 1.0), ("a", 2, 0.0)]);
        let json = serde_json::to_string(&scores).unwrap();
        assert_eq!(serde_json::from_str::<SliceScores>(&json).unwrap(), scores);

        assert_eq!(
            Slices::by_class("label", &[0, 2], &["b", "a"]),
            Err(EvalError::row(1, "label", 2, "a class below 2"))
        );
    }

    #[test]
    fn what_a_slice_does_not_define_is_a_dash() {
        let predicted = PredictedScores::from_slices(&[1.0, 2.0, 3.0], &[1.0, 2.0, 3.0]).unwrap();
        let slices = Slices::by("source", ["news", "forum", "news"]);
        let metrics = [MetricKind::Pearson, MetricKind::MeanAbsoluteError];
        let scores = slices
            .scores(&metrics, |rows| predicted.select(rows))
            .unwrap();
        assert_eq!(
            scores.to_string(),
            "source  rows  pearson  mean_absolute_error\n\
             forum      1        -               0.0000\n\
             news       2   1.0000               0.0000\n"
        );
        assert!(
            slices
                .scores(&[MetricKind::Accuracy], |rows| predicted.select(rows))
                .is_err()
        );
        let none = Slices::by("source", Vec::<String>::new());
        assert_eq!(
            none.scores(&metrics, |rows| predicted.select(rows)),
            Err(EvalError::NoRows)
        );
    }
}
