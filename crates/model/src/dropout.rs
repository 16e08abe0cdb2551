//! Where dropout happens in a network, and the addresses of its masks.

use burn::tensor::Tensor;
use finetune_ops::Dropout;
use finetune_random::{Purpose, number};

use crate::LoraTarget;

/// The dropout of one training step.
///
/// A mask depends on the run's seed, the step and the place in the network alone. The network has
/// stages: 0 is the embeddings, `i + 1` is layer `i`, and the head is above them all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DropoutStream {
    seed: u64,
    step: u64,
    first_stage: usize,
}

/// The dropout of one stage of one step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DropoutStage {
    stream: DropoutStream,
    stage: usize,
}

/// Places in a stage: no stage but the head, which is the last, has more.
const SITES: usize = 4;

/// Adapters in a stage.
const ADAPTERS: usize = LoraTarget::ALL.len();

/// The stage of the head: no encoder has so many layers.
const HEAD: usize = 1 << 16;

impl DropoutStream {
    /// The masks of a step; `step` counts forward passes, so that accumulated batches differ too.
    pub fn new(seed: u64, step: u64) -> Self {
        Self {
            seed,
            step,
            first_stage: 0,
        }
    }

    /// The masks of one of several batches of a step, counted from 0: those of the first are the same
    /// whether others follow or not.
    pub fn in_batch(self, batch: u64) -> Self {
        Self {
            step: self.step | batch << 40,
            ..self
        }
    }

    /// Switches dropout off below a stage: a frozen part then computes the same in every step.
    pub fn from_stage(self, first_stage: usize) -> Self {
        Self {
            first_stage,
            ..self
        }
    }

    /// The lowest stage with dropout.
    pub(crate) fn first_stage(self) -> usize {
        self.first_stage
    }

    /// The stage of the head, which is never frozen.
    pub(crate) fn head(self) -> DropoutStage {
        self.stage(HEAD)
    }

    pub(crate) fn stage(self, stage: usize) -> DropoutStage {
        DropoutStage {
            stream: self,
            stage,
        }
    }
}

impl DropoutStage {
    /// What to drop at a place of this stage, or nothing.
    pub(crate) fn at(self, probability: f64, site: usize) -> Option<Dropout> {
        self.at_address(probability, (self.stage * SITES + site) as u64)
    }

    /// What to drop before an adapter of this stage, or nothing. The masks beside it stay as they
    /// are without adapters.
    pub(crate) fn in_adapter(self, probability: f64, adapter: usize) -> Option<Dropout> {
        let place = (self.stage * ADAPTERS + adapter) as u64;
        self.at_address(probability, 1 << 33 | place)
    }

    fn at_address(self, probability: f64, address: u64) -> Option<Dropout> {
        let DropoutStream {
            seed,
            step,
            first_stage,
        } = self.stream;
        if self.stage < first_stage || probability == 0.0 {
            return None;
        }
        Some(Dropout {
            probability,
            key: number(seed, Purpose::Dropout, step, address),
        })
    }
}

/// Drops from `x` at a place of a stage; without a stage, or in a frozen one, not at all.
pub(crate) fn apply(
    x: Tensor<2>,
    probability: f64,
    stage: Option<DropoutStage>,
    site: usize,
) -> Tensor<2> {
    match stage.and_then(|stage| stage.at(probability, site)) {
        Some(dropout) => finetune_ops::dropout(x, dropout),
        None => x,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_and_step_has_its_own_mask() {
        let mut keys = Vec::new();
        for step in 0..3 {
            for stage in 0..3 {
                for site in 0..SITES {
                    let stream = DropoutStream::new(1, step);
                    keys.push(stream.stage(stage).at(0.1, site).unwrap().key);
                }
                for target in LoraTarget::ALL {
                    let stream = DropoutStream::new(1, step);
                    let dropout = stream.stage(stage).in_adapter(0.1, target as usize);
                    keys.push(dropout.unwrap().key);
                }
            }
        }
        let all = keys.len();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), all);
    }

    #[test]
    fn frozen_stages_drop_nothing() {
        let stream = DropoutStream::new(1, 0).from_stage(2);
        assert!(stream.stage(1).at(0.1, 0).is_none());
        assert!(stream.stage(2).at(0.1, 0).is_some());
        assert!(stream.stage(2).at(0.0, 0).is_none());
    }
}
