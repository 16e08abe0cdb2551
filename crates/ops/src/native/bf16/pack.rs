//! Packing of a matrix for the kernels: rounded to bfloat16, in blocks.
//!
//! A *line* is a row of the left matrix or a column of the right one. The values of a line come in
//! pairs, the first in the low half of 32 bits. A block has 16 lines of 16 pairs, stored line by
//! line for the left matrix and pair by pair for the right one. A panel has 32 lines; for every 16
//! pairs it has two blocks, one of the first and one of the last 16 lines.

use std::arch::x86_64::*;
use std::mem::MaybeUninit;
use std::ops::Range;

use rayon::prelude::*;

use crate::native::product::Matrix;

/// Whether the processor has the vector instructions that packing needs.
pub(super) fn is_available() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512bf16")
}

/// Lines and pairs of a block.
pub(super) const BLOCK: usize = 16;

/// Lines of a panel.
pub(in crate::native) const PANEL: usize = 2 * BLOCK;

/// Values of a line in a block.
const STEP: usize = 2 * BLOCK;

/// Panels that are packed together: of lines that are neighbors in memory, so much more of what
/// lies there is read at once.
const GROUP: usize = 4;

/// In bytes; a row of a block.
const CACHE_LINE: usize = 4 * BLOCK;

/// Pairs that a panel has for every [`STEP`] values.
pub(super) const STEP_PAIRS: usize = PANEL * BLOCK;

/// Which matrix of the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::native) enum Side {
    /// Blocks line by line.
    Left,
    /// Blocks pair by pair.
    Right,
}

/// Panels of lines, with zeros up to whole blocks.
#[derive(Debug)]
pub(in crate::native) struct Panels {
    side: Side,
    /// Values of a line.
    length: usize,
    /// Where the panels begin.
    start: usize,
    pairs: Vec<u32>,
}

impl Panels {
    /// Panels without lines.
    pub(in crate::native) fn empty(side: Side) -> Self {
        Self {
            side,
            length: 0,
            start: 0,
            pairs: Vec::new(),
        }
    }

    /// All lines of a matrix `[lines, length]`, by all threads.
    pub(super) fn all(side: Side, matrix: Matrix<'_>, sizes: [usize; 2]) -> Self {
        let mut panels = Self::empty(side);
        panels.write(sizes, |room, size| {
            let groups = room.par_chunks_mut(GROUP * size).enumerate();
            groups.for_each(|(number, group)| pack(side, matrix, sizes, number, group));
        });
        panels
    }

    /// The first lines of a matrix `[lines, length]` instead of those that are here.
    pub(in crate::native) fn fill(&mut self, matrix: Matrix<'_>, sizes: [usize; 2]) {
        let side = self.side;
        self.write(sizes, |room, size| {
            let groups = room.chunks_mut(GROUP * size).enumerate();
            groups.for_each(|(number, group)| pack(side, matrix, sizes, number, group));
        });
    }

    /// Panels of `lines` of a length, of which `fill` writes every pair; it is told how many one has.
    ///
    /// They begin where a line of the cache does: a row of a tile is one of them then, and not parts
    /// of two, which would take half as long again.
    #[allow(unsafe_code, reason = "memory that is not written before")]
    fn write(
        &mut self,
        [lines, length]: [usize; 2],
        fill: impl FnOnce(&mut [MaybeUninit<u32>], usize),
    ) {
        self.length = length;
        let pairs = lines.div_ceil(PANEL) * panel_pairs(length);
        self.pairs.clear();
        self.pairs.reserve(pairs + BLOCK);
        self.start = self.pairs.as_ptr().align_offset(CACHE_LINE);
        let room = &mut self.pairs.spare_capacity_mut()[..self.start + pairs];
        let (before, panels) = room.split_at_mut(self.start);
        before.fill(MaybeUninit::new(0));
        fill(panels, panel_pairs(length));
        // SAFETY: they are allocated, and written above.
        unsafe { self.pairs.set_len(self.start + pairs) };
    }

    /// All of them.
    pub(in crate::native) fn whole(&self) -> Part<'_> {
        let size = panel_pairs(self.length);
        Part {
            panels: &self.pairs[self.start..],
            size,
            start: 0,
            end: size,
        }
    }

    /// The panels of some lines, from a whole panel on.
    pub(in crate::native) fn lines(&self, lines: Range<usize>) -> Part<'_> {
        assert!(lines.start.is_multiple_of(PANEL), "{lines:?}");
        let whole = self.whole();
        let [start, end] = [lines.start / PANEL, lines.end.div_ceil(PANEL)];
        Part {
            panels: &whole.panels[start * whole.size..end * whole.size],
            ..whole
        }
    }

    /// The same values of every line, from a whole step on.
    pub(in crate::native) fn values(&self, values: Range<usize>) -> Part<'_> {
        assert!(values.start.is_multiple_of(STEP), "{values:?}");
        Part {
            start: values.start / STEP * STEP_PAIRS,
            end: panel_pairs(values.end),
            ..self.whole()
        }
    }

    /// Whether they are of so many lines of a length.
    pub(super) fn are_of(&self, lines: usize, length: usize) -> bool {
        self.length == length && self.iter().len() == lines.div_ceil(PANEL)
    }

    /// A value of a line of a right matrix, as it was rounded.
    pub(super) fn right_value(&self, line: usize, position: usize) -> f32 {
        let panel = line / PANEL * panel_pairs(self.length);
        let step = position / STEP * STEP_PAIRS;
        let block = line % PANEL / BLOCK * BLOCK * BLOCK;
        let pair = position % STEP / 2 * BLOCK + line % BLOCK;
        let pair = self.whole().panels[panel + step + block + pair];
        // The first of a pair is its low half.
        f32::from_bits(match position % 2 {
            0 => pair << 16,
            _ => pair & 0xffff_0000,
        })
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &[u32]> {
        self.whole().iter()
    }
}

/// Some panels, or the same pairs of each.
#[derive(Debug, Clone, Copy)]
pub(in crate::native) struct Part<'a> {
    panels: &'a [u32],
    /// Pairs of a panel.
    size: usize,
    /// The first of those that count.
    start: usize,
    /// Where they end.
    end: usize,
}

impl<'a> Part<'a> {
    pub(super) fn iter(self) -> impl ExactSizeIterator<Item = &'a [u32]> {
        let panels = self.panels.chunks_exact(self.size);
        panels.map(move |panel| &panel[self.start..self.end])
    }
}

/// Pairs of a panel whose lines have so many values.
fn panel_pairs(length: usize) -> usize {
    length.div_ceil(STEP) * STEP_PAIRS
}

/// A group of the panels of a matrix `[lines, length]`, by its number.
fn pack(
    side: Side,
    matrix: Matrix<'_>,
    [lines, length]: [usize; 2],
    number: usize,
    group: &mut [MaybeUninit<u32>],
) {
    let size = panel_pairs(length);
    let (panels, steps) = (0..group.len() / size, 0..length.div_ceil(STEP));
    let mut pack = |panel: usize, step: usize| {
        let (line, column) = ((number * GROUP + panel) * PANEL, step * STEP);
        let left = [lines - line, length - column];
        let part = matrix.skip_rows(line).skip_columns(column);
        let blocks = &mut group[panel * size + step * STEP_PAIRS..][..STEP_PAIRS];
        pack_step(side, part, left, blocks);
    };
    if matrix.is_column_major() {
        for step in steps {
            panels.clone().for_each(|panel| pack(panel, step));
        }
    } else {
        for panel in panels {
            steps.clone().for_each(|step| pack(panel, step));
        }
    }
}

/// The two blocks of a panel for a step, from a matrix of so many lines and values.
fn pack_step(
    side: Side,
    matrix: Matrix<'_>,
    [lines, values]: [usize; 2],
    blocks: &mut [MaybeUninit<u32>],
) {
    let values = STEP.min(values);
    for (half, block) in blocks.chunks_exact_mut(BLOCK * BLOCK).enumerate() {
        let first = half * BLOCK;
        let lines = BLOCK.min(lines.saturating_sub(first));
        if lines == 0 {
            block.fill(MaybeUninit::new(0));
            continue;
        }
        let part = matrix.skip_rows(first);
        let is_whole = [lines, values] == [BLOCK, STEP];
        if is_whole && (part.is_row_major() || part.is_column_major()) {
            pack_block(side, part, block);
        } else {
            pack_edge(side, part, lines, values, block);
        }
    }
}

/// A block at an edge of the matrix, or of one whose values lie far apart: by a copy with zeros.
fn pack_edge(
    side: Side,
    matrix: Matrix<'_>,
    lines: usize,
    values: usize,
    block: &mut [MaybeUninit<u32>],
) {
    let mut copy = [0.0; BLOCK * STEP];
    if matrix.is_column_major() {
        for (column, copy) in copy.chunks_exact_mut(BLOCK).enumerate().take(values) {
            copy[..lines].copy_from_slice(&matrix.skip_columns(column).values()[..lines]);
        }
        return pack_block(side, Matrix::rows(&copy, BLOCK).transposed(), block);
    }
    for (line, copy) in copy.chunks_exact_mut(STEP).enumerate().take(lines) {
        if matrix.is_row_major() {
            copy[..values].copy_from_slice(&matrix.skip_rows(line).values()[..values]);
            continue;
        }
        for (column, value) in copy.iter_mut().enumerate().take(values) {
            *value = matrix.at(line, column);
        }
    }
    pack_block(side, Matrix::rows(&copy, STEP), block);
}

/// A whole block.
#[allow(unsafe_code, reason = "calls what is compiled for an instruction set")]
fn pack_block(side: Side, matrix: Matrix<'_>, block: &mut [MaybeUninit<u32>]) {
    assert!(matrix.holds(BLOCK, STEP) && block.len() == BLOCK * BLOCK);
    // SAFETY: only called where packing is available; the sizes are checked.
    unsafe {
        if matrix.is_row_major() {
            pack_lines(side, matrix, block);
        } else {
            pack_pairs(side, matrix, block);
        }
    }
}

/// From lines whose values are neighbors.
///
/// # Safety
/// The machine has the instructions; matrix and block hold a whole block.
#[allow(unsafe_code, reason = "vector instructions")]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn pack_lines(side: Side, matrix: Matrix<'_>, block: &mut [MaybeUninit<u32>]) {
    let (values, stride) = (matrix.values().as_ptr(), matrix.row_stride());
    let mut vectors = [_mm512_setzero_si512(); BLOCK];
    for (line, vector) in vectors.iter_mut().enumerate() {
        // SAFETY: the matrix holds as many lines and values.
        let (low, high) = unsafe {
            let line = values.add(line * stride);
            (_mm512_loadu_ps(line), _mm512_loadu_ps(line.add(BLOCK)))
        };
        *vector = bits(_mm512_cvtne2ps_pbh(high, low));
    }
    if side == Side::Right {
        vectors = transposed(vectors);
    }
    // SAFETY: there is room for them.
    unsafe { store(vectors, block) };
}

/// From lines that are neighbors.
///
/// # Safety
/// The machine has the instructions; matrix and block hold a whole block.
#[allow(unsafe_code, reason = "vector instructions")]
#[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
unsafe fn pack_pairs(side: Side, matrix: Matrix<'_>, block: &mut [MaybeUninit<u32>]) {
    let (values, stride) = (matrix.values().as_ptr(), matrix.column_stride());
    let mut order = [0u16; 2 * BLOCK];
    for (place, from) in order.iter_mut().enumerate() {
        *from = (place / 2 + place % 2 * BLOCK) as u16;
    }
    // SAFETY: as many bits.
    let order = unsafe { _mm512_loadu_si512(order.as_ptr().cast()) };
    let mut vectors = [_mm512_setzero_si512(); BLOCK];
    for (pair, vector) in vectors.iter_mut().enumerate() {
        // SAFETY: the matrix holds as many lines and values.
        let (low, high) = unsafe {
            let first = values.add(2 * pair * stride);
            (_mm512_loadu_ps(first), _mm512_loadu_ps(first.add(stride)))
        };
        *vector = _mm512_permutexvar_epi16(order, bits(_mm512_cvtne2ps_pbh(high, low)));
    }
    if side == Side::Left {
        vectors = transposed(vectors);
    }
    // SAFETY: there is room for them.
    unsafe { store(vectors, block) };
}

#[allow(unsafe_code, reason = "the same bits by another name")]
#[inline]
#[target_feature(enable = "avx512f")]
fn bits(halves: __m512bh) -> __m512i {
    // SAFETY: both are 512 bits without meaning of their own.
    unsafe { std::mem::transmute(halves) }
}

/// # Safety
/// The block has room for 16 vectors.
#[allow(unsafe_code, reason = "vector instructions")]
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn store(vectors: [__m512i; BLOCK], block: &mut [MaybeUninit<u32>]) {
    for (line, vector) in vectors.into_iter().enumerate() {
        // SAFETY: as the caller says.
        unsafe { _mm512_storeu_si512(block.as_mut_ptr().add(line * BLOCK).cast(), vector) };
    }
}

/// A matrix of 16 x 16 values of 32 bits, transposed: by pairs, then fours, then quarters.
#[inline]
#[target_feature(enable = "avx512f")]
fn transposed(rows: [__m512i; BLOCK]) -> [__m512i; BLOCK] {
    let mut pairs = rows;
    for at in (0..BLOCK).step_by(2) {
        pairs[at] = _mm512_unpacklo_epi32(rows[at], rows[at + 1]);
        pairs[at + 1] = _mm512_unpackhi_epi32(rows[at], rows[at + 1]);
    }
    let mut fours = pairs;
    for at in (0..BLOCK).step_by(4) {
        fours[at] = _mm512_unpacklo_epi64(pairs[at], pairs[at + 2]);
        fours[at + 1] = _mm512_unpackhi_epi64(pairs[at], pairs[at + 2]);
        fours[at + 2] = _mm512_unpacklo_epi64(pairs[at + 1], pairs[at + 3]);
        fours[at + 3] = _mm512_unpackhi_epi64(pairs[at + 1], pairs[at + 3]);
    }
    // Of four rows each, the quarter `q` of vector `c` now holds column `4 q + c`.
    let mut columns = fours;
    for column in 0..4 {
        let [first, second, third, fourth] = [0, 4, 8, 12].map(|row| fours[row + column]);
        let even = _mm512_shuffle_i32x4::<0b10_00_10_00>(first, second);
        let odd = _mm512_shuffle_i32x4::<0b11_01_11_01>(first, second);
        let even_below = _mm512_shuffle_i32x4::<0b10_00_10_00>(third, fourth);
        let odd_below = _mm512_shuffle_i32x4::<0b11_01_11_01>(third, fourth);
        columns[column] = _mm512_shuffle_i32x4::<0b10_00_10_00>(even, even_below);
        columns[column + 8] = _mm512_shuffle_i32x4::<0b11_01_11_01>(even, even_below);
        columns[column + 4] = _mm512_shuffle_i32x4::<0b10_00_10_00>(odd, odd_below);
        columns[column + 12] = _mm512_shuffle_i32x4::<0b11_01_11_01>(odd, odd_below);
    }
    columns
}
