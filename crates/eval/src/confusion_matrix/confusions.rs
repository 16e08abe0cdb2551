//! Most frequent confusions of classes.

use super::ConfusionMatrix;

/// Rows of one class predicted as another class.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confusion {
    /// True class.
    pub label: usize,
    /// Predicted class, different from `label`.
    pub prediction: usize,
    /// Number of such rows, at least 1.
    pub count: u64,
}

impl ConfusionMatrix {
    /// Returns all confusions, most frequent first (ties in class order).
    ///
    /// ```
    /// use finetune_eval::ConfusionMatrix;
    ///
    /// # fn main() -> Result<(), finetune_eval::EvalError> {
    /// let matrix = ConfusionMatrix::from_slices(&[0, 1, 2, 2], &[1, 1, 0, 0], ["a", "b", "c"])?;
    /// let worst = matrix.confusions()[0];
    /// assert_eq!((worst.label, worst.prediction, worst.count), (2, 0, 2));
    /// # Ok(())
    /// # }
    /// ```
    pub fn confusions(&self) -> Vec<Confusion> {
        let mut confusions = Vec::new();
        for (label, row) in self.counts.iter().enumerate() {
            for (prediction, &count) in row.iter().enumerate() {
                if label != prediction && count > 0 {
                    confusions.push(Confusion {
                        label,
                        prediction,
                        count,
                    });
                }
            }
        }
        // The sort is stable: equal counts keep the class order.
        confusions.sort_by_key(|confusion| std::cmp::Reverse(confusion.count));
        confusions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confusions_come_by_frequency() {
        let matrix =
            ConfusionMatrix::from_slices(&[0, 0, 1, 1, 1, 2], &[0, 1, 1, 0, 0, 2], ["a", "b", "c"])
                .unwrap();
        let expected = [
            Confusion {
                label: 1,
                prediction: 0,
                count: 2,
            },
            Confusion {
                label: 0,
                prediction: 1,
                count: 1,
            },
        ];
        assert_eq!(matrix.confusions(), expected);
    }
}
