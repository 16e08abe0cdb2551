//! Our parameter paths in the names of Hugging Face: a family of models is such a table.

use crate::parameters::{Parameter, ParameterKind};
use crate::{Family, SequenceClassifierConfig};

/// Replacements from our path to a name in a checkpoint, applied in this order.
type Table = &'static [(&'static str, &'static str)];

/// The encoder of BERT, RoBERTa and ELECTRA, without the family's prefix.
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

/// That of DistilBERT.
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

    /// What the names of the encoder's tensors begin with in a file with a head.
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

    /// Tensors of a file for masked language modelling that repeat another one: the decoder is the
    /// table of word embeddings, and old files have its bias twice.
    fn tied_names(self) -> &'static [&'static str] {
        match self {
            Self::Bert => &[
                "cls.predictions.decoder.weight",
                "cls.predictions.decoder.bias",
            ],
            Self::DistilBert => &["vocab_projector.weight"],
            Self::Roberta | Self::XlmRoberta | Self::Camembert => {
                &["lm_head.decoder.weight", "lm_head.decoder.bias"]
            }
            Self::Electra => &["generator_lm_head.weight"],
        }
    }
}

/// The names that the parameters of a model have in a checkpoint.
#[derive(Debug, Clone, Copy)]
pub struct TensorNames {
    family: Family,
    head: Table,
    tied: &'static [&'static str],
    prefix: &'static str,
}

impl TensorNames {
    /// Names in a checkpoint of a bare encoder.
    pub fn of_encoder(family: Family) -> Self {
        Self {
            family,
            head: &[],
            tied: &[],
            prefix: "",
        }
    }

    /// Names in a checkpoint of a classifier. A head that transformers has no class for keeps the
    /// names that it has here.
    pub fn of_classifier(config: &SequenceClassifierConfig) -> Self {
        let family = config.encoder.family;
        let head = match config.is_of_the_family() {
            true => family.classifier_table(),
            false => &[],
        };
        Self {
            head,
            prefix: family.prefix(),
            ..Self::of_encoder(family)
        }
    }

    /// Names in a checkpoint for masked language modelling.
    pub fn of_masked_lm(family: Family) -> Self {
        Self {
            head: family.masked_lm_table(),
            tied: family.tied_names(),
            prefix: family.prefix(),
            ..Self::of_encoder(family)
        }
    }

    /// The name of a parameter in a file that transformers writes today.
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
        let path = &parameter.path;
        let of_encoder =
            path.starts_with("encoder.") || path.starts_with("pooler.") && self.family.has_pooler();
        let table = if of_encoder {
            self.family.encoder_table()
        } else {
            self.head
        };
        let name = table.iter().fold(path.clone(), |name, (ours, theirs)| {
            name.replacen(ours, theirs, 1)
        });
        // burn's names of the two vectors of a layer normalisation.
        let name = match parameter.kind {
            ParameterKind::NormScale => with_last(&name, "weight"),
            ParameterKind::NormShift => with_last(&name, "bias"),
            _ => name,
        };
        match of_encoder {
            true => format!("{prefix}{name}"),
            false => name,
        }
    }

    /// Every name under which a file may hold the parameter, the likeliest first: the encoder's
    /// have the family's prefix or none, and files converted from TensorFlow call the vectors of
    /// a layer normalisation `gamma` and `beta`.
    pub(crate) fn candidates(&self, parameter: &Parameter) -> Vec<String> {
        let old = match parameter.kind {
            ParameterKind::NormScale => Some("gamma"),
            ParameterKind::NormShift => Some("beta"),
            _ => None,
        };
        let mut names = Vec::new();
        for prefix in [self.prefix, self.family.prefix(), ""] {
            let name = self.name_with(parameter, prefix);
            let old = old.map(|old| with_last(&name, old));
            names.push(name);
            names.extend(old);
        }
        names
    }

    /// Whether a tensor that no parameter has taken is not worth a word: a constant, or a copy of
    /// one that has been taken.
    pub(super) fn is_redundant(&self, name: &str) -> bool {
        name.ends_with("embeddings.position_ids") || self.tied.contains(&name)
    }
}

/// The name with another word after its last dot.
fn with_last(name: &str, last: &str) -> String {
    match name.rsplit_once('.') {
        Some((rest, _)) => format!("{rest}.{last}"),
        None => last.to_string(),
    }
}
