//! Recorded predictions of a run on its test rows.

use std::error::Error;
use std::path::Path;

use finetune::train::{RunDirectory, metrics_lines, read_json};
use serde_json::Value;

/// Predictions of a run, and what they are for.
#[derive(Debug)]
pub(crate) struct RunPredictions {
    /// Path of the run directory.
    pub(crate) name: String,
    /// Labels and predictions of the test rows.
    pub(crate) rows: Rows,
    /// Fingerprint of the test rows.
    fingerprint: Value,
    /// Cleaning steps, after which the fingerprint is computed.
    cleaning: Value,
}

/// Labels and predictions, row by row.
#[derive(Debug, PartialEq)]
pub(crate) enum Rows {
    /// A class, or a set of classes, each.
    Classes(Vec<[Value; 2]>),
    /// A number each.
    Scores(Vec<[f64; 2]>),
    /// The tags of the words of a sentence each.
    Tags(Vec<[Vec<String>; 2]>),
}

impl Rows {
    /// Returns the number of rows.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Classes(rows) => rows.len(),
            Self::Scores(rows) => rows.len(),
            Self::Tags(rows) => rows.len(),
        }
    }

    fn has_labels_of(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Classes(first), Self::Classes(second)) => same(first, second),
            (Self::Scores(first), Self::Scores(second)) => same(first, second),
            (Self::Tags(first), Self::Tags(second)) => same(first, second),
            _ => false,
        }
    }
}

fn same<T: PartialEq>(first: &[[T; 2]], second: &[[T; 2]]) -> bool {
    let mut labels = first.iter().zip(second);
    first.len() == second.len() && labels.all(|([first, _], [second, _])| first == second)
}

/// Returns the names of the tasks that a run recorded predictions of; none for a run on one task.
///
/// # Errors
/// If it is no directory of a finished run with test rows.
pub(crate) fn recorded_tasks(path: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let run = RunDirectory::new(path);
    if run.predictions().exists() {
        return Ok(Vec::new());
    }
    let config: Value = match run.config().exists() {
        true => read_json(&run.config())?,
        false => Value::Null,
    };
    let names = config["data"].as_object().into_iter().flatten();
    let names = names.map(|(name, _)| name);
    let tasks: Vec<String> = names
        .filter(|name| run.task_predictions(name).exists())
        .cloned()
        .collect();
    if tasks.is_empty() {
        let problem = "no predictions.jsonl, expected the directory of a finished run";
        return Err(format!("{}: {problem}", path.display()).into());
    }
    Ok(tasks)
}

impl RunPredictions {
    /// Reads the predictions of a run directory; of a run on several tasks, those of `task`.
    ///
    /// # Errors
    /// If the run has not recorded predictions of labeled rows, or a file cannot be read.
    pub(crate) fn read(path: &Path, task: Option<&str>) -> Result<Self, Box<dyn Error>> {
        let run = RunDirectory::new(path);
        let task = match task {
            // A run on one task is compared with a task of another.
            Some(task) if !run.predictions().exists() => Some(task),
            _ => None,
        };
        let file = task.map_or_else(|| run.predictions(), |task| run.task_predictions(task));
        let config: Value = read_json(&run.config())?;
        let data = match task {
            Some(task) => &config["data"][task],
            None => &config["data"],
        };
        let lines = metrics_lines(&file)?;
        let rows = rows_of(&lines).ok_or_else(|| {
            let problem = "expected a label and a prediction of the same kind in each line";
            format!("{}: {problem}", file.display())
        })?;
        Ok(Self {
            name: path.display().to_string(),
            rows,
            fingerprint: data["test"]["fingerprint"].clone(),
            cleaning: config["config"]["text"]["cleaning"].clone(),
        })
    }

    /// Checks that another run was tested on the same rows.
    ///
    /// # Errors
    /// If it was not.
    pub(crate) fn check_same_rows(&self, other: &Self) -> Result<(), String> {
        let (first, second) = (&self.name, &other.name);
        let counts = (self.rows.len(), other.rows.len());
        if counts.0 != counts.1 {
            let (ours, theirs) = counts;
            return Err(format!(
                "{first} was tested on {ours} rows, {second} on {theirs}"
            ));
        }
        let texts_differ = self.fingerprint != other.fingerprint && self.cleaning == other.cleaning;
        match texts_differ || !self.rows.has_labels_of(&other.rows) {
            true => Err(format!(
                "{first} and {second} were tested on different rows"
            )),
            false => Ok(()),
        }
    }
}

/// Returns the rows of the lines of `predictions.jsonl`; `None` if they are not all of one kind.
fn rows_of(lines: &[Value]) -> Option<Rows> {
    let first = lines.first()?;
    let pair = |line: &Value| [line["label"].clone(), line["prediction"].clone()];
    if first.get("words").is_some() {
        let tags = |tags: &Value| -> Option<Vec<String>> {
            let tags = tags.as_array()?.iter();
            tags.map(|tag| Some(tag.as_str()?.to_string())).collect()
        };
        let rows = lines.iter().map(|line| {
            let row = [tags(&line["label"])?, tags(&line["prediction"])?];
            (row[0].len() == row[1].len()).then_some(row)
        });
        return Some(Rows::Tags(rows.collect::<Option<_>>()?));
    }
    if first["label"].is_number() {
        let score = |line: &Value| Some([line["label"].as_f64()?, line["prediction"].as_f64()?]);
        let rows = lines.iter().map(score);
        return Some(Rows::Scores(rows.collect::<Option<_>>()?));
    }
    let is_class = |value: &Value| value.is_string() || value.is_array();
    let rows: Vec<[Value; 2]> = lines.iter().map(pair).collect();
    let all = rows.iter().flatten().all(is_class);
    all.then_some(Rows::Classes(rows))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(rows: Vec<[Value; 2]>, fingerprint: &str, cleaning: &str) -> RunPredictions {
        RunPredictions {
            name: "run".to_string(),
            rows: Rows::Classes(rows),
            fingerprint: json!(fingerprint),
            cleaning: json!(cleaning),
        }
    }

    #[test]
    fn a_line_is_of_classes_scores_or_tags() {
        let classes = [json!({"row": 0, "label": "no", "prediction": "yes"})];
        let expected = Rows::Classes(vec![[json!("no"), json!("yes")]]);
        assert_eq!(rows_of(&classes), Some(expected));
        let scores = [json!({"row": 0, "label": 1.5, "prediction": 2})];
        assert_eq!(rows_of(&scores), Some(Rows::Scores(vec![[1.5, 2.0]])));
        let tags = json!({"words": ["Ada"], "label": ["B-PER"], "prediction": ["O"]});
        let expected = [vec!["B-PER".to_string()], vec!["O".to_string()]];
        assert_eq!(rows_of(&[tags]), Some(Rows::Tags(vec![expected])));
        for line in [
            json!({"label": null, "prediction": 0.5}),
            json!({"words": ["Ada"], "label": ["O"], "prediction": []}),
            json!({"label": 1.0, "prediction": "yes"}),
        ] {
            assert_eq!(rows_of(&[line]), None);
        }
        assert_eq!(rows_of(&[]), None);
    }

    #[test]
    fn other_rows_are_refused() {
        let rows = || vec![[json!("a"), json!("b")], [json!("b"), json!("b")]];
        let run = of(rows(), "one", "none");
        run.check_same_rows(&of(rows(), "one", "none")).unwrap();
        // Other texts, as they are after other cleaning.
        run.check_same_rows(&of(rows(), "two", "html")).unwrap();
        assert!(run.check_same_rows(&of(rows(), "two", "none")).is_err());
        let swapped = rows().into_iter().rev().collect();
        assert!(run.check_same_rows(&of(swapped, "one", "none")).is_err());
        let fewer = rows().into_iter().take(1).collect();
        let error = run.check_same_rows(&of(fewer, "one", "none")).unwrap_err();
        assert!(
            error.contains("2 rows") && error.contains("on 1"),
            "{error}"
        );
    }
}
