//! Evaluation of embeddings: similarity of pairs, and retrieval from a corpus.

mod report;
mod retrieval;

pub use report::EmbeddingReport;
pub use retrieval::Retrieval;

use crate::error::EvalError;
use crate::validate::check_lengths;

/// Embeddings of texts: rows of a matrix, all of the same size.
///
/// ```
/// use finetune_eval::Embeddings;
///
/// let texts = Embeddings::new(vec![1.0, 0.0, 0.0, 3.0, 4.0, 0.0], 3)?;
/// assert_eq!((texts.len(), texts.row(1)), (2, &[3.0, 4.0, 0.0][..]));
/// assert_eq!(texts.cosines(&texts.select(&[1, 1]))?, [0.6, 1.0]);
/// assert_eq!(texts.truncated(1)?.row(1), [3.0]);
/// # Ok::<(), finetune_eval::EvalError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Embeddings {
    values: Vec<f32>,
    size: usize,
}

impl Embeddings {
    /// Takes the values of all rows, row by row.
    ///
    /// # Errors
    /// - [`EvalError::InvalidSetting`] if `size` is 0, or the values are not whole rows.
    /// - [`EvalError::InvalidRow`] if a value is NaN or infinite.
    pub fn new(values: Vec<f32>, size: usize) -> Result<Self, EvalError> {
        if size == 0 || !values.len().is_multiple_of(size) {
            let expected = format!("whole rows of the {} values", values.len());
            return Err(EvalError::setting("embedding size", size, expected));
        }
        match values.iter().position(|value| !value.is_finite()) {
            None => Ok(Self { values, size }),
            Some(place) => Err(EvalError::row(
                (place / size) as u64,
                "embedding",
                values[place],
                "finite numbers",
            )),
        }
    }

    /// Returns the number of rows.
    pub fn len(&self) -> usize {
        self.values.len() / self.size
    }

    /// Returns whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Returns the number of values of a row.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Returns a row.
    ///
    /// # Panics
    /// If the index is out of range.
    pub fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.size..][..self.size]
    }

    /// Returns all rows.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.values.chunks_exact(self.size)
    }

    /// Returns the given rows, in the given order.
    ///
    /// # Panics
    /// If an index is out of range.
    pub fn select(&self, rows: &[usize]) -> Self {
        let values = rows.iter().flat_map(|row| self.row(*row)).copied();
        Self {
            values: values.collect(),
            size: self.size,
        }
    }

    /// Returns the first `size` values of each row, as of a model trained with Matryoshka losses.
    ///
    /// # Errors
    /// - [`EvalError::InvalidSetting`] if the rows have fewer values, or `size` is 0.
    pub fn truncated(&self, size: usize) -> Result<Self, EvalError> {
        if size == 0 || size > self.size {
            let expected = format!("in 1..={}", self.size);
            return Err(EvalError::setting("embedding size", size, expected));
        }
        let values = self.rows().flat_map(|row| &row[..size]).copied();
        Ok(Self {
            values: values.collect(),
            size,
        })
    }

    /// Returns the cosine of each row and the row of `other` with the same index, in `[-1, 1]`; 0 for
    /// a row of zeros.
    ///
    /// # Errors
    /// - [`EvalError::LengthMismatch`] if the numbers of rows differ, or those of their values.
    pub fn cosines(&self, other: &Self) -> Result<Vec<f64>, EvalError> {
        check_lengths(self.len(), other.len())?;
        check_lengths(self.size, other.size)?;
        let pairs = self.rows().zip(other.rows());
        Ok(pairs.map(|(a, b)| cosine(a, b)).collect())
    }

    /// Returns the rows scaled to length 1; rows of zeros stay as they are.
    pub fn normalized(&self) -> Self {
        let unit = |row: &[f32]| {
            let length = dot(row, row).sqrt().max(f64::from(f32::MIN_POSITIVE));
            row.iter()
                .map(move |value| (f64::from(*value) / length) as f32)
                .collect::<Vec<_>>()
        };
        Self {
            values: self.rows().flat_map(unit).collect(),
            size: self.size,
        }
    }
}

/// Returns the fraction of rows whose anchor is closer to its positive than to its negative, by
/// cosine: sentence-transformers' `TripletEvaluator`.
///
/// # Errors
/// - [`EvalError::NoRows`] if there are no rows.
/// - The errors of [`Embeddings::cosines`].
///
/// ```
/// use finetune_eval::{Embeddings, triplet_accuracy};
///
/// let anchors = Embeddings::new(vec![1.0, 0.0, 0.0, 1.0], 2)?;
/// let negatives = Embeddings::new(vec![0.0, 1.0, 0.0, 1.0], 2)?;
/// assert_eq!(triplet_accuracy(&anchors, &anchors, &negatives)?, 0.5);
/// # Ok::<(), finetune_eval::EvalError>(())
/// ```
pub fn triplet_accuracy(
    anchors: &Embeddings,
    positives: &Embeddings,
    negatives: &Embeddings,
) -> Result<f64, EvalError> {
    let (near, far) = (anchors.cosines(positives)?, anchors.cosines(negatives)?);
    let rows = crate::validate::some_rows(near.len() as u64)?;
    let right = near.iter().zip(&far).filter(|(near, far)| near > far);
    Ok(right.count() as f64 / rows)
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let lengths = (dot(a, a) * dot(b, b)).sqrt();
    match lengths > 0.0 {
        true => (dot(a, b) / lengths).clamp(-1.0, 1.0),
        false => 0.0,
    }
}

fn dot(a: &[f32], b: &[f32]) -> f64 {
    let products = a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b));
    products.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_are_none_are_refused() {
        let message = |values: &[f32], size| {
            Embeddings::new(values.to_vec(), size)
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            message(&[1.0; 3], 2),
            "embedding size is 2, expected whole rows of the 3 values"
        );
        assert!(message(&[], 0).starts_with("embedding size is 0"));
        assert_eq!(
            message(&[1.0, 1.0, f32::NAN, 1.0], 2),
            "row 1: the embedding is NaN, expected finite numbers"
        );
        let one = Embeddings::new(vec![1.0], 1).unwrap();
        let two = Embeddings::new(vec![1.0, 2.0], 1).unwrap();
        let mismatch = EvalError::LengthMismatch {
            first: 1,
            second: 2,
        };
        assert_eq!(one.cosines(&two), Err(mismatch));
        assert!(one.truncated(2).is_err());
        let none = Embeddings::new(vec![], 1).unwrap();
        assert_eq!(
            triplet_accuracy(&none, &none, &none),
            Err(EvalError::NoRows)
        );
    }

    #[test]
    fn zeros_have_no_direction() {
        let rows = Embeddings::new(vec![0.0, 0.0, 0.0, -2.0], 2).unwrap();
        assert_eq!(
            rows.normalized().rows().collect::<Vec<_>>(),
            [[0.0, 0.0], [0.0, -1.0]]
        );
        assert_eq!(rows.cosines(&rows).unwrap(), [0.0, 1.0]);
    }
}
