//! The three tasks of the default project of Stanford's CS224N: sentiment, paraphrases, similarity.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};

use finetune::data::{Split, catalog};
use finetune::prelude::*;

use crate::RunArguments;

/// The tasks, in the order of the studies, and the names of their data sets.
pub(crate) const TASKS: [(&str, &str); 3] = [("sst", "sst5"), ("para", "qqp"), ("sts", "stsb")];

const DATASETS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../datasets");

/// The share of the rows that is tested on where a task has one file only.
const TEST_SHARE: f64 = 0.2;

/// Opens the tasks: training rows, and the dev rows to test on, as the studies do. Without a folder
/// these are the bundled samples; with one, its files `ids-sst-*.csv`, `quora-*.csv`, `sts-*.csv`.
/// Of a task without a training file the dev file is split.
///
/// # Errors
/// Whatever is wrong with a file.
pub fn cs224n_tasks(
    folder: Option<&Path>,
    run: &RunArguments,
    seed: u64,
) -> Result<BTreeMap<String, Splits>, Box<dyn Error>> {
    let mut tasks = BTreeMap::new();
    for (task, name) in TASKS {
        let sample = || PathBuf::from(DATASETS).join(name).join("sample");
        let folder = folder.map_or_else(sample, Path::to_path_buf);
        let set = catalog::named(name)?;
        let (dev, _) = set.open_split(&folder, Split::Validation)?;
        let splits = match set.open_split(&folder, Split::Train) {
            Ok((train, _)) => Splits::train_test(train, dev),
            Err(DataError::MissingFiles { .. }) => divided(dev, seed)?,
            Err(error) => return Err(error.into()),
        };
        tasks.insert(task.to_string(), run.subset(splits, seed)?);
    }
    Ok(tasks)
}

fn divided(rows: Dataset, seed: u64) -> Result<Splits, DataError> {
    let parts = rows.split(&[1.0 - TEST_SHARE, TEST_SHARE], seed)?;
    Ok(Splits::train_test(
        rows.select(&parts[0]),
        rows.select(&parts[1]),
    ))
}
