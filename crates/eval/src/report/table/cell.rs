//! Table cells.

use serde::Serialize;

use super::column::NumberFormat;
use crate::statistics::SampleSummary;

/// Text of a missing value.
const NONE: &str = "–";

/// Table cell; in JSON a null, a number, a mean with its deviation, or a string.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Cell {
    /// Missing value.
    #[default]
    Missing,
    /// Count.
    Count(u64),
    /// Number in the format of its column. NaN and infinities are shown and serialized as missing.
    Number(f64),
    /// Mean with standard deviation.
    Mean {
        /// Mean.
        mean: f64,
        /// Standard deviation.
        deviation: f64,
    },
    /// Text.
    Text(String),
}

impl Cell {
    /// Returns the number by which cells are compared.
    pub(super) fn value(&self) -> Option<f64> {
        match self {
            Self::Count(count) => Some(*count as f64),
            Self::Number(number) | Self::Mean { mean: number, .. } => Some(*number),
            Self::Missing | Self::Text(_) => None,
        }
        .filter(|number| number.is_finite())
    }

    /// Returns the formatted text.
    pub(super) fn formatted(&self, format: NumberFormat) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Count(count) => count.to_string(),
            Self::Number(number) if number.is_finite() => format.formatted(*number),
            Self::Mean { mean, deviation } if mean.is_finite() && deviation.is_finite() => {
                format!(
                    "{} ± {}",
                    format.formatted(*mean),
                    format.formatted(*deviation)
                )
            }
            _ => NONE.to_owned(),
        }
    }
}

macro_rules! cell_from {
    ($($source:ty: |$value:ident| $cell:expr;)*) => {
        $(impl From<$source> for Cell {
            fn from($value: $source) -> Self {
                $cell
            }
        })*
    };
}

cell_from! {
    &str: |text| Self::Text(text.to_owned());
    String: |text| Self::Text(text);
    f64: |number| Self::Number(number);
    u64: |count| Self::Count(count);
    usize: |count| Self::Count(count as u64);
}

/// Converts to mean and standard deviation, or to the mean for a single value.
impl From<SampleSummary> for Cell {
    fn from(summary: SampleSummary) -> Self {
        match summary.spread {
            Some(spread) => Self::Mean {
                mean: summary.mean,
                deviation: spread.standard_deviation,
            },
            None => Self::Number(summary.mean),
        }
    }
}

impl<T: Into<Cell>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Missing, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_keeps_every_kind() {
        let cells = [
            Cell::Missing,
            Cell::Count(u64::MAX),
            Cell::Number(3.0),
            Cell::Mean {
                mean: 0.5,
                deviation: 0.25,
            },
            Cell::Text("a|b".into()),
        ];
        let json = serde_json::to_string(&cells).unwrap();
        assert_eq!(
            json,
            r#"[null,18446744073709551615,3.0,{"mean":0.5,"deviation":0.25},"a|b"]"#
        );
    }

    #[test]
    fn what_is_no_number_is_shown_as_none() {
        let format = NumberFormat::Decimals(2);
        for number in [f64::NAN, f64::INFINITY] {
            assert_eq!(Cell::Number(number).formatted(format), "–");
            let mean = Cell::Mean {
                mean: 1.0,
                deviation: number,
            };
            assert_eq!(mean.formatted(format), "–");
        }
        assert_eq!(Cell::from(None::<f64>).formatted(format), "–");
    }

    #[test]
    fn a_summary_is_its_mean_and_deviation() {
        let cell = |scores: &[f64]| {
            Cell::from(SampleSummary::of(scores, 0.95).unwrap())
                .formatted(NumberFormat::Decimals(3))
        };
        assert_eq!(cell(&[0.80, 0.82, 0.84]), "0.820 ± 0.020");
        assert_eq!(cell(&[0.80]), "0.800");
    }
}
