//! The three tasks of the default project of Stanford's CS224N: sentiment, paraphrases, similarity.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;

use clap::Args;
use finetune::data::{OnBadRow, Split, catalog};
use finetune::prelude::*;

use crate::RunArguments;

/// Name of each task and of its dataset, in the order of the studies.
pub(crate) const TASKS: [(&str, &str); 3] = [("sst", "sst5"), ("para", "qqp"), ("sts", "stsb")];

/// Splits by task name.
pub(crate) type Tasks = BTreeMap<String, Splits>;

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
            Some(folder) => folder.display().to_string(),
            None => "Bundled samples (original text, not a benchmark)".to_string(),
        }
    }

    /// Opens the tasks with their training rows and, as in the studies, the dev rows as test rows.
    /// The dev file of a task without a training file is split into training and test rows. Also
    /// returns one line of text per file with skipped rows.
    ///
    /// # Errors
    /// If a file cannot be read, has a bad row that is not to be skipped, or has too few rows to
    /// split.
    pub(crate) fn open(
        &self,
        run: &RunArguments,
        seed: u64,
    ) -> Result<(Tasks, Vec<String>), Box<dyn Error>> {
        let on_bad_rows = match self.skip_bad_rows {
            true => OnBadRow::Skip,
            false => OnBadRow::Error,
        };
        let (mut tasks, mut skipped) = (BTreeMap::new(), Vec::new());
        for (task, name) in TASKS {
            let sample = || PathBuf::from(DATASETS).join(name).join("sample");
            let folder = self.data.clone().unwrap_or_else(sample);
            let set = catalog::get(name)?;
            let mut open = |split| {
                let (rows, report) = set.open_split_with(&folder, split, on_bad_rows)?;
                if report.skipped.rows > 0 {
                    skipped.push(format!("{task}: {} bad rows left out", report.skipped.rows));
                }
                Ok(rows)
            };
            let dev = open(Split::Validation)?;
            let mut splits = match open(Split::Train) {
                Ok(train) => Splits::train_test(train, dev),
                Err(DataError::MissingFiles { .. }) => divided(dev, seed)?,
                Err(error) => return Err(error.into()),
            };
            if self.train_fraction < 1.0 {
                let rows = (self.train_fraction * splits.train.len() as f64).round() as usize;
                splits.train = splits.train.subset(rows, seed);
            }
            tasks.insert(task.to_string(), run.subset(splits, seed)?);
        }
        Ok((tasks, skipped))
    }
}

fn divided(rows: Dataset, seed: u64) -> Result<Splits, DataError> {
    let parts = rows.split(&[1.0 - TEST_SHARE, TEST_SHARE], seed)?;
    Ok(Splits::train_test(
        rows.select(&parts[0]),
        rows.select(&parts[1]),
    ))
}
