//! Statistical comparisons of a study's candidates.

use finetune_eval::report::Section;
use finetune_eval::statistics::{Comparison, ComparisonTable, Design, ScoreGroup};

use crate::error::StudyError;
use crate::results::StudyResults;
use crate::trial::Fold;

/// Maximum number of candidates for comparing all pairs; more need a baseline.
pub const MOST_COMPARED: usize = 12;

impl StudyResults<'_> {
    /// Compares each candidate with the baseline, or all pairs without a baseline; `None` with
    /// fewer than two candidates that have at least two scores.
    ///
    /// Candidates with the same seeds and folds are compared by a paired test, others by Welch's
    /// test. P-values are adjusted for the number of comparisons.
    ///
    /// # Errors
    /// [`StudyError::Eval`] if the baseline does not exist.
    pub fn comparisons(&self) -> Result<Option<ComparisonTable>, StudyError> {
        let config = self.study.config();
        let candidates = 0..self.study.candidates().len();
        let compared: Vec<usize> = candidates
            .filter(|candidate| self.scores(*candidate).len() > 1)
            .collect();
        let label = |candidate: &usize| self.study.candidate_label(*candidate);
        let baseline = config.comparison.baseline.as_deref();
        let base = compared
            .iter()
            .position(|at| Some(label(at).as_str()) == baseline);
        let pairs: Vec<(usize, usize)> = match (baseline, base) {
            (None, _) if compared.len() > MOST_COMPARED => return Ok(None),
            (None, _) => pairs_of(&compared),
            // The baseline may not have finished its trials yet.
            (Some(_), None) => return Ok(None),
            (Some(_), Some(base)) => {
                let others = compared.iter().filter(|at| **at != compared[base]);
                others.map(|at| (*at, compared[base])).collect()
            }
        };
        if pairs.is_empty() {
            return Ok(None);
        }
        let made = pairs
            .into_iter()
            .map(|(first, second)| self.compare(first, second));
        let made = made.collect::<Result<Vec<_>, _>>()?;
        let variants = compared
            .iter()
            .map(|at| ScoreGroup::new(label(at), self.scores(*at)));
        let variants: Vec<ScoreGroup> = variants.collect();
        let tests = &config.comparison;
        let table = ComparisonTable::of(&variants, baseline, made, tests.adjustment, tests.alpha)?;
        Ok(Some(table))
    }

    /// Compares two candidates by the study's metric, like [`Self::comparisons`], without an
    /// adjustment.
    ///
    /// # Errors
    /// [`StudyError::Eval`] if a candidate has fewer than two scores.
    pub fn compare(&self, first: usize, second: usize) -> Result<Comparison, StudyError> {
        let config = self.study.config();
        let higher = config.higher_is_better();
        let (ours, theirs) = (self.replicates(first), self.replicates(second));
        let planned = |candidate: usize| {
            let trials = self.study.trials().iter();
            let of = trials.filter(|trial| trial.candidate == candidate && trial.rung == 0);
            of.map(|trial| trial.replicate()).collect::<Vec<_>>()
        };
        let both = ours
            .iter()
            .filter(|(at, _)| theirs.iter().any(|(other, _)| other == at));
        let both: Vec<Replicate> = both.map(|(at, _)| *at).collect();
        let pairs = planned(first) == planned(second) && both.len() > 1;
        let settings = config.comparison.of_pair(pairs, higher);
        let paired = settings.design == Design::Paired;
        let variant = |candidate: usize, scores: &[(Replicate, f64)]| {
            let used = scores.iter().filter(|(at, _)| !paired || both.contains(at));
            let used: Vec<f64> = used.map(|(_, score)| *score).collect();
            ScoreGroup::new(self.study.candidate_label(candidate), used)
        };
        Ok(Comparison::new(
            &variant(first, &ours),
            &variant(second, &theirs),
            &settings,
        )?)
    }

    /// Returns the scores of a candidate by seed and fold, in ascending order.
    fn replicates(&self, candidate: usize) -> Vec<(Replicate, f64)> {
        let trials = self.of_candidate(candidate).into_iter();
        let mut scores: Vec<(Replicate, f64)> = trials
            .filter_map(|(trial, result)| Some((trial.replicate(), self.score(result)?)))
            .collect();
        scores.sort_by_key(|(replicate, _)| *replicate);
        scores
    }

    /// Returns a report section with the comparisons, or with the reason why there are none.
    pub(super) fn comparison_section(&self, table: Option<&ComparisonTable>) -> Section {
        let mut section = match table {
            Some(table) => Section::of_comparisons("Comparisons", table),
            None => Section::new("Comparisons").with_note(self.why_not_compared()),
        };
        if self.study.trials().iter().any(|trial| trial.fold.is_some()) {
            section = section.with_note(
                "Trials on folds count as seeds above. Folds share training rows, so that their \
                 scores vary less than those of new data would: a test over folds claims a little \
                 too much (Dietterich 1998; Nadeau and Bengio 2003).",
            );
        }
        section
    }

    fn why_not_compared(&self) -> String {
        let candidates = self.study.candidates().len();
        let tried = (0..candidates)
            .filter(|at| self.scores(*at).len() > 1)
            .count();
        match (&self.study.config().comparison.baseline, tried) {
            (_, 0 | 1) => {
                "Nothing is tested: a test needs two candidates with two finished trials \
                           each. The order of the means alone shows nothing."
                    .to_string()
            }
            (Some(baseline), _) => {
                format!("Nothing is tested: the baseline {baseline} has not two finished trials.")
            }
            (None, tried) => format!(
                "Nothing is tested: {tried} candidates are too many to compare each with each. \
                 Name a baseline, or compare the few that matter in a study of their own."
            ),
        }
    }
}

/// Seed and fold.
type Replicate = (Option<u64>, Option<Fold>);

fn pairs_of(all: &[usize]) -> Vec<(usize, usize)> {
    let pairs = all.iter().enumerate();
    let pairs =
        pairs.flat_map(|(at, first)| all[at + 1..].iter().map(move |second| (*first, *second)));
    pairs.collect()
}
