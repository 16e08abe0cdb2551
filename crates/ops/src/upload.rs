//! One copy for all numbers of a batch.

use std::ops::Range;

use burn::tensor::{Device, Int, Tensor};

use crate::transfer::upload_floats;

/// Indices below it are exact in f32.
pub(crate) const MAX_INDEX: usize = 1 << 24;

/// Numbers of a batch, such as token ids, masks and labels, that go to a device in one copy.
///
/// The copy is one f32 tensor: scores and weights go through it unchanged, and indices up to 2²⁴ are
/// exact. Each part is cut out and converted on the device.
///
/// ```
/// use burn::tensor::Device;
/// use finetune_ops::{Transfers, Upload, read_floats};
///
/// let mut upload = Upload::default();
/// let ids = upload.indices([7, 9]);
/// let scores = upload.floats([0.1, 0.2, 0.3]);
/// let before = Transfers::of_thread();
/// let uploaded = upload.send(&Device::flex());
/// assert_eq!(Transfers::of_thread().since(before).uploads, 1);
/// assert_eq!(read_floats(uploaded.floats(&scores)), [0.1, 0.2, 0.3]);
/// assert_eq!(read_floats(uploaded.indices(&ids).float()), [7.0, 9.0]);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Upload {
    values: Vec<f32>,
}

/// Place of some numbers in an [`Upload`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadPart(Range<usize>);

/// An [`Upload`] on the device.
#[derive(Debug, Clone)]
pub struct Uploaded(Option<Tensor<1>>);

impl Upload {
    /// Adds floats.
    pub fn floats(&mut self, values: impl IntoIterator<Item = f32>) -> UploadPart {
        let start = self.values.len();
        self.values.extend(values);
        UploadPart(start..self.values.len())
    }

    /// Adds indices.
    ///
    /// # Panics
    /// If an index is 2²⁴ or more.
    pub fn indices(&mut self, indices: impl IntoIterator<Item = usize>) -> UploadPart {
        self.floats(indices.into_iter().map(|index| {
            assert!(index < MAX_INDEX, "index {index}, not below {MAX_INDEX}");
            index as f32
        }))
    }

    /// Adds flags: 1 for `true`, 0 for `false`.
    pub fn flags<'a>(&mut self, flags: impl IntoIterator<Item = &'a bool>) -> UploadPart {
        self.floats(flags.into_iter().map(|flag| f32::from(*flag)))
    }

    /// Copies all numbers to a device.
    pub fn send(self, device: &Device) -> Uploaded {
        let length = self.values.len();
        Uploaded((length > 0).then(|| upload_floats(self.values, [length], device)))
    }
}

impl Uploaded {
    /// Returns the numbers of a part as floats.
    ///
    /// # Panics
    /// If the part is empty, or of another upload that was longer.
    pub fn floats(&self, part: &UploadPart) -> Tensor<1> {
        match &self.0 {
            Some(values) if !part.0.is_empty() => values.clone().slice([part.0.clone()]),
            _ => panic!("a part without numbers"),
        }
    }

    /// Returns the numbers of a part as indices.
    ///
    /// # Panics
    /// As [`Self::floats`].
    pub fn indices(&self, part: &UploadPart) -> Tensor<1, Int> {
        self.floats(part).int()
    }
}
