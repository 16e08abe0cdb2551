//! Reading and writing of `config.json`.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::class_names::{OutputRows, class_names};
use super::config_keys::ConfigKeys;
use super::cross_encoder;
use super::dtype::CheckpointDtype;
use super::encoder_keys::{encoder_keys, encoder_of, key_of};
use crate::classifier::{ProblemType, SequenceClassifierConfig};
use crate::encoder::EncoderConfig;
use crate::error::ModelError;
use crate::family::Family;
use crate::head::{HeadConfig, HeadSize};
use crate::pooling::Pooling;
use crate::token_classifier::TokenClassifierConfig;

/// Configuration of a checkpoint. A saved model takes over the special tokens from it; everything
/// else in its `config.json` is its own.
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
    /// Name of the pooling of the family's classifier, if it has a choice and the checkpoint specifies
    /// it.
    pub classifier_pooling: Option<&'static str>,
    /// Pooling and head of a classifier that transformers has no class for; `None` for other
    /// checkpoints.
    pub pooling_and_head: Option<PoolingAndHead>,
    /// Whether a masked-LM head decodes with the word embeddings (default: true, in EuroBERT false).
    pub tie_word_embeddings: bool,
    /// Element type of the weights that are written (default: f32, whatever was read).
    pub dtype: CheckpointDtype,
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

/// End of the names of token classifiers among the `architectures`.
const TOKEN_CLASSIFIER: &str = "ForTokenClassification";

const CLASSIFIER_POOLING_KEY: &str = "classifier_pooling";

/// Reads the pooling of a family whose classifier has a choice.
fn classifier_pooling(
    keys: &ConfigKeys,
    encoder: &EncoderConfig,
) -> Result<Option<&'static str>, ModelError> {
    let known = encoder.family.classifier_poolings(encoder, 0.0);
    if known.is_empty() {
        return Ok(None);
    }
    let Some(name) = keys.get::<String>(CLASSIFIER_POOLING_KEY, "the name of a pooling")? else {
        return Ok(None);
    };
    let names: Vec<&'static str> = known.into_iter().map(|(name, _)| name).collect();
    match names.iter().find(|found| **found == name) {
        Some(found) => Ok(Some(*found)),
        None => Err(keys.unsupported(CLASSIFIER_POOLING_KEY, &name, &names.join(", "))),
    }
}

/// Keys that a saved model takes over from the checkpoint that it was trained from: ids of tokens,
/// which hold as long as the vocabulary does. Others describe the encoder, which is written anew, or
/// the earlier model, such as its number of labels, its element type or the code that defines it.
const INHERITED: [&str; 6] = [
    "bos_token_id",
    "cls_token_id",
    "eos_token_id",
    "mask_token_id",
    "pad_token_id",
    "sep_token_id",
];

/// Keys and values of a file that depend on the task.
type TaskKeys = Vec<(&'static str, Value)>;

impl CheckpointConfig {
    /// Creates the configuration of a model that does not come from a checkpoint.
    pub fn new(encoder: EncoderConfig) -> Self {
        Self {
            tie_word_embeddings: encoder.tie_word_embeddings,
            encoder,
            class_names: None,
            problem_type: None,
            classifier_dropout: None,
            classifier_pooling: None,
            pooling_and_head: None,
            dtype: CheckpointDtype::F32,
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
        let class_names = class_names(&keys)?;
        let of_transformers = keys.get(
            "problem_type",
            "single_label_classification, multi_label_classification or regression",
        )?;
        let has_one_output = class_names.as_ref().is_some_and(|names| names.len() == 1);
        Ok(Self {
            problem_type: match has_one_output && of_transformers.is_none() {
                true => cross_encoder::problem_type(directory, &keys)?,
                false => of_transformers,
            },
            class_names,
            classifier_dropout: keys.get(dropout, "a number")?,
            classifier_pooling: classifier_pooling(&keys, &encoder)?,
            pooling_and_head,
            tie_word_embeddings: keys
                .get("tie_word_embeddings", "true or false")?
                .unwrap_or(encoder.tie_word_embeddings),
            dtype: CheckpointDtype::F32,
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
                let known = family.classifier_poolings(&self.encoder, dropout);
                let mut known = known.into_iter();
                let named = known.find(|(name, _)| Some(*name) == self.classifier_pooling);
                let named = named.map(|(_, choice)| choice);
                named.unwrap_or_else(|| family.classification_head(&self.encoder, dropout))
            }
        };
        SequenceClassifierConfig {
            pooling,
            head,
            problem_type: self.problem_type_for(class_names),
            ..of_family
        }
    }

    /// Returns the class of transformers that the checkpoint was saved for, such as
    /// `BertForMaskedLM`, if it says so.
    pub fn architecture(&self) -> Option<&str> {
        let names = self.keys.get("architectures");
        names.and_then(|names| names.get(0)).and_then(Value::as_str)
    }

    /// Returns whether the checkpoint says that it is a token classifier.
    pub fn is_token_classifier(&self) -> bool {
        let architecture = self.architecture();
        architecture.is_some_and(|name| name.ends_with(TOKEN_CLASSIFIER))
    }

    /// Returns the configuration of the token classifier for these classes, without a conditional
    /// random field.
    pub fn token_classifier(&self, class_names: &[String]) -> TokenClassifierConfig {
        let family = self.encoder.family;
        TokenClassifierConfig {
            dropout: family.token_dropout(&self.encoder, self.classifier_dropout),
            ..TokenClassifierConfig::new(self.encoder.clone(), class_names.to_vec())
        }
    }

    /// Returns the meaning of the outputs. It is taken from the checkpoint if that is for these
    /// classes; otherwise one output means regression and several mean classes, as in transformers.
    fn problem_type_for(&self, class_names: &[String]) -> ProblemType {
        let said = self.problem_type;
        said.filter(|_| self.output_rows(class_names) != OutputRows::None)
            .unwrap_or(match class_names.len() {
                1 => ProblemType::Regression,
                _ => ProblemType::SingleLabelClassification,
            })
    }

    /// Returns the rows of the checkpoint's classification layer for these classes.
    pub(super) fn output_rows(&self, class_names: &[String]) -> OutputRows {
        OutputRows::of(self.class_names.as_deref(), class_names)
    }

    /// Returns a `config.json` that transformers loads as a sequence classifier, or as a bare
    /// encoder if it has no class for the head.
    pub(super) fn to_classifier_json(&self, config: &SequenceClassifierConfig) -> String {
        let mut task: TaskKeys = vec![("problem_type", json!(config.problem_type))];
        task.extend(label_keys(&config.class_names));
        if let [_] = &config.class_names[..] {
            let activation = cross_encoder::activation(config.problem_type);
            task.push((cross_encoder::KEY, activation));
        }
        let family = config.encoder.family;
        let class = match config.is_of_the_family() {
            true => {
                let dropout = json!(config.head.dropout());
                task.push((key_of(family, "classifier_dropout"), dropout));
                let pooling = config.classifier_pooling_name();
                task.extend(pooling.map(|name| (CLASSIFIER_POOLING_KEY, json!(name))));
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

    /// Returns a `config.json` that transformers loads as a token classifier.
    pub(super) fn to_token_classifier_json(&self, config: &TokenClassifierConfig) -> String {
        let family = config.encoder.family;
        let mut task: TaskKeys = label_keys(&config.class_names).into();
        if family.has_token_dropout() {
            let key = key_of(family, "classifier_dropout");
            task.push((key, json!(config.dropout)));
        }
        self.to_json(&config.encoder, TOKEN_CLASSIFIER, task)
    }

    /// Returns a `config.json` that transformers loads as a masked language model of this class.
    pub(super) fn to_masked_lm_json(&self, class: &str) -> String {
        let tied = json!(self.encoder.tie_word_embeddings);
        let tied = vec![("tie_word_embeddings", tied)];
        self.to_json(&self.encoder, class, tied)
    }

    /// Returns a `config.json` that transformers loads as a bare encoder.
    pub(super) fn to_encoder_json(&self) -> String {
        self.to_json(&self.encoder, "Model", Vec::new())
    }

    fn to_json(&self, encoder: &EncoderConfig, class: &str, task: TaskKeys) -> String {
        let mut keys = self.keys.clone();
        keys.retain(|key, _| INHERITED.contains(&key.as_str()));
        let architecture = format!("{}{class}", encoder.family.class_stem());
        keys.insert("architectures".to_string(), json!([architecture]));
        keys.insert("dtype".to_string(), json!(self.dtype.torch_name()));
        let written = encoder_keys(encoder).into_iter().chain(task);
        keys.extend(written.map(|(key, value)| (key.to_string(), value)));
        if let Family::ModernBert | Family::EuroBert = encoder.family {
            // The default in transformers is a token of the published vocabulary, and too large for a
            // smaller one.
            keys.entry("pad_token_id").or_insert(Value::Null);
        }
        format!("{:#}\n", Value::Object(keys))
    }
}

/// Returns the keys of class names by index, and the reverse.
fn label_keys(class_names: &[String]) -> [(&'static str, Value); 2] {
    let names = class_names.iter().enumerate();
    let id2label = names
        .clone()
        .map(|(index, name)| (index.to_string(), json!(name)));
    let label2id = names.map(|(index, name)| (name.clone(), json!(index)));
    [
        ("id2label", Value::Object(id2label.collect())),
        ("label2id", Value::Object(label2id.collect())),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_earlier_model_only_the_special_tokens_remain() {
        let earlier = json!({
            "_name_or_path": "x", "architectures": ["BertForTokenClassification"],
            "auto_map": {"AutoModel": "code.Model"}, "dtype": "float16", "torch_dtype": "float16",
            "finetuning_task": "mrpc", "id2label": {"0": "x"}, "label2id": {"x": 0},
            "num_labels": 5, "problem_type": "regression", "return_dict": false,
            "task_specific_params": {}, "tie_word_embeddings": false, "torchscript": true,
            "finetune": {"pooling": "mean"}, "pad_token_id": 7, "sep_token_id": 3
        });
        let mut config = CheckpointConfig::new(EncoderConfig::default());
        config.keys = earlier.as_object().unwrap().clone();
        let written = |text: String| serde_json::from_str::<Map<String, Value>>(&text).unwrap();
        let own: Vec<_> = encoder_keys(&config.encoder)
            .into_iter()
            .map(|(key, _)| key)
            .collect();
        let added = |keys: &Map<String, Value>| {
            let mut keys: Vec<&str> = keys.keys().map(String::as_str).collect();
            keys.retain(|key| !own.contains(key));
            keys.sort_unstable();
            keys.join(" ")
        };
        let encoder = written(config.to_encoder_json());
        let kept = "architectures dtype pad_token_id sep_token_id";
        assert_eq!(added(&encoder), kept);
        assert_eq!(
            (&encoder["pad_token_id"], &encoder["dtype"]),
            (&json!(7), &json!("float32"))
        );
        assert_eq!(encoder["architectures"], json!(["BertModel"]));
        let masked = written(config.to_masked_lm_json("ForMaskedLM"));
        assert_eq!(added(&masked), format!("{kept} tie_word_embeddings"));
        let names = ["a", "b", "c"].map(String::from);
        let classifier = written(config.to_classifier_json(&config.classifier(&names)));
        let kept = "architectures classifier_dropout dtype id2label label2id pad_token_id \
                    problem_type sep_token_id";
        assert_eq!(added(&classifier), kept);
        assert_eq!(
            classifier["id2label"],
            json!({"0": "a", "1": "b", "2": "c"})
        );
        assert_eq!(classifier["problem_type"], "single_label_classification");
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
                Family::ModernBert | Family::NomicBert | Family::EuroBert => 0.0,
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
            (&topics, &["b", "a"], labels),
            (&topics, &["b", "c"], classes),
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
