//! Labels of lists on their way to a device, padded to the longest list.

use burn::tensor::Tensor;
use finetune_ops::{Upload, UploadPart, Uploaded};

/// Labels of the lists of a batch, as parts of an [`Upload`].
#[derive(Debug, Clone)]
pub struct PackedRankingLists {
    shape: [usize; 2],
    labels: UploadPart,
    mask: UploadPart,
    /// Place of each document in the pairs of the batch; behind the end of a list, its first one.
    places: UploadPart,
}

/// Labels of the lists of a batch, on a device. Each list begins with its most relevant document.
#[derive(Debug, Clone)]
pub struct RankingLists {
    /// Label of each document, descending; 0 behind the end of a list, `[B, N]`.
    pub labels: Tensor<2>,
    /// 1 for each document, 0 behind the end of a list, `[B, N]`.
    pub mask: Tensor<2>,
}

impl PackedRankingLists {
    /// Adds the lists of a batch to an upload.
    ///
    /// # Shapes
    /// - `labels`: of all documents, list by list, in each list descending
    /// - `offsets`: 0, then the end of each list, `B + 1` values
    ///
    /// # Panics
    /// If there is no list, a list is empty, or the offsets are not those of the labels.
    ///
    /// ```
    /// use burn::tensor::{Device, Tensor};
    /// use finetune_ops::{Upload, read_floats};
    /// use finetune_train::PackedRankingLists;
    ///
    /// let (mut upload, device) = (Upload::default(), Device::flex());
    /// let packed = PackedRankingLists::new(&[2.0, 0.0, 1.0], &[0, 2, 3], &mut upload);
    /// let logits = Tensor::from_data([[0.5], [0.25], [3.0]], &device);
    /// let (scores, lists) = packed.unpack(logits, &upload.send(&device));
    /// assert_eq!(read_floats(scores), [0.5, 0.25, 3.0, 3.0]);
    /// assert_eq!(read_floats(lists.labels), [2.0, 0.0, 1.0, 0.0]);
    /// assert_eq!(read_floats(lists.mask), [1.0, 1.0, 1.0, 0.0]);
    /// ```
    pub fn new(labels: &[f32], offsets: &[usize], upload: &mut Upload) -> Self {
        let lists = || offsets.windows(2).map(|ends| ends[0]..ends[1]);
        let longest = lists().map(|list| list.len()).max().unwrap_or(0);
        let slots = lists().flat_map(|list| {
            let first = list.start;
            (first..first + longest).map(move |place| (list.contains(&place), place, first))
        });
        let slots: Vec<(bool, usize, usize)> = slots.collect();
        let label = |&(is_document, place, _): &(bool, usize, usize)| match is_document {
            true => labels[place],
            false => 0.0,
        };
        let place = |&(is_document, place, first): &(bool, usize, usize)| match is_document {
            true => place,
            false => first,
        };
        Self {
            shape: [offsets.len() - 1, longest],
            labels: upload.floats(slots.iter().map(label)),
            mask: upload.flags(slots.iter().map(|(is_document, _, _)| is_document)),
            places: upload.indices(slots.iter().map(place)),
        }
    }

    /// Returns the scores of the documents and the lists, from the upload that they were added to.
    ///
    /// # Shapes
    /// - `logits`: `[P, 1]`, of all documents, list by list
    /// - scores: `[B, N]`
    pub fn unpack(&self, logits: Tensor<2>, uploaded: &Uploaded) -> (Tensor<2>, RankingLists) {
        let [documents, _] = logits.dims();
        let scores = logits.reshape([documents]);
        let scores = scores.select(0, uploaded.indices(&self.places));
        let lists = RankingLists {
            labels: uploaded.floats(&self.labels).reshape(self.shape),
            mask: uploaded.floats(&self.mask).reshape(self.shape),
        };
        (scores.reshape(self.shape), lists)
    }
}
