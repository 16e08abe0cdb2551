//! Reliability diagrams.

use plotters::prelude::*;

use super::axes::{Axis, Frame, notes};
use super::canvas::{Canvas, DrawingError, MARGIN, TITLE_HEIGHT, fill, picture};
use super::colors::{BLUE, GUIDE};
use super::{Plot, Size};
use crate::error::EvalError;
use crate::probabilities::Reliability;

const PLOT: &str = "a reliability diagram";
const SIZE: Size = Size {
    width: 520,
    height: 620,
};
/// Light vermilion and light sky: distinct from blue and from each other.
const TOO_SURE: RGBColor = RGBColor(240, 182, 140);
const TOO_MODEST: RGBColor = RGBColor(170, 218, 245);
/// Height of the histogram below the diagram, and the distance between, in pixels.
const SHARES: f64 = 110.0;
const BETWEEN: f64 = 16.0;

/// Reliability diagram: accuracy of each confidence bin, its gap to the confidence, and a histogram
/// of the rows.
///
/// The bars of a calibrated model end on the diagonal; bars below it are overconfident.
///
/// ```
/// use finetune_eval::plots::{Plot, ReliabilityDiagram};
/// use finetune_eval::{Binning, PredictedProbabilities};
///
/// # fn main() -> Result<(), finetune_eval::EvalError> {
/// let rows = [[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]];
/// let predicted = PredictedProbabilities::from_slices(&[0, 1, 1], &rows)?;
/// let reliability = predicted.reliability(Binning::default())?;
/// let svg = ReliabilityDiagram::new("Test set", reliability).to_svg()?;
/// assert!(svg.contains("ECE 0.4000"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ReliabilityDiagram {
    /// Title above the diagram.
    pub title: String,
    /// Reliability to plot.
    pub reliability: Reliability,
}

impl ReliabilityDiagram {
    /// Creates the diagram.
    pub fn new(title: impl Into<String>, reliability: Reliability) -> Self {
        Self {
            title: title.into(),
            reliability,
        }
    }

    fn check(&self) -> Result<(), EvalError> {
        if self.reliability.bins.is_empty() {
            return Err(EvalError::plot(PLOT, "it has no bins"));
        }
        for (position, bin) in self.reliability.bins.iter().enumerate() {
            let shares = [bin.lower, bin.upper, bin.confidence, bin.accuracy];
            if !shares.iter().all(|share| (0.0..=1.0).contains(share)) {
                let reason = format!("bin {position} has {shares:?} outside 0..1");
                return Err(EvalError::plot(PLOT, reason));
            }
        }
        Ok(())
    }

    fn draw_accuracies(&self, canvas: &Canvas, frame: &Frame) -> Result<(), DrawingError> {
        for bin in &self.reliability.bins {
            let (left, right) = sides(frame, bin.lower, bin.upper);
            let bar = |low: f64, high: f64, color: RGBColor| {
                let (top, bottom) = (frame.y_pixels(high), frame.y_pixels(low));
                fill(canvas, (left, top), (right, bottom), color)
            };
            bar(0.0, bin.accuracy, BLUE)?;
            // The gap is above the bar if the model is overconfident, within it if underconfident.
            match bin.accuracy < bin.confidence {
                true => bar(bin.accuracy, bin.confidence, TOO_SURE)?,
                false => bar(bin.confidence, bin.accuracy, TOO_MODEST)?,
            }
        }
        frame.draw_guide(canvas, (0.0, 0.0), (1.0, 1.0))?;
        let reliability = &self.reliability;
        let (ece, mce) = (
            reliability.expected_calibration_error,
            reliability.maximum_calibration_error,
        );
        let lines = [
            (None, format!("ECE {ece:.4}")),
            (None, format!("MCE {mce:.4}")),
            (Some(BLUE), "accuracy".into()),
            (Some(TOO_SURE), "more confident than right".into()),
            (Some(TOO_MODEST), "less confident than right".into()),
        ];
        notes(canvas, frame, &lines)
    }

    fn draw_shares(&self, canvas: &Canvas, frame: &Frame, rows: f64) -> Result<(), DrawingError> {
        for bin in &self.reliability.bins {
            let (left, right) = sides(frame, bin.lower, bin.upper);
            let top = frame.y_pixels(bin.rows as f64 / rows);
            fill(canvas, (left, top), (right, frame.bottom), GUIDE)?;
        }
        Ok(())
    }
}

impl Plot for ReliabilityDiagram {
    fn to_svg(&self) -> Result<String, EvalError> {
        self.check()?;
        let bins = &self.reliability.bins;
        let rows = bins.iter().map(|bin| bin.rows).sum::<u64>() as f64;
        let largest = bins.iter().map(|bin| bin.rows).max().unwrap_or(1) as f64 / rows;
        let (width, height) = (f64::from(SIZE.width), f64::from(SIZE.height));

        let confidence = Axis::new("confidence", 0.0..1.0, 400.0);
        let share = Axis::new("share of rows", 0.0..1.1 * largest, 100.0);
        let mut below = Frame::in_picture(width, height, confidence.clone(), share, 0.0);
        below.top = below.bottom - SHARES;
        let accuracy = Axis::new("accuracy", 0.0..1.0, 400.0);
        let mut above = Frame::in_picture(width, height, confidence, accuracy, 0.0);
        above.left = above.left.max(below.left);
        below.left = above.left;
        (above.top, above.bottom) = (MARGIN + TITLE_HEIGHT, below.top - BETWEEN);

        picture(PLOT, SIZE, &self.title, |canvas| {
            above.draw_y(canvas)?;
            above.draw_edges(canvas)?;
            self.draw_accuracies(canvas, &above)?;
            below.draw(canvas)?;
            self.draw_shares(canvas, &below, rows)?;
            below.draw_edges(canvas)
        })
    }
}

/// Returns both sides of a bar, at least 2 pixels apart.
fn sides(frame: &Frame, lower: f64, upper: f64) -> (f64, f64) {
    let (left, right) = (frame.x_pixels(lower) + 0.5, frame.x_pixels(upper) - 0.5);
    match right - left >= 2.0 {
        true => (left, right),
        false => {
            let middle = (left + right) / 2.0;
            (middle - 1.0, middle + 1.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probabilities::{BinStrategy, Binning, PredictedProbabilities};

    #[test]
    fn bins_of_no_width_are_seen() {
        let predicted = PredictedProbabilities::from_slices(&[0, 1], &[[0.75, 0.25]; 2]).unwrap();
        let binning = Binning {
            bins: 4,
            strategy: BinStrategy::Quantile,
        };
        let reliability = predicted.reliability(binning).unwrap();
        assert_eq!(reliability.bins[0].lower, reliability.bins[0].upper);
        let svg = ReliabilityDiagram::new("", reliability).to_svg().unwrap();
        assert!(
            !svg.contains("width=\"0\"") && !svg.contains("width=\"-"),
            "{svg}"
        );
    }

    #[test]
    fn no_bins_are_an_error() {
        let predicted = PredictedProbabilities::from_slices(&[0], &[[0.75, 0.25]]).unwrap();
        let mut reliability = predicted.reliability(Binning::default()).unwrap();
        reliability.bins[0].accuracy = f64::NAN;
        let diagram = ReliabilityDiagram::new("", reliability.clone());
        assert!(matches!(diagram.to_svg(), Err(EvalError::Plot { .. })));
        reliability.bins.clear();
        let diagram = ReliabilityDiagram::new("", reliability);
        assert!(matches!(diagram.to_svg(), Err(EvalError::Plot { .. })));
    }
}
