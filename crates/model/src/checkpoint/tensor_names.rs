//! Translation of parameter paths to Hugging Face tensor names.

use super::row_block::RowBlock;
use super::tensor_tables::Table;
use crate::classifier::SequenceClassifierConfig;
use crate::encoder::EncoderConfig;
use crate::family::Family;
use crate::parameters::{Parameter, ParameterKind};

/// Names of a model's parameters in a Hugging Face checkpoint.
#[derive(Debug, Clone, Copy)]
pub struct TensorNames {
    family: Family,
    head: Table,
    tied: Table,
    prefix: &'static str,
    /// Prefix of the paths of a bare encoder, whose paths lack it.
    root: &'static str,
}

impl TensorNames {
    /// Returns the names in a checkpoint of a bare encoder, for an [`Encoder`](crate::Encoder) or a
    /// [`BaseModel`](crate::BaseModel).
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use finetune_model::{EncoderConfig, TensorNames, parameters};
    ///
    /// let config = EncoderConfig::default();
    /// let encoder = config.init(&Device::flex())?;
    /// let names = TensorNames::of_encoder(config.family);
    /// let first = &parameters(&encoder)[0];
    /// assert_eq!(first.path, "embeddings.word_embeddings.weight");
    /// assert_eq!(names.name(first), "embeddings.word_embeddings.weight");
    /// let last = parameters(&encoder).pop();
    /// let last = last.map(|parameter| names.name(&parameter));
    /// assert_eq!(last.as_deref(), Some("encoder.layer.11.output.LayerNorm.bias"));
    /// # Ok::<(), finetune_model::ModelError>(())
    /// ```
    pub fn of_encoder(family: Family) -> Self {
        Self {
            family,
            head: &[],
            tied: &[],
            prefix: "",
            root: "encoder.",
        }
    }

    /// Returns the names in a checkpoint of a classifier. A head without a class in transformers
    /// keeps its paths as names.
    pub fn of_classifier(config: &SequenceClassifierConfig) -> Self {
        let family = config.encoder.family;
        let head = match config.is_of_the_family() {
            true => family.classifier_table(),
            false => &[],
        };
        Self {
            head,
            prefix: family.prefix(),
            root: "",
            ..Self::of_encoder(family)
        }
    }

    /// Returns the names in a checkpoint of a token classifier.
    pub fn of_token_classifier(family: Family) -> Self {
        Self {
            head: family.token_table(),
            prefix: family.prefix(),
            root: "",
            ..Self::of_encoder(family)
        }
    }

    /// Returns the names in a checkpoint for masked language modeling, or for both pre-training
    /// tasks.
    pub fn of_masked_lm(encoder: &EncoderConfig) -> Self {
        let (family, legacy) = (encoder.family, encoder.legacy);
        Self {
            head: family.masked_lm_table(legacy),
            tied: family.tied_names(legacy),
            prefix: family.prefix(),
            root: "",
            ..Self::of_encoder(family)
        }
    }

    /// Returns the name of a parameter in a file that current transformers writes. Parameters that
    /// are blocks of rows of one tensor have its name; see [`Self::row_block`].
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use finetune_model::{EncoderConfig, Family, TensorNames, parameters};
    ///
    /// let config = EncoderConfig::base(Family::DistilBert);
    /// let model = config.init_masked_lm(&Device::flex())?;
    /// let names = TensorNames::of_masked_lm(&config);
    /// let first = &parameters(&model)[0];
    /// assert_eq!(first.path, "encoder.embeddings.word_embeddings.weight");
    /// assert_eq!(names.name(first), "distilbert.embeddings.word_embeddings.weight");
    /// # Ok::<(), finetune_model::ModelError>(())
    /// ```
    pub fn name(&self, parameter: &Parameter) -> String {
        self.name_with(parameter, self.prefix)
    }

    /// Returns the rows of its tensor that a parameter is.
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use finetune_model::{EncoderConfig, Family, RowBlock, TensorNames, parameters};
    ///
    /// let config = EncoderConfig { num_hidden_layers: 1, ..EncoderConfig::base(Family::ModernBert) };
    /// let names = TensorNames::of_encoder(config.family);
    /// let encoder = parameters(&config.init(&Device::flex())?);
    /// let key = encoder.iter().find(|found| found.path == "layers.0.attention.key.weight");
    /// let key = key.map(|key| (names.name(key), names.row_block(key)));
    /// let expected = ("layers.0.attn.Wqkv.weight".to_string(), RowBlock { index: 1, count: 3 });
    /// assert_eq!(key, Some(expected));
    /// # Ok::<(), finetune_model::ModelError>(())
    /// ```
    pub fn row_block(&self, parameter: &Parameter) -> RowBlock {
        let path = self.full_path(parameter);
        match path.starts_with("encoder.") {
            true => self.family.row_block(&path),
            false => RowBlock::WHOLE,
        }
    }

    /// Returns the name of the word embeddings without the family's prefix, and the prefix.
    pub(super) fn word_embeddings(&self) -> (String, &'static str) {
        let path = "encoder.embeddings.word_embeddings.weight".to_string();
        let name = translated(path, self.family.encoder_table());
        (name, self.family.prefix())
    }

    /// Returns the path of a parameter in a model with a head.
    fn full_path(&self, parameter: &Parameter) -> String {
        // The pooler of a next-sentence head is the encoder's.
        let path = parameter.path.strip_prefix("next_sentence.");
        let path = path.filter(|path| path.starts_with("pooler."));
        let path = path.unwrap_or(&parameter.path);
        match path.split_once('.') {
            Some(("encoder" | "pooler", _)) => path.to_string(),
            _ => format!("{}{path}", self.root),
        }
    }

    fn name_with(&self, parameter: &Parameter, prefix: &str) -> String {
        let path = self.full_path(parameter);
        let of_encoder =
            path.starts_with("encoder.") || path.starts_with("pooler.") && self.family.has_pooler();
        let table = if of_encoder {
            self.family.encoder_table()
        } else {
            self.head
        };
        let name = translated(path, table);
        // burn's names of the two parameters of layer normalization are replaced.
        let name = match parameter.kind {
            ParameterKind::NormWeight => with_last(&name, "weight"),
            ParameterKind::NormBias => with_last(&name, "bias"),
            _ => name,
        };
        match of_encoder {
            true => format!("{prefix}{name}"),
            false => name,
        }
    }

    /// Returns all names that a parameter may have in a file, most likely first: with or without
    /// the family's prefix; with `gamma` and `beta` for layer normalization, as in files converted
    /// from TensorFlow; finally tensors that duplicate it.
    pub(crate) fn candidates(&self, parameter: &Parameter) -> Vec<String> {
        let old = match parameter.kind {
            ParameterKind::NormWeight => Some("gamma"),
            ParameterKind::NormBias => Some("beta"),
            _ => None,
        };
        let mut names = Vec::new();
        for prefix in [self.prefix, self.family.prefix(), ""] {
            let name = self.name_with(parameter, prefix);
            let old = old.map(|old| with_last(&name, old));
            names.push(name);
            names.extend(old);
        }
        let tied = self.tied.iter().filter(|(_, path)| *path == parameter.path);
        names.extend(tied.map(|(name, _)| name.to_string()));
        names
    }

    /// Returns whether a tensor contains the position ids, which are not a parameter.
    pub(super) fn is_constant(&self, name: &str) -> bool {
        name.ends_with("embeddings.position_ids")
    }

    /// Returns the path of the parameter that a tensor duplicates.
    pub(super) fn copied_path(&self, name: &str) -> Option<&'static str> {
        let mut tied = self.tied.iter();
        tied.find_map(|(copy, path)| (*copy == name).then_some(*path))
    }
}

/// Replaces the parts of a path by those of the name.
fn translated(path: String, table: Table) -> String {
    let replaced = |name: String, (ours, theirs): &(&str, &str)| name.replacen(ours, theirs, 1);
    table.iter().fold(path, replaced)
}

/// Replaces the part of the name after the last dot.
fn with_last(name: &str, last: &str) -> String {
    match name.rsplit_once('.') {
        Some((rest, _)) => format!("{rest}.{last}"),
        None => last.to_string(),
    }
}
