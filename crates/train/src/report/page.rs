//! Report page of a run: `report.html` and `report.md`.

use std::path::Path;

use finetune_data::catalog;
use finetune_eval::plots::Plot;
use finetune_eval::report::{Block, Environment, Figure, KeyValues, Report, Section};
use serde::Serialize;

use super::curves::curves;
use super::model_card::dataset_id;
use super::{RunReport, TestSection};
use crate::error::TrainError;
use crate::multi_task::ConflictSection;

impl RunReport {
    /// Returns the report as a page; `metrics` is the path of `metrics.jsonl`.
    ///
    /// # Errors
    /// - [`TrainError::Io`] if `metrics` cannot be read.
    pub(crate) fn page(
        &self,
        settings: &impl Serialize,
        metrics: &Path,
    ) -> Result<Report, TrainError> {
        let test = self.test.iter().map(|test| test.section("Test rows"));
        let tasks = self.tasks.iter().filter_map(|task| {
            let test = task.test.as_ref()?;
            Some(test.section(&format!("Test rows of {}", task.name)))
        });
        let conflicts = self.conflicts.iter().map(ConflictSection::section);
        let curves = curves(&self.train, metrics)?;
        let sections = test.chain(tasks).chain(conflicts).chain(curves);
        let sections = sections.chain(self.data_sections());
        let page = sections.fold(Report::new(self.title(), self.summary()), Report::with);
        let settings = serde_json::to_string_pretty(settings).unwrap_or_default();
        Ok(page
            .with(Section::new("Run").with(self.facts()))
            .with(Section::new("Settings").with(Block::Preformatted { text: settings }))
            .with(Section::new("Environment").with(Environment::capture().facts())))
    }

    /// Returns what was trained on what, and the main score: `my-bert on AG News: accuracy 0.9775`.
    fn title(&self) -> String {
        let tasks: Vec<&str> = self.tasks.iter().map(|task| &task.name[..]).collect();
        let data = match (&self.data, &tasks[..]) {
            (Some(data), _) => dataset_title(&data.train.name),
            (None, names @ ([] | [_] | [_, _] | [_, _, _])) => names.join(", "),
            (None, many) => format!("{} tasks", many.len()),
        };
        let subject = match (self.base_model(), &data[..]) {
            (Some(model), "") => model.to_string(),
            (Some(model), data) => format!("{model} on {data}"),
            (None, "") => "Training".to_string(),
            (None, _) => data,
        };
        let overall = self
            .overall
            .map(|overall| ("overall score".to_string(), overall));
        match overall.or_else(|| self.test.as_ref()?.main_score()) {
            Some((name, score)) => format!("{subject}: {name} {score:.4}"),
            None => subject,
        }
    }

    /// Formats the scores of each task, and the training of a run on one.
    fn summary(&self) -> String {
        let overall = self.overall.map(|overall| format!("Overall {overall:.4}."));
        let tasks = self.tasks.iter();
        let tasks = tasks
            .filter_map(|task| Some(format!("{}: {}", task.name, task.test.as_ref()?.sentence())));
        let test = self.test.iter().map(TestSection::sentence);
        let train = self.data.iter();
        let train = train.map(|data| self.train.sentence(data.train.rows));
        let sentences = overall.into_iter().chain(tasks).chain(test).chain(train);
        sentences.collect::<Vec<_>>().join(" ")
    }

    fn facts(&self) -> KeyValues {
        let Self {
            run, model, train, ..
        } = self;
        let mut facts = KeyValues::new()
            .with("Seed", run.seed)
            .with("Device", &run.device)
            .with_code("Model", model.source.as_deref().unwrap_or("from the seed"))
            .with("Parameters", model.parameters)
            .with(
                "Of these, trained from the first step",
                model.trainable_parameters,
            )
            .with("Steps", train.steps)
            .with("Training", format!("{:.1} s", train.seconds))
            .with("Rows a second", format!("{:.1}", train.samples_per_second))
            .with("Tokens a second", format!("{:.0}", train.tokens_per_second));
        for (name, tensors) in [
            ("Made from the seed", &model.newly_initialized),
            ("Reordered by class name", &model.reordered),
            (
                "Classes by position, as the checkpoint has no names",
                &model.by_position,
            ),
            ("Not used", &model.unexpected),
        ] {
            if !tensors.is_empty() {
                facts = facts.with_code(name, tensors.join(" "));
            }
        }
        match run.peak_rss_bytes {
            Some(bytes) => facts.with("Most memory", format!("{:.2} GB", bytes as f64 / 1e9)),
            None => facts,
        }
    }
}

/// Returns the title of a dataset of the catalog, or the name of another one, by the name of a split.
fn dataset_title(name: &str) -> String {
    let id = dataset_id(name);
    catalog::get(id).map_or_else(|_| id.to_string(), |known| known.title.to_string())
}

/// Returns the plot, or a note with the reason if it fails; a failed plot must not fail the run.
pub(crate) fn figure(
    plot: &impl Plot,
    alt: impl Into<String>,
    caption: impl Into<String>,
) -> Block {
    let drawn = plot
        .to_svg()
        .and_then(|svg| Figure::new(&svg, alt, caption));
    match drawn {
        Ok(figure) => figure.into(),
        Err(error) => Block::Note {
            text: format!("No picture: {error}."),
        },
    }
}
