//! Card of a trained model: `README.md` in its directory, in the
//! [format of the hub](https://huggingface.co/docs/hub/model-cards).

use std::fmt::Write;
use std::path::{Path, PathBuf};

use super::{DataSection, DataStatistics, RunReport, TestSection};

/// A model with what is known of it: that of a run on one task, or of one of several tasks.
struct Card<'a> {
    run: &'a RunReport,
    name: String,
    data: Option<&'a DataSection>,
    test: Option<&'a TestSection>,
}

impl RunReport {
    /// Returns the cards of the saved models, each with the directory of its model below that of all
    /// models. `name` is the name of the run.
    pub(crate) fn model_cards(&self, name: &str) -> Vec<(PathBuf, String)> {
        if self.tasks.is_empty() {
            let card = Card {
                run: self,
                name: name.to_string(),
                data: self.data.as_ref(),
                test: self.test.as_ref(),
            };
            return vec![(PathBuf::new(), card.text())];
        }
        let cards = self.tasks.iter().map(|task| {
            let card = Card {
                run: self,
                name: format!("{name}-{}", task.name),
                data: task.data.as_ref(),
                test: task.test.as_ref(),
            };
            (PathBuf::from(&task.name), card.text())
        });
        cards.collect()
    }

    /// Returns the name on the hub of the model that the run started from, or the name of its directory,
    /// whose path says nothing elsewhere.
    pub(super) fn base_model(&self) -> Option<&str> {
        let source = self.model.source.as_deref()?;
        match source.split_once('@') {
            Some((name, _)) if !Path::new(source).exists() => Some(name),
            _ => Path::new(source).file_name()?.to_str(),
        }
    }
}

impl Card<'_> {
    fn text(&self) -> String {
        let mut card = String::new();
        // Writing to a string cannot fail.
        let _ = self.write_metadata(&mut card);
        let _ = self.write_text(&mut card);
        card
    }

    /// Writes the metadata that the hub reads.
    fn write_metadata(&self, card: &mut String) -> std::fmt::Result {
        card.push_str("---\nlibrary_name: transformers\n");
        if let Some(source) = self.run.base_model() {
            writeln!(card, "base_model: {}", quoted(source))?;
        }
        if let Some(id) = self.data.and_then(|data| hub_id(&data.train.name)) {
            writeln!(card, "datasets:\n  - {}", quoted(id))?;
        }
        let (Some(test), Some(data)) = (self.test, self.data) else {
            return writeln!(card, "tags: [finetune]\n---\n");
        };
        let tag = test.scores.pipeline_tag();
        writeln!(card, "pipeline_tag: {tag}\ntags: [finetune, {tag}]")?;
        let metrics = || test.metrics.iter().filter(|(name, _)| *name != "loss");
        card.push_str("metrics:\n");
        for (metric, _) in metrics() {
            writeln!(card, "  - {metric}")?;
        }
        let rows = data.test.as_ref().unwrap_or(&data.train);
        write!(
            card,
            "model-index:\n  - name: {}\n    results:\n      - task:\n          type: {tag}\n        \
             dataset:\n          name: {}\n          type: {}\n        metrics:\n",
            quoted(&self.name),
            quoted(&rows.name),
            quoted(dataset_id(&rows.name)),
        )?;
        for (metric, value) in metrics() {
            writeln!(
                card,
                "          - type: {metric}\n            value: {value}"
            )?;
        }
        writeln!(card, "---\n")
    }

    fn write_text(&self, card: &mut String) -> std::fmt::Result {
        let run = self.run;
        writeln!(card, "# {}\n", self.name)?;
        let version = &run.run.version;
        match run.base_model() {
            Some(source) => write!(card, "Fine-tuned from {source} with finetune {version}.")?,
            None => write!(card, "Trained with finetune {version}.")?,
        }
        let millions = run.model.parameters as f64 / 1e6;
        write!(card, " {millions:.1} million parameters")?;
        match run.tasks.len() {
            0 => writeln!(card, ".\n")?,
            tasks => writeln!(card, ", with the heads of all {tasks} tasks.\n")?,
        }
        if let Some(data) = self.data {
            write_data(card, data)?;
        }
        if let Some(test) = self.test {
            write_scores(card, test)?;
        }
        let (seed, steps) = (run.run.seed, run.train.steps);
        let device = &run.run.device;
        writeln!(
            card,
            "## Training\n\n{steps} steps, seed {seed}, on {device}."
        )?;
        if !run.tasks.is_empty() {
            let trained = run.tasks.iter().filter(|task| task.trained);
            let trained: Vec<&str> = trained.map(|task| &task.name[..]).collect();
            writeln!(card, "Trained together: {}.", trained.join(", "))?;
        }
        if let Some(best) = &run.train.best {
            let (step, scores) = (best.step, best.scores_text());
            writeln!(card, "Best evaluation after {step} steps: {scores}.")?;
        }
        writeln!(
            card,
            "All settings are in `config.json` of the run, all scores in its `report.json`."
        )
    }
}

fn write_data(card: &mut String, data: &DataSection) -> std::fmt::Result {
    card.push_str(
        "## Data\n\n| split | data set | rows | truncated | fingerprint |\n|---|---|---|---|---|\n",
    );
    for (split, section) in data.splits() {
        let fingerprint = &section.fingerprint;
        let fingerprint = fingerprint.get(..16).unwrap_or(fingerprint);
        let (name, rows, truncated) = (&section.name, section.rows, section.truncated);
        writeln!(
            card,
            "| {split} | {name} | {rows} | {truncated} | `{fingerprint}` |"
        )?;
    }
    if !data.class_names.is_empty() {
        writeln!(card, "\nClasses: {}.", data.class_names.join(", "))?;
    }
    let warnings = data.statistics.iter().flat_map(DataStatistics::warnings);
    for warning in warnings {
        writeln!(card, "\n{warning}")?;
    }
    writeln!(card)
}

fn write_scores(card: &mut String, test: &TestSection) -> std::fmt::Result {
    card.push_str(
        "## Scores on the test rows\n\n| metric | value | 95 % interval |\n|---|---|---|\n",
    );
    for (metric, value) in &test.metrics {
        let interval = test.intervals.get(metric);
        let interval = interval.map(|found| format!("{:.4} to {:.4}", found.lower, found.upper));
        let (metric, interval) = (metric.replace('_', " "), interval.unwrap_or_default());
        writeln!(card, "| {metric} | {value:.4} | {interval} |")?;
    }
    let rows = test.scores.rows();
    match test.intervals.is_empty() {
        true => writeln!(card, "\nOf {rows} test rows.\n"),
        false => writeln!(
            card,
            "\nOf {rows} test rows. The intervals are for other rows of the same kind, by Wilson's formula for \
             the accuracy and by 1,000 bootstrap resamples of the rows for others; another seed may change the \
             scores by more.\n"
        ),
    }
}

/// Returns the id on the hub of the dataset of a split by its name; `None` for data from elsewhere.
fn hub_id(name: &str) -> Option<&str> {
    name.contains('@').then(|| dataset_id(name))
}

/// Returns the dataset of a split by its name: `ag_news` of `ag_news/test`, and the id of
/// `owner/name:config@commit/test`, which is on the hub.
pub(super) fn dataset_id(name: &str) -> &str {
    let of_hub = name.split_once('@').map(|(name, _)| name);
    let id = match of_hub {
        Some(name) => name.split(':').next(),
        None => name.split('/').next(),
    };
    id.unwrap_or(name)
}

/// Returns a text as a string of YAML: one of JSON is one of YAML, too.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dataset_of_a_split_is_its_name_or_its_id_on_the_hub() {
        for (name, expected) in [
            ("small", "small"),
            ("ag_news/test", "ag_news"),
            ("imdb@0a1b/test", "imdb"),
            ("owner/name@0a1b/test", "owner/name"),
            ("owner/name:config@0a1b/test", "owner/name"),
        ] {
            assert_eq!(dataset_id(name), expected);
        }
    }
}
