//! Products of bfloat16 in AMX tiles: an instruction adds the product of two to a third. See `TDPBF16PS` in
//! [Intel's
//! manual](https://www.intel.com/content/www/us/en/developer/articles/technical/intel-sdm.html).

use std::arch::asm;

use super::pack::{BLOCK, STEP_PAIRS};
use crate::native::product::Place;
use crate::native::tiles::{self, Tiles};

/// Whether processor and system have tiles of bfloat16.
pub(super) fn is_available() -> bool {
    tiles::are_available(tiles::BF16)
}

/// The product of a panel of rows and one of columns, a matrix whose rows are `stride` values apart: four tiles of
/// sums, to which every 16 pairs add.
///
/// # Safety
/// Both panels have as many whole steps, and the product has 32 rows of 32 values, `stride` apart.
#[allow(unsafe_code, reason = "instructions that have no functions")]
pub(super) unsafe fn multiply(
    _tiles: &Tiles,
    left: &[u32],
    right: &[u32],
    product: *mut f32,
    stride: usize,
    place: Place,
) {
    let below = product.wrapping_add(BLOCK * stride);
    // SAFETY: it reads two blocks of each panel in each of the steps that they have, and reads
    // and writes the four quarters of the product, two of them in its lower rows.
    unsafe {
        asm!(
            "test {add:e}, {add:e}",
            "jnz 3f",
            "tilezero tmm0",
            "tilezero tmm1",
            "tilezero tmm2",
            "tilezero tmm3",
            "jmp 2f",
            "3:",
            "tileloadd tmm0, [{product} + {product_row}]",
            "tileloadd tmm1, [{product} + {product_row} + 64]",
            "tileloadd tmm2, [{below} + {product_row}]",
            "tileloadd tmm3, [{below} + {product_row} + 64]",
            "2:",
            "tileloadd tmm4, [{left} + {row}]",
            "tileloadd tmm6, [{right} + {row}]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tileloadd tmm7, [{right} + {row} + 1024]",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "tileloadd tmm5, [{left} + {row} + 1024]",
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tdpbf16ps tmm3, tmm5, tmm7",
            "add {left}, 2048",
            "add {right}, 2048",
            "dec {steps}",
            "jnz 2b",
            "tilestored [{product} + {product_row}], tmm0",
            "tilestored [{product} + {product_row} + 64], tmm1",
            "tilestored [{below} + {product_row}], tmm2",
            "tilestored [{below} + {product_row} + 64], tmm3",
            add = in(reg) u32::from(place == Place::AddTo),
            left = inout(reg) left.as_ptr() => _,
            right = inout(reg) right.as_ptr() => _,
            steps = inout(reg) left.len() / STEP_PAIRS => _,
            product = in(reg) product,
            below = in(reg) below,
            row = in(reg) 4 * BLOCK,
            product_row = in(reg) 4 * stride,
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            options(nostack),
        );
    }
}
