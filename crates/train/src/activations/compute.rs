//! Computation of the activations: one forward pass through the frozen layers.

use std::cell::RefCell;

use burn::module::Module;
use finetune_data::{BatchSize, EncodedDataset, EncodedTexts, collate_texts, sorted_by_length};
use finetune_model::{Activations, SequenceClassifier, SplitPoint};
use finetune_ops::read_floats;
use finetune_predict::encoder_input;

use super::ActivationPlan;
use super::cache_plan::texts_of;
use super::cached::CachedActivations;
use super::file::store_file;
use super::row_store::{RowStore, TakeRow};
use crate::callback::{ActivationsRecord, Callback, Event, Phase};
use crate::error::TrainError;

impl ActivationPlan {
    /// Computes the activations, or opens the file of an earlier run. `observer` receives their
    /// size before the computation starts.
    ///
    /// `model` and `data` must be those of the plan; `batch_size` is that of evaluation. An
    /// interrupted run leaves no file. Runs that need the same file wait for each other.
    ///
    /// # Errors
    /// - [`TrainError::Activations`] if an activation is NaN, infinite or too large for the
    ///   precision.
    /// - [`TrainError::Activations`] if there is not enough memory.
    /// - [`TrainError::Io`] or [`TrainError::Storage`] if the directory or file cannot be read or
    ///   written.
    /// - [`TrainError::Data`] if `batch_size` is 0.
    /// - [`TrainError::Model`] if a token id is outside the model's vocabulary.
    /// - Any error that `observer` returns.
    pub fn compute(
        &self,
        model: &SequenceClassifier,
        data: &EncodedDataset,
        batch_size: BatchSize,
        callback: &mut dyn Callback,
    ) -> Result<CachedActivations, TrainError> {
        let pass = Pass {
            plan: self,
            model: &model.valid(),
            data,
            batch_size,
        };
        let store = RowStore {
            location: &self.place,
            dtype: self.precision,
            rows: self.rows,
            texts: self.texts,
            num_values: self.num_values,
        };
        let callback = RefCell::new(callback);
        let stored = store.get(
            |directory| store_file(directory, self, pass.model, data),
            |reused| pass.announce(reused, *callback.borrow_mut()),
            |take| pass.fill(*callback.borrow_mut(), take),
        )?;
        let mut lengths = Vec::with_capacity(self.rows * self.texts);
        for texts in texts_of(data) {
            lengths.extend(pass.vectors(texts)?);
        }
        Ok(CachedActivations {
            split_point: self.split_point,
            width: model.width_at(self.split_point),
            rows: self.rows,
            lengths,
            stored,
        })
    }
}

/// Inputs of the forward pass.
struct Pass<'a> {
    plan: &'a ActivationPlan,
    model: &'a SequenceClassifier,
    data: &'a EncodedDataset,
    batch_size: BatchSize,
}

impl Pass<'_> {
    fn announce(&self, reused: bool, callback: &mut dyn Callback) -> Result<(), TrainError> {
        callback.on_event(&Event::Activations(ActivationsRecord {
            rows: self.plan.rows,
            bytes: self.plan.bytes(),
            reused,
        }))
    }

    /// Passes the values of one row after the other to `take`, longest rows first.
    fn fill(&self, callback: &mut dyn Callback, take: TakeRow) -> Result<(), TrainError> {
        let mut passes = Vec::new();
        for texts in texts_of(self.data) {
            passes.push((texts, sorted_by_length(&texts.lengths()?, self.batch_size)?));
        }
        let batches = passes.iter().map(|(_, batches)| batches.len()).sum();
        callback.on_event(&Event::phase_begin(Phase::Activations, batches))?;
        let width = self.model.width_at(self.plan.split_point);
        for (text, (texts, batches)) in passes.into_iter().enumerate() {
            let vectors = self.vectors(texts)?;
            for rows in batches {
                let advanced = Event::BatchSubmitted { rows: rows.len() };
                let values = self.of_batch(texts, &rows)?;
                let mut rest = values.as_slice();
                for row in rows {
                    let (own, others) = rest.split_at(vectors[row] * width);
                    rest = others;
                    take(text * self.plan.rows + row, own)?;
                }
                callback.on_event(&advanced)?;
            }
        }
        callback.on_event(&Event::PhaseEnd(Phase::Activations))
    }

    /// Returns the activations of some texts on the host, text by text.
    fn of_batch(&self, texts: &EncodedTexts, rows: &[usize]) -> Result<Vec<f32>, TrainError> {
        let tokens = collate_texts(texts, rows)?;
        let input = encoder_input(&self.model.encoder, &tokens)?;
        let values = match self
            .model
            .forward_lower(&input, self.plan.split_point, None)?
        {
            Activations::HiddenStates { rows, .. } => rows,
            Activations::Pooled(rows) => rows,
        };
        Ok(read_floats(values))
    }

    /// Returns the number of cached vectors of each text.
    fn vectors(&self, texts: &EncodedTexts) -> Result<Vec<usize>, TrainError> {
        match self.plan.split_point {
            SplitPoint::HiddenStates(_) => Ok(texts.lengths()?),
            SplitPoint::Pooled => Ok(vec![1; texts.len()]),
        }
    }
}
