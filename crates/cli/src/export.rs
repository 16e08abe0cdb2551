//! `finetune export`: a model in another precision or format, or with its adapters merged.

use std::error::Error;
use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{Args, ValueEnum};
use finetune::burn::tensor::Device;
use finetune::data::TextTokenizer;
use finetune::model::{
    CheckpointConfig, CheckpointDtype, EmbeddingCheckpoint, SequenceClassifier, load_adapter,
    load_base_model, load_classifier, load_embedding_model, load_masked_lm, load_pre_training,
    save_base_model, save_classifier, save_embedding_model, save_masked_lm, save_token_classifier,
};
use finetune::predict::{ModelKind, TextPreprocessing, TokenPredictor, TokenPredictorConfig};
use finetune::prelude::*;
use finetune_arguments::{ArgumentsError, model_directory, say};
use finetune_onnx::{ONNX_FILE, OnnxPrecision, export_directory};

/// Files beside weights and tokenizer that a copy of the model has, too.
const OTHER_FILES: [&str; 3] = [TextPreprocessing::FILE, "README.md", "examples.json"];
/// File with the class names of an adapter's head.
const CLASS_NAMES: &str = "class_names.json";

/// Model to export, and how.
#[derive(Debug, Args)]
pub struct ExportArguments {
    /// Directory of the model
    ///
    /// It is `model` in a run directory, or one in the layout of Hugging Face or sentence-transformers.
    #[arg(long, value_name = "DIR")]
    model: PathBuf,
    /// Directory to write, empty or new
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    /// Format of the weights: safetensors or onnx
    #[arg(
        long,
        value_enum,
        default_value = "safetensors",
        hide_possible_values = true
    )]
    format: Format,
    /// Type of the weights: f32, f16, bf16 or int8
    ///
    /// safetensors have f32, f16 or bf16, ONNX files f32, f16 or int8.
    #[arg(long, value_name = "TYPE", default_value = "f32")]
    dtype: String,
    /// Directory of a LoRA adapter to merge into --model, a classifier
    ///
    /// It has the layout of PEFT, as `model/adapter` in a run directory.
    #[arg(long, value_name = "DIR")]
    adapter: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Safetensors,
    Onnx,
}

impl ExportArguments {
    /// Writes the model with its tokenizer and text preprocessing.
    ///
    /// # Errors
    /// If arguments contradict each other, the model cannot be read, or a file cannot be written.
    pub fn run(&self) -> Result<(), Box<dyn Error>> {
        let directory = model_directory(&self.model)?;
        let output = &self.output;
        if output.exists() && fs::read_dir(output)?.next().is_some() {
            let problem = format!("{}: not empty", output.display());
            return Err(ArgumentsError::usage(problem).into());
        }
        let device = DeviceSpec::default().open()?;
        if self.format == Format::Onnx {
            return self.write_onnx(&directory, &device);
        }
        self.dtype()?;
        let kind = ModelKind::of(&directory);
        if let Some(adapter) = &self.adapter {
            self.save_with_adapter(&directory, adapter, &device)?;
        } else {
            self.save(kind, &directory, &device)?;
        }
        let tokenizer = match kind {
            ModelKind::Embeddings => {
                let checkpoint = EmbeddingCheckpoint::read(&directory)?;
                TextTokenizer::from_pretrained(checkpoint.encoder_directory())?
            }
            _ => TextTokenizer::from_pretrained(&directory)?,
        };
        tokenizer.save(output)?;
        for name in OTHER_FILES {
            if directory.join(name).exists() {
                fs::copy(directory.join(name), output.join(name))?;
            }
        }
        Ok(say(&format!("{}: {}", output.display(), self.dtype))?)
    }

    fn write_onnx(&self, directory: &Path, device: &Device) -> Result<(), Box<dyn Error>> {
        if self.adapter.is_some() {
            let problem =
                "--adapter is for --format safetensors: export the merged model afterwards";
            return Err(ArgumentsError::usage(problem).into());
        }
        let precision: OnnxPrecision = self.parsed()?;
        export_directory(directory, &self.output, precision, device)?;
        let file = self.output.join(ONNX_FILE);
        let megabytes = fs::metadata(&file)?.len() as f64 / 1e6;
        let line = format!("{}: {megabytes:.1} MB, {precision}", file.display());
        Ok(say(&line)?)
    }

    fn dtype(&self) -> Result<CheckpointDtype, ArgumentsError> {
        self.parsed()
    }

    /// Returns the element type, one of those that the format has.
    fn parsed<T: FromStr<Err: Display>>(&self) -> Result<T, ArgumentsError> {
        let parsed = self.dtype.parse();
        parsed.map_err(|error| ArgumentsError::usage(format!("--dtype: {error}")))
    }

    fn save(
        &self,
        kind: ModelKind,
        directory: &Path,
        device: &Device,
    ) -> Result<(), Box<dyn Error>> {
        let output = &self.output;
        match kind {
            ModelKind::Texts => {
                let predictor = Predictor::load(directory, device)?;
                self.save_classifier(directory, predictor.model())?;
            }
            ModelKind::Tokens => {
                let config = TokenPredictorConfig::default();
                let predictor = TokenPredictor::load(directory, config, device)?;
                let checkpoint = self.checkpoint(directory)?;
                save_token_classifier(output, predictor.model(), &checkpoint)?;
            }
            ModelKind::Embeddings => {
                let (model, mut checkpoint, _) = load_embedding_model(directory, device)?;
                checkpoint.encoder.dtype = self.dtype()?;
                save_embedding_model(output, &model, &checkpoint)?;
            }
            ModelKind::MaskedLm => {
                let checkpoint = self.checkpoint(directory)?;
                let name = checkpoint.architecture().unwrap_or_default();
                let load = match name.ends_with("ForPreTraining") {
                    true => load_pre_training,
                    false => load_masked_lm,
                };
                let (model, _, _) = load(directory, 0, device)?;
                save_masked_lm(output, &model, &checkpoint)?;
            }
            ModelKind::Encoder => {
                let (model, _, _) = load_base_model(directory, device)?;
                save_base_model(output, &model, &self.checkpoint(directory)?)?;
            }
        }
        Ok(())
    }

    /// Saves a classifier with the adapter and the head in the directory `adapter`.
    fn save_with_adapter(
        &self,
        directory: &Path,
        adapter: &Path,
        device: &Device,
    ) -> Result<(), Box<dyn Error>> {
        let path = adapter.join(CLASS_NAMES);
        let names: Vec<String> = match path.exists() {
            true => finetune::train::read_json(&path)?,
            false => {
                let names = CheckpointConfig::read(directory)?.class_names;
                names.ok_or_else(|| format!("{}: no class names", directory.display()))?
            }
        };
        let (base, ..) = load_classifier(directory, &names, 0, device)?;
        let (model, report) = load_adapter(adapter, base)?;
        if !report.unchanged.is_empty() {
            let missing = report.unchanged.join(", ");
            return Err(format!("{}: no {missing}", adapter.display()).into());
        }
        self.save_classifier(directory, &model)
    }

    fn save_classifier(
        &self,
        directory: &Path,
        model: &SequenceClassifier,
    ) -> Result<(), Box<dyn Error>> {
        Ok(save_classifier(
            &self.output,
            model,
            &self.checkpoint(directory)?,
        )?)
    }

    /// Returns the configuration of the model, with the element type to write.
    fn checkpoint(&self, directory: &Path) -> Result<CheckpointConfig, Box<dyn Error>> {
        let mut checkpoint = CheckpointConfig::read(directory)?;
        checkpoint.dtype = self.dtype()?;
        Ok(checkpoint)
    }
}
