//! AMX tiles: eight registers of 16 rows of 64 bytes, and an instruction that adds the product of
//! two to a third. See `TDPBF16PS` in [Intel's
//! manual](https://www.intel.com/content/www/us/en/developer/articles/technical/intel-sdm.html).

use std::arch::asm;
use std::arch::x86_64::{__cpuid, __cpuid_count};
use std::marker::PhantomData;

use super::pack::{BLOCK, PANEL, Part, STEP_PAIRS};
use crate::native::product::Place;

/// Whether processor and system have tiles of bfloat16. Asks Linux for them: their registers are
/// large, and a process has none until it asks.
pub(super) fn is_available() -> bool {
    const BF16: u32 = 1 << 22;
    const TILES: u32 = 1 << 24;
    if __cpuid(0).eax < 7 {
        return false;
    }
    __cpuid_count(7, 0).edx & (BF16 | TILES) == BF16 | TILES && is_permitted()
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
pub(in crate::native) struct Tiles {
    of_this_thread: PhantomData<*const ()>,
}

impl Tiles {
    /// Only where they are available.
    #[allow(unsafe_code, reason = "an instruction that has no function")]
    pub(in crate::native) fn configured() -> Self {
        let mut shapes = Shapes {
            palette: 1,
            first_row: 0,
            reserved: [0; 14],
            row_bytes: [0; 16],
            rows: [0; 16],
        };
        shapes.row_bytes[..8].fill(4 * BLOCK as u16);
        shapes.rows[..8].fill(BLOCK as u8);
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

    /// The product of all panels of two matrices: a matrix in rows, of whole panels both ways.
    pub(in crate::native) fn product(
        &self,
        left: Part<'_>,
        right: Part<'_>,
        product: &mut [f32],
        place: Place,
    ) {
        let stride = right.iter().len() * PANEL;
        let rows = product.chunks_exact_mut(PANEL * stride);
        for (rows, left) in rows.zip(left.iter()) {
            for (number, right) in right.iter().enumerate() {
                self.multiply(left, right, &mut rows[number * PANEL..], stride, place);
            }
        }
    }

    /// The product of a panel of rows and one of columns, a matrix whose rows are `stride` values
    /// apart: four tiles of sums, to which every 16 pairs add.
    #[allow(unsafe_code, reason = "instructions that have no functions")]
    pub(super) fn multiply(
        &self,
        left: &[u32],
        right: &[u32],
        product: &mut [f32],
        stride: usize,
        place: Place,
    ) {
        assert!(
            left.len() == right.len() && !left.is_empty() && left.len().is_multiple_of(STEP_PAIRS),
            "{} and {} pairs",
            left.len(),
            right.len()
        );
        assert!(
            stride >= PANEL && product.len() >= (PANEL - 1) * stride + PANEL,
            "{} values, {stride} apart",
            product.len()
        );
        let product = product.as_mut_ptr();
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
}

impl Drop for Tiles {
    #[allow(unsafe_code, reason = "an instruction that has no function")]
    fn drop(&mut self) {
        // SAFETY: they are this thread's; nothing of use is left in them.
        unsafe { asm!("tilerelease", options(nostack, nomem)) };
    }
}
