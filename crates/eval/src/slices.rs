//! Scores of parts of a set: of long texts, of one source, of one class.

mod text;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{EvalError, MetricKind, Scored, Scores};

/// A set of rows divided by a key, such as the length of a text, or where it is from.
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
    /// Each with its rows, at least one.
    slices: Vec<(String, Vec<usize>)>,
}

/// The scores of each slice of a set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SliceScores {
    /// What the rows were divided by.
    pub key: String,
    /// The metrics, in the order asked for.
    pub metrics: Vec<MetricKind>,
    /// In the order of the key.
    pub slices: Vec<SliceScore>,
}

/// The scores of one slice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SliceScore {
    /// Which slice.
    pub name: String,
    /// Number of its rows, at least 1.
    pub rows: u64,
    /// A metric that is undefined for these rows is absent.
    pub scores: Scores,
}

impl Slices {
    /// Divides rows by a key, the `i`-th of which belongs to row `i`; slices come in its order.
    ///
    /// `key` says what it is, for tables: `"source"`, `"truncated"`.
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

    /// Divides rows by length, such as tokens: `[64, 256]` makes up to 64, up to 256, and more.
    ///
    /// # Errors
    ///
    /// [`EvalError::InvalidSetting`] unless the bounds rise.
    pub fn by_length(lengths: &[usize], bounds: &[usize]) -> Result<Self, EvalError> {
        if !bounds.is_sorted_by(|a, b| a < b) {
            return Err(EvalError::InvalidSetting {
                setting: "bounds of lengths",
                found: format!("{bounds:?}"),
                expected: "each larger than the one before",
            });
        }
        let bucket = |length: &usize| bounds.partition_point(|bound| bound < length);
        let mut slices = Self::by("length", lengths.iter().map(bucket));
        // Slices come by bucket, but empty buckets are none: their names go by the rows they have.
        for (name, rows) in &mut slices.slices {
            let bucket = bucket(&lengths[rows[0]]);
            let from = bucket.checked_sub(1).map_or(0, |below| bounds[below] + 1);
            let to = bounds.get(bucket).map_or(String::new(), usize::to_string);
            *name = format!("{from}-{to}");
        }
        Ok(slices)
    }

    /// Divides rows by class, under its name.
    ///
    /// # Errors
    ///
    /// [`EvalError::LabelOutOfRange`] for the first label without a name.
    pub fn by_class(
        key: &str,
        labels: &[usize],
        class_names: &[impl AsRef<str>],
    ) -> Result<Self, EvalError> {
        let classes = class_names.len();
        if let Some(row) = labels.iter().position(|label| *label >= classes) {
            return Err(EvalError::LabelOutOfRange {
                row: row as u64,
                label: labels[row],
                classes,
            });
        }
        let mut slices = Self::by(key, labels.iter().copied());
        for (name, rows) in &mut slices.slices {
            *name = class_names[labels[rows[0]]].as_ref().into();
        }
        Ok(slices)
    }

    /// Each slice's name and rows, in the order of the key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[usize])> {
        let slices = self.slices.iter();
        slices.map(|(name, rows)| (name.as_str(), rows.as_slice()))
    }

    /// Scores each slice; `select` makes what is scored from the numbers of its rows.
    ///
    /// # Errors
    ///
    /// Those of `select`, and of [`Scored::scores`]; [`EvalError::NoRows`] if there are no slices.
    pub fn scores<P: Scored>(
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

/// A table with four decimals; `-` stands for what is undefined.
impl fmt::Display for SliceScores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text::render(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ConfusionMatrix, PredictedScores};

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
            Err(EvalError::LabelOutOfRange {
                row: 1,
                label: 2,
                classes: 2
            })
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
