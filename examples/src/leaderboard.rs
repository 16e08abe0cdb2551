//! Prediction files in the format of the leaderboards of CS224N.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use finetune::data::{OnBadRow, Split, catalog};
use finetune::predict::Prediction;
use finetune::prelude::*;

use crate::cs224n::{CourseFile, Cs224nArguments};

/// Prediction file of a task: its name, the column of its header, and the files with its rows.
struct Leaderboard {
    task: &'static str,
    dataset: &'static str,
    /// Column of the predictions, spelled as in the code of the project.
    column: &'static str,
    /// Training file; without it, dev rows are trained on.
    train: &'static str,
    dev: &'static str,
    test: &'static str,
}

const LEADERBOARDS: [Leaderboard; 3] = [
    Leaderboard {
        task: "sst",
        dataset: "sst5",
        column: "Predicted_Sentiment",
        train: "ids-sst-train.csv",
        dev: "ids-sst-dev.csv",
        test: "ids-sst-test-student.csv",
    },
    Leaderboard {
        task: "para",
        dataset: "qqp",
        column: "Predicted_Is_Paraphrase",
        train: "quora-train.csv",
        dev: "quora-dev.csv",
        test: "quora-test-student.csv",
    },
    Leaderboard {
        task: "sts",
        dataset: "stsb",
        column: "Predicted_Similiary",
        train: "sts-train.csv",
        dev: "sts-dev.csv",
        test: "sts-test-student.csv",
    },
];

/// Writes the predictions of the models in `models` for every dev and test file with ids into
/// `directory`: `sst-dev-output.csv`, `sst-test-output.csv` and so on. Returns a line of text for
/// each file that is not written.
///
/// # Errors
/// If a data file or a model cannot be read, or a prediction file cannot be written.
pub(crate) fn write_predictions(
    tasks: &Cs224nArguments,
    models: &Path,
    directory: &Path,
    device: &finetune::DeviceSpec,
) -> Result<Vec<String>, Box<dyn Error>> {
    fs::create_dir_all(directory)?;
    let mut left_out = Vec::new();
    for board in &LEADERBOARDS {
        let model = models.join(board.task);
        if !model.is_dir() {
            continue;
        }
        let predictor = Predictor::load(&model, &device.open()?)?;
        for (split, name, file) in [
            (Split::Validation, "dev", board.dev),
            (Split::Test, "test", board.test),
        ] {
            let output = format!("{}-{name}-output.csv", board.task);
            let trained_on = split == Split::Validation
                && tasks.course_file(board.dataset, board.train).is_none();
            match tasks.course_file(board.dataset, file) {
                Some(_) if trained_on => {
                    left_out.push(format!("{output} not written: dev rows are trained on"));
                }
                Some(rows) => {
                    let text = board.predictions(&predictor, &rows, split)?;
                    fs::write(directory.join(output), text)?;
                }
                None => left_out.push(format!("{output} not written: no {file}")),
            }
        }
    }
    Ok(left_out)
}

impl Leaderboard {
    fn predictions(
        &self,
        predictor: &Predictor,
        file: &CourseFile,
        split: Split,
    ) -> Result<String, Box<dyn Error>> {
        let dataset = catalog::get(self.dataset)?;
        let on_bad_rows: OnBadRow = file.on_bad_rows;
        let (rows, _) = dataset.open_split_with(&file.path, split, on_bad_rows)?;
        let ids = dataset.open_ids(&file.path, split, on_bad_rows)?;
        let rows = &rows.examples;
        let pairs: Option<Vec<(&str, &str)>> = rows
            .iter()
            .map(|row| Some((row.text.as_str(), row.text_pair.as_deref()?)))
            .collect();
        let predictions = match pairs {
            Some(pairs) if !pairs.is_empty() => predictor.predict_pairs(&pairs)?,
            _ => {
                let texts: Vec<&str> = rows.iter().map(|row| row.text.as_str()).collect();
                predictor.predict(&texts)?
            }
        };
        Ok(self.text(&ids, &predictions, dataset.schema().class_names()))
    }

    /// Returns the content of the file: a header, then a line per row.
    fn text(&self, ids: &[String], predictions: &[Prediction], classes: &[String]) -> String {
        let mut text = format!("id \t {} \n", self.column);
        for (id, prediction) in ids.iter().zip(predictions) {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{id} , {} ", self.value(prediction, classes));
        }
        text
    }

    /// Returns the prediction as the project writes it: the number of a sentiment, 0.0 or 1.0 for
    /// paraphrases, or a similarity.
    fn value(&self, prediction: &Prediction, classes: &[String]) -> String {
        let class = match prediction {
            Prediction::SingleLabel { label, .. } => {
                classes.iter().position(|name| name == label).unwrap_or(0)
            }
            Prediction::MultiLabel { labels, .. } => usize::from(!labels.is_empty()),
            other => {
                let score = other.score().unwrap_or(f64::NAN);
                return (score as f32).to_string();
            }
        };
        match self.task {
            "para" => format!("{:.1}", class as f64),
            _ => class.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn files_have_the_format_of_the_project() {
        let read = |value| serde_json::from_value::<Prediction>(value).unwrap();
        let single = |label: &str| {
            read(json!({
                "label": label, "probability": 1.0,
                "probabilities": [{"label": label, "probability": 1.0}],
            }))
        };
        let text = |board: &Leaderboard, predictions: &[Prediction], classes: &[&str]| {
            let ids = ["a1".to_string(), "b2".to_string()];
            let classes: Vec<String> = classes.iter().map(ToString::to_string).collect();
            board.text(&ids, predictions, &classes)
        };
        let [sst, para, sts] = &LEADERBOARDS;
        assert_eq!(
            text(sst, &[single("good"), single("bad")], &["bad", "good"]),
            "id \t Predicted_Sentiment \na1 , 1 \nb2 , 0 \n"
        );
        let one_logit = read(json!({
            "labels": ["same"], "probabilities": [{"label": "same", "probability": 0.7}],
        }));
        assert_eq!(
            text(para, &[one_logit, single("other")], &["other", "same"]),
            "id \t Predicted_Is_Paraphrase \na1 , 1.0 \nb2 , 0.0 \n"
        );
        let score = |score| read(json!({"scores": [{"label": "score", "score": score}]}));
        assert_eq!(
            text(sts, &[score(2.5), score(4.25)], &[]),
            "id \t Predicted_Similiary \na1 , 2.5 \nb2 , 4.25 \n"
        );
    }
}
