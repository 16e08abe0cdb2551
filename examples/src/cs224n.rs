//! The three tasks of the default project of Stanford's CS224N: sentiment, paraphrases, similarity.

use std::collections::BTreeMap;
use std::error::Error;
use std::io;
use std::path::PathBuf;

use clap::Args;
use finetune::data::{OnBadRow, Split, catalog};
use finetune::prelude::*;
use finetune_arguments::{RunArguments, say};

use crate::study::Conditions;

/// Name of each task and of its dataset, in the order of the studies.
pub(crate) const TASKS: [(&str, &str); 3] = [("sst", "sst5"), ("para", "qqp"), ("sts", "stsb")];

/// Rows of the three tasks.
#[derive(Debug)]
pub struct CourseData {
    /// Training rows and, as test split, dev rows by task name.
    pub tasks: BTreeMap<String, Splits>,
    /// Labeled test rows by task name, of the tasks that have some.
    pub test: BTreeMap<String, Dataset>,
    /// One line of text for each file with skipped rows, and for each task without its own training
    /// file.
    pub notes: Vec<String>,
}

/// File of a task, and how it is read.
pub(crate) struct CourseFile {
    pub(crate) path: PathBuf,
    pub(crate) on_bad_rows: OnBadRow,
}

const DATASETS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../datasets");

/// Test fraction of a task without a training file.
const TEST_SHARE: f64 = 0.2;

/// Data of the three tasks.
#[derive(Debug, Args)]
pub struct Cs224nArguments {
    /// Directory with ids-sst-*.csv, quora-*.csv and sts-*.csv of the CS224N project [default: the
    /// bundled samples, original text, not a benchmark]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Skip and count bad rows instead of stopping at the first; quora-dev.csv has two without a
    /// label
    #[arg(long)]
    skip_bad_rows: bool,
    /// Fraction of the training rows of each task to use, sampled with the class proportions kept;
    /// the relative sizes of the tasks stay the same
    #[arg(long, value_name = "SHARE", default_value_t = 1.0, value_parser = share)]
    train_fraction: f64,
}

fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| "not a number")?;
    match share > 0.0 && share <= 1.0 {
        true => Ok(share),
        false => Err("expected more than 0 and at most 1".to_string()),
    }
}

impl Cs224nArguments {
    /// Returns whether the tasks are the bundled samples.
    pub fn is_bundled(&self) -> bool {
        self.data.is_none()
    }

    /// Returns a readable name of the data.
    pub(crate) fn description(&self) -> String {
        match &self.data {
            Some(directory) => directory.display().to_string(),
            None => "Bundled samples (original text, not a benchmark)".to_string(),
        }
    }

    /// Returns one line of text if only a fraction of the training rows is used.
    pub(crate) fn row_limit(&self) -> Option<String> {
        let fraction = self.train_fraction;
        (fraction < 1.0).then(|| format!("training rows: a fraction of {fraction}"))
    }

    fn on_bad_rows(&self) -> OnBadRow {
        match self.skip_bad_rows {
            true => OnBadRow::Skip,
            false => OnBadRow::Error,
        }
    }

    fn directory(&self, dataset: &str) -> PathBuf {
        let sample = || PathBuf::from(DATASETS).join(dataset).join("sample");
        self.data.clone().unwrap_or_else(sample)
    }

    /// Returns a file of a dataset; `None` if it does not exist.
    pub(crate) fn course_file(&self, dataset: &str, name: &str) -> Option<CourseFile> {
        let path = self.directory(dataset).join(name);
        path.exists().then(|| CourseFile {
            path,
            on_bad_rows: self.on_bad_rows(),
        })
    }

    /// Opens the tasks with their training rows and, as in the studies, the dev rows as test rows.
    /// The dev file of a task without a training file is split into training and test rows.
    ///
    /// # Errors
    /// If a file cannot be read, has a bad row that is not to be skipped, or has too few rows to
    /// split.
    pub(crate) fn open(&self, run: &RunArguments, seed: u64) -> Result<CourseData, Box<dyn Error>> {
        let on_bad_rows = self.on_bad_rows();
        let (mut tasks, mut labeled) = (BTreeMap::new(), BTreeMap::new());
        let mut notes = Vec::new();
        for (task, name) in TASKS {
            let directory = self.directory(name);
            let set = catalog::get(name)?;
            let mut open = |split| {
                let (rows, report) = set.open_split_with(&directory, split, on_bad_rows)?;
                if report.skipped.rows > 0 {
                    notes.push(format!("{task}: {} bad rows left out", report.skipped.rows));
                }
                Ok(rows)
            };
            let dev = open(Split::Validation)?;
            let train = if_there(open(Split::Train))?;
            let test = if_there(open(Split::Test))?;
            let mut splits = match train {
                Some(train) => Splits::train_test(train, dev),
                None => {
                    notes.push(format!(
                        "{task}: no training file; four fifths of the dev rows are trained on"
                    ));
                    divided(dev, seed)?
                }
            };
            let is_labeled = |rows: &Dataset| {
                let mut labels = rows.examples.iter().map(|row| &row.label);
                labels.all(|label| *label != finetune::data::Label::Unlabeled)
            };
            if let Some(test) = test.filter(is_labeled) {
                labeled.insert(task.to_string(), test);
            }
            if self.train_fraction < 1.0 {
                let rows = (self.train_fraction * splits.train.len() as f64).round() as usize;
                splits.train = splits.train.subset(rows, seed);
            }
            tasks.insert(task.to_string(), run.subset(splits, seed)?);
        }
        Ok(CourseData {
            tasks,
            test: labeled,
            notes,
        })
    }
}

impl CourseData {
    /// Prints what is trained on what.
    ///
    /// # Errors
    /// If standard output is closed.
    pub(crate) fn announce(&self, tasks: &Cs224nArguments, run: &RunArguments) -> io::Result<()> {
        let (what, model, device) = (tasks.description(), run.model(), run.device());
        say(&format!("{what}, with {model} on {device}"))?;
        for line in &self.notes {
            say(line)?;
        }
        for (task, splits) in &self.tasks {
            let dev = splits.test.as_ref().map_or(0, Dataset::len);
            let train = splits.train.len();
            let test = match self.test.get(task) {
                Some(test) => format!(", {} labeled test rows", test.len()),
                None => String::new(),
            };
            say(&format!(
                "{task}: {train} training and {dev} dev rows{test}"
            ))?;
        }
        Ok(())
    }

    /// Returns what the runs have in place of the published data and encoder.
    pub(crate) fn conditions(&self, tasks: &Cs224nArguments, run: &RunArguments) -> Conditions {
        let mut notes = vec![format!("encoder: {} instead of BERT-base", run.model())];
        notes.extend(self.notes.iter().cloned());
        notes.extend(tasks.row_limit());
        notes.extend(run.common.row_limits());
        let is_bundled = tasks.is_bundled();
        Conditions {
            notes,
            obstacle: is_bundled.then(|| "the bundled samples are other data".to_string()),
        }
    }
}

/// Returns `None` if the files of a split are missing.
fn if_there(rows: Result<Dataset, DataError>) -> Result<Option<Dataset>, DataError> {
    match rows {
        Ok(rows) => Ok(Some(rows)),
        Err(DataError::MissingFiles { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn divided(rows: Dataset, seed: u64) -> Result<Splits, DataError> {
    let parts = rows.split(&[1.0 - TEST_SHARE, TEST_SHARE], seed)?;
    Ok(Splits::train_test(
        rows.select(&parts[0]),
        rows.select(&parts[1]),
    ))
}
