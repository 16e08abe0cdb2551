//! Thread of a model: takes batches, runs the model, sends predictions.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Instant;

use crate::error::ServeError;
use crate::input::Input;
use crate::metrics::ModelMetrics;
use crate::queue::{Queue, WaitingRow};
use crate::text_model::{InferenceError, TextModel};
use finetune_predict::Prediction;

/// Starts a thread that processes `queue` until it is closed and empty.
pub(crate) fn spawn(
    name: &str,
    model: Arc<dyn TextModel>,
    queue: Arc<Queue>,
    metrics: ModelMetrics,
) -> Result<JoinHandle<()>, ServeError> {
    let work = move || {
        while let Some(batch) = queue.next_batch() {
            answer(model.as_ref(), batch, &metrics);
        }
    };
    let thread = thread::Builder::new().name(format!("model {name}"));
    thread.spawn(work).map_err(|source| ServeError::Thread {
        name: name.to_string(),
        source,
    })
}

/// Predicts all rows of a batch. If the model fails, rows are predicted one by one, so that one row
/// does not affect the others.
fn answer(model: &dyn TextModel, batch: Vec<WaitingRow>, metrics: &ModelMetrics) {
    let (inputs, replies): (Vec<_>, Vec<_>) =
        batch.into_iter().map(|row| (row.input, row.reply)).unzip();
    match ask(model, &inputs, metrics) {
        Ok(answers) => {
            for (reply, answer) in replies.into_iter().zip(answers) {
                // The client may have left in the meantime.
                let _ = reply.send(Ok(answer));
            }
        }
        Err(fault) if inputs.len() == 1 => {
            if let Some(reply) = replies.into_iter().next() {
                let _ = reply.send(Err(fault));
            }
        }
        Err(_) => {
            for (input, reply) in inputs.into_iter().zip(replies) {
                let alone = WaitingRow::new(input, reply);
                if !alone.is_gone() {
                    answer(model, vec![alone], metrics);
                }
            }
        }
    }
}

/// Returns one prediction per input; a panic is an error of the model.
fn ask(
    model: &dyn TextModel,
    inputs: &[Input],
    metrics: &ModelMetrics,
) -> Result<Vec<Prediction>, InferenceError> {
    let start = Instant::now();
    // The model is only read, so a panic cannot leave it inconsistent.
    let caught = catch_unwind(AssertUnwindSafe(|| model.answer(inputs)));
    metrics.batch(inputs.len(), start.elapsed());
    let answers = match caught {
        Ok(Ok(answers)) if answers.len() == inputs.len() => Ok(answers),
        Ok(Err(fault)) => Err(fault),
        Ok(Ok(_)) | Err(_) => Err(InferenceError::Failed),
    };
    if let Err(InferenceError::Failed) = answers {
        metrics.failed();
    }
    answers
}
