//! A block of queries and some keys: which row of a table each of their scores belongs to.

use super::MOST_QUERIES;
use super::head::{Block, Rows};
use crate::attention::relative::{ROWS_TOGETHER as ROW_STEP, RelativeBuckets};

/// Keys of a tile.
const KEYS: usize = MOST_QUERIES;

/// Rows of all scores of a tile.
#[derive(Debug)]
pub(super) struct Tile {
    /// Queries of a full block.
    queries: usize,
    keys: usize,
    rows: Rows,
    /// Of each distance from the largest on, its row among `rows`.
    places: Vec<usize>,
}

impl Default for Tile {
    fn default() -> Self {
        Self {
            queries: 0,
            keys: 0,
            rows: Rows::new(0, 0),
            places: Vec::new(),
        }
    }
}

/// The rows around some, in whole steps.
pub(super) fn around(rows: impl Iterator<Item = usize>) -> Rows {
    let (lowest, highest) = rows.fold((usize::MAX, 0), |(lowest, highest), row| {
        (lowest.min(row), highest.max(row))
    });
    let start = lowest.min(highest) / ROW_STEP * ROW_STEP;
    Rows::new(start, (highest + 1).next_multiple_of(ROW_STEP))
}

impl Tile {
    /// The keys of a block's tiles.
    pub(super) fn keys_of(block: Block) -> impl Iterator<Item = Rows> {
        let Rows { start, end } = block.keys;
        let starts = (start..end).step_by(KEYS);
        starts.map(move |start| Rows::new(start, end.min(start + KEYS)))
    }

    /// Moves to a tile. Its rows are those of a full block for any number of queries, so that the sums
    /// over them are alike.
    pub(super) fn place(&mut self, buckets: &RelativeBuckets, block: Block, keys: Rows) {
        self.queries = MOST_QUERIES.min(block.place.tokens.len() - block.first);
        self.keys = keys.len();
        let largest = (block.first + self.queries - 1) as isize - keys.start as isize;
        let distances = (0..(self.queries + self.keys - 1) as isize).map(|less| largest - less);
        self.places.clear();
        self.places
            .extend(distances.map(|distance| buckets.row(distance)));
        self.rows = around(self.places.iter().copied());
        for place in &mut self.places {
            *place -= self.rows.start;
        }
    }

    /// The rows of the tile's distances.
    pub(super) fn rows(&self) -> Rows {
        self.rows
    }

    /// Of each key, the place of its row among [`Self::rows`].
    fn places_of(&self, query: usize) -> &[usize] {
        &self.places[self.queries - 1 - query..][..self.keys]
    }

    /// Adds the products of queries and rows.
    pub(super) fn add_by_query(
        &self,
        products: &[f32],
        queries: usize,
        scores: &mut [f32],
        stride: usize,
    ) {
        let products = products.chunks_exact(self.rows.len()).take(queries);
        for (query, (scores, products)) in scores.chunks_mut(stride).zip(products).enumerate() {
            for (score, place) in scores.iter_mut().zip(self.places_of(query)) {
                *score += products[*place];
            }
        }
    }

    /// Adds the products of keys and rows.
    pub(super) fn add_by_key(
        &self,
        products: &[f32],
        queries: usize,
        scores: &mut [f32],
        stride: usize,
    ) {
        for (query, scores) in scores.chunks_mut(stride).take(queries).enumerate() {
            let products = products.chunks_exact(self.rows.len());
            let terms = products.zip(self.places_of(query));
            for (score, (products, place)) in scores.iter_mut().zip(terms) {
                *score += products[*place];
            }
        }
    }

    /// Adds a value of each row.
    pub(super) fn add_by_row(
        &self,
        values: &[f32],
        queries: usize,
        scores: &mut [f32],
        stride: usize,
    ) {
        let values = &values[self.rows.start..];
        for (query, scores) in scores.chunks_mut(stride).take(queries).enumerate() {
            for (score, place) in scores.iter_mut().zip(self.places_of(query)) {
                *score += values[*place];
            }
        }
    }

    /// From the gradient of scores to that of the products of queries and rows.
    pub(super) fn sum_by_query(
        &self,
        of_scores: &[f32],
        stride: usize,
        queries: usize,
        of_products: &mut Vec<f32>,
    ) {
        of_products.clear();
        of_products.resize(queries * self.rows.len(), 0.0);
        let sums = of_products.chunks_exact_mut(self.rows.len());
        for (query, (of_scores, sums)) in of_scores.chunks(stride).zip(sums).enumerate() {
            for (of_score, place) in of_scores.iter().zip(self.places_of(query)) {
                sums[*place] += of_score;
            }
        }
    }

    /// From the gradient of scores to that of the products of keys and rows.
    pub(super) fn sum_by_key(
        &self,
        of_scores: &[f32],
        stride: usize,
        queries: usize,
        of_products: &mut Vec<f32>,
    ) {
        of_products.clear();
        of_products.resize(self.keys * self.rows.len(), 0.0);
        for (query, of_scores) in of_scores.chunks(stride).take(queries).enumerate() {
            let sums = of_products.chunks_exact_mut(self.rows.len());
            let terms = sums.zip(self.places_of(query));
            for (of_score, (sums, place)) in of_scores.iter().zip(terms) {
                sums[*place] += of_score;
            }
        }
    }

    /// Adds the gradient of scores to that of a value of each row.
    pub(super) fn sum_by_row(
        &self,
        of_scores: &[f32],
        stride: usize,
        queries: usize,
        of_values: &mut [f32],
    ) {
        let of_values = &mut of_values[self.rows.start..];
        for (query, of_scores) in of_scores.chunks(stride).take(queries).enumerate() {
            for (of_score, place) in of_scores.iter().zip(self.places_of(query)) {
                of_values[*place] += of_score;
            }
        }
    }
}
