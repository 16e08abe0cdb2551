//! Ranks with mean ranks for ties.

/// Ranks of values, and the sizes of groups of equal values.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ranks {
    /// Twice the rank of each value, from 1; doubled so that mean ranks are integers.
    pub(super) doubled: Vec<usize>,
    /// Sizes of the groups of equal values, smallest value first.
    pub(super) runs: Vec<usize>,
}

impl Ranks {
    /// Ranks finite values, as SciPy's `rankdata` with `method="average"`.
    pub(crate) fn of(values: &[f64]) -> Self {
        let mut ascending: Vec<usize> = (0..values.len()).collect();
        ascending.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
        let mut doubled = vec![0; values.len()];
        let mut runs = Vec::new();
        let mut below = 0;
        // Compared by value: -0.0 and 0.0 are equal.
        for run in ascending.chunk_by(|&a, &b| values[a] == values[b]) {
            for &position in run {
                doubled[position] = 2 * below + run.len() + 1;
            }
            below += run.len();
            runs.push(run.len());
        }
        Self { doubled, runs }
    }

    /// Returns the rank of each value, from 1.
    pub(crate) fn mean_ranks(&self) -> Vec<f64> {
        self.doubled.iter().map(|rank| *rank as f64 / 2.0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_share_the_middle() {
        let ranks = Ranks::of(&[3.0, 2.0, 1.0, 2.0, 0.0, -0.0]);
        assert_eq!(ranks.doubled, [12, 9, 6, 9, 3, 3]);
        assert_eq!(ranks.runs, [2, 1, 2, 1]);
    }
}
