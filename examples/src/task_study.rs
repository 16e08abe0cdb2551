//! A study of runs on the tasks of CS224N: each variant with some seeds, and the study's own table.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, Write};
use std::path::Path;

use finetune::data::Splits;
use finetune::prelude::FineTuningConfig;
use finetune::train::{MultiTask, MultiTaskConfig, OverallScore, RunDirectory, read_json};
use serde_json::Value;

use crate::cs224n::TASKS;
use crate::{RunArguments, Watcher, cs224n_tasks};

/// A line of a study's table.
#[derive(Debug)]
pub struct Variant {
    /// As the study has it, in file names, too.
    pub name: &'static str,
    /// What it is.
    pub description: &'static str,
    /// Scores of sentiment, paraphrases and similarity, and the overall score.
    pub published: [f64; 4],
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
        folder: Option<&Path>,
        run: &'a RunArguments,
        settings: &FineTuningConfig,
        seeds: u64,
    ) -> Result<Self, Box<dyn Error>> {
        let first_seed = settings.train.seed;
        let data = cs224n_tasks(folder, run, first_seed)?;
        let what = match folder {
            Some(folder) => folder.display().to_string(),
            None => "Bundled samples (original text, not a benchmark)".to_string(),
        };
        let model = run.model_name();
        writeln!(io::stdout(), "{what}, with {model} on {}", run.device())?;
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
        let number = |pointer: &str| report.pointer(pointer).and_then(Value::as_f64);
        Ok([
            number("/tasks/0/test/accuracy").unwrap_or(f64::NAN),
            number("/tasks/1/test/accuracy").unwrap_or(f64::NAN),
            number("/tasks/2/test/pearson").unwrap_or(0.0),
            number("/overall").unwrap_or(f64::NAN),
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
        let (data, device) = (self.data.clone(), self.run.device());
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
                let (ours, published) = (mean_and_deviation(&ours), variant.published[column]);
                write!(out, "  {ours:>15} {published:>9.3}")?;
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
    if values.len() < 2 {
        return format!("{mean:.3}");
    }
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    format!("{mean:.3} ± {:.3}", (squares / (count - 1.0)).sqrt())
}
