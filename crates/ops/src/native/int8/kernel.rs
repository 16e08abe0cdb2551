//! Sums of products of a few rows and a panel of outputs.

use std::ops::Range;

use super::instructions::Instructions;
use super::lanes::{self, Lanes};
use super::pack::{Line, Weight};
use super::rows::Rows;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
use super::tiles;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
use crate::native::tiles::Tiles;

/// Outputs of the widest panel.
pub(super) const WIDEST_PANEL: usize = 32;

/// Sums of the largest block.
pub(super) const MOST_SUMS: usize = 32 * WIDEST_PANEL;

/// What a task multiplies with.
#[derive(Debug)]
pub(super) struct Kernel {
    instructions: Instructions,
    /// Those of this thread, if the instructions are theirs.
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    tiles: Option<Tiles>,
}

impl Kernel {
    /// Of instructions that the machine has.
    pub(super) fn new(instructions: Instructions) -> Self {
        Self {
            instructions,
            #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
            tiles: (instructions == Instructions::Tiles).then(Tiles::configured),
        }
    }

    /// Overwrites `sums`, in rows as wide as a panel, with those of some rows, at most as many as the
    /// instructions take.
    #[allow(unsafe_code, reason = "calls what is compiled for an instruction set")]
    pub(super) fn multiply(
        &self,
        rows: &Rows,
        block: Range<usize>,
        weight: &Weight,
        panel: usize,
        sums: &mut [i32],
    ) {
        let words = self.instructions.words(weight.inputs());
        let block = Block {
            rows: rows.from(block.start),
            stride: rows.stride(),
            count: block.len(),
            words,
            panel: weight.panel(panel),
            starts: weight.starts(panel),
        };
        block.check(self.instructions, sums);
        // SAFETY: a weight is packed for instructions that the machine has, and the sizes fit.
        unsafe {
            match self.instructions {
                #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
                Instructions::Tiles => match &self.tiles {
                    Some(tiles) => tiles::multiply(tiles, &block, sums),
                    None => unreachable!("they are configured for these instructions"),
                },
                #[cfg(target_arch = "x86_64")]
                Instructions::Avx512Vnni => avx512_vnni(&block, sums),
                #[cfg(target_arch = "x86_64")]
                Instructions::AvxVnni => avx_vnni(&block, sums),
                #[cfg(target_arch = "x86_64")]
                Instructions::Avx512 => avx512(&block, sums),
                #[cfg(target_arch = "x86_64")]
                Instructions::Avx2 => avx2(&block, sums),
                #[cfg(target_arch = "aarch64")]
                Instructions::NeonDot => rows_of::<lanes::NeonDot>(&block, sums),
                Instructions::Portable => rows_of::<lanes::Portable>(&block, sums),
            }
        }
    }
}

/// Rows and the panel that they are multiplied by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block<'a> {
    /// From the first of them on.
    pub(super) rows: &'a [u8],
    /// Bytes from one to the next.
    pub(super) stride: usize,
    pub(super) count: usize,
    /// Words of a row.
    pub(super) words: usize,
    pub(super) panel: &'a [Line],
    /// What the sums of each output begin with.
    starts: &'a [i32],
}

impl Block<'_> {
    /// The kernels read and write without looking.
    fn check(&self, instructions: Instructions, sums: &[i32]) {
        let width = instructions.panel_width();
        assert!(
            (1..=instructions.rows()).contains(&self.count)
                && self.stride == 4 * self.words
                && self.rows.len() >= instructions.rows() * self.stride
                && self.panel.len() * 16 >= self.words * width
                && self.starts.len() == width
                && sums.len() >= instructions.rows() * width,
            "{} rows of {} words",
            self.count,
            self.words
        );
    }
}

/// Defines the kernel of some lanes for their instruction set.
macro_rules! kernel {
    ($name:ident, $lanes:ident, $features:literal) => {
        /// # Safety
        /// As for [`sums_of`].
        #[cfg(target_arch = "x86_64")]
        #[allow(unsafe_code, reason = "instructions of a machine")]
        #[target_feature(enable = $features)]
        unsafe fn $name(block: &Block<'_>, sums: &mut [i32]) {
            // SAFETY: as the caller says.
            unsafe { rows_of::<lanes::$lanes>(block, sums) }
        }
    };
}

kernel!(avx512_vnni, Avx512Vnni, "avx512f,avx512bw,avx512vnni");
kernel!(avx_vnni, AvxVnni, "avx2,avxvnni");
kernel!(avx512, Avx512, "avx512f,avx512bw");
kernel!(avx2, Avx2, "avx2");

/// # Safety
/// As for [`sums_of`].
#[allow(unsafe_code, reason = "instructions of a machine")]
#[inline(always)]
unsafe fn rows_of<L: Lanes>(block: &Block<'_>, sums: &mut [i32]) {
    // SAFETY: as the caller says.
    unsafe {
        match block.count {
            1 => sums_of::<L, 1>(block, sums),
            2 => sums_of::<L, 2>(block, sums),
            3 => sums_of::<L, 3>(block, sums),
            4 => sums_of::<L, 4>(block, sums),
            5 => sums_of::<L, 5>(block, sums),
            _ => sums_of::<L, 6>(block, sums),
        }
    }
}

/// The sums of `R` rows, two vectors wide, which stay in registers.
///
/// # Safety
/// The machine has the instructions of the lanes, and [`Block::check`] passed.
#[allow(unsafe_code, reason = "instructions of a machine")]
#[inline(always)]
unsafe fn sums_of<L: Lanes, const R: usize>(block: &Block<'_>, sums: &mut [i32]) {
    let width = 2 * L::WIDTH;
    let starts = block.starts.as_ptr().cast::<u32>();
    let panel = block.panel.as_ptr().cast::<u32>();
    let rows = block.rows.as_ptr();
    // SAFETY: the block holds all words of the panel and of the rows, and there is room for the sums, as
    // was checked.
    unsafe {
        let start = [L::load(starts), L::load(starts.add(L::WIDTH))];
        let mut totals = [start; R];
        for word in 0..block.words {
            let weights = panel.add(word * width);
            let weights = [L::load(weights), L::load(weights.add(L::WIDTH))];
            for (row, totals) in totals.iter_mut().enumerate() {
                let row = rows.add(row * block.stride + 4 * word);
                let row = L::of(row.cast::<u32>().read_unaligned());
                *totals = [
                    totals[0].add_products(row, weights[0]),
                    totals[1].add_products(row, weights[1]),
                ];
            }
        }
        for (row, totals) in totals.into_iter().enumerate() {
            let sums = sums.as_mut_ptr().add(row * width);
            totals[0].store(sums);
            totals[1].store(sums.add(L::WIDTH));
        }
    }
}
