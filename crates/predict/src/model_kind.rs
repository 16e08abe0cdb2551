//! Kinds of models, and how a directory is recognized as one.

use std::path::Path;

use finetune_model::{CheckpointConfig, EmbeddingCheckpoint};

/// What a model says about a text, and with it the type that loads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelKind {
    /// Classes or scores of a text or a pair, by a [`Predictor`](crate::Predictor).
    Texts,
    /// A class of each word, by a [`TokenPredictor`](crate::TokenPredictor).
    Tokens,
    /// A vector, by an [`Embedder`](crate::Embedder).
    Embeddings,
    /// Masked tokens: a pre-trained model to start from.
    MaskedLm,
    /// Hidden states: an encoder to start from.
    Encoder,
}

impl ModelKind {
    /// Returns the kind of the model in a directory, by the class that its `config.json` names. What
    /// cannot be read or names none has the kind [`Self::Texts`], whose predictor says what is missing.
    pub fn of(directory: &Path) -> Self {
        if EmbeddingCheckpoint::is_in(directory).is_ok_and(|is_in| is_in) {
            return Self::Embeddings;
        }
        let Ok(checkpoint) = CheckpointConfig::read(directory) else {
            return Self::Texts;
        };
        if checkpoint.is_token_classifier() {
            return Self::Tokens;
        }
        let has_own_head = checkpoint.pooling_and_head.is_some();
        match checkpoint.architecture() {
            Some(name) if name.ends_with("ForMaskedLM") || name.ends_with("ForPreTraining") => {
                Self::MaskedLm
            }
            // A head that transformers does not know is saved with the class of the encoder.
            Some(name) if name.ends_with("Model") && !has_own_head => Self::Encoder,
            _ => Self::Texts,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_class_in_the_configuration_is_the_kind() {
        let place = tempfile::tempdir().unwrap();
        let kind = |class: &str| {
            let json = format!(
                r#"{{"model_type": "bert", "architectures": [{class:?}], "vocab_size": 60, "hidden_size": 16,
                "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32,
                "max_position_embeddings": 8}}"#
            );
            std::fs::write(place.path().join("config.json"), json).unwrap();
            ModelKind::of(place.path())
        };
        for (class, expected) in [
            ("BertForSequenceClassification", ModelKind::Texts),
            ("BertForTokenClassification", ModelKind::Tokens),
            ("BertForMaskedLM", ModelKind::MaskedLm),
            ("BertForPreTraining", ModelKind::MaskedLm),
            ("BertModel", ModelKind::Encoder),
        ] {
            assert_eq!(kind(class), expected, "{class}");
        }
        let modules = r#"[{"idx": 0, "name": "0", "path": "", "type": "a.Transformer"},
            {"idx": 1, "name": "1", "path": "1_Pooling", "type": "a.Pooling"}]"#;
        std::fs::write(place.path().join("modules.json"), modules).unwrap();
        assert_eq!(kind("BertModel"), ModelKind::Embeddings);
        assert_eq!(ModelKind::of(&place.path().join("none")), ModelKind::Texts);
    }
}
