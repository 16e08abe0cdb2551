//! Assignment of rows to folds.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::hash::Hash;

use finetune_random::{Purpose, name_hash, permutation};

/// Returns the key of random draws for folds. It differs from that of splits: with the same key, a
/// test split made with the same seed would consist of whole folds.
fn address(stratum: u64) -> u64 {
    name_hash("folds").wrapping_add(stratum)
}

/// Assigns the shuffled rows of each stratum in turn to the folds (round robin).
///
/// The turn continues from one stratum to the next. Thus both the fold sizes and the numbers of
/// rows of a stratum per fold differ by at most one.
pub(super) fn round(strata: &[(u64, Vec<usize>)], rows: usize, k: usize, seed: u64) -> Vec<u32> {
    let mut fold_of_row = vec![0; rows];
    let mut turn = (0..k as u32).cycle();
    for (stratum, members) in strata {
        let order = permutation(seed, Purpose::Split, address(*stratum), members.len());
        for (place, fold) in order.into_iter().zip(&mut turn) {
            fold_of_row[members[place]] = fold;
        }
    }
    fold_of_row
}

/// Returns the rows of each group; groups are ordered by their first row.
pub(super) fn rows_by_group<G: Eq + Hash>(groups: &[G]) -> Vec<Vec<usize>> {
    let mut place_of_group = HashMap::new();
    let mut rows: Vec<Vec<usize>> = Vec::new();
    for (row, group) in groups.iter().enumerate() {
        let place = *place_of_group.entry(group).or_insert(rows.len());
        if place == rows.len() {
            rows.push(Vec::new());
        }
        rows[place].push(row);
    }
    rows
}

/// Assigns groups in descending order of size, in random order among equal sizes, each to the fold
/// with the fewest rows so far. There are at least as many groups as folds, so no fold is empty.
pub(super) fn whole_groups(groups: &[Vec<usize>], rows: usize, k: usize, seed: u64) -> Vec<u32> {
    let mut order = permutation(seed, Purpose::Split, address(0), groups.len());
    order.sort_by_key(|&group| Reverse(groups[group].len()));
    let mut fold_of_row = vec![0; rows];
    let mut sizes = vec![0; k];
    for group in order {
        let lightest = (0..k).min_by_key(|&fold| sizes[fold]).unwrap_or(0);
        sizes[lightest] += groups[group].len();
        for &row in &groups[group] {
            fold_of_row[row] = lightest as u32;
        }
    }
    fold_of_row
}
