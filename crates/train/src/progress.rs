//! Progress for a person: a bar on a terminal, a line per epoch where output goes to a file.

use std::io::{IsTerminal, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::TrainError;
use crate::observer::{Event, Observer, Phase};

/// Shows a run's progress on standard error.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A bar if standard error is a terminal, plain lines otherwise.
    pub fn new() -> Self {
        let target = match std::io::stderr().is_terminal() {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        };
        Self {
            bar: ProgressBar::with_draw_target(None, target),
        }
    }

    fn start(&self, phase: Phase, batches: usize) {
        let name = match phase {
            Phase::Activations => "frozen",
            Phase::Training => "training",
            Phase::Testing => "testing",
        };
        // The template is a constant; were it wrong, the bar would only look plainer.
        if let Ok(style) = ProgressStyle::with_template(
            "{prefix:>8} {bar:30} {pos}/{len} batches, {elapsed} gone, {eta} to go  {msg}",
        ) {
            self.bar.set_style(style);
        }
        self.bar.reset();
        self.bar.set_prefix(name);
        self.bar.set_message("");
        self.bar.set_length(batches as u64);
    }

    fn say(&self, line: &str) {
        if self.bar.is_hidden() {
            // Nobody to tell if standard error is closed.
            let _ = writeln!(std::io::stderr(), "{line}");
        } else {
            self.bar.println(line);
        }
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

impl Observer for Progress {
    fn observe(&mut self, event: &Event) -> Result<(), TrainError> {
        match event {
            Event::Activations(kept) => self.say(&format!(
                "frozen part: {} {:.1} MB for {} rows",
                if kept.reused { "found" } else { "keeping" },
                kept.bytes as f64 / 1e6,
                kept.rows
            )),
            Event::Started(phase, batches) => self.start(*phase, *batches),
            Event::BatchDone => self.bar.inc(1),
            Event::Step(step) => self.bar.set_message(format!("loss {:.4}", step.loss)),
            Event::Epoch(epoch) => self.say(&format!(
                "epoch {}: loss {:.4}, {:.1} s",
                epoch.epoch, epoch.loss, epoch.seconds
            )),
            Event::Ended(_) => self.bar.finish_and_clear(),
        }
        Ok(())
    }
}
