//! Type-erased objectives, so that the training loop needs no type parameter and is compiled once.

use std::any::Any;

use burn::tensor::Tensor;
use finetune_eval::Better;
use finetune_model::{AnyModule, DropoutStream};

use crate::callback::Callback;
use crate::error::TrainError;
use crate::evaluation::Evaluation;
use crate::mixing::MixingConfig;
use crate::objective::{BatchCounts, BatchIndices, Objective};

/// What the training loop calls of an [`Objective`], whose model and batches are of its types.
pub(crate) trait AnyObjective {
    fn tasks(&self) -> Vec<String>;
    fn trains(&self, task: usize) -> bool;
    fn mixing(&self) -> MixingConfig;
    fn task_of(&self, path: &str) -> Option<usize>;
    fn lengths(&self) -> Result<Vec<Vec<usize>>, TrainError>;
    fn text_keys(&self, task: usize) -> Result<Option<Vec<Vec<u64>>>, TrainError>;
    fn examples(&self, part: &BatchIndices) -> Result<Vec<usize>, TrainError>;
    fn batch(&self, part: &BatchIndices) -> Result<Box<dyn Any>, TrainError>;
    fn size(&self, batch: &dyn Any) -> Result<BatchCounts, TrainError>;
    fn loss(
        &self,
        model: &AnyModule,
        batch: &dyn Any,
        step: &BatchCounts,
        dropout: DropoutStream,
    ) -> Result<Tensor<1>, TrainError>;
    fn metrics(&self) -> Vec<(String, Better)>;
    fn evaluate(
        &self,
        model: &AnyModule,
        callback: &mut dyn Callback,
    ) -> Result<Evaluation, TrainError>;
}

impl<O: Objective> AnyObjective for O {
    fn tasks(&self) -> Vec<String> {
        Objective::tasks(self)
    }

    fn trains(&self, task: usize) -> bool {
        Objective::trains(self, task)
    }

    fn mixing(&self) -> MixingConfig {
        Objective::mixing(self)
    }

    fn task_of(&self, path: &str) -> Option<usize> {
        Objective::task_of(self, path)
    }

    fn lengths(&self) -> Result<Vec<Vec<usize>>, TrainError> {
        Objective::lengths(self)
    }

    fn text_keys(&self, task: usize) -> Result<Option<Vec<Vec<u64>>>, TrainError> {
        Objective::text_keys(self, task)
    }

    fn examples(&self, part: &BatchIndices) -> Result<Vec<usize>, TrainError> {
        Objective::examples(self, part)
    }

    fn batch(&self, part: &BatchIndices) -> Result<Box<dyn Any>, TrainError> {
        Ok(Box::new(Objective::batch(self, part)?))
    }

    fn size(&self, batch: &dyn Any) -> Result<BatchCounts, TrainError> {
        Objective::size(self, of_type(batch))
    }

    fn loss(
        &self,
        model: &AnyModule,
        batch: &dyn Any,
        step: &BatchCounts,
        dropout: DropoutStream,
    ) -> Result<Tensor<1>, TrainError> {
        Objective::loss(self, model_of(model), of_type(batch), step, dropout)
    }

    fn metrics(&self) -> Vec<(String, Better)> {
        Objective::metrics(self)
    }

    fn evaluate(
        &self,
        model: &AnyModule,
        callback: &mut dyn Callback,
    ) -> Result<Evaluation, TrainError> {
        Objective::evaluate(self, model_of(model), callback)
    }
}

/// Returns the model of an objective as the type that it was before [`AnyModule::new`].
pub(crate) fn model_of<M: 'static>(model: &AnyModule) -> &M {
    of_type(model.as_any())
}

/// Returns the model of an objective itself, like [`model_of`].
pub(crate) fn into_model<M: 'static>(model: AnyModule) -> M {
    match model.downcast() {
        Some(model) => model,
        None => unreachable!("{OTHER_TYPE}"),
    }
}

fn of_type<T: 'static>(value: &dyn Any) -> &T {
    match value.downcast_ref() {
        Some(value) => value,
        None => unreachable!("{OTHER_TYPE}"),
    }
}

const OTHER_TYPE: &str = "the loop gives an objective its own model and batches";
