//! Classes of tokens on their way to a device, and the places that a conditional random field reads.

use burn::tensor::{Int, Tensor};
use finetune_ops::{Upload, UploadPart, Uploaded};

use super::Crf;
use super::crf::FORBIDDEN;
use crate::error::ModelError;

/// Classes of the tokens of a batch, as parts of an [`Upload`].
#[derive(Debug, Clone)]
pub struct PackedTagTargets {
    labels: UploadPart,
    /// Tokens sorted by their place in their sequence; within a place, by descending length of the
    /// sequence.
    by_step: UploadPart,
    /// Number of sequences that have a token at each place, descending.
    steps: Vec<usize>,
    first: UploadPart,
    last: UploadPart,
    /// Pairs of neighbors as positions in a matrix `[C, C]`; `None` without any.
    pairs: Option<UploadPart>,
    /// Penalties of the first, the last and the pairs of classes.
    penalties: [UploadPart; 3],
}

/// Classes of the tokens of a batch, on a device.
#[derive(Debug, Clone)]
pub struct TagTargets {
    /// `[N]`.
    pub(super) labels: Tensor<1, Int>,
    /// `[N]`.
    pub(super) by_step: Tensor<1, Int>,
    pub(super) steps: Vec<usize>,
    /// Classes of the first token of each sequence, `[B]`.
    pub(super) first: Tensor<1, Int>,
    /// Classes of the last token of each sequence, `[B]`.
    pub(super) last: Tensor<1, Int>,
    pub(super) pairs: Option<Tensor<1, Int>>,
    /// Penalties of the first and the last class, `[C]`, and of each class behind another, `[C * C]`.
    pub(super) penalties: [Tensor<1>; 3],
}

impl PackedTagTargets {
    /// Adds the classes of the tokens of a batch to an upload, and what the field forbids. Sequences may
    /// be empty, but not all.
    ///
    /// # Shapes
    /// - `labels`: `N` classes, sequence by sequence
    /// - `offsets`: 0, then the end of each sequence, `B + 1` values
    ///
    /// # Errors
    /// - [`ModelError::InvalidShape`] if the offsets do not ascend to `N`, or a label is none of the
    ///   field's classes, or there is no label.
    pub fn new(
        crf: &Crf,
        labels: &[usize],
        offsets: &[usize],
        upload: &mut Upload,
    ) -> Result<Self, ModelError> {
        let classes = crf.allowed.num_classes();
        let ascending = offsets.first() == Some(&0) && offsets.is_sorted();
        if !ascending || offsets.last() != Some(&labels.len()) {
            let expected = format!("offsets of {} labels", labels.len());
            return Err(ModelError::batch_shape(
                "sequences",
                expected,
                offsets.len(),
            ));
        }
        if let Some(label) = labels.iter().find(|label| **label >= classes) {
            let expected = format!("classes below {classes}");
            return Err(ModelError::batch_shape("labels", expected, *label));
        }
        let mut sequences: Vec<_> = offsets.windows(2).map(|ends| ends[0]..ends[1]).collect();
        sequences.retain(|tokens| !tokens.is_empty());
        sequences.sort_by_key(|tokens| std::cmp::Reverse(tokens.len()));
        let Some(longest) = sequences.first().map(|tokens| tokens.len()) else {
            return Err(ModelError::batch_shape("labels", "at least 1", 0));
        };
        let at = |step: usize| {
            let longer = sequences
                .iter()
                .take_while(move |tokens| tokens.len() > step);
            longer.map(move |tokens| tokens.start + step)
        };
        let pairs = sequences.iter().flat_map(|tokens| {
            let pairs = labels[tokens.clone()].windows(2);
            pairs.map(|pair| pair[0] * classes + pair[1])
        });
        let pairs: Vec<usize> = pairs.collect();
        let first = sequences.iter().map(|tokens| labels[tokens.start]);
        let last = sequences.iter().map(|tokens| labels[tokens.end - 1]);
        Ok(Self {
            labels: upload.indices(labels.iter().copied()),
            by_step: upload.indices((0..longest).flat_map(at)),
            steps: (0..longest).map(|step| at(step).count()).collect(),
            first: upload.indices(first),
            last: upload.indices(last),
            pairs: (!pairs.is_empty()).then(|| upload.indices(pairs)),
            penalties: crf.allowed.penalties(FORBIDDEN).map(|penalties| {
                upload.floats(penalties.into_iter().map(|penalty| penalty as f32))
            }),
        })
    }

    /// Returns the targets, from the upload that they were added to.
    pub fn unpack(&self, uploaded: &Uploaded) -> TagTargets {
        TagTargets {
            labels: uploaded.indices(&self.labels),
            by_step: uploaded.indices(&self.by_step),
            steps: self.steps.clone(),
            first: uploaded.indices(&self.first),
            last: uploaded.indices(&self.last),
            pairs: self.pairs.as_ref().map(|part| uploaded.indices(part)),
            penalties: self.penalties.each_ref().map(|part| uploaded.floats(part)),
        }
    }
}
