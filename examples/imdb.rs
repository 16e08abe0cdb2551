//! Further pre-training, then fine-tuning, on IMDB: what do steps of masked language modelling on
//! the task's own texts do for a classifier on the frozen encoder?
//!
//! `cargo run --release --example imdb` runs on the bundled sample. The real thing:
//!
//! `cargo run --release --example imdb -- --model DIR --data DIR --validation-share 0.1 --seeds 3`

use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use finetune::data::{MaskingConfig, catalog, corpus};
use finetune::model::{load_masked_lm, save_masked_lm};
use finetune::prelude::*;
use finetune::train::{
    ActivationPlace, CheckpointPolicy, Metric, PreTraining, PreTrainingConfig, RunDirectory, Start,
    read_json,
};
use finetune_examples::{RunArguments, SAMPLE_IMDB, Watcher, data_directory, exit_code};
use serde_json::Value;

/// Pre-train an encoder further on IMDB, and a classifier on what it is after some steps
///
/// The classifier trains on the frozen encoder, unless --freeze says otherwise: 10 epochs at a rate
/// of 2e-3.
#[derive(Parser)]
struct Arguments {
    /// Folder with aclImdb or its archive, or the Parquet files of the hub; or `hub` to download
    /// them [default: the bundled sample, original text, not a benchmark]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Steps of pre-training after which a classifier is trained; 0 is the checkpoint as it is
    /// [default: 0,5000,10000,20000, bundled data: 0,20,40]
    #[arg(long, value_name = "STEPS", value_delimiter = ',')]
    pretraining_steps: Vec<usize>,
    /// Pre-trains on so many texts, drawn from the training rows and those without labels
    /// [default: all]
    #[arg(long, value_name = "N")]
    pretraining_texts: Option<usize>,
    /// Texts of a pre-training batch
    #[arg(long, value_name = "N", default_value_t = 32)]
    pretraining_batch_size: usize,
    /// Highest learning rate of the pre-training [default: 5e-5, mini: 1e-3]
    #[arg(long, value_name = "RATE")]
    pretraining_lr: Option<f64>,
    /// Share of the texts that perplexity is measured on [default: 0.02, bundled data: 0.2]
    #[arg(long, value_name = "SHARE")]
    held_out: Option<f64>,
    /// Masks whole words instead of single tokens
    #[arg(long)]
    whole_words: bool,
    /// Classifiers of each number of steps, with seeds from --seed upwards
    #[arg(long, value_name = "N", default_value_t = 1)]
    seeds: u64,
    #[command(flatten)]
    run: RunArguments,
}

/// Test accuracies of DistilBERT after further pre-training, from the study that this follows.
const PUBLISHED: [(usize, f64); 4] = [
    (0, 0.8578),
    (5000, 0.9326),
    (10_000, 0.9346),
    (20_000, 0.9340),
];

fn main() -> ExitCode {
    exit_code(Study::open(Arguments::parse()).and_then(|study| study.run()))
}

/// The arguments, and what follows from them.
struct Study {
    arguments: Arguments,
    splits: Splits,
    settings: FineTuningConfig,
    steps: Vec<usize>,
    directory: RunDirectory,
}

/// One line of the table.
struct Outcome {
    steps: usize,
    perplexity: Option<f64>,
    accuracies: Vec<f64>,
}

impl Study {
    fn open(arguments: Arguments) -> Result<Self, Box<dyn Error>> {
        let bundled = Path::new(SAMPLE_IMDB);
        let data = arguments.data.as_deref().unwrap_or(bundled);
        let splits = catalog::named("imdb")?
            .open(&data_directory("imdb", data)?)?
            .splits;
        let directory = match arguments.run.run_directory() {
            Some(directory) => RunDirectory::new(directory),
            None => RunDirectory::next(Path::new("runs"), "imdb")?,
        };
        let defaults: &[usize] = match arguments.data {
            Some(_) => &[0, 5000, 10_000, 20_000],
            None => &[0, 20, 40],
        };
        let steps = match arguments.pretraining_steps.as_slice() {
            [] => defaults,
            steps => steps,
        };
        Ok(Self {
            steps: steps.to_vec(),
            settings: arguments
                .run
                .settings_with(defaults_of(&arguments.run, &directory))?,
            splits,
            directory,
            arguments,
        })
    }

    fn run(&self) -> Result<(), Box<dyn Error>> {
        let run = &self.arguments.run;
        let (data, texts) = match &self.arguments.data {
            Some(data) => (data.display().to_string(), self.corpus()),
            None => (
                "Bundled sample of IMDB (original text, not a benchmark)".into(),
                self.corpus(),
            ),
        };
        let splits = run.subset(self.splits.clone(), self.settings.train.seed)?;
        writeln!(
            io::stdout(),
            "{data}, {} texts to pre-train on, {} training and {} test rows, with {} on {}",
            texts.len(),
            splits.train.len(),
            splits.test.as_ref().map_or(0, Dataset::len),
            run.model_name(),
            run.device(),
        )?;
        if self.steps.iter().any(|steps| *steps > 0) {
            self.pre_train(texts)?;
        }
        let outcomes = self
            .steps
            .iter()
            .map(|steps| self.fine_tune(*steps, &splits));
        self.print(&outcomes.collect::<Result<Vec<_>, _>>()?)
    }

    /// The texts to pre-train on; what is tested on is not among them.
    fn corpus(&self) -> Dataset {
        let texts = corpus(std::iter::once(&self.splits.train).chain(&self.splits.unlabelled));
        match self.arguments.pretraining_texts {
            Some(count) => texts.subset(count, self.settings.train.seed),
            None => texts,
        }
    }

    fn pre_training(&self) -> RunDirectory {
        RunDirectory::new(&self.directory.path().join("pre_training"))
    }

    /// One run, with the model saved after each number of steps.
    fn pre_train(&self, texts: Dataset) -> Result<(), Box<dyn Error>> {
        let (arguments, run) = (&self.arguments, &self.arguments.run);
        let directory = self.pre_training();
        if run.is_resumed() && directory.report().exists() {
            return Ok(());
        }
        let mut milestones: Vec<_> = self
            .steps
            .iter()
            .copied()
            .filter(|steps| *steps > 0)
            .collect();
        milestones.sort_unstable();
        milestones.dedup();
        let rate = if run.is_mini() { 1e-3 } else { 5e-5 };
        let held_out = if arguments.data.is_some() { 0.02 } else { 0.2 };
        let defaults = PreTrainingConfig::default();
        let config = PreTrainingConfig {
            text: self.settings.text.clone(),
            masking: MaskingConfig {
                whole_words: arguments.whole_words,
                ..defaults.masking
            },
            held_out: arguments.held_out.unwrap_or(held_out),
            train: TrainConfig {
                length: RunLength::Steps(milestones.last().copied().unwrap_or(0)),
                batch_size: BatchSize::Rows(arguments.pretraining_batch_size),
                optimizer: OptimizerConfig {
                    learning_rate: arguments.pretraining_lr.unwrap_or(rate),
                    ..Default::default()
                },
                checkpoints: CheckpointPolicy {
                    milestones,
                    ..Default::default()
                },
                seed: self.settings.train.seed,
                ..defaults.train
            },
        };
        let (device, start) = (run.device(), Start::Checkpoint(run.model_directory()));
        let pre_training =
            PreTraining::prepare(start, texts, config, &device.open()?, &device.to_string())?;
        let mut watcher = Watcher::new(directory.path(), run.writes_curves());
        let report = match run.is_resumed() {
            true => pre_training.resume(directory.path(), &mut watcher)?,
            false => pre_training.run(directory.path(), &mut watcher)?,
        };
        Ok(writeln!(io::stdout(), "{report}")?)
    }

    /// A classifier for each seed on the encoder after some steps.
    fn fine_tune(&self, steps: usize, splits: &Splits) -> Result<Outcome, Box<dyn Error>> {
        let first = self.settings.train.seed;
        let seeds = first..first.saturating_add(self.arguments.seeds);
        let accuracies = seeds.map(|seed| self.accuracy(steps, seed, splits.clone()));
        Ok(Outcome {
            steps,
            perplexity: self.perplexity(steps),
            accuracies: accuracies.collect::<Result<_, _>>()?,
        })
    }

    fn accuracy(&self, steps: usize, seed: u64, splits: Splits) -> Result<f64, Box<dyn Error>> {
        let run = &self.arguments.run;
        let directory = self
            .directory
            .path()
            .join(format!("after-{steps}/seed-{seed}"));
        let directory = RunDirectory::new(&directory);
        if !(run.is_resumed() && directory.report().exists()) {
            let model = match steps {
                0 => self.checkpoint_as_it_is()?,
                steps => self.pre_training().milestone(steps),
            };
            let mut settings = self.settings.clone();
            settings.train.seed = seed;
            let device = run.device();
            let fine_tuning = FineTuning::prepare(
                &model,
                splits,
                settings,
                &device.open()?,
                &device.to_string(),
            )?;
            let mut watcher = Watcher::new(directory.path(), run.writes_curves());
            match run.is_resumed() {
                true => fine_tuning.resume(directory.path(), &mut watcher)?,
                false => fine_tuning.run(directory.path(), &mut watcher)?,
            };
        }
        let report: Value = read_json(&directory.report())?;
        let accuracy = report["test"]["accuracy"].as_f64();
        let accuracy = accuracy.ok_or("the report has no test.accuracy")?;
        writeln!(
            io::stdout(),
            "after {steps} steps, seed {seed}: accuracy {accuracy:.4}"
        )?;
        Ok(accuracy)
    }

    /// The checkpoint in the form of the others: a model for masked words, which has no pooler. So
    /// all classifiers begin with a fresh one.
    fn checkpoint_as_it_is(&self) -> Result<PathBuf, Box<dyn Error>> {
        let (source, run) = (self.arguments.run.model_directory(), &self.arguments.run);
        let directory = self.directory.path().join("after-0/checkpoint");
        let seed = self.settings.train.seed;
        let (model, checkpoint, _) = load_masked_lm(source, seed, &run.device().open()?)?;
        save_masked_lm(&directory, &model, &checkpoint)?;
        TextTokenizer::from_dir(source)?.save(&directory)?;
        Ok(directory)
    }

    /// On the texts held out, as the pre-training measured it.
    fn perplexity(&self, steps: usize) -> Option<f64> {
        let report: Value = read_json(&self.pre_training().report()).ok()?;
        let mut evaluations = report["train"]["evaluations"].as_array()?.iter();
        let record = evaluations.find(|record| record["step"] == steps)?;
        record["scores"][Metric::Perplexity.name()].as_f64()
    }

    /// The study's accuracy, to stand beside that on its data.
    fn published(&self, steps: usize) -> Option<f64> {
        self.arguments.data.as_ref()?;
        let mut published = PUBLISHED.iter();
        published.find_map(|(after, accuracy)| (*after == steps).then_some(*accuracy))
    }

    fn print(&self, outcomes: &[Outcome]) -> Result<(), Box<dyn Error>> {
        let mut out = io::stdout();
        writeln!(
            out,
            "\n{:>8}  {:>10}  {:>15}  {:>9}",
            "steps", "perplexity", "accuracy", "published"
        )?;
        for outcome in outcomes {
            let perplexity = outcome
                .perplexity
                .map_or("-".into(), |value| format!("{value:.2}"));
            let published = self.published(outcome.steps);
            let published = published.map_or("-".into(), |accuracy| format!("{accuracy:.4}"));
            let (steps, accuracy) = (outcome.steps, mean_and_deviation(&outcome.accuracies));
            writeln!(
                out,
                "{steps:>8}  {perplexity:>10}  {accuracy:>15}  {published:>9}"
            )?;
        }
        writeln!(out, "\nRun records: {}", self.directory.path().display())?;
        Ok(())
    }
}

/// The classifier trains on the frozen encoder; what one run has computed of it, the next finds.
fn defaults_of(run: &RunArguments, directory: &RunDirectory) -> FineTuningConfig {
    let mut settings = run.defaults();
    settings.train.freeze = Freeze::Encoder.into();
    settings.train.length = RunLength::Epochs(10);
    settings.train.optimizer.learning_rate = 2e-3;
    settings.activations.place = ActivationPlace::Disk(directory.path().join("activations"));
    settings.text.token_cache = Some(directory.path().join("tokens"));
    settings
}

/// `0.8578 ± 0.0012` with the deviation of a sample, or the number alone.
fn mean_and_deviation(values: &[f64]) -> String {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    if values.len() < 2 {
        return format!("{mean:.4}");
    }
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    format!("{mean:.4} ± {:.4}", (squares / (count - 1.0)).sqrt())
}
