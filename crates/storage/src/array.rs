//! Arrays of numbers in memory or in mapped files.

use std::ops::Range;

use crate::error::StorageError;
use crate::file::ArrayFile;

/// Array of numbers, in memory or in a mapped file.
///
/// ```
/// let array = finetune_storage::Array::from(vec![1u32, 2, 3]);
/// assert_eq!(array.get(1..3)?, [2, 3]);
/// # Ok::<(), finetune_storage::StorageError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Array<T: Element>(Source<T>);

#[derive(Debug, Clone)]
enum Source<T> {
    Memory(Vec<T>),
    Mapped {
        file: ArrayFile,
        /// Byte offset of the first number.
        start: usize,
        length: usize,
    },
}

impl<T: Element> From<Vec<T>> for Array<T> {
    fn from(numbers: Vec<T>) -> Self {
        Self(Source::Memory(numbers))
    }
}

impl<T: Element> Array<T> {
    pub(crate) fn mapped(file: ArrayFile, start: usize, length: usize) -> Self {
        Self(Source::Mapped {
            file,
            start,
            length,
        })
    }

    /// Returns the number of elements.
    pub fn len(&self) -> usize {
        match &self.0 {
            Source::Memory(numbers) => numbers.len(),
            Source::Mapped { length, .. } => *length,
        }
    }

    /// Returns whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the elements of a range.
    ///
    /// # Errors
    /// - [`StorageError::OutOfRange`] if the range is not within the array.
    /// - [`StorageError::Corrupted`] if the content of the file does not match its checksum.
    pub fn get(&self, range: Range<usize>) -> Result<&[T], StorageError> {
        if range.start > range.end || range.end > self.len() {
            return Err(StorageError::OutOfRange {
                start: range.start,
                end: range.end,
                length: self.len(),
            });
        }
        match &self.0 {
            Source::Memory(numbers) => Ok(&numbers[range]),
            Source::Mapped { file, start, .. } => {
                let byte = |index: usize| start + index * size_of::<T>();
                file.numbers(byte(range.start)..byte(range.end))
            }
        }
    }

    /// Returns all elements.
    ///
    /// # Errors
    /// - [`StorageError::Corrupted`] if the content of the file does not match its checksum.
    pub fn all(&self) -> Result<&[T], StorageError> {
        self.get(0..self.len())
    }
}

/// Element type of an array: fixed width, no invalid bit patterns.
///
/// This trait is sealed, because files identify element types by [`Element::NAME`].
pub trait Element: bytemuck::Pod + sealed::Sealed + Send + Sync + std::fmt::Debug {
    /// Name of the type in a file.
    const NAME: &'static str;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! elements {
    ($($element:ty => $name:literal),+ $(,)?) => {$(
        impl sealed::Sealed for $element {}
        impl Element for $element {
            const NAME: &'static str = $name;
        }
    )+};
}

elements! {
    u8 => "u8",
    u16 => "u16",
    u32 => "u32",
    u64 => "u64",
    half::f16 => "f16",
    f32 => "f32",
    f64 => "f64",
    [u32; 2] => "u32x2",
}
