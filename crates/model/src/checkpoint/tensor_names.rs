//! Translation of parameter paths to Hugging Face tensor names, with a table per family.

use crate::classifier::SequenceClassifierConfig;
use crate::family::Family;
use crate::parameters::{Parameter, ParameterKind};

/// Replacements of path parts (first) by parts of a tensor name (second), applied in order.
type Table = &'static [(&'static str, &'static str)];

/// Encoder of BERT, RoBERTa and ELECTRA, without the family's prefix.
const BERT: Table = &[
    ("encoder.embeddings.norm.", "embeddings.LayerNorm."),
    ("encoder.embeddings.projection.", "embeddings_project."),
    ("encoder.embeddings.", "embeddings."),
    ("encoder.layers.", "encoder.layer."),
    (".attention.query.", ".attention.self.query."),
    (".attention.key.", ".attention.self.key."),
    (".attention.value.", ".attention.self.value."),
    (".attention.output.", ".attention.output.dense."),
    (".attention.norm.", ".attention.output.LayerNorm."),
    (".feed_forward.intermediate.", ".intermediate.dense."),
    (".feed_forward.output.", ".output.dense."),
    (".feed_forward.norm.", ".output.LayerNorm."),
];

/// Encoder of DistilBERT, without the family's prefix.
const DISTILBERT: Table = &[
    ("encoder.embeddings.norm.", "embeddings.LayerNorm."),
    ("encoder.embeddings.", "embeddings."),
    ("encoder.layers.", "transformer.layer."),
    (".attention.query.", ".attention.q_lin."),
    (".attention.key.", ".attention.k_lin."),
    (".attention.value.", ".attention.v_lin."),
    (".attention.output.", ".attention.out_lin."),
    (".attention.norm.", ".sa_layer_norm."),
    (".feed_forward.intermediate.", ".ffn.lin1."),
    (".feed_forward.output.", ".ffn.lin2."),
    (".feed_forward.norm.", ".output_layer_norm."),
];

impl Family {
    fn encoder_table(self) -> Table {
        match self {
            Self::DistilBert => DISTILBERT,
            _ => BERT,
        }
    }

    /// Returns the prefix of the encoder's tensors in a checkpoint with a head.
    fn prefix(self) -> &'static str {
        match self {
            Self::Bert => "bert.",
            Self::DistilBert => "distilbert.",
            Self::Roberta | Self::XlmRoberta | Self::Camembert => "roberta.",
            Self::Electra => "electra.",
        }
    }

    fn classifier_table(self) -> Table {
        match self {
            Self::Bert => &[("head.output.", "classifier.")],
            Self::DistilBert => &[
                ("head.hidden.0.", "pre_classifier."),
                ("head.output.", "classifier."),
            ],
            _ => &[
                ("head.hidden.0.", "classifier.dense."),
                ("head.output.", "classifier.out_proj."),
            ],
        }
    }

    fn masked_lm_table(self) -> Table {
        match self {
            Self::Bert => &[
                ("head.transform.", "cls.predictions.transform.dense."),
                ("head.norm.", "cls.predictions.transform.LayerNorm."),
                ("head.bias", "cls.predictions.bias"),
                ("next_sentence.output.", "cls.seq_relationship."),
            ],
            Self::DistilBert => &[
                ("head.transform.", "vocab_transform."),
                ("head.norm.", "vocab_layer_norm."),
                ("head.bias", "vocab_projector.bias"),
            ],
            Self::Roberta | Self::XlmRoberta | Self::Camembert => &[
                ("head.transform.", "lm_head.dense."),
                ("head.norm.", "lm_head.layer_norm."),
                ("head.bias", "lm_head.bias"),
            ],
            Self::Electra => &[
                ("head.transform.", "generator_predictions.dense."),
                ("head.norm.", "generator_predictions.LayerNorm."),
                ("head.bias", "generator_lm_head.bias"),
            ],
        }
    }

    /// Returns tensors of a masked LM checkpoint that duplicate a parameter, with its path: the
    /// decoder is tied to the word embeddings, and old checkpoints contain its bias twice.
    fn tied_names(self) -> Table {
        const WORDS: &str = "encoder.embeddings.word_embeddings.weight";
        match self {
            Self::Bert => &[
                ("cls.predictions.decoder.weight", WORDS),
                ("cls.predictions.decoder.bias", "head.bias"),
            ],
            Self::DistilBert => &[("vocab_projector.weight", WORDS)],
            Self::Roberta | Self::XlmRoberta | Self::Camembert => &[
                ("lm_head.decoder.weight", WORDS),
                ("lm_head.decoder.bias", "head.bias"),
            ],
            Self::Electra => &[("generator_lm_head.weight", WORDS)],
        }
    }
}

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

    /// Returns the names in a checkpoint for masked language modeling, or for both pre-training
    /// tasks.
    pub fn of_masked_lm(family: Family) -> Self {
        Self {
            head: family.masked_lm_table(),
            tied: family.tied_names(),
            prefix: family.prefix(),
            root: "",
            ..Self::of_encoder(family)
        }
    }

    /// Returns the name of a parameter in a file that current transformers writes.
    ///
    /// ```
    /// use burn::tensor::Device;
    /// use finetune_model::{EncoderConfig, Family, TensorNames, parameters};
    ///
    /// let config = EncoderConfig::base(Family::DistilBert);
    /// let model = config.init_masked_lm(&Device::flex())?;
    /// let names = TensorNames::of_masked_lm(config.family);
    /// let first = &parameters(&model)[0];
    /// assert_eq!(first.path, "encoder.embeddings.word_embeddings.weight");
    /// assert_eq!(names.name(first), "distilbert.embeddings.word_embeddings.weight");
    /// # Ok::<(), finetune_model::ModelError>(())
    /// ```
    pub fn name(&self, parameter: &Parameter) -> String {
        self.name_with(parameter, self.prefix)
    }

    fn name_with(&self, parameter: &Parameter, prefix: &str) -> String {
        // The pooler of a next-sentence head is the encoder's.
        let path = parameter.path.strip_prefix("next_sentence.");
        let path = path.filter(|path| path.starts_with("pooler."));
        let path = path.unwrap_or(&parameter.path);
        let path = match path.split_once('.') {
            Some(("encoder" | "pooler", _)) => path.to_string(),
            _ => format!("{}{path}", self.root),
        };
        let of_encoder =
            path.starts_with("encoder.") || path.starts_with("pooler.") && self.family.has_pooler();
        let table = if of_encoder {
            self.family.encoder_table()
        } else {
            self.head
        };
        let name = table
            .iter()
            .fold(path, |name, (ours, theirs)| name.replacen(ours, theirs, 1));
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

/// Replaces the part of the name after the last dot.
fn with_last(name: &str, last: &str) -> String {
    match name.rsplit_once('.') {
        Some((rest, _)) => format!("{rest}.{last}"),
        None => last.to_string(),
    }
}
