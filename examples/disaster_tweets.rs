//! Compares fine-tuning with bag-of-words baselines on tweets: three sparse feature sets over ten
//! folds, and an encoder that is frozen, fully trained, or trained in its last two layers, with ten
//! seeds each. Encoders feed the last hidden state of the first token to one dense layer with a
//! logistic output. Reproduces J. Hart, "Task-Specific Training: The Benefits of Fine-Tuning BERT".
//!
//! `cargo run --release --example disaster_tweets` runs on the bundled sample. With a real encoder
//! and the published data:
//!
//! `cargo run --release --example disaster_tweets -- --model DIR --data DIR`

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use finetune::data::{Split, catalog};
use finetune::eval::report::Section;
use finetune::model::{CheckpointConfig, HeadConfig, MlpConfig, Pooling};
use finetune::prelude::*;
use finetune::study::{Study, StudyConfig, StudyResults};
use finetune::train::{ClassifierOverrides, Decay, Warmup};
use finetune_arguments::{STUDY_SEED, StudyCommand, data_directory, exit_code, run_study, say};
use finetune_examples::SAMPLE_DISASTER_TWEETS;
use finetune_examples::study::{
    Published, PublishedExperiment, PublishedStudy, PublishedTable, PublishedTest, StudyArguments,
    SystemConfig, Systems,
};

/// Compare sparse baselines and ways of fine-tuning on tweets about disasters
///
/// Makes: accuracy and F1 beside tables 1 and 2 of the paper; box plots of both, figures 1 and 2;
/// t, degrees of freedom and p of the paper's two comparisons beside ours; tests of all pairs.
///
/// Recipe: learning rate 5e-5 with linear decay, 3 epochs, 32 rows per batch, 64 tokens (mini: 1e-3
/// and 8 rows); ten seeds per encoder, ten folds per baseline.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<StudyCommand>,
    #[command(flatten)]
    study: StudyArguments,
}

/// The study. Encoders are tested on the same held-out rows, baselines on each fold of all rows.
const STUDY: &str = r#"
    name = "Disaster tweets"
    metric = "accuracy"
    comparison.design = "independent"

    [[variants]]
    name = "TF-IDF"
    settings = { system = "baseline", baseline.features.kind = "tfidf" }
    seeds = [42]
    folds = 10

    [[variants]]
    name = "count"
    settings = { system = "baseline", baseline.features.kind = "count" }
    seeds = [42]
    folds = 10

    [[variants]]
    name = "hash"
    settings = { system = "baseline", baseline.features.kind = "hashing" }
    seeds = [42]
    folds = 10

    [[variants]]
    name = "frozen"
    settings.encoder.train.freeze.scope = "encoder"

    [[variants]]
    name = "frozen, last four layers"
    settings.encoder.train.freeze.scope = "encoder"
    settings.encoder.model.pooling.layers.concat_last = 4

    [[variants]]
    name = "frozen, pooler trains"
    settings.encoder.train.freeze.scope = "encoder"
    settings.encoder.model.pooling.tokens = "pooler"

    [[variants]]
    name = "unfrozen"

    [[variants]]
    name = "last two layers"
    settings.encoder.train.freeze.scope = "all-but-last-2"
"#;

/// Mean accuracy and F1 from tables 1 and 2 of the paper.
const PUBLISHED: [(&str, [f64; 2]); 6] = [
    ("TF-IDF", [0.795, 0.742]),
    ("count", [0.796, 0.746]),
    ("hash", [0.793, 0.735]),
    ("frozen", [0.824, 0.872]),
    ("unfrozen", [0.833, 0.863]),
    ("last two layers", [0.831, 0.850]),
];

/// Candidate that needs four layers.
const LAST_FOUR: &str = "frozen, last four layers";

/// Candidates that are no encoders.
const SPARSE: [&str; 3] = ["TF-IDF", "count", "hash"];

/// Candidates that are encoders.
const ENCODERS: [&str; 3] = ["frozen", "unfrozen", "last two layers"];

/// Tests of accuracy in section 5.2 of the paper.
const PUBLISHED_TESTS: [PublishedTest<'_>; 2] = [
    PublishedTest {
        first: "frozen",
        second: "unfrozen",
        statistic: -0.91,
        degrees_of_freedom: 13.0,
        p_value: 0.38,
    },
    PublishedTest {
        first: "frozen",
        second: "last two layers",
        statistic: -1.5,
        degrees_of_freedom: 16.0,
        p_value: 0.14,
    },
];

/// Test fraction for encoders.
const TEST_SHARE: f64 = 0.2;

fn main() -> ExitCode {
    exit_code(run(Arguments::parse()))
}

fn run(
    Arguments {
        command,
        study: arguments,
    }: Arguments,
) -> Result<(), Box<dyn Error>> {
    let experiment = experiment(&arguments)?;
    let mut config = StudyConfig {
        seeds: arguments.seeds(10),
        ..StudyConfig::from_toml(STUDY)?
    };
    let checkpoint = CheckpointConfig::read(&arguments.common.model().directory()?)?;
    if checkpoint.encoder.num_hidden_layers < 4 {
        config.variants.retain(|variant| variant.name != LAST_FOUR);
    }
    let of_recipe = SystemConfig {
        encoder: recipe(),
        ..SystemConfig::default()
    };
    let published_study = PublishedExperiment(of_recipe).study(config.clone())?;
    let study = Study::new(config, &experiment)?;
    let published = PublishedStudy {
        recipe: &published_study,
        conditions: arguments.conditions("BERT-base"),
    };
    run_study(
        command,
        &arguments.directory,
        &study,
        &experiment,
        |results| Ok(vec![section(&published, results)?]),
    )
}

/// Returns the experiment: encoders on the same held-out rows, baselines on folds of all rows.
fn experiment(arguments: &StudyArguments) -> Result<Systems, Box<dyn Error>> {
    let sample = Path::new(SAMPLE_DISASTER_TWEETS);
    let data = arguments.data.as_deref().unwrap_or(sample);
    let data = data_directory("disaster_tweets", data)?;
    let (rows, _) = catalog::get("disaster_tweets")?.open_split(&data, Split::Train)?;
    let parts = rows.split(&[1.0 - TEST_SHARE, TEST_SHARE], STUDY_SEED)?;
    let held_out = Splits::train_test(rows.select(&parts[0]), rows.select(&parts[1]));
    let splits = arguments.subset(held_out);
    let (model, device) = (arguments.common.model(), arguments.common.device());
    say(&format!(
        "{}: {} rows, encoders train on {}, with {model} on {device}",
        arguments.data_name(),
        rows.len(),
        splits.train.len(),
    ))?;
    let mut start = recipe();
    if model.is_mini() {
        start.train.optimizer.learning_rate = 1e-3;
        start.train.batch_size = BatchSize::Rows(8);
    }
    Ok(Systems {
        defaults: SystemConfig {
            encoder: arguments.settings_with(start)?,
            ..SystemConfig::default()
        },
        encoder: arguments.experiment(splits)?,
        rows: Splits {
            test: None,
            ..Splits::train_test(rows.clone(), rows)
        },
    })
}

/// Returns tables 1 and 2, the tests and figures 1 and 2 of the paper with our scores.
fn section(
    published: &PublishedStudy<'_>,
    results: &StudyResults<'_>,
) -> Result<Section, Box<dyn Error>> {
    let rows = PUBLISHED.each_ref().map(|(candidate, scores)| Published {
        depends_on: SPARSE.contains(candidate).then_some("baseline"),
        ..Published::new(candidate, scores)
    });
    let table = PublishedTable {
        caption: "Hart, tables 1 and 2, with BERT-base; F1 is that of disasters.",
        metrics: &["accuracy", "f1"],
        rows: &rows,
    };
    let caption = "Hart, section 5.2: Welch's tests of accuracy.";
    let tests = published.tests(results, caption, &PUBLISHED_TESTS)?;
    let mut section = published.section(results, &[table])?;
    if !tests.rows().is_empty() {
        section = section.with(tests);
    }
    let study = results.study();
    for (title, shown) in [
        ("Sparse features (figure 1)", SPARSE),
        ("Encoders (figure 2)", ENCODERS),
    ] {
        let all = 0..study.candidates().len();
        let shown = all.filter(|at| shown.contains(&study.candidate_label(*at).as_str()));
        let shown: Vec<usize> = shown.collect();
        for metric in ["accuracy", "f1"] {
            if let Some(boxes) = results.box_plot_of(title, metric, &shown)? {
                section = section.with(boxes);
            }
        }
    }
    Ok(section)
}

/// Returns the settings of the paper: one dense layer with a logistic output on the embedding, and
/// the optimizer and learning rate of the pre-training of BERT. The paper does not state the number
/// of epochs, nor which hidden state the embedding is.
fn recipe() -> FineTuningConfig {
    let mut settings = FineTuningConfig {
        model: ClassifierOverrides {
            pooling: Some(Pooling::cls()),
            head: Some(HeadConfig::Mlp(MlpConfig::default())),
            single_logit: true,
            ..ClassifierOverrides::default()
        },
        loss: LossConfig::BinaryCrossEntropy { pos_weight: None },
        ..FineTuningConfig::default()
    };
    settings.text.encoding = EncodingConfig::new(64);
    settings.train.optimizer.learning_rate = 5e-5;
    settings.train.lr_scheduler = LrScheduler {
        warmup: Warmup::Steps(0),
        decay: Decay::Linear,
    };
    settings
}
