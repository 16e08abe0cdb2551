//! Report page of a run: `report.html` and `report.md`.

use std::path::Path;

use finetune_eval::plots::Plot;
use finetune_eval::report::{
    Block, Column, Environment, Figure, KeyValues, Report, Section, Table,
};
use serde::Serialize;

use super::curves::curves;
use super::{ModelSection, RunReport, RunSection, SplitSection, TestSection, TrainSection};
use crate::TrainError;

/// Content common to the pages of all kinds of runs.
pub(crate) struct RunPage<'a> {
    pub(crate) title: String,
    pub(crate) summary: String,
    pub(crate) run: &'a RunSection,
    pub(crate) model: &'a ModelSection,
    pub(crate) train: &'a TrainSection,
    /// Role and statistics of each split.
    pub(crate) data: Vec<(String, &'a SplitSection)>,
}

impl RunPage<'_> {
    /// Returns the page, with `sections` between summary and curves; `metrics` is the path of
    /// `metrics.jsonl`.
    ///
    /// # Errors
    /// - [`TrainError::Io`] if `metrics` cannot be read.
    pub(crate) fn with(
        self,
        sections: impl IntoIterator<Item = Section>,
        settings: &impl Serialize,
        metrics: &Path,
    ) -> Result<Report, TrainError> {
        let curves = curves(self.train, metrics)?;
        let page = Report::new(self.title.as_str(), self.summary.as_str());
        let page = sections.into_iter().chain(curves).fold(page, Report::with);
        let settings = serde_json::to_string_pretty(settings).unwrap_or_default();
        Ok(page
            .with(Section::new("Data").with(self.data_table()))
            .with(Section::new("Run").with(self.facts()))
            .with(Section::new("Settings").with(Block::Preformatted { text: settings }))
            .with(Section::new("Environment").with(Environment::capture().facts())))
    }

    fn data_table(&self) -> Table {
        let columns = [
            Column::text("Split"),
            Column::text("Data set"),
            Column::count("Rows"),
            Column::count("Truncated"),
            Column::text("Fingerprint"),
        ];
        let rows = self.data.iter().map(|(what, split)| {
            [
                what.as_str().into(),
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
            .with(
                "Padding",
                format!("{:.1} %", 100.0 * train.padding_fraction),
            );
        for (name, tensors) in [
            ("Made from the seed", &model.initialized),
            ("Not used", &model.unused),
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

impl RunReport {
    /// # Errors
    /// - Any error of [`RunPage::with`].
    pub(crate) fn page(
        &self,
        settings: &impl Serialize,
        metrics: &Path,
    ) -> Result<Report, TrainError> {
        let data = &self.data;
        let validation = data.validation.as_ref();
        let splits = [
            ("train", Some(&data.train)),
            ("validation", validation),
            ("test", data.test.as_ref()),
        ];
        let page = RunPage {
            title: format!("Fine-tuning on {}", data.train.name),
            summary: self
                .test
                .iter()
                .map(TestSection::sentence)
                .chain([self.train.sentence(data.train.rows)])
                .collect::<Vec<_>>()
                .join(" "),
            run: &self.run,
            model: &self.model,
            train: &self.train,
            data: splits
                .into_iter()
                .filter_map(|(what, split)| Some((what.to_string(), split?)))
                .collect(),
        };
        let test = self.test.as_ref().map(|test| test.section("Test rows"));
        page.with(test, settings, metrics)
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
