//! Progress bar of tokenization.

use std::time::Duration;

use finetune::data::EncodingProgress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Progress bar on a terminal; hidden when standard error is not a terminal.
#[derive(Debug)]
pub struct EncodingBar(ProgressBar);

/// Steps of the bar, as fractions of the files; the number of texts is unknown before they are
/// read.
const PARTS: u64 = 1000;

impl EncodingBar {
    /// Creates the bar with `name` as its prefix.
    pub fn new(name: &str) -> Self {
        let bar = ProgressBar::with_draw_target(Some(PARTS), ProgressDrawTarget::stderr());
        let style = "{prefix} {wide_bar} {percent} %  {msg}  {elapsed}, {eta} left";
        if let Ok(style) = ProgressStyle::with_template(style) {
            bar.set_style(style);
        }
        bar.set_prefix(name.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }

    /// Updates the position and the number of texts.
    pub fn update(&mut self, progress: EncodingProgress) {
        if let Some(fraction) = progress.fraction {
            self.0.set_position((fraction * PARTS as f64) as u64);
        }
        self.0.set_message(format!("{} texts", progress.texts));
    }

    /// Removes the bar.
    pub fn end(self) {
        self.0.finish_and_clear();
    }
}
