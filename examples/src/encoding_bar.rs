//! Progress of tokenizing.

use std::time::Duration;

use finetune::data::EncodingProgress;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A progress bar on a terminal; nothing when standard error is piped.
#[derive(Debug)]
pub struct EncodingBar(ProgressBar);

/// The bar counts in parts of the files, which is all that is known before they are read.
const PARTS: u64 = 1000;

impl EncodingBar {
    /// Begins.
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

    /// Moves on.
    pub fn update(&mut self, progress: EncodingProgress) {
        if let Some(fraction) = progress.fraction {
            self.0.set_position((fraction * PARTS as f64) as u64);
        }
        self.0.set_message(format!("{} texts", progress.texts));
    }

    /// Takes the bar away.
    pub fn end(self) {
        self.0.finish_and_clear();
    }
}
