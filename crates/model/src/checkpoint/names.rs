//! Our parameter paths in the names of Hugging Face: a family of models is such a table.

use crate::parameters::{Parameter, ParameterKind};

/// Replacements from our path to the name in a BERT checkpoint, applied in this order.
const BERT: [(&str, &str); 14] = [
    ("encoder.embeddings.norm.", "bert.embeddings.LayerNorm."),
    ("encoder.embeddings.", "bert.embeddings."),
    ("encoder.layers.", "bert.encoder.layer."),
    ("pooler.", "bert.pooler.dense."),
    (".attention.query.", ".attention.self.query."),
    (".attention.key.", ".attention.self.key."),
    (".attention.value.", ".attention.self.value."),
    (".attention.output.", ".attention.output.dense."),
    (".attention.norm.", ".attention.output.LayerNorm."),
    (".feed_forward.intermediate.", ".intermediate.dense."),
    (".feed_forward.output.", ".output.dense."),
    (".feed_forward.norm.", ".output.LayerNorm."),
    // burn's names of the two vectors of a layer normalisation.
    (".LayerNorm.gamma", ".LayerNorm.weight"),
    (".LayerNorm.beta", ".LayerNorm.bias"),
];

/// The name of a parameter in a file that transformers writes today.
pub fn tensor_name(parameter: &Parameter) -> String {
    BERT.iter()
        .fold(parameter.path.clone(), |name, (ours, theirs)| {
            name.replacen(ours, theirs, 1)
        })
}

/// Every name under which a file may hold the parameter, the likeliest first: bare encoders have
/// no `bert.` prefix, and files converted from TensorFlow call the vectors of a layer
/// normalisation `gamma` and `beta`.
pub(super) fn candidates(parameter: &Parameter) -> Vec<String> {
    let name = tensor_name(parameter);
    let old = match parameter.kind {
        ParameterKind::NormScale => Some(name.replace(".LayerNorm.weight", ".LayerNorm.gamma")),
        ParameterKind::NormShift => Some(name.replace(".LayerNorm.bias", ".LayerNorm.beta")),
        _ => None,
    };
    let mut names = vec![name];
    names.extend(old);
    let bare: Vec<_> = names
        .iter()
        .filter_map(|name| name.strip_prefix("bert.").map(String::from))
        .collect();
    names.extend(bare);
    names
}

/// Buffers and heads that an encoder checkpoint may carry and a classifier has no use for are
/// reported as unused; this one is a constant, not a weight, and is not worth a word.
pub(super) fn is_constant_buffer(name: &str) -> bool {
    name.ends_with("embeddings.position_ids")
}
