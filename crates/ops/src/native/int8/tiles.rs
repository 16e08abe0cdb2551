//! Products of integers in AMX tiles. See `TDPBSSD` in [Intel's
//! manual](https://www.intel.com/content/www/us/en/developer/articles/technical/intel-sdm.html).

use std::arch::asm;

use super::kernel::Block;
use crate::native::tiles::{self, Tiles};

/// Whether processor and system have tiles of 8-bit integers.
pub(super) fn is_available() -> bool {
    tiles::are_available(tiles::INT8)
}

/// The sums of 32 rows by 32 outputs, in four tiles to which every 16 words add. Rows beyond those of the
/// block are whatever lies there.
///
/// # Safety
/// The machine has the tiles, and the sizes of the block fit.
#[allow(unsafe_code, reason = "instructions that have no functions")]
pub(super) unsafe fn multiply(_tiles: &Tiles, block: &Block<'_>, sums: &mut [i32]) {
    let rows = block.rows.as_ptr();
    let sums = sums.as_mut_ptr();
    // SAFETY: it reads 32 rows and two blocks of the panel for every 16 words, and writes the four
    // quarters of 32 rows of 32 sums.
    unsafe {
        asm!(
            "tilezero tmm0",
            "tilezero tmm1",
            "tilezero tmm2",
            "tilezero tmm3",
            "2:",
            "tileloadd tmm4, [{rows} + {stride}]",
            "tileloadd tmm6, [{panel} + {line}]",
            "tdpbssd tmm0, tmm4, tmm6",
            "tileloadd tmm7, [{panel} + {line} + 1024]",
            "tdpbssd tmm1, tmm4, tmm7",
            "tileloadd tmm5, [{below} + {stride}]",
            "tdpbssd tmm2, tmm5, tmm6",
            "tdpbssd tmm3, tmm5, tmm7",
            "add {rows}, 64",
            "add {below}, 64",
            "add {panel}, 2048",
            "dec {steps}",
            "jnz 2b",
            "tilestored [{sums} + {sums_row}], tmm0",
            "tilestored [{sums} + {sums_row} + 64], tmm1",
            "tilestored [{sums_below} + {sums_row}], tmm2",
            "tilestored [{sums_below} + {sums_row} + 64], tmm3",
            rows = inout(reg) rows => _,
            below = inout(reg) rows.wrapping_add(16 * block.stride) => _,
            panel = inout(reg) block.panel.as_ptr() => _,
            steps = inout(reg) block.words / 16 => _,
            sums = in(reg) sums,
            sums_below = in(reg) sums.wrapping_add(16 * 32),
            stride = in(reg) block.stride,
            line = in(reg) 64usize,
            sums_row = in(reg) 4 * 32usize,
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            options(nostack),
        );
    }
}
