//! What can be looked at of an optimizer, such as by a callback.

use std::collections::BTreeMap;

use burn::optim::StateSink;
use burn::tensor::TensorData;

use super::record::prefix;
use super::{Algorithm, Moved, Optimizer};

impl Optimizer {
    /// Returns the algorithm.
    pub fn algorithm(&self) -> &Algorithm {
        &self.algorithm
    }

    /// Returns the learning rate of the parameter at `path`, before the schedule's factor; `None`
    /// for no parameter of the model.
    pub fn learning_rate_of(&self, path: &str) -> Option<f64> {
        self.at_path(path).map(|moved| moved.learning_rate)
    }

    /// Returns the state of the parameter at `path`, such as `momentum.moment_1` of AdamW, read
    /// from the device; empty before its first gradient, and for rules that remember nothing.
    pub fn state_of(&self, path: &str) -> BTreeMap<String, TensorData> {
        let mut sink = StateSink::default();
        let prefix = prefix(path);
        if let Some(moved) = self.at_path(path)
            && let Some(state) = &moved.state
        {
            moved.rule.state_flatten(&prefix, state, &mut sink);
        }
        let named = |(name, data): (String, TensorData)| {
            let name = name.strip_prefix(&prefix).unwrap_or(&name);
            (name.trim_start_matches('.').to_string(), data)
        };
        sink.tensors.into_iter().map(named).collect()
    }

    pub(super) fn at_path(&self, path: &str) -> Option<&Moved> {
        self.parameters.values().find(|moved| moved.path == path)
    }
}
