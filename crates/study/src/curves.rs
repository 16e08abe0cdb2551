//! Curves of a study: lines over the steps or epochs of a run, averaged over the trials of each
//! candidate.

use std::collections::{BTreeMap, BTreeSet};

use finetune_eval::plots::{Line, LineChart, Plot};
use finetune_eval::report::Figure;

use crate::error::StudyError;
use crate::figures::MOST_LINES;
use crate::results::StudyResults;
use crate::run_scores::EPOCH_LOSS;

/// Curve by name, averaged over the trials of a candidate.
type Curves<'a> = BTreeMap<&'a str, Vec<(f64, f64)>>;

impl StudyResults<'_> {
    /// Returns a chart of a curve with one line per value of a parameter, in the candidates whose
    /// other parameters and variant have the values `at`; `None` without such a curve. Names and
    /// values are those of the study's tables, such as `("rate", "2e-3")`.
    ///
    /// # Errors
    /// [`StudyError::Eval`] if the curve cannot be plotted.
    pub fn curve_along(
        &self,
        curve: &str,
        parameter: &str,
        at: &[(&str, &str)],
    ) -> Result<Option<Figure>, StudyError> {
        let candidates = (0..self.study.candidates().len()).filter(|candidate| {
            let others = self.places(*candidate).into_iter();
            let mut others = others.filter(|(name, _)| name != parameter);
            others.all(|(name, value)| at.contains(&(&name, &value)))
        });
        let lines = self.lines_of(curve, &candidates.collect::<Vec<_>>(), parameter);
        let place: Vec<String> = at
            .iter()
            .map(|(name, value)| format!("{name} {value}"))
            .collect();
        self.curve(curve, &place.join(", "), lines)
    }

    /// Returns a chart per curve. A study of many candidates has one per curve and parameter, with
    /// the other parameters of the best candidate, or one of the best candidates if the points are
    /// sampled.
    pub(super) fn curves(&self) -> Result<Vec<Figure>, StudyError> {
        let names: BTreeSet<String> = self
            .due()
            .filter_map(|(_, state)| state.result())
            .flat_map(|result| result.scores.curves.keys().cloned())
            .collect();
        let mut figures = Vec::new();
        for name in names {
            for (place, parameter, candidates) in self.readable_groups(MOST_LINES) {
                let lines = self.lines_of(&name, &candidates, &parameter);
                figures.extend(self.curve(&name, &place, lines)?);
            }
        }
        Ok(figures)
    }

    /// Returns the lines of some candidates, named by their value of `parameter`, or by their label
    /// if they do not have it.
    fn lines_of(&self, curve: &str, candidates: &[usize], parameter: &str) -> Vec<Line> {
        let named = candidates.iter().filter_map(|candidate| {
            let points = self.averaged(*candidate).remove(curve)?;
            let place = self.places(*candidate).into_iter();
            let mut place = place.filter(|(name, _)| name == parameter);
            let name = match place.next() {
                Some((name, value)) => format!("{name} {value}"),
                None => self.study.candidate_label(*candidate),
            };
            (points.len() > 1).then(|| Line::new(name, points))
        });
        named.collect()
    }

    /// Returns the curves of a candidate, averaged over its trials.
    fn averaged(&self, candidate: usize) -> Curves<'_> {
        let trials = self.of_candidate(candidate);
        let mut sums: BTreeMap<&str, BTreeMap<u64, (f64, f64, usize)>> = BTreeMap::new();
        for (_, result) in &trials {
            for (name, curve) in &result.scores.curves {
                for (x, y) in curve {
                    let places = sums.entry(name).or_default();
                    let sum = places.entry(x.to_bits()).or_insert((*x, 0.0, 0));
                    *sum = (*x, sum.1 + y, sum.2 + 1);
                }
            }
        }
        let mean = |places: BTreeMap<u64, (f64, f64, usize)>| {
            // After some trials have ended early, the mean would cover fewer trials.
            let full = places.into_values();
            let full = full.filter(|(_, _, count)| *count == trials.len());
            let mut line: Vec<(f64, f64)> = full
                .map(|(x, sum, count)| (x, sum / count as f64))
                .collect();
            line.sort_by(|a, b| a.0.total_cmp(&b.0));
            line
        };
        let curves = sums.into_iter();
        curves.map(|(name, places)| (name, mean(places))).collect()
    }

    /// Draws a curve; `place` describes the candidates, empty if they are all.
    fn curve(
        &self,
        name: &str,
        place: &str,
        lines: Vec<Line>,
    ) -> Result<Option<Figure>, StudyError> {
        if lines.is_empty() {
            return Ok(None);
        }
        let by = if name == EPOCH_LOSS { "epoch" } else { "step" };
        let of = if place.is_empty() {
            String::new()
        } else {
            format!(" ({place})")
        };
        let chart = LineChart {
            title: format!("{}: {name}{of}", self.study.config().name),
            x_label: by.to_string(),
            y_label: name.to_string(),
            lines,
            whole_x: true,
            ..LineChart::default()
        };
        let alt = format!("Lines of {name} by {by}, one a candidate{of}.");
        let caption = format!("{name} by {by}, mean over the trials of a candidate{of}.");
        Ok(Some(Figure::new(&chart.to_svg()?, alt, caption)?))
    }
}
