//! What a run trains: data, loss and metrics of a model.

mod embedding;
mod label_fit;
mod load;
mod masked_lm;
mod masked_lm_batch;
mod reranking;
mod save;
mod sequence_classification;
mod token_classification;

pub(crate) use embedding::EmbeddingSource;
pub use embedding::EmbeddingTask;
pub(crate) use label_fit::{describe_labels, head_name};
pub(crate) use load::{TaskSource, load_with};
pub use masked_lm::MaskedLmTask;
pub(crate) use masked_lm_batch::UploadedMaskedBatch;
pub(crate) use reranking::RerankingSource;
pub use reranking::RerankingTask;
pub use sequence_classification::SequenceClassificationTask;
pub use token_classification::TokenClassificationTask;

use std::path::Path;

use burn::module::Module;
use burn::tensor::Tensor;
use finetune_data::Labels;
use finetune_eval::{Better, Predictions, Scores};
use finetune_model::{DropoutStream, Encoder};
use finetune_ops::Precision;
use serde_json::Value;

use crate::callback::Callback;
use crate::error::TrainError;
use crate::objective::BatchCounts;
use crate::report::{ActivationsSection, DataSection, TestSection};
use crate::train_config::TrainConfig;

/// A task: the batches of its data, their loss, and its metrics.
///
/// [`SequenceClassificationTask`], [`TokenClassificationTask`], [`MaskedLmTask`], [`EmbeddingTask`] and
/// [`RerankingTask`] are the built-in ones. A task of your own
/// needs the first four methods; [`Trainer`](crate::Trainer) then trains it, and
/// [`PreparedRun::new`](crate::PreparedRun::new) makes a recorded, resumable run of it. Every method
/// must be a function of its arguments, because a resumed run calls it again and needs the same
/// result.
///
/// ```
/// use burn::module::{Module, Param};
/// use burn::tensor::{Device, Tensor, TensorData};
/// use finetune_model::DropoutStream;
/// use finetune_train::{BatchCounts, Task, TrainConfig, TrainError, Trainer};
///
/// /// A line through points.
/// #[derive(Module, Debug)]
/// struct Line {
///     slope: Param<Tensor<1>>,
/// }
///
/// struct Fit {
///     points: Vec<(f32, f32)>,
/// }
///
/// impl Task for Fit {
///     type Model = Line;
///     type Batch = Vec<(f32, f32)>;
///
///     fn lengths(&self) -> Result<Vec<usize>, TrainError> {
///         Ok(vec![1; self.points.len()])
///     }
///
///     fn batch(&self, rows: &[usize], _epoch: u64) -> Result<Self::Batch, TrainError> {
///         Ok(rows.iter().map(|row| self.points[*row]).collect())
///     }
///
///     fn size(&self, batch: &Self::Batch) -> Result<BatchCounts, TrainError> {
///         Ok(BatchCounts { rows: batch.len(), weight: batch.len() as f64, ..Default::default() })
///     }
///
///     fn loss(
///         &self,
///         model: &Line,
///         batch: &Self::Batch,
///         step: &BatchCounts,
///         _dropout: DropoutStream,
///     ) -> Result<Tensor<1>, TrainError> {
///         let column = |values: Vec<f32>| {
///             let shape = [values.len()];
///             Tensor::<1>::from_data(TensorData::new(values, shape), &model.devices()[0])
///         };
///         let (x, y): (Vec<f32>, Vec<f32>) = batch.iter().copied().unzip();
///         let error = column(x) * model.slope.val() - column(y);
///         Ok(error.square().sum() / step.weight)
///     }
/// }
///
/// let device = Device::flex().autodiff();
/// let line = Line { slope: Param::from_tensor(Tensor::from_floats([0.5], &device)) };
/// let fit = Fit { points: (0..32).map(|x| (x as f32 / 8.0, x as f32 / 4.0)).collect() };
/// let config: TrainConfig = serde_json::from_str(
///     r#"{"duration": {"epochs": 80}, "optimizer": {"learning_rate": 0.1}}"#,
/// )?;
/// let trained = Trainer::new(&fit, &config).train(line, &mut ())?;
/// let slope = trained.model.slope.val().into_scalar::<f32>();
/// assert!((slope - 2.0).abs() < 0.1, "{slope}");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Task {
    /// Model to train, on a device with autodiff. It borrows nothing, so that callbacks can
    /// downcast it.
    type Model: Module + Sync + 'static;
    /// A batch of rows in host memory.
    type Batch: 'static;

    /// Returns the number of tokens of each training row.
    ///
    /// # Errors
    /// - [`TrainError::Data`] if the data cannot be read.
    fn lengths(&self) -> Result<Vec<usize>, TrainError>;

    /// Returns training rows as a batch. `epoch` counts the passes over the rows from 0; random
    /// choices, such as masks, may depend on it.
    ///
    /// # Errors
    /// - [`TrainError::Data`] if the data cannot be read.
    fn batch(&self, rows: &[usize], epoch: u64) -> Result<Self::Batch, TrainError>;

    /// Returns the size of a batch.
    ///
    /// # Errors
    /// - [`TrainError::InvalidLabel`] if the labels are not valid for the loss.
    fn size(&self, batch: &Self::Batch) -> Result<BatchCounts, TrainError>;

    /// Returns the sum of the batch's losses divided by `step.weight`, a tensor of one value. `step`
    /// is the sum of the sizes of all batches of the optimizer step, so that accumulated batches
    /// have the gradient of one large batch.
    ///
    /// # Errors
    /// - [`TrainError::Model`] if the batch does not fit the model.
    fn loss(
        &self,
        model: &Self::Model,
        batch: &Self::Batch,
        step: &BatchCounts,
        dropout: DropoutStream,
    ) -> Result<Tensor<1>, TrainError>;

    /// Checks that the model fits the data, and that the settings fit the task (default: no check).
    ///
    /// # Errors
    /// - [`TrainError::InvalidSetting`] if they do not fit.
    fn check(&self, _model: &Self::Model, _config: &TrainConfig) -> Result<(), TrainError> {
        Ok(())
    }

    /// Returns the model computing in a precision (default: the model unchanged).
    fn in_precision(&self, model: Self::Model, _precision: Precision) -> Self::Model {
        model
    }

    /// Returns the model with or without gradient checkpointing (default: the model unchanged).
    fn with_gradient_checkpointing(&self, model: Self::Model, _enabled: bool) -> Self::Model {
        model
    }

    /// Returns keys of the texts of each training row, equal for equal texts, for
    /// [`SamplingStrategy::NoDuplicates`](finetune_data::SamplingStrategy::NoDuplicates) (default:
    /// `None`, for a task whose rows are not compared with each other).
    ///
    /// # Errors
    /// - [`TrainError::Data`] if the data cannot be read.
    fn text_keys(&self) -> Result<Option<Vec<Vec<u64>>>, TrainError> {
        Ok(None)
    }

    /// Returns the indices of the examples that training rows come from (default: the rows). Rows
    /// and examples differ if a long text spans several rows.
    ///
    /// # Errors
    /// - [`TrainError::Data`] if the data cannot be read.
    fn examples(&self, rows: &[usize]) -> Result<Vec<usize>, TrainError> {
        Ok(rows.to_vec())
    }

    /// Returns the names and directions of the metrics of [`Self::evaluate`] (default: none, which
    /// stands for no validation rows).
    fn metrics(&self) -> Vec<(String, Better)> {
        Vec::new()
    }

    /// Evaluates the model on the validation rows (default: no scores).
    ///
    /// # Errors
    /// - [`TrainError::Data`] if the data cannot be read.
    /// - [`TrainError::Model`] if the data does not fit the model.
    /// - Any error of `callback`.
    fn evaluate(
        &self,
        _model: &Self::Model,
        _callback: &mut dyn Callback,
    ) -> Result<Scores, TrainError> {
        Ok(Scores::new())
    }

    /// Returns statistics of the data, for settings and report of a run (default: none).
    ///
    /// # Errors
    /// - [`TrainError::Data`] if the data cannot be read.
    fn data(&self) -> Result<Option<DataSection>, TrainError> {
        Ok(None)
    }

    /// Prepares a run before its first step: computes the activations of frozen layers (default:
    /// nothing).
    ///
    /// # Errors
    /// - [`TrainError::Activations`] if there is not enough memory for them.
    /// - Any error of `callback`.
    fn begin_run(
        &mut self,
        _model: &Self::Model,
        _callback: &mut dyn Callback,
    ) -> Result<Option<ActivationsSection>, TrainError> {
        Ok(None)
    }

    /// Fits what depends on the trained model, such as decision thresholds, before the model is tested
    /// and saved (default: nothing).
    ///
    /// # Errors
    /// - [`TrainError::Data`] if the data cannot be read.
    /// - [`TrainError::Model`] if the data does not fit the model.
    /// - Any error of `callback`.
    fn end_training(
        &mut self,
        _model: &Self::Model,
        _callback: &mut dyn Callback,
    ) -> Result<(), TrainError> {
        Ok(())
    }

    /// Saves a model with whatever is needed to load it (default: nothing is saved).
    ///
    /// # Errors
    /// - [`TrainError::Io`] or [`TrainError::Model`] if a file cannot be written.
    fn save(&self, _model: &Self::Model, _directory: &Path) -> Result<(), TrainError> {
        Ok(())
    }

    /// Predicts and scores the test rows (default: there are none).
    ///
    /// # Errors
    /// - [`TrainError::Data`] if the data cannot be read.
    /// - [`TrainError::Model`] if the data does not fit the model.
    /// - Any error of `callback`.
    fn test(
        &self,
        _model: &Self::Model,
        _callback: &mut dyn Callback,
    ) -> Result<Option<TestOutput>, TrainError> {
        Ok(None)
    }
}

/// Predictions for the test rows of a task, with their scores.
#[derive(Debug, Clone)]
pub struct TestOutput {
    /// Predictions, in the order of the rows; of a token classifier, one row per word.
    pub predictions: Predictions,
    /// Labels, in the order of the rows.
    pub labels: Labels,
    /// Class names, in the order of their ids; empty for regression.
    pub class_names: Vec<String>,
    /// Lines of `predictions.jsonl`, one per row.
    pub lines: Vec<Value>,
    /// Scores and error analysis.
    pub report: TestSection,
}

/// Checks that the model is on a device with autodiff.
fn check_autodiff(encoder: &Encoder) -> Result<(), TrainError> {
    match encoder.device().is_autodiff() {
        true => Ok(()),
        false => Err(TrainError::setting(
            "device of the model",
            "plain",
            "one with autodiff",
        )),
    }
}
