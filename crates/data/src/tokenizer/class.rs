//! Tokenizer classes of transformers: which components a directory's tokenizer has.

use serde_json::{Map, Value};

use super::settings::SettingsFiles;
use crate::error::DataError;

/// Components that a class of transformers gives its tokenizers, whatever `tokenizer.json` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pipeline {
    /// WordPiece with BERT's normalizer and pre-tokenizer.
    Bert,
    /// Byte-level BPE.
    Roberta,
    /// Unigram with the spaces of SentencePiece.
    XlmRoberta,
    /// Those of `tokenizer.json`.
    File,
}

/// Tokenizer class of transformers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TokenizerClass {
    /// Name without the suffix `Fast`.
    pub(super) name: &'static str,
    pub(super) pipeline: Pipeline,
    /// Whether the model gets token types, unless `model_input_names` says so; `None` if the
    /// versions of transformers differ.
    pub(super) token_types: Option<bool>,
}

const CLASSES: [TokenizerClass; 12] = [
    class("BertTokenizer", Pipeline::Bert, Some(true)),
    class("DistilBertTokenizer", Pipeline::Bert, Some(false)),
    class("ElectraTokenizer", Pipeline::Bert, Some(true)),
    class("MobileBertTokenizer", Pipeline::Bert, Some(true)),
    class("RobertaTokenizer", Pipeline::Roberta, Some(false)),
    class("XLMRobertaTokenizer", Pipeline::XlmRoberta, Some(false)),
    class("CamembertTokenizer", Pipeline::XlmRoberta, Some(false)),
    class("PreTrainedTokenizer", Pipeline::File, None),
    class("TokenizersBackend", Pipeline::File, None),
    // The versions of transformers differ in the normalizer.
    class("DebertaV2Tokenizer", Pipeline::File, Some(true)),
    class("MPNetTokenizer", Pipeline::File, Some(false)),
    class("AlbertTokenizer", Pipeline::File, None),
];

/// Class of each `model_type`, for directories without `tokenizer_class`.
const MODEL_TYPES: [(&str, TokenizerClass); 13] = [
    ("bert", CLASSES[0]),
    ("distilbert", CLASSES[0]),
    ("electra", CLASSES[0]),
    ("roberta", CLASSES[4]),
    ("xlm-roberta", CLASSES[5]),
    ("camembert", CLASSES[6]),
    ("modernbert", CLASSES[8]),
    ("deberta-v2", CLASSES[9]),
    ("mpnet", CLASSES[10]),
    ("albert", CLASSES[11]),
    ("nomic_bert", CLASSES[0]),
    ("gte", CLASSES[5]),
    ("eurobert", CLASSES[8]),
];

/// Class of MPNet's tokenizers.
pub(super) const MPNET: TokenizerClass = CLASSES[10];

/// Class of tokenizers that this crate trains, and of vocabularies for which nothing says which.
pub(super) const BERT: TokenizerClass = CLASSES[0];

/// Class of byte-level vocabularies for which nothing says which class.
pub(super) const ROBERTA: TokenizerClass = CLASSES[4];

/// Class of tokenizers that are loaded from `tokenizer.json` as it is, as saved.
pub(super) const FILE_CLASS: &str = "PreTrainedTokenizerFast";

const fn class(
    name: &'static str,
    pipeline: Pipeline,
    token_types: Option<bool>,
) -> TokenizerClass {
    TokenizerClass {
        name,
        pipeline,
        token_types,
    }
}

impl TokenizerClass {
    /// Returns the class that `tokenizer_class` in `tokenizer_config.json` names, else that in
    /// `config.json`, else that of `model_type`; `None` if nothing says which.
    ///
    /// # Errors
    /// - [`DataError::InvalidTokenizer`] if `tokenizer_class` is no text or another class.
    pub(super) fn of(
        files: &SettingsFiles,
        config: &Map<String, Value>,
        model: &Map<String, Value>,
    ) -> Result<Option<Self>, DataError> {
        for (path, settings) in [(&files.config, config), (&files.model, model)] {
            let Some(value) = settings
                .get("tokenizer_class")
                .filter(|value| !value.is_null())
            else {
                continue;
            };
            let name = value.as_str().unwrap_or_default();
            let base = name.strip_suffix("Fast").unwrap_or(name);
            let found = CLASSES.into_iter().find(|class| class.name == base);
            return found.map(Some).ok_or_else(|| {
                let names = CLASSES.map(|class| class.name).join(", ");
                let expected = format!("expected one of {names}, with or without \"Fast\"");
                let hint = format!("{FILE_CLASS} loads tokenizer.json as it is");
                DataError::token_setting(
                    path,
                    "tokenizer_class",
                    &format!("{expected} ({hint})"),
                    value,
                )
            });
        }
        let model_type = model.get("model_type").and_then(Value::as_str);
        let known = MODEL_TYPES
            .into_iter()
            .find(|(name, _)| Some(*name) == model_type);
        Ok(known.map(|(_, class)| class))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;

    fn of(config: Value, model: Value) -> Result<Option<&'static str>, DataError> {
        let files = SettingsFiles::beside(Path::new("directory/tokenizer.json"));
        let (config, model) = (config.as_object().unwrap(), model.as_object().unwrap());
        let class = TokenizerClass::of(&files, config, model)?;
        Ok(class.map(|class| class.name))
    }

    #[test]
    fn the_first_file_that_names_a_class_decides() {
        let named = |name: &str| json!({"tokenizer_class": name, "model_type": "roberta"});
        let class = |config, model| of(config, model).unwrap();
        assert_eq!(
            class(named("BertTokenizerFast"), named("RobertaTokenizer")),
            Some("BertTokenizer")
        );
        assert_eq!(
            class(json!({}), named("ElectraTokenizer")),
            Some("ElectraTokenizer")
        );
        let model = json!({"model_type": "xlm-roberta"});
        assert_eq!(class(json!({}), model), Some("XLMRobertaTokenizer"));
        let model = json!({"model_type": "deberta-v2"});
        assert_eq!(class(json!({}), model), Some("DebertaV2Tokenizer"));
        let model = json!({"model_type": "nomic_bert"});
        assert_eq!(class(json!({}), model), Some("BertTokenizer"));
        assert_eq!(class(json!({}), json!({"model_type": "other"})), None);
    }

    #[test]
    fn other_classes_are_refused() {
        for name in [json!("T5Tokenizer"), json!("Fast"), json!(1)] {
            let error = of(json!({"tokenizer_class": name}), json!({})).unwrap_err();
            let error = error.to_string();
            assert!(error.contains("tokenizer_config.json"), "{error}");
            assert!(error.contains("tokenizer_class"), "{error}");
        }
    }
}
