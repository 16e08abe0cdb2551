//! Reports of runs and studies.
//!
//! A [`Report`] has a title, a summary, and [`Section`]s of [`Block`]s (facts, tables, figures,
//! texts, notes). It is rendered in three formats:
//!
//! | for | by | format |
//! |---|---|---|
//! | people | [`Report::to_html`] | one HTML page without scripts, links or other files; light, dark and print styles |
//! | repositories | [`Report::to_markdown`] | GitHub's Markdown; figures as descriptions |
//! | programs | [`Report::to_json`], serde | all content, with all digits |
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

pub use block::{Block, Fact, KeyValues, Section};
pub use environment::Environment;
pub use figure::Figure;
pub use table::{Alignment, BestValue, Cell, Column, NumberFormat, Table};
pub use texts::{ClassProbability, ScoredText, Texts};

/// Report of a run or study.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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

    /// Returns the report as indented JSON, which serde can deserialize.
    pub fn to_json(&self) -> String {
        // Strings, numbers and lists under string keys cannot fail to serialize.
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}
