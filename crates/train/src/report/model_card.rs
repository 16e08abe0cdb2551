//! Card of a trained model: `README.md` in its directory, in the
//! [format of the hub](https://huggingface.co/docs/hub/model-cards).

use std::fmt::Write;
use std::path::Path;

use finetune_eval::statistics::ConfidenceInterval;

use super::{DataSection, RunReport, TestSection};

/// Confidence level of the interval of the accuracy.
const LEVEL: f64 = 0.95;

impl RunReport {
    /// Returns the card of the model of a run on one task; `None` for several tasks. `name` is the name
    /// of the model.
    pub(crate) fn model_card(&self, name: &str) -> Option<String> {
        if !self.tasks.is_empty() {
            return None;
        }
        let mut card = String::new();
        // Writing to a string cannot fail.
        let _ = self.write_metadata(&mut card, name);
        let _ = self.write_text(&mut card, name);
        Some(card)
    }

    /// Writes the metadata that the hub reads.
    fn write_metadata(&self, card: &mut String, name: &str) -> std::fmt::Result {
        card.push_str("---\nlibrary_name: transformers\n");
        if let Some(source) = self.base_model() {
            writeln!(card, "base_model: {}", quoted(source))?;
        }
        let (Some(test), Some(data)) = (&self.test, &self.data) else {
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
            quoted(name),
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

    /// Returns the name on the hub of the model that the run started from, or the name of its directory,
    /// whose path says nothing elsewhere.
    fn base_model(&self) -> Option<&str> {
        let source = self.model.source.as_deref()?;
        match source.split_once('@') {
            Some((name, _)) if !Path::new(source).exists() => Some(name),
            _ => Path::new(source).file_name()?.to_str(),
        }
    }

    fn write_text(&self, card: &mut String, name: &str) -> std::fmt::Result {
        writeln!(card, "# {name}\n")?;
        let version = &self.run.version;
        match self.base_model() {
            Some(source) => write!(card, "Fine-tuned from {source} with finetune {version}.")?,
            None => write!(card, "Trained with finetune {version}.")?,
        }
        let millions = self.model.parameters as f64 / 1e6;
        writeln!(card, " {millions:.1} million parameters.\n")?;
        if let Some(data) = &self.data {
            write_data(card, data)?;
        }
        if let Some(test) = &self.test {
            write_scores(card, test)?;
        }
        let (seed, steps) = (self.run.seed, self.train.steps);
        writeln!(
            card,
            "## Training\n\n{steps} steps, seed {seed}, on {}.",
            self.run.device
        )?;
        if let Some(best) = &self.train.best {
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
    card.push_str("## Data\n\n| split | rows | truncated | fingerprint |\n|---|---|---|---|\n");
    let parts = [
        Some(&data.train),
        data.validation.as_ref(),
        data.test.as_ref(),
    ];
    for part in parts.into_iter().flatten() {
        let fingerprint = part.fingerprint.get(..16).unwrap_or(&part.fingerprint);
        let (name, rows, truncated) = (&part.name, part.rows, part.truncated);
        writeln!(card, "| {name} | {rows} | {truncated} | `{fingerprint}` |")?;
    }
    if !data.class_names.is_empty() {
        writeln!(card, "\nClasses: {}.", data.class_names.join(", "))?;
    }
    writeln!(card)
}

fn write_scores(card: &mut String, test: &TestSection) -> std::fmt::Result {
    card.push_str("## Scores on the test rows\n\n| metric | value |\n|---|---|\n");
    for (metric, value) in &test.metrics {
        let metric = metric.replace('_', " ");
        writeln!(card, "| {metric} | {value:.4} |")?;
    }
    let accuracy = test.score("accuracy");
    let rows = test.scores.rows();
    let interval = accuracy.and_then(|share| ConfidenceInterval::wilson(share, rows, LEVEL).ok());
    if let Some(interval) = interval {
        writeln!(card, "\nAccuracy: {interval}, by the {rows} test rows.")?;
    }
    writeln!(card)
}

/// Returns the dataset of a split by its name: `ag_news` of `ag_news/test`, and the id of
/// `owner/name:config@commit/test`, which is on the hub.
fn dataset_id(name: &str) -> &str {
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
