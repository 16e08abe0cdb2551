//! Loss and metric curves of a run.

use std::collections::BTreeMap;
use std::path::Path;

use finetune_eval::plots::{Line, LineChart};
use finetune_eval::report::Section;

use super::{TrainSection, figure};
use crate::error::TrainError;
use crate::run_files::metrics_lines;

/// Maximum points of a line; longer lines are smoothed.
const MOST_POINTS: usize = 200;

type Points = Vec<(f64, f64)>;

/// Returns the curves of training losses and validation metrics; `None` for a run of one step.
///
/// # Errors
/// - [`TrainError::Io`] if the metrics cannot be read.
pub(super) fn curves(train: &TrainSection, metrics: &Path) -> Result<Option<Section>, TrainError> {
    let mut charts = losses(metrics)?;
    for (metric, lines) in evaluations(train) {
        charts.entry(metric).or_default().extend(lines);
    }
    let mut section = Section::new("Curves");
    for (name, mut lines) in charts {
        let name = name.replace('_', " ");
        lines.retain(|(_, points)| points.len() > 1);
        if lines.is_empty() {
            continue;
        }
        let lines = lines.into_iter();
        let chart = LineChart {
            title: name.clone(),
            x_label: "step".to_string(),
            y_label: name.clone(),
            lines: lines
                .map(|(name, points)| Line::new(name, points))
                .collect(),
            whole_x: true,
            ..LineChart::default()
        };
        let alt = format!("Lines of {name} by step.");
        section = section.with(figure(&chart, alt, format!("{name} by step.")));
    }
    Ok((!section.blocks.is_empty()).then_some(section))
}

/// Returns the loss curves of the training steps.
fn losses(metrics: &Path) -> Result<BTreeMap<String, Vec<(String, Points)>>, TrainError> {
    let (mut of_steps, mut of_tasks) = (Points::new(), BTreeMap::<String, Points>::new());
    for record in metrics_lines(metrics)? {
        let Some(step) = record["step"].as_f64() else {
            continue;
        };
        of_steps.extend(record["loss"].as_f64().map(|loss| (step, loss)));
        for (task, loss) in record["task_losses"].as_object().into_iter().flatten() {
            let points = of_tasks.entry(task.clone()).or_default();
            points.extend(loss.as_f64().map(|loss| (step, loss)));
        }
    }
    // With several tasks, consecutive steps belong to different tasks.
    let lines = match of_tasks.is_empty() {
        true => vec![("training".to_string(), smooth(&of_steps))],
        false => of_tasks
            .into_iter()
            .map(|(task, points)| (format!("training, {task}"), smooth(&points)))
            .collect(),
    };
    Ok(BTreeMap::from([("loss".to_string(), lines)]))
}

/// Returns the curves of the evaluations, by metric.
fn evaluations(train: &TrainSection) -> BTreeMap<String, Vec<(String, Points)>> {
    let mut lines: BTreeMap<(String, String), Points> = BTreeMap::new();
    for evaluation in &train.evaluations {
        let tasks = evaluation.tasks.iter();
        let tasks = tasks.map(|(task, scores)| (format!("held out, {task}"), scores));
        let all = std::iter::once(("held out".to_string(), &evaluation.scores)).chain(tasks);
        for (name, scores) in all {
            for (metric, score) in scores.iter().filter(|(_, score)| score.is_finite()) {
                let points = lines.entry((metric.clone(), name.clone())).or_default();
                points.push((evaluation.step as f64, *score));
            }
        }
    }
    let mut charts: BTreeMap<String, Vec<(String, Points)>> = BTreeMap::new();
    for ((metric, name), points) in lines {
        charts.entry(metric).or_default().push((name, points));
    }
    charts
}

/// Averages neighboring points, so that at most [`MOST_POINTS`] remain.
fn smooth(points: &[(f64, f64)]) -> Points {
    let neighbors = points.len().div_ceil(MOST_POINTS).max(1);
    let mean = |points: &[(f64, f64)]| {
        let sum = points
            .iter()
            .fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
        let count = points.len() as f64;
        ((sum.0 / count).round(), sum.1 / count)
    };
    points.chunks(neighbors).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn many_points_become_their_means() {
        let few: Points = (1..=200).map(|step| (f64::from(step), 1.0)).collect();
        assert_eq!(smooth(&few), few);
        let many: Points = (1..=500)
            .map(|step| (f64::from(step), f64::from(step % 3)))
            .collect();
        let smoothed = smooth(&many);
        assert_eq!(smoothed.len(), 167);
        assert_eq!(smoothed[0], (2.0, 1.0));
        assert!(smooth(&[]).is_empty());
    }

    #[test]
    fn tasks_have_lines_of_their_own() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("metrics.jsonl");
        let lines = [
            r#"{"step":1,"loss":2.0}"#,
            r#"{"step":1,"task_losses":{"a":2.0}}"#,
            r#"{"step":2,"loss":null}"#,
            r#"{"step":2,"task_losses":{"b":null}}"#,
        ];
        fs::write(&path, lines.join("\n")).unwrap();
        let lines = losses(&path).unwrap().remove("loss").unwrap();
        let expected = [
            ("training, a".to_string(), vec![(1.0, 2.0)]),
            ("training, b".to_string(), vec![]),
        ];
        assert_eq!(lines, expected);
    }
}
