//! Heads, encoders, losses and update orders for text pairs, trained together with sentiment, as in
//! Xie, "BERT finetuning analysis" (CS224N, 2023).
//!
//! `cargo run --release --example pair_encoders` runs on the bundled samples. With a real encoder
//! and the published data:
//!
//! `cargo run --release --example pair_encoders -- --model DIR --data DIR --seeds 3`

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use finetune::data::PairEncoding;
use finetune::model::{
    CosineSimilarityHeadConfig, HeadConfig, MlpConfig, PairFeatures, Pooling, ScoreRange,
};
use finetune::prelude::*;
use finetune::train::{
    ClassifierOverrides, LossConfig, LossWeighting, MixingConfig, MultiTaskConfig, OverallScore,
    StoppingStrategy, TaskConfig, UpdateStrategy,
};
use finetune_examples::{
    Cs224nArguments, RunArguments, Variant, exit_code, minbert_settings, run_variants,
    shared_settings,
};

/// Compare update orders, heads for pairs, and bi-encoders with cross-encoders
///
/// PARA1 and STS1 are the cosine similarity after a linear layer on each text; PARA2 and STS2 are a
/// linear layer on the concatenated embeddings.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    data: Cs224nArguments,
    /// Rows of the study's table to run [default: all]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    variants: Vec<String>,
    /// Runs per row, with seeds counted from --seed
    #[arg(long, value_name = "N", default_value_t = 1)]
    seeds: u64,
    /// Loss of the similarity task: mae or mse
    #[arg(long, value_parser = ["mae", "mse"], default_value = "mse")]
    similarity_loss: String,
    #[command(flatten)]
    run: RunArguments,
}

fn main() -> ExitCode {
    exit_code(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let settings = arguments
        .run
        .settings_with(minbert_settings(&arguments.run, 2))?;
    let loss = match &arguments.similarity_loss[..] {
        "mae" => LossConfig::Mae {},
        _ => LossConfig::Mse {},
    };
    let mut variants = variants(&settings, &loss);
    let names = &arguments.variants;
    let known: Vec<&str> = variants.iter().map(|variant| variant.name).collect();
    if let Some(unknown) = names.iter().find(|name| !known.contains(&name.as_str())) {
        return Err(format!("no variant {unknown:?}, only {}", known.join(", ")).into());
    }
    variants.retain(|variant| names.is_empty() || names.iter().any(|name| name == variant.name));
    let (data, run, seeds) = (&arguments.data, &arguments.run, arguments.seeds);
    run_variants("pair_encoders", data, run, &settings, seeds, &variants)
}

/// Returns the rows of the table that differ in tasks and policies.
fn variants(settings: &FineTuningConfig, loss: &LossConfig) -> Vec<Variant> {
    let config = |para: TaskConfig, sts: TaskConfig, mixing: MixingConfig| MultiTaskConfig {
        tasks: vec![sentiment(), para, with_loss(sts, loss)],
        mixing,
        ..shared_settings(settings, OverallScore::Cs224n2023)
    };
    let shortest = |updates| MixingConfig {
        updates,
        stopping_strategy: StoppingStrategy::FirstExhausted,
        ..Default::default()
    };
    let all = MixingConfig::default;
    let scaled = MixingConfig {
        weighting: LossWeighting::Fixed {
            weights: [("sst", 15.0), ("para", 1.0), ("sts", 25.0)]
                .map(|(task, weight)| (task.to_string(), weight))
                .into(),
        },
        ..all()
    };
    let turns = || shortest(UpdateStrategy::Alternating);
    let line = |name, description, published, config| Variant {
        name,
        description,
        published: Some(published),
        runs: vec![config],
    };
    // Proposed in the paper, but not run there.
    let alone = |name, description, task| Variant {
        name,
        description,
        published: None,
        runs: vec![MultiTaskConfig {
            tasks: vec![task],
            ..shared_settings(settings, OverallScore::Cs224n2023)
        }],
    };
    vec![
        line(
            "serial-run",
            "task after task in each epoch",
            [0.309, 0.591, 0.232, 0.377],
            config(para1(), sts1(), shortest(UpdateStrategy::Sequential)),
        ),
        line(
            "round-robin-run",
            "a step on each task in turn (SST-PARA1-STS1)",
            [0.519, 0.684, 0.323, 0.509],
            config(para1(), sts1(), turns()),
        ),
        line(
            "round-robin-sum-loss",
            "a step on the sum of a loss of each task",
            [0.536, 0.604, 0.255, 0.465],
            config(para1(), sts1(), shortest(UpdateStrategy::Joint)),
        ),
        line(
            "use-all-data",
            "in turn until every row was used",
            [0.511, 0.758, 0.306, 0.525],
            config(para1(), sts1(), all()),
        ),
        line(
            "loss-scaling",
            "the same, sentiment 15 times and similarity 25 times as much",
            [0.508, 0.600, 0.348, 0.485],
            config(para1(), sts1(), scaled),
        ),
        line(
            "SST-PARA2-STS1",
            "paraphrases by a linear layer on both texts",
            [0.514, 0.707, 0.290, 0.504],
            config(para2(), sts1(), turns()),
        ),
        line(
            "SST-PARA1-STS2",
            "similarity by a linear layer on both texts",
            [0.503, 0.482, 0.313, 0.433],
            config(para1(), sts2(), turns()),
        ),
        line(
            "SST-PARA2-STS2",
            "both by linear layers",
            [0.517, 0.661, 0.321, 0.500],
            config(para2(), sts2(), turns()),
        ),
        line(
            "STS-cross-encoder",
            "similarity of both texts read as one, all data",
            [0.484, 0.768, 0.607, 0.620],
            config(para1(), read_as_one("sts"), all()),
        ),
        alone(
            "STS-alone",
            "similarity as a task by itself, both texts read as one",
            with_loss(read_as_one("sts"), loss),
        ),
        alone(
            "PARA-alone",
            "paraphrases as a task by themselves, both texts read as one",
            read_as_one("para"),
        ),
    ]
}

fn with_loss(task: TaskConfig, loss: &LossConfig) -> TaskConfig {
    TaskConfig {
        loss: Some(loss.clone()),
        ..task
    }
}

fn model(head: HeadConfig) -> ClassifierOverrides {
    ClassifierOverrides {
        pooling: Some(Pooling::cls()),
        head: Some(head),
        ..Default::default()
    }
}

/// Returns a head with a linear layer on each text, then the cosine similarity.
fn cosine(range: Option<ScoreRange>) -> HeadConfig {
    HeadConfig::Cosine(CosineSimilarityHeadConfig {
        projection: Some(256),
        dropout: 0.3,
        range,
    })
}

/// Returns a linear head for one text, or for the concatenated embeddings of two.
fn linear(pair_features: Option<PairFeatures>) -> HeadConfig {
    HeadConfig::Mlp(MlpConfig {
        pair_features,
        input_dropout: 0.3,
        ..Default::default()
    })
}

fn sentiment() -> TaskConfig {
    TaskConfig {
        model: model(linear(None)),
        ..TaskConfig::new("sst")
    }
}

fn apart(name: &str, head: HeadConfig) -> TaskConfig {
    TaskConfig {
        model: model(head),
        pair_encoding: PairEncoding::BiEncoder,
        ..TaskConfig::new(name)
    }
}

fn para1() -> TaskConfig {
    let task = apart("para", cosine(None));
    TaskConfig {
        model: ClassifierOverrides {
            single_logit: true,
            ..task.model
        },
        loss: Some(LossConfig::CosineEmbedding { margin: 0.0 }),
        ..task
    }
}

fn para2() -> TaskConfig {
    apart("para", linear(Some(PairFeatures::Concat)))
}

const SIMILARITY: ScoreRange = ScoreRange { min: 0.0, max: 5.0 };

fn sts1() -> TaskConfig {
    apart("sts", cosine(Some(SIMILARITY)))
}

fn sts2() -> TaskConfig {
    apart("sts", linear(Some(PairFeatures::Concat)))
}

fn read_as_one(name: &str) -> TaskConfig {
    TaskConfig {
        pair_encoding: PairEncoding::CrossEncoder,
        ..apart(name, linear(None))
    }
}
