//! The training loop. There is one; what varies is a value in [`TrainConfig`].

use std::time::Instant;

use burn::tensor::Tensor;
use finetune_data::{Batch, EncodedDataset, Sampler, collate};
use finetune_model::{DropoutStream, SequenceClassifier};
use finetune_ops::{Targets, cross_entropy};

use crate::device_batch::forward;
use crate::observer::{EpochRecord, Event, Observer, Phase, StepRecord};
use crate::{TrainConfig, TrainError};

/// Steps whose loss is read back from the device at once: reading each would make a GPU wait.
const STEPS_PER_READ: usize = 10;

/// What a training phase did.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingSummary {
    /// Optimizer steps.
    pub steps: usize,
    /// Rows that went through the network, over all epochs.
    pub rows: usize,
    /// Wall time of the loop.
    pub seconds: f64,
    /// Token slots computed, padding included.
    pub slots: usize,
    /// Of these, padding.
    pub padded_slots: usize,
    /// One record per epoch, the last perhaps cut short by `max_steps`.
    pub epochs: Vec<EpochRecord>,
}

/// Trains `model`, which is on a device with autodiff, on `data`.
///
/// # Errors
/// [`TrainError::InvalidSetting`] for a configuration out of range, and for a model that is not for
/// the classes of `data` or not on a device with autodiff; [`TrainError::Diverged`] if the loss
/// stops being a number; and whatever `observer` returns.
pub fn train(
    model: SequenceClassifier,
    data: &EncodedDataset,
    pad_token_id: u32,
    config: &TrainConfig,
    observer: &mut dyn Observer,
) -> Result<(SequenceClassifier, TrainingSummary), TrainError> {
    config.validate()?;
    check_model(&model, data)?;
    let mut model = config.freeze.apply(model)?;
    let mut optimizer = config.optimizer.init(&model);
    let sampler = Sampler::new(config.order, config.batch_size, config.seed)?;
    let lengths = data.lengths()?;
    let total_steps = config.total_steps(&sampler, &lengths);
    let frozen_stages = config.freeze.frozen_stages(model.encoder.layers.len());

    let start = Instant::now();
    let mut summary = TrainingSummary::new();
    observer.observe(&Event::Started(Phase::Training, total_steps))?;
    for epoch in 0.. {
        let mut progress = EpochProgress::start(epoch);
        for rows in sampler.batches(&lengths, epoch) {
            if summary.steps == total_steps {
                break;
            }
            let batch = collate(data, &rows, config.padding, pad_token_id)?;
            let dropout =
                DropoutStream::new(config.seed, summary.steps as u64).from_stage(frozen_stages);
            let logits = forward(&model, &batch, Some(dropout))?;

            let targets = Targets {
                labels: classes_of(&batch)?,
                classes: data.class_names().len(),
                divisor: batch.size() as f64,
            };
            let loss = cross_entropy(logits.clone(), targets.weights(&logits.device()));
            let gradients = loss.backward();

            let factor = config.schedule.factor(summary.steps, total_steps);
            let learning_rate = config.optimizer.learning_rate * factor;
            let (updated, norm) = optimizer.step(model, gradients, learning_rate);
            model = updated;

            summary.count(batch.size(), batch.slots(), batch.padded_slots());
            observer.observe(&Event::BatchDone { rows: batch.size() })?;
            progress.push(
                summary.steps,
                batch.size(),
                learning_rate,
                loss.inner(),
                norm,
            );
            if progress.unread.len() == STEPS_PER_READ {
                progress.read(observer)?;
            }
        }
        progress.read(observer)?;
        let record = progress.end();
        observer.observe(&Event::Epoch(record))?;
        summary.epochs.push(record);
        if summary.steps == total_steps {
            break;
        }
    }
    summary.seconds = start.elapsed().as_secs_f64();
    observer.observe(&Event::Ended(Phase::Training))?;
    Ok((model, summary))
}

fn check_model(model: &SequenceClassifier, data: &EncodedDataset) -> Result<(), TrainError> {
    let (classes, expected) = (model.classes(), data.class_names().len());
    if classes != expected {
        let expected = format!("those of the data, {expected}");
        return Err(TrainError::setting(
            "classes of the model",
            classes,
            expected,
        ));
    }
    if !model.device().is_autodiff() {
        return Err(TrainError::setting(
            "device of the model",
            "plain",
            "one with autodiff",
        ));
    }
    Ok(())
}

/// The classes that the loss needs.
fn classes_of(batch: &Batch) -> Result<&[usize], TrainError> {
    batch
        .labels
        .classes()
        .ok_or_else(|| TrainError::setting("labels", "missing", "a class for each row"))
}

impl TrainingSummary {
    fn new() -> Self {
        let epochs = Vec::new();
        Self {
            steps: 0,
            rows: 0,
            seconds: 0.0,
            slots: 0,
            padded_slots: 0,
            epochs,
        }
    }

    fn count(&mut self, rows: usize, slots: usize, padded_slots: usize) {
        self.steps += 1;
        self.rows += rows;
        self.slots += slots;
        self.padded_slots += padded_slots;
    }

    /// Share of the computed token slots that was padding, in `[0, 1)`.
    pub fn padded_share(&self) -> f64 {
        self.padded_slots as f64 / self.slots.max(1) as f64
    }

    /// Training rows per second of wall time.
    pub fn examples_per_second(&self) -> f64 {
        self.rows as f64 / self.seconds
    }
}

/// The losses of an epoch on their way from the device.
struct EpochProgress {
    epoch: u64,
    start: Instant,
    unread: Vec<UnreadStep>,
    loss_sum: f64,
    rows: usize,
}

struct UnreadStep {
    step: usize,
    rows: usize,
    learning_rate: f64,
    loss: Tensor<1>,
    norm: Tensor<1>,
}

impl EpochProgress {
    fn start(epoch: u64) -> Self {
        let (start, unread) = (Instant::now(), Vec::with_capacity(STEPS_PER_READ));
        Self {
            epoch: epoch + 1,
            start,
            unread,
            loss_sum: 0.0,
            rows: 0,
        }
    }

    fn push(
        &mut self,
        step: usize,
        rows: usize,
        learning_rate: f64,
        loss: Tensor<1>,
        norm: Tensor<1>,
    ) {
        self.unread.push(UnreadStep {
            step,
            rows,
            learning_rate,
            loss,
            norm,
        });
    }

    fn read(&mut self, observer: &mut dyn Observer) -> Result<(), TrainError> {
        if self.unread.is_empty() {
            return Ok(());
        }
        let pairs = self
            .unread
            .iter()
            .flat_map(|step| [step.loss.clone(), step.norm.clone()]);
        let values = Tensor::cat(pairs.collect(), 0).into_data().convert::<f32>();
        let values = values.iter::<f32>().collect::<Vec<_>>();
        for (unread, pair) in self.unread.drain(..).zip(values.chunks_exact(2)) {
            let record = StepRecord {
                step: unread.step as u64,
                epoch: self.epoch,
                loss: pair[0],
                learning_rate: unread.learning_rate,
                gradient_norm: pair[1],
            };
            observer.observe(&Event::Step(record))?;
            if !record.loss.is_finite() {
                return Err(TrainError::Diverged {
                    step: record.step,
                    loss: record.loss,
                });
            }
            self.loss_sum += f64::from(record.loss) * unread.rows as f64;
            self.rows += unread.rows;
        }
        Ok(())
    }

    fn end(self) -> EpochRecord {
        let loss = self.loss_sum / self.rows.max(1) as f64;
        EpochRecord {
            epoch: self.epoch,
            loss,
            seconds: self.start.elapsed().as_secs_f64(),
        }
    }
}
