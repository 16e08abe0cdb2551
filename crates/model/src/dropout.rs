//! Dropout positions in a network and the random keys of their masks.

use burn::tensor::Tensor;
use finetune_ops::Dropout;
use finetune_random::{Purpose, number};

use crate::adapters::LoraTarget;

/// Dropout of one training step.
///
/// A mask depends only on the seed, the step and the position in the network. The network has
/// stages: the embeddings are stage 0, layer `i` is stage `i + 1`, and the head is above them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DropoutStream {
    seed: u64,
    step: u64,
    first_stage: usize,
}

/// Dropout of one stage in one step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DropoutStage {
    stream: DropoutStream,
    stage: usize,
}

/// Positions in a stage: no stage but the head, which is the last, has more.
const SITES: usize = 4;

/// Number of adapters in a stage.
const ADAPTERS: usize = LoraTarget::ALL.len();

/// Stage of the head; no encoder has that many layers.
const HEAD: usize = 1 << 16;

impl DropoutStream {
    /// Creates the dropout of a step; accumulated batches need different masks, see
    /// [`Self::in_batch`].
    pub fn new(seed: u64, step: u64) -> Self {
        Self {
            seed,
            step,
            first_stage: 0,
        }
    }

    /// Returns the dropout of one batch of a step, counted from 0. The masks of the first batch do
    /// not depend on whether others follow.
    pub fn in_batch(self, batch: u64) -> Self {
        Self {
            step: self.step | batch << 40,
            ..self
        }
    }

    /// Returns the dropout of one chunk of a batch, counted from 0, if a batch is computed in chunks.
    /// The masks of the first chunk are those of a batch of one chunk.
    pub fn in_chunk(self, chunk: u64) -> Self {
        match chunk {
            0 => self,
            _ => Self {
                seed: number(self.seed, Purpose::Dropout, u64::MAX, chunk),
                ..self
            },
        }
    }

    /// Disables dropout below a stage, so that a frozen part computes the same in every step.
    pub fn from_stage(self, first_stage: usize) -> Self {
        Self {
            first_stage,
            ..self
        }
    }

    /// Returns the lowest stage with dropout.
    pub(crate) fn first_stage(self) -> usize {
        self.first_stage
    }

    /// Returns the stage of the head, which is never frozen.
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
    /// Returns the dropout at a position of this stage; `None` if it is disabled.
    pub(crate) fn at(self, probability: f64, site: usize) -> Option<Dropout> {
        self.with_key(probability, (self.stage * SITES + site) as u64)
    }

    /// Returns the dropout of an adapter's input in this stage; `None` if it is disabled. Adapters
    /// do not change the other masks.
    pub(crate) fn in_adapter(self, probability: f64, adapter: usize) -> Option<Dropout> {
        let position = (self.stage * ADAPTERS + adapter) as u64;
        self.with_key(probability, 1 << 33 | position)
    }

    fn with_key(self, probability: f64, position: u64) -> Option<Dropout> {
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
            key: number(seed, Purpose::Dropout, step, position),
        })
    }
}

/// Applies dropout at a position of a stage; does nothing without a stage or in a frozen one.
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
    fn every_chunk_has_its_own_mask() {
        let key = |chunk| DropoutStream::new(1, 5).in_chunk(chunk).stage(1).at(0.1, 0);
        let mut keys: Vec<_> = (0..100).map(|chunk| key(chunk).unwrap().key).collect();
        let whole = DropoutStream::new(1, 5).stage(1).at(0.1, 0).unwrap().key;
        assert_eq!(keys[0], whole);
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), 100);
    }

    #[test]
    fn frozen_stages_drop_nothing() {
        let stream = DropoutStream::new(1, 0).from_stage(2);
        assert!(stream.stage(1).at(0.1, 0).is_none());
        assert!(stream.stage(2).at(0.1, 0).is_some());
        assert!(stream.stage(2).at(0.0, 0).is_none());
    }
}
