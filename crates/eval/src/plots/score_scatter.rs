//! Scatter plots of predicted against true scores.

use plotters::prelude::*;

use super::axes::{self, Axis, Frame, drawable};
use super::canvas::{picture, px};
use super::colors::BLUE;
use super::{Plot, Size};
use crate::error::EvalError;
use crate::regression::{PredictedScores, RegressionReport};
use crate::text_table::four_decimals;

const PLOT: &str = "a score scatter";
const SIZE: Size = Size {
    width: 520,
    height: 540,
};
/// Maximum number of dots; more would make files large and the plot black.
const MOST_DOTS: usize = 5000;

/// Scatter plot of predicted against true scores, with the diagonal and the correlations.
///
/// If there are more than 5,000 rows, evenly chosen ones are drawn, and the plot notes the number;
/// correlations are over all rows.
///
/// ```
/// use finetune_eval::PredictedScores;
/// use finetune_eval::plots::{Plot, ScoreScatter};
///
/// # fn main() -> Result<(), finetune_eval::EvalError> {
/// let predicted = PredictedScores::from_slices(&[0.0, 2.5, 5.0], &[0.5, 2.0, 5.0])?;
/// let svg = ScoreScatter::new("STS-B", predicted).to_svg()?;
/// assert!(svg.contains("Pearson 0.9820"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ScoreScatter {
    /// Title above the plot.
    pub title: String,
    /// Scores to plot.
    pub predicted: PredictedScores,
}

impl ScoreScatter {
    /// Creates the plot.
    pub fn new(title: impl Into<String>, predicted: PredictedScores) -> Self {
        Self {
            title: title.into(),
            predicted,
        }
    }

    fn notes(&self, drawn: usize) -> Result<[(Option<RGBColor>, String); 3], EvalError> {
        let report = RegressionReport::new(&self.predicted)?;
        let rows = match drawn as u64 == report.rows {
            true => format!("n = {drawn}"),
            false => format!("{drawn} of {} rows drawn", report.rows),
        };
        Ok([
            (None, format!("Pearson {}", four_decimals(report.pearson))),
            (None, format!("Spearman {}", four_decimals(report.spearman))),
            (None, rows),
        ])
    }
}

impl Plot for ScoreScatter {
    fn to_svg(&self) -> Result<String, EvalError> {
        let pairs = || {
            self.predicted
                .labels()
                .iter()
                .zip(self.predicted.predictions())
        };
        for (row, (label, prediction)) in pairs().enumerate() {
            drawable(PLOT, row, *label, || "true score".into())?;
            drawable(PLOT, row, *prediction, || "predicted score".into())?;
        }
        let every = self.predicted.labels().len().div_ceil(MOST_DOTS).max(1);
        let dots: Vec<(f64, f64)> = pairs().step_by(every).map(|(x, y)| (*x, *y)).collect();
        let notes = self.notes(dots.len())?;

        // Equal ranges, so that perfect predictions are on the diagonal.
        let numbers = || pairs().flat_map(|(label, prediction)| [*label, *prediction]);
        let x = Axis::over("true score", numbers(), 0.04, 400.0);
        let y = Axis::over("predicted score", numbers(), 0.04, 400.0);
        let (low, high) = (x.range.start, x.range.end);
        let frame = Frame::in_picture(f64::from(SIZE.width), f64::from(SIZE.height), x, y, 0.0);
        let opacity = if dots.len() > 500 { 0.25 } else { 0.5 };

        picture(PLOT, SIZE, &self.title, |canvas| {
            frame.draw(canvas)?;
            // Dots may cover the notes, but not vice versa.
            axes::notes(canvas, &frame, &notes)?;
            frame.draw_guide(canvas, (low, low), (high, high))?;
            for (x, y) in dots {
                let dot = Circle::new(frame.point(x, y), px(3.0), BLUE.mix(opacity).filled());
                canvas.draw(&dot)?;
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_rows_are_thinned_and_it_is_said() {
        let numbers: Vec<f64> = (0..12_000).map(f64::from).collect();
        let predicted = PredictedScores::from_slices(&numbers, &numbers).unwrap();
        let svg = ScoreScatter::new("", predicted).to_svg().unwrap();
        assert_eq!(svg.matches("<circle").count(), 4000);
        assert!(svg.contains("4000 of 12000 rows drawn"));
    }

    #[test]
    fn a_collapsed_model_is_drawn_without_correlations() {
        let predicted = PredictedScores::from_slices(&[1.0, 2.0], &[1.5, 1.5]).unwrap();
        let svg = ScoreScatter::new("", predicted).to_svg().unwrap();
        assert!(svg.contains("Pearson -") && svg.contains("n = 2"));
    }

    #[test]
    fn no_rows_are_an_error() {
        let none = ScoreScatter::new("", PredictedScores::new());
        assert_eq!(none.to_svg(), Err(EvalError::NoRows));
    }
}
