//! Stages of an encoder, from the bottom: the embeddings, with those of distances, are stage 0, layer `i`
//! is stage `i + 1`. Layers that share their parameters are one stage. The layers above the encoder
//! (pooler, head) belong to no stage.
//!
//! Freezing and layer-wise learning rates count in stages, for any module with a field `encoder`:
//! classifiers and models for masked language modeling.

use finetune_model::Parameter;

/// Returns the stage of a parameter of a model with `layers` layers; `None` outside the encoder. A
/// normalization after the last layer belongs to that layer.
pub(crate) fn stage(parameter: &Parameter, layers: usize) -> Option<usize> {
    let place = parameter.path.strip_prefix("encoder.")?;
    match place.split_once('.') {
        Some(("layers", _)) => Some(layer(parameter)? + 1),
        Some(("final_norm", _)) => Some(layers),
        _ => Some(0),
    }
}

/// Returns the number of encoder layers with parameters of their own.
pub(crate) fn layers(parameters: &[Parameter]) -> usize {
    let indices = parameters.iter().filter_map(layer);
    indices.max().map_or(0, |last| last + 1)
}

/// Returns the index of the layer that a parameter is in; `None` outside the layers.
fn layer(parameter: &Parameter) -> Option<usize> {
    let (index, _) = parameter
        .path
        .strip_prefix("encoder.layers.")?
        .split_once('.')?;
    index.parse().ok()
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;
    use finetune_model::{EncoderConfig, Family, SequenceClassifierConfig, parameters};

    use super::*;

    /// The embeddings with all that belongs to them are the first stage, each layer is one, and
    /// pooler and head are none.
    #[test]
    fn every_family_has_the_same_stages() {
        for family in Family::ALL {
            let encoder = EncoderConfig {
                num_hidden_layers: 2,
                num_hidden_groups: (family == Family::Albert).then_some(2),
                embedding_size: (family == Family::Electra).then_some(12),
                ..EncoderConfig::base(family)
            };
            let names = ["no", "yes"].map(String::from);
            let config = SequenceClassifierConfig::new(encoder.clone(), names.into());
            let classifier = parameters(&config.init(&Device::flex()).unwrap());
            let masked_lm = parameters(&encoder.init_masked_lm(&Device::flex()).unwrap());
            assert_eq!((layers(&classifier), layers(&masked_lm)), (2, 2));
            for parameter in classifier.iter().chain(&masked_lm) {
                let expected = match parameter.path.split('.').collect::<Vec<_>>()[..] {
                    ["encoder", "embeddings" | "relative", ..] => Some(0),
                    ["encoder", "layers", "0", ..] => Some(1),
                    ["encoder", "layers", "1", ..] | ["encoder", "final_norm", ..] => Some(2),
                    _ => None,
                };
                assert_eq!(
                    stage(parameter, 2),
                    expected,
                    "{family}: {}",
                    parameter.path
                );
            }
        }
    }
}
