//! Distills a fine-tuned model into a student with half of its layers, and compares three models: the
//! teacher, the student that learned from labels alone, and the one that learned from its teacher, too.
//!
//! `cargo run --release --example distill` runs on the bundled sample with the bundled mini encoder. With
//! a real encoder and data:
//!
//! `cargo run --release --example distill -- --model DIR --dataset ag_news --data DIR --epochs 2`

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use finetune::data::catalog;
use finetune::model::CheckpointConfig;
use finetune::prelude::*;
use finetune::train::{DistillationConfig, RunDirectory};
use finetune_arguments::{RunArguments, announce, data_directory, exit_code, say};
use finetune_examples::{RunScores, data_or_sample};

/// Distill a fine-tuned model into a smaller one, and compare it with one trained on labels alone
///
/// Fine-tunes the teacher, unless --teacher names one; then the student, which begins with some layers of
/// --model, without and with the teacher. The run directory has a directory for each of them.
///
/// Recipe of all three: 3 epochs, 32 rows per batch, learning rate 5e-5, 512 tokens; with the mini
/// encoder 8 epochs, 8 rows, 3e-4 and 128.
#[derive(Parser)]
struct Arguments {
    /// Dataset, by its name in the catalog
    #[arg(long, value_name = "NAME", default_value = "ag_news")]
    dataset: String,
    /// Directory of the dataset; or `hub` to download it [default: the bundled sample, original text, not
    /// a benchmark]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Directory of a teacher that is fine-tuned already [default: one is fine-tuned from --model]
    #[arg(long, value_name = "DIR")]
    teacher: Option<PathBuf>,
    /// Layers of --model that the student begins with, from 0 [default: every other one]
    #[arg(long, value_name = "LAYER", value_delimiter = ',')]
    layers: Vec<usize>,
    /// Temperature that divides the logits
    #[arg(long, default_value_t = 2.0)]
    temperature: f64,
    /// Weight of the labels
    #[arg(long, value_name = "WEIGHT", default_value_t = 0.5)]
    label_weight: f64,
    /// Weight of the teacher's logits
    #[arg(long, value_name = "WEIGHT", default_value_t = 0.5)]
    logits_weight: f64,
    /// Weight of the teacher's hidden states
    #[arg(long, value_name = "WEIGHT", default_value_t = 0.0)]
    hidden_state_weight: f64,
    /// Weight of the relations among the teacher's queries, keys and values
    #[arg(long, value_name = "WEIGHT", default_value_t = 0.0)]
    relation_weight: f64,
    #[command(flatten)]
    run: RunArguments,
}

fn main() -> ExitCode {
    exit_code(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let run = &arguments.run;
    let dataset = catalog::get(&arguments.dataset)?;
    let (named, data) = data_or_sample(&arguments.dataset, arguments.data.as_deref());
    let mut recipe = run.defaults();
    if run.model().is_mini() {
        // Layers of the mini encoder that were never used without the others need some time.
        recipe.train.duration = TrainDuration::Epochs(8);
    }
    let settings = run.settings_with(recipe)?;
    let layers = arguments.student_layers()?;
    let mut config = arguments.distillation(Path::new(""));
    config.validate()?;
    let opened = dataset.open(&data_directory(&arguments.dataset, &data)?)?;
    let splits = announce(&named, run, opened, settings.train.seed)?;
    let directory = run.run_directory("distill")?;
    let part = |name: &str| RunDirectory::new(&directory.path().join(name));
    let model = run.model().location();
    let fine_tuning = || FineTuning::new(model, splits.clone()).config(settings.clone());

    let mut rows = Vec::new();
    config.teacher = match &arguments.teacher {
        Some(directory) => directory.clone(),
        None => {
            let record = part("teacher");
            rows.push(RunScores::train("teacher", fine_tuning(), run, &record)?);
            record.model()
        }
    };
    let student = || fine_tuning().keep_layers(layers.clone());
    let record = part("student");
    rows.push(RunScores::train("student", student(), run, &record)?);
    let record = part("distilled");
    let distilled = student().distill(config);
    rows.push(RunScores::train(
        "distilled student",
        distilled,
        run,
        &record,
    )?);
    say(&RunScores::table(&rows))?;
    Ok(say(&format!(
        "Run records: {}",
        directory.path().display()
    ))?)
}

impl Arguments {
    /// Returns the layers of the student.
    fn student_layers(&self) -> Result<Vec<usize>, Box<dyn Error>> {
        if !self.layers.is_empty() {
            return Ok(self.layers.clone());
        }
        let checkpoint = CheckpointConfig::read(&self.run.model().directory()?)?;
        let count = checkpoint.encoder.num_hidden_layers;
        Ok((0..count).step_by(2).collect())
    }

    fn distillation(&self, teacher: &Path) -> DistillationConfig {
        DistillationConfig {
            temperature: self.temperature,
            label_weight: self.label_weight,
            logits_weight: self.logits_weight,
            hidden_state_weight: self.hidden_state_weight,
            relation_weight: self.relation_weight,
            ..DistillationConfig::new(teacher)
        }
    }
}
