//! `config.json`: what this crate reads of it, and what it writes.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::config_keys::ConfigKeys;
use super::encoder_keys::{encoder_keys, encoder_of, key_of};
use crate::head::HeadConfig;
use crate::{EncoderConfig, Family, ModelError, Pooling, ProblemType, SequenceClassifierConfig};

/// The configuration of a checkpoint. Keys that this crate does not use are kept, so that a saved
/// model says of itself whatever its ancestor said.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckpointConfig {
    /// The shape of the encoder.
    pub encoder: EncoderConfig,
    /// Names of the classes by index, where the checkpoint is a classifier with names.
    pub class_names: Option<Vec<String>>,
    /// What the outputs of the classifier are, where the checkpoint says so.
    pub problem_type: Option<ProblemType>,
    /// Dropout of the classifier, where it differs from the encoder's.
    pub classifier_dropout: Option<f64>,
    /// Pooling and head of a classifier that transformers has no class for.
    pub own_head: Option<OwnHead>,
    /// Whether a head for masked language modelling decodes with the word embeddings.
    pub tie_word_embeddings: bool,
    keys: Map<String, Value>,
}

/// Pooling and head of a classifier that transformers has no class for, kept under the key
/// `finetune`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnHead {
    /// From tokens to texts.
    pub pooling: Pooling,
    /// From texts to outputs.
    pub head: HeadConfig,
}

const OWN_HEAD_KEY: &str = "finetune";

/// Dropout of DistilBERT's classifier where `config.json` does not say, whatever the encoder's.
const DISTILBERT_CLASSIFIER_DROPOUT: f64 = 0.2;

/// A task's part of a file: keys and their values.
type TaskKeys = Vec<(&'static str, Value)>;

impl CheckpointConfig {
    /// The configuration of a model made here.
    pub fn new(encoder: EncoderConfig) -> Self {
        Self {
            encoder,
            class_names: None,
            problem_type: None,
            classifier_dropout: None,
            own_head: None,
            tie_word_embeddings: true,
            keys: Map::new(),
        }
    }

    /// Reads `config.json` of a folder.
    ///
    /// The sizes of the model have to be there; what else is missing has the family's defaults in
    /// transformers.
    ///
    /// # Errors
    /// [`ModelError::Io`] or [`ModelError::ConfigSyntax`] if there is no such file or it is no
    /// such JSON, [`ModelError::MissingKey`] and [`ModelError::ConfigValue`] for a key that is
    /// missing or has a value of the wrong kind, [`ModelError::Unsupported`] if it describes
    /// another architecture, and [`ModelError::InvalidConfig`] if its sizes make no model.
    pub fn read(directory: &Path) -> Result<Self, ModelError> {
        let keys = ConfigKeys::read(directory)?;
        let encoder = encoder_of(&keys)?;
        encoder.validate()?;
        let dropout = key_of(encoder.family, "classifier_dropout");
        let names: Option<BTreeMap<usize, String>> =
            keys.get("id2label", "names of classes by number")?;
        // A name for every index from 0, or none at all.
        let names = names.filter(|names| names.keys().copied().eq(0..names.len()));
        Ok(Self {
            class_names: names.map(|names| names.into_values().collect()),
            problem_type: keys.get(
                "problem_type",
                "single_label_classification, multi_label_classification or regression",
            )?,
            classifier_dropout: keys.get(dropout, "a number")?,
            own_head: keys.get(OWN_HEAD_KEY, "a pooling and a head")?,
            tie_word_embeddings: keys
                .get("tie_word_embeddings", "true or false")?
                .unwrap_or(true),
            encoder,
            keys: keys.keys,
        })
    }

    /// The classifier that the checkpoint is for, with these classes: the one it was saved from,
    /// or else that of its family.
    pub fn classifier(&self, class_names: &[String]) -> SequenceClassifierConfig {
        let of_family = SequenceClassifierConfig::new(self.encoder.clone(), class_names.to_vec());
        let (pooling, head) = match &self.own_head {
            Some(own) => (own.pooling, own.head.clone()),
            None => {
                let family = self.encoder.family;
                let unsaid = match family {
                    Family::DistilBert => DISTILBERT_CLASSIFIER_DROPOUT,
                    _ => self.encoder.hidden_dropout_prob,
                };
                let dropout = self.classifier_dropout.unwrap_or(unsaid);
                family.classification_head(self.encoder.hidden_size, dropout)
            }
        };
        SequenceClassifierConfig {
            pooling,
            head,
            problem_type: self.problem_type_for(class_names),
            ..of_family
        }
    }

    /// What the outputs are: what the checkpoint says if it is for these classes; otherwise one
    /// output is a number and several are classes, as in transformers.
    fn problem_type_for(&self, class_names: &[String]) -> ProblemType {
        let said = self.problem_type.filter(|_| self.is_for(class_names));
        said.unwrap_or(match class_names.len() {
            1 => ProblemType::Regression,
            _ => ProblemType::SingleLabelClassification,
        })
    }

    /// Whether a classification layer of this checkpoint is for these classes: it names the same
    /// ones in the same order, or it names none.
    pub(super) fn is_for(&self, class_names: &[String]) -> bool {
        let unnamed = |names: &[String]| {
            names.len() == class_names.len() && names.iter().all(|name| name.starts_with("LABEL_"))
        };
        match self.class_names.as_deref() {
            Some(names) => names == class_names || unnamed(names),
            None => true,
        }
    }

    /// The text of a `config.json` with which transformers loads a sequence classifier, or at
    /// least its encoder if it has no class for the head.
    pub(super) fn to_classifier_json(&self, config: &SequenceClassifierConfig) -> String {
        let names = config.class_names.iter().enumerate();
        let id2label = names
            .clone()
            .map(|(index, name)| (index.to_string(), json!(name)));
        let label2id = names.map(|(index, name)| (name.clone(), json!(index)));
        let mut task: TaskKeys = vec![
            ("problem_type", json!(config.problem_type)),
            ("id2label", Value::Object(id2label.collect())),
            ("label2id", Value::Object(label2id.collect())),
        ];
        let family = config.encoder.family;
        let class = match config.is_of_the_family() {
            true => {
                let dropout = json!(config.head.dropout());
                task.push((key_of(family, "classifier_dropout"), dropout));
                "ForSequenceClassification"
            }
            false => {
                let own = json!({"pooling": config.pooling, "head": config.head});
                task.push((OWN_HEAD_KEY, own));
                "Model"
            }
        };
        self.to_json(&config.encoder, class, task)
    }

    /// The text of a `config.json` with which transformers loads a model for masked language
    /// modelling.
    pub(super) fn to_masked_lm_json(&self) -> String {
        let tied = vec![("tie_word_embeddings", json!(true))];
        self.to_json(&self.encoder, "ForMaskedLM", tied)
    }

    /// The text of a `config.json` with which transformers loads a bare encoder.
    pub(super) fn to_encoder_json(&self) -> String {
        self.to_json(&self.encoder, "Model", Vec::new())
    }

    fn to_json(&self, encoder: &EncoderConfig, class: &str, task: TaskKeys) -> String {
        let mut keys = self.keys.clone();
        // These speak of the ancestor's file, not of this one.
        for key in ["_name_or_path", "torch_dtype", OWN_HEAD_KEY] {
            keys.remove(key);
        }
        let architecture = format!("{}{class}", encoder.family.class_stem());
        keys.insert("architectures".to_string(), json!([architecture]));
        keys.insert("dtype".to_string(), json!("float32"));
        let written = encoder_keys(encoder).into_iter().chain(task);
        keys.extend(written.map(|(key, value)| (key.to_string(), value)));
        format!("{:#}\n", Value::Object(keys))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_problem_is_inherited_with_the_classes_alone() {
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let of_file = |class_names: &[&str], problem_type| CheckpointConfig {
            class_names: Some(names(class_names)),
            problem_type,
            ..CheckpointConfig::new(EncoderConfig::default())
        };
        let (classes, labels) = (
            ProblemType::SingleLabelClassification,
            ProblemType::MultiLabelClassification,
        );
        let score = of_file(&["LABEL_0"], Some(ProblemType::Regression));
        let topics = of_file(&["a", "b"], Some(labels));
        let unsaid = of_file(&["LABEL_0"], None);
        for (config, asked, expected) in [
            (&score, &["score"][..], ProblemType::Regression),
            (&score, &["no", "yes"], classes),
            (&topics, &["a", "b"], labels),
            (&topics, &["b", "a"], classes),
            (&unsaid, &["LABEL_0"], ProblemType::Regression),
        ] {
            assert_eq!(
                config.classifier(&names(asked)).problem_type,
                expected,
                "{asked:?}"
            );
        }
    }
}
