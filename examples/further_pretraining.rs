//! Effect of further masked-LM pre-training (steps and texts) on a classifier with a frozen
//! encoder. Reproduces tables 4 and 5 and figure 3 of H. Chen and Y. Gao, "Analysis of Fine-Tuning
//! Techniques for Text Classification Tasks".
//!
//! `cargo run --release --example further_pretraining` runs on the bundled sample. With a real
//! encoder and the published data:
//!
//! `cargo run --release --example further_pretraining -- --model DIR --data DIR --seeds 3`
//!
//! Texts of other datasets, for table 5: `--corpus yelp_polarity=DIR --corpus
//! amazon_reviews_full=DIR`.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use finetune::data::catalog;
use finetune::eval::report::Section;
use finetune::prelude::*;
use finetune::study::{
    PreTrainedConfig, PreTrainedExperiment, SearchParameter, Study, StudyConfig, StudyError,
    StudyResults, VariantConfig,
};
use finetune::train::EvaluationConfig;
use finetune_examples::study::{
    Published, PublishedStudy, PublishedTable, SEED, StudyArguments, StudyCommand, run_study,
};
use finetune_examples::{PreTrainingArguments, SAMPLE_IMDB, data_directory, exit_code, say};
use serde_json::{Value, json};

/// Pre-train an encoder further, and train a classifier on it after given numbers of steps
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<StudyCommand>,
    /// Dataset of the study that --data contains
    #[arg(long, value_enum, default_value = "imdb", global = true)]
    dataset: DataSet,
    /// Pre-training steps after which to train classifiers; 0 is the checkpoint without further
    /// pre-training [default: 0,5000,10000,20000, mini: 0,20,40]
    #[arg(long, value_name = "STEPS", value_delimiter = ',', global = true)]
    pretraining_steps: Vec<usize>,
    /// Additional dataset to pre-train on, both alone and together with the dataset of --data
    #[arg(long, value_name = "NAME=DIR", value_parser = named_folder, global = true)]
    corpus: Vec<(String, PathBuf)>,
    #[command(flatten)]
    pretraining: PreTrainingArguments,
    /// Fraction of the texts to hold out for perplexity [default: 0.02, bundled data: 0.2]
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
enum DataSet {
    Imdb,
    YelpPolarity,
    AmazonReviewsFull,
}

/// Learning rate of the classifier; a classifier on a frozen encoder tolerates a high one.
const RATE: f64 = 2e-3;

impl DataSet {
    fn name(self) -> &'static str {
        match self {
            Self::Imdb => "imdb",
            Self::YelpPolarity => "yelp_polarity",
            Self::AmazonReviewsFull => "amazon_reviews_full",
        }
    }

    /// Returns the published test accuracies by pre-training steps on the dataset's own texts
    /// (table 4).
    fn after_steps(self) -> [(usize, f64); 4] {
        let accuracies = match self {
            Self::Imdb => [0.8578, 0.93264, 0.93464, 0.93404],
            Self::YelpPolarity => [0.90694737, 0.95660526, 0.97392105, 0.97507895],
            Self::AmazonReviewsFull => [0.505830769, 0.626369231, 0.635492308, 0.646123077],
        };
        let [none, some, more, most] = accuracies;
        [(0, none), (5000, some), (10_000, more), (20_000, most)]
    }

    /// Returns the published test accuracies by pre-training texts (table 5).
    fn after_corpora(self) -> [(&'static str, f64); 5] {
        let names = [
            "none",
            "yelp_polarity",
            "amazon_reviews_full",
            "imdb",
            "all",
        ];
        let accuracies = match self {
            Self::YelpPolarity => [
                0.906289474,
                0.973921053,
                0.957789474,
                0.930631579,
                0.975394737,
            ],
            Self::AmazonReviewsFull => [
                0.507292308,
                0.583553846,
                0.637030769,
                0.541938462,
                0.625107692,
            ],
            Self::Imdb => [0.8578, 0.92456, 0.9404, 0.93404, 0.94276],
        };
        std::array::from_fn(|row| (names[row], accuracies[row]))
    }
}

fn named_folder(text: &str) -> Result<(String, PathBuf), String> {
    let (name, folder) = text.split_once('=').ok_or("expected NAME=DIR")?;
    Ok((name.to_string(), folder.into()))
}

fn main() -> ExitCode {
    exit_code(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let (study, name) = (&arguments.study, arguments.dataset.name());
    let own = match (&study.data, arguments.dataset) {
        (Some(data), _) => data.as_path(),
        (None, DataSet::Imdb) => Path::new(SAMPLE_IMDB),
        (None, _) => return Err(format!("{name}: give --data").into()),
    };
    let splits = catalog::get(name)?
        .open(&data_directory(name, own)?)?
        .splits;
    let corpora = arguments.corpora(&splits)?;
    let splits = study.subset(splits);
    say(&format!(
        "{}, {} training rows, {} texts to pre-train on, with {} on {}",
        study.data_name(),
        splits.train.len(),
        corpora.values().map(Dataset::len).sum::<usize>(),
        study.common.model(),
        study.common.device(),
    ))?;
    // The sample is small: a larger fraction keeps every class among the held-out rows.
    let held_out = if study.data.is_some() { 0.1 } else { 0.4 };
    let fine_tuning = study.experiment(splits)?.validation_split(held_out, SEED);
    let experiment = PreTrainedExperiment::new(fine_tuning, corpora, arguments.settings()?);
    let study = Study::new(arguments.config(), &experiment)?;
    run_study(
        arguments.command.clone(),
        &arguments.study.folder,
        &study,
        &experiment,
        |results| arguments.published(results),
    )
}

impl Arguments {
    fn steps(&self) -> Vec<usize> {
        match (self.pretraining_steps.as_slice(), self.study.data.is_some()) {
            ([], true) => vec![0, 5000, 10_000, 20_000],
            ([], false) => vec![0, 20, 40],
            (steps, _) => steps.to_vec(),
        }
    }

    /// Returns the texts of the training rows and the unlabeled rows of each dataset, without test
    /// rows.
    fn corpora(&self, own: &Splits) -> Result<BTreeMap<String, Dataset>, Box<dyn Error>> {
        let texts = |splits: &Splits| self.pretraining.texts(splits, SEED);
        let mut corpora = BTreeMap::from([(self.dataset.name().to_string(), texts(own))]);
        for (name, folder) in &self.corpus {
            let splits = catalog::get(name)?
                .open(&data_directory(name, folder)?)?
                .splits;
            corpora.insert(name.clone(), texts(&splits));
        }
        Ok(corpora)
    }

    fn settings(&self) -> Result<PreTrainedConfig, StudyError> {
        let model = self.study.common.model();
        let mut recipe = FineTuningConfig::default();
        recipe.text.encoding = EncodingConfig::new(if model.is_mini() { 64 } else { 512 });
        recipe.train.duration = TrainDuration::Epochs(10);
        recipe.train.freeze = FreezeScope::Encoder.into();
        recipe.train.optimizer.learning_rate = RATE;
        recipe.train.evaluation = Some(EvaluationConfig {
            metric_for_best_model: "accuracy".to_string(),
            ..EvaluationConfig::default()
        });
        let fine_tuning = self.study.settings_with(recipe)?;
        let steps = self.steps();
        let last = steps.iter().copied().max().unwrap_or(0).max(1);
        let is_bundled = self.study.data.is_none();
        let mut pre_training =
            self.pretraining
                .settings(model, &fine_tuning, last, is_bundled, SEED);
        pre_training.masking.whole_word_mask = self.whole_word_mask;
        pre_training.validation_split = self.held_out.unwrap_or(pre_training.validation_split);
        pre_training.train.checkpoints.snapshot_steps =
            steps.into_iter().filter(|steps| *steps > 0).collect();
        Ok(PreTrainedConfig {
            corpora: vec![self.dataset.name().to_string()],
            steps: 0,
            pre_training,
            fine_tuning,
        })
    }

    /// Returns the study: table 5 if other corpora are given, table 4 otherwise.
    fn config(&self) -> StudyConfig {
        let mut config = StudyConfig {
            name: format!("Further pre-training for {}", self.dataset.name()),
            seeds: self.study.seeds(1),
            ..StudyConfig::default()
        };
        if self.corpus.is_empty() {
            config.parameters = vec![SearchParameter::of("steps", self.steps())];
            return config;
        }
        let last = self.steps().into_iter().max().unwrap_or(0);
        config.name += ", by texts";
        config.base.insert("steps".to_string(), last.into());
        let others = self.corpus.iter().map(|(name, _)| name.as_str());
        let mut names: Vec<&str> = std::iter::once(self.dataset.name()).chain(others).collect();
        names.sort_unstable();
        names.dedup();
        let variant = |name: &str, corpora: Value| VariantConfig {
            name: name.to_string(),
            settings: serde_json::Map::from_iter([("corpora".to_string(), corpora)]),
            ..VariantConfig::default()
        };
        config.variants = vec![variant("none", json!([]))];
        config
            .variants
            .extend(names.iter().map(|name| variant(name, json!([name]))));
        config.variants.push(variant("all", json!(names)));
        config
    }

    fn published(
        &self,
        results: &StudyResults<'_, PreTrainedConfig>,
    ) -> Result<Vec<Section>, Box<dyn Error>> {
        let (table, rows) = match self.corpus.is_empty() {
            true => (
                4,
                self.dataset
                    .after_steps()
                    .map(|(steps, score)| (format!("steps {steps}"), score))
                    .to_vec(),
            ),
            false => {
                let rows = self.dataset.after_corpora();
                (
                    5,
                    rows.map(|(name, score)| (name.to_string(), score)).to_vec(),
                )
            }
        };
        let scores: Vec<[f64; 1]> = rows.iter().map(|(_, score)| [*score]).collect();
        let rows = rows.iter().zip(&scores);
        let rows: Vec<Published> = rows
            .map(|((candidate, _), scores)| Published::new(candidate, scores))
            .collect();
        let caption = format!("Chen and Gao, table {table}, with DistilBERT.");
        let published = PublishedStudy {
            recipe: results.study(),
            conditions: self.study.conditions("DistilBERT"),
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
        Ok(vec![section])
    }
}
