//! Sections and blocks of a report.

use serde::{Deserialize, Serialize};

use super::{Figure, Table, Texts};

/// Section of a report.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// Heading.
    pub title: String,
    /// Blocks, in reading order.
    pub blocks: Vec<Block>,
}

impl Section {
    /// Creates a section without blocks.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            blocks: Vec::new(),
        }
    }

    /// Adds a block: [`KeyValues`], a [`Table`], a [`Figure`], [`Texts`] or a [`Block`].
    #[must_use]
    pub fn with(mut self, block: impl Into<Block>) -> Self {
        self.blocks.push(block.into());
        self
    }

    /// Adds a paragraph.
    #[must_use]
    pub fn with_note(self, text: impl Into<String>) -> Self {
        self.with(Block::Note { text: text.into() })
    }
}

/// Block of a section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Block {
    /// Names and values: seeds, settings, environment, command.
    KeyValues(KeyValues),
    /// Rows and columns.
    Table(Table),
    /// SVG drawing.
    Figure(Figure),
    /// Texts with labels and predictions, such as the worst errors.
    Texts(Texts),
    /// Paragraph, with its line breaks.
    Note {
        /// Text.
        text: String,
    },
    /// Text aligned with spaces, such as the output of a program.
    Preformatted {
        /// Text.
        text: String,
    },
}

impl From<KeyValues> for Block {
    fn from(facts: KeyValues) -> Self {
        Self::KeyValues(facts)
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
/// use finetune_eval::report::KeyValues;
///
/// let facts = KeyValues::new()
///     .with("Seeds", "1, 2, 3")
///     .with_code("Command", "cargo run --release --example ag_news -- --seed 1");
/// assert_eq!(facts.facts.len(), 2);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyValues {
    /// KeyValues, in reading order.
    pub facts: Vec<Fact>,
}

/// Name with its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fact {
    /// Name.
    pub name: String,
    /// Formatted value.
    pub value: String,
    /// Whether the value is code to be copied: a command, a path, a hash (default: false).
    #[serde(default)]
    pub code: bool,
}

impl KeyValues {
    /// Creates an empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a fact.
    #[must_use]
    pub fn with(self, name: impl Into<String>, value: impl ToString) -> Self {
        self.and(name, value, false)
    }

    /// Adds a fact whose value is code.
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
