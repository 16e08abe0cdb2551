//! Memory allocator for training programs.

use std::alloc::{GlobalAlloc, Layout};
use std::ffi::c_long;
use std::sync::atomic::{AtomicBool, Ordering};

use libmimalloc_sys::{mi_option_set, mi_option_t};
use mimalloc::MiMalloc;

/// [`mimalloc`] configured to never return pages to the operating system.
///
/// Every training step allocates the same large buffers. By default, mimalloc returns memory that
/// has been free for a while, and the system clears pages before handing them out again, which
/// takes a sixth of the CPU time of a step. The retained memory is at most the peak usage. LibTorch
/// allocates with the C library, which is configured likewise if it is glibc.
///
/// The allocator is the program's choice; the library crates work with any.
///
/// ```
/// #[global_allocator]
/// static ALLOCATOR: finetune_ops::RetainingAllocator = finetune_ops::RetainingAllocator;
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct RetainingAllocator;

/// `mi_option_purge_delay` of `mimalloc.h`: delay in milliseconds before free memory is returned.
const PURGE_DELAY: mi_option_t = 15;
const NEVER: c_long = -1;

static IS_SET: AtomicBool = AtomicBool::new(false);

#[inline]
fn keep_pages() {
    // Several threads may set it, to the same value.
    if !IS_SET.load(Ordering::Relaxed) {
        IS_SET.store(true, Ordering::Relaxed);
        // SAFETY: mimalloc takes it at any time, and it is a known option.
        #[allow(unsafe_code, reason = "mimalloc is C")]
        unsafe {
            mi_option_set(PURGE_DELAY, NEVER);
        }
        #[cfg(all(feature = "tch", target_os = "linux", target_env = "gnu"))]
        keep_pages_of_c();
    }
}

/// Disables separate mappings for large buffers and trimming of the heap.
#[cfg(all(feature = "tch", target_os = "linux", target_env = "gnu"))]
fn keep_pages_of_c() {
    for (option, value) in [
        (libc::M_MMAP_MAX, 0),
        (libc::M_TRIM_THRESHOLD, i32::MAX),
        (libc::M_TOP_PAD, 64 << 20),
    ] {
        // SAFETY: known options and values, at any time.
        #[allow(unsafe_code, reason = "the library is C")]
        unsafe {
            libc::mallopt(option, value);
        }
    }
}

// SAFETY: every call is handed to mimalloc as it is.
#[allow(unsafe_code, reason = "the trait is unsafe")]
unsafe impl GlobalAlloc for RetainingAllocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        keep_pages();
        // SAFETY: as for the caller.
        unsafe { MiMalloc.alloc(layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        keep_pages();
        // SAFETY: as for the caller.
        unsafe { MiMalloc.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as for the caller; mimalloc has allocated it.
        unsafe { MiMalloc.dealloc(pointer, layout) }
    }

    #[inline]
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as for the caller; mimalloc has allocated it.
        unsafe { MiMalloc.realloc(pointer, layout, size) }
    }
}

#[cfg(test)]
mod tests {
    use libmimalloc_sys::mi_option_get;

    use super::*;

    #[test]
    #[allow(unsafe_code, reason = "mimalloc is C, and the trait is unsafe")]
    fn nothing_is_given_back_after_the_first_allocation() {
        let layout = Layout::from_size_align(1 << 20, 64).unwrap();
        // SAFETY: the layout has a size, and the memory is freed as it was allocated.
        unsafe {
            let pointer = RetainingAllocator.alloc_zeroed(layout);
            assert!(!pointer.is_null() && *pointer.add((1 << 20) - 1) == 0);
            let pointer = RetainingAllocator.realloc(pointer, layout, 2 << 20);
            let longer = Layout::from_size_align(2 << 20, 64).unwrap();
            RetainingAllocator.dealloc(pointer, longer);
            assert_eq!(mi_option_get(PURGE_DELAY), NEVER);
        }
    }
}
