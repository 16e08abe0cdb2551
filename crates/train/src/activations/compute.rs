//! Computation of the activations: one forward pass through the frozen layers.

use std::fs;
use std::path::Path;

use burn::module::Module;
use finetune_data::{BatchSize, EncodedDataset, EncodedTexts, collate_texts, sorted_by_length};
use finetune_model::{Activations, SequenceClassifier, SplitPoint};
use finetune_ops::read_floats;
use finetune_predict::encoder_input;
use finetune_storage::{Array, ArrayFileWriter};
use half::f16;

use super::cache_plan::texts_of;
use super::cached::CachedActivations;
use super::element::{Kept, Numbers, keep, room};
use super::file::{NUMBERS, STARTS, Wanted};
use super::{ActivationPlan, CacheDtype, CacheLocation};
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
        let (numbers, starts) = match self.precision {
            CacheDtype::F32 => pass.run::<f32>(callback)?,
            CacheDtype::F16 => pass.run::<f16>(callback)?,
        };
        let mut lengths = Vec::with_capacity(self.rows * self.texts);
        for texts in texts_of(data) {
            lengths.extend(pass.vectors(texts)?);
        }
        Ok(CachedActivations {
            split_point: self.split_point,
            width: model.width_at(self.split_point),
            rows: self.rows,
            lengths,
            starts,
            numbers,
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

/// All values, and the offset of each row's values.
type Found = (Numbers, Array<u64>);

impl Pass<'_> {
    fn run<T: Kept>(&self, callback: &mut dyn Callback) -> Result<Found, TrainError> {
        match &self.plan.place {
            CacheLocation::Disk(directory) => self.in_file::<T>(directory, callback),
            CacheLocation::Off | CacheLocation::Memory => self.in_memory::<T>(callback),
        }
    }

    fn in_memory<T: Kept>(&self, callback: &mut dyn Callback) -> Result<Found, TrainError> {
        self.announce(false, callback)?;
        let mut all = room::<T>(self.plan.num_values)?;
        let starts = self.fill(callback, |numbers: &[T]| {
            all.extend_from_slice(numbers);
            Ok(())
        })?;
        Ok((T::numbers(all.into()), starts.into()))
    }

    fn in_file<T: Kept>(
        &self,
        directory: &Path,
        callback: &mut dyn Callback,
    ) -> Result<Found, TrainError> {
        let wanted = Wanted::new(directory, self.plan, self.model, self.data)?;
        if let Some(found) = wanted.find::<T>()? {
            self.announce(true, callback)?;
            return Ok(found);
        }
        fs::create_dir_all(directory).map_err(TrainError::io(directory))?;
        let mut writer = ArrayFileWriter::create(&wanted.path)?;
        // Another run may have written the file while this one waited.
        if let Some(found) = wanted.find::<T>()? {
            self.announce(true, callback)?;
            return Ok(found);
        }
        self.announce(false, callback)?;
        let array = writer.array::<T>(NUMBERS)?;
        let starts = self.fill(callback, |numbers| Ok(writer.write(&array, numbers)?))?;
        let array = writer.array::<u64>(STARTS)?;
        writer.write(&array, &starts)?;
        writer.finish(&wanted.key)?;
        Ok(wanted.open::<T>()?)
    }

    fn announce(&self, reused: bool, callback: &mut dyn Callback) -> Result<(), TrainError> {
        callback.on_event(&Event::Activations(ActivationsRecord {
            rows: self.plan.rows,
            bytes: self.plan.bytes(),
            reused,
        }))
    }

    /// Passes the values of one row after the other to `take`, longest rows first; returns the
    /// offset of each row's values.
    fn fill<T: Kept>(
        &self,
        callback: &mut dyn Callback,
        mut take: impl FnMut(&[T]) -> Result<(), TrainError>,
    ) -> Result<Vec<u64>, TrainError> {
        let mut passes = Vec::new();
        for texts in texts_of(self.data) {
            passes.push((texts, sorted_by_length(&texts.lengths()?, self.batch_size)?));
        }
        let batches = passes.iter().map(|(_, batches)| batches.len()).sum();
        callback.on_event(&Event::phase_begin(Phase::Activations, batches))?;
        let width = self.model.width_at(self.plan.split_point);
        let mut starts = vec![0; self.plan.rows * self.plan.texts];
        let (mut taken, mut kept) = (0, Vec::new());
        for (text, (texts, batches)) in passes.into_iter().enumerate() {
            let vectors = self.vectors(texts)?;
            for rows in batches {
                let advanced = Event::BatchSubmitted { rows: rows.len() };
                let values = self.of_batch(texts, &rows)?;
                let mut rest = values.as_slice();
                for row in rows {
                    let (own, others) = rest.split_at(vectors[row] * width);
                    rest = others;
                    keep::<T>(row, own.iter().copied(), &mut kept)?;
                    take(&kept)?;
                    starts[text * self.plan.rows + row] = taken;
                    taken += kept.len() as u64;
                }
                callback.on_event(&advanced)?;
            }
        }
        callback.on_event(&Event::PhaseEnd(Phase::Activations))?;
        Ok(starts)
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
