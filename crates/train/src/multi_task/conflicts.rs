//! Conflicts between the gradients of the tasks, by encoder layer, over a whole run.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use finetune_eval::plots::{ColorScale, HeatMap};
use finetune_eval::report::Section;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::TrainError;
use crate::report::figure;
use crate::run_files::metrics_lines;

/// Mean cosines between the gradients of pairs of tasks, by stage of the encoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ConflictSection {
    /// Number of measurements.
    pub measurements: usize,
    /// Mean cosine of each pair, `first/second`: at the embeddings, then at each layer. `None` at
    /// stages where one of the two tasks never had a gradient.
    pub mean_cosines: BTreeMap<String, Vec<Option<f64>>>,
}

/// Sum and count of the cosines of a stage.
type Cell = (f64, usize);

impl ConflictSection {
    /// Computes the means from `metrics.jsonl`; `None` without measurements.
    ///
    /// # Errors
    /// - [`TrainError::Io`] if the file cannot be read.
    pub(crate) fn read(metrics: &Path) -> Result<Option<Self>, TrainError> {
        let records = metrics_lines(metrics)?.into_iter();
        let records = records.filter_map(|record| match record.get("gradient_cosines") {
            Some(Value::Object(pairs)) => Some(pairs.clone()),
            _ => None,
        });
        let (mut measurements, mut pairs) = (0, BTreeMap::<String, Vec<Cell>>::new());
        for record in records {
            measurements += 1;
            for (pair, stages) in record {
                let stages = stages.as_array().map_or(&[][..], Vec::as_slice);
                let cells = pairs.entry(pair).or_default();
                cells.resize(cells.len().max(stages.len()), (0.0, 0));
                for (cell, cosine) in cells.iter_mut().zip(stages) {
                    // NaN is null in JSON.
                    if let Some(cosine) = cosine.as_f64() {
                        *cell = (cell.0 + cosine, cell.1 + 1);
                    }
                }
            }
        }
        let mean = |(sum, count): Cell| (count > 0).then(|| sum / count as f64);
        let means = pairs.into_iter();
        let means = means.map(|(pair, cells)| (pair, cells.into_iter().map(mean).collect()));
        let mean_cosines: BTreeMap<_, _> = means.collect();
        Ok((measurements > 0).then_some(Self {
            measurements,
            mean_cosines,
        }))
    }
}

impl ConflictSection {
    /// Returns the section of the report with the heat map.
    pub(crate) fn section(&self) -> Section {
        let pairs = self.mean_cosines.iter();
        // Without gradients of both tasks, there is no conflict.
        let values = pairs.clone().map(|(_, cosines)| {
            let cosines = cosines.iter();
            cosines.map(|cosine| cosine.unwrap_or(0.0)).collect()
        });
        let texts = pairs.clone().map(|(_, cosines)| {
            let cosines = cosines.iter();
            let text = |cosine: &Option<f64>| {
                cosine.map_or("–".into(), |cosine| format!("{cosine:+.2}"))
            };
            cosines.map(text).collect()
        });
        let map = HeatMap {
            title: "Cosines between the gradients of tasks".to_string(),
            row_names: pairs.clone().map(|(pair, _)| pair.clone()).collect(),
            column_names: (0..self.stages()).map(stage_name).collect(),
            values: values.collect(),
            cell_texts: Some(texts.collect()),
            range: Some((-1.0, 1.0)),
            scale: ColorScale::Diverging,
            ..HeatMap::default()
        };
        let alt = "A table of cosines, a row a pair of tasks, a column a stage of the encoder.";
        let caption = format!(
            "Mean of {} measurements; below 0 the tasks pull against each other.",
            self.measurements
        );
        Section::new("Gradients").with(figure(&map, alt, caption))
    }

    fn stages(&self) -> usize {
        self.mean_cosines.values().map(Vec::len).max().unwrap_or(0)
    }
}

fn stage_name(stage: usize) -> String {
    match stage {
        0 => "embed".to_string(),
        layer => format!("L{layer}"),
    }
}

/// Formats a heat map for a terminal: a row per pair, a column per stage.
impl fmt::Display for ConflictSection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.mean_cosines.keys().map(String::len);
        let width = names.max().unwrap_or(0).max("cosines".len());
        write!(f, "{:<width$}", "cosines")?;
        for stage in 0..self.stages() {
            write!(f, "  {:>7}", stage_name(stage))?;
        }
        writeln!(f)?;
        for (pair, cosines) in &self.mean_cosines {
            write!(f, "{pair:<width$}")?;
            for cosine in cosines {
                let cell = cosine.map_or("-".to_string(), |cosine| {
                    format!("{} {cosine:+.2}", shade(cosine))
                });
                write!(f, "  {cell:>7}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

/// Returns a character that is darker the more the gradients conflict; blank if they agree.
fn shade(cosine: f64) -> char {
    match cosine {
        ..-0.5 => '█',
        ..-0.2 => '▓',
        ..-0.05 => '▒',
        ..0.05 => '░',
        _ => ' ',
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn means_are_over_what_was_measured() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("metrics.jsonl");
        let lines = [
            r#"{"step":1,"loss":2.0}"#,
            r#"{"step":1,"gradient_cosines":{"a/b":[0.5,null],"a/c":[-0.75,-0.25]}}"#,
            r#"{"step":2,"gradient_cosines":{"a/b":[0.25,null],"a/c":[-0.5,0.0]}}"#,
        ];
        fs::write(&path, lines.join("\n")).unwrap();
        let section = ConflictSection::read(&path).unwrap().unwrap();
        assert_eq!(section.measurements, 2);
        assert_eq!(section.mean_cosines["a/b"], [Some(0.375), None]);
        assert_eq!(
            section.to_string(),
            "cosines    embed       L1\n\
             a/b        +0.38        -\n\
             a/c      █ -0.62  ▒ -0.12\n"
        );
        fs::write(&path, lines[0]).unwrap();
        assert_eq!(ConflictSection::read(&path).unwrap(), None);
    }
}
