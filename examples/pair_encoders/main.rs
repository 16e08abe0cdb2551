//! Heads, encoders, losses and update orders for text pairs, trained together with sentiment, as in
//! Xie, "BERT finetuning analysis" (CS224N, 2023).
//!
//! `cargo run --release --example pair_encoders` runs on the bundled samples. With a real encoder
//! and the published data:
//!
//! `cargo run --release --example pair_encoders -- --model DIR --data DIR --seeds 3`

mod tables;
mod tasks;
mod variants;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use finetune::train::OverallScore;
use finetune_arguments::{RunArguments, exit_code};
use finetune_examples::{Cs224nArguments, MinbertSettings, VariantArguments, VariantStudy};

use self::tasks::{ParaphraseLoss, SimilarityLoss, TaskSettings};
use self::variants::variants;

/// Compare update orders, heads for pairs, and bi-encoders with cross-encoders
///
/// PARA1 and STS1 are the cosine similarity after a linear layer on each text; PARA2 and STS2 are a
/// linear layer on the concatenated embeddings. The recipe: 10 epochs, batches of 8 rows of at most
/// 128 tokens, a constant learning rate of 1e-5, AdamW with an epsilon of 1e-6, no warm-up, weight
/// decay or clipping; with the mini encoder, 2 epochs at 1e-3.
/// The runs are a study in --run-dir, which is resumed if it exists.
#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    data: Cs224nArguments,
    /// Rows of the study's table to run [default: all]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    variants: Vec<String>,
    #[command(flatten)]
    repetitions: VariantArguments,
    /// Loss of the paraphrase task [default: that of the head, cosine embedding for a cosine and
    /// cross-entropy for a linear layer]. For a cosine, which is one output, cross-entropy is
    /// binary cross-entropy; a linear layer always has a loss of its logits
    #[arg(long, value_enum)]
    paraphrase_loss: Option<ParaphraseLoss>,
    /// Loss of the similarity task. With cross-entropy, the head of both STS1 and STS2 is a linear
    /// layer with 25 classes, one for each fifth of a point
    #[arg(long, value_enum, default_value_t = SimilarityLoss::Mse)]
    similarity_loss: SimilarityLoss,
    /// Dropout probability before the layers of the heads; the variants param-* have their own
    #[arg(long, value_name = "P", default_value_t = tasks::DROPOUT)]
    head_dropout: f64,
    #[command(flatten)]
    run: RunArguments,
}

fn main() -> ExitCode {
    exit_code(run(&Arguments::parse()))
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    let recipe = MinbertSettings::recipe(OverallScore::Cs224n2023);
    let settings = recipe.overridden(&arguments.run, 2)?;
    let tasks = TaskSettings {
        dropout: arguments.head_dropout,
        paraphrase_loss: arguments.paraphrase_loss,
        similarity_loss: arguments.similarity_loss,
    };
    let ours = variants(&settings, tasks);
    let settings_table = tables::settings(&ours);
    let mut study = VariantStudy {
        name: "pair_encoders",
        title: "Xie, table 3, with BERT-base.",
        recipe: variants(&recipe, TaskSettings::default()),
        variants: ours,
        baseline: "round-robin-run",
    };
    study.retain(&arguments.variants)?;
    let (data, run) = (&arguments.data, &arguments.run);
    study.run(&arguments.repetitions, data, run, |ours| {
        tables::sections(ours, &settings_table)
    })
}
