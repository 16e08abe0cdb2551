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

    /// Counts copies of another thread as those of this one.
    pub(crate) fn add_to_thread(self) {
        Self::count(|transfers| {
            transfers.uploads += self.uploads;
            transfers.uploaded_bytes += self.uploaded_bytes;
            transfers.reads += self.reads;
            transfers.read_bytes += self.read_bytes;
        });
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
