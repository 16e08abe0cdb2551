//! Failures of a device during a step: out of memory, or the device is gone. burn's backends panic
//! with the driver's message.

use std::any::Any;
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;

use crate::error::TrainError;

/// Lower-case parts of the drivers' messages: CUDA by torch and by burn, Vulkan, Metal and DirectX
/// by wgpu.
const OUT_OF_MEMORY: [&str; 4] = [
    "out of memory",
    "out_of_memory",
    "outofmemory",
    "not enough memory",
];

/// The same, of a device that was removed, reset or stopped by its driver.
const LOST: [&str; 9] = [
    "device is lost",
    "device lost",
    "device was lost",
    "device_lost",
    "devicelost",
    "device removed",
    "cuda error: ",
    "cuda_error_",
    "unspecified launch failure",
];

/// Failure of a device, with the driver's reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DeviceFailure {
    /// Out of memory.
    OutOfMemory(String),
    /// The device does not answer any more.
    Lost(String),
}

impl DeviceFailure {
    /// Returns the error of a run, with the completed steps and the newest checkpoint.
    pub(crate) fn error(
        self,
        device: String,
        steps: usize,
        checkpoint: Option<PathBuf>,
    ) -> TrainError {
        match self {
            Self::OutOfMemory(reason) => TrainError::OutOfMemory {
                device,
                steps,
                reason,
                checkpoint,
            },
            Self::Lost(reason) => TrainError::DeviceLost {
                device,
                steps,
                reason,
                checkpoint,
            },
        }
    }
}

/// Runs a step, and returns the failure if its device fails. Other panics are passed on.
/// Out-of-memory on the CPU cannot be caught: the process aborts.
pub(crate) fn or_failure<T>(step: impl FnOnce() -> T) -> Result<T, DeviceFailure> {
    // The state that the step changed is not used after a panic.
    panic::catch_unwind(AssertUnwindSafe(step)).map_err(|payload| match failure(&*payload) {
        Some(failure) => failure,
        None => panic::resume_unwind(payload),
    })
}

/// Returns the failure that a message reports, with the line that does. A device without memory may
/// report that it is lost, too: the first says more.
fn failure(payload: &(dyn Any + Send)) -> Option<DeviceFailure> {
    let text = panic_text(payload)?;
    let line_with = |words: &[&str]| {
        let says_so = |line: &&str| {
            let line = line.to_lowercase();
            words.iter().any(|word| line.contains(word))
        };
        Some(text.lines().find(says_so)?.trim().to_string())
    };
    let out_of_memory = line_with(&OUT_OF_MEMORY).map(DeviceFailure::OutOfMemory);
    out_of_memory.or_else(|| line_with(&LOST).map(DeviceFailure::Lost))
}

/// Returns the message of a caught panic, if it is text.
pub fn panic_text(payload: &(dyn Any + Send)) -> Option<&str> {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_failures_of_the_device_are_errors() {
        let cuda =
            || panic!("called unwrap\nCUDA out of memory. Tried to allocate 2.00 GiB.\nmore");
        let found: Result<(), _> = or_failure(cuda);
        let expected = "CUDA out of memory. Tried to allocate 2.00 GiB.";
        assert_eq!(found, Err(DeviceFailure::OutOfMemory(expected.to_string())));
        let wgpu = || panic!("wgpu error: Validation Error\n  Parent device is lost");
        let found: Result<(), _> = or_failure(wgpu);
        assert_eq!(
            found,
            Err(DeviceFailure::Lost("Parent device is lost".to_string()))
        );
        let both = || panic!("CUDA error: out of memory");
        let found: Result<(), _> = or_failure(both);
        assert!(matches!(found, Err(DeviceFailure::OutOfMemory(_))));
        assert_eq!(or_failure(|| 7), Ok(7));
        let other = panic::catch_unwind(|| or_failure(|| panic!("a shape")));
        assert_eq!(*other.unwrap_err().downcast::<&str>().unwrap(), "a shape");
    }
}
