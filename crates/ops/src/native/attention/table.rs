//! Products of queries or keys of a head by the rows of a table, in f32, with operands rounded to the
//! precision.

use super::super::product::{Matrix, Place as Target, multiply, multiply_in_one_order};
use super::super::rounding::{round, rounded};
use super::floats::{rows_of_product, transpose};
use super::head::Rows;
use crate::attention::relative::ROWS_TOGETHER as ROW_STEP;
use crate::precision::Precision;

/// A head's columns of a table `[R, D]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct HeadTable<'a> {
    /// From the head's first column on.
    pub(super) values: &'a [f32],
    pub(super) hidden: usize,
    /// `R`
    pub(super) count: usize,
    /// `K`
    pub(super) width: usize,
    /// The only rows that are asked for.
    pub(super) used: Rows,
    pub(super) precision: Precision,
    /// Whether [`Table::backward`] follows.
    pub(super) with_gradients: bool,
}

/// The memory of a head's table. Rows begin and end at a multiple of [`ROW_STEP`].
pub(super) trait Table: Default {
    /// Takes a table, and forgets the gradient of another.
    fn load(&mut self, table: HeadTable<'_>);

    /// The products of the first `count` left rows with rows of the table, those of a left row one
    /// after the other.
    fn product(&mut self, left: Matrix<'_>, count: usize, rows: Rows, products: &mut Vec<f32>);

    /// From the gradient of the products, adds to those of the left rows and of the table.
    fn backward(
        &mut self,
        of_products: &[f32],
        left: Matrix<'_>,
        count: usize,
        rows: Rows,
        of_left: &mut [f32],
    );

    /// The gradient that has been added to since [`Self::load`], `[R, K]`.
    fn gradient(&self) -> Vec<f32>;
}

/// The first columns of the first rows of a gradient with other sizes.
pub(super) fn without_padding(
    values: &[f32],
    stride: usize,
    [count, width]: [usize; 2],
) -> Vec<f32> {
    let mut gradient = Vec::with_capacity(count * width);
    for row in values.chunks(stride).take(count) {
        gradient.extend_from_slice(&row[..width]);
    }
    gradient.resize(count * width, 0.0);
    gradient
}

/// `Rp` and `Kp` are the sizes with zeros.
#[derive(Debug, Default)]
pub(super) struct FloatTable {
    count: usize,
    padded_count: usize,
    width: usize,
    padded_width: usize,
    precision: Precision,
    /// `[Rp, Kp]`
    rows: Vec<f32>,
    /// `[K, Rp]`
    transposed: Vec<f32>,
    /// The gradient of products, in the precision.
    rounded: Vec<f32>,
    /// `[Rp, Kp]`
    gradient: Vec<f32>,
}

impl Table for FloatTable {
    fn load(&mut self, table: HeadTable<'_>) {
        let HeadTable { count, width, .. } = table;
        (self.count, self.padded_count) = (count, count.next_multiple_of(ROW_STEP));
        (self.width, self.padded_width) = (width, width.next_multiple_of(8));
        self.precision = table.precision;
        self.rows.clear();
        self.rows.resize(self.padded_count * self.padded_width, 0.0);
        self.gradient.clear();
        for row in table.used.start..table.used.end.min(count) {
            let copy = &mut self.rows[row * self.padded_width..][..width];
            copy.copy_from_slice(&table.values[row * table.hidden..][..width]);
            round(copy, table.precision);
        }
        let rows = table.used.start..table.used.end.min(self.padded_count);
        let widths = [self.padded_width, width];
        transpose(&mut self.transposed, &self.rows, widths, rows);
    }

    fn product(&mut self, left: Matrix<'_>, count: usize, rows: Rows, products: &mut Vec<f32>) {
        let shape = [rows_of_product(count), rows.len(), self.width];
        products.resize(shape[0] * shape[1], 0.0);
        let right = Matrix::rows(&self.transposed[rows.start..], self.padded_count);
        multiply_in_one_order(products, Target::Overwrite, shape, left, right);
    }

    fn backward(
        &mut self,
        of_products: &[f32],
        left: Matrix<'_>,
        count: usize,
        rows: Rows,
        of_left: &mut [f32],
    ) {
        let (stride, width) = (rows.len(), self.padded_width);
        let of_products = rounded(of_products, self.precision, &mut self.rounded);
        let of_products = Matrix::rows(of_products, stride);
        let right = Matrix::rows(&self.rows, width).skip_rows(rows.start);
        let shape = [count, width, stride];
        multiply(of_left, Target::AddTo, shape, of_products, right);
        self.gradient.resize(self.rows.len(), 0.0);
        let of_rows = &mut self.gradient[rows.start * width..];
        let shape = [stride, width, count];
        multiply(
            of_rows,
            Target::AddTo,
            shape,
            of_products.transposed(),
            left,
        );
    }

    fn gradient(&self) -> Vec<f32> {
        let sizes = [self.count, self.width];
        without_padding(&self.gradient, self.padded_width, sizes)
    }
}
