//! Attention of a head by bfloat16 matrix products, see [`bf16`](crate::native::bf16).
//!
//! Token rows are packed without prior copies. Panels are padded with zeros, and sums over keys,
//! queries or the width have a fixed order: so the result of a query is bit-identical for any other
//! queries and any padding.

use super::super::bf16::{Kernel, PANEL, Panels, Side};
use super::super::product::{Matrix, Place as Target};
use super::bf16_table::Bf16Table;
use super::columns::HeadRows;
use super::head::{Block, Head, Place};
use super::scores::Scores;
use super::terms::{LeftGradients, Lefts, TableSums, Terms};
use super::{KEY_STEP, MOST_QUERIES, Problem};

const _: () = assert!(KEY_STEP.is_multiple_of(PANEL));

/// The memory of a task; `Qp`, `Sp` and `Kp` are the sizes in whole panels.
#[derive(Debug)]
pub(super) struct Bf16 {
    sequence: usize,
    width: usize,
    /// Keys, summed over their width: for the scores.
    keys: Panels,
    /// The columns of the values, summed over the keys: for the result.
    value_columns: Panels,
    /// Values, summed over their width: for the gradient of the weights.
    values: Panels,
    /// The columns of the keys, summed over the keys: for the gradient of the queries.
    key_columns: Panels,
    /// What is multiplied by one of them.
    left: Panels,
    /// What is multiplied by `left` and not by one of them.
    right: Panels,
    /// `[Qp, Sp]`
    scores: Scores,
    /// `[Qp, Kp]`
    output: Vec<f32>,
    /// `[Sp, Kp]`
    key_gradient: Vec<f32>,
    /// `[Sp, Kp]`
    value_gradient: Vec<f32>,
    terms: Terms<Bf16Table>,
}

impl Default for Bf16 {
    fn default() -> Self {
        let right = || Panels::empty(Side::Right);
        Self {
            sequence: 0,
            width: 0,
            keys: right(),
            value_columns: right(),
            values: right(),
            key_columns: right(),
            left: Panels::empty(Side::Left),
            right: right(),
            scores: Scores::default(),
            output: Vec::new(),
            key_gradient: Vec::new(),
            value_gradient: Vec::new(),
            terms: Terms::default(),
        }
    }
}

impl Bf16 {
    fn padded_sequence(&self) -> usize {
        self.sequence.next_multiple_of(PANEL)
    }

    fn padded_width(&self) -> usize {
        self.width.next_multiple_of(PANEL)
    }

    /// Makes room, and takes the keys for the scores; gives keys and values where they lie.
    fn load_keys<'a>(&mut self, problem: &Problem<'a>, place: Place) -> [Matrix<'a>; 2] {
        let (sequence, width) = (place.tokens.len(), problem.head_width);
        self.sequence = sequence;
        self.width = width;
        let block = MOST_QUERIES
            .min(place.queries.len())
            .next_multiple_of(PANEL);
        self.scores.prepare(problem);
        self.output.resize(block * self.padded_width(), 0.0);
        let [keys, values] = [problem.key, problem.value]
            .map(|rows| Matrix::rows(place.rows(problem, rows), problem.hidden()));
        self.keys.fill(keys, [sequence, width]);
        [keys, values]
    }

    /// The first rows of a head's memory, without their zeros.
    fn rows<'a>(&self, values: &'a [f32], count: usize) -> HeadRows<'a> {
        HeadRows {
            values,
            stride: self.padded_width(),
            count,
            width: self.width,
        }
    }
}

/// Queries of a block, and keys of its sequence, where they lie.
fn lefts<'a>(problem: &Problem<'a>, block: Block) -> Lefts<'a> {
    Lefts {
        queries: Matrix::rows(block.rows(problem, problem.query), problem.hidden()),
        keys: Matrix::rows(block.place.rows(problem, problem.key), problem.hidden()),
    }
}

impl Head for Bf16 {
    fn load_tables(&mut self, problem: &Problem<'_>, head: usize, with_gradients: bool) {
        self.terms.load(problem, head, with_gradients);
    }

    fn load(&mut self, problem: &Problem<'_>, place: Place) {
        let [_, values] = self.load_keys(problem, place);
        let sizes = [self.width, self.sequence];
        self.value_columns.fill(values.transposed(), sizes);
    }

    fn load_backward(&mut self, problem: &Problem<'_>, place: Place) {
        let [keys, values] = self.load_keys(problem, place);
        let (sequence, width) = (self.sequence, self.width);
        self.key_columns.fill(keys.transposed(), [width, sequence]);
        self.values.fill(values, [sequence, width]);
        let slots = self.padded_sequence() * self.padded_width();
        for gradient in [&mut self.key_gradient, &mut self.value_gradient] {
            gradient.clear();
            gradient.resize(slots, 0.0);
        }
    }

    fn attend(&mut self, problem: &Problem<'_>, block: Block) {
        let count = block.count;
        let lefts = lefts(problem, block);
        self.left.fill(lefts.queries, [count, self.width]);
        let stride = block.keys.len().next_multiple_of(PANEL);
        let scores = self.scores.room(count.next_multiple_of(PANEL), stride);
        let keys = self.keys.lines(block.keys.start..block.keys.end);
        Kernel::of_this_thread().product(self.left.whole(), keys, scores, Target::Overwrite);
        self.terms.add(problem, block, lefts, scores, stride);
        self.scores.soften(problem, block);
    }

    fn weigh(&mut self, block: Block) -> HeadRows<'_> {
        let Block { count, keys, .. } = block;
        let stride = keys.len().next_multiple_of(PANEL);
        let weights = Matrix::rows(self.scores.weights(count), stride);
        self.left.fill(weights, [count, keys.len()]);
        let output = count.next_multiple_of(PANEL) * self.padded_width();
        let output = &mut self.output[..output];
        let values = self.value_columns.values(keys.start..keys.end);
        Kernel::of_this_thread().product(self.left.whole(), values, output, Target::Overwrite);
        self.rows(&self.output, count)
    }

    fn backward(&mut self, problem: &Problem<'_>, block: Block, gradient: &[f32]) -> HeadRows<'_> {
        let kernel = Kernel::of_this_thread();
        let Block { count, keys, .. } = block;
        let (width, padded_width) = (self.width, self.padded_width());
        let stride = keys.len().next_multiple_of(PANEL);
        let tokens = keys.start..keys.end;
        let padded_count = count.next_multiple_of(PANEL);
        let of_output = Matrix::rows(block.rows(problem, gradient), problem.hidden());
        self.left.fill(of_output, [count, width]);
        let of_weights = self.scores.gradient_room(padded_count);
        let values = self.values.lines(tokens.clone());
        kernel.product(self.left.whole(), values, of_weights, Target::Overwrite);

        let weights = Matrix::rows(self.scores.weights(count), stride);
        self.left.fill(weights.transposed(), [keys.len(), count]);
        self.right.fill(of_output.transposed(), [width, count]);
        let of_values = &mut self.value_gradient[keys.start * padded_width..];
        kernel.product(
            self.left.whole(),
            self.right.whole(),
            of_values,
            Target::AddTo,
        );

        let exact = self.scores.backward(count);
        let of_scores = Matrix::rows(exact, stride);
        self.left.fill(of_scores.transposed(), [keys.len(), count]);
        let lefts = lefts(problem, block);
        self.right.fill(lefts.queries.transposed(), [width, count]);
        let of_keys = &mut self.key_gradient[keys.start * padded_width..];
        kernel.product(
            self.left.whole(),
            self.right.whole(),
            of_keys,
            Target::AddTo,
        );

        self.left.fill(of_scores, [count, keys.len()]);
        let of_queries = &mut self.output[..padded_count * padded_width];
        let columns = self.key_columns.values(tokens);
        kernel.product(self.left.whole(), columns, of_queries, Target::Overwrite);
        let of_lefts = LeftGradients {
            queries: of_queries,
            keys: &mut self.key_gradient,
            width: padded_width,
        };
        let of_scores = (exact, stride);
        self.terms
            .backward(problem, block, lefts, of_scores, of_lefts);
        self.rows(&self.output, count)
    }

    fn key_and_value_gradients(&self) -> (HeadRows<'_>, HeadRows<'_>) {
        let of = |gradient| self.rows(gradient, self.sequence);
        (of(&self.key_gradient), of(&self.value_gradient))
    }

    fn table_gradients(&self, problem: &Problem<'_>) -> TableSums {
        self.terms.sums(problem)
    }
}
