//! Serialization of the optimizer state for checkpoints, in burn's file format (burnpack).
//!
//! A tensor is named `PATH/state.FIELD`, such as
//! `encoder.layers.0.attention.query.weight/state.momentum.moment_1`. Paths are the same in every
//! process, and equal states give equal bytes.

use std::collections::BTreeSet;

use burn::optim::{StateSink, StateSource};
use burn::tensor::{Bytes, TensorData};
use burn_pack::{Reader, Writer};

use super::{Moved, Optimizer};
use crate::error::TrainError;

/// Metadata key of the algorithm.
const ALGORITHM: &str = "algorithm";

impl Optimizer {
    /// Serializes the state of all parameters that have been updated.
    ///
    /// # Errors
    /// - [`TrainError::OptimizerFile`] if the state is too large for the format.
    ///
    /// ```
    /// use burn::nn::LinearConfig;
    /// use burn::tensor::Device;
    /// use finetune_train::OptimizerConfig;
    ///
    /// let layer = LinearConfig::new(2, 2).init(&Device::flex().autodiff());
    /// let optimizer = OptimizerConfig::default().init(&layer);
    /// let bytes = optimizer.to_bytes()?;
    /// let again = OptimizerConfig::default().init(&layer).load_bytes(bytes.to_vec())?;
    /// assert_eq!(again.to_bytes()?[..], bytes[..]);
    /// # Ok::<(), finetune_train::TrainError>(())
    /// ```
    pub fn to_bytes(&self) -> Result<Bytes, TrainError> {
        let mut sink = StateSink::default();
        for moved in self.parameters.values() {
            if let Some(state) = &moved.state {
                moved
                    .rule
                    .state_flatten(&prefix(&moved.path), state, &mut sink);
            }
        }
        // The order of a hash map is random.
        sink.tensors
            .sort_by(|(left, _), (right, _)| left.cmp(right));
        let tensors = sink.tensors.into_iter().map(|(name, data)| {
            let (bytes, shape, dtype) = data.into_parts();
            burn_pack::Tensor::new(name, dtype, shape, None, bytes)
        });
        let mut writer = Writer::new(tensors.collect());
        for (name, value) in sink.scalars {
            writer = writer.with_scalar(&name, value);
        }
        let algorithm = self.algorithm_name()?;
        Ok(writer.with_metadata(ALGORITHM, &algorithm).into_bytes()?)
    }

    /// Replaces the state by that in `bytes`, as written by [`Self::to_bytes`].
    ///
    /// # Errors
    /// - [`TrainError::OptimizerFile`] if the bytes are corrupted or incomplete.
    /// - [`TrainError::OptimizerState`] if they belong to another algorithm or another model.
    pub fn load_bytes(mut self, bytes: Vec<u8>) -> Result<Self, TrainError> {
        let reader = Reader::from_bytes(Bytes::from_bytes_vec(bytes))?;
        let found = reader.metadata().get(ALGORITHM).cloned();
        let (found, expected) = (found.unwrap_or_default(), self.algorithm_name()?);
        if found != expected {
            return Err(TrainError::state(ALGORITHM, found, expected));
        }
        let scalars = reader.scalars().clone();
        let mut paths: BTreeSet<String> = scalars.keys().map(|name| path_of(name)).collect();
        let mut source = StateSource::new(scalars);
        for tensor in reader.into_tensors()? {
            let (name, dtype, shape, _, bytes) = tensor.into_parts()?;
            let path = path_of(&name);
            let moved = self.at(&path)?;
            let found = format!("{dtype:?} of {:?}", shape.as_slice());
            let expected = format!("{:?} for {:?}", moved.dtype, moved.shape);
            if dtype != moved.dtype || !self.algorithm.keeps(shape.as_slice(), &moved.shape) {
                return Err(TrainError::state(name, found, expected));
            }
            source.insert_tensor(name, TensorData::from_bytes(bytes, shape, dtype));
            paths.insert(path);
        }
        for moved in self.parameters.values_mut() {
            moved.state = None;
            if !paths.remove(&moved.path) {
                continue;
            }
            let (rank, prefix) = (moved.shape.len(), prefix(&moved.path));
            let state = moved
                .rule
                .state_unflatten(rank, &prefix, &mut source, &moved.device);
            let incomplete = || TrainError::state(&moved.path, "incomplete", "all of its state");
            moved.state = Some(state.ok_or_else(incomplete)?);
        }
        match paths.pop_first() {
            Some(path) => Err(TrainError::state(path, "unknown", PARAMETER)),
            None => Ok(self),
        }
    }

    fn at(&self, path: &str) -> Result<&Moved, TrainError> {
        self.at_path(path)
            .ok_or_else(|| TrainError::state(path, "unknown", PARAMETER))
    }

    fn algorithm_name(&self) -> Result<String, TrainError> {
        serde_json::to_string(&self.algorithm)
            .map_err(|error| TrainError::setting("algorithm", error, "one that JSON can hold"))
    }
}

/// Expectation named in errors about unknown state.
const PARAMETER: &str = "a parameter of the model";

/// No path has a slash: it is made of the names of fields.
pub(super) fn prefix(path: &str) -> String {
    format!("{path}/state")
}

fn path_of(name: &str) -> String {
    let path = name.split_once('/').map_or(name, |(path, _)| path);
    path.to_string()
}
