//! Reports of runs and studies: one page to read, keep and send.
//!
//! A [`Report`] is a value: title, summary, and [`Section`]s of [`Block`]s (facts, tables, figures,
//! texts, notes). What it looks like is decided once, for three readers:
//!
//! | for | by | as |
//! |---|---|---|
//! | people | [`Report::to_html`] | one page without scripts, links or other files; light, dark, on paper |
//! | repositories | [`Report::to_markdown`] | GitHub's Markdown; figures by their descriptions |
//! | programs | [`Report::to_json`], serde | all that is in it, in full digits |
//!
//! Whatever a text contains (markup, control characters, right-to-left runs), it appears as text.
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
//! let folder = tempfile::tempdir().unwrap();
//! report.write(folder.path())?; // report.html, report.md, report.json
//! # Ok(())
//! # }
//! ```

mod block;
mod characters;
mod environment;
mod figure;
mod files;
mod html;
mod markdown;
mod results;
mod svg;
mod table;
mod texts;

use serde::{Deserialize, Serialize};

pub use block::{Block, Fact, Facts, Section};
pub use environment::Environment;
pub use figure::Figure;
pub use table::{Alignment, Best, Cell, Column, NumberFormat, Table};
pub use texts::{ClassProbability, ScoredText, Texts};

/// A report: what was done, what came of it, and under which circumstances.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// Name of the run or study.
    pub title: String,
    /// The result in a few sentences.
    pub summary: String,
    /// The parts, in reading order.
    pub sections: Vec<Section>,
}

impl Report {
    /// A report without sections.
    pub fn new(title: impl Into<String>, summary: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            summary: summary.into(),
            sections: Vec::new(),
        }
    }

    /// The report with one more section.
    #[must_use]
    pub fn with(mut self, section: Section) -> Self {
        self.sections.push(section);
        self
    }

    /// The report as one HTML page that needs nothing else: style and figures are in it, and a
    /// content security policy forbids scripts and requests.
    pub fn to_html(&self) -> String {
        html::page(self)
    }

    /// The report in GitHub's Markdown. Figures are left to the page and described in words.
    pub fn to_markdown(&self) -> String {
        markdown::document(self)
    }

    /// The report as indented JSON, from which serde reads it back.
    pub fn to_json(&self) -> String {
        // Strings, numbers and lists under string keys: nothing that JSON could refuse.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}
