//! Search parameters: settings with listed values, or with values sampled from a range ([Bergstra
//! and Bengio 2012](https://jmlr.org/papers/v13/bergstra12a.html)).

use finetune_random::{Purpose, generator, name_hash};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::StudyError;
use crate::limits::MAX_TRIALS;

/// Parameter of a study. Exactly one of `values`, `uniform`, `log_uniform`, `int_uniform` and
/// `choice` must be given.
///
/// ```
/// use finetune_study::SearchParameter;
///
/// let parameter: SearchParameter = serde_json::from_str(
///     r#"{"path": "train.optimizer.learning_rate", "log_uniform": [1e-6, 1e-3]}"#,
/// )?;
/// parameter.validate()?;
/// // The same draw, whatever else is drawn.
/// assert_eq!(parameter.draw(42, 7), parameter.draw(42, 7));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SearchParameter {
    /// Path of the setting, its parts joined by dots.
    pub path: String,
    /// Label in tables and names; `None` for the last part of the path.
    pub name: Option<String>,
    /// Values of a grid; each is tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<Value>>,
    /// Minimum and maximum of a uniform distribution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uniform: Option<[f64; 2]>,
    /// Minimum and maximum of a log-uniform distribution, both above 0; suits learning rates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_uniform: Option<[f64; 2]>,
    /// Minimum and maximum of uniformly distributed integers, both included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub int_uniform: Option<[i64; 2]>,
    /// Values to sample from with equal probability.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub choice: Option<Vec<Value>>,
}

impl SearchParameter {
    /// Creates a parameter with listed values.
    pub fn of<V: Into<Value>>(setting: &str, values: impl IntoIterator<Item = V>) -> Self {
        Self {
            path: setting.to_string(),
            values: Some(values.into_iter().map(Into::into).collect()),
            ..Self::default()
        }
    }

    /// Sets the label used in tables and names.
    #[must_use]
    pub fn with_label(mut self, name: &str) -> Self {
        self.name = Some(name.to_string());
        self
    }

    /// Returns the label used in tables and names.
    pub fn label(&self) -> &str {
        let last = self.path.rsplit('.').next().unwrap_or_default();
        self.name.as_deref().unwrap_or(last)
    }

    /// Returns whether the values are sampled.
    pub fn is_drawn(&self) -> bool {
        self.values.is_none()
    }

    /// Returns the sampled value with index `draw`, a pure function of the seed, the index and the
    /// path; `None` for listed values.
    pub fn draw(&self, seed: u64, draw: usize) -> Option<Value> {
        let setting = name_hash(&self.path);
        let mut random = generator(seed, Purpose::Search, draw as u64, setting);
        if let Some([low, high]) = self.uniform {
            return Some(between(low, high, random.random()).into());
        }
        if let Some([low, high]) = self.log_uniform {
            let value = between(low.ln(), high.ln(), random.random()).exp();
            // Rounding in `ln` and `exp` could move the value past the limits.
            return Some(value.clamp(low, high).into());
        }
        if let Some([low, high]) = self.int_uniform {
            return Some(random.random_range(low..=high).into());
        }
        let choices = self.choice.as_ref()?;
        Some(choices[random.random_range(0..choices.len())].clone())
    }

    /// Validates the parameter: exactly one kind of values, no duplicates, and a range with its
    /// minimum below its maximum.
    ///
    /// # Errors
    /// - [`StudyError::InvalidSetting`] if the path is invalid.
    /// - [`StudyError::InvalidStudy`] if the values are invalid.
    pub fn validate(&self) -> Result<(), StudyError> {
        let wrong = |what: &str| Err(StudyError::parameter(&self.path, what));
        let valid = !self.path.split('.').any(str::is_empty);
        let (setting, found) = ("the setting of a parameter", format!("{:?}", self.path));
        StudyError::check(valid, setting, found, "names joined by dots")?;
        let kinds = [
            self.values.is_some(),
            self.uniform.is_some(),
            self.log_uniform.is_some(),
            self.int_uniform.is_some(),
            self.choice.is_some(),
        ];
        match kinds.iter().filter(|given| **given).count() {
            0 => {
                return wrong(
                    "has no values: give values, uniform, log_uniform, int_uniform or choice",
                );
            }
            1 => {}
            _ => {
                return wrong(
                    "has more than one of values, uniform, log_uniform, int_uniform, choice",
                );
            }
        }
        for values in [&self.values, &self.choice].into_iter().flatten() {
            if values.is_empty() {
                return wrong("is empty");
            }
            if values.len() > MAX_TRIALS {
                return wrong(&format!(
                    "has {} values, expected 1 to {MAX_TRIALS}",
                    values.len()
                ));
            }
            let mut listed = values.iter().enumerate();
            if let Some((_, twice)) = listed.find(|(at, value)| values[..*at].contains(value)) {
                return wrong(&format!("has {twice} twice"));
            }
        }
        let is_range = |[low, high]: [f64; 2]| low < high && (high - low).is_finite();
        match (self.uniform, self.log_uniform, self.int_uniform) {
            (Some(range), _, _) if !is_range(range) => {
                wrong("is no range: the second is not above the first")
            }
            (_, Some([low, high]), _) if !(low > 0.0 && is_range([low, high])) => wrong(
                "is no range of magnitudes: 0 is below the first, and the first below the second",
            ),
            (_, _, Some([low, high])) if low >= high => {
                wrong("is no range: the second is not above the first")
            }
            _ => Ok(()),
        }
    }
}

/// Interpolates linearly: `low` at a `share` of 0, `high` at 1.
fn between(low: f64, high: f64, share: f64) -> f64 {
    low + (high - low) * share
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn parameter(kind: &str, values: Value) -> SearchParameter {
        serde_json::from_value(json!({ "path": "train.x", kind: values })).unwrap()
    }

    /// If these values change, studies in progress can no longer be resumed.
    #[test]
    fn draws_never_change() {
        let drawn = parameter("int_uniform", json!([0, 1_000_000]));
        let draws: Vec<_> = (0..3).map(|draw| drawn.draw(42, draw).unwrap()).collect();
        assert_eq!(draws, DRAWS.map(Value::from));
        assert_ne!(drawn.draw(43, 0), drawn.draw(42, 0));
        let other = SearchParameter {
            path: "train.y".into(),
            ..drawn.clone()
        };
        assert_ne!(other.draw(42, 0), drawn.draw(42, 0));
    }

    const DRAWS: [i64; 3] = [385_360, 415_489, 555_314];

    #[test]
    fn invalid_parameters_are_named() {
        for (kind, values, expected) in [
            ("values", json!([]), "parameter train.x is empty"),
            ("values", json!([1, 2, 1]), "parameter train.x has 1 twice"),
            (
                "choice",
                json!(["a", "a"]),
                "parameter train.x has \"a\" twice",
            ),
            (
                "uniform",
                json!([1.0, 1.0]),
                "parameter train.x is no range",
            ),
            (
                "log_uniform",
                json!([0.0, 1.0]),
                "parameter train.x is no range of magnitudes",
            ),
            (
                "int_uniform",
                json!([3, 2]),
                "parameter train.x is no range",
            ),
        ] {
            let error = parameter(kind, values).validate().unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
        let none = SearchParameter {
            path: "x".into(),
            ..SearchParameter::default()
        };
        assert!(
            none.validate()
                .unwrap_err()
                .to_string()
                .starts_with("parameter x has no values")
        );
        let two = SearchParameter {
            uniform: Some([0.0, 1.0]),
            ..SearchParameter::of("x", [1])
        };
        assert!(
            two.validate()
                .unwrap_err()
                .to_string()
                .contains("more than one")
        );
        assert!(SearchParameter::of("train..x", [1]).validate().is_err());
    }

    proptest! {
        #[test]
        fn draws_are_in_their_range(seed: u64, draw in 0usize..100, low in 1e-9f64..1.0, factor in 1.001f64..1e6) {
            let high = low * factor;
            for kind in ["uniform", "log_uniform"] {
                let value = parameter(kind, json!([low, high])).draw(seed, draw).unwrap();
                let value = value.as_f64().unwrap();
                prop_assert!((low..=high).contains(&value), "{kind} {value}");
            }
            let whole = parameter("int_uniform", json!([-2, 2])).draw(seed, draw).unwrap();
            prop_assert!((-2..=2).contains(&whole.as_i64().unwrap()));
        }
    }

    #[test]
    fn magnitudes_are_as_likely_as_one_another() {
        let rates = parameter("log_uniform", json!([1e-6, 1e-2]));
        let mut counts = [0; 4];
        for draw in 0..4000 {
            let rate = rates.draw(1, draw).unwrap().as_f64().unwrap();
            counts[(rate.log10() + 6.0) as usize % 4] += 1;
        }
        assert!(
            counts.iter().all(|count| (850..1150).contains(count)),
            "{counts:?}"
        );
    }
}
