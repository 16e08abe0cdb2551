//! Products of queries or keys of a head by the rows of a table, in bfloat16.

use super::super::bf16::{Kernel, PANEL, Panels, Side};
use super::super::product::{Matrix, Place as Target};
use super::head::Rows;
use super::table::{HeadTable, Table, without_padding};
use crate::attention::relative::ROWS_TOGETHER as ROW_STEP;

const _: () = assert!(ROW_STEP.is_multiple_of(PANEL));

/// `Rp` and `Kp` are the sizes in whole panels.
#[derive(Debug)]
pub(super) struct Bf16Table {
    count: usize,
    width: usize,
    /// Rows, summed over their width: for the products.
    rows: Panels,
    /// The columns of the rows, summed over the rows: for the gradient of the left rows.
    columns: Panels,
    left: Panels,
    right: Panels,
    /// `[Rp, Kp]`
    gradient: Vec<f32>,
}

impl Default for Bf16Table {
    fn default() -> Self {
        let right = || Panels::empty(Side::Right);
        Self {
            count: 0,
            width: 0,
            rows: right(),
            columns: right(),
            left: Panels::empty(Side::Left),
            right: right(),
            gradient: Vec::new(),
        }
    }
}

impl Table for Bf16Table {
    fn load(&mut self, table: HeadTable<'_>) {
        let HeadTable { count, width, .. } = table;
        (self.count, self.width) = (count, width);
        let rows = Matrix::rows(table.values, table.hidden);
        self.rows.fill(rows, [count, width]);
        if table.with_gradients {
            self.columns.fill(rows.transposed(), [width, count]);
        }
        self.gradient.clear();
    }

    fn product(&mut self, left: Matrix<'_>, count: usize, rows: Rows, products: &mut Vec<f32>) {
        self.left.fill(left, [count, self.width]);
        products.resize(count.next_multiple_of(PANEL) * rows.len(), 0.0);
        let right = self.rows.lines(rows.start..rows.end);
        Kernel::of_this_thread().product(self.left.whole(), right, products, Target::Overwrite);
    }

    fn backward(
        &mut self,
        of_products: &[f32],
        left: Matrix<'_>,
        count: usize,
        rows: Rows,
        of_left: &mut [f32],
    ) {
        let kernel = Kernel::of_this_thread();
        let padded_width = self.width.next_multiple_of(PANEL);
        let of_products = Matrix::rows(of_products, rows.len());
        self.left.fill(of_products, [count, rows.len()]);
        let columns = self.columns.values(rows.start..rows.end);
        kernel.product(self.left.whole(), columns, of_left, Target::AddTo);

        let all = self.count.next_multiple_of(PANEL) * padded_width;
        self.gradient.resize(all, 0.0);
        let of_rows = &mut self.gradient[rows.start * padded_width..];
        self.left
            .fill(of_products.transposed(), [rows.len(), count]);
        self.right.fill(left.transposed(), [self.width, count]);
        let (left, right) = (self.left.whole(), self.right.whole());
        kernel.product(left, right, of_rows, Target::AddTo);
    }

    fn gradient(&self) -> Vec<f32> {
        let stride = self.width.next_multiple_of(PANEL);
        without_padding(&self.gradient, stride, [self.count, self.width])
    }
}
