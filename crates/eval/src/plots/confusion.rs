//! Plot of a confusion matrix.

use super::Plot;
use super::heat_map::HeatMap;
use crate::confusion_matrix::{ConfusionMatrix, Normalize};
use crate::error::EvalError;

/// Plot of a confusion matrix: counts in the cells, normalized values as colors.
///
/// ```
/// use finetune_eval::ConfusionMatrix;
/// use finetune_eval::plots::{ConfusionPlot, Plot};
///
/// # fn main() -> Result<(), finetune_eval::EvalError> {
/// let matrix = ConfusionMatrix::from_slices(&[0, 0, 1, 1], &[0, 1, 1, 1], ["ham", "spam"])?;
/// let svg = ConfusionPlot::new("Test set", matrix).to_svg()?;
/// assert!(svg.contains("share of the true class"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ConfusionPlot {
    /// Title above the matrix.
    pub title: String,
    /// Confusion matrix.
    pub matrix: ConfusionMatrix,
    /// Normalization of the colors (default: by true class).
    pub normalization: Normalize,
}

impl ConfusionPlot {
    /// Creates a plot with colors normalized by true class.
    pub fn new(title: impl Into<String>, matrix: ConfusionMatrix) -> Self {
        Self {
            title: title.into(),
            matrix,
            normalization: Normalize::True,
        }
    }
}

impl Plot for ConfusionPlot {
    fn to_svg(&self) -> Result<String, EvalError> {
        let names = self.matrix.class_names().to_vec();
        let counts = self.matrix.counts_by_true().iter();
        let texts = counts.map(|row| row.iter().map(ToString::to_string).collect());
        let whole = match self.normalization {
            Normalize::True => "share of the true class",
            Normalize::Pred => "share of the predicted class",
            Normalize::All => "share of all rows",
        };
        let map = HeatMap {
            title: self.title.clone(),
            row_label: "true".into(),
            column_label: "predicted".into(),
            value_label: whole.into(),
            row_names: names.clone(),
            column_names: names,
            values: self.matrix.normalized(self.normalization),
            cell_texts: Some(texts.collect()),
            range: Some((0.0, 1.0)),
            ..HeatMap::default()
        };
        map.to_svg()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_count_is_in_its_cell() {
        let matrix =
            ConfusionMatrix::from_slices(&[0, 0, 0, 1, 2], &[0, 1, 1, 2, 2], ["a", "b", "c"]);
        let svg = ConfusionPlot::new("", matrix.unwrap()).to_svg().unwrap();
        let texts: Vec<&str> = svg
            .lines()
            .filter(|line| line.parse::<u64>().is_ok())
            .collect();
        // And both ends of the color bar.
        assert_eq!(
            texts,
            ["1", "2", "0", "0", "0", "1", "0", "0", "1", "0", "1"]
        );
    }
}
