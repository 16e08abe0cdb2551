//! Matrix product by the crate that burn's flex uses.
//!
//! The crate selects an algorithm by the sizes of the matrices, and the order of sums differs
//! between them. Results that must be bit-identical for any number of rows use [`in_one_order`].

use gemm::Parallelism;

/// A matrix in a slice: where the values of its rows and columns lie.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Matrix<'a> {
    values: &'a [f32],
    row_stride: usize,
    column_stride: usize,
}

impl<'a> Matrix<'a> {
    pub(crate) fn new(values: &'a [f32], [row_stride, column_stride]: [usize; 2]) -> Self {
        Self {
            values,
            row_stride,
            column_stride,
        }
    }

    /// Rows of a width, one after the other.
    pub(crate) fn rows(values: &'a [f32], width: usize) -> Self {
        Self::new(values, [width, 1])
    }

    pub(crate) fn transposed(self) -> Self {
        Self::new(self.values, [self.column_stride, self.row_stride])
    }

    pub(super) fn at(self, row: usize, column: usize) -> f32 {
        self.values[row * self.row_stride + column * self.column_stride]
    }

    /// The first value of the matrix, and all that follow it in memory.
    pub(super) fn values(self) -> &'a [f32] {
        self.values
    }

    pub(super) fn row_stride(self) -> usize {
        self.row_stride
    }

    pub(super) fn column_stride(self) -> usize {
        self.column_stride
    }

    /// Whether the values of a row are neighbors.
    pub(super) fn is_row_major(self) -> bool {
        self.column_stride == 1
    }

    /// Whether the values of a column are neighbors.
    pub(crate) fn is_column_major(self) -> bool {
        self.row_stride == 1
    }

    /// What is left of the first columns.
    pub(super) fn skip_columns(self, columns: usize) -> Self {
        let values = &self.values[columns * self.column_stride..];
        Self { values, ..self }
    }

    /// What is left of the first rows.
    pub(super) fn skip_rows(self, rows: usize) -> Self {
        let values = &self.values[rows * self.row_stride..];
        Self { values, ..self }
    }

    /// How many values lie from the first of so many rows and columns to the last.
    pub(super) fn length(self, rows: usize, columns: usize) -> usize {
        (rows - 1) * self.row_stride + (columns - 1) * self.column_stride + 1
    }

    pub(super) fn holds(self, rows: usize, columns: usize) -> bool {
        self.length(rows, columns) <= self.values.len()
    }
}

/// What becomes of the values that are in the place of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// They are overwritten, and need not have been written.
    Overwrite,
    /// The product is added to them.
    AddTo,
}

/// Products of so many sums and summands are worth all threads.
const PARALLEL: usize = 1 << 20;

/// Sums of up to so many summands are added up in one go.
const LONGEST_SUM: usize = 512;

/// `left · right` at `out`, a matrix `[m, n]` in rows that begin `stride` values apart, where `left` is
/// `[m, k]` and `right` `[k, n]`.
///
/// # Safety
/// `out` points to these values, which nobody else uses, written ones if they are to be added to.
#[allow(unsafe_code, reason = "the crate takes pointers")]
pub(super) unsafe fn product(
    out: *mut f32,
    stride: usize,
    place: Place,
    [m, n, k]: [usize; 3],
    left: Matrix<'_>,
    right: Matrix<'_>,
    parallel: bool,
) {
    if m == 0 || n == 0 {
        return;
    }
    assert!(
        k > 0 && left.holds(m, k) && right.holds(k, n),
        "{m} {n} {k}"
    );
    let threads = match parallel && m * n * k >= PARALLEL {
        true => Parallelism::Rayon(0),
        false => Parallelism::None,
    };
    // SAFETY: the matrices hold all that the sizes and strides reach, and the caller vouches for
    // `out`.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out,
            1,
            stride as isize,
            place == Place::AddTo,
            left.values.as_ptr(),
            left.column_stride as isize,
            left.row_stride as isize,
            right.values.as_ptr(),
            right.column_stride as isize,
            right.row_stride as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            threads,
        );
    }
}

/// The same, with sums added up in an order that does not depend on `m`, for `m` and `n` of at least
/// 2 and a `right` that is not column-major: that the crate adds up in lanes if it is small, and a
/// lone row or column in memory. Sums longer than it adds up in one go are cut here, not by the sizes
/// of the matrices.
///
/// # Safety
/// As for [`product`].
#[allow(unsafe_code, reason = "the crate takes pointers")]
pub(super) unsafe fn in_one_order(
    out: *mut f32,
    stride: usize,
    mut place: Place,
    [m, n, k]: [usize; 3],
    left: Matrix<'_>,
    right: Matrix<'_>,
    parallel: bool,
) {
    for start in (0..k).step_by(LONGEST_SUM) {
        let terms = LONGEST_SUM.min(k - start);
        let (left, right) = (left.skip_columns(start), right.skip_rows(start));
        // SAFETY: as the caller says; the first part has written what the others add to.
        unsafe { product(out, stride, place, [m, n, terms], left, right, parallel) };
        place = Place::AddTo;
    }
}

/// [`product`] in a slice, on this thread.
#[allow(unsafe_code, reason = "the crate takes pointers")]
pub(super) fn multiply(
    out: &mut [f32],
    place: Place,
    shape: [usize; 3],
    left: Matrix<'_>,
    right: Matrix<'_>,
) {
    assert!(shape[0] * shape[1] <= out.len(), "{shape:?}");
    // SAFETY: the slice has room for the product.
    unsafe { product(out.as_mut_ptr(), shape[1], place, shape, left, right, false) };
}

/// [`in_one_order`] in a slice, on this thread.
#[allow(unsafe_code, reason = "the crate takes pointers")]
pub(super) fn multiply_in_one_order(
    out: &mut [f32],
    place: Place,
    shape: [usize; 3],
    left: Matrix<'_>,
    right: Matrix<'_>,
) {
    assert!(shape[0] * shape[1] <= out.len(), "{shape:?}");
    // SAFETY: the slice has room for the product.
    unsafe { in_one_order(out.as_mut_ptr(), shape[1], place, shape, left, right, false) };
}
