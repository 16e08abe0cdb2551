//! What a study consists of: candidates, each tried several times.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// A point of a study: a variant with a value of each parameter. Its trials differ in seed and fold only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// The variant's name; nothing in a study without variants.
    pub variant: Option<String>,
    /// A value of each parameter, by the parameter' name, in their order.
    pub values: Vec<(String, Value)>,
}

/// The rows that a trial is tested on, if these are a fold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Fold {
    /// Which, from 0.
    pub index: usize,
    /// Of how many.
    pub of: usize,
    /// The seed that rows are dealt with.
    pub seed: u64,
}

/// One run of an experiment: a function of its settings.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial<C> {
    /// Its number in the study, from 0.
    pub index: usize,
    /// Its name, also of its folder: what it is, and a hash of all that its result depends on.
    pub id: String,
    /// Its point, a position in the study's candidates.
    pub candidate: usize,
    /// Its rung in a study that halves, from 0; 0 in others.
    pub rung: usize,
    /// Its seed, if the experiment has any.
    pub seed: Option<u64>,
    /// What it is tested on; nothing for the data's own test rows.
    pub fold: Option<Fold>,
    /// Every setting.
    pub config: C,
    /// The same as JSON.
    pub settings: Value,
}

impl Candidate {
    /// For tables: the variant, then each value with its parameter.
    pub fn label(&self) -> String {
        let values = self.values.iter();
        let values = values.map(|(name, value)| format!("{name} {}", shown(value)));
        let parts: Vec<String> = self.variant.iter().cloned().chain(values).collect();
        parts.join(", ")
    }
}

impl<C> Trial<C> {
    /// What tells it from the other trials of its candidate; trials of two candidates with the
    /// same seed and fold pair up.
    pub fn replicate(&self) -> (Option<u64>, Option<Fold>) {
        (self.seed, self.fold)
    }

    /// For people: the candidate's label with seed and fold.
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

/// The name of a trial: letters that every file system takes, and a hash.
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

/// The first 12 hexadecimal digits of the hash of a value as JSON.
pub(super) fn hash(value: &impl Serialize) -> String {
    // Values of this module: nothing that JSON could refuse.
    let json = serde_json::to_vec(value).unwrap_or_default();
    let digest = Sha256::digest(&json);
    digest
        .iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// A value for people: small numbers as `2e-5`, and at most four digits of others.
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

/// A value for programs: text as it is, numbers in full.
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
