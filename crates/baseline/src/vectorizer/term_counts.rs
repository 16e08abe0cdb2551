//! Counts of terms in texts.

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::TEXTS_PER_CHUNK;
use super::document_frequency::Occurrences;
use super::vocabulary::Vocabulary;
use crate::analyzer::{Analyzer, Scratch};
use crate::{BaselineError, CsrMatrix};

/// Terms, numbered in order of first occurrence, and the counts of each text.
pub(super) struct TermCounts {
    terms: Vec<String>,
    rows: Rows,
}

/// Rows of entries: term number and count.
#[derive(Default)]
struct Rows {
    row_ends: Vec<usize>,
    entries: Vec<(u32, u32)>,
}

impl Rows {
    /// Adds a row with one entry per distinct term.
    fn push(&mut self, terms: &mut [u32]) {
        terms.sort_unstable();
        let entries = terms.chunk_by(|a, b| a == b);
        self.entries
            .extend(entries.map(|equal| (equal[0], equal.len() as u32)));
        self.row_ends.push(self.entries.len());
    }

    fn append(&mut self, other: Self, renumbered: impl Fn(u32) -> u32) {
        let offset = self.entries.len();
        let entries = other.entries.into_iter();
        self.entries
            .extend(entries.map(|(term, count)| (renumbered(term), count)));
        self.row_ends
            .extend(other.row_ends.into_iter().map(|end| end + offset));
    }
}

/// Terms of a chunk of texts, with their own numbering.
#[derive(Default)]
struct ChunkTerms {
    numbers: FxHashMap<String, u32>,
    rows: Rows,
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
            chunk.rows.push(&mut terms);
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
        let mut rows = Rows::default();
        for chunk in chunks {
            let mut renumbered = vec![0; chunk.numbers.len()];
            for (term, number) in chunk.numbers {
                let next = numbers.len();
                let next = u32::try_from(next).map_err(|_| BaselineError::TooManyTerms)?;
                renumbered[number as usize] = *numbers.entry(term).or_insert(next);
            }
            rows.append(chunk.rows, |number| renumbered[number as usize]);
        }
        if numbers.is_empty() {
            let texts = texts.len();
            return Err(BaselineError::EmptyVocabulary { texts });
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
        for (term, count) in &self.rows.entries {
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
        let mut matrix = MatrixBuilder::with_capacity(&self.rows);
        let mut start = 0;
        for &end in &self.rows.row_ends {
            let entries = self.rows.entries[start..end].iter();
            let entries = entries.map(|(term, count)| (columns[*term as usize], *count));
            matrix.push_row(entries.filter(|(column, _)| *column != DROPPED), binary);
            start = end;
        }
        let rows = matrix.finish(terms.len());
        (Vocabulary::new(terms), rows)
    }
}

/// Returns the counts of the terms in a vocabulary; other terms are ignored.
pub(super) fn counts_of<S: AsRef<str> + Sync>(
    texts: &[S],
    analyzer: &Analyzer,
    vocabulary: &Vocabulary,
    binary: bool,
) -> CsrMatrix {
    let chunk_rows = |analyzer: &mut Analyzer, texts: &[S]| {
        let (mut scratch, mut terms) = (Scratch::default(), Vec::new());
        let mut rows = Rows::default();
        for text in texts {
            terms.clear();
            analyzer.visit_terms(text.as_ref(), &mut scratch, |term| {
                terms.extend(vocabulary.column(term));
            });
            rows.push(&mut terms);
        }
        rows
    };
    let chunks: Vec<Rows> = texts
        .par_chunks(TEXTS_PER_CHUNK)
        .map_with(analyzer.clone(), chunk_rows)
        .collect();
    let mut rows = Rows::default();
    for chunk in chunks {
        rows.append(chunk, |column| column);
    }
    let mut matrix = MatrixBuilder::with_capacity(&rows);
    let mut start = 0;
    for &end in &rows.row_ends {
        matrix.push_row(rows.entries[start..end].iter().copied(), binary);
        start = end;
    }
    matrix.finish(vocabulary.terms().len())
}

/// Builder of a matrix, row by row.
struct MatrixBuilder {
    row_starts: Vec<usize>,
    indices: Vec<u32>,
    values: Vec<f64>,
    row: Vec<(u32, u32)>,
}

impl MatrixBuilder {
    fn with_capacity(rows: &Rows) -> Self {
        let mut row_starts = Vec::with_capacity(rows.row_ends.len() + 1);
        row_starts.push(0);
        Self {
            row_starts,
            indices: Vec::with_capacity(rows.entries.len()),
            values: Vec::with_capacity(rows.entries.len()),
            row: Vec::new(),
        }
    }

    /// Adds a row of columns, in any order, and their counts.
    fn push_row(&mut self, entries: impl Iterator<Item = (u32, u32)>, binary: bool) {
        self.row.clear();
        self.row.extend(entries);
        self.row.sort_unstable_by_key(|(column, _)| *column);
        let value = |count| if binary { 1.0 } else { f64::from(count) };
        self.indices
            .extend(self.row.iter().map(|(column, _)| *column));
        self.values
            .extend(self.row.iter().map(|(_, count)| value(*count)));
        self.row_starts.push(self.indices.len());
    }

    fn finish(self, columns: usize) -> CsrMatrix {
        CsrMatrix::from_parts(columns, self.row_starts, self.indices, self.values)
    }
}
