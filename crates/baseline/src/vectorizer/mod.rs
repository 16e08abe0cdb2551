//! Vectorizers: conversion of texts to sparse rows.
//!
//! Texts are processed in parallel in chunks of a fixed size, and the results are joined in order,
//! so the matrix does not depend on the number of threads.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::analyzer::{Analyzer, Scratch};
use crate::csr_matrix::CsrMatrix;

mod count;
mod document_frequency;
mod hashing;
mod term_counts;
mod tfidf;

pub use count::{CountVectorizer, CountVectorizerConfig};
pub use document_frequency::DocumentFrequency;
pub use hashing::{HashingVectorizer, HashingVectorizerConfig};
pub(crate) use term_counts::Vocabulary;
pub use tfidf::{TfidfVectorizer, TfidfVectorizerConfig};

/// Number of texts per parallel task.
const TEXTS_PER_CHUNK: usize = 256;

/// Norm that the values of a row are divided by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Norm {
    /// No normalization.
    None,
    /// Sum of absolute values.
    L1,
    /// Euclidean norm.
    L2,
}

impl Norm {
    /// Normalizes the values of a row. A zero row is unchanged.
    pub(super) fn apply(self, values: &mut [f64]) {
        let norm = match self {
            Self::None => return,
            Self::L1 => values.iter().map(|value| value.abs()).sum::<f64>(),
            Self::L2 => values.iter().map(|value| value * value).sum::<f64>().sqrt(),
        };
        if norm > 0.0 {
            values.iter_mut().for_each(|value| *value /= norm);
        }
    }
}

/// Converts texts to rows in parallel. `term` converts a term to an entry, or ignores it; `row`
/// converts the entries of a text, in any order, to those of a row.
fn transform<S: AsRef<str> + Sync, T: Send, R: IntoIterator<Item = (u32, f64)>>(
    texts: &[S],
    analyzer: &Analyzer,
    columns: usize,
    term: impl Fn(&str) -> Option<T> + Sync,
    row: impl Fn(&mut [T]) -> R + Sync,
) -> CsrMatrix {
    let chunk = |analyzer: &mut Analyzer, texts: &[S]| {
        let (mut scratch, mut terms) = (Scratch::default(), Vec::new());
        let mut matrix = CsrMatrix::empty(columns);
        for text in texts {
            terms.clear();
            analyzer.visit_terms(text.as_ref(), &mut scratch, |found| {
                terms.extend(term(found))
            });
            matrix.push_row(row(&mut terms));
        }
        matrix
    };
    let chunks = texts.par_chunks(TEXTS_PER_CHUNK);
    let chunks = chunks.map_with(analyzer.clone(), chunk);
    CsrMatrix::concat(columns, chunks.collect())
}
