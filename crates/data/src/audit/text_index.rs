//! Index of texts by hash, which groups equal texts without storing them.

use rayon::prelude::*;
use xxhash_rust::xxh3::Xxh3;

use super::Audit;
use crate::cleaning::Cleaning;
use crate::dataset::{Dataset, Example};

/// Returns a 128-bit hash of the text or text pair of each row. Texts that are equal after
/// `cleaning` have equal hashes. The probability of any collision among a billion rows is below 1
/// in 10^20.
///
/// Used as the groups of [`Folds::group_k_fold`](crate::Folds::group_k_fold), the hashes keep equal texts in
/// one fold.
pub fn text_hashes(dataset: &Dataset, cleaning: &Cleaning) -> Vec<u128> {
    let examples = dataset.examples.par_iter();
    examples.map(|example| key(example, cleaning).0).collect()
}

/// Returns the hash of the texts of an example and whether one of them is empty.
fn key(example: &Example, cleaning: &Cleaning) -> (u128, bool) {
    let mut hash = Xxh3::new();
    let mut empty = false;
    for text in std::iter::once(&example.text).chain(&example.text_pair) {
        let text = cleaning.apply(text);
        // The length distinguishes ("ab", "c") from ("a", "bc").
        hash.update(&(text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
        empty |= text.trim().is_empty();
    }
    (hash.digest128(), empty)
}

/// Hash and row index of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TextPlace {
    // Two halves: the alignment of a `u128` would cost 8 bytes per row.
    key: (u64, u64),
    pub(super) row: usize,
}

/// Rows of a dataset grouped by text, equal texts in dataset order.
pub(super) struct TextIndex {
    places: Vec<TextPlace>,
    pub(super) empty_texts: usize,
}

impl TextIndex {
    pub(super) fn new(dataset: &Dataset, cleaning: &Cleaning) -> Self {
        let examples = dataset.examples.par_iter().enumerate();
        let keyed = examples.map(|(row, example)| {
            let (key, empty) = key(example, cleaning);
            let key = ((key >> 64) as u64, key as u64);
            (TextPlace { key, row }, empty)
        });
        let (mut places, empty): (Vec<TextPlace>, Vec<bool>) = keyed.unzip();
        places.par_sort_unstable();
        Self {
            places,
            empty_texts: empty.into_iter().filter(|empty| *empty).count(),
        }
    }

    /// Returns the rows of each distinct text.
    pub(super) fn groups(&self) -> impl Iterator<Item = &[TextPlace]> {
        self.places.chunk_by(|one, other| one.key == other.key)
    }

    /// Returns the rows in both datasets of each text that they have in common.
    pub(super) fn shared_groups<'a>(
        &'a self,
        other: &'a Self,
    ) -> impl Iterator<Item = (&'a [TextPlace], &'a [TextPlace])> {
        let mut others = other.groups().peekable();
        self.groups().filter_map(move |ones| {
            while others
                .next_if(|others| others[0].key < ones[0].key)
                .is_some()
            {}
            let found = others.next_if(|others| others[0].key == ones[0].key)?;
            Some((ones, found))
        })
    }

    /// Returns the rows of the groups that come first in the dataset, given the first row of each
    /// group.
    pub(super) fn first_groups(&self, mut first_rows: Vec<usize>) -> Vec<Vec<usize>> {
        first_rows.sort_unstable();
        first_rows.truncate(Audit::EXAMPLES);
        let mut groups = vec![Vec::new(); first_rows.len()];
        for group in self.groups() {
            if let Ok(place) = first_rows.binary_search(&group[0].row) {
                let rows = group.iter().take(Audit::EXAMPLES);
                groups[place] = rows.map(|text| text.row).collect();
            }
        }
        groups
    }
}
