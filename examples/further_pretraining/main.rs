//! Effect of further pre-training, by steps and by datasets, on a classifier with a frozen encoder.
//! Makes tables 1, 4 and 5 and figure 3 of H. Chen and Y. Gao, "Analysis of Fine-Tuning Techniques
//! for Text Classification Tasks".
//!
//! `cargo run --release --example further_pretraining` runs on the bundled sample. With a real
//! encoder and the published data:
//!
//! `cargo run --release --example further_pretraining -- --model DIR --data DIR --seeds 3`
//!
//! Other datasets, for table 5: `--corpus yelp_polarity=DIR --corpus amazon_reviews_full=DIR`.

mod mix;
mod published;

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use finetune::eval::report::Section;
use finetune::prelude::*;
use finetune::study::{
    PreTrainedConfig, PreTrainedExperiment, PreTrainingObjective, SearchParameter, Study,
    StudyConfig, StudyResults, VariantConfig,
};
use finetune::train::EvaluationConfig;
use finetune_arguments::{
    ArgumentsError, STUDY_SEED, StudyCommand, exit_code, named_directory, run_study, say,
};
use finetune_examples::study::{
    Published, PublishedExperiment, PublishedStudy, PublishedTable, StudyArguments, datasets_table,
    open_set,
};
use finetune_examples::{PreTrainingArguments, SAMPLE_IMDB};
use serde_json::{Map, Value, json};

use self::mix::Mix;
use self::published::{CORPORA, DataSet, STEPS};

/// Pre-train an encoder further, and train a classifier on the frozen encoder after given steps
///
/// Makes tables 1 and 4 and figure 3 of Chen and Gao; with --corpus, table 5 in place of table 4.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<StudyCommand>,
    /// Dataset of the classifier, which --data contains
    #[arg(long, value_enum, default_value = "imdb", global = true)]
    dataset: DataSet,
    /// What the pre-training predicts: the labels of the rows, as in the paper, or masked tokens
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "supervised",
        global = true
    )]
    objective: Vec<Objective>,
    /// Pre-training steps after which to train classifiers; 0 is the checkpoint without further
    /// pre-training [default: 0,5000,10000,20000, bundled data: 0,20,40]
    #[arg(long, value_name = "STEPS", value_delimiter = ',', global = true)]
    pretraining_steps: Vec<usize>,
    /// Another dataset to pre-train on: a name of the catalog, or sst5_polarity for sst5 in two
    /// classes
    #[arg(long, value_name = "NAME=DIR", value_parser = named_directory, global = true)]
    corpus: Vec<(String, PathBuf)>,
    /// Mixes of datasets to compare with --corpus: none, NAME, all_except_NAME or all [default:
    /// every one]
    #[arg(long, value_name = "MIX", value_delimiter = ',', global = true)]
    mixes: Vec<Mix>,
    #[command(flatten)]
    pretraining: PreTrainingArguments,
    /// Fraction of the rows to hold out of the pre-training for its scores [default: 0.02, bundled
    /// data: 0.2]
    #[arg(
        long = "pretraining-validation-split",
        value_name = "SHARE",
        global = true
    )]
    held_out: Option<f64>,
    /// Mask whole words instead of single tokens
    #[arg(long, global = true)]
    whole_word_mask: bool,
    #[command(flatten)]
    study: StudyArguments,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Objective {
    Supervised,
    MaskedLm,
}

/// Learning rate of the classifier; a classifier on a frozen encoder tolerates a high one.
const RATE: f64 = 2e-3;

fn main() -> ExitCode {
    exit_code(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let (study, pretraining) = (&arguments.study, &arguments.pretraining);
    let sets = arguments.sets()?;
    let own = arguments.dataset.name();
    let splits = study.subset(sets[own].clone());
    let texts = sets
        .iter()
        .map(|(name, set)| (name.clone(), pretraining.texts(set, STUDY_SEED)));
    let texts: BTreeMap<String, Dataset> = texts.collect();
    say(&format!(
        "{}, {} training rows, {} texts to pre-train on, with {} on {}",
        study.data_name(),
        splits.train.len(),
        texts.values().map(Dataset::len).sum::<usize>(),
        study.common.model(),
        study.common.device(),
    ))?;
    // The sample is small: a larger fraction keeps every class among the held-out rows.
    let held_out = if study.data.is_some() { 0.1 } else { 0.4 };
    let fine_tuning = study
        .experiment(splits)?
        .validation_split(held_out, STUDY_SEED);
    let share = arguments.pretraining_validation_split();
    let labeled = sets.iter().map(|(name, set)| {
        let rows = Splits::from(pretraining.labeled(set, STUDY_SEED));
        Ok((name.clone(), rows.hold_out_validation(share, STUDY_SEED)?))
    });
    let labeled = labeled.collect::<Result<_, DataError>>()?;
    let settings = arguments.settings(arguments.recipe_for_model(), &arguments.steps())?;
    let experiment = PreTrainedExperiment::new(fine_tuning, texts, settings).labeled(labeled);
    let names: Vec<&str> = sets.keys().map(String::as_str).collect();
    let config = arguments.config(&names, &arguments.steps(), &arguments.mixes(&names))?;
    let study = Study::new(config, &experiment)?;
    run_study(
        arguments.command.clone(),
        &arguments.study.directory,
        &study,
        &experiment,
        |results| arguments.published(results, &sets),
    )
}

/// Returns the settings of the classifier in the paper, which does not state the number of epochs.
fn recipe() -> FineTuningConfig {
    let mut recipe = FineTuningConfig::default();
    recipe.text.encoding = EncodingConfig::new(512);
    recipe.train.duration = TrainDuration::Epochs(10);
    recipe.train.freeze = FreezeScope::Encoder.into();
    recipe.train.optimizer.learning_rate = RATE;
    recipe.train.evaluation = Some(EvaluationConfig {
        metric_for_best_model: "accuracy".to_string(),
        ..EvaluationConfig::default()
    });
    recipe
}

impl Arguments {
    fn steps(&self) -> Vec<usize> {
        match (self.pretraining_steps.as_slice(), self.study.data.is_some()) {
            ([], true) => STEPS.to_vec(),
            ([], false) => vec![0, 20, 40],
            (steps, _) => steps.to_vec(),
        }
    }

    fn mixes(&self, names: &[&str]) -> Vec<Mix> {
        match self.mixes.is_empty() {
            true => Mix::every(names),
            false => self.mixes.clone(),
        }
    }

    fn pretraining_validation_split(&self) -> f64 {
        let default = if self.study.data.is_some() { 0.02 } else { 0.2 };
        self.held_out.unwrap_or(default)
    }

    /// Opens the dataset of the classifier and those of `--corpus`.
    fn sets(&self) -> Result<BTreeMap<String, Splits>, Box<dyn Error>> {
        let name = self.dataset.name();
        let own = match (&self.study.data, self.dataset) {
            (Some(data), _) => data.as_path(),
            (None, DataSet::Imdb) => Path::new(SAMPLE_IMDB),
            (None, _) => return Err(format!("{name}: give --data").into()),
        };
        let own = (name, own);
        let others = self
            .corpus
            .iter()
            .map(|(name, place)| (name.as_str(), place.as_path()));
        let mut sets = BTreeMap::new();
        for (name, directory) in std::iter::once(own).chain(others) {
            let set = open_set(name, directory)?;
            if sets.insert(name.to_string(), set).is_some() {
                return Err(format!("--corpus: {name} is there twice").into());
            }
        }
        Ok(sets)
    }

    fn recipe_for_model(&self) -> FineTuningConfig {
        let mut recipe = recipe();
        if self.study.common.model().is_mini() {
            recipe.text.encoding = EncodingConfig::new(64);
        }
        recipe
    }

    /// Returns the settings of all trials: of the classifier, and of both kinds of pre-training for
    /// the last of `steps`.
    fn settings(
        &self,
        recipe: FineTuningConfig,
        steps: &[usize],
    ) -> Result<PreTrainedConfig, ArgumentsError> {
        let model = self.study.common.model();
        let fine_tuning = self.study.settings_with(recipe)?;
        let last = steps.iter().copied().max().unwrap_or(0).max(1);
        let mut pre_training = self
            .pretraining
            .settings(model, &fine_tuning, last, STUDY_SEED);
        pre_training.masking.whole_word_mask = self.whole_word_mask;
        pre_training.validation_split = self.pretraining_validation_split();
        pre_training.train.checkpoints.snapshot_steps =
            steps.iter().copied().filter(|steps| *steps > 0).collect();
        Ok(PreTrainedConfig {
            corpora: vec![self.dataset.name().to_string()],
            supervised: PreTrainingArguments::supervised(&pre_training),
            pre_training,
            fine_tuning,
            ..PreTrainedConfig::default()
        })
    }

    /// Returns the study: table 5 if there are several datasets, table 4 otherwise.
    fn config(
        &self,
        names: &[&str],
        steps: &[usize],
        mixes: &[Mix],
    ) -> Result<StudyConfig, Box<dyn Error>> {
        let mut config = StudyConfig {
            name: format!("Further pre-training for {}", self.dataset.name()),
            seeds: self.study.seeds(1),
            ..StudyConfig::default()
        };
        let objectives = self.objective.iter().map(|objective| objective.setting());
        let objectives = objectives.collect::<Result<Vec<Value>, _>>()?;
        match &objectives[..] {
            [objective] => {
                config
                    .base
                    .insert("objective".to_string(), objective.clone());
            }
            _ => config
                .parameters
                .push(SearchParameter::of("objective", objectives)),
        }
        if names.len() < 2 {
            let steps = SearchParameter::of("steps", steps.iter().copied());
            config.parameters.push(steps);
            return Ok(config);
        }
        config.name += ", by datasets";
        let last = steps.iter().copied().max().unwrap_or(0);
        config.base.insert("steps".to_string(), last.into());
        if mixes.iter().any(|mix| matches!(mix, Mix::None)) {
            // All pairs of many mixes would be too many tests.
            let baseline = self.label(true, &Mix::None.label());
            config.comparison.baseline = Some(baseline);
        }
        for mix in mixes {
            let corpora = json!(mix.corpora(names)?);
            config.variants.push(VariantConfig {
                name: mix.label(),
                settings: Map::from_iter([("corpora".to_string(), corpora)]),
                ..VariantConfig::default()
            });
        }
        Ok(config)
    }

    /// Returns the label of a candidate that is pre-trained on labels.
    fn label(&self, is_by_datasets: bool, row: &str) -> String {
        match self.objective.len() {
            1 => row.to_string(),
            _ if is_by_datasets => format!("{row}, objective supervised"),
            _ => format!("objective supervised, {row}"),
        }
    }

    /// Returns the sections with the published tables beside our scores, and figure 3.
    fn published(
        &self,
        results: &StudyResults<'_>,
        sets: &BTreeMap<String, Splits>,
    ) -> Result<Vec<Section>, Box<dyn Error>> {
        let is_by_datasets = sets.len() > 1;
        let names: &[&str] = if is_by_datasets {
            &CORPORA
        } else {
            &[self.dataset.name()]
        };
        let recipe = PublishedExperiment(self.published_settings()?);
        let study = recipe.study(self.config(names, &STEPS, &Mix::every(names))?)?;
        let rows: Vec<(String, f64)> = match is_by_datasets {
            true => self.dataset.after_mixes().into(),
            false => {
                let labels = STEPS.map(|steps| format!("steps {steps}"));
                labels.into_iter().zip(self.dataset.after_steps()).collect()
            }
        };
        let rows: Vec<(String, [f64; 1])> = rows
            .iter()
            .map(|(row, score)| (self.label(is_by_datasets, row), [*score]))
            .collect();
        let rows: Vec<Published> = rows
            .iter()
            .map(|(label, scores)| Published::new(label, scores))
            .collect();
        let number = if is_by_datasets { 5 } else { 4 };
        let caption = format!("Chen and Gao, table {number}, with DistilBERT.");
        let mut conditions = self.study.conditions("DistilBERT");
        if !self.objective.contains(&Objective::Supervised) {
            let reason = || "the paper pre-trains on labels".to_string();
            conditions.obstacle.get_or_insert_with(reason);
        }
        let published = PublishedStudy {
            recipe: &study,
            conditions,
        };
        let table = PublishedTable {
            caption: &caption,
            metrics: &["accuracy"],
            rows: &rows,
        };
        let mut section = published.section(results, &[table])?;
        if let Some(figure) = results.number_chart("epochs to best", "steps")? {
            section = section.with(figure);
        }
        let sets = sets.iter().map(|(name, set)| (name.as_str(), set));
        let datasets = Section::new("Datasets").with(datasets_table(sets)?);
        Ok(vec![datasets, section])
    }

    /// Returns the settings of the publication. The paper says nothing of how it pre-trains.
    fn published_settings(&self) -> Result<PreTrainedConfig, ArgumentsError> {
        let ours = self.settings(self.recipe_for_model(), &STEPS)?;
        Ok(PreTrainedConfig {
            fine_tuning: recipe(),
            ..ours
        })
    }
}

impl Objective {
    fn setting(self) -> Result<Value, serde_json::Error> {
        serde_json::to_value(match self {
            Self::Supervised => PreTrainingObjective::Supervised,
            Self::MaskedLm => PreTrainingObjective::MaskedLm,
        })
    }
}
