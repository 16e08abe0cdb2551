//! Tables of each family: paths of parameters, and names of tensors in its checkpoints.

use super::tensor_parts::{self, Parts};
use crate::family::Family;

/// Replacements of path parts (first) by parts of a tensor name (second), applied in order.
pub(super) type Table = &'static [(&'static str, &'static str)];

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

/// Encoder of DeBERTa-v2, without the family's prefix.
const DEBERTA_V2: Table = &[
    ("encoder.embeddings.norm.", "embeddings.LayerNorm."),
    ("encoder.embeddings.", "embeddings."),
    ("encoder.relative.embeddings.", "encoder.rel_embeddings."),
    ("encoder.relative.norm.", "encoder.LayerNorm."),
    ("encoder.layers.", "encoder.layer."),
    (".attention.query.", ".attention.self.query_proj."),
    (".attention.key.", ".attention.self.key_proj."),
    (".attention.value.", ".attention.self.value_proj."),
    (".attention.position_key.", ".attention.self.pos_key_proj."),
    (
        ".attention.position_query.",
        ".attention.self.pos_query_proj.",
    ),
    (".attention.output.", ".attention.output.dense."),
    (".attention.norm.", ".attention.output.LayerNorm."),
    (".feed_forward.intermediate.", ".intermediate.dense."),
    (".feed_forward.output.", ".output.dense."),
    (".feed_forward.norm.", ".output.LayerNorm."),
];

/// Encoder of MPNet, without the family's prefix.
const MPNET: Table = &[
    ("encoder.embeddings.norm.", "embeddings.LayerNorm."),
    ("encoder.embeddings.", "embeddings."),
    (
        "encoder.relative.embeddings.",
        "encoder.relative_attention_bias.",
    ),
    ("encoder.layers.", "encoder.layer."),
    (".attention.query.", ".attention.attn.q."),
    (".attention.key.", ".attention.attn.k."),
    (".attention.value.", ".attention.attn.v."),
    (".attention.output.", ".attention.attn.o."),
    (".attention.norm.", ".attention.LayerNorm."),
    (".feed_forward.intermediate.", ".intermediate.dense."),
    (".feed_forward.output.", ".output.dense."),
    (".feed_forward.norm.", ".output.LayerNorm."),
];

/// Encoder of ModernBERT, without the family's prefix.
const MODERN_BERT: Table = &[
    (
        "encoder.embeddings.word_embeddings.",
        "embeddings.tok_embeddings.",
    ),
    ("encoder.embeddings.", "embeddings."),
    ("encoder.layers.", "layers."),
    ("encoder.final_norm.", "final_norm."),
    (".attention.output.", ".attn.Wo."),
    (".attention.norm.", ".attn_norm."),
    (".feed_forward.intermediate.", ".mlp.Wi."),
    (".feed_forward.output.", ".mlp.Wo."),
    (".feed_forward.norm.", ".mlp_norm."),
];

/// Encoder of ALBERT, without the family's prefix.
const ALBERT: Table = &[
    ("encoder.embeddings.norm.", "embeddings.LayerNorm."),
    (
        "encoder.embeddings.projection.",
        "encoder.embedding_hidden_mapping_in.",
    ),
    ("encoder.embeddings.", "embeddings."),
    ("encoder.layers.", "encoder.albert_layer_groups."),
    (".attention.query.", ".albert_layers.0.attention.query."),
    (".attention.key.", ".albert_layers.0.attention.key."),
    (".attention.value.", ".albert_layers.0.attention.value."),
    (".attention.output.", ".albert_layers.0.attention.dense."),
    (".attention.norm.", ".albert_layers.0.attention.LayerNorm."),
    (".feed_forward.intermediate.", ".albert_layers.0.ffn."),
    (".feed_forward.output.", ".albert_layers.0.ffn_output."),
    (
        ".feed_forward.norm.",
        ".albert_layers.0.full_layer_layer_norm.",
    ),
    ("pooler.dense.", "pooler."),
];

/// Encoder of NomicBERT and GTE in the words of their classes in transformers.
const ROTARY_BERT: Table = &[
    ("encoder.embeddings.norm.", "embeddings.LayerNorm."),
    ("encoder.embeddings.", "embeddings."),
    ("encoder.layers.", "layers."),
    (".attention.query.", ".self_attn.q_proj."),
    (".attention.key.", ".self_attn.k_proj."),
    (".attention.value.", ".self_attn.v_proj."),
    (".attention.output.", ".self_attn.o_proj."),
    (".attention.norm.", ".post_attention_layernorm."),
    (".feed_forward.output.", ".mlp.down_proj."),
    (".feed_forward.norm.", ".post_mlp_layernorm."),
];

/// Encoder of NomicBERT, without the family's prefix.
const NOMIC_BERT: Table = &[
    ("encoder.embeddings.norm.", "emb_ln."),
    ("encoder.embeddings.", "embeddings."),
    (".attention.output.", ".attn.out_proj."),
    (".attention.norm.", ".norm1."),
    (".feed_forward.output.", ".mlp.fc2."),
    (".feed_forward.norm.", ".norm2."),
];

/// Encoder of GTE, without the family's prefix.
const GTE: Table = &[
    ("encoder.embeddings.norm.", "embeddings.LayerNorm."),
    ("encoder.embeddings.", "embeddings."),
    ("encoder.layers.", "encoder.layer."),
    (".attention.output.", ".attention.o_proj."),
    (".attention.norm.", ".attn_ln."),
    (".feed_forward.output.", ".mlp.down_proj."),
    (".feed_forward.norm.", ".mlp_ln."),
];

/// Encoder of EuroBERT, without the family's prefix.
const EURO_BERT: Table = &[
    ("encoder.embeddings.word_embeddings.", "embed_tokens."),
    ("encoder.layers.", "layers."),
    ("encoder.final_norm.", "norm."),
    (".attention.query.", ".self_attn.q_proj."),
    (".attention.key.", ".self_attn.k_proj."),
    (".attention.value.", ".self_attn.v_proj."),
    (".attention.output.", ".self_attn.o_proj."),
    (".attention.norm.", ".input_layernorm."),
    (".feed_forward.output.", ".mlp.down_proj."),
    (".feed_forward.norm.", ".post_attention_layernorm."),
];

/// Names of an encoder's tensors in the files of a family.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    /// Names of parameters that are tensors.
    pub(super) table: Table,
    /// Names of the tensors that make up the others.
    pub(super) parts: Parts,
    /// Prefixes of the authors' files beside the family's, and none.
    pub(super) prefixes: &'static [&'static str],
}

impl Layout {
    const fn of(table: Table) -> Self {
        Self::with_parts(table, &[])
    }

    const fn with_parts(table: Table, parts: Parts) -> Self {
        Self {
            table,
            parts,
            prefixes: &[],
        }
    }
}

impl Family {
    /// Returns the names of the encoder's tensors in files that are written.
    pub(super) fn layout(self) -> Layout {
        match self {
            Self::DistilBert => Layout::of(DISTILBERT),
            Self::ModernBert => Layout::with_parts(MODERN_BERT, tensor_parts::FUSED_ATTENTION),
            Self::DebertaV2 => Layout::of(DEBERTA_V2),
            Self::MpNet => Layout::of(MPNET),
            Self::Albert => Layout::of(ALBERT),
            Self::NomicBert => Layout {
                prefixes: &["bert."],
                ..Layout::with_parts(NOMIC_BERT, tensor_parts::OF_NOMIC_BERT)
            },
            Self::Gte => Layout {
                prefixes: &["new."],
                ..Layout::with_parts(GTE, tensor_parts::OF_GTE)
            },
            Self::EuroBert => Layout::with_parts(EURO_BERT, tensor_parts::TWO_HALVES),
            _ => Layout::of(BERT),
        }
    }

    /// Returns the names of the modules in transformers, if its files have others: of NomicBERT and GTE it
    /// writes the names of the authors.
    pub(super) fn other_layout(self) -> Option<Layout> {
        match self {
            Self::NomicBert | Self::Gte => {
                Some(Layout::with_parts(ROTARY_BERT, tensor_parts::TWO_HALVES))
            }
            _ => None,
        }
    }

    /// Returns whether a parameter of the encoder, by its path, is one of a module in transformers.
    pub(crate) fn is_one_of_a_module(self, path: &str) -> bool {
        let layout = self.other_layout().unwrap_or(self.layout());
        !layout.parts.iter().any(|(part, _)| path.contains(part))
    }

    /// Returns the prefix of the encoder's tensors in a checkpoint with a head.
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::Bert => "bert.",
            Self::DistilBert => "distilbert.",
            Self::Roberta | Self::XlmRoberta | Self::Camembert => "roberta.",
            Self::Electra => "electra.",
            Self::ModernBert => "model.",
            Self::DebertaV2 => "deberta.",
            Self::MpNet => "mpnet.",
            Self::Albert => "albert.",
            Self::NomicBert => "nomic_bert.",
            Self::Gte => "gte.",
            Self::EuroBert => "model.",
        }
    }

    pub(super) fn classifier_table(self) -> Table {
        match self {
            Self::Bert | Self::Albert | Self::NomicBert | Self::Gte => {
                &[("head.output.", "classifier.")]
            }
            Self::EuroBert => &[
                ("head.hidden.0.", "dense."),
                ("head.output.", "classifier."),
            ],
            Self::DistilBert => &[
                ("head.hidden.0.", "pre_classifier."),
                ("head.output.", "classifier."),
            ],
            Self::ModernBert => &[
                ("head.hidden.0.", "head.dense."),
                ("head.norms.0.", "head.norm."),
                ("head.output.", "classifier."),
            ],
            Self::DebertaV2 => &[
                ("head.hidden.0.", "pooler.dense."),
                ("head.output.", "classifier."),
            ],
            _ => &[
                ("head.hidden.0.", "classifier.dense."),
                ("head.output.", "classifier.out_proj."),
            ],
        }
    }

    /// Returns the head of a token classifier's checkpoint.
    pub(super) fn token_table(self) -> Table {
        &[
            ("head.hidden.0.", "head.dense."),
            ("head.norms.0.", "head.norm."),
            ("head.output.", "classifier."),
        ]
    }

    /// Returns the head of a masked LM checkpoint; `legacy` as
    /// [`EncoderConfig::legacy`](crate::EncoderConfig::legacy).
    pub(super) fn masked_lm_table(self, legacy: bool) -> Table {
        match self {
            Self::DebertaV2 if !legacy => &[
                ("head.transform.", "lm_predictions.lm_head.dense."),
                ("head.norm.", "lm_predictions.lm_head.LayerNorm."),
                ("head.bias", "lm_predictions.lm_head.bias"),
            ],
            Self::Bert | Self::DebertaV2 => &[
                ("head.transform.", "cls.predictions.transform.dense."),
                ("head.norm.", "cls.predictions.transform.LayerNorm."),
                ("head.bias", "cls.predictions.bias"),
                ("next_sentence.output.", "cls.seq_relationship."),
            ],
            Self::NomicBert => &[
                ("head.transform.", "cls.predictions.transform.dense."),
                ("head.norm.", "cls.predictions.transform.layer_norm."),
                ("head.bias", "cls.predictions.bias"),
            ],
            Self::Albert => &[
                ("head.transform.", "predictions.dense."),
                ("head.norm.", "predictions.LayerNorm."),
                ("head.bias", "predictions.bias"),
            ],
            Self::Gte => &[
                ("head.transform.", "lm_head.dense."),
                ("head.norm.", "lm_head.norm."),
                ("head.bias", "lm_head.decoder.bias"),
            ],
            Self::EuroBert => &[("head.decoder.", "lm_head."), ("head.bias", "lm_head.bias")],
            Self::DistilBert => &[
                ("head.transform.", "vocab_transform."),
                ("head.norm.", "vocab_layer_norm."),
                ("head.bias", "vocab_projector.bias"),
            ],
            Self::Roberta | Self::XlmRoberta | Self::Camembert | Self::MpNet => &[
                ("head.transform.", "lm_head.dense."),
                ("head.norm.", "lm_head.layer_norm."),
                ("head.bias", "lm_head.bias"),
            ],
            Self::Electra => &[
                ("head.transform.", "generator_predictions.dense."),
                ("head.norm.", "generator_predictions.LayerNorm."),
                ("head.bias", "generator_lm_head.bias"),
            ],
            Self::ModernBert => &[
                ("head.transform.", "head.dense."),
                ("head.bias", "decoder.bias"),
            ],
        }
    }

    /// Returns tensors of a masked LM checkpoint that duplicate a parameter, with its path: the
    /// decoder is tied to the word embeddings, and old checkpoints contain its bias twice. GTE's
    /// normalization has another name in transformers.
    pub(super) fn tied_names(self, legacy: bool) -> Table {
        const WORDS: &str = "encoder.embeddings.word_embeddings.weight";
        match self {
            Self::DebertaV2 if !legacy => &[],
            Self::Bert | Self::DebertaV2 | Self::NomicBert => &[
                ("cls.predictions.decoder.weight", WORDS),
                ("cls.predictions.decoder.bias", "head.bias"),
            ],
            Self::Albert => &[
                ("predictions.decoder.weight", WORDS),
                ("predictions.decoder.bias", "head.bias"),
            ],
            Self::Gte => &[
                ("lm_head.decoder.weight", WORDS),
                ("lm_head.layer_norm.weight", "head.norm.gamma"),
                ("lm_head.layer_norm.bias", "head.norm.beta"),
            ],
            Self::EuroBert => &[("lm_head.weight", WORDS)],
            Self::DistilBert => &[("vocab_projector.weight", WORDS)],
            Self::Roberta | Self::XlmRoberta | Self::Camembert | Self::MpNet => &[
                ("lm_head.decoder.weight", WORDS),
                ("lm_head.decoder.bias", "head.bias"),
            ],
            Self::Electra => &[("generator_lm_head.weight", WORDS)],
            Self::ModernBert => &[("decoder.weight", WORDS)],
        }
    }
}
