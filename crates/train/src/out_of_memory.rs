//! Detection of out-of-memory errors on devices, for which burn's backends panic with the driver's
//! message.

use std::any::Any;
use std::panic::{self, AssertUnwindSafe};

/// Lower-case parts of the drivers' messages: CUDA by torch and by burn, Vulkan, Metal and DirectX
/// by wgpu.
const WORDS: [&str; 4] = [
    "out of memory",
    "out_of_memory",
    "outofmemory",
    "not enough memory",
];

/// Runs a step, and returns the reason if its device runs out of memory. Other panics are passed
/// on. Out-of-memory on the CPU cannot be caught: the process aborts.
pub(crate) fn or_reason<T>(step: impl FnOnce() -> T) -> Result<T, String> {
    // The state that the step changed is not used after a panic.
    panic::catch_unwind(AssertUnwindSafe(step)).map_err(|payload| match reason(&*payload) {
        Some(reason) => reason,
        None => panic::resume_unwind(payload),
    })
}

/// Returns the first line of the message that reports it, if any.
fn reason(payload: &(dyn Any + Send)) -> Option<String> {
    let says_so = |line: &&str| {
        let line = line.to_lowercase();
        WORDS.iter().any(|word| line.contains(word))
    };
    let line = panic_text(payload)?.lines().find(says_so)?;
    Some(line.trim().to_string())
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
    fn only_memory_is_an_error() {
        let cuda =
            || panic!("called unwrap\nCUDA out of memory. Tried to allocate 2.00 GiB.\nmore");
        let found: Result<(), _> = or_reason(cuda);
        assert_eq!(
            found.unwrap_err(),
            "CUDA out of memory. Tried to allocate 2.00 GiB."
        );
        assert_eq!(or_reason(|| 7), Ok(7));
        let other = panic::catch_unwind(|| or_reason(|| panic!("a shape")));
        assert_eq!(*other.unwrap_err().downcast::<&str>().unwrap(), "a shape");
    }
}
