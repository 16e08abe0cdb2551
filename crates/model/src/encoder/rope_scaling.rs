//! Scaling of the angles of rotary positions, for texts longer than those of the pre-training.

use std::f32::consts::PI;

use serde::{Deserialize, Serialize};

use crate::error::ModelError;

/// Scaling of the angles, with the names of transformers'
/// [`rope_parameters`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/modeling_rope_utils.py):
/// those that do not depend on the length of a text.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "rope_type", rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum RopeScaling {
    /// All angles divided by a factor.
    Linear {
        /// Divisor, above 0.
        factor: f64,
    },
    /// Angles of another base in texts longer than `max_position_embeddings`. As no text is longer,
    /// the angles are not scaled.
    Dynamic {
        /// Factor, above 0.
        factor: f64,
    },
    /// Long wavelengths divided by a factor, short ones kept ([Peng et al.
    /// 2023](https://arxiv.org/abs/2309.00071)).
    Yarn {
        /// Divisor of long wavelengths, above 0.
        factor: f64,
        /// Longest text of the pre-training, in tokens, at least 1.
        original_max_position_embeddings: usize,
        /// Factor of queries and keys, above 0 (default: a function of `factor`).
        #[serde(skip_serializing_if = "Option::is_none")]
        attention_factor: Option<f64>,
        /// Turns in the longest text from which on wavelengths are kept, above 0 (default: 32).
        #[serde(default = "beta_fast")]
        beta_fast: f64,
        /// Turns up to which wavelengths are divided, above 0 (default: 1).
        #[serde(default = "beta_slow")]
        beta_slow: f64,
        /// Scale of the logarithm in the numerator of `attention_factor` (default: `None`).
        #[serde(skip_serializing_if = "Option::is_none")]
        mscale: Option<f64>,
        /// Scale of the logarithm in its denominator (default: `None`).
        #[serde(skip_serializing_if = "Option::is_none")]
        mscale_all_dim: Option<f64>,
        /// Whether the range between kept and divided wavelengths is rounded to whole ones (default:
        /// true).
        #[serde(default = "truncate")]
        truncate: bool,
    },
    /// Long wavelengths divided by a factor, short ones kept, with a range between (Llama 3.1).
    Llama3 {
        /// Divisor of long wavelengths, above 0.
        factor: f64,
        /// Turns in the longest text up to which wavelengths are divided, above 0.
        low_freq_factor: f64,
        /// Turns from which on they are kept, above `low_freq_factor`.
        high_freq_factor: f64,
        /// Longest text of the pre-training, in tokens, at least 1.
        original_max_position_embeddings: usize,
    },
    /// Only the first part of the planes is rotated.
    Proportional {
        /// Divisor of all angles, above 0 (default: 1).
        #[serde(default = "one")]
        factor: f64,
        /// Fraction of the planes that are rotated, in `[0, 1]` (default: 1).
        #[serde(default = "one")]
        partial_rotary_factor: f64,
    },
}

fn beta_fast() -> f64 {
    32.0
}

fn beta_slow() -> f64 {
    1.0
}

fn truncate() -> bool {
    true
}

fn one() -> f64 {
    1.0
}

/// Supported values of `rope_type`, for error messages.
pub(crate) const ROPE_TYPES: &str = "default, linear, dynamic, yarn, llama3, proportional";

impl RopeScaling {
    /// Checks that every value is in its range.
    pub(super) fn validate(self, theta: f64) -> Result<(), ModelError> {
        let positive = |field, number: f64| {
            let valid = number > 0.0 && number.is_finite();
            ModelError::check(valid, field, number, "above 0")
        };
        match self {
            Self::Linear { factor } | Self::Dynamic { factor } => positive("factor", factor),
            Self::Yarn {
                factor,
                original_max_position_embeddings: original,
                attention_factor,
                beta_fast,
                beta_slow,
                mscale,
                mscale_all_dim,
                truncate: _,
            } => {
                positive("factor", factor)?;
                positive("original_max_position_embeddings", original as f64)?;
                positive("attention_factor", attention_factor.unwrap_or(1.0))?;
                positive("beta_fast", beta_fast)?;
                positive("beta_slow", beta_slow)?;
                positive("mscale", mscale.unwrap_or(1.0))?;
                positive("mscale_all_dim", mscale_all_dim.unwrap_or(1.0))?;
                ModelError::check(theta > 1.0, "rope_theta", theta, "above 1 with yarn")
            }
            Self::Llama3 {
                factor,
                low_freq_factor: low,
                high_freq_factor: high,
                original_max_position_embeddings: original,
            } => {
                positive("factor", factor)?;
                positive("original_max_position_embeddings", original as f64)?;
                positive("low_freq_factor", low)?;
                positive("high_freq_factor", high)?;
                let expected = "above low_freq_factor";
                ModelError::check(high > low, "high_freq_factor", high, expected)
            }
            Self::Proportional {
                factor,
                partial_rotary_factor: part,
            } => {
                positive("factor", factor)?;
                let valid = (0.0..=1.0).contains(&part);
                ModelError::check(valid, "partial_rotary_factor", part, "in [0, 1]")
            }
        }
    }

    /// Returns the factor of queries and keys.
    pub(super) fn attention_factor(self) -> f64 {
        let Self::Yarn {
            factor,
            attention_factor,
            mscale,
            mscale_all_dim,
            ..
        } = self
        else {
            return 1.0;
        };
        let scaled = |scale: f64| match factor <= 1.0 {
            true => 1.0,
            false => 0.1 * scale * factor.ln() + 1.0,
        };
        let of_factor = match (mscale, mscale_all_dim) {
            (Some(above), Some(below)) => scaled(above) / scaled(below),
            _ => scaled(1.0),
        };
        attention_factor.unwrap_or(of_factor)
    }

    /// Scales the angle between two positions in each plane, rounded to f32 at the same places as in
    /// transformers.
    ///
    /// # Shapes
    /// - `frequencies`, output: `K / 2` values
    pub(super) fn apply(self, frequencies: Vec<f32>, theta: f64) -> Vec<f32> {
        let planes = frequencies.len();
        let each = |scaled: &dyn Fn(usize, f32) -> f32| {
            let numbered = frequencies.iter().enumerate();
            numbered
                .map(|(plane, frequency)| scaled(plane, *frequency))
                .collect()
        };
        match self {
            Self::Dynamic { .. } => frequencies,
            Self::Linear { factor } => each(&|_, frequency| frequency / factor as f32),
            Self::Proportional {
                factor,
                partial_rotary_factor,
            } => {
                let rotated = (partial_rotary_factor * (2 * planes) as f64 / 2.0).floor();
                each(&|plane, frequency| match (plane as f64) < rotated {
                    true => frequency / factor as f32,
                    false => 0.0,
                })
            }
            Self::Llama3 {
                factor,
                low_freq_factor: low,
                high_freq_factor: high,
                original_max_position_embeddings: original,
            } => each(&|_, frequency| {
                let (wavelength, original) = (2.0 * PI / frequency, original as f32);
                let divided = frequency / factor as f32;
                if wavelength > original / low as f32 {
                    return divided;
                }
                if wavelength < original / high as f32 {
                    return frequency;
                }
                let kept = (original / wavelength - low as f32) / (high - low) as f32;
                (1.0 - kept) * divided + kept * frequency
            }),
            Self::Yarn {
                factor,
                original_max_position_embeddings: original,
                beta_fast,
                beta_slow,
                truncate,
                ..
            } => {
                let width = (2 * planes) as f64;
                // The plane whose angle makes this number of turns in the longest text.
                let plane_of = |turns: f64| {
                    let positions = original as f64 / (turns * 2.0 * std::f64::consts::PI);
                    width * positions.ln() / (2.0 * theta.ln())
                };
                let (mut kept, mut divided) = (plane_of(beta_fast), plane_of(beta_slow));
                if truncate {
                    (kept, divided) = (kept.floor(), divided.ceil());
                }
                let kept = kept.max(0.0);
                let divided = divided.min(width - 1.0);
                let divided = if kept == divided {
                    divided + 0.001
                } else {
                    divided
                };
                each(&|plane, frequency| {
                    let place = (plane as f32 - kept as f32) / (divided - kept) as f32;
                    let keeps = 1.0 - place.clamp(0.0, 1.0);
                    let shorter = 1.0 / (factor as f32 * (1.0 / frequency));
                    shorter * (1.0 - keeps) + frequency * keeps
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_defaults_are_those_of_transformers() {
        let text = r#"{"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 9}"#;
        let yarn: RopeScaling = serde_json::from_str(text).unwrap();
        let expected = RopeScaling::Yarn {
            factor: 4.0,
            original_max_position_embeddings: 9,
            attention_factor: None,
            beta_fast: 32.0,
            beta_slow: 1.0,
            mscale: None,
            mscale_all_dim: None,
            truncate: true,
        };
        assert_eq!(yarn, expected);
        let again = serde_json::to_string(&yarn).unwrap();
        assert_eq!(serde_json::from_str::<RopeScaling>(&again).unwrap(), yarn);
        let unknown = text.replace("factor", "divisor");
        assert!(serde_json::from_str::<RopeScaling>(&unknown).is_err());
        // 0.1 ln(4) + 1
        assert!((yarn.attention_factor() - 1.138_629_4).abs() < 1e-7);
    }

    #[test]
    fn impossible_values_are_named() {
        for (scaling, field) in [
            (RopeScaling::Linear { factor: 0.0 }, "factor"),
            (RopeScaling::Dynamic { factor: f64::NAN }, "factor"),
            (
                RopeScaling::Llama3 {
                    factor: 2.0,
                    low_freq_factor: 4.0,
                    high_freq_factor: 4.0,
                    original_max_position_embeddings: 8,
                },
                "high_freq_factor",
            ),
            (
                RopeScaling::Proportional {
                    factor: 1.0,
                    partial_rotary_factor: 1.5,
                },
                "partial_rotary_factor",
            ),
        ] {
            let message = scaling.validate(100.0).unwrap_err().to_string();
            assert!(message.contains(field), "{message}");
        }
    }

    #[test]
    fn no_text_is_long_enough_for_dynamic_scaling() {
        let scaling = RopeScaling::Dynamic { factor: 3.0 };
        assert_eq!(scaling.apply(vec![1.0, 0.5], 10.0), [1.0, 0.5]);
        assert_eq!(scaling.attention_factor(), 1.0);
    }
}
