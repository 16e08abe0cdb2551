//! AMX tiles: eight registers of 16 rows of 64 bytes, which a thread configures before it uses them. See
//! [Intel's manual](https://www.intel.com/content/www/us/en/developer/articles/technical/intel-sdm.html).

use std::arch::asm;
use std::arch::x86_64::{__cpuid, __cpuid_count};
use std::marker::PhantomData;

/// Bit of the processor's features: products of bfloat16.
pub(super) const BF16: u32 = 1 << 22;

/// Bit of the processor's features: products of 8-bit integers.
pub(super) const INT8: u32 = 1 << 25;

/// Whether processor and system have tiles, and products of a kind. Asks Linux for them: their
/// registers are large, and a process has none until it asks.
pub(super) fn are_available(products: u32) -> bool {
    const TILES: u32 = 1 << 24;
    if __cpuid(0).eax < 7 {
        return false;
    }
    let needed = products | TILES;
    __cpuid_count(7, 0).edx & needed == needed && is_permitted()
}

#[allow(unsafe_code, reason = "a system call")]
fn is_permitted() -> bool {
    const REQUEST_PERMISSION: libc::c_long = 0x1023;
    const TILE_DATA: libc::c_long = 18;
    // SAFETY: it takes two numbers and touches no memory.
    unsafe { libc::syscall(libc::SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0 }
}

/// What the eight tiles hold, as the processor reads it.
#[repr(C, align(64))]
struct Shapes {
    palette: u8,
    first_row: u8,
    reserved: [u8; 14],
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

/// The tiles of this thread, each a block; released when dropped.
#[derive(Debug)]
pub(super) struct Tiles {
    of_this_thread: PhantomData<*const ()>,
}

impl Tiles {
    /// Only where they are available.
    #[allow(unsafe_code, reason = "an instruction that has no function")]
    pub(super) fn configured() -> Self {
        let mut shapes = Shapes {
            palette: 1,
            first_row: 0,
            reserved: [0; 14],
            row_bytes: [0; 16],
            rows: [0; 16],
        };
        shapes.row_bytes[..8].fill(64);
        shapes.rows[..8].fill(16);
        // SAFETY: it reads 64 bytes, which the shapes have.
        unsafe {
            asm!(
                "ldtilecfg [{shapes}]",
                shapes = in(reg) &raw const shapes,
                options(nostack, readonly),
            );
        }
        Self {
            of_this_thread: PhantomData,
        }
    }
}

impl Drop for Tiles {
    #[allow(unsafe_code, reason = "an instruction that has no function")]
    fn drop(&mut self) {
        // SAFETY: they are this thread's; nothing of use is left in them.
        unsafe { asm!("tilerelease", options(nostack, nomem)) };
    }
}
