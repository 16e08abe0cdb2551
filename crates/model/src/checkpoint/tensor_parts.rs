//! Parts of parameters and where a file has them: a tensor may hold several parameters, such as query,
//! key and value, and several tensors one parameter.

use super::row_block::RowBlock;

/// Some rows of a parameter, and the tensor of a file that has them. In files the rows of a linear
/// layer's weight are its outputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorPart {
    /// Rows of the parameter.
    pub rows: RowBlock,
    /// Name of the tensor.
    pub name: String,
    /// Rows of the tensor.
    pub block: RowBlock,
}

impl TensorPart {
    /// A parameter that is a tensor.
    pub(crate) fn whole(name: String) -> Self {
        Self {
            rows: RowBlock::WHOLE,
            name,
            block: RowBlock::WHOLE,
        }
    }
}

/// Part of a tensor's name, and the rows of the tensor.
pub(super) type PartName = (&'static str, RowBlock);

/// Parts of paths, and the parts of tensor names that make up their parameters, in the order of the
/// rows.
pub(super) type Parts = &'static [(&'static str, &'static [PartName])];

/// Block `index` of two.
const fn half(index: usize) -> RowBlock {
    RowBlock { index, count: 2 }
}

/// Block `index` of three.
const fn third(index: usize) -> RowBlock {
    RowBlock { index, count: 3 }
}

/// ModernBERT.
pub(super) const FUSED_ATTENTION: Parts = &[
    (".attention.query.", &[(".attn.Wqkv.", third(0))]),
    (".attention.key.", &[(".attn.Wqkv.", third(1))]),
    (".attention.value.", &[(".attn.Wqkv.", third(2))]),
];

/// The two halves of a gated feed-forward network as matrices of their own: EuroBERT.
pub(super) const TWO_HALVES: Parts = &[(
    ".feed_forward.intermediate.",
    &[
        (".mlp.gate_proj.", RowBlock::WHOLE),
        (".mlp.up_proj.", RowBlock::WHOLE),
    ],
)];

/// NomicBERT.
pub(super) const OF_NOMIC_BERT: Parts = &[
    FUSED_ATTENTION[0],
    FUSED_ATTENTION[1],
    FUSED_ATTENTION[2],
    (
        ".feed_forward.intermediate.",
        &[
            (".mlp.fc12.", RowBlock::WHOLE),
            (".mlp.fc11.", RowBlock::WHOLE),
        ],
    ),
];

/// GTE: the half that is not activated comes first.
pub(super) const OF_GTE: Parts = &[
    (".attention.query.", &[(".attention.qkv_proj.", third(0))]),
    (".attention.key.", &[(".attention.qkv_proj.", third(1))]),
    (".attention.value.", &[(".attention.qkv_proj.", third(2))]),
    (
        ".feed_forward.intermediate.",
        &[
            (".mlp.up_gate_proj.", half(1)),
            (".mlp.up_gate_proj.", half(0)),
        ],
    ),
];

/// Returns the paths of the parts of a parameter, with the rows that each is.
pub(super) fn parts_of(path: &str, parts: Parts) -> Vec<TensorPart> {
    let mut known = parts.iter();
    let Some((part, names)) = known.find(|(part, _)| path.contains(part)) else {
        return vec![TensorPart::whole(path.to_string())];
    };
    let count = names.len();
    let numbered = names.iter().enumerate();
    let of_name = |(index, (name, block)): (usize, &PartName)| TensorPart {
        rows: RowBlock { index, count },
        name: path.replacen(part, name, 1),
        block: *block,
    };
    numbered.map(of_name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_a_tensor_unless_a_table_says_otherwise() {
        let path = "layers.0.feed_forward.intermediate.weight";
        let whole = parts_of(path, FUSED_ATTENTION);
        assert_eq!((whole.len(), whole[0].name.as_str()), (1, path));
        assert_eq!(
            (whole[0].rows, whole[0].block),
            (RowBlock::WHOLE, RowBlock::WHOLE)
        );
        let halves = parts_of(path, OF_GTE);
        let name = "layers.0.mlp.up_gate_proj.weight".to_string();
        let expected = [(half(0), half(1)), (half(1), half(0))].map(|(rows, block)| TensorPart {
            rows,
            name: name.clone(),
            block,
        });
        assert_eq!(halves, expected);
    }
}
