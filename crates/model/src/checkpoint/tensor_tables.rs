//! Tables of each family: paths of parameters, and names of tensors in its checkpoints.

use super::row_block::RowBlock;
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
    (".attention.query.", ".attn.Wqkv."),
    (".attention.key.", ".attn.Wqkv."),
    (".attention.value.", ".attn.Wqkv."),
    (".attention.output.", ".attn.Wo."),
    (".attention.norm.", ".attn_norm."),
    (".feed_forward.intermediate.", ".mlp.Wi."),
    (".feed_forward.output.", ".mlp.Wo."),
    (".feed_forward.norm.", ".mlp_norm."),
];

/// Parts of paths whose parameters are blocks of rows of one tensor.
type Blocks = &'static [(&'static str, RowBlock)];

/// Blocks of ModernBERT's encoder.
const MODERN_BERT_BLOCKS: Blocks = &[
    (".attention.query.", RowBlock { index: 0, count: 3 }),
    (".attention.key.", RowBlock { index: 1, count: 3 }),
    (".attention.value.", RowBlock { index: 2, count: 3 }),
];

impl Family {
    /// Returns the part of its tensor that a parameter is, by its path.
    pub(crate) fn row_block(self, path: &str) -> RowBlock {
        let blocks = match self {
            Self::ModernBert => MODERN_BERT_BLOCKS,
            _ => &[],
        };
        let mut blocks = blocks.iter();
        let block = blocks.find_map(|(part, block)| path.contains(part).then_some(*block));
        block.unwrap_or(RowBlock::WHOLE)
    }

    pub(super) fn encoder_table(self) -> Table {
        match self {
            Self::DistilBert => DISTILBERT,
            Self::ModernBert => MODERN_BERT,
            Self::DebertaV2 => DEBERTA_V2,
            Self::MpNet => MPNET,
            _ => BERT,
        }
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
        }
    }

    pub(super) fn classifier_table(self) -> Table {
        match self {
            Self::Bert => &[("head.output.", "classifier.")],
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
    /// decoder is tied to the word embeddings, and old checkpoints contain its bias twice.
    pub(super) fn tied_names(self, legacy: bool) -> Table {
        const WORDS: &str = "encoder.embeddings.word_embeddings.weight";
        match self {
            Self::DebertaV2 if !legacy => &[],
            Self::Bert | Self::DebertaV2 => &[
                ("cls.predictions.decoder.weight", WORDS),
                ("cls.predictions.decoder.bias", "head.bias"),
            ],
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
