//! How the cells of a column are shown.

use serde::{Deserialize, Serialize};

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Column {
    /// Heading.
    pub name: String,
    /// To which side the cells are set.
    pub alignment: Alignment,
    /// How numbers are shown.
    pub format: NumberFormat,
    /// Which number is the best, and stands out.
    pub best: Option<Best>,
}

/// To which side cells are set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Alignment {
    /// Texts.
    #[default]
    Left,
    /// Numbers.
    Right,
}

/// How numbers are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NumberFormat {
    /// With so many decimals.
    Decimals(u8),
    /// A share as a percentage, with so many decimals.
    Percent(u8),
    /// As `1.5e-5`, with so many decimals.
    Scientific(u8),
    /// With four decimals, and `< 0.0001` below: p-values.
    Probability,
}

impl Default for NumberFormat {
    fn default() -> Self {
        Self::Decimals(4)
    }
}

/// Which number is the best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Best {
    /// Of scores.
    Highest,
    /// Of losses, errors and times.
    Lowest,
}

impl NumberFormat {
    /// A finite number as it is read.
    pub(super) fn shown(self, number: f64) -> String {
        match self {
            Self::Decimals(digits) => format!("{number:.*}", usize::from(digits)),
            Self::Percent(digits) => format!("{:.*} %", usize::from(digits), 100.0 * number),
            Self::Scientific(digits) => format!("{number:.*e}", usize::from(digits)),
            Self::Probability if number < 0.0001 => "< 0.0001".to_owned(),
            Self::Probability => format!("{number:.4}"),
        }
    }
}

impl Column {
    /// A column of texts.
    pub fn text(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// A column of numbers with so many decimals.
    pub fn number(name: impl Into<String>, decimals: u8) -> Self {
        Self::of(name, NumberFormat::Decimals(decimals))
    }

    /// A column of shares, shown as percentages with so many decimals.
    pub fn percent(name: impl Into<String>, decimals: u8) -> Self {
        Self::of(name, NumberFormat::Percent(decimals))
    }

    /// A column of numbers of any size, as `1.5e-5`, with so many decimals.
    pub fn scientific(name: impl Into<String>, decimals: u8) -> Self {
        Self::of(name, NumberFormat::Scientific(decimals))
    }

    /// A column of p-values.
    pub fn probability(name: impl Into<String>) -> Self {
        Self::of(name, NumberFormat::Probability)
    }

    /// A column of counts.
    pub fn count(name: impl Into<String>) -> Self {
        Self::of(name, NumberFormat::Decimals(0))
    }

    /// The column with its highest number standing out.
    #[must_use]
    pub fn highest_is_best(mut self) -> Self {
        self.best = Some(Best::Highest);
        self
    }

    /// The column with its lowest number standing out.
    #[must_use]
    pub fn lowest_is_best(mut self) -> Self {
        self.best = Some(Best::Lowest);
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
        assert_eq!(NumberFormat::Decimals(2).shown(-0.126), "-0.13");
        assert_eq!(NumberFormat::Percent(1).shown(0.94126), "94.1 %");
        assert_eq!(NumberFormat::Probability.shown(0.01), "0.0100");
        assert_eq!(NumberFormat::Probability.shown(1e-9), "< 0.0001");
        assert_eq!(NumberFormat::Scientific(1).shown(0.0000154), "1.5e-5");
    }

    #[test]
    fn settings_left_out_are_the_defaults() {
        let column: Column =
            serde_json::from_str(r#"{"name": "f1", "format": {"percent": 1}}"#).unwrap();
        assert_eq!(column.format, NumberFormat::Percent(1));
        assert_eq!((column.alignment, column.best), (Alignment::Left, None));
        assert!(serde_json::from_str::<Column>(r#"{"digits": 1}"#).is_err());
    }
}
