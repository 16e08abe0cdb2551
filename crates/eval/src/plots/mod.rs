//! Plots of metrics, as SVG and PNG.
//!
//! | plot | shows |
//! |---|---|
//! | [`LineChart`] | training curves, or epochs to the best model by pre-training steps |
//! | [`BoxPlot`] | distribution of the scores of several models over seeds |
//! | [`ConfusionPlot`] | confusion matrix |
//! | [`ReliabilityDiagram`] | confidence against accuracy |
//! | [`ScoreScatter`] | predicted against true scores |
//! | [`Histogram`] | number of rows by a quantity, such as the length of texts |
//! | [`HeatMap`] | table of numbers, such as cosines between the gradients of tasks |
//!
//! Each plot is a struct of settings and data with [`Plot::to_svg`], for a report, and
//! [`Plot::draw`], for a file. PNG, with the feature `png`, is the SVG in twice its size. Latin,
//! Greek and Cyrillic letters of a PNG come from a bundled font, so that no system font is needed;
//! other scripts use system fonts. SVG contains text as text, in the reader's sans-serif font.
//!
//! Colors are distinguishable with any color vision: [Okabe and Ito's] for lines, blue shades or
//! blue against red for tables.
//!
//! [Okabe and Ito's]: https://jfly.uni-koeln.de/color/
//!
//! ```
//! use finetune_eval::plots::{Line, LineChart, Plot};
//!
//! # fn main() -> Result<(), finetune_eval::EvalError> {
//! let lines = vec![
//!     Line::new("2e-5", [(1.0, 0.91), (2.0, 0.93), (3.0, 0.94)]),
//!     Line::new("5e-5", [(1.0, 0.92), (2.0, 0.92), (3.0, 0.91)]),
//! ];
//! let directory = tempfile::tempdir().unwrap();
//! let title = "AG News".to_string();
//! let chart = LineChart { title, lines, ..LineChart::default() };
//! chart.draw(&directory.path().join("curves.svg"))?;
//! # Ok(())
//! # }
//! ```

mod axes;
mod box_plot;
mod canvas;
mod colors;
mod confusion;
mod file;
mod heat_map;
mod histogram;
mod line_chart;
mod reliability;
mod score_scatter;
mod text;

use std::path::Path;

use crate::error::EvalError;
pub use box_plot::BoxPlot;
pub use colors::ColorScale;
pub use confusion::ConfusionPlot;
pub use heat_map::HeatMap;
pub use histogram::{Histogram, HistogramBin};
pub use line_chart::{Line, LineChart};
pub use reliability::ReliabilityDiagram;
pub use score_scatter::ScoreScatter;

/// Plot.
pub trait Plot {
    /// Returns the plot as an SVG document.
    ///
    /// # Errors
    ///
    /// - [`EvalError::Plot`] if the data cannot be plotted.
    /// - [`EvalError::InvalidRow`] if a number is NaN or infinite.
    fn to_svg(&self) -> Result<String, EvalError>;

    /// Writes the plot to a file atomically, as SVG or PNG according to the extension.
    ///
    /// # Errors
    ///
    /// - The errors of [`to_svg`](Self::to_svg).
    /// - [`EvalError::Write`] if the extension is unknown, PNG is requested without the feature
    ///   `png`, or the file cannot be written.
    fn draw(&self, path: &Path) -> Result<(), EvalError> {
        file::write(path, &self.to_svg()?)
    }
}

/// Size of a plot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Width in pixels of the SVG; the PNG has twice as many (default: 720).
    pub width: u32,
    /// Height in pixels of the SVG; the PNG has twice as many (default: 440).
    pub height: u32,
}

impl Default for Size {
    fn default() -> Self {
        Self {
            width: 720,
            height: 440,
        }
    }
}
