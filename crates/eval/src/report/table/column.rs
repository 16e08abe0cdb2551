//! Table columns and number formats.

use serde::Serialize;

/// Table column.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Column {
    /// Heading.
    pub name: String,
    /// Alignment of the cells (default: left).
    pub alignment: Alignment,
    /// Format of numbers (default: four decimals).
    pub format: NumberFormat,
    /// Direction in which values are best; the best is highlighted (default: none).
    pub best: Option<BestValue>,
}

/// Horizontal alignment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Alignment {
    /// Left, for text.
    #[default]
    Left,
    /// Right, for numbers.
    Right,
}

/// Format of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NumberFormat {
    /// Fixed number of decimals.
    Decimals(u8),
    /// Four decimals, and `< 0.0001` for smaller values, for p-values.
    Probability,
}

impl Default for NumberFormat {
    fn default() -> Self {
        Self::Decimals(4)
    }
}

/// Direction in which values are best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BestValue {
    /// Highest, for scores.
    Highest,
    /// Lowest, for losses, errors and times.
    Lowest,
}

impl NumberFormat {
    /// Returns the text of a finite number.
    pub(super) fn formatted(self, number: f64) -> String {
        match self {
            Self::Decimals(digits) => format!("{number:.*}", usize::from(digits)),
            Self::Probability if number < 0.0001 => "< 0.0001".to_owned(),
            Self::Probability => format!("{number:.4}"),
        }
    }
}

impl Column {
    /// Creates a column of texts.
    pub fn text(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// Creates a column of numbers with a fixed number of decimals.
    pub fn number(name: impl Into<String>, decimals: u8) -> Self {
        Self::of(name, NumberFormat::Decimals(decimals))
    }

    /// Creates a column of p-values.
    pub fn probability(name: impl Into<String>) -> Self {
        Self::of(name, NumberFormat::Probability)
    }

    /// Creates a column of counts.
    pub fn count(name: impl Into<String>) -> Self {
        Self::of(name, NumberFormat::Decimals(0))
    }

    /// Highlights the highest number.
    #[must_use]
    pub fn highest_is_best(mut self) -> Self {
        self.best = Some(BestValue::Highest);
        self
    }

    /// Highlights the lowest number.
    #[must_use]
    pub fn lowest_is_best(mut self) -> Self {
        self.best = Some(BestValue::Lowest);
        self
    }

    fn of(name: impl Into<String>, format: NumberFormat) -> Self {
        Self {
            name: name.into(),
            alignment: Alignment::Right,
            format,
            best: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_by_format() {
        assert_eq!(NumberFormat::Decimals(2).formatted(-0.126), "-0.13");
        assert_eq!(NumberFormat::Probability.formatted(0.01), "0.0100");
        assert_eq!(NumberFormat::Probability.formatted(1e-9), "< 0.0001");
    }
}
