//! Reports of runs and studies.
//!
//! A [`Report`] has a title, a summary, and [`Section`]s of [`Block`]s (facts, tables, figures,
//! texts, notes). It is rendered in three formats:
//!
//! | for | by | format |
//! |---|---|---|
//! | people | [`Report::to_html`] | one HTML page without scripts, links or other files; light, dark and print styles |
//! | repositories | [`Report::to_markdown`] | GitHub's Markdown; figures as descriptions |
//! | programs | [`Report::to_json`] | all content, with all digits |
//!
//! All text (markup, control characters, right-to-left text) is shown literally.
//!
//! # Example
//!
//! ```
//! use finetune_eval::report::{Column, Environment, Report, Section, Table};
//!
//! # fn main() -> Result<(), finetune_eval::EvalError> {
//! let mut scores = Table::new(
//!     "Test scores, mean ± standard deviation of five seeds.",
//!     vec![Column::text("Model"), Column::number("Macro F1", 4).highest_is_best()],
//! );
//! scores.push(["TF-IDF".into(), 0.7421.into()])?;
//! scores.push(["fine-tuned".into(), 0.8286.into()])?;
//!
//! let report = Report::new("Disaster tweets", "Fine-tuning beats the baseline.")
//!     .with(Section::new("Scores").with(scores))
//!     .with(Section::new("Environment").with(Environment::capture().facts()));
//! assert!(report.to_html().contains("<strong>0.8286</strong>"));
//! assert!(report.to_markdown().contains("| fine-tuned | **0.8286** |"));
//!
//! let directory = tempfile::tempdir().unwrap();
//! report.write(directory.path())?; // report.html, report.md, report.json
//! # Ok(())
//! # }
//! ```

mod block;
mod control_characters;
mod environment;
mod figure;
mod from_results;
mod html;
mod markdown;
mod svg;
mod table;
mod texts;

use std::fs;
use std::path::Path;

use finetune_storage::write_atomically;
use serde::Serialize;

use crate::error::EvalError;

pub use block::{Block, Fact, KeyValues, Section};
pub use environment::Environment;
pub use figure::Figure;
pub use table::{Alignment, BestValue, Cell, Column, NumberFormat, Table};
pub use texts::{ClassProbability, ScoredText, TextSamples};

/// Report of a run or study.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Report {
    /// Name of the run or study.
    pub title: String,
    /// Summary of the results in a few sentences.
    pub summary: String,
    /// Sections, in reading order.
    pub sections: Vec<Section>,
}

impl Report {
    /// Creates a report without sections.
    pub fn new(title: impl Into<String>, summary: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            summary: summary.into(),
            sections: Vec::new(),
        }
    }

    /// Adds a section.
    #[must_use]
    pub fn with(mut self, section: Section) -> Self {
        self.sections.push(section);
        self
    }

    /// Returns the report as a self-contained HTML page: style and figures are embedded, and a
    /// content security policy forbids scripts and requests.
    pub fn to_html(&self) -> String {
        html::page(self)
    }

    /// Returns the report in GitHub's Markdown, with figures replaced by their descriptions.
    pub fn to_markdown(&self) -> String {
        markdown::document(self)
    }

    /// Returns the report as indented JSON.
    pub fn to_json(&self) -> String {
        // Strings, numbers and lists under string keys cannot fail to serialize.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Writes `report.html`, `report.md` and `report.json` into a directory, which is created if it
    /// does not exist. Each file is written atomically and replaces an older one.
    ///
    /// # Errors
    ///
    /// - [`EvalError::Write`] if a file or the directory cannot be written; it names the path.
    pub fn write(&self, directory: &Path) -> Result<(), EvalError> {
        fs::create_dir_all(directory).map_err(EvalError::write(directory))?;
        for (name, content) in [
            ("report.json", self.to_json()),
            ("report.md", self.to_markdown()),
            ("report.html", self.to_html()),
        ] {
            let path = directory.join(name);
            write_atomically(&path, content.as_bytes()).map_err(EvalError::write(&path))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_files_and_nothing_else() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("runs/1");
        let report = Report::new("Run 1", "");
        report.write(&directory).unwrap();
        Report::new("Run 1, again", "").write(&directory).unwrap();
        let mut names: Vec<_> = fs::read_dir(&directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        assert_eq!(names, ["report.html", "report.json", "report.md"]);
        let json = fs::read_to_string(directory.join("report.json")).unwrap();
        let read: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(read["title"], "Run 1, again");
    }

    #[test]
    fn the_file_at_fault_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let taken = directory.path().join("taken");
        fs::write(&taken, "").unwrap();
        let error = Report::default().write(&taken).unwrap_err();
        assert!(matches!(error, EvalError::Write { path, .. } if path == taken));
    }
}
