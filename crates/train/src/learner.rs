//! Our models under burn's own training loop, for those who prefer it; with the feature `learner`.
//!
//! burn's [`SupervisedTraining`](burn::train::SupervisedTraining) brings its metrics, checkpoints
//! per epoch and devices, and, with the feature `dashboard` on a terminal, its dashboard. What it
//! has not got is in [`train`](crate::train()): batches by length, schedules by step from 0,
//! clipping by the global norm, an exact resume.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use burn::module::Module;
use burn::nn::loss::CrossEntropyLossConfig;
use burn::tensor::{Int, Tensor};
use burn::train::{ClassificationOutput, InferenceStep, TrainOutput, TrainStep};
use finetune_model::{DropoutStream, EncoderInput, ModelError, ProblemType, SequenceClassifier};

use crate::{BurnBatch, TrainError};

/// A classifier that burn's loop trains, on the batches of a [`BurnBatcher`](crate::BurnBatcher).
///
/// Dropout is addressed by seed and step, as everywhere here. Steps are counted from the start of
/// the program: a run that burn resumes counts from 0 again.
///
/// ```no_run
/// use burn::data::dataloader::DataLoaderBuilder;
/// use burn::optim::AdamWConfig;
/// use burn::tensor::Device;
/// use burn::train::metric::{AccuracyMetric, LossMetric};
/// use burn::train::{Learner, SupervisedTraining};
/// use finetune_data::EncodedDataset;
/// use finetune_model::SequenceClassifier;
/// use finetune_train::{BurnBatcher, BurnClassifier, BurnDataset};
///
/// # fn run(model: SequenceClassifier, train: EncodedDataset, valid: EncodedDataset)
/// #     -> Result<(), finetune_train::TrainError> {
/// let loader = |data| {
///     DataLoaderBuilder::new(BurnBatcher { pad_token_id: 0 })
///         .batch_size(32)
///         .shuffle(42)
///         .set_device(Device::flex())
///         .build(BurnDataset(data))
/// };
/// let optimizer = AdamWConfig::new().with_epsilon(1e-8).with_weight_decay(0.01).init();
/// let result = SupervisedTraining::new("runs/burn", loader(train), loader(valid))
///     .metrics((AccuracyMetric::new(), LossMetric::new()))
///     .num_epochs(3)
///     .launch(Learner::new(BurnClassifier::new(model, 42)?, optimizer, 2e-5));
/// let model: SequenceClassifier = result.model.model;
/// # Ok(())
/// # }
/// ```
#[derive(Module, Debug)]
pub struct BurnClassifier {
    /// The model.
    pub model: SequenceClassifier,
    #[module(skip)]
    seed: u64,
    #[module(skip)]
    steps: StepCounter,
}

/// Shared by all clones of a model, of which burn makes one a step.
#[derive(Debug, Clone, Default)]
struct StepCounter(Arc<AtomicU64>);

impl BurnClassifier {
    /// Wraps a model on a device with autodiff. The seed is that of dropout.
    ///
    /// # Errors
    /// [`TrainError::InvalidSetting`] for a model that does not choose one class for a single text;
    /// [`TrainError::Model`] for a head that does not return `[B, C]`.
    pub fn new(model: SequenceClassifier, seed: u64) -> Result<Self, TrainError> {
        let config = model.config();
        if config.problem_type != ProblemType::SingleLabelClassification {
            return Err(TrainError::setting(
                "problem_type",
                format!("{:?}", config.problem_type),
                "SingleLabelClassification",
            ));
        }
        let texts = model.num_texts();
        if texts != 1 {
            return Err(TrainError::setting("texts of the head", texts, "1"));
        }
        model.check_head()?;
        Ok(Self {
            model,
            seed,
            steps: StepCounter::default(),
        })
    }

    fn output(
        &self,
        batch: BurnBatch,
        dropout: Option<DropoutStream>,
    ) -> Result<ClassificationOutput, TrainError> {
        let targets = batch.classes.clone();
        let targets = targets
            .ok_or_else(|| TrainError::setting("labels", "missing", "a class for each row"))?;
        let logits = self
            .model
            .forward(&encoder_input(&self.model, batch)?, dropout)?;
        let loss = CrossEntropyLossConfig::new().init(&logits.device());
        let loss = loss.forward(logits.clone(), targets.clone());
        Ok(ClassificationOutput::new(loss, logits, targets))
    }
}

/// # Panics
/// burn's loop knows no errors: if a batch has no classes, or token ids that the model has no
/// embedding for.
impl TrainStep for BurnClassifier {
    type Input = BurnBatch;
    type Output = ClassificationOutput;

    fn step(&self, batch: BurnBatch) -> TrainOutput<ClassificationOutput> {
        let step = self.steps.0.fetch_add(1, Ordering::Relaxed);
        let output = self.output(batch, Some(DropoutStream::new(self.seed, step)));
        let output = output.unwrap_or_else(|error| panic!("{error}"));
        TrainOutput::new(self, output.loss.backward(), output)
    }
}

/// # Panics
/// As its [`TrainStep`].
impl InferenceStep for BurnClassifier {
    type Input = BurnBatch;
    type Output = ClassificationOutput;

    fn step(&self, batch: BurnBatch) -> ClassificationOutput {
        let output = self.output(batch, None);
        output.unwrap_or_else(|error| panic!("{error}"))
    }
}

/// Ids go back to the host to be checked: one outside the embedding table is undefined on a GPU.
fn encoder_input(model: &SequenceClassifier, batch: BurnBatch) -> Result<EncoderInput, ModelError> {
    let shape = batch.token_ids.dims();
    let mask: Vec<bool> = batch.attention_mask.into_data().iter().collect();
    EncoderInput::new(
        &model.encoder,
        &values(batch.token_ids),
        &values(batch.token_type_ids),
        &mask,
        shape,
    )
}

fn values(ids: Tensor<2, Int>) -> Vec<u32> {
    ids.into_data().convert::<u32>().iter().collect()
}
