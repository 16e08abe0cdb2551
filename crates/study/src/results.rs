//! Results of a study so far.

use std::collections::BTreeMap;

use crate::error::StudyError;
use crate::halving::best;
use crate::plan::Study;
use crate::study_directory::StudyDirectory;
use crate::trial::Trial;
use crate::trial_result::{TrialResult, TrialState};

/// Scheduled trials of a study and their states.
///
/// All trials of a study are scheduled, except with successive halving: a rung is scheduled when
/// the previous one has finished.
#[derive(Debug)]
pub struct StudyResults<'a> {
    pub(super) study: &'a Study,
    /// State by trial number; `None` for trials that are not scheduled.
    states: Vec<Option<TrialState>>,
    /// Number of scheduled rungs.
    rungs: usize,
}

impl StudyDirectory {
    /// Reads the state of every trial.
    ///
    /// # Errors
    /// See [`Self::state`].
    pub fn results<'a>(&self, study: &'a Study) -> Result<StudyResults<'a>, StudyError> {
        let mut results = StudyResults {
            study,
            states: vec![None; study.trials().len()],
            rungs: 0,
        };
        let mut candidates: Vec<usize> = (0..study.candidates().len()).collect();
        loop {
            let rung = results.rungs;
            let due = |trial: &&Trial| trial.rung == rung && candidates.contains(&trial.candidate);
            for trial in study.trials().iter().filter(due) {
                results.states[trial.index] = Some(self.state(trial)?);
            }
            results.rungs += 1;
            match results.survivors(rung) {
                Some(next) if !next.is_empty() => candidates = next,
                _ => return Ok(results),
            }
        }
    }
}

impl StudyResults<'_> {
    /// Returns the study.
    pub fn study(&self) -> &Study {
        self.study
    }

    /// Returns the scheduled trials and their states, by number.
    pub fn due(&self) -> impl Iterator<Item = (&Trial, &TrialState)> {
        let trials = self.study.trials().iter().zip(&self.states);
        trials.filter_map(|(trial, state)| Some((trial, state.as_ref()?)))
    }

    /// Returns the scheduled trials that have neither finished nor failed.
    pub fn missing(&self) -> impl Iterator<Item = &Trial> {
        let missing = |state: &TrialState| *state == TrialState::Pending;
        self.due()
            .filter(move |(_, state)| missing(state))
            .map(|(trial, _)| trial)
    }

    /// Returns the number of failed trials.
    pub fn failed(&self) -> usize {
        let failed = |state: &TrialState| matches!(state, TrialState::Failed(_));
        self.due().filter(|(_, state)| failed(state)).count()
    }

    /// Returns the state of a trial; `None` if it is not scheduled.
    pub fn state(&self, trial: &Trial) -> Option<&TrialState> {
        self.states.get(trial.index)?.as_ref()
    }

    /// Returns the finished trials of a candidate in the last rung it reached.
    pub fn of_candidate(&self, candidate: usize) -> Vec<(&Trial, &TrialResult)> {
        let rung = self.last_rung(candidate);
        let of_candidate = |trial: &Trial| trial.candidate == candidate && trial.rung == rung;
        self.due()
            .filter(|(trial, _)| of_candidate(trial))
            .filter_map(|(trial, state)| Some((trial, state.result()?)))
            .collect()
    }

    /// Returns the last rung that a candidate reached, from 0.
    pub fn last_rung(&self, candidate: usize) -> usize {
        let due = self.due().filter(|(trial, _)| trial.candidate == candidate);
        due.map(|(trial, _)| trial.rung).max().unwrap_or(0)
    }

    /// Returns the number of scheduled rungs.
    pub fn rungs(&self) -> usize {
        self.rungs
    }

    /// Returns the scores of a candidate in the study's metric, one per finished trial.
    pub fn scores(&self, candidate: usize) -> Vec<f64> {
        self.scores_by(candidate, |result| self.score(result))
    }

    /// Returns the test scores of a candidate in another metric.
    pub fn test_scores(&self, candidate: usize, metric: &str) -> Vec<f64> {
        self.scores_by(candidate, |result| result.scores.test.get(metric).copied())
    }

    /// Returns a number of each finished trial of a candidate, such as the epochs to the best
    /// model.
    pub fn numbers(&self, candidate: usize, name: &str) -> Vec<f64> {
        self.scores_by(candidate, |result| result.scores.extra.get(name).copied())
    }

    /// Returns the score of the study's metric and rows.
    pub(super) fn score(&self, result: &TrialResult) -> Option<f64> {
        let config = self.study.config();
        let scores = result.scores.on(config.eval_split);
        scores.get(&config.metric).copied()
    }

    fn scores_by(&self, candidate: usize, score: impl Fn(&TrialResult) -> Option<f64>) -> Vec<f64> {
        let trials = self.of_candidate(candidate);
        trials
            .iter()
            .filter_map(|(_, result)| score(result))
            .collect()
    }

    /// Returns the mean score of each candidate, if it has scores.
    pub fn means(&self) -> Vec<Option<f64>> {
        let candidates = 0..self.study.candidates().len();
        candidates
            .map(|candidate| mean(&self.scores(candidate)))
            .collect()
    }

    /// Returns the candidate with the best mean score among those that reached the last rung with
    /// scores.
    pub fn best(&self) -> Option<usize> {
        let mut means = self.means();
        let scored = (0..means.len()).filter(|candidate| means[*candidate].is_some());
        let furthest = scored.map(|candidate| self.last_rung(candidate)).max()?;
        for (candidate, mean) in means.iter_mut().enumerate() {
            if self.last_rung(candidate) < furthest {
                *mean = None;
            }
        }
        let higher = self.study.config().higher_is_better();
        best(&means, 1, higher).first().copied()
    }

    /// Returns the candidates of the next rung; `None` if there is no next rung or the current one
    /// is unfinished. Candidates with a failed trial are eliminated.
    fn survivors(&self, rung: usize) -> Option<Vec<usize>> {
        let config = self.study.config();
        let halving = config.halving.as_ref()?;
        if rung + 1 >= halving.rungs() {
            return None;
        }
        let mut scores: BTreeMap<usize, Vec<Option<f64>>> = BTreeMap::new();
        for (trial, state) in self.due().filter(|(trial, _)| trial.rung == rung) {
            if *state == TrialState::Pending {
                return None;
            }
            let score = state.result().and_then(|result| self.score(result));
            scores.entry(trial.candidate).or_default().push(score);
        }
        let all = self.study.candidates().len();
        let score = |candidate: usize| -> Option<f64> {
            let scores: Option<Vec<f64>> = scores.get(&candidate)?.iter().copied().collect();
            mean(&scores?)
        };
        let scores: Vec<Option<f64>> = (0..all).map(score).collect();
        let higher = config.higher_is_better();
        Some(best(&scores, halving.kept(all, rung + 1), higher))
    }
}

pub(super) fn mean(values: &[f64]) -> Option<f64> {
    match values {
        [] => None,
        values => Some(values.iter().sum::<f64>() / values.len() as f64),
    }
}
