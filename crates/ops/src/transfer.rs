//! Copies between host and device, with counters.
//!
//! A read waits until the device has computed all that was queued before, so a training step should
//! have none, and an upload costs a fixed time however small it is, so a batch should have one. The
//! crates above copy tensors only with the functions here and with [`Upload`](crate::Upload);
//! [`Transfers`] tells a test how often and how much.

use std::cell::Cell;

use burn::tensor::{DType, Device, Int, Tensor, TensorData};

/// Copies between host and device on the current thread.
///
/// ```
/// use burn::tensor::Device;
/// use finetune_ops::{Transfers, read_floats, upload_floats};
///
/// let before = Transfers::of_thread();
/// let tensor = upload_floats(vec![1.0, 2.0], [2], &Device::flex());
/// assert_eq!(read_floats(tensor), [1.0, 2.0]);
/// let transfers = Transfers::of_thread().since(before);
/// assert_eq!((transfers.uploads, transfers.reads), (1, 1));
/// assert_eq!((transfers.uploaded_bytes, transfers.read_bytes), (8, 8));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Transfers {
    /// Number of copies to a device.
    pub uploads: u64,
    /// Bytes of those copies.
    pub uploaded_bytes: u64,
    /// Number of copies from a device.
    pub reads: u64,
    /// Bytes of those copies.
    pub read_bytes: u64,
}

thread_local! {
    static TRANSFERS: Cell<Transfers> = const {
        Cell::new(Transfers { uploads: 0, uploaded_bytes: 0, reads: 0, read_bytes: 0 })
    };
}

impl Transfers {
    /// Returns the copies on the current thread since it began.
    pub fn of_thread() -> Self {
        TRANSFERS.get()
    }

    /// Returns the copies since an earlier moment of the same thread.
    pub fn since(self, earlier: Self) -> Self {
        Self {
            uploads: self.uploads - earlier.uploads,
            uploaded_bytes: self.uploaded_bytes - earlier.uploaded_bytes,
            reads: self.reads - earlier.reads,
            read_bytes: self.read_bytes - earlier.read_bytes,
        }
    }

    fn count(change: impl FnOnce(&mut Self)) {
        let mut transfers = TRANSFERS.get();
        change(&mut transfers);
        TRANSFERS.set(transfers);
    }
}

fn counted(data: TensorData) -> TensorData {
    let bytes = data.as_bytes().len() as u64;
    Transfers::count(|transfers| {
        transfers.uploads += 1;
        transfers.uploaded_bytes += bytes;
    });
    data
}

/// Copies f32 values to a device.
///
/// # Panics
/// If there are not as many values as the shape has.
pub fn upload_floats<const D: usize>(
    values: Vec<f32>,
    shape: [usize; D],
    device: &Device,
) -> Tensor<D> {
    let data = counted(TensorData::new(values, shape));
    Tensor::from_data(data, (device, DType::F32))
}

/// Copies indices to a device, with its own type of integers.
///
/// # Panics
/// If there are not as many indices as the shape has.
pub fn upload_indices<const D: usize>(
    indices: &[usize],
    shape: [usize; D],
    device: &Device,
) -> Tensor<D, Int> {
    let indices: Vec<i32> = indices.iter().map(|index| *index as i32).collect();
    Tensor::from_data(counted(TensorData::new(indices, shape)), device)
}

/// Reads the values of a tensor as f32.
pub fn read_floats<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    let data = tensor.into_data();
    let bytes = data.as_bytes().len() as u64;
    Transfers::count(|transfers| {
        transfers.reads += 1;
        transfers.read_bytes += bytes;
    });
    data.convert::<f32>().iter().collect()
}

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
