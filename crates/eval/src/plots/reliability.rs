//! Confidence against accuracy.

use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::axes::{Axis, Frame};
use super::canvas::{Canvas, DrawingError, MARGIN, TITLE_HEIGHT, at, picture, px, stroke};
use super::colours::{BLUE, GUIDE, VERMILION};
use super::text::{LABEL, style};
use super::{Plot, Size};
use crate::{EvalError, Reliability};

const PLOT: &str = "a reliability diagram";
const SIZE: Size = Size {
    width: 520,
    height: 620,
};
/// Height of the shares of rows below the diagram, and the room between.
const SHARES: f64 = 110.0;
const BETWEEN: f64 = 16.0;

/// The accuracy of each bin of confidence with its distance from the confidence, and how many rows
/// the bin has.
///
/// A calibrated model has all bars end on the diagonal; bars below it are overconfident.
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
    /// Above the diagram.
    pub title: String,
    /// What is shown.
    pub reliability: Reliability,
}

impl ReliabilityDiagram {
    /// The diagram of a reliability.
    pub fn new(title: impl Into<String>, reliability: Reliability) -> Self {
        Self {
            title: title.into(),
            reliability,
        }
    }

    fn check(&self) -> Result<(), EvalError> {
        let refused = |reason| Err(EvalError::Plot { plot: PLOT, reason });
        if self.reliability.bins.is_empty() {
            return refused("it has no bins".into());
        }
        for (position, bin) in self.reliability.bins.iter().enumerate() {
            let shares = [bin.lower, bin.upper, bin.confidence, bin.accuracy];
            if !shares.iter().all(|share| (0.0..=1.0).contains(share)) {
                return refused(format!("bin {position} has {shares:?} outside 0..1"));
            }
        }
        Ok(())
    }

    fn draw_accuracies(&self, canvas: &Canvas, frame: &Frame) -> Result<(), DrawingError> {
        for bin in &self.reliability.bins {
            let (left, right) = sides(frame, bin.lower, bin.upper);
            let bar = |low: f64, high: f64| {
                [
                    at(left, frame.y_pixels(high)),
                    at(right, frame.y_pixels(low)),
                ]
            };
            canvas.draw(&Rectangle::new(
                bar(0.0, bin.accuracy),
                BLUE.mix(0.75).filled(),
            ))?;
            let (low, high) = match bin.accuracy < bin.confidence {
                true => (bin.accuracy, bin.confidence),
                false => (bin.confidence, bin.accuracy),
            };
            let gap = bar(low, high);
            canvas.draw(&Rectangle::new(gap, VERMILION.mix(0.3).filled()))?;
            canvas.draw(&Rectangle::new(gap, stroke(VERMILION, 1.0)))?;
        }
        let diagonal = vec![frame.point(0.0, 0.0), frame.point(1.0, 1.0)];
        let dashed = stroke(GUIDE, 1.5);
        canvas.draw(&DashedPathElement::new(diagonal, px(6.0), px(4.0), dashed))?;

        let numbers = [
            ("ECE", self.reliability.expected_calibration_error),
            ("MCE", self.reliability.maximum_calibration_error),
        ];
        for (line, (name, number)) in numbers.iter().enumerate() {
            let below = frame.top + 10.0 + line as f64 * (LABEL + 6.0);
            let text = format!("{name} {number:.4}");
            let beside = style(LABEL, HPos::Left, VPos::Top);
            canvas.draw_text(&text, &beside, at(frame.left + 12.0, below))?;
        }
        Ok(())
    }

    fn draw_key(&self, canvas: &Canvas, frame: &Frame) -> Result<(), DrawingError> {
        let keys = [
            ("accuracy", BLUE.mix(0.75)),
            ("distance from confidence", VERMILION.mix(0.3)),
        ];
        for (line, (name, colour)) in keys.iter().enumerate() {
            let top = frame.top + 10.0 + (line + 2) as f64 * (LABEL + 6.0);
            let left = frame.left + 12.0;
            let corners = [at(left, top), at(left + LABEL, top + LABEL)];
            canvas.draw(&Rectangle::new(corners, colour.filled()))?;
            let beside = style(LABEL, HPos::Left, VPos::Top);
            canvas.draw_text(name, &beside, at(left + LABEL + 6.0, top))?;
        }
        Ok(())
    }

    fn draw_shares(&self, canvas: &Canvas, frame: &Frame, rows: f64) -> Result<(), DrawingError> {
        for bin in &self.reliability.bins {
            let (left, right) = sides(frame, bin.lower, bin.upper);
            let top = frame.y_pixels(bin.rows as f64 / rows);
            let bar = [at(left, top), at(right, frame.bottom)];
            canvas.draw(&Rectangle::new(bar, GUIDE.filled()))?;
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
            self.draw_key(canvas, &above)?;
            below.draw(canvas)?;
            self.draw_shares(canvas, &below, rows)?;
            below.draw_edges(canvas)
        })
    }
}

/// Both sides of a bar, at least a visible width apart.
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
    use crate::{BinStrategy, Binning, PredictedProbabilities};

    #[test]
    fn bins_of_no_width_are_seen() {
        let predicted = PredictedProbabilities::from_slices(&[0, 1], &[[0.75, 0.25]; 2]).unwrap();
        let binning = Binning {
            bins: 4,
            strategy: BinStrategy::EqualCount,
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
