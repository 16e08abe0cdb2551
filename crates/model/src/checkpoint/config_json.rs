//! Reading and writing of `config.json`.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::config_keys::ConfigKeys;
use super::encoder_keys::{encoder_keys, encoder_of, key_of};
use crate::classifier::{ProblemType, SequenceClassifierConfig};
use crate::encoder::EncoderConfig;
use crate::error::ModelError;
use crate::head::{HeadConfig, HeadSize};
use crate::pooling::Pooling;

/// Configuration of a checkpoint. Unused keys are kept, so that a saved model retains the metadata
/// of the checkpoint it was trained from.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckpointConfig {
    /// Configuration of the encoder.
    pub encoder: EncoderConfig,
    /// Class names by index, if the checkpoint is a classifier with names.
    pub class_names: Option<Vec<String>>,
    /// Meaning of the classifier's outputs, if the checkpoint specifies it.
    pub problem_type: Option<ProblemType>,
    /// Dropout probability of the classifier, if it differs from the encoder's.
    pub classifier_dropout: Option<f64>,
    /// Pooling and head of a classifier that transformers has no class for; `None` for other
    /// checkpoints.
    pub pooling_and_head: Option<PoolingAndHead>,
    /// Whether a masked-LM head decodes with the word embeddings (default: true).
    pub tie_word_embeddings: bool,
    keys: Map<String, Value>,
}

/// Pooling and head of a classifier that transformers has no class for, stored under the key
/// `finetune`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PoolingAndHead {
    /// Pooling of hidden states into one vector per text.
    pub pooling: Pooling,
    /// Head that computes the outputs from the pooled vectors.
    pub head: HeadConfig,
}

impl PoolingAndHead {
    /// Checks that pooling and head fit the encoder; the number of classes is not checked.
    fn validate(&self, encoder: &EncoderConfig) -> Result<(), ModelError> {
        self.pooling.validate(encoder)?;
        let bins = self.head.score_bins()?;
        self.head.validate(HeadSize {
            hidden_size: self.pooling.width(encoder.hidden_size),
            num_labels: bins.map_or(1, |bins| bins.count()),
        })
    }
}

const POOLING_AND_HEAD_KEY: &str = "finetune";

/// Keys that describe the original file and not the saved one. transformers would use an old
/// `num_labels` as the number of classes and discard `id2label`.
const OF_THE_ANCESTOR: [&str; 5] = [
    "_name_or_path",
    "_num_labels",
    "num_labels",
    "torch_dtype",
    POOLING_AND_HEAD_KEY,
];

/// Keys and values of a file that depend on the task.
type TaskKeys = Vec<(&'static str, Value)>;

impl CheckpointConfig {
    /// Creates the configuration of a model that does not come from a checkpoint.
    pub fn new(encoder: EncoderConfig) -> Self {
        Self {
            encoder,
            class_names: None,
            problem_type: None,
            classifier_dropout: None,
            pooling_and_head: None,
            tie_word_embeddings: true,
            keys: Map::new(),
        }
    }

    /// Reads the `config.json` of a directory.
    ///
    /// The sizes of the model are required. Other missing keys get the family's defaults in
    /// transformers.
    ///
    /// # Errors
    /// - [`ModelError::Io`] if the file cannot be read.
    /// - [`ModelError::Json`] if the file is not a valid JSON object.
    /// - [`ModelError::InvalidConfigFile`] if a required key is missing, a value has the wrong type
    ///   or is out of range, or the file describes an unsupported architecture.
    pub fn read(directory: &Path) -> Result<Self, ModelError> {
        let keys = ConfigKeys::read(directory)?;
        let encoder = encoder_of(&keys)?;
        let key_of_field = |field| key_of(encoder.family, field);
        let in_file = |error: ModelError| error.in_file(&keys.path, key_of_field);
        encoder.validate().map_err(in_file)?;
        let pooling_and_head: Option<PoolingAndHead> = keys.get(
            POOLING_AND_HEAD_KEY,
            "a pooling and a head of kind mlp, cosine or custom",
        )?;
        if let Some(own) = &pooling_and_head {
            own.validate(&encoder).map_err(in_file)?;
        }
        let dropout = key_of(encoder.family, "classifier_dropout");
        Ok(Self {
            class_names: class_names(&keys)?,
            problem_type: keys.get(
                "problem_type",
                "single_label_classification, multi_label_classification or regression",
            )?,
            classifier_dropout: keys.get(dropout, "a number")?,
            pooling_and_head,
            tie_word_embeddings: keys
                .get("tie_word_embeddings", "true or false")?
                .unwrap_or(true),
            encoder,
            keys: keys.keys,
        })
    }

    /// Returns the configuration of the classifier for these classes: the one the checkpoint was
    /// saved from, otherwise that of its family.
    pub fn classifier(&self, class_names: &[String]) -> SequenceClassifierConfig {
        let of_family = SequenceClassifierConfig::new(self.encoder.clone(), class_names.to_vec());
        let (pooling, head) = match &self.pooling_and_head {
            Some(own) => (own.pooling, own.head.clone()),
            None => {
                let family = self.encoder.family;
                let unsaid = family.classifier_dropout(self.encoder.hidden_dropout_prob);
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

    /// Returns the meaning of the outputs. It is taken from the checkpoint if that is for these
    /// classes; otherwise one output means regression and several mean classes, as in transformers.
    fn problem_type_for(&self, class_names: &[String]) -> ProblemType {
        let said = self.problem_type.filter(|_| self.is_for(class_names));
        said.unwrap_or(match class_names.len() {
            1 => ProblemType::Regression,
            _ => ProblemType::SingleLabelClassification,
        })
    }

    /// Returns whether the checkpoint's classification layer is for these classes: it has the same
    /// names in the same order, or no names.
    pub(super) fn is_for(&self, class_names: &[String]) -> bool {
        let unnamed = |names: &[String]| {
            names.len() == class_names.len() && names.iter().all(|name| name.starts_with("LABEL_"))
        };
        match self.class_names.as_deref() {
            Some(names) => names == class_names || unnamed(names),
            None => true,
        }
    }

    /// Returns a `config.json` that transformers loads as a sequence classifier, or as a bare
    /// encoder if it has no class for the head.
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
                task.push((POOLING_AND_HEAD_KEY, own));
                "Model"
            }
        };
        self.to_json(&config.encoder, class, task)
    }

    /// Returns a `config.json` that transformers loads as a masked language model of this class.
    pub(super) fn to_masked_lm_json(&self, class: &str) -> String {
        let tied = vec![("tie_word_embeddings", json!(true))];
        self.to_json(&self.encoder, class, tied)
    }

    /// Returns a `config.json` that transformers loads as a bare encoder.
    pub(super) fn to_encoder_json(&self) -> String {
        self.to_json(&self.encoder, "Model", Vec::new())
    }

    fn to_json(&self, encoder: &EncoderConfig, class: &str, task: TaskKeys) -> String {
        let mut keys = self.keys.clone();
        for key in OF_THE_ANCESTOR {
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

/// Returns the class names, if the file has any.
fn class_names(keys: &ConfigKeys) -> Result<Option<Vec<String>>, ModelError> {
    const KEY: &str = "id2label";
    let names: Option<BTreeMap<usize, String>> = keys.get(KEY, "names of classes by number")?;
    let Some(names) = names else {
        return Ok(None);
    };
    if !names.keys().copied().eq(0..names.len()) {
        let numbers: Vec<_> = names.keys().collect();
        let found = format!("names for {numbers:?}");
        return Err(keys.value(KEY, found, "a name for every number from 0"));
    }
    Ok(Some(names.into_values().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::Family;

    #[test]
    fn what_the_ancestor_says_of_its_own_file_is_not_written() {
        let old = ["_name_or_path", "torch_dtype", "num_labels", "_num_labels"];
        let mut config = CheckpointConfig::new(EncoderConfig::default());
        for key in old.into_iter().chain(["pad_token_id"]) {
            config.keys.insert(key.to_string(), json!(2));
        }
        let names = ["a", "b", "c"].map(String::from);
        let text = config.to_classifier_json(&config.classifier(&names));
        let written: Map<String, Value> = serde_json::from_str(&text).unwrap();
        for key in old {
            assert!(!written.contains_key(key), "{key}");
        }
        assert_eq!(written["id2label"], json!({"0": "a", "1": "b", "2": "c"}));
        // Other keys of the original file are kept.
        assert_eq!(written["pad_token_id"], 2);
    }

    #[test]
    fn a_family_has_one_dropout_before_its_classes() {
        for family in Family::ALL {
            let encoder = EncoderConfig::base(family);
            let names = ["no", "yes"].map(String::from);
            let fresh = SequenceClassifierConfig::new(encoder.clone(), names.to_vec());
            assert_eq!(CheckpointConfig::new(encoder).classifier(&names), fresh);
            let expected = match family {
                Family::DistilBert => 0.2,
                _ => 0.1,
            };
            assert_eq!(fresh.head.dropout(), expected, "{family}");
        }
    }

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
