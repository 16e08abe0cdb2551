//! The report of a study.

use std::path::Path;

use finetune_eval::report::{Environment, Facts, Report, Section};
use finetune_eval::statistics::{Adjustment, Arm, Comparison, ComparisonTable, Verdict};

use super::folder::StudyFolder;
use super::outcome::TrialState;
use super::results::StudyResults;
use super::settings::flat;
use super::trial::{Fold, shown};
use crate::TrainError;

/// With more candidates than this, comparing each with each is no table to read.
const MOST_COMPARED: usize = 12;

impl<C> StudyResults<'_, C> {
    /// The page of the study: tables, tests and figures of what there is so far, what failed and
    /// what is missing. It depends on the study and its results alone, not on when, in which order
    /// and by whom they were made; but for the last section, which says where it was written.
    ///
    /// # Errors
    /// [`TrainError::Eval`], for results that were changed by hand.
    pub fn report(&self) -> Result<Report, TrainError> {
        let config = self.study.config();
        let mut scores = Section::new("Scores").with(self.table()?);
        if let Some(grid) = self.grid()? {
            scores = scores.with(grid);
        }
        if let Some(rungs) = self.rung_table()? {
            scores = scores.with(rungs);
        }
        if let Some(boxes) = self.box_plot()? {
            scores = scores.with(boxes);
        }
        for chart in self.axis_charts()? {
            scores = scores.with(chart);
        }
        let comparisons = self.comparisons()?;
        let summary = self.summary(comparisons.as_ref());
        let mut report = Report::new(config.name.clone(), summary)
            .with(scores)
            .with(self.comparison_section(comparisons.as_ref()));
        let curves = self.curves()?;
        if !curves.is_empty() {
            let section = Section::new("Curves");
            report = report.with(curves.into_iter().fold(section, Section::with));
        }
        for (title, table) in [
            ("Failed", self.failures()?),
            ("Missing", self.missing_table()?),
        ] {
            if let Some(table) = table {
                report = report.with(Section::new(title).with(table));
            }
        }
        let environment = Environment::capture().facts();
        Ok(report
            .with(Section::new("Study").with(self.facts()))
            .with(Section::new("Written by").with(environment)))
    }

    /// Each candidate against the baseline, or against each, if there are two that were tried at
    /// least twice.
    ///
    /// Candidates with the same seeds and folds are compared pair by pair, others by Welch's test;
    /// p-values are adjusted for their number.
    ///
    /// # Errors
    /// [`TrainError::Eval`] for a baseline that there is not.
    pub fn comparisons(&self) -> Result<Option<ComparisonTable>, TrainError> {
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
            // It may not have its trials yet.
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
        let arms = compared
            .iter()
            .map(|at| Arm::new(label(at), self.scores(*at)));
        let arms: Vec<Arm> = arms.collect();
        let tests = &config.comparison;
        let table = ComparisonTable::of(&arms, baseline, made, tests.adjustment, tests.alpha)?;
        Ok(Some(table))
    }

    fn compare(&self, first: usize, second: usize) -> Result<Comparison, TrainError> {
        let config = self.study.config();
        let higher = config.metric.higher_is_better();
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
        let paired = settings.design == finetune_eval::statistics::Design::Paired;
        let arm = |candidate: usize, scores: &[(Replicate, f64)]| {
            let used = scores.iter().filter(|(at, _)| !paired || both.contains(at));
            let used: Vec<f64> = used.map(|(_, score)| *score).collect();
            Arm::new(self.study.candidate_label(candidate), used)
        };
        Ok(Comparison::new(
            &arm(first, &ours),
            &arm(second, &theirs),
            &settings,
        )?)
    }

    /// The scores of a candidate by seed and fold, in their order.
    fn replicates(&self, candidate: usize) -> Vec<(Replicate, f64)> {
        let config = self.study.config();
        let trials = self.of_candidate(candidate).into_iter();
        let mut scores: Vec<(Replicate, f64)> = trials
            .filter_map(|(trial, result)| {
                let score = result.scores.on(config.measured_on).get(&config.metric)?;
                Some((trial.replicate(), *score))
            })
            .collect();
        scores.sort_by_key(|(replicate, _)| *replicate);
        scores
    }

    fn comparison_section(&self, table: Option<&ComparisonTable>) -> Section {
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

    /// How far the study is, who is ahead, and what is shown.
    fn summary(&self, table: Option<&ComparisonTable>) -> String {
        let count = |of: fn(&TrialState) -> bool| self.due().filter(|(_, state)| of(state)).count();
        let finished = count(|state| matches!(state, TrialState::Finished(_)));
        let failed = count(|state| matches!(state, TrialState::Failed(_)));
        let missing = count(|state| matches!(state, TrialState::Missing));
        let mut text = format!("{finished} trials finished, {failed} failed, {missing} missing.");
        if let Some(best) = self.best() {
            let scores = self.scores(best);
            let mean = scores.iter().sum::<f64>() / scores.len() as f64;
            let which = match self.study.config().metric.higher_is_better() {
                true => "highest",
                false => "lowest",
            };
            text += &format!(
                " The {which} mean {} is that of {}: {mean:.4} ({}).",
                self.metric_name(),
                self.study.candidate_label(best),
                scores.len()
            );
        }
        if let Some(table) = table {
            let shown =
                |one: &&Comparison| matches!(one.verdict(), Verdict::Better | Verdict::Worse);
            let shown = table.comparisons.iter().filter(shown).count();
            let adjusted = match self.study.config().comparison.adjustment {
                Adjustment::None => "",
                _ => ", adjusted for their number",
            };
            text += &format!(
                " {shown} of {} differences are shown at {}{adjusted}.",
                table.comparisons.len(),
                self.study.config().comparison.alpha
            );
        }
        text
    }

    /// What was tried.
    fn facts(&self) -> Facts {
        let config = self.study.config();
        let record = self.study.record();
        let mut facts = Facts::new().with("Metric", self.metric_name());
        for axis in &config.axes {
            let json = serde_json::to_string(axis).unwrap_or_default();
            facts = facts.with_code(format!("Axis {}", axis.label()), json);
        }
        for arm in &config.arms {
            let settings = flat(&arm.settings.clone().into());
            let settings = settings.iter().filter(|(setting, _)| !setting.is_empty());
            let settings: Vec<String> = settings
                .map(|(setting, value)| format!("{setting} = {}", shown(value)))
                .collect();
            facts = facts.with_code(format!("Arm {}", arm.name), settings.join(", "));
        }
        let mut seeds: Vec<u64> = self
            .study
            .trials()
            .iter()
            .filter_map(|trial| trial.seed)
            .collect();
        seeds.sort_unstable();
        seeds.dedup();
        let seeds: Vec<String> = seeds.iter().map(u64::to_string).collect();
        if !seeds.is_empty() {
            facts = facts.with("Seeds", seeds.join(", "));
        }
        if config.trials.is_some() || self.study.trials().iter().any(|trial| trial.fold.is_some()) {
            facts = facts.with("Seed of draws and folds", config.seed);
        }
        for (name, value) in flat(&record.fingerprint) {
            facts = facts.with_code(name, shown(&value));
        }
        let base = serde_json::to_string(&record.base).unwrap_or_default();
        facts.with_code("Settings of the base", base)
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

impl StudyFolder {
    /// Writes `report.html`, `report.md` and `report.json`, and `trials.csv` with a line a trial.
    ///
    /// # Errors
    /// [`TrainError::Io`] and [`TrainError::Eval`] for a file that cannot be written.
    pub fn write<C>(
        &self,
        report: &Report,
        results: &StudyResults<'_, C>,
    ) -> Result<(), TrainError> {
        let _lock = self.lock()?;
        report.write(self.path())?;
        self.write_lines(&results.lines(), Path::new("trials.csv"))
    }
}
