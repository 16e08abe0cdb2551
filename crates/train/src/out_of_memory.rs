//! Devices that run out of memory: burn's backends panic then, with the driver's words.

use std::any::Any;
use std::panic::{self, AssertUnwindSafe};

use crate::panic_text::panic_text;

/// What drivers say, in lower case: CUDA by torch and by burn, Vulkan, Metal and DirectX by wgpu.
const WORDS: [&str; 4] = [
    "out of memory",
    "out_of_memory",
    "outofmemory",
    "not enough memory",
];

/// Runs a step; gives the reason if its device has no memory for it. Any other panic goes on. A processor
/// without memory cannot be asked: Rust ends the program.
pub(crate) fn or_reason<T>(step: impl FnOnce() -> T) -> Result<T, String> {
    // What the step has changed is not used after a panic.
    panic::catch_unwind(AssertUnwindSafe(step)).map_err(|payload| match reason(&*payload) {
        Some(reason) => reason,
        None => panic::resume_unwind(payload),
    })
}

/// The first line that says so.
fn reason(payload: &(dyn Any + Send)) -> Option<String> {
    let says_so = |line: &&str| {
        let line = line.to_lowercase();
        WORDS.iter().any(|word| line.contains(word))
    };
    let line = panic_text(payload)?.lines().find(says_so)?;
    Some(line.trim().to_string())
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
