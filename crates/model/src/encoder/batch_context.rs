//! Batch as the layers read it.

use finetune_ops::Sequences;

use super::Encoder;
use super::rotary_angles::BatchAngles;

/// All that layers read of a batch apart from hidden states.
#[derive(Debug, Clone)]
pub(super) struct BatchContext {
    /// Which rows belong together.
    pub(super) sequences: Sequences,
    /// Angles of rotary positions.
    pub(super) angles: BatchAngles,
}

impl BatchContext {
    /// Returns the batch on the same device without autodiff.
    pub(super) fn without_autodiff(&self) -> Self {
        Self {
            sequences: self.sequences.without_autodiff(),
            angles: self.angles.without_autodiff(),
        }
    }
}

impl Encoder {
    /// Returns a batch as the layers read it.
    pub(super) fn context(&self, sequences: &Sequences) -> BatchContext {
        let positions = self.embeddings.positions();
        BatchContext {
            angles: BatchAngles::new(positions, self.head_width, sequences),
            sequences: sequences.clone(),
        }
    }
}
