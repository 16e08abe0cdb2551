//! The parts of a report.

use serde::{Deserialize, Serialize};

use super::{Figure, Table, Texts};

/// A titled part of a report.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// Heading.
    pub title: String,
    /// Contents, in reading order.
    pub blocks: Vec<Block>,
}

impl Section {
    /// A section without contents.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            blocks: Vec::new(),
        }
    }

    /// The section with one more block: [`Facts`], a [`Table`], a [`Figure`], [`Texts`] or a
    /// [`Block`].
    #[must_use]
    pub fn with(mut self, block: impl Into<Block>) -> Self {
        self.blocks.push(block.into());
        self
    }

    /// The section with one more paragraph.
    #[must_use]
    pub fn with_note(self, text: impl Into<String>) -> Self {
        self.with(Block::Note { text: text.into() })
    }
}

/// What a section consists of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Block {
    /// Names and values: seeds, settings, the environment, the exact command.
    Facts(Facts),
    /// Rows and columns.
    Table(Table),
    /// A drawing.
    Figure(Figure),
    /// Texts with what was said of them, such as the worst errors.
    Texts(Texts),
    /// A paragraph; line breaks stay.
    Note {
        /// The text.
        text: String,
    },
    /// Text whose columns are lined up by spaces, such as what a program printed.
    Preformatted {
        /// The text.
        text: String,
    },
}

impl From<Facts> for Block {
    fn from(facts: Facts) -> Self {
        Self::Facts(facts)
    }
}

impl From<Table> for Block {
    fn from(table: Table) -> Self {
        Self::Table(table)
    }
}

impl From<Figure> for Block {
    fn from(figure: Figure) -> Self {
        Self::Figure(figure)
    }
}

impl From<Texts> for Block {
    fn from(texts: Texts) -> Self {
        Self::Texts(texts)
    }
}

/// Names and values, in reading order.
///
/// ```
/// use finetune_eval::report::Facts;
///
/// let facts = Facts::new()
///     .with("Seeds", "1, 2, 3")
///     .with_code("Command", "cargo run --release --example agnews -- --seed 1");
/// assert_eq!(facts.facts.len(), 2);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// The facts.
    pub facts: Vec<Fact>,
}

/// A name and its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fact {
    /// The name.
    pub name: String,
    /// The value, as it is to be read.
    pub value: String,
    /// Whether the value is for a machine, to be copied: a command, a path, a hash.
    #[serde(default)]
    pub code: bool,
}

impl Facts {
    /// No facts.
    pub fn new() -> Self {
        Self::default()
    }

    /// The facts with one more.
    #[must_use]
    pub fn with(self, name: impl Into<String>, value: impl ToString) -> Self {
        self.and(name, value, false)
    }

    /// The facts with one more whose value is for a machine.
    #[must_use]
    pub fn with_code(self, name: impl Into<String>, value: impl ToString) -> Self {
        self.and(name, value, true)
    }

    fn and(mut self, name: impl Into<String>, value: impl ToString, code: bool) -> Self {
        self.facts.push(Fact {
            name: name.into(),
            value: value.to_string(),
            code,
        });
        self
    }
}
