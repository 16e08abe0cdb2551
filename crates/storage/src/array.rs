//! Numbers in memory or in a mapped file, read in one way.

use std::ops::Range;

use crate::error::StorageError;
use crate::file::ArrayFile;
use crate::number::Number;

/// An array of numbers, in memory or in a mapped file.
///
/// ```
/// let array = finetune_storage::Array::from(vec![1u32, 2, 3]);
/// assert_eq!(array.get(1..3)?, [2, 3]);
/// # Ok::<(), finetune_storage::StorageError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Array<T: Number>(Source<T>);

#[derive(Debug, Clone)]
enum Source<T> {
    Memory(Vec<T>),
    Mapped {
        file: ArrayFile,
        /// The first byte.
        start: usize,
        length: usize,
    },
}

impl<T: Number> From<Vec<T>> for Array<T> {
    fn from(numbers: Vec<T>) -> Self {
        Self(Source::Memory(numbers))
    }
}

impl<T: Number> Array<T> {
    pub(crate) fn mapped(file: ArrayFile, start: usize, length: usize) -> Self {
        Self(Source::Mapped {
            file,
            start,
            length,
        })
    }

    /// How many numbers there are.
    pub fn len(&self) -> usize {
        match &self.0 {
            Source::Memory(numbers) => numbers.len(),
            Source::Mapped { length, .. } => *length,
        }
    }

    /// Whether there are no numbers.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The numbers of a range.
    ///
    /// # Errors
    /// [`StorageError::OutOfRange`]; [`StorageError::Damaged`] if the file no longer holds what was
    /// written.
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

    /// All numbers.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub fn all(&self) -> Result<&[T], StorageError> {
        self.get(0..self.len())
    }
}
