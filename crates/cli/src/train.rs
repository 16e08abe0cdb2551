//! `finetune train`: classes and scores of texts, tags of words, embeddings.

use std::error::Error;

use clap::Args;
use finetune::data::tabular::SplitFiles;
use finetune::data::{EmbeddingKind, LoadedDataset, tabular, tagged};
use finetune::prelude::*;
use finetune::train::{EmbeddingTraining, TokenClassification};
use finetune_arguments::{
    ArgumentsError, Commands, EmbeddingArguments, EmbeddingColumnArguments, FileArguments,
    LabelArguments, LabelType, RunArguments, TableArguments, TagArguments, announce, announce_rows,
    fine_tune, run_training, say,
};
use serde::Serialize;

use crate::named_dataset::NamedDatasetArguments;
use crate::train_task::{ResolvedTask, Task, any_target};

/// Name of the run directories.
const NAME: &str = "train";

/// Commands for what can be done with a model.
pub(crate) const COMMANDS: Commands = Commands {
    predict: "finetune predict",
    embed: Some("finetune embed"),
    train: Some("finetune train"),
    serve: "finetune serve",
};

/// Data, model and settings of a training run.
#[derive(Debug, Args)]
pub(crate) struct TrainArguments {
    /// classification, multi-label, regression, tokens or embeddings
    ///
    /// By default, columns of anchors and positives make embeddings, files that are no tables a class per
    /// word (tokens), and everything else one class per text.
    #[arg(
        long,
        value_enum,
        default_value = "auto",
        hide_default_value = true,
        hide_possible_values = true
    )]
    task: Task,
    #[command(flatten)]
    files: FileArguments,
    #[command(flatten)]
    dataset: NamedDatasetArguments,
    #[command(flatten)]
    labels: LabelArguments,
    #[command(flatten)]
    tags: TagArguments,
    #[command(flatten)]
    columns: EmbeddingColumnArguments,
    #[command(flatten)]
    embedding: EmbeddingArguments,
    #[command(flatten)]
    table: TableArguments,
    #[command(flatten)]
    run: RunArguments,
    /// Print the settings that the run would have, and end
    #[arg(long)]
    print_config: bool,
}

impl TrainArguments {
    /// Trains, tests and reports.
    pub(crate) fn run(&self) -> Result<(), Box<dyn Error>> {
        let run = self.run.with_commands(COMMANDS);
        let files = self.files.splits();
        if files.is_none() && self.dataset.dataset.is_none() && !self.print_config {
            let problem = "--train-file FILE or --dataset NAME is missing";
            return Err(ArgumentsError::usage(problem).into());
        }
        if !self.print_config {
            // Before the data are read, which may take a while.
            run.device().open()?;
            run.model().directory()?;
        }
        let task = self.task.resolve(files.as_ref(), self.columns.any_given());
        match (task, files) {
            (ResolvedTask::Texts(labels), files) => self.train_texts(&run, labels, files),
            (ResolvedTask::Tokens, files) => self.train_tokens(&run, files),
            (ResolvedTask::Embeddings, _) => self.train_embeddings(&run),
        }
    }

    fn train_texts(
        &self,
        run: &RunArguments,
        labels: LabelType,
        files: Option<SplitFiles>,
    ) -> Result<(), Box<dyn Error>> {
        let Some((title, opened)) = self.open_texts(labels, files)? else {
            let recipe = self.labels.recipe(run, &any_target(labels), false);
            return print(&run.settings_with(recipe)?);
        };
        let splits = &opened.splits;
        let has_validation = splits.validation.is_some();
        let target = &splits.train.schema.target;
        let settings = run.settings_with(self.labels.recipe(run, target, has_validation))?;
        match self.print_config {
            true => print(&settings),
            false => fine_tune(NAME, &title, run, settings, opened),
        }
    }

    /// Opens the files or the published dataset, and returns a name for the first line of output;
    /// `None` if there is neither.
    fn open_texts(
        &self,
        labels: LabelType,
        files: Option<SplitFiles>,
    ) -> Result<Option<(String, LoadedDataset)>, Box<dyn Error>> {
        let columns = self.labels.columns("text", "label");
        let options = self.table.options(columns, self.labels.labels(labels)?);
        let ambiguous = |error| -> Box<dyn Error> {
            match error {
                DataError::AmbiguousLabels { .. } => {
                    format!("{error}: --task regression or --task classification").into()
                }
                error => error.into(),
            }
        };
        if let Some(dataset) = self.dataset.download(files.is_some())? {
            let opened = dataset.open(&options).map_err(ambiguous)?;
            return Ok(Some((dataset.pinned_name(), opened)));
        }
        if let Some((dataset, directory)) = self.dataset.open(files.is_some())? {
            let opened = dataset.open_with(&directory, self.table.on_bad_rows())?;
            return Ok(Some((dataset.title.to_string(), opened)));
        }
        let Some(files) = files else {
            return Ok(None);
        };
        let opened = tabular::open(&files, &options).map_err(ambiguous)?;
        Ok(Some((files.train.display().to_string(), opened)))
    }

    fn train_tokens(
        &self,
        run: &RunArguments,
        files: Option<SplitFiles>,
    ) -> Result<(), Box<dyn Error>> {
        let Some(files) = self.own_files(files)? else {
            return print(&self.tags.settings(run, &[], false)?);
        };
        let options = self
            .tags
            .options(self.labels.class_names(), self.table.on_bad_rows());
        let opened = tagged::open(&files, &options)?;
        let classes = opened.splits.train.class_names();
        let settings = self
            .tags
            .settings(run, classes, files.validation.is_some())?;
        if self.print_config {
            return print(&settings);
        }
        let title = files.train.display().to_string();
        let splits = announce(&title, run, opened, settings.train.seed)?;
        let training = TokenClassification::new(run.model().location(), splits).config(settings);
        run_training(NAME, training, run)
    }

    fn train_embeddings(&self, run: &RunArguments) -> Result<(), Box<dyn Error>> {
        let embedding = &self.embedding;
        let Some(files) = self.own_files(self.files.embedding_splits())? else {
            return print(&embedding.settings(run, EmbeddingKind::Positives, false)?);
        };
        let (label, range) = (self.labels.label_column(), self.labels.score_range());
        let columns = self.columns.columns(["anchor", "positive"], label, range)?;
        let splits = columns.read_splits(&files)?;
        let kind = splits.train.kind();
        let settings = embedding.settings(run, kind, splits.validation.is_some())?;
        if self.print_config {
            return print(&settings);
        }
        let title = files.train.display().to_string();
        let splits = announce_rows(&title, run, splits, settings.train.seed)?;
        let training = EmbeddingTraining::new(run.model().location(), splits).config(settings);
        run_training(NAME, training, run)
    }

    /// Returns the files of a task that no published dataset has.
    fn own_files<F>(&self, files: Option<F>) -> Result<Option<F>, ArgumentsError> {
        match self.dataset.dataset {
            None => Ok(files),
            Some(_) => Err(ArgumentsError::usage(
                "--dataset is for classes and scores of texts",
            )),
        }
    }
}

/// Prints the settings as a file that `--config` reads.
pub(crate) fn print(settings: &impl Serialize) -> Result<(), Box<dyn Error>> {
    Ok(say(&serde_json::to_string_pretty(settings)?)?)
}
