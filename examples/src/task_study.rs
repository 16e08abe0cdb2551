//! A study of runs on the tasks of CS224N: each variant with some seeds, and the study's own table.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, Write};
use std::path::Path;

use finetune::prelude::*;
use finetune::train::{
    Decay, MultiTask, MultiTaskConfig, OverallScore, RunDirectory, Schedule, Warmup, read_json,
};
use serde_json::Value;

use crate::cs224n::TASKS;
use crate::{Cs224nArguments, RunArguments, Watcher};

/// A line of a study's table.
#[derive(Debug)]
pub struct Variant {
    /// As the study has it, in file names, too.
    pub name: &'static str,
    /// What it is.
    pub description: &'static str,
    /// Scores of sentiment, paraphrases and similarity, and the overall score; nothing for a line
    /// that the study has not got.
    pub published: Option<[f64; 4]>,
    /// The variant whose models it begins with; nothing for the checkpoint.
    pub after: Option<&'static str>,
    /// Its settings.
    pub config: MultiTaskConfig,
}

/// The runs of a study.
#[derive(Debug)]
pub struct TaskStudy<'a> {
    run: &'a RunArguments,
    data: BTreeMap<String, Splits>,
    directory: RunDirectory,
    first_seed: u64,
    seeds: u64,
}

impl<'a> TaskStudy<'a> {
    /// Opens the data and says what the study is on.
    ///
    /// # Errors
    /// Whatever is wrong with the data.
    pub fn open(
        name: &str,
        tasks: &Cs224nArguments,
        run: &'a RunArguments,
        settings: &FineTuningConfig,
        seeds: u64,
    ) -> Result<Self, Box<dyn Error>> {
        let first_seed = settings.train.seed;
        let (data, skipped) = tasks.open(run, first_seed)?;
        let (what, model) = (tasks.description(), run.model_name());
        writeln!(io::stdout(), "{what}, with {model} on {}", run.device())?;
        for line in skipped {
            writeln!(io::stdout(), "{line}")?;
        }
        for (task, splits) in &data {
            let test = splits.test.as_ref().map_or(0, |test| test.len());
            let train = splits.train.len();
            writeln!(
                io::stdout(),
                "{task}: {train} training and {test} test rows"
            )?;
        }
        let directory = match run.run_directory() {
            Some(directory) => RunDirectory::new(directory),
            None => RunDirectory::next(Path::new("runs"), name)?,
        };
        Ok(Self {
            run,
            data,
            directory,
            first_seed,
            seeds,
        })
    }

    /// Runs the variants in their order and prints the table.
    ///
    /// # Errors
    /// Whatever a run returns; a variant before the one that it begins with.
    pub fn run(&self, variants: &[Variant]) -> Result<(), Box<dyn Error>> {
        let mut rows = Vec::with_capacity(variants.len());
        for variant in variants {
            let seeds = self.first_seed..self.first_seed.saturating_add(self.seeds);
            let scores = seeds.map(|seed| self.scores(variant, seed));
            rows.push((variant, scores.collect::<Result<Vec<_>, _>>()?));
        }
        self.print(&rows)
    }

    fn place(&self, variant: &str, seed: u64) -> RunDirectory {
        let name = format!("{variant}-seed-{seed}");
        RunDirectory::new(&self.directory.path().join(name))
    }

    /// One run: sentiment, paraphrases, similarity, overall.
    fn scores(&self, variant: &Variant, seed: u64) -> Result<[f64; 4], Box<dyn Error>> {
        let place = self.place(variant.name, seed);
        if !(self.run.is_resumed() && place.report().exists()) {
            self.train(variant, seed, &place)?;
        }
        let report: Value = read_json(&place.report())?;
        let mut tasks = report["tasks"].as_array().into_iter().flatten();
        let mut of_task = |name: &str| tasks.find(|task| task["name"] == name);
        let [sentiment, paraphrases, similarity] = TASKS.map(|(name, _)| of_task(name));
        let score = |task: Option<&Value>, metric: &str| {
            task.map_or(f64::NAN, |task| {
                // A correlation with predictions that are all equal is not defined.
                task["test"][metric].as_f64().unwrap_or(0.0)
            })
        };
        Ok([
            score(sentiment, "accuracy"),
            score(paraphrases, "accuracy"),
            score(similarity, "pearson"),
            report["overall"].as_f64().unwrap_or(f64::NAN),
        ])
    }

    fn train(
        &self,
        variant: &Variant,
        seed: u64,
        place: &RunDirectory,
    ) -> Result<(), Box<dyn Error>> {
        let before = variant.after.map(|before| self.place(before, seed));
        let start = match &before {
            Some(before) if before.report().exists() => before.model(),
            Some(_) => {
                let after = variant.after.unwrap_or_default();
                return Err(format!("{} goes on from {after}: run that, too", variant.name).into());
            }
            None => self.run.model_directory().to_path_buf(),
        };
        let mut config = variant.config.clone();
        config.train.seed = seed;
        let has = |name: &String| config.tasks.iter().any(|task| task.name == *name);
        let mut data = self.data.clone();
        data.retain(|name, _| has(name));
        let device = self.run.device();
        let name = device.to_string();
        let prepared = MultiTask::prepare(&start, data, config, &device.open()?, &name)?;
        let mut watcher = Watcher::new(place.path(), self.run.writes_curves());
        let report = match self.run.is_resumed() {
            true => prepared.resume(place.path(), &mut watcher)?,
            false => prepared.run(place.path(), &mut watcher)?,
        };
        Ok(writeln!(
            io::stdout(),
            "{}, seed {seed}: {report}",
            variant.name
        )?)
    }

    fn print(&self, rows: &[(&Variant, Vec<[f64; 4]>)]) -> Result<(), Box<dyn Error>> {
        let mut out = io::stdout();
        let names = rows.iter().map(|(variant, _)| variant.name.len());
        let width = names.max().unwrap_or(0).max("variant".len());
        write!(out, "\n{:<width$}", "variant")?;
        for column in ["overall", TASKS[0].0, TASKS[1].0, TASKS[2].0] {
            write!(out, "  {column:>15} {:>9}", "published")?;
        }
        writeln!(out)?;
        for (variant, scores) in rows {
            write!(out, "{:<width$}", variant.name)?;
            for column in [3, 0, 1, 2] {
                let ours: Vec<f64> = scores.iter().map(|scores| scores[column]).collect();
                let published = variant.published.map_or(String::new(), |published| {
                    format!("{:.3}", published[column])
                });
                write!(out, "  {:>15} {published:>9}", mean_and_deviation(&ours))?;
            }
            writeln!(out)?;
        }
        for (variant, _) in rows {
            writeln!(out, "{}: {}", variant.name, variant.description)?;
        }
        writeln!(out, "\nRun records: {}", self.directory.path().display())?;
        Ok(())
    }
}

/// Those of the minBERT project, which both studies begin with: a constant learning rate without
/// warm-up, decay or clipping. On the bundled samples so many epochs.
pub fn minbert_settings(run: &RunArguments, epochs_of_mini: usize) -> FineTuningConfig {
    let mut settings = run.defaults();
    let train = &mut settings.train;
    settings.text.encoding = EncodingConfig::new(128);
    train.batch_size = BatchSize::Rows(8);
    train.schedule = Schedule {
        warmup: Warmup::Steps(0),
        decay: Decay::Constant,
    };
    train.optimizer.weight_decay = 0.0;
    train.optimizer.max_gradient_norm = None;
    if run.is_mini() {
        train.length = RunLength::Epochs(epochs_of_mini);
    } else {
        train.length = RunLength::Epochs(10);
        train.optimizer.learning_rate = 1e-5;
    }
    settings
}

/// Settings of the loop and of texts that all variants share.
pub fn shared_settings(settings: &FineTuningConfig, overall: OverallScore) -> MultiTaskConfig {
    MultiTaskConfig {
        text: settings.text.clone(),
        train: settings.train.clone(),
        overall,
        ..Default::default()
    }
}

/// `0.858 ± 0.001` with the deviation of a sample, or the number alone.
fn mean_and_deviation(values: &[f64]) -> String {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    if mean.is_nan() {
        return "-".to_string();
    }
    if values.len() < 2 {
        return format!("{mean:.3}");
    }
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    format!("{mean:.3} ± {:.3}", (squares / (count - 1.0)).sqrt())
}
