//! Element types of cached activations: f32 or f16, in memory or in a mapped file.

use std::ops::Range;

use finetune_storage::{Array, Element, StorageError};
use half::f16;
use half::slice::HalfFloatSliceExt;

use crate::error::TrainError;

/// Element type of cached activations.
pub(super) trait Kept: Element {
    /// Largest finite value.
    const LARGEST: f32;

    /// Rounds `number` to the nearest value of this type.
    fn nearest(number: f32) -> Self;

    /// Wraps an array of this type.
    fn numbers(array: Array<Self>) -> Numbers;
}

impl Kept for f32 {
    const LARGEST: f32 = f32::MAX;

    fn nearest(number: f32) -> Self {
        number
    }

    fn numbers(array: Array<Self>) -> Numbers {
        Numbers::F32(array)
    }
}

impl Kept for f16 {
    const LARGEST: f32 = 65504.0;

    fn nearest(number: f32) -> Self {
        Self::from_f32(number)
    }

    fn numbers(array: Array<Self>) -> Numbers {
        Numbers::F16(array)
    }
}

/// Values of all activations, in the order of computation.
#[derive(Debug, Clone)]
pub(super) enum Numbers {
    F32(Array<f32>),
    F16(Array<f16>),
}

impl Numbers {
    /// Copies a range to the start of `to`, converted to f32.
    pub(super) fn copy(&self, range: Range<usize>, to: &mut [f32]) -> Result<(), StorageError> {
        let to = &mut to[..range.len()];
        match self {
            Self::F32(numbers) => to.copy_from_slice(numbers.get(range)?),
            Self::F16(numbers) => numbers.get(range)?.convert_to_f32_slice(to),
        }
        Ok(())
    }
}

/// Replaces `kept` by a row's activations, rounded to the element type.
///
/// # Errors
/// - [`TrainError::Activations`] if a value is NaN, infinite or too large.
pub(super) fn keep<T: Kept>(
    row: usize,
    numbers: impl Iterator<Item = f32>,
    kept: &mut Vec<T>,
) -> Result<(), TrainError> {
    kept.clear();
    for found in numbers {
        // The comparison is false for NaN.
        if found.abs() <= T::LARGEST {
            kept.push(T::nearest(found));
        } else {
            let largest = T::LARGEST;
            let problem = format!("row {row} has {found}, expected at most {largest}");
            return Err(TrainError::activations(problem));
        }
    }
    Ok(())
}

/// Reserves memory for this many values.
///
/// # Errors
/// - [`TrainError::Activations`] if there is not enough memory.
pub(super) fn room<T: Kept>(numbers: u64) -> Result<Vec<T>, TrainError> {
    let mut room = Vec::new();
    let length = usize::try_from(numbers).unwrap_or(usize::MAX);
    match room.try_reserve_exact(length) {
        Ok(()) => Ok(room),
        Err(_) => {
            let bytes = numbers.saturating_mul(size_of::<T>() as u64);
            let problem = format!("no memory for {bytes} bytes; they can be kept on disk");
            Err(TrainError::activations(problem))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_cannot_be_kept_are_named() {
        fn message<T: Kept>(number: f32) -> Option<String> {
            let result = keep::<T>(3, [1.0, number].into_iter(), &mut Vec::new());
            result.err().map(|error| error.to_string())
        }
        assert_eq!(message::<f32>(1e30), None);
        assert_eq!(message::<f16>(-65504.0), None);
        for (message, found) in [
            (message::<f32>(f32::NAN), "NaN"),
            (message::<f32>(f32::NEG_INFINITY), "-inf"),
            (message::<f16>(7e4), "70000"),
        ] {
            let message = message.unwrap();
            let start = format!("cached activations: row 3 has {found},");
            assert!(message.starts_with(&start), "{message}");
        }
    }

    #[test]
    fn numbers_come_back_as_near_as_they_are_kept() {
        let given: Vec<f32> = (0..100).map(|at| at as f32 * 0.37 - 18.0).collect();
        fn through<T: Kept>(given: &[f32]) -> Vec<f32> {
            let mut kept = Vec::<T>::new();
            keep(0, given.iter().copied(), &mut kept).unwrap();
            let mut back = vec![0.0; given.len()];
            let numbers = T::numbers(kept.into());
            numbers.copy(1..given.len(), &mut back).unwrap();
            back
        }
        assert_eq!(through::<f32>(&given)[..99], given[1..]);
        for (back, given) in through::<f16>(&given).iter().zip(&given[1..]) {
            assert!(
                (back - given).abs() <= given.abs() / 2048.0,
                "{back} {given}"
            );
        }
    }

    #[test]
    fn more_than_there_is_memory_is_an_error() {
        let error = room::<f32>(u64::MAX / 8).unwrap_err();
        assert!(error.to_string().contains("no memory for"), "{error}");
    }
}
