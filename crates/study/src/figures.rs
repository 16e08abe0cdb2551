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
const MOST_LINES: usize = 12;
/// Ratio of the largest to the smallest value from which a parameter has a logarithmic axis.
const MAGNITUDES: f64 = 20.0;

impl<C> StudyResults<'_, C> {
    /// Returns a box plot of the scores of candidates with more than one score.
    pub(super) fn box_plot(&self) -> Result<Option<Figure>, StudyError> {
        let mut groups = Vec::new();
        for candidate in 0..self.study.candidates().len() {
            let scores = self.scores(candidate);
            if scores.len() > 1 {
                groups.push(ScoreGroup::new(
                    self.study.candidate_label(candidate),
                    scores,
                ));
            }
        }
        if groups.is_empty() || groups.len() > MOST_BOXES {
            return Ok(None);
        }
        let metric = self.metric_name();
        let plot = BoxPlot::new(&self.study.config().name, &metric, groups);
        let alt = format!("A box of {metric} for each candidate; the table has the numbers.");
        let caption = format!("{metric} over the trials of each candidate.");
        Ok(Some(Figure::new(&plot.to_svg()?, alt, caption)?))
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
            let lines = self.lines_over(&name, |candidate| means[candidate]);
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
            let others = self.places(candidate).into_iter();
            let others = others.filter(|(other, _)| other != parameter);
            let others = others.map(|(other, value)| match other.as_str() {
                VARIANT => value,
                _ => format!("{other} {value}"),
            });
            let name = others.collect::<Vec<String>>().join(", ");
            lines.entry(name).or_default().push((x, y));
        }
        lines
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

    /// Returns the curves, averaged over the trials of each candidate.
    pub(super) fn curves(&self) -> Result<Vec<Figure>, StudyError> {
        let mut curves: BTreeMap<String, Vec<Line>> = BTreeMap::new();
        for candidate in 0..self.study.candidates().len() {
            let trials = self.of_candidate(candidate);
            let mut points: BTreeMap<&str, BTreeMap<u64, (f64, f64, usize)>> = BTreeMap::new();
            for (_, result) in &trials {
                for (name, curve) in &result.scores.curves {
                    for (x, y) in curve {
                        let places = points.entry(name).or_default();
                        let sum = places.entry(x.to_bits()).or_insert((*x, 0.0, 0));
                        *sum = (*x, sum.1 + y, sum.2 + 1);
                    }
                }
            }
            for (name, places) in points {
                // After some trials have ended early, the mean would cover fewer trials.
                let full = places
                    .into_values()
                    .filter(|(_, _, count)| *count == trials.len());
                let mut line: Vec<(f64, f64)> = full
                    .map(|(x, sum, count)| (x, sum / count as f64))
                    .collect();
                line.sort_by(|a, b| a.0.total_cmp(&b.0));
                if line.len() > 1 {
                    let line = Line::new(self.study.candidate_label(candidate), line);
                    curves.entry(name.to_string()).or_default().push(line);
                }
            }
        }
        let drawn = curves
            .into_iter()
            .filter(|(_, lines)| lines.len() <= MOST_LINES);
        drawn
            .map(|(name, lines)| self.curve(&name, lines))
            .collect()
    }

    fn curve(&self, name: &str, lines: Vec<Line>) -> Result<Figure, StudyError> {
        let is_by_epoch = name == "training loss";
        let by = if is_by_epoch { "epoch" } else { "step" };
        let chart = LineChart {
            title: format!("{}: {name}", self.study.config().name),
            x_label: by.to_string(),
            y_label: name.to_string(),
            lines,
            whole_x: true,
            ..LineChart::default()
        };
        let alt = format!("Lines of {name} by {by}, one a candidate.");
        let caption = format!("{name} by {by}, mean over the trials of a candidate.");
        Ok(Figure::new(&chart.to_svg()?, alt, caption)?)
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

fn extent(values: &[f64]) -> (f64, f64) {
    let fold = |from, pick: fn(f64, f64) -> f64| values.iter().copied().fold(from, pick);
    (
        fold(f64::INFINITY, f64::min),
        fold(f64::NEG_INFINITY, f64::max),
    )
}
