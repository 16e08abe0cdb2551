//! Report page of a run: `report.html` and `report.md`.

use std::path::Path;

use finetune_eval::plots::Plot;
use finetune_eval::report::{
    Block, Column, Environment, Figure, KeyValues, Report, Section, Table,
};
use serde::Serialize;

use super::curves::curves;
use super::{RunReport, SplitSection, TestSection};
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
        let page = sections.fold(Report::new(self.title(), self.summary()), Report::with);
        let settings = serde_json::to_string_pretty(settings).unwrap_or_default();
        Ok(page
            .with(Section::new("Data").with(self.data_table()))
            .with(Section::new("Run").with(self.facts()))
            .with(Section::new("Settings").with(Block::Preformatted { text: settings }))
            .with(Section::new("Environment").with(Environment::capture().facts())))
    }

    fn title(&self) -> String {
        let names: Vec<&str> = self.tasks.iter().map(|task| &task.name[..]).collect();
        match &self.data {
            Some(data) => format!("Training on {}", data.train.name),
            None if names.is_empty() => "Training".to_string(),
            None => format!("Training on {}", names.join(", ")),
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

    /// Returns role and statistics of each split of each task.
    fn splits(&self) -> impl Iterator<Item = (String, &SplitSection)> {
        let tasks = self.tasks.iter();
        let tasks = tasks.filter_map(|task| Some((&task.name[..], task.data.as_ref()?)));
        let data = self.data.iter().map(|data| ("", data)).chain(tasks);
        data.flat_map(|(task, data)| {
            let splits = [
                ("train", Some(&data.train)),
                ("validation", data.validation.as_ref()),
                ("test", data.test.as_ref()),
            ];
            splits.into_iter().filter_map(move |(role, split)| {
                let name = match task {
                    "" => role.to_string(),
                    task => format!("{task}, {role}"),
                };
                Some((name, split?))
            })
        })
    }

    fn data_table(&self) -> Table {
        let columns = [
            Column::text("Split"),
            Column::text("Data set"),
            Column::count("Rows"),
            Column::count("Truncated"),
            Column::text("Fingerprint"),
        ];
        let rows = self.splits().map(|(role, split)| {
            [
                role.as_str().into(),
                split.name.as_str().into(),
                split.rows.into(),
                split.truncated.into(),
                // Shortened; `report.json` has the whole fingerprint.
                split.fingerprint.get(..16).unwrap_or_default().into(),
            ]
        });
        Table::of(
            "Rows of tokens that are not the whole of their text are truncated.",
            columns,
            rows,
        )
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
