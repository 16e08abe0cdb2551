//! Scores of tables by the distance between query and key, added to the products of queries and keys,
//! and their gradients.
//!
//! A block of queries and 64 keys are a tile, whose distances have few rows. Queries or keys are
//! multiplied by these rows, and each score takes the product of its own: at most 127 products for 64
//! scores, and no matrix of all tokens and rows is stored.

use super::super::product::Matrix;
use super::Problem;
use super::head::Block;
use super::table::{HeadTable, Table};
use super::term_tile::{Tile, around};

/// What the tables of a head give to scores, and take of their gradients.
#[derive(Debug)]
pub(super) struct Terms<T> {
    /// Multiplied by queries.
    keys: Option<T>,
    /// Multiplied by keys.
    queries: Option<T>,
    /// Of each row, divided by the scale that all scores are multiplied by.
    bias: Vec<f32>,
    bias_gradient: Vec<f32>,
    tile: Tile,
    /// Of queries or keys of a tile and its rows.
    products: Vec<f32>,
}

impl<T> Default for Terms<T> {
    fn default() -> Self {
        Self {
            keys: None,
            queries: None,
            bias: Vec::new(),
            bias_gradient: Vec::new(),
            tile: Tile::default(),
            products: Vec::new(),
        }
    }
}

/// The gradients of a head's tables: `[R, K]`, `[R, K]` and `[R]`; nothing of one that there is not.
pub(super) type TableSums = [Vec<f32>; 3];

/// Queries of a block, and keys of its sequence.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lefts<'a> {
    pub(super) queries: Matrix<'a>,
    pub(super) keys: Matrix<'a>,
}

/// Where the gradients of [`Lefts`] are added, `width` values for each.
#[derive(Debug)]
pub(super) struct LeftGradients<'a> {
    pub(super) queries: &'a mut [f32],
    pub(super) keys: &'a mut [f32],
    pub(super) width: usize,
}

impl<T: Table> Terms<T> {
    /// Takes the tables of a head, and forgets the gradients of others.
    pub(super) fn load(&mut self, problem: &Problem<'_>, head: usize, with_gradients: bool) {
        let Some(relative) = problem.relative else {
            return;
        };
        let farthest = problem.offsets.padded_length() as isize - 1;
        let distances = -farthest..=farthest;
        let used = around(distances.map(|distance| relative.buckets.row(distance)));
        for (memory, values) in [
            (&mut self.keys, relative.keys),
            (&mut self.queries, relative.queries),
        ] {
            *memory = values.map(|values| {
                let mut table = memory.take().unwrap_or_default();
                table.load(HeadTable {
                    values: &values[head * problem.head_width..],
                    hidden: problem.hidden(),
                    count: relative.buckets.num_rows(),
                    width: problem.head_width,
                    used,
                    precision: problem.precision,
                    with_gradients,
                });
                table
            });
        }
        self.bias.clear();
        if let Some(bias) = relative.bias {
            let of_head = bias[head..].iter().step_by(problem.heads);
            self.bias.extend(of_head.map(|bias| bias / problem.scale));
        }
        self.bias_gradient.clear();
        self.bias_gradient.resize(self.bias.len(), 0.0);
    }

    /// Adds to the scores of a block before their scale, `stride` for each query.
    pub(super) fn add(
        &mut self,
        problem: &Problem<'_>,
        block: Block,
        lefts: Lefts<'_>,
        scores: &mut [f32],
        stride: usize,
    ) {
        let Some(relative) = problem.relative else {
            return;
        };
        let count = block.count;
        for keys in Tile::keys_of(block) {
            self.tile.place(relative.buckets, block, keys);
            let tile = &self.tile;
            let scores = &mut scores[keys.start - block.keys.start..];
            if let Some(table) = &mut self.keys {
                table.product(lefts.queries, count, tile.rows(), &mut self.products);
                tile.add_by_query(&self.products, count, scores, stride);
            }
            if let Some(table) = &mut self.queries {
                let left = lefts.keys.skip_rows(keys.start);
                table.product(left, keys.len(), tile.rows(), &mut self.products);
                tile.add_by_key(&self.products, count, scores, stride);
            }
            if !self.bias.is_empty() {
                tile.add_by_row(&self.bias, count, scores, stride);
            }
        }
    }

    /// From the gradient of what [`Self::add`] added to, to those of queries, keys and tables.
    pub(super) fn backward(
        &mut self,
        problem: &Problem<'_>,
        block: Block,
        lefts: Lefts<'_>,
        (of_scores, stride): (&[f32], usize),
        of_lefts: LeftGradients<'_>,
    ) {
        let Some(relative) = problem.relative else {
            return;
        };
        let (count, products) = (block.count, &mut self.products);
        for keys in Tile::keys_of(block) {
            self.tile.place(relative.buckets, block, keys);
            let tile = &self.tile;
            let of_scores = &of_scores[keys.start - block.keys.start..];
            if let Some(table) = &mut self.keys {
                tile.sum_by_query(of_scores, stride, count, products);
                table.backward(
                    products,
                    lefts.queries,
                    count,
                    tile.rows(),
                    of_lefts.queries,
                );
            }
            if let Some(table) = &mut self.queries {
                tile.sum_by_key(of_scores, stride, count, products);
                let left = lefts.keys.skip_rows(keys.start);
                let of_left = &mut of_lefts.keys[keys.start * of_lefts.width..];
                table.backward(products, left, keys.len(), tile.rows(), of_left);
            }
            if !self.bias.is_empty() {
                tile.sum_by_row(of_scores, stride, count, &mut self.bias_gradient);
            }
        }
    }

    /// The gradients that all blocks since [`Self::load`] have added to.
    pub(super) fn sums(&self, problem: &Problem<'_>) -> TableSums {
        let of_table = |table: &Option<T>| table.as_ref().map(T::gradient).unwrap_or_default();
        let of_bias = self.bias_gradient.iter().map(|sum| sum / problem.scale);
        [
            of_table(&self.keys),
            of_table(&self.queries),
            of_bias.collect(),
        ]
    }
}
