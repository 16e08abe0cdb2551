//! Figures of a study.

use std::collections::BTreeMap;

use finetune_eval::plots::{BoxPlot, Line, LineChart, Plot};
use finetune_eval::report::Figure;
use finetune_eval::statistics::ScoreGroup;

use crate::error::StudyError;
use crate::results::{StudyResults, mean};
use crate::search_space_table::VARIANT;

/// Maximum numbers of boxes and lines in a readable plot.
const MOST_BOXES: usize = 24;
pub(super) const MOST_LINES: usize = 12;
/// Ratio of the largest to the smallest value from which a parameter has a logarithmic axis.
const MAGNITUDES: f64 = 20.0;

impl StudyResults<'_> {
    /// Returns a box plot of the scores of candidates with more than one score. A study of many
    /// candidates has one per parameter, with the other parameters of the best candidate.
    pub(super) fn box_plots(&self) -> Result<Vec<Figure>, StudyError> {
        let metric = self.metric_name();
        let mut figures = Vec::new();
        for (place, _, candidates) in self.readable_groups(MOST_BOXES) {
            let groups = self.score_groups(&candidates, |candidate| self.scores(candidate));
            let title = match place.as_str() {
                "" => self.study.config().name.clone(),
                place => format!("{} ({place})", self.study.config().name),
            };
            figures.extend(box_plot(&title, &metric, groups)?);
        }
        Ok(figures)
    }

    /// Returns a box plot of the test scores of some candidates in another metric; `None` if none
    /// of them has more than one score.
    ///
    /// # Errors
    /// [`StudyError::Eval`] if the scores cannot be plotted.
    pub fn box_plot_of(
        &self,
        title: &str,
        metric: &str,
        candidates: &[usize],
    ) -> Result<Option<Figure>, StudyError> {
        let scores = |candidate| self.test_scores(candidate, metric);
        let groups = self.score_groups(candidates, scores);
        box_plot(title, &format!("test {}", metric.replace('_', " ")), groups)
    }

    /// Returns the candidates with more than one score.
    fn score_groups(
        &self,
        candidates: &[usize],
        scores: impl Fn(usize) -> Vec<f64>,
    ) -> Vec<ScoreGroup> {
        let groups = candidates.iter().map(|candidate| {
            ScoreGroup::new(self.study.candidate_label(*candidate), scores(*candidate))
        });
        groups.filter(|group| group.scores.len() > 1).collect()
    }

    /// Returns groups of at most `most` candidates for one figure each, with a description and the
    /// parameter that varies: all candidates if they are few. Otherwise the candidates along each
    /// parameter that agree with the best one in all others; without such parameters, the first in
    /// table order.
    pub(super) fn readable_groups(&self, most: usize) -> Vec<(String, String, Vec<usize>)> {
        let all: Vec<usize> = (0..self.study.candidates().len()).collect();
        if all.len() <= most {
            return vec![(String::new(), String::new(), all)];
        }
        let dimensions = self.dimensions();
        if dimensions.is_empty() {
            let first = self.in_order().into_iter().take(most).collect();
            return vec![(format!("the first {most}"), String::new(), first)];
        }
        let center = self.places(self.best().unwrap_or(0));
        let groups = dimensions.into_iter().map(|(name, _)| {
            let others: Vec<_> = center.iter().filter(|(other, _)| *other != name).collect();
            let agrees = |candidate: &usize| {
                let places = self.places(*candidate);
                others.iter().all(|other| places.contains(other))
            };
            let along = all.iter().copied().filter(agrees).take(most).collect();
            let place = others
                .iter()
                .map(|(other, value)| format!("{other} {value}"));
            (place.collect::<Vec<_>>().join(", "), name, along)
        });
        groups.collect()
    }

    /// Returns charts of mean scores over each numeric parameter, with one line per combination of
    /// the other parameters.
    pub(super) fn axis_charts(&self) -> Result<Vec<Figure>, StudyError> {
        let means = self.means();
        let mut charts = Vec::new();
        for (name, values) in self.dimensions() {
            if name == VARIANT || values.len() < 3 {
                continue;
            }
            let mut lines = self.lines_over(&name, |candidate| means[candidate]);
            if let Some(best) = self.best().filter(|_| lines.len() > MOST_LINES) {
                let best = self.label_without(best, &name);
                lines.retain(|label, _| *label == best);
            }
            charts.extend(self.axis_chart(&name, lines)?);
        }
        Ok(charts)
    }

    /// Returns the points of candidates over a parameter, by the other parameters.
    fn lines_over(
        &self,
        parameter: &str,
        y: impl Fn(usize) -> Option<f64>,
    ) -> BTreeMap<String, Vec<(f64, f64)>> {
        let mut lines: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
        for (candidate, point) in self.study.candidates().iter().enumerate() {
            let x = point.values.iter().find(|(name, _)| name == parameter);
            let (Some(x), Some(y)) = (x.and_then(|(_, x)| x.as_f64()), y(candidate)) else {
                continue;
            };
            let name = self.label_without(candidate, parameter);
            lines.entry(name).or_default().push((x, y));
        }
        lines
    }

    /// Returns the label of a candidate without the value of a parameter.
    fn label_without(&self, candidate: usize, parameter: &str) -> String {
        let others = self.places(candidate).into_iter();
        let others = others.filter(|(other, _)| other != parameter);
        let others = others.map(|(other, value)| match other.as_str() {
            VARIANT => value,
            _ => format!("{other} {value}"),
        });
        others.collect::<Vec<String>>().join(", ")
    }

    fn axis_chart(
        &self,
        name: &str,
        mut lines: BTreeMap<String, Vec<(f64, f64)>>,
    ) -> Result<Option<Figure>, StudyError> {
        lines.retain(|_, points| points.len() > 1);
        if lines.is_empty() || lines.len() > MOST_LINES {
            return Ok(None);
        }
        let values: Vec<f64> = lines.values().flatten().map(|point| point.0).collect();
        let (least, most) = extent(&values);
        let magnitudes = least > 0.0 && most / least >= MAGNITUDES;
        let place = |x: f64| if magnitudes { x.log10() } else { x };
        let metric = self.metric_name();
        let chart = LineChart {
            title: format!("{}: {metric} by {name}", self.study.config().name),
            x_label: if magnitudes {
                format!("log10 of {name}")
            } else {
                name.to_string()
            },
            y_label: format!("mean {metric}"),
            lines: lines
                .into_iter()
                .map(|(name, mut points)| {
                    points.sort_by(|a, b| a.0.total_cmp(&b.0));
                    Line::new(name, points.into_iter().map(|(x, y)| (place(x), y)))
                })
                .collect(),
            ..LineChart::default()
        };
        let alt = format!("Lines of mean {metric} over {name}; the table has the numbers.");
        let caption = format!("Mean {metric} by {name}.");
        Ok(Some(Figure::new(&chart.to_svg()?, alt, caption)?))
    }

    /// Returns a chart of a number over a parameter, such as the epochs to the best model over
    /// pre-training steps; `None` without such numbers.
    ///
    /// # Errors
    /// [`StudyError::Eval`] if the numbers cannot be plotted.
    pub fn number_chart(
        &self,
        number: &str,
        parameter: &str,
    ) -> Result<Option<Figure>, StudyError> {
        let lines = self.lines_over(parameter, |candidate| {
            mean(&self.numbers(candidate, number))
        });
        if lines.is_empty() || lines.len() > MOST_LINES {
            return Ok(None);
        }
        let chart = LineChart {
            title: format!("{}: {number}", self.study.config().name),
            x_label: parameter.to_string(),
            y_label: number.to_string(),
            lines: lines
                .into_iter()
                .map(|(name, points)| Line::new(name, points))
                .collect(),
            ..LineChart::default()
        };
        let alt = format!("Lines of {number} over {parameter}; the table has the numbers.");
        let figure = Figure::new(
            &chart.to_svg()?,
            alt,
            format!("Mean {number} by {parameter}."),
        )?;
        Ok(Some(figure))
    }
}

fn box_plot(
    title: &str,
    metric: &str,
    groups: Vec<ScoreGroup>,
) -> Result<Option<Figure>, StudyError> {
    if groups.is_empty() {
        return Ok(None);
    }
    let plot = BoxPlot::new(title, metric, groups);
    let alt = format!("A box of {metric} for each candidate; the table has the numbers.");
    let caption = format!("{metric} over the trials of each candidate.");
    Ok(Some(Figure::new(&plot.to_svg()?, alt, caption)?))
}

fn extent(values: &[f64]) -> (f64, f64) {
    let fold = |from, pick: fn(f64, f64) -> f64| values.iter().copied().fold(from, pick);
    (
        fold(f64::INFINITY, f64::min),
        fold(f64::NEG_INFINITY, f64::max),
    )
}
