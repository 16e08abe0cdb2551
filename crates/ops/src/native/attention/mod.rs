//! Attention on token rows, one head of one sequence at a time.
//!
//! Queries are processed in blocks, so that the scores of a block stay in cache and no matrix `[Q,
//! S]` is stored; the backward pass recomputes probabilities and mask. In a sliding window, a block is
//! multiplied only by the keys that it attends to.
//!
//! [`Head`] computes the products: `floats` in f32, `bf16` in bfloat16 on machines with such
//! instructions. `scores` computes what is between the products, and `terms` adds the scores of tables
//! by distance.

#[cfg(target_arch = "x86_64")]
mod bf16;
#[cfg(target_arch = "x86_64")]
mod bf16_table;
mod columns;
mod floats;
mod head;
mod scores;
mod softmax;
mod table;
mod term_tile;
mod terms;

use std::mem::MaybeUninit;

use rayon::prelude::*;

#[cfg(target_arch = "x86_64")]
use self::bf16::Bf16;
use self::columns::Columns;
use self::floats::Floats;
use self::head::{Block, Head, Place, Rows};
use self::terms::TableSums;
use super::memory::{Buffer, written};
use crate::attention::relative::RelativeBuckets;
use crate::dropout::Mask;
use crate::precision::Precision;
use crate::sequences::Offsets;

/// Queries in a block at most.
const MOST_QUERIES: usize = 64;

/// The keys of a block begin at a multiple of it, which is a whole number of panels.
const KEY_STEP: usize = 32;

/// Tasks of a head that share the gradients of its tables: enough for many threads, and few to add up.
const TASKS_OF_TABLES: usize = 8;

/// What attention is computed of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Problem<'a> {
    /// `[T, D]`, or `[B * Q, D]`
    pub(crate) query: &'a [f32],
    /// `[T, D]`
    pub(crate) key: &'a [f32],
    /// `[T, D]`
    pub(crate) value: &'a [f32],
    pub(crate) offsets: &'a Offsets,
    /// Queries of each sequence, `Q`; `None` for all tokens.
    pub(crate) queries: Option<usize>,
    pub(crate) heads: usize,
    pub(crate) head_width: usize,
    /// The most tokens between a query and a key that it attends to.
    pub(crate) window: Option<usize>,
    /// Factor of the scores.
    pub(crate) scale: f32,
    pub(crate) relative: Option<Relative<'a>>,
    /// Of the probabilities `[B, H, Q, S]` of padded sequences.
    pub(crate) mask: Option<Mask>,
    /// Of the factors of all products.
    pub(crate) precision: Precision,
}

/// Tables of scores by the distance between query and key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Relative<'a> {
    /// Multiplied by queries, `[R, D]`.
    pub(crate) keys: Option<&'a [f32]>,
    /// Multiplied by keys, `[R, D]`.
    pub(crate) queries: Option<&'a [f32]>,
    /// Added to scaled scores, `[R, H]`.
    pub(crate) bias: Option<&'a [f32]>,
    pub(crate) buckets: &'a RelativeBuckets,
}

/// The gradients of query, key and value.
#[derive(Debug)]
pub(crate) struct Gradients<B> {
    pub(crate) query: B,
    pub(crate) key: B,
    pub(crate) value: B,
    /// Of the keys, queries and bias of tables; nothing of one that there is not.
    pub(crate) tables: [Vec<f32>; 3],
}

impl Problem<'_> {
    fn hidden(&self) -> usize {
        self.heads * self.head_width
    }

    /// Whether the machine has instructions for the products.
    #[cfg(target_arch = "x86_64")]
    fn is_in_bf16(&self) -> bool {
        self.precision == Precision::Bf16 && super::bf16::is_available()
    }

    /// The queries of a head, in blocks.
    fn blocks(&self, place: Place) -> impl Iterator<Item = Block> {
        let queries = place.queries.len();
        let starts = (0..queries).step_by(MOST_QUERIES);
        starts.map(move |first| Block {
            place,
            first,
            count: MOST_QUERIES.min(queries - first),
            keys: self.keys(first, place.tokens.len()),
        })
    }

    /// The tokens of a sequence that a block of queries attends to. They are those of a full block for
    /// any number of queries, so that the sums over them are alike.
    fn keys(&self, first: usize, tokens: usize) -> Rows {
        let Some(window) = self.window else {
            return Rows::new(0, tokens);
        };
        let start = first.saturating_sub(window) / KEY_STEP * KEY_STEP;
        let end = window.saturating_add(first + MOST_QUERIES).min(tokens);
        Rows::new(start, end)
    }

    /// The head of a sequence.
    fn place(&self, sequence: usize, head: usize) -> Place {
        let ends = self.offsets.values();
        let tokens = Rows::new(ends[sequence], ends[sequence + 1]);
        Place {
            sequence,
            head,
            queries: match self.queries {
                Some(queries) => Rows::new(sequence * queries, (sequence + 1) * queries),
                None => tokens,
            },
            tokens,
        }
    }

    /// Sequences whose heads share a task, and with it the gradients of tables.
    fn sequences_of_task(&self) -> usize {
        match self.relative {
            Some(_) => self.offsets.batch_size().div_ceil(TASKS_OF_TABLES),
            None => 1,
        }
    }

    /// Runs `work` for every head of every sequence, on all threads. A task has the same head of some
    /// sequences, and `end` gives what it leaves; the tasks of all heads follow those of other
    /// sequences.
    fn for_each_head<H: Head, L: Send>(
        &self,
        with_gradients: bool,
        work: impl Fn(&mut H, Place) + Sync,
        end: impl Fn(&H) -> L + Sync,
    ) -> Vec<L> {
        let (batch, length) = (self.offsets.batch_size(), self.sequences_of_task());
        let tasks = (0..batch.div_ceil(length) * self.heads).into_par_iter();
        let run = |memory: &mut H, task| {
            let (number, head) = (task / self.heads, task % self.heads);
            memory.load_tables(self, head, with_gradients);
            for sequence in number * length..batch.min((number + 1) * length) {
                work(memory, self.place(sequence, head));
            }
            end(memory)
        };
        tasks.map_init(H::default, run).collect()
    }

    /// Sums what the tasks of each head leave of the gradients of tables, in their order.
    fn add_up_tables(&self, parts: &[TableSums]) -> [Vec<f32>; 3] {
        [0, 1, 2].map(|table| {
            let mut sums = Vec::new();
            for (task, part) in parts.iter().enumerate() {
                let (head, part) = (task % self.heads, &part[table]);
                let rows = self.relative.map_or(1, |all| all.buckets.num_rows());
                let width = part.len() / rows;
                sums.resize(part.len() * self.heads, 0.0);
                for (row, values) in part.chunks_exact(width.max(1)).enumerate() {
                    let start = (row * self.heads + head) * width;
                    for (sum, value) in sums[start..].iter_mut().zip(values) {
                        *sum += value;
                    }
                }
            }
            sums
        })
    }
}

/// `softmax(query · keyᵀ / sqrt(K)) · value` for each head, as the queries.
pub(crate) fn apply<B: Buffer>(problem: &Problem<'_>) -> B {
    #[cfg(target_arch = "x86_64")]
    if problem.is_in_bf16() {
        return apply_by::<B, Bf16>(problem);
    }
    apply_by::<B, Floats>(problem)
}

#[allow(unsafe_code, reason = "heads write their columns of the same rows")]
fn apply_by<B: Buffer, H: Head>(problem: &Problem<'_>) -> B {
    let fill = |out: &mut [MaybeUninit<f32>]| {
        let out = Columns::new(out, problem.hidden());
        let work = |head: &mut H, place: Place| {
            head.load(problem, place);
            for block in problem.blocks(place) {
                head.attend(problem, block);
                let row = place.queries.start + block.first;
                let weighed = head.weigh(block);
                // SAFETY: no other task writes this head's columns of this sequence.
                unsafe { out.write(place.head, row, weighed) };
            }
        };
        problem.for_each_head(false, work, |_| ());
    };
    // SAFETY: all queries of all heads of all sequences are written.
    unsafe { written(problem.query.len(), fill) }
}

/// From the gradient of the result to those of query, key and value.
pub(crate) fn gradients<B: Buffer>(problem: &Problem<'_>, gradient: &[f32]) -> Gradients<B> {
    #[cfg(target_arch = "x86_64")]
    if problem.is_in_bf16() {
        return gradients_by::<B, Bf16>(problem, gradient);
    }
    gradients_by::<B, Floats>(problem, gradient)
}

#[allow(unsafe_code, reason = "heads write their columns of the same rows")]
fn gradients_by<B: Buffer, H: Head>(problem: &Problem<'_>, gradient: &[f32]) -> Gradients<B> {
    let width = problem.hidden();
    let (asked, all) = (problem.query.len(), problem.key.len());
    let (mut key, mut value) = (B::with_room(all), B::with_room(all));
    let mut tables = Vec::new();
    let fill = |query: &mut [MaybeUninit<f32>]| {
        let query = Columns::new(query, width);
        let key = Columns::new(key.room(all), width);
        let value = Columns::new(value.room(all), width);
        let work = |head: &mut H, place: Place| {
            head.load_backward(problem, place);
            for block in problem.blocks(place) {
                head.attend(problem, block);
                let row = place.queries.start + block.first;
                let of_query = head.backward(problem, block, gradient);
                // SAFETY: no other task writes this head's columns of this sequence.
                unsafe { query.write(place.head, row, of_query) };
            }
            let row = place.tokens.start;
            let (of_key, of_value) = head.key_and_value_gradients();
            // SAFETY: as above.
            unsafe {
                key.write(place.head, row, of_key);
                value.write(place.head, row, of_value);
            }
        };
        tables = problem.for_each_head(true, work, |head| head.table_gradients(problem));
    };
    // SAFETY: all queries of all heads of all sequences are written.
    let query = unsafe { written(asked, fill) };
    // SAFETY: and so are all keys and values.
    let (key, value) = unsafe { (key.with_values(all), value.with_values(all)) };
    Gradients {
        query,
        key,
        value,
        tables: problem.add_up_tables(&tables),
    }
}
