//! Trains three tasks on one encoder, then single tasks: sentiment, paraphrases and similarity, as
//! in Ogada, "Fine-tuning minBERT for multi-task classification" (CS224N, 2024).
//!
//! `cargo run --release --example multi_task` runs on the bundled samples. With a real encoder and
//! the published data:
//!
//! `cargo run --release --example multi_task -- --model DIR --data DIR --seeds 3`

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use finetune::data::PairEncoding;
use finetune::eval::report::Section;
use finetune::model::{
    Activation, CosineSimilarityHeadConfig, HeadConfig, MlpConfig, PairFeatures, Pooling,
    ScoreRange,
};
use finetune::prelude::*;
use finetune::train::{
    ClassifierOverrides, FreezeConfig, LossConfig, MixingConfig, MultiTaskConfig, OverallScore,
    StoppingStrategy, TaskConfig,
};
use finetune_arguments::{RunArguments, exit_code};
use finetune_examples::{
    Cs224nArguments, MinbertSettings, Variant, VariantArguments, VariantStudy,
};

/// Train three tasks in turn on one encoder, then continue with single tasks
///
/// Models A and B train the heads alone, at a learning rate of 1e-3; the others train all
/// parameters, at --learning-rate. E and F start from the model before them. The recipe: 10 epochs,
/// batches of 8 rows of at most 128 tokens, a constant learning rate of 1e-5, AdamW with an epsilon
/// of 1e-6, no warm-up, weight decay or clipping; with the mini encoder, 3 epochs at 1e-3.
/// The runs are a study in --run-dir, which is resumed if it exists.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    data: Cs224nArguments,
    /// Models of the study to train
    #[arg(
        long,
        value_name = "NAME",
        value_delimiter = ',',
        default_value = "A,B,C,D,E,F",
        value_parser = ["A", "B", "C", "D", "E", "F"]
    )]
    models: Vec<String>,
    #[command(flatten)]
    variants: VariantArguments,
    /// Epochs of sentiment for E and of similarity for F [default: 10,3, bundled data: 3,1]
    #[arg(long, value_name = "N,N", value_parser = two_numbers)]
    additional_epochs: Option<[usize; 2]>,
    #[command(flatten)]
    run: RunArguments,
}

/// Additional epochs of the paper.
const ADDITIONAL: [usize; 2] = [10, 3];

/// Scores of model F on the dev and the test leaderboard, section 5.4 of the paper.
const LEADERBOARD: [[f64; 4]; 2] = [[0.738, 0.526, 0.823, 0.730], [0.738, 0.533, 0.82, 0.726]];

fn two_numbers(text: &str) -> Result<[usize; 2], String> {
    let numbers: Result<Vec<usize>, _> = text
        .split(',')
        .map(|number| number.trim().parse())
        .collect();
    let numbers = numbers.map_err(|error| error.to_string())?;
    <[usize; 2]>::try_from(numbers).map_err(|_| "expected two numbers, as in 10,3".to_string())
}

fn main() -> ExitCode {
    exit_code(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let recipe = MinbertSettings::recipe(OverallScore::Cs224n2024);
    let settings = recipe.overridden(&arguments.run, 3)?;
    let additional = match (arguments.additional_epochs, arguments.data.is_bundled()) {
        (Some(epochs), _) => epochs,
        (None, false) => ADDITIONAL,
        (None, true) => [3, 1],
    };
    let mut study = VariantStudy {
        name: "multi_task",
        title: "Ogada, table 1, with BERT-base.",
        recipe: variants(&recipe, ADDITIONAL),
        variants: variants(&settings, additional),
        baseline: "C",
    };
    study.retain(&arguments.models)?;
    let (data, run) = (&arguments.data, &arguments.run);
    study.run(&arguments.variants, data, run, |ours| {
        let caption = "Ogada, section 5.4: model F on the leaderboards.";
        let table = ours.leaderboard(caption, "F", LEADERBOARD)?;
        let section = |table| Section::new("Final model").with(table);
        Ok(table.map(section).into_iter().collect())
    })
}

/// Returns the six models of the study.
fn variants(settings: &MinbertSettings, [sentiment, similarity]: [usize; 2]) -> Vec<Variant> {
    let on_features = |config: MultiTaskConfig| {
        let mut config = config;
        config.train.freeze = FreezeConfig::from(FreezeScope::Encoder);
        config.train.optimizer.learning_rate = 1e-3;
        config
    };
    let (linear, deep) = (linear_sentiment(), deep_sentiment());
    let with_cosine = in_turn(settings, linear.clone(), cosine_similarity());
    let in_turn = |sentiment| in_turn(settings, sentiment, difference_similarity());
    let variant = |name, description, published, runs| Variant {
        name,
        description,
        published: Some(published),
        runs,
    };
    let joint = in_turn(deep);
    let on_sentiment = alone("sst", sentiment, joint.clone());
    let on_similarity = alone("sts", similarity, joint.clone());
    vec![
        variant(
            "A",
            "heads alone, similarity by cosine",
            [0.364, 0.729, 0.016, 0.428],
            // The cosine similarity of frozen embeddings has no parameters to train.
            vec![measured_only("sts", on_features(with_cosine))],
        ),
        variant(
            "B",
            "heads alone, similarity by |u - v| and u * v",
            [0.396, 0.524, 0.376, 0.536],
            vec![on_features(in_turn(linear.clone()))],
        ),
        variant(
            "C",
            "all parameters, tasks in turn",
            [0.240, 0.810, 0.818, 0.653],
            vec![in_turn(linear)],
        ),
        variant(
            "D",
            "as C, with two more layers for sentiment",
            [0.284, 0.800, 0.815, 0.664],
            vec![joint.clone()],
        ),
        variant(
            "E",
            "D, then sentiment alone",
            [0.516, 0.828, 0.615, 0.717],
            vec![joint.clone(), on_sentiment.clone()],
        ),
        variant(
            "F",
            "E, then similarity alone",
            [0.533, 0.820, 0.726, 0.738],
            vec![joint, on_sentiment, on_similarity],
        ),
    ]
}

/// Returns settings that train the three tasks in turn; shorter tasks repeat until the longest has
/// finished.
fn in_turn(
    settings: &MinbertSettings,
    sentiment: ClassifierOverrides,
    similarity: ClassifierOverrides,
) -> MultiTaskConfig {
    let apart = |name: &str| TaskConfig {
        pair_encoding: PairEncoding::BiEncoder,
        ..TaskConfig::new(name)
    };
    settings.apply(MultiTaskConfig {
        tasks: vec![
            TaskConfig {
                model: sentiment,
                ..TaskConfig::new("sst")
            },
            TaskConfig {
                model: ClassifierOverrides {
                    single_logit: true,
                    ..pair(None, 0.1)
                },
                loss: Some(LossConfig::BinaryCrossEntropy { pos_weight: None }),
                ..apart("para")
            },
            TaskConfig {
                model: similarity,
                ..apart("sts")
            },
        ],
        mixing: MixingConfig {
            stopping_strategy: StoppingStrategy::AllExhausted,
            ..Default::default()
        },
        ..MultiTaskConfig::default()
    })
}

/// Restricts the training to one task; the other heads stay unchanged.
fn alone(name: &str, epochs: usize, mut config: MultiTaskConfig) -> MultiTaskConfig {
    for task in &mut config.tasks {
        task.trainable = task.name == name;
    }
    config.train.duration = TrainDuration::Epochs(epochs);
    config
}

/// Excludes one task from the training; it is still evaluated.
fn measured_only(name: &str, mut config: MultiTaskConfig) -> MultiTaskConfig {
    for task in &mut config.tasks {
        task.trainable &= task.name != name;
    }
    config
}

fn linear_sentiment() -> ClassifierOverrides {
    ClassifierOverrides {
        pooling: Some(Pooling::cls()),
        head: Some(HeadConfig::Mlp(MlpConfig::linear(0.1))),
        ..Default::default()
    }
}

fn deep_sentiment() -> ClassifierOverrides {
    ClassifierOverrides {
        head: Some(HeadConfig::Mlp(MlpConfig {
            hidden_sizes: vec![256, 256],
            activation: Activation::Relu,
            dropout: 0.1,
            ..Default::default()
        })),
        ..linear_sentiment()
    }
}

const STARS: ScoreRange = ScoreRange { min: 0.0, max: 5.0 };

fn difference_similarity() -> ClassifierOverrides {
    pair(Some(STARS), 0.1)
}

/// Returns a head with the features `[|u - v|; u * v]` and a linear layer.
fn pair(range: Option<ScoreRange>, dropout: f64) -> ClassifierOverrides {
    ClassifierOverrides {
        head: Some(HeadConfig::Mlp(MlpConfig {
            pair_features: Some(PairFeatures::DiffProduct),
            input_dropout: dropout,
            range,
            ..Default::default()
        })),
        ..linear_sentiment()
    }
}

fn cosine_similarity() -> ClassifierOverrides {
    ClassifierOverrides {
        head: Some(HeadConfig::Cosine(CosineSimilarityHeadConfig {
            range: Some(STARS),
            ..Default::default()
        })),
        ..linear_sentiment()
    }
}
