//! Study on the tasks of CS224N: variants, each run with several seeds, and their table.

use std::collections::BTreeMap;
use std::error::Error;

use finetune::eval::report::{Cell, Column, Table};
use finetune::eval::statistics::SampleSummary;
use finetune::prelude::*;
use finetune::train::{
    Decay, LrScheduler, MultiTask, MultiTaskConfig, OverallScore, RunDirectory, TrainError, Warmup,
    read_json,
};
use serde_json::Value;

use crate::cs224n::TASKS;
use crate::{Cs224nArguments, RunArguments, say};

/// Row of a study's table.
#[derive(Debug)]
pub struct Variant {
    /// Name in the published study, also used in file names.
    pub name: &'static str,
    /// Description of the variant.
    pub description: &'static str,
    /// Published scores of sentiment, paraphrases and similarity, and the overall score; `None` for
    /// a variant without published scores.
    pub published: Option<[f64; 4]>,
    /// Variant whose trained models this one starts from; `None` for the checkpoint.
    pub after: Option<&'static str>,
    /// Settings of the run.
    pub config: MultiTaskConfig,
}

/// Study on the tasks of CS224N.
#[derive(Debug)]
pub struct TaskStudy<'a> {
    run: &'a RunArguments,
    data: BTreeMap<String, Splits>,
    directory: RunDirectory,
    first_seed: u64,
    seeds: u64,
}

impl<'a> TaskStudy<'a> {
    /// Opens the data and prints the data, the model and the device.
    ///
    /// # Errors
    /// - If the data cannot be opened.
    /// - If the run directory cannot be created or standard output is closed.
    pub fn open(
        name: &str,
        tasks: &Cs224nArguments,
        run: &'a RunArguments,
        settings: &FineTuningConfig,
        seeds: u64,
    ) -> Result<Self, Box<dyn Error>> {
        let first_seed = settings.train.seed;
        let (data, skipped) = tasks.open(run, first_seed)?;
        let (what, model) = (tasks.description(), run.model());
        say(&format!("{what}, with {model} on {}", run.device()))?;
        for line in skipped {
            say(&line)?;
        }
        for (task, splits) in &data {
            let test = splits.test.as_ref().map_or(0, |test| test.len());
            let train = splits.train.len();
            say(&format!("{task}: {train} training and {test} test rows"))?;
        }
        Ok(Self {
            run,
            data,
            directory: run.run_directory(name)?,
            first_seed,
            seeds,
        })
    }

    /// Runs the variants in order and prints the table.
    ///
    /// # Errors
    /// - If a run fails or its report cannot be read.
    /// - If a variant comes before the variant it starts from.
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

    /// Runs one variant with one seed, unless that run has finished, and returns its scores:
    /// sentiment, paraphrases, similarity, overall.
    fn scores(&self, variant: &Variant, seed: u64) -> Result<[f64; 4], Box<dyn Error>> {
        let place = self.place(variant.name, seed);
        self.train(variant, seed, &place)?;
        let report: Value = read_json(&place.report())?;
        let tasks = report["tasks"].as_array().map_or(&[][..], Vec::as_slice);
        let of_task = |name: &str| tasks.iter().find(|task| task["name"] == name);
        let [sentiment, paraphrases, similarity] = TASKS.map(|(name, _)| of_task(name));
        let score = |task: Option<&Value>, metric: &str| {
            task.map_or(f64::NAN, |task| {
                // A correlation with constant predictions is undefined.
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
            None => self.run.model().directory().to_path_buf(),
        };
        let mut config = variant.config.clone();
        config.train.seed = seed;
        let has = |name: &String| config.tasks.iter().any(|task| task.name == *name);
        let mut data = self.data.clone();
        data.retain(|name, _| has(name));
        let device = self.run.device();
        let name = device.to_string();
        let prepared = MultiTask::prepare(&start, data, config, &device.open()?, &name)?;
        let mut watcher = self.run.callbacks(place.path());
        let report = match self.run.is_resumed() {
            true => prepared.resume(place.path(), &mut watcher),
            false => prepared.run(place.path(), &mut watcher),
        };
        match report {
            Ok(report) => Ok(say(&format!("{}, seed {seed}: {report}", variant.name))?),
            // The run finished earlier, with these settings.
            Err(TrainError::RunComplete { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn print(&self, rows: &[(&Variant, Vec<[f64; 4]>)]) -> Result<(), Box<dyn Error>> {
        let names = ["overall", TASKS[0].0, TASKS[1].0, TASKS[2].0];
        let pairs = names.map(|name| [Column::number(name, 3), Column::number("published", 3)]);
        let mut columns = vec![Column::text("variant")];
        columns.extend(pairs.into_iter().flatten());
        let descriptions = rows.iter().map(|(variant, _)| {
            let Variant {
                name, description, ..
            } = variant;
            format!("{name}: {description}")
        });
        let caption = descriptions.collect::<Vec<_>>().join("\n");
        let mut table = Table::new(caption, columns);
        for (variant, scores) in rows {
            let mut cells: Vec<Cell> = vec![variant.name.into()];
            for column in [3, 0, 1, 2] {
                let ours: Vec<f64> = scores.iter().map(|scores| scores[column]).collect();
                cells.push(match ours.iter().any(|score| score.is_nan()) {
                    // The variant does not have this task.
                    true => Cell::Missing,
                    false => SampleSummary::of(&ours, 0.95)?.into(),
                });
                let published = variant.published.map(|published| published[column]);
                cells.push(published.map_or(Cell::Missing, Cell::from));
            }
            table.push(cells)?;
        }
        say(&format!(
            "\n{table}\nRun records: {}",
            self.directory.path().display()
        ))?;
        Ok(())
    }
}

/// Returns the settings of the minBERT project, which both studies start from: a constant learning
/// rate without warm-up, weight decay or gradient clipping. With the mini encoder, trains for
/// `epochs_of_mini` epochs.
pub fn minbert_settings(run: &RunArguments, epochs_of_mini: usize) -> FineTuningConfig {
    let mut settings = run.defaults();
    let train = &mut settings.train;
    settings.text.encoding = EncodingConfig::new(128);
    train.batch_size = BatchSize::Rows(8);
    train.lr_scheduler = LrScheduler {
        warmup: Warmup::Steps(0),
        decay: Decay::Constant,
    };
    train.optimizer.weight_decay = 0.0;
    train.optimizer.max_grad_norm = None;
    if run.model().is_mini() {
        train.duration = TrainDuration::Epochs(epochs_of_mini);
    } else {
        train.duration = TrainDuration::Epochs(10);
        train.optimizer.learning_rate = 1e-5;
    }
    settings
}

/// Returns the training and text settings that all variants share.
pub fn shared_settings(settings: &FineTuningConfig, overall: OverallScore) -> MultiTaskConfig {
    MultiTaskConfig {
        text: settings.text.clone(),
        train: settings.train.clone(),
        overall,
        ..Default::default()
    }
}
