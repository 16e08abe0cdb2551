//! Vocabularies, and counts of terms in texts.

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::document_frequency::Occurrences;
use super::{TEXTS_PER_CHUNK, transform};
use crate::analyzer::{Analyzer, Scratch};
use crate::csr_matrix::CsrMatrix;
use crate::error::BaselineError;

/// Terms in column order, which is code point order, and the column of each term.
#[derive(Debug, Clone, Default)]
pub(crate) struct Vocabulary {
    terms: Vec<String>,
    columns: FxHashMap<String, u32>,
}

impl Vocabulary {
    /// Creates a vocabulary from sorted, distinct terms, whose number must fit into a column index.
    pub(crate) fn new(terms: Vec<String>) -> Self {
        let columns = terms.iter().cloned().zip(0..).collect();
        Self { terms, columns }
    }

    pub(crate) fn terms(&self) -> &[String] {
        &self.terms
    }

    pub(crate) fn column(&self, term: &str) -> Option<u32> {
        self.columns.get(term).copied()
    }
}

impl PartialEq for Vocabulary {
    fn eq(&self, other: &Self) -> bool {
        self.terms == other.terms
    }
}

/// Term number and count of each distinct term of a text.
type Counts = Vec<(u32, u32)>;

/// Terms, numbered in order of first occurrence, and the counts of each text.
pub(super) struct TermCounts {
    terms: Vec<String>,
    rows: Vec<Counts>,
}

/// Counts equal terms, in ascending order.
fn count(terms: &mut [u32]) -> Counts {
    terms.sort_unstable();
    let equal = terms.chunk_by(|a, b| a == b);
    equal.map(|equal| (equal[0], equal.len() as u32)).collect()
}

fn value(count: u32, binary: bool) -> f64 {
    if binary { 1.0 } else { f64::from(count) }
}

/// Terms of a chunk of texts, with their own numbering.
#[derive(Default)]
struct ChunkTerms {
    numbers: FxHashMap<String, u32>,
    rows: Vec<Counts>,
}

impl ChunkTerms {
    fn of<S: AsRef<str>>(texts: &[S], analyzer: &Analyzer) -> Self {
        let mut chunk = Self::default();
        let (mut scratch, mut terms) = (Scratch::default(), Vec::new());
        for text in texts {
            terms.clear();
            analyzer.visit_terms(text.as_ref(), &mut scratch, |term| {
                let number = chunk.numbers.get(term).copied().unwrap_or_else(|| {
                    // The number of terms fits because the texts of a chunk are limited.
                    let number = chunk.numbers.len() as u32;
                    chunk.numbers.insert(term.to_owned(), number);
                    number
                });
                terms.push(number);
            });
            chunk.rows.push(count(&mut terms));
        }
        chunk
    }
}

impl TermCounts {
    /// Counts all terms of the texts.
    pub(super) fn all<S: AsRef<str> + Sync>(
        texts: &[S],
        analyzer: &Analyzer,
    ) -> Result<Self, BaselineError> {
        let chunks: Vec<ChunkTerms> = texts
            .par_chunks(TEXTS_PER_CHUNK)
            .map_with(analyzer.clone(), |analyzer, texts| {
                ChunkTerms::of(texts, analyzer)
            })
            .collect();
        let mut numbers: FxHashMap<String, u32> = FxHashMap::default();
        let mut rows: Vec<Counts> = Vec::with_capacity(texts.len());
        for chunk in chunks {
            let mut renumbered = vec![0; chunk.numbers.len()];
            for (term, number) in chunk.numbers {
                let next = numbers.len();
                let next = u32::try_from(next).map_err(|_| BaselineError::TooManyTerms)?;
                renumbered[number as usize] = *numbers.entry(term).or_insert(next);
            }
            let start = rows.len();
            rows.extend(chunk.rows);
            for (term, _) in rows[start..].iter_mut().flatten() {
                *term = renumbered[*term as usize];
            }
        }
        if numbers.is_empty() {
            let reason = format!(
                "all {} texts are empty or have stop words only",
                texts.len()
            );
            return Err(BaselineError::NoTerms { reason });
        }
        let mut terms = vec![String::new(); numbers.len()];
        for (term, number) in numbers {
            terms[number as usize] = term;
        }
        Ok(Self { terms, rows })
    }

    /// Returns the indices of the terms in sorted order.
    pub(super) fn sorted(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.terms.len()).collect();
        order.par_sort_unstable_by(|&a, &b| self.terms[a].cmp(&self.terms[b]));
        order
    }

    /// Returns the frequencies of the terms in the order `sorted`. If `binary`, a term counts once
    /// per text.
    pub(super) fn occurrences(&self, sorted: &[usize], binary: bool) -> Vec<Occurrences> {
        let mut occurrences = vec![Occurrences::default(); self.terms.len()];
        for (term, count) in self.rows.iter().flatten() {
            let term = &mut occurrences[*term as usize];
            term.texts += 1;
            term.total += if binary { 1 } else { u64::from(*count) };
        }
        sorted.iter().map(|&term| occurrences[term]).collect()
    }

    /// Returns the vocabulary of the kept terms and the matrix of their counts.
    pub(super) fn into_matrix(
        mut self,
        sorted: &[usize],
        kept: &[bool],
        binary: bool,
    ) -> (Vocabulary, CsrMatrix) {
        const DROPPED: u32 = u32::MAX;
        let mut columns = vec![DROPPED; self.terms.len()];
        let mut terms = Vec::with_capacity(self.terms.len());
        for (&term, _) in sorted.iter().zip(kept).filter(|(_, kept)| **kept) {
            columns[term] = terms.len() as u32;
            terms.push(std::mem::take(&mut self.terms[term]));
        }
        let mut matrix = CsrMatrix::empty(terms.len());
        for row in &self.rows {
            let entries = row
                .iter()
                .map(|&(term, count)| (columns[term as usize], count));
            let mut entries: Counts = entries.filter(|(column, _)| *column != DROPPED).collect();
            entries.sort_unstable_by_key(|(column, _)| *column);
            matrix.push_row(
                entries
                    .into_iter()
                    .map(|(column, n)| (column, value(n, binary))),
            );
        }
        (Vocabulary::new(terms), matrix)
    }
}

/// Returns the counts of the terms in a vocabulary; other terms are ignored.
pub(super) fn counts_of<S: AsRef<str> + Sync>(
    texts: &[S],
    analyzer: &Analyzer,
    vocabulary: &Vocabulary,
    binary: bool,
) -> CsrMatrix {
    let columns = vocabulary.terms().len();
    let row = |terms: &mut [u32]| {
        let counts = count(terms).into_iter();
        counts.map(|(column, count)| (column, value(count, binary)))
    };
    transform(
        texts,
        analyzer,
        columns,
        |term| vocabulary.column(term),
        row,
    )
}
