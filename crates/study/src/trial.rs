//! Candidates and trials of a study.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::config_overrides::read;
use crate::error::StudyError;

/// Candidate of a study: a variant with one value per parameter. Its trials differ only in seed,
/// fold and rung.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// Name of the variant; `None` in a study without variants.
    pub variant: Option<String>,
    /// Label and value of each parameter, in the order of the parameters.
    pub values: Vec<(String, Value)>,
}

/// Cross-validation fold that a trial is tested on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fold {
    /// Index of the fold, from 0.
    pub index: usize,
    /// Number of folds.
    pub of: usize,
    /// Seed that assigns rows to folds.
    pub seed: u64,
}

/// One run of an experiment, a pure function of its settings.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// Number in the study, from 0.
    pub index: usize,
    /// ID, also the name of its directory: a readable label and a hash of the settings and the
    /// fold.
    pub id: String,
    /// Index of the candidate in the study.
    pub candidate: usize,
    /// Rung of successive halving, from 0; 0 without halving.
    pub rung: usize,
    /// Random seed, if the experiment has one.
    pub seed: Option<u64>,
    /// Fold to test on; `None` for the dataset's own test rows.
    pub fold: Option<Fold>,
    /// Full settings as JSON; see [`Self::config`].
    pub settings: Value,
}

impl Candidate {
    /// Returns the label in tables: the variant, then the label and value of each parameter.
    pub fn label(&self) -> String {
        let values = self.values.iter();
        let values = values.map(|(name, value)| format!("{name} {}", shown(value)));
        let parts: Vec<String> = self.variant.iter().cloned().chain(values).collect();
        parts.join(", ")
    }
}

impl Trial {
    /// Returns the full settings as the settings of an experiment.
    ///
    /// # Errors
    /// [`StudyError::InvalidConfig`] if they are those of another experiment.
    pub fn config<C: DeserializeOwned>(&self) -> Result<C, StudyError> {
        read(&self.settings, &self.id)
    }

    /// Returns seed and fold, which distinguish the trials of one candidate. Trials of two
    /// candidates with the same seed and fold form a pair.
    pub fn replicate(&self) -> (Option<u64>, Option<Fold>) {
        (self.seed, self.fold)
    }

    /// Returns a readable label: the candidate's label, seed and fold.
    pub fn label(&self, candidate: &Candidate) -> String {
        let seed = self.seed.map(|seed| format!("seed {seed}"));
        let fold = self
            .fold
            .map(|fold| format!("fold {} of {}", fold.index + 1, fold.of));
        let of_candidate = Some(candidate.label()).filter(|label| !label.is_empty());
        let parts: Vec<String> = of_candidate.into_iter().chain(seed).chain(fold).collect();
        parts.join(", ")
    }
}

/// Returns the ID of a trial: characters that every file system accepts, and a hash.
pub(super) fn id(
    candidate: &Candidate,
    seed: Option<u64>,
    fold: Option<Fold>,
    settings: &Value,
) -> String {
    let mut name = String::new();
    for character in candidate.label().chars() {
        match character {
            'a'..='z' | '0'..='9' | '.' | '_' => name.push(character),
            'A'..='Z' => name.push(character.to_ascii_lowercase()),
            _ if name.ends_with('-') || name.is_empty() => {}
            _ => name.push('-'),
        }
    }
    name.truncate(LONGEST_NAME);
    let mut name = name.trim_matches(['-', '.']).to_string();
    for (what, number) in [("seed", seed), ("fold", fold.map(|fold| fold.index as u64))] {
        if let Some(number) = number {
            let dash = if name.is_empty() { "" } else { "-" };
            name += &format!("{dash}{what}{number}");
        }
    }
    let dash = if name.is_empty() { "" } else { "-" };
    format!("{name}{dash}{}", hash(&(settings, fold)))
}

const LONGEST_NAME: usize = 60;

/// Returns the first 12 hexadecimal digits of the SHA-256 hash of a value as JSON.
pub(super) fn hash(value: &impl Serialize) -> String {
    // Values of this module always serialize.
    let json = serde_json::to_vec(value).unwrap_or_default();
    let digest = Sha256::digest(&json);
    digest
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Formats a value for reading: numbers in their shorter form, plain or scientific (`2e-5`),
/// rounded to four digits if they are long.
pub(super) fn shown(value: &Value) -> String {
    let number = match value {
        Value::String(text) => return text.clone(),
        Value::Number(number) if number.is_f64() => number.as_f64(),
        other => return other.to_string(),
    };
    let number = number.unwrap_or(f64::NAN);
    let (plain, scientific) = (format!("{number}"), format!("{number:e}"));
    let short = if scientific.len() < plain.len() {
        scientific
    } else {
        plain
    };
    if short.len() > 8 {
        format!("{number:.3e}")
    } else {
        short
    }
}

/// Formats a value exactly: strings without quotes, numbers in full.
pub(super) fn shown_exactly(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn candidate() -> Candidate {
        Candidate {
            variant: Some("Last two layers".into()),
            values: vec![
                ("learning_rate".into(), json!(2e-5)),
                ("rows".into(), json!(32)),
            ],
        }
    }

    #[test]
    fn a_name_says_what_a_trial_is() {
        let settings = json!({"a": 1});
        let fold = Fold {
            index: 3,
            of: 10,
            seed: 42,
        };
        let id = id(&candidate(), Some(7), Some(fold), &settings);
        let (name, hash) = id.rsplit_once('-').unwrap();
        assert_eq!(
            name,
            "last-two-layers-learning_rate-2e-5-rows-32-seed7-fold3"
        );
        assert_eq!(hash.len(), 12);
    }

    #[test]
    fn the_hash_is_of_all_that_the_result_depends_on() {
        let fold = |index| {
            Some(Fold {
                index,
                of: 10,
                seed: 42,
            })
        };
        let nameless = Candidate {
            variant: None,
            values: vec![],
        };
        let ids = [
            id(&nameless, None, None, &json!({"a": 1})),
            id(&nameless, None, None, &json!({"a": 2})),
            id(&nameless, None, fold(0), &json!({"a": 1})),
            id(&nameless, None, fold(1), &json!({"a": 1})),
        ];
        let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(distinct.len(), 4);
        assert_eq!(ids[0].len(), 12);
    }

    #[test]
    fn long_and_strange_names_become_short_and_plain() {
        let strange = Candidate {
            variant: Some(format!("../Ünïcode/{}", "x".repeat(200))),
            values: vec![],
        };
        let id = id(&strange, None, None, &json!({}));
        assert!(id.len() <= LONGEST_NAME + 13, "{id}");
        assert!(!id.starts_with('.') && !id.contains('/'), "{id}");
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(shown(&json!(0.002)), "2e-3");
        assert_eq!(shown(&json!(0.25)), "0.25");
        assert_eq!(shown(&json!(1.0)), "1");
        assert_eq!(shown(&json!(3.141_592_653_589e-5)), "3.142e-5");
        assert_eq!(shown(&json!(16)), "16");
        assert_eq!(shown(&json!({"epochs": 3})), r#"{"epochs":3}"#);
    }
}
