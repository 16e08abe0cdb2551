//! A classifier that trains and predicts on full batches of made-up tokens.

use std::cell::OnceCell;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::Device;
use finetune::model::{
    DropoutStream, EncoderInput, EncoderModel, Int8Config, ModelError, SequenceClassifier,
    SequenceClassifierConfig, init_weights,
};
use finetune::ops::{ClassTargets, Precision, soft_target_cross_entropy};
use finetune::train::{Optimizer, OptimizerConfig};

use crate::{precision, shape};

const CLASSES: usize = 4;

/// A classifier of the shape and precision of the environment, with its optimizer.
#[derive(Debug)]
pub struct Step {
    model: SequenceClassifier,
    /// The model to predict with, from the first prediction to the next step of training.
    prediction: OnceCell<SequenceClassifier>,
    optimizer: Optimizer,
    number: u64,
}

impl Step {
    /// Initializes the classifier on a device.
    ///
    /// # Errors
    /// Those of the shape.
    pub fn new(device: &Device) -> Result<Self, ModelError> {
        let names = (0..CLASSES).map(|class| class.to_string()).collect();
        let device = device.clone().autodiff();
        let config = SequenceClassifierConfig::new(shape(), names).init(&device)?;
        let model = init_weights(config, 0.02, 1).with_precision(precision());
        Ok(Self {
            optimizer: OptimizerConfig::default().init(&model),
            prediction: OnceCell::new(),
            model,
            number: 0,
        })
    }

    /// Sets whether layers compute their activations again for the backward pass.
    pub fn with_gradient_checkpointing(mut self, enabled: bool) -> Self {
        self.model = self.model.with_gradient_checkpointing(enabled);
        self
    }

    /// Trains `times` times on a batch of this many rows and tokens a row: forward, backward, clipping
    /// and AdamW. Nothing is read back.
    ///
    /// # Errors
    /// Those of the input.
    pub fn train(mut self, batch: [usize; 2], times: usize) -> Result<Self, ModelError> {
        let input = input(&self.model, batch)?;
        for _ in 0..times {
            self = self.train_on(&input)?;
        }
        Ok(self)
    }

    fn train_on(mut self, input: &EncoderInput) -> Result<Self, ModelError> {
        self.number += 1;
        let labels: Vec<usize> = (0..input.batch_size()).map(|row| row % CLASSES).collect();
        let targets = ClassTargets {
            labels: &labels,
            classes: CLASSES,
            divisor: labels.len() as f64,
        };
        let dropout = DropoutStream::new(1, self.number);
        let logits = self.model.forward(input, Some(dropout))?;
        let weights = targets.weights(&logits.device());
        let loss = soft_target_cross_entropy(logits, weights);
        let gradients = GradientsParams::from_grads(loss.backward(), &self.model);
        let (model, _) = self.optimizer.step(self.model, gradients, 0.5);
        Ok(Self {
            model,
            prediction: OnceCell::new(),
            ..self
        })
    }

    /// Predicts a batch `times` times and reads the logits.
    ///
    /// # Errors
    /// Those of the input.
    pub fn predict(&self, batch: [usize; 2], times: usize) -> Result<(), ModelError> {
        let model = self.for_prediction()?;
        let input = input(model, batch)?;
        for _ in 0..times {
            model.forward(&input, None)?.into_data();
        }
        Ok(())
    }

    fn for_prediction(&self) -> Result<&SequenceClassifier, ModelError> {
        if let Some(model) = self.prediction.get() {
            return Ok(model);
        }
        let model = self.model.valid();
        let model = match precision() {
            Precision::Int8 => model.into_int8(&Int8Config::default())?,
            _ => model.into_packed(),
        };
        Ok(self.prediction.get_or_init(|| model))
    }

    /// Waits for all work on the device.
    pub fn wait(&self) {
        for device in self.model.devices() {
            if let Err(error) = device.sync() {
                panic!("the device: {error:?}");
            }
        }
    }
}

/// A batch of equally long texts.
fn input(model: &SequenceClassifier, batch: [usize; 2]) -> Result<EncoderInput, ModelError> {
    let tokens = batch[0] * batch[1];
    let ids = (0..tokens).map(|token| (token * 7919 % 30_000) as u32);
    let (ids, types) = (ids.collect::<Vec<_>>(), vec![0; tokens]);
    let ends: Vec<usize> = (0..=batch[0]).map(|row| row * batch[1]).collect();
    EncoderInput::new(&model.encoder, &ids, &types, &ends)
}
