//! Interface of the computation of one head of one sequence.

use super::Problem;
use super::columns::HeadRows;
use super::terms::TableSums;

/// Consecutive rows of a matrix.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rows {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Rows {
    pub(super) fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }

    pub(super) fn len(self) -> usize {
        self.end - self.start
    }
}

/// Which head of which sequence, and its rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) sequence: usize,
    pub(super) head: usize,
    pub(super) queries: Rows,
    /// Keys and values.
    pub(super) tokens: Rows,
}

impl Place {
    /// From the head's first column on, the rows of keys or values.
    pub(super) fn rows<'a>(self, problem: &Problem<'_>, matrix: &'a [f32]) -> &'a [f32] {
        self.rows_from(problem, matrix, self.tokens.start)
    }

    fn rows_from<'a>(self, problem: &Problem<'_>, matrix: &'a [f32], row: usize) -> &'a [f32] {
        &matrix[row * problem.hidden() + self.head * problem.head_width..]
    }
}

/// Queries of a head: `count` from `first` on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block {
    pub(super) place: Place,
    pub(super) first: usize,
    pub(super) count: usize,
    /// The tokens of the sequence that they attend to.
    pub(super) keys: Rows,
}

impl Block {
    /// From the head's first column on, the rows of a matrix with a row for each query.
    pub(super) fn rows<'a>(self, problem: &Problem<'_>, matrix: &'a [f32]) -> &'a [f32] {
        let place = self.place;
        place.rows_from(problem, matrix, place.queries.start + self.first)
    }
}

/// The memory and the products of a task: keys and values of a head, and a block of its queries.
pub(super) trait Head: Default {
    /// Takes the tables of a head, and forgets the gradients of others.
    fn load_tables(&mut self, problem: &Problem<'_>, head: usize, with_gradients: bool);

    /// Takes the keys and values of a place, for [`Self::attend`] and [`Self::weigh`].
    fn load(&mut self, problem: &Problem<'_>, place: Place);

    /// Takes them for [`Self::attend`] and [`Self::backward`], and forgets the gradients of others.
    fn load_backward(&mut self, problem: &Problem<'_>, place: Place);

    /// The probabilities of a block of queries, and what dropout leaves of them.
    fn attend(&mut self, problem: &Problem<'_>, block: Block);

    /// After [`Self::attend`]: the values, weighed for each query of the block.
    fn weigh(&mut self, block: Block) -> HeadRows<'_>;

    /// After [`Self::attend`]: adds what the block gives to the gradients of keys and values, and
    /// gives that of its queries.
    fn backward(&mut self, problem: &Problem<'_>, block: Block, gradient: &[f32]) -> HeadRows<'_>;

    /// The gradients that all blocks have added to.
    fn key_and_value_gradients(&self) -> (HeadRows<'_>, HeadRows<'_>);

    /// The gradients that all blocks since [`Self::load_tables`] have added to.
    fn table_gradients(&self, problem: &Problem<'_>) -> TableSums;
}
