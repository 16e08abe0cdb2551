//! A trained model and the held-out rows that something is fitted on, to be saved beside the model.

use std::error::Error;
use std::path::PathBuf;

use clap::Args;
use finetune::data::{BatchSize, Split};
use finetune::prelude::*;
use finetune_arguments::{ArgumentsError, LabelArguments, TableArguments, say};

use crate::labeled_texts::LabeledTexts;
use crate::named_dataset::NamedDatasetArguments;

/// Model and held-out rows.
#[derive(Debug, Args)]
pub(crate) struct HeldOutArguments {
    /// Directory of a trained model, in which the result is saved
    #[arg(long, value_name = "DIR")]
    model: PathBuf,
    /// File with labeled rows that the model was not trained on
    ///
    /// .csv, .tsv, .json, .jsonl, .ndjson, .parquet, .arrow or .feather, or a directory saved by the
    /// datasets library.
    #[arg(long = "validation-file", value_name = "FILE")]
    validation: Option<PathBuf>,
    #[command(flatten)]
    dataset: NamedDatasetArguments,
    /// Its split: train, validation or test
    #[arg(long, value_name = "SPLIT", default_value = "validation")]
    split: Split,
    #[command(flatten)]
    labels: LabelArguments,
    #[command(flatten)]
    table: TableArguments,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Rows per batch
    #[arg(long, value_name = "N", default_value_t = 64)]
    batch_size: usize,
    /// Device to compute on
    ///
    /// It is flex, libtorch, libtorch-cuda:N, wgpu, wgpu:N or cuda:N, if compiled in.
    #[arg(long, default_value_t)]
    device: DeviceSpec,
}

impl HeldOutArguments {
    /// Loads the model.
    ///
    /// # Errors
    /// If it is not in a directory, or cannot be loaded.
    pub(crate) fn predictor(&self, precision: Precision) -> Result<Predictor, Box<dyn Error>> {
        if !self.model.is_dir() {
            let problem = "--model is to be a directory: the result is saved in it";
            return Err(ArgumentsError::usage(problem).into());
        }
        let config = PredictorConfig {
            batch_size: BatchSize::Rows(self.batch_size),
            precision,
            ..PredictorConfig::default()
        };
        let device = self.device.open()?;
        Ok(Predictor::load_with(&self.model, config, &device)?)
    }

    /// Reads the rows.
    ///
    /// # Errors
    /// As [`LabeledTexts::read`].
    pub(crate) fn rows(&self, predictor: &Predictor) -> Result<Dataset, Box<dyn Error>> {
        let rows = LabeledTexts {
            file: self.validation.as_deref(),
            argument: "--validation-file",
            dataset: &self.dataset,
            split: self.split,
            labels: &self.labels,
            table: &self.table,
        };
        rows.read(predictor)
    }

    /// Saves what was fitted beside the model, and prints its report.
    ///
    /// # Errors
    /// If a file or the output cannot be written.
    pub(crate) fn save<R: std::fmt::Display + serde::Serialize>(
        &self,
        predictor: &Predictor,
        report: &R,
        applied_by: &str,
    ) -> Result<(), Box<dyn Error>> {
        predictor.text_preprocessing().save(&self.model)?;
        let text = match self.json {
            true => serde_json::to_string(report)?,
            false => {
                let directory = self.model.display();
                format!("{report}\nSaved in {directory}; {applied_by}.")
            }
        };
        Ok(say(&text)?)
    }
}
