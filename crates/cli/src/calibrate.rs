//! `finetune calibrate`: probabilities that mean what they say, fitted on held-out rows.

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
pub(crate) struct CalibrateArguments {
    /// Directory of a trained classifier, which gets the calibration
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
    /// Coverage of the prediction sets, such as 0.9
    ///
    /// It is the share of texts whose class is to be in their set. Without it, there are no sets.
    #[arg(long, value_name = "SHARE")]
    coverage: Option<f64>,
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

impl CalibrateArguments {
    /// Fits the calibration, prints its scores on the rows and saves it beside the model.
    pub(crate) fn run(&self) -> Result<(), Box<dyn Error>> {
        if !self.model.is_dir() {
            let problem = "--model is to be a directory: the calibration is saved in it";
            return Err(ArgumentsError::usage(problem).into());
        }
        let config = PredictorConfig {
            batch_size: BatchSize::Rows(self.batch_size),
            ..PredictorConfig::default()
        };
        let predictor = Predictor::load_with(&self.model, config, &self.device.open()?)?;
        let rows = LabeledTexts {
            file: self.validation.as_deref(),
            argument: "--validation-file",
            dataset: &self.dataset,
            split: self.split,
            labels: &self.labels,
            table: &self.table,
        };
        let report = predictor.fit_calibration(&rows.read(&predictor)?, self.coverage)?;
        let predictor = predictor.with_calibration(Some(report.calibration))?;
        predictor.text_preprocessing().save(&self.model)?;
        match self.json {
            true => Ok(say(&serde_json::to_string(&report)?)?),
            false => Ok(say(&format!(
                "{report}\nSaved in {}; predict, evaluate and serve apply it.",
                self.model.display()
            ))?),
        }
    }
}
