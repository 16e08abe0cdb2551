//! Variants of training on the tasks of CS224N, as a study beside published scores.

use std::error::Error;

use finetune::prelude::*;
use finetune::study::{
    MultiTaskExperiment, Seeds, Study, StudyConfig, SuccessiveRunsConfig, VariantConfig,
};
use finetune::train::{Decay, MultiTaskConfig, OverallScore, Warmup};
use serde_json::Value;

use crate::study::{
    Conditions, FolderArguments, Published, PublishedStudy, PublishedTable, run_study,
};
use crate::{Cs224nArguments, RunArguments, say};

/// Names of the published scores of a variant.
const METRICS: [&str; 4] = ["overall", "sst accuracy", "para accuracy", "sts pearson"];

/// Row of a study's table.
#[derive(Debug)]
pub struct Variant {
    /// Name in the published study.
    pub name: &'static str,
    /// Description of the variant.
    pub description: &'static str,
    /// Published scores of sentiment, paraphrases and similarity, and the overall score; `None` for
    /// a variant without published scores.
    pub published: Option<[f64; 4]>,
    /// Settings of the runs that follow each other.
    pub runs: Vec<MultiTaskConfig>,
}

/// Runs all variants with `seeds` seeds each, and prints their scores beside the published ones.
/// The directory of the run is that of the study; a study in it is resumed.
///
/// # Errors
/// If the data cannot be opened, the study directory is that of another study, or standard output
/// is closed. A variant that fails is reported and does not stop the others.
pub fn run_variants(
    name: &str,
    tasks: &Cs224nArguments,
    run: &RunArguments,
    settings: &FineTuningConfig,
    seeds: u64,
    variants: &[Variant],
) -> Result<(), Box<dyn Error>> {
    if run.report.is_some() || run.tensorboard {
        return Err("--report and --tensorboard are for single runs".into());
    }
    let first_seed = settings.train.seed;
    let (data, skipped) = tasks.open(run, first_seed)?;
    let (what, model, device) = (tasks.description(), run.model(), run.device());
    say(&format!("{what}, with {model} on {device}"))?;
    for line in skipped {
        say(&line)?;
    }
    for (task, splits) in &data {
        let test = splits.test.as_ref().map_or(0, |test| test.len());
        let train = splits.train.len();
        say(&format!("{task}: {train} training and {test} test rows"))?;
    }
    let config = StudyConfig {
        name: name.to_string(),
        metric: METRICS[0].to_string(),
        seeds: Some(Seeds::Listed(
            (first_seed..first_seed.saturating_add(seeds)).collect(),
        )),
        variants: variants
            .iter()
            .map(Variant::config)
            .collect::<Result<_, _>>()?,
        ..StudyConfig::default()
    };
    let experiment = MultiTaskExperiment::new(
        model.directory(),
        data,
        &device.open()?,
        &device.to_string(),
    )?;
    let study = Study::new(config, &experiment)?;
    let directory = FolderArguments::new(run.run_directory(name)?.path());
    run_study(None, &directory, &study, &experiment, |results| {
        let lines = variants
            .iter()
            .map(|variant| format!("{}: {}", variant.name, variant.description));
        let caption = lines.collect::<Vec<_>>().join("\n");
        let published = variants.iter().filter_map(|variant| {
            let [sentiment, paraphrases, similarity, overall] = variant.published?;
            Some((variant.name, [overall, sentiment, paraphrases, similarity]))
        });
        let published: Vec<_> = published.collect();
        let rows = published
            .iter()
            .map(|(candidate, scores)| Published::new(candidate, scores));
        let rows: Vec<Published> = rows.collect();
        let published = PublishedStudy {
            recipe: results.study(),
            conditions: Conditions::default(),
        };
        let table = PublishedTable {
            caption: &caption,
            metrics: &METRICS,
            rows: &rows,
        };
        Ok(vec![published.section(results, &[table])?])
    })
}

impl Variant {
    fn config(&self) -> Result<VariantConfig, serde_json::Error> {
        let settings = serde_json::to_value(SuccessiveRunsConfig {
            runs: self.runs.clone(),
            ..SuccessiveRunsConfig::default()
        })?;
        let Value::Object(mut settings) = settings else {
            return Ok(VariantConfig::default());
        };
        // The study sets it.
        settings.remove("seed");
        Ok(VariantConfig {
            name: self.name.to_string(),
            settings,
            ..VariantConfig::default()
        })
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
        activation_cache: settings.activation_cache.clone(),
        overall,
        ..Default::default()
    }
}
