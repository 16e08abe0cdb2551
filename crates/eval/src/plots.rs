//! Pictures of scores, as SVG and PNG.
//!
//! | picture | shows |
//! |---|---|
//! | [`LineChart`] | training curves, epochs to the best model by steps of pre-training |
//! | [`BoxPlot`] | the scores of several models over seeds |
//! | [`ConfusionPlot`] | which classes are taken for which |
//! | [`ReliabilityDiagram`] | confidence against accuracy |
//! | [`ScoreScatter`] | predicted against true scores |
//! | [`HeatMap`] | any table of numbers, such as cosines of the tasks' gradients |
//!
//! Each is a struct of settings and data with [`Plot::to_svg`], for a report, and [`Plot::draw`],
//! for a file. Both formats are the same picture: PNG, with the feature `png`, is the SVG in twice
//! its size. Its Latin, Greek and Cyrillic letters are of a font that is part of this crate, so that
//! it needs none of the system; other scripts are drawn if the system has a font for them. SVG holds
//! text as text, in the sans-serif font of whoever reads it.
//!
//! Colours can be told apart with any colour vision: [Okabe and Ito's] for lines, blue shades, or
//! blue against red, for tables.
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
//! let folder = tempfile::tempdir().unwrap();
//! let chart = LineChart::training_curves("AG News", "accuracy", lines);
//! chart.draw(&folder.path().join("curves.svg"))?;
//! # Ok(())
//! # }
//! ```

mod axes;
mod box_plot;
mod canvas;
mod colours;
mod confusion;
mod file;
mod heat_map;
mod line_chart;
mod reliability;
mod score_scatter;
mod text;

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::EvalError;
pub use box_plot::{BoxPlot, Group};
pub use colours::ColourScale;
pub use confusion::ConfusionPlot;
pub use heat_map::HeatMap;
pub use line_chart::{Line, LineChart};
pub use reliability::ReliabilityDiagram;
pub use score_scatter::ScoreScatter;

/// A picture.
pub trait Plot {
    /// The picture as an SVG document.
    ///
    /// # Errors
    ///
    /// [`EvalError::Plot`] for data that make no picture, [`EvalError::NotFinite`] for a number
    /// that is NaN or infinite.
    fn to_svg(&self) -> Result<String, EvalError>;

    /// Writes the picture to a file, as SVG or PNG by its extension; the file appears whole or not
    /// at all.
    ///
    /// # Errors
    ///
    /// Those of [`to_svg`](Self::to_svg); [`EvalError::Picture`] for another extension, PNG without
    /// the feature `png`, or a file that cannot be written.
    fn draw(&self, path: &Path) -> Result<(), EvalError> {
        file::write(path, &self.to_svg()?)
    }
}

/// Width and height of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Size {
    /// In pixels of the SVG; PNG has twice as many.
    pub width: u32,
    /// In pixels of the SVG; PNG has twice as many.
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
