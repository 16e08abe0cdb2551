//! Reading of several tensors at once, each of which by itself would wait for the device.

use burn::tensor::Tensor;

use crate::transfer::read_floats;

/// Reads several tensors at once.
pub fn read_together(tensors: Vec<Tensor<1>>) -> Vec<Vec<f32>> {
    let lengths: Vec<usize> = tensors.iter().map(|tensor| tensor.dims()[0]).collect();
    if tensors.is_empty() {
        return Vec::new();
    }
    let values = read_floats(Tensor::cat(tensors, 0));
    let mut rest = &values[..];
    let tensors = lengths.into_iter().map(|length| {
        let (values, after) = rest.split_at(length);
        rest = after;
        values.to_vec()
    });
    tensors.collect()
}

/// Number of tensors that a [`ReadQueue`] holds: the batches of an evaluation whose results are read
/// together.
pub const TENSORS_PER_READ: usize = 16;

/// Number of values after which a [`ReadQueue`] is full before it has [`TENSORS_PER_READ`] tensors:
/// 16 MiB.
const VALUES_PER_READ: usize = 1 << 22;

/// Results that stay on the device until several can be read at once, each with a tag.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use finetune_ops::ReadQueue;
///
/// let mut queue = ReadQueue::default();
/// for batch in ["first", "second"] {
///     queue.push(batch, Tensor::<2>::ones([1, 2], &Device::flex()));
/// }
/// assert!(!queue.is_full());
/// assert_eq!(queue.read(), [("first", vec![1.0, 1.0]), ("second", vec![1.0, 1.0])]);
/// ```
#[derive(Debug)]
pub struct ReadQueue<T> {
    tags: Vec<T>,
    tensors: Vec<Tensor<1>>,
    values: usize,
}

impl<T> Default for ReadQueue<T> {
    fn default() -> Self {
        Self {
            tags: Vec::new(),
            tensors: Vec::new(),
            values: 0,
        }
    }
}

impl<T> ReadQueue<T> {
    /// Adds a tensor.
    pub fn push<const D: usize>(&mut self, tag: T, tensor: Tensor<D>) {
        let length = tensor.shape().num_elements();
        self.tags.push(tag);
        self.tensors.push(tensor.reshape([length]));
        self.values += length;
    }

    /// Returns whether the tensors should be read before more are added.
    pub fn is_full(&self) -> bool {
        self.tensors.len() >= TENSORS_PER_READ || self.values >= VALUES_PER_READ
    }

    /// Reads all tensors, in the order in which they were added, and removes them.
    pub fn read(&mut self) -> Vec<(T, Vec<f32>)> {
        let Self { tags, tensors, .. } = std::mem::take(self);
        tags.into_iter().zip(read_together(tensors)).collect()
    }
}
