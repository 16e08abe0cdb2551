//! The state of callbacks, as checkpoints keep it.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::error::TrainError;

/// The state of the callbacks of a run, by their names.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CallbackStates(BTreeMap<String, Value>);

impl CallbackStates {
    /// Adds the state of a callback.
    ///
    /// # Errors
    /// - [`TrainError::CallbackState`] if there is one of that name.
    pub fn insert(&mut self, name: String, state: Value) -> Result<(), TrainError> {
        if self.0.contains_key(&name) {
            return Err(TrainError::CallbackState {
                name,
                problem: "two of this name keep state; Callback::name must tell them apart".into(),
            });
        }
        self.0.insert(name, state);
        Ok(())
    }

    /// Takes the state of a callback out, if there is any.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns all states as JSON, which holds every number to the last bit.
    pub(crate) fn to_json(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec_pretty(&self.0)
    }

    pub(crate) fn from_json(json: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(json).map(Self)
    }

    /// # Errors
    /// - [`TrainError::CallbackState`] for a state that no callback has taken out.
    pub(crate) fn check_taken(mut self, checkpoint: &Path) -> Result<(), TrainError> {
        match self.0.pop_first() {
            Some((name, _)) => Err(TrainError::CallbackState {
                name,
                problem: format!("{} has its state, but not the run", checkpoint.display()),
            }),
            None => Ok(()),
        }
    }
}
