//! Sections and blocks of a report.

use serde::Serialize;

use super::figure::Figure;
use super::table::Table;
use super::texts::TextSamples;

/// Section of a report.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
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

    /// Adds a block: [`KeyValues`], a [`Table`], a [`Figure`], [`TextSamples`] or a [`Block`].
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
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Block {
    /// Names and values: seeds, settings, environment, command.
    KeyValues(KeyValues),
    /// Rows and columns.
    Table(Table),
    /// SVG drawing.
    Figure(Figure),
    /// TextSamples with labels and predictions, such as the worst errors.
    TextSamples(TextSamples),
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

macro_rules! block_from {
    ($($kind:ident),*) => {
        $(impl From<$kind> for Block {
            fn from(block: $kind) -> Self {
                Self::$kind(block)
            }
        })*
    };
}

block_from!(KeyValues, Table, Figure, TextSamples);

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
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct KeyValues {
    /// KeyValues, in reading order.
    pub facts: Vec<Fact>,
}

/// Name with its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fact {
    /// Name.
    pub name: String,
    /// Formatted value.
    pub value: String,
    /// Whether the value is code to be copied: a command, a path, a hash (default: false).
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
