//! `finetune evaluate`: scores of a trained model on labeled rows.

use std::error::Error;
use std::path::{Path, PathBuf};

use clap::Args;
use finetune::data::tabular::SplitFiles;
use finetune::data::{BatchSize, Split, tagged};
use finetune::eval::{Scores, Thresholds};
use finetune::predict::{
    Embedder, EmbedderConfig, ModelKind, TokenPredictor, TokenPredictorConfig, evaluator,
};
use finetune::prelude::*;
use finetune_arguments::{
    ArgumentsError, EmbeddingColumnArguments, LabelArguments, TableArguments, TagArguments,
    model_directory, say,
};
use serde_json::json;

use crate::labeled_texts::LabeledTexts;
use crate::named_dataset::NamedDatasetArguments;

/// Model and labeled rows.
#[derive(Debug, Args)]
pub(crate) struct EvaluateArguments {
    /// Directory of a trained model
    ///
    /// It is `model` in a run directory, or one in the layout of Hugging Face or sentence-transformers.
    #[arg(long, value_name = "DIR")]
    model: PathBuf,
    /// File with labeled rows
    ///
    /// .csv, .tsv, .json, .jsonl, .ndjson, .parquet, .arrow or .feather, or a directory saved by the
    /// datasets library; for a token classifier, CoNLL columns or JSON Lines.
    #[arg(long = "test-file", value_name = "FILE")]
    test: Option<PathBuf>,
    #[command(flatten)]
    dataset: NamedDatasetArguments,
    /// Its split: train, validation or test
    #[arg(long, value_name = "SPLIT", default_value = "test")]
    split: Split,
    #[command(flatten)]
    labels: LabelArguments,
    #[command(flatten)]
    tags: TagArguments,
    #[command(flatten)]
    columns: EmbeddingColumnArguments,
    #[command(flatten)]
    table: TableArguments,
    /// Further metrics by name, such as roc_auc
    #[arg(long, value_name = "NAME,...", value_delimiter = ',')]
    metrics: Vec<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Rows per batch
    #[arg(long, value_name = "N", default_value_t = 64)]
    batch_size: usize,
    /// Maximum tokens of a text [default: as the model was trained]
    #[arg(long, value_name = "TOKENS")]
    max_length: Option<usize>,
    /// Device to compute on
    ///
    /// It is flex, libtorch, libtorch-cuda:N, wgpu, wgpu:N or cuda:N, if compiled in.
    #[arg(long, default_value_t)]
    device: DeviceSpec,
    /// Precision of products: f32, bf16, f16 or int8
    ///
    /// The inputs to the encoder's matrix products are rounded, if the device supports it.
    #[arg(long, value_name = "TYPE", default_value_t)]
    precision: Precision,
}

impl EvaluateArguments {
    /// Evaluates the model and prints its scores.
    pub(crate) fn run(&self) -> Result<(), Box<dyn Error>> {
        let directory = model_directory(&self.model)?;
        let (rows, scores) = match ModelKind::of(&directory) {
            ModelKind::Tokens => self.evaluate_tokens(&directory)?,
            ModelKind::Embeddings => self.evaluate_embeddings(&directory)?,
            // An encoder is an embedding model, too, with the mean of its tokens.
            ModelKind::MaskedLm | ModelKind::Encoder if self.columns.any_given() => {
                self.evaluate_embeddings(&directory)?
            }
            ModelKind::Texts | ModelKind::MaskedLm | ModelKind::Encoder => {
                self.evaluate_texts(&directory)?
            }
        };
        if self.json {
            return Ok(say(&json!({"rows": rows, "scores": scores}).to_string())?);
        }
        say(&format!("{rows} rows"))?;
        let width = scores.keys().map(String::len).max().unwrap_or(0);
        for (name, score) in scores {
            let name = name.replace('_', " ");
            say(&format!("{name:<width$}  {score:.4}"))?;
        }
        Ok(())
    }

    fn evaluate_texts(&self, directory: &Path) -> Result<(usize, Scores), Box<dyn Error>> {
        let threshold = self.labels.fixed_threshold()?;
        let predictor = self.predictor(directory, threshold)?;
        let rows = LabeledTexts {
            file: self.test.as_deref(),
            argument: "--test-file",
            dataset: &self.dataset,
            split: self.split,
            labels: &self.labels,
            table: &self.table,
        };
        let dataset = rows.read(&predictor)?;
        let names = self.metrics.iter().map(String::as_str);
        let evaluator = evaluator(&dataset.schema.target, &[], names)?;
        let scores = predictor.evaluate_with(&dataset, &evaluator)?;
        Ok((dataset.len(), scores))
    }

    fn predictor(
        &self,
        directory: &Path,
        threshold: Option<Thresholds>,
    ) -> Result<Predictor, Box<dyn Error>> {
        let config = PredictorConfig {
            max_length: self.max_length,
            batch_size: BatchSize::Rows(self.batch_size),
            precision: self.precision,
            threshold,
            ..PredictorConfig::default()
        };
        Ok(Predictor::load_with(
            directory,
            config,
            &self.device.open()?,
        )?)
    }

    fn evaluate_tokens(&self, directory: &Path) -> Result<(usize, Scores), Box<dyn Error>> {
        let config = TokenPredictorConfig {
            max_length: self.max_length,
            batch_size: BatchSize::Rows(self.batch_size),
            precision: self.precision,
            ..TokenPredictorConfig::default()
        };
        let predictor = TokenPredictor::load(directory, config, &self.device.open()?)?;
        let names = match self.labels.class_names() {
            names if names.is_empty() => predictor.class_names().to_vec(),
            names => names,
        };
        let options = self.tags.options(names, self.table.on_bad_rows());
        let rows = tagged::open(&SplitFiles::train(self.file()?), &options)?;
        let rows = rows.splits.train;
        Ok((rows.len(), predictor.evaluate(&rows)?))
    }

    fn evaluate_embeddings(&self, directory: &Path) -> Result<(usize, Scores), Box<dyn Error>> {
        let config = EmbedderConfig {
            max_length: self.max_length,
            batch_size: BatchSize::Rows(self.batch_size),
            precision: self.precision,
            ..EmbedderConfig::default()
        };
        let embedder = Embedder::load_with(directory, config, &self.device.open()?)?;
        let (label, range) = (self.labels.label_column(), self.labels.score_range());
        let columns = self.columns.columns(["anchor", "positive"], label, range)?;
        let rows = columns.read(self.file()?)?;
        Ok((rows.len(), embedder.evaluate(&rows)?))
    }

    /// Returns the file of a model that no published dataset is for.
    fn file(&self) -> Result<&Path, ArgumentsError> {
        let file = self.test.as_deref();
        file.ok_or_else(|| ArgumentsError::usage("--test-file FILE is missing"))
    }
}
