//! Learns classes from a few labeled texts, in the way of SetFit and by plain fine-tuning
//! ([Tunstall et al. 2022](https://arxiv.org/abs/2209.11055)).
//!
//! `cargo run --release --example few_shot` runs on the bundled sample with the bundled mini encoder.
//! With a real encoder and data:
//!
//! `cargo run --release --example few_shot -- --model DIR --dataset ag_news --data DIR --rows-per-class 8`

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use finetune::data::{EmbeddingDataset, catalog};
use finetune::model::{HeadConfig, MlpConfig, Pooling};
use finetune::prelude::*;
use finetune::train::{
    ClassifierOverrides, EmbeddingLossConfig, EmbeddingTraining, EmbeddingTrainingConfig,
    RunDirectory,
};
use finetune_arguments::{RunArguments, announce, data_directory, exit_code, say};
use finetune_examples::{RunScores, data_or_sample};

/// Learn classes from a few labeled texts, with and without pairs of them
///
/// The first model is fine-tuned on the rows as they are. For the second (SetFit), pairs of rows of equal
/// and of other classes train the encoder to tell the classes apart; then a linear layer is trained on its
/// frozen embeddings. The run directory has a directory for each of the runs.
///
/// Recipe: 20 epochs, 16 rows per batch, learning rate 5e-5, 512 tokens; with the mini encoder 3e-4 and
/// 128. The encoder is trained on the pairs for one epoch, with the same batch size and learning rate.
#[derive(Parser)]
struct Arguments {
    /// Dataset, by its name in the catalog
    #[arg(long, value_name = "NAME", default_value = "ag_news")]
    dataset: String,
    /// Directory of the dataset; or `hub` to download it [default: the bundled sample, original text, not
    /// a benchmark]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Training rows of each class
    #[arg(long, value_name = "N", default_value_t = 8)]
    rows_per_class: usize,
    /// Pairs of each row with others of its class, and as many with rows of other classes
    #[arg(long, value_name = "N", default_value_t = 10)]
    pairs: usize,
    #[command(flatten)]
    run: RunArguments,
}

fn main() -> ExitCode {
    exit_code(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let run = &arguments.run;
    let settings = run.settings_with(recipe(run))?;
    let seed = settings.train.seed;
    let (title, data) = data_or_sample(&arguments.dataset, arguments.data.as_deref());
    let directory = data_directory(&arguments.dataset, &data)?;
    let mut opened = catalog::get(&arguments.dataset)?.open(&directory)?;
    let few = opened
        .splits
        .train
        .samples_per_class(arguments.rows_per_class, seed);
    opened.splits.train = few;
    let splits = announce(&title, run, opened, seed)?;
    let pairs = EmbeddingDataset::from_classes(&splits.train, arguments.pairs, seed)?;

    let directory = run.run_directory("few_shot")?;
    let part = |name: &str| RunDirectory::new(&directory.path().join(name));
    let [plain, on_pairs, head] = ["plain", "pairs", "head"].map(part);
    let model = run.model().location();

    let fine_tuning = FineTuning::new(model, splits.clone()).config(settings.clone());
    let plain_scores = RunScores::train("fine-tuned", fine_tuning, run, &plain)?;

    let training = EmbeddingTraining::new(model, pairs).config(pair_settings(&settings));
    RunScores::train("pairs", training, run, &on_pairs)?;
    let encoder = on_pairs.model();
    let fine_tuning = FineTuning::new(&encoder, splits).config(head_settings(settings));
    let head_scores = RunScores::train("pairs, then head", fine_tuning, run, &head)?;

    say(&RunScores::table(&[plain_scores, head_scores]))?;
    let (first, second) = (head.path().display(), plain.path().display());
    Ok(say(&format!("Compare: finetune compare {first} {second}"))?)
}

/// Returns the default settings of the plain run.
fn recipe(run: &RunArguments) -> FineTuningConfig {
    let mut recipe = run.defaults();
    recipe.train.duration = TrainDuration::Epochs(20);
    recipe.train.batch_size = BatchSize::Rows(16);
    recipe
}

/// Returns the settings of the run on pairs.
fn pair_settings(settings: &FineTuningConfig) -> EmbeddingTrainingConfig {
    EmbeddingTrainingConfig {
        text: settings.text.clone(),
        loss: Some(EmbeddingLossConfig::CosineSimilarity {}),
        train: TrainConfig {
            duration: TrainDuration::Epochs(1),
            ..settings.train.clone()
        },
        ..EmbeddingTrainingConfig::default()
    }
}

/// Returns the settings of the run that trains a linear layer on the frozen encoder.
fn head_settings(settings: FineTuningConfig) -> FineTuningConfig {
    FineTuningConfig {
        model: ClassifierOverrides {
            pooling: Some(Pooling::mean()),
            head: Some(HeadConfig::Mlp(MlpConfig::default())),
            ..settings.model
        },
        train: TrainConfig {
            freeze: FreezeScope::Encoder.into(),
            optimizer: OptimizerConfig {
                learning_rate: 1e-2,
                ..settings.train.optimizer
            },
            ..settings.train
        },
        ..settings
    }
}
