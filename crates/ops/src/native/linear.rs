//! Linear layer on token rows, forward and backward.

use std::mem::MaybeUninit;

use rayon::prelude::*;

use super::memory::{Buffer, add_up, written};
use super::product::{Matrix, Place, in_one_order, product};
use super::{TASK, rows_in_task};
use crate::precision::Precision;

/// Sizes of a linear layer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    /// Rows, `T`.
    pub(crate) rows: usize,
    pub(crate) inputs: usize,
    pub(crate) outputs: usize,
}

impl Sizes {
    /// Of the transposed layer.
    pub(crate) fn turned(self) -> Self {
        Self {
            inputs: self.outputs,
            outputs: self.inputs,
            ..self
        }
    }
}

/// The crate of the product adds up in lanes, in some layouts, if there are so few results.
const FEW_RESULTS: usize = 256;

/// `rows · weight + bias`, with the same bits of a row whatever the number of rows.
///
/// # Shapes
/// - `rows`: `[T, input]`
/// - `weight`: `[input, output]`
/// - `bias`: `[output]`
/// - output: `[T, output]`
#[allow(unsafe_code, reason = "memory that is not written before")]
pub(crate) fn apply<B: Buffer>(
    rows: Matrix<'_>,
    weight: Matrix<'_>,
    bias: Option<&[f32]>,
    sizes: Sizes,
    precision: Precision,
) -> B {
    let Sizes {
        rows: count,
        inputs,
        outputs,
    } = sizes;
    let shape = [count, outputs, inputs];
    if precision != Precision::F32 {
        return narrow(shape, rows, weight, bias, precision, |rows, weight| {
            apply(rows, weight, bias, sizes, Precision::F32)
        });
    }
    // A lone row or column has an order of sums of its own, and so have small products with a
    // column-major weight. Zeros and a copy avoid that; all of it is rare and small.
    let (mut wide, mut tall) = (Vec::new(), Vec::new());
    let columns = outputs.max(2);
    let small = weight.is_column_major() && count.max(2) * columns <= FEW_RESULTS;
    let weight = match outputs < columns || small {
        true => padded(&mut wide, weight, [inputs, outputs], [inputs, columns]),
        false => weight,
    };
    let rows = match count {
        1 => padded(&mut tall, rows, [1, inputs], [2, inputs]),
        _ => rows,
    };
    let padded_count = count.max(2);
    let place = match bias {
        Some(_) => Place::AddTo,
        None => Place::Overwrite,
    };
    let fill = |out: &mut [MaybeUninit<f32>]| {
        if let Some(bias) = bias {
            repeat(bias, out, columns);
        }
        let sizes = [padded_count, columns, inputs];
        // SAFETY: there is room for the product, with a bias in all of it or nothing to add to.
        unsafe {
            in_one_order(
                out.as_mut_ptr().cast(),
                columns,
                place,
                sizes,
                rows,
                weight,
                true,
            )
        };
    };
    let length = padded_count * columns;
    if [padded_count, columns] == [count, outputs] {
        // SAFETY: the product has as many values.
        return unsafe { written(length, fill) };
    }
    // SAFETY: as above.
    let out: Vec<f32> = unsafe { written(length, fill) };
    let rows = out.chunks_exact(columns).take(count);
    let values = rows.flat_map(|row| &row[..outputs]).copied();
    B::copied(&values.collect::<Vec<_>>())
}

/// A product of a precision: by the machine's instructions for it, or `rounded` of both matrices.
#[allow(unsafe_code, reason = "memory that is not written before")]
fn narrow<B: Buffer>(
    [m, n, k]: [usize; 3],
    left: Matrix<'_>,
    right: Matrix<'_>,
    bias: Option<&[f32]>,
    precision: Precision,
    rounded: impl FnOnce(Matrix<'_>, Matrix<'_>) -> B,
) -> B {
    #[cfg(target_arch = "x86_64")]
    if precision == Precision::Bf16 && super::bf16::is_available() {
        // SAFETY: the product has as many values, and writes all of them.
        return unsafe {
            written(m * n, |out| {
                super::bf16::product(out, [m, n, k], left, right, bias);
            })
        };
    }
    let (mut of_left, mut of_right) = (Vec::new(), Vec::new());
    rounded(
        left.round([m, k], precision, &mut of_left),
        right.round([k, n], precision, &mut of_right),
    )
}

/// A copy with zeros behind its rows and columns.
pub(super) fn padded<'a>(
    copy: &'a mut Vec<f32>,
    matrix: Matrix<'_>,
    [rows, columns]: [usize; 2],
    [padded_rows, padded_columns]: [usize; 2],
) -> Matrix<'a> {
    copy.resize(padded_rows * padded_columns, 0.0);
    for (row, values) in copy.chunks_exact_mut(padded_columns).take(rows).enumerate() {
        for (column, value) in values.iter_mut().take(columns).enumerate() {
            *value = matrix.at(row, column);
        }
    }
    Matrix::rows(copy, padded_columns)
}

/// The bias in every row.
pub(super) fn repeat(bias: &[f32], out: &mut [MaybeUninit<f32>], columns: usize) {
    let task = rows_in_task(columns) * columns;
    out.par_chunks_mut(task).for_each(|rows| {
        for row in rows.chunks_exact_mut(columns) {
            let (of_bias, beside) = row.split_at_mut(bias.len());
            of_bias.write_copy_of_slice(bias);
            beside.fill(MaybeUninit::new(0.0));
        }
    });
}

/// The gradient of the rows: `gradient · weightᵀ`.
pub(crate) fn rows_gradient<B: Buffer>(
    gradient: Matrix<'_>,
    weight: Matrix<'_>,
    sizes: Sizes,
    precision: Precision,
) -> B {
    let shape = [sizes.rows, sizes.inputs, sizes.outputs];
    whole_product(shape, gradient, weight.transposed(), precision)
}

/// The gradient of the weight: `rowsᵀ · gradient`.
pub(crate) fn weight_gradient<B: Buffer>(
    rows: Matrix<'_>,
    gradient: Matrix<'_>,
    sizes: Sizes,
    precision: Precision,
) -> B {
    let shape = [sizes.inputs, sizes.outputs, sizes.rows];
    whole_product(shape, rows.transposed(), gradient, precision)
}

/// `left · right`, by all threads, in whatever order is fastest.
#[allow(unsafe_code, reason = "memory that is not written before")]
fn whole_product<B: Buffer>(
    shape: [usize; 3],
    left: Matrix<'_>,
    right: Matrix<'_>,
    precision: Precision,
) -> B {
    if precision != Precision::F32 {
        return narrow(shape, left, right, None, precision, |left, right| {
            whole_product(shape, left, right, Precision::F32)
        });
    }
    let fill = |out: &mut [MaybeUninit<f32>]| {
        let out = out.as_mut_ptr().cast();
        // SAFETY: there is room for the product.
        unsafe { product(out, shape[1], Place::Overwrite, shape, left, right, true) };
    };
    // SAFETY: the product has as many values.
    unsafe { written(shape[0] * shape[1], fill) }
}

/// The gradient of the bias: the sum of the rows.
pub(crate) fn bias_gradient(gradient: &[f32], width: usize) -> Vec<f32> {
    let task = (16 * TASK).div_ceil(width) * width;
    let sums = gradient.par_chunks(task).map(|rows| {
        let mut sums = vec![0.0; width];
        for row in rows.chunks_exact(width) {
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += value;
            }
        }
        sums
    });
    add_up(&sums.collect::<Vec<_>>(), width)
}
