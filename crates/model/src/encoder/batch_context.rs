//! Batch as the layers read it.

use finetune_ops::Sequences;

use super::Encoder;
use super::relative_positions::BatchDistances;
use super::rotary_angles::BatchAngles;

/// All that layers read of a batch apart from hidden states.
#[derive(Debug, Clone)]
pub(super) struct BatchContext {
    /// Which rows belong together.
    pub(super) sequences: Sequences,
    /// Angles of rotary positions.
    pub(super) angles: BatchAngles,
    /// Vectors of relative positions, if there are any.
    pub(super) distances: Option<BatchDistances>,
}

impl BatchContext {
    /// Returns the batch for the layer above. What all layers share is passed on from each to the next,
    /// as their gradients are added up in the order of this chain: in a layer that is computed again,
    /// too.
    pub(super) fn for_next_layer(self) -> Self {
        Self {
            distances: self.distances.map(BatchDistances::node),
            ..self
        }
    }

    /// Returns the batch on the same device without autodiff.
    pub(super) fn without_autodiff(&self) -> Self {
        Self {
            sequences: self.sequences.without_autodiff(),
            angles: self.angles.without_autodiff(),
            distances: self
                .distances
                .as_ref()
                .map(BatchDistances::without_autodiff),
        }
    }
}

impl Encoder {
    /// Returns a batch as the layers read it.
    pub(super) fn context(&self, sequences: &Sequences) -> BatchContext {
        BatchContext {
            angles: BatchAngles::new(&self.frequencies, sequences),
            distances: self
                .relative
                .as_ref()
                .map(|relative| relative.of_batch(sequences)),
            sequences: sequences.clone(),
        }
    }
}
