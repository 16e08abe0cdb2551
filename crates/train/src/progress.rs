//! Progress display: a bar on a terminal, or a line per epoch if output goes to a file.

use std::io::{IsTerminal, Write};
use std::time::Instant;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::callback::{Callback, EpochRecord, Event, Phase, StepRecord};
use crate::error::TrainError;
use crate::evaluation::EvaluationRecord;

/// Callback that shows a run's progress on standard error: loss, learning rate, rows per second and
/// remaining time.
///
/// A nested phase, such as an evaluation during training, has its own bar.
#[derive(Debug)]
pub struct ProgressCallback {
    bars: MultiProgress,
    /// Running phases, the innermost last.
    phases: Vec<PhaseProgress>,
}

/// Progress of a phase.
#[derive(Debug)]
struct PhaseProgress {
    bar: ProgressBar,
    /// Rows since `since`, which is the start of the epoch in training, and of the phase otherwise.
    rows: usize,
    since: Instant,
    last_step: Option<StepRecord>,
}

impl ProgressCallback {
    /// Creates a callback that shows a bar if standard error is a terminal, otherwise plain lines.
    pub fn new() -> Self {
        let target = match std::io::stderr().is_terminal() {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        };
        Self {
            bars: MultiProgress::with_draw_target(target),
            phases: Vec::new(),
        }
    }

    fn start(&mut self, phase: Phase, length: usize, done: usize) {
        let name = match phase {
            Phase::Activations => "frozen",
            Phase::Training => "training",
            Phase::Validating => "validating",
            Phase::Testing => "testing",
        };
        let bar = self.bars.add(ProgressBar::new(length as u64));
        bar.set_position(done as u64);
        // The template is constant; an invalid one would only fall back to the default style.
        if let Ok(style) = ProgressStyle::with_template(
            "{prefix:>10} {bar:30} {pos}/{len}, {elapsed} gone, {eta} to go  {msg}",
        ) {
            bar.set_style(style);
        }
        bar.set_prefix(name);
        self.phases.push(PhaseProgress {
            bar,
            rows: 0,
            since: Instant::now(),
            last_step: None,
        });
    }

    fn end(&mut self) {
        if let Some(phase) = self.phases.pop() {
            phase.bar.finish_and_clear();
            self.bars.remove(&phase.bar);
        }
    }

    fn end_epoch(&mut self, epoch: EpochRecord) {
        let rows = self.phases.last_mut().map_or(0, PhaseProgress::restart);
        self.say(&epoch_line(epoch, rows));
    }

    fn say(&self, line: &str) {
        if self.bars.is_hidden() {
            // Errors are ignored: standard error may be closed.
            let _ = writeln!(std::io::stderr(), "{line}");
        } else {
            let _ = self.bars.println(line);
        }
    }
}

impl PhaseProgress {
    fn batch_done(&mut self, rows: usize) {
        self.rows += rows;
        self.bar.inc(1);
        let rate = self.rows as f64 / self.since.elapsed().as_secs_f64();
        self.bar.set_message(message(self.last_step, rate));
    }

    /// Restarts the row count and returns the previous count.
    fn restart(&mut self) -> usize {
        self.since = Instant::now();
        std::mem::take(&mut self.rows)
    }
}

/// Formats the message after the bar. Losses arrive a few steps late.
fn message(step: Option<StepRecord>, rows_per_second: f64) -> String {
    let numbers = step.map(|step| {
        let (loss, rate) = (step.loss, step.learning_rate);
        format!("loss {loss:.4}, learning rate {rate:.2e}, ")
    });
    let numbers = numbers.unwrap_or_default();
    format!("{numbers}{rows_per_second:.1} rows/s")
}

fn epoch_line(epoch: EpochRecord, rows: usize) -> String {
    let EpochRecord {
        epoch,
        loss,
        seconds,
        ..
    } = epoch;
    let rate = rows as f64 / seconds;
    format!("epoch {epoch}: loss {loss:.4}, {seconds:.1} s, {rate:.1} rows/s")
}

fn evaluation_line(record: &EvaluationRecord) -> String {
    format!("after step {}: {}", record.step, record.scores_text())
}

impl Default for ProgressCallback {
    fn default() -> Self {
        Self::new()
    }
}

impl Callback for ProgressCallback {
    fn on_event(&mut self, event: &Event) -> Result<(), TrainError> {
        match event {
            Event::Activations(kept) => self.say(&format!(
                "frozen part: {} {:.1} MB for {} rows",
                if kept.reused { "found" } else { "keeping" },
                kept.bytes as f64 / 1e6,
                kept.rows
            )),
            Event::PhaseBegin {
                phase,
                length,
                done,
            } => self.start(*phase, *length, *done),
            Event::BatchSubmitted { rows } => {
                if let Some(phase) = self.phases.last_mut() {
                    phase.batch_done(*rows);
                }
            }
            Event::StepEnd(step) => {
                if let Some(phase) = self.phases.last_mut() {
                    phase.last_step = Some(*step);
                }
            }
            Event::EpochEnd(epoch) => self.end_epoch(*epoch),
            Event::Evaluate(record) => self.say(&evaluation_line(record)),
            Event::PhaseEnd(_) => self.end(),
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEP: StepRecord = StepRecord {
        step: 10,
        epoch: 1,
        loss: 0.51234,
        learning_rate: 1.96e-5,
        grad_norm: 1.0,
    };

    fn watch(progress: &mut ProgressCallback, events: &[Event]) {
        for event in events {
            progress.on_event(event).unwrap();
        }
    }

    #[test]
    fn a_bar_says_loss_rate_and_speed() {
        let text = message(Some(STEP), 151.26);
        assert_eq!(text, "loss 0.5123, learning rate 1.96e-5, 151.3 rows/s");
        assert_eq!(message(None, 20.0), "20.0 rows/s");
        let epoch = EpochRecord {
            step: 20,
            epoch: 2,
            loss: 0.25,
            seconds: 4.0,
        };
        assert_eq!(
            epoch_line(epoch, 100),
            "epoch 2: loss 0.2500, 4.0 s, 25.0 rows/s"
        );
    }

    #[test]
    fn a_phase_within_another_leaves_it_as_it_was() {
        let mut progress = ProgressCallback::new();
        watch(
            &mut progress,
            &[
                Event::phase_begin(Phase::Training, 4),
                Event::BatchSubmitted { rows: 8 },
                Event::StepEnd(STEP),
                Event::phase_begin(Phase::Testing, 1),
                Event::BatchSubmitted { rows: 100 },
                Event::PhaseEnd(Phase::Testing),
                Event::BatchSubmitted { rows: 5 },
            ],
        );
        let [training] = progress.phases.as_slice() else {
            panic!("{:?}", progress.phases);
        };
        assert_eq!((training.rows, training.bar.position()), (13, 2));
        assert_eq!(training.last_step, Some(STEP));
        let epoch = EpochRecord {
            step: 10,
            epoch: 1,
            loss: 0.5,
            seconds: 1.0,
        };
        watch(&mut progress, &[Event::EpochEnd(epoch)]);
        assert_eq!(
            (progress.phases[0].rows, progress.phases[0].bar.position()),
            (0, 2)
        );
        watch(&mut progress, &[Event::PhaseEnd(Phase::Training)]);
        assert!(progress.phases.is_empty());
    }
}
