//! `finetune pretrain`: further pre-training of an encoder on texts without labels.

use std::error::Error;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use clap::Args;
use finetune::data::tabular::{self, ColumnNames, LabelKind, TabularOptions};
use finetune::data::{Example, Label, Split, Target, TextArity, concatenate_texts};
use finetune::prelude::*;
use finetune::train::{NextSentenceConfig, PreTraining, PreTrainingConfig};
use finetune_arguments::{
    ArgumentsError, ColumnList, RunArguments, TableArguments, TextLines, run_training, say,
};

use crate::named_dataset::NamedDatasetArguments;
use crate::train::{COMMANDS, print};

/// Texts, model and settings of a pre-training run.
#[derive(Debug, Args)]
pub(crate) struct PretrainArguments {
    /// File with texts; repeatable
    ///
    /// .txt with one a line, .csv, .tsv, .json, .jsonl, .ndjson, .parquet, .arrow or .feather, or a
    /// directory saved by the datasets library.
    #[arg(long = "train-file", value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    dataset: NamedDatasetArguments,
    /// Columns with the text, joined by spaces
    ///
    /// Commas separate names; a name with a comma is in double quotes: '"last, first",title'
    #[arg(long, value_name = "NAME,...", default_value = "text")]
    text_column: Vec<ColumnList>,
    /// Predict next sentences beside masked tokens, for BERT
    #[arg(long)]
    next_sentence: bool,
    #[command(flatten)]
    table: TableArguments,
    #[command(flatten)]
    run: RunArguments,
    /// Print the settings that the run would have, and end
    #[arg(long)]
    print_config: bool,
}

impl PretrainArguments {
    /// Trains and reports.
    pub(crate) fn run(&self) -> Result<(), Box<dyn Error>> {
        let settings = self.settings()?;
        if self.print_config {
            return print(&settings);
        }
        let run = self.run.with_commands(COMMANDS);
        // Before the data are read, which may take a while.
        run.device().open()?;
        run.model().directory()?;
        let texts = run.common.limited(self.texts()?, settings.train.seed);
        say(&format!(
            "{}, {} texts, with {} on {}",
            texts.name,
            texts.len(),
            run.model(),
            run.device(),
        ))?;
        let training = PreTraining::new(run.model().location(), texts).config(settings);
        run_training("pretrain", training, &run)
    }

    fn settings(&self) -> Result<PreTrainingConfig, ArgumentsError> {
        let mut recipe = PreTrainingConfig {
            text: self.run.defaults().text,
            ..PreTrainingConfig::default()
        };
        if self.run.model().is_mini() {
            recipe.train.optimizer.learning_rate = 1e-3;
        }
        self.run.settings_changed(recipe, |settings| {
            if let Some(share) = self.run.validation_split() {
                settings.validation_split = share;
            }
            if self.next_sentence {
                settings
                    .next_sentence
                    .get_or_insert_with(NextSentenceConfig::default);
            }
        })
    }

    /// Returns the texts of all files, or those of the published dataset without its validation and test
    /// rows.
    fn texts(&self) -> Result<Dataset, Box<dyn Error>> {
        let has_files = !self.files.is_empty();
        if let Some(dataset) = self.dataset.download(has_files)? {
            let splits = [Split::Train, Split::Unlabeled];
            let splits = splits.into_iter().filter(|split| dataset.has_split(*split));
            let read = |split| dataset.open_split(split, &self.options());
            let rows: Vec<Dataset> = splits.map(read).collect::<Result<_, _>>()?;
            return Ok(concatenate_texts(&rows));
        }
        if let Some((dataset, directory)) = self.dataset.open(has_files)? {
            let splits = dataset
                .open_with(&directory, self.table.on_bad_rows())?
                .splits;
            let rows = std::iter::once(&splits.train).chain(&splits.unlabeled);
            return Ok(concatenate_texts(rows));
        }
        if !has_files {
            let problem = "--train-file FILE or --dataset NAME is missing";
            return Err(ArgumentsError::usage(problem).into());
        }
        let read = |file: &PathBuf| match file.extension().is_some_and(|end| end == "txt") {
            true => lines(file),
            false => self.table_texts(file),
        };
        let files: Vec<Dataset> = self.files.iter().map(read).collect::<Result<_, _>>()?;
        Ok(concatenate_texts(&files))
    }

    /// Returns how the texts of a table are read: without labels.
    fn options(&self) -> TabularOptions {
        let columns = ColumnNames {
            text: ColumnList::columns(&self.text_column),
            text_pair: Vec::new(),
            label: None,
        };
        self.table.options(columns, LabelKind::default())
    }

    fn table_texts(&self, file: &Path) -> Result<Dataset, Box<dyn Error>> {
        let (split, target) = (Split::Unlabeled, Target::Unlabeled);
        let reader = tabular::read(file, split, &target, &self.options())?;
        Ok(reader.read()?.0)
    }
}

/// Reads a file with a text per line.
fn lines(path: &Path) -> Result<Dataset, Box<dyn Error>> {
    let named = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let file = File::open(path).map_err(|error| named(&error))?;
    let read = TextLines::new(BufReader::new(file)).read(usize::MAX, Ok);
    if let Some(failure) = read.failure {
        return Err(named(&failure).into());
    }
    let texts = read.lines.into_iter();
    Ok(Dataset {
        name: path.display().to_string(),
        schema: Schema {
            texts: TextArity::Single,
            target: Target::Unlabeled,
        },
        examples: texts
            .map(|text: String| Example::new(text, Label::Unlabeled))
            .collect(),
    })
}
