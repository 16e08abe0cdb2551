//! Commands of the program.

use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, Parser};
use clap_complete::Shell;
use finetune_arguments::{EncodeArguments, PredictArguments, StudyFileArguments};

use crate::calibrate::CalibrateArguments;
use crate::compare::CompareArguments;
use crate::embed::EmbedArguments;
use crate::evaluate::EvaluateArguments;
use crate::export::ExportArguments;
use crate::help;
use crate::pretrain::PretrainArguments;
use crate::quantize::QuantizeArguments;
use crate::serve::ServeArguments;
use crate::train::TrainArguments;
use crate::upload::UploadArguments;

/// Name of the program.
pub(crate) const NAME: &str = "finetune";

/// Fine-tune, evaluate and serve BERT-family encoders
#[derive(Debug, Parser)]
#[command(name = NAME, version, after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage")]
pub(crate) enum Command {
    /// Train a model on your own data or on a published dataset, and test it
    Train(Box<TrainArguments>),
    /// Score a trained model on labeled rows
    Evaluate(Box<EvaluateArguments>),
    /// Fit the probabilities of a classifier on held-out rows
    Calibrate(Box<CalibrateArguments>),
    /// Choose the layers of a model to compute in 8-bit integers, on held-out rows
    Quantize(Box<QuantizeArguments>),
    /// Print labels, scores, or entities of texts
    Predict(PredictArguments),
    /// Print the embeddings of texts
    Embed(EmbedArguments),
    /// Tokenize texts into a cache, and print statistics
    Encode(EncodeArguments),
    /// Pre-train an encoder further on texts without labels (masked language modeling)
    Pretrain(Box<PretrainArguments>),
    /// Run many trials from one file, with tables and tests
    Study(StudyFileArguments),
    /// Serve models over a REST API with a demo page
    Serve(ServeArguments),
    /// Save a model in another precision, or with its adapters merged
    Export(ExportArguments),
    /// Upload a model with its card to the Hugging Face hub
    Upload(UploadArguments),
    /// Compare the predictions of two runs on the same test rows
    Compare(CompareArguments),
    /// Print the completions of a shell
    Completions(CompletionsArguments),
}

/// Shell to complete commands in.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArguments {
    /// Shell that reads the completions
    shell: Shell,
}

/// Returns the program for clap.
pub(crate) fn program() -> clap::Command {
    help::with_help(<Command as clap::CommandFactory>::command())
}

impl Command {
    /// Runs the command.
    pub(crate) fn run(&self) -> Result<(), Box<dyn Error>> {
        match self {
            Self::Train(arguments) => arguments.run(),
            Self::Evaluate(arguments) => arguments.run(),
            Self::Calibrate(arguments) => arguments.run(),
            Self::Quantize(arguments) => arguments.run(),
            Self::Predict(arguments) => arguments.run(None),
            Self::Embed(arguments) => arguments.run(),
            Self::Encode(arguments) => arguments.run(None),
            Self::Pretrain(arguments) => arguments.run(),
            Self::Study(arguments) => arguments.run(|_| PathBuf::from("hub")),
            Self::Serve(arguments) => arguments.run(None),
            Self::Export(arguments) => arguments.run(),
            Self::Upload(arguments) => arguments.run(),
            Self::Compare(arguments) => arguments.run(),
            Self::Completions(arguments) => arguments.run(),
        }
    }
}

impl CompletionsArguments {
    fn run(&self) -> Result<(), Box<dyn Error>> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut program(), NAME, &mut script);
        Ok(io::stdout().write_all(&script)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_are_consistent() {
        program().debug_assert();
    }
}
