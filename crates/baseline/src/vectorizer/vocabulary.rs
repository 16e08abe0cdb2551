//! Vocabulary of a vectorizer.

use rustc_hash::FxHashMap;

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
