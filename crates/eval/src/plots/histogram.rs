//! Histograms of counted rows.

use super::axes::{Axis, Frame, drawable};
use super::canvas::{fill, picture};
use super::colors::BLUE;
use super::{Plot, Size};
use crate::error::EvalError;

const PLOT: &str = "a histogram";

/// Histogram: the number of rows in each bin, such as the lengths of texts.
///
/// ```
/// use finetune_eval::plots::{Histogram, HistogramBin, Plot};
///
/// # fn main() -> Result<(), finetune_eval::EvalError> {
/// let bin = |lower, upper, rows| HistogramBin { lower, upper, rows };
/// let histogram = Histogram {
///     title: "Lengths".to_string(),
///     x_label: "tokens".to_string(),
///     bins: vec![bin(1.0, 10.0, 3), bin(10.0, 20.0, 7)],
///     ..Histogram::default()
/// };
/// assert!(histogram.to_svg()?.contains("tokens"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    /// Title above the plot.
    pub title: String,
    /// Name of the horizontal axis.
    pub x_label: String,
    /// Name of the vertical axis (default: rows).
    pub y_label: String,
    /// Bins, at least one.
    pub bins: Vec<HistogramBin>,
    /// Size of the plot (default: 720 × 300 pixels).
    pub size: Size,
}

/// Bin of a histogram.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HistogramBin {
    /// Left edge.
    pub lower: f64,
    /// Right edge, above `lower`.
    pub upper: f64,
    /// Number of rows.
    pub rows: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            title: String::new(),
            x_label: String::new(),
            y_label: "rows".to_string(),
            bins: Vec::new(),
            size: Size {
                width: 720,
                height: 300,
            },
        }
    }
}

impl Histogram {
    fn check(&self) -> Result<(), EvalError> {
        if self.bins.is_empty() {
            return Err(EvalError::plot(PLOT, "it has no bins"));
        }
        for (position, bin) in self.bins.iter().enumerate() {
            drawable(PLOT, position, bin.lower, || "lower edge".into())?;
            drawable(PLOT, position, bin.upper, || "upper edge".into())?;
            if bin.lower >= bin.upper {
                let reason = format!("bin {position} is from {} to {}", bin.lower, bin.upper);
                return Err(EvalError::plot(PLOT, reason));
            }
        }
        Ok(())
    }
}

impl Plot for Histogram {
    fn to_svg(&self) -> Result<String, EvalError> {
        self.check()?;
        let (width, height) = (f64::from(self.size.width), f64::from(self.size.height));
        let edges = self.bins.iter().flat_map(|bin| [bin.lower, bin.upper]);
        let x = Axis::over(&self.x_label, edges, 0.0, width);
        let most = self.bins.iter().map(|bin| bin.rows).max().unwrap_or(0);
        // Rows are whole: a histogram of a single row still has ticks at 0 and 1.
        let top = 1.05 * most.max(1) as f64;
        let y = Axis::new(&self.y_label, 0.0..top, height).of_whole_numbers();
        let frame = Frame::in_picture(width, height, x, y, 0.0);
        picture(PLOT, self.size, &self.title, |canvas| {
            frame.draw(canvas)?;
            for bin in self.bins.iter().filter(|bin| bin.rows > 0) {
                let left = frame.x_pixels(bin.lower) + 0.5;
                let right = (frame.x_pixels(bin.upper) - 0.5).max(left + 1.0);
                let upper = frame.y_pixels(bin.rows as f64);
                fill(canvas, (left, upper), (right, frame.bottom), BLUE)?;
            }
            frame.draw_edges(canvas)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(bins: &[(f64, f64, u64)]) -> Histogram {
        let bins = bins.iter();
        Histogram {
            bins: bins
                .map(|&(lower, upper, rows)| HistogramBin { lower, upper, rows })
                .collect(),
            ..Histogram::default()
        }
    }

    #[test]
    fn a_bar_for_each_bin_with_rows() {
        let bars = |histogram: &Histogram| {
            let svg = histogram.to_svg().unwrap();
            svg.matches("fill=\"#0072B2\"").count()
        };
        let wide = histogram(&[(0.0, 5.0, 2), (5.0, 10.0, 0), (10.0, 15.0, 9)]);
        assert_eq!(bars(&wide), 2);
        assert_eq!(bars(&histogram(&[(2.5, 3.5, 1)])), 1);
        assert_eq!(bars(&histogram(&[(2.5, 3.5, 0)])), 0);
    }

    #[test]
    fn what_has_no_bars_is_refused() {
        for bins in [&[][..], &[(1.0, 1.0, 2)], &[(0.0, 1e301, 2)]] {
            let refused = histogram(bins).to_svg();
            assert!(matches!(refused, Err(EvalError::Plot { .. })), "{bins:?}");
        }
        assert!(histogram(&[(f64::NAN, 1.0, 2)]).to_svg().is_err());
    }
}
