//! The terms of the columns.

use rustc_hash::FxHashMap;

/// Terms in the order of their columns, which is that of their code points, and the way back.
#[derive(Debug, Clone, Default)]
pub(crate) struct Vocabulary {
    terms: Vec<String>,
    columns: FxHashMap<String, u32>,
}

impl Vocabulary {
    /// Terms in order, none twice, of which there are no more than columns can be numbered.
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
