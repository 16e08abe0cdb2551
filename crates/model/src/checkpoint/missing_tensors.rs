//! Newly initialized layers of a model loaded from a checkpoint: layers missing from the
//! checkpoint, and a head that was trained for something else.
//!
//! A layer is newly initialized as a whole. An incomplete layer, or one whose shape contradicts
//! `config.json`, is an error.

use std::collections::{BTreeMap, BTreeSet};

use super::CheckpointConfig;
use super::load_tensors::shape_in_file;
use super::stored_tensor::StoredTensor;
use super::tensor_names::TensorNames;
use super::weights::Weights;
use crate::classifier::SequenceClassifierConfig;
use crate::head::HeadConfig;
use crate::parameters::Parameter;

/// Prefix of the layers of a head.
const HEAD: &str = "head";

/// Path of the only layer whose shape depends on the classes.
const OUTPUT_LAYER: &str = "head.output";

/// Selection of the newly initialized layers, and how they are initialized.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fresh {
    pub(super) standard_deviation: f64,
    pub(super) seed: u64,
    /// Prefix of the layers that are newly initialized even if the checkpoint has them: those of
    /// the head, since that of the checkpoint is another one, or all above the encoder.
    replaced: Option<&'static str>,
    output_layer: OutputLayer,
}

/// When the output layer of the checkpoint's head is loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OutputLayer {
    /// Never: it belongs to other classes.
    New,
    /// If it has one row per class: the checkpoint does not name its classes.
    OfSoManyClasses,
    /// Always: the checkpoint names the same classes.
    OfTheseClasses,
}

impl Fresh {
    /// Selects only missing layers above the encoder.
    pub(super) fn what_is_missing(config: &CheckpointConfig, seed: u64) -> Self {
        Self {
            standard_deviation: config.encoder.initializer_range,
            seed,
            replaced: None,
            output_layer: OutputLayer::OfTheseClasses,
        }
    }

    /// Selects all layers above the encoder.
    pub(super) fn above_the_encoder(config: &CheckpointConfig, seed: u64) -> Self {
        Self {
            replaced: Some(""),
            ..Self::what_is_missing(config, seed)
        }
    }

    /// Selects the layers for a classifier; the checkpoint may have another head or other classes.
    pub(super) fn for_classifier(
        checkpoint: &CheckpointConfig,
        config: &SequenceClassifierConfig,
        seed: u64,
    ) -> Self {
        let names = &config.class_names;
        let other = checkpoint.pooling_and_head.as_ref().is_some_and(|own| {
            let head = own.head.without_dropout();
            (own.pooling, head) != (config.pooling, config.head.without_dropout())
        });
        // Which layer of a custom head depends on the classes is not known.
        let custom = matches!(config.head, HeadConfig::Custom { .. });
        Self {
            standard_deviation: config.encoder.initializer_range,
            seed,
            replaced: (other || custom && !checkpoint.is_for(names)).then_some(HEAD),
            output_layer: if !checkpoint.is_for(names) {
                OutputLayer::New
            } else if checkpoint.class_names.as_ref() == Some(names) {
                OutputLayer::OfTheseClasses
            } else {
                OutputLayer::OfSoManyClasses
            },
        }
    }

    /// Returns the paths of the newly initialized layers; none of them is in the encoder.
    pub(super) fn layers(
        &self,
        parameters: &[Parameter],
        weights: &Weights,
        names: &TensorNames,
    ) -> BTreeSet<String> {
        let mut above: BTreeMap<&str, Vec<&Parameter>> = BTreeMap::new();
        let trained_anew = |parameter: &&Parameter| !parameter.path.starts_with("encoder.");
        for parameter in parameters.iter().filter(trained_anew) {
            above
                .entry(layer_of(parameter))
                .or_default()
                .push(parameter);
        }
        let new = above.into_iter().filter(|(layer, parameters)| {
            let found: Vec<_> = parameters
                .iter()
                .map(|parameter| weights.find(&names.candidates(parameter)))
                .collect();
            self.is_new(layer, parameters, &found)
        });
        new.map(|(layer, _)| layer.to_string()).collect()
    }

    fn is_new(
        &self,
        layer: &str,
        parameters: &[&Parameter],
        found: &[Option<&StoredTensor>],
    ) -> bool {
        let replaced = self
            .replaced
            .is_some_and(|prefix| layer.starts_with(prefix));
        if replaced || found.iter().all(Option::is_none) {
            return true;
        }
        layer == OUTPUT_LAYER
            && match self.output_layer {
                OutputLayer::New => true,
                OutputLayer::OfSoManyClasses => is_of_other_classes(parameters, found),
                OutputLayer::OfTheseClasses => false,
            }
    }
}

/// Returns the path of the layer that a parameter belongs to.
pub(super) fn layer_of(parameter: &Parameter) -> &str {
    let path = &parameter.path;
    path.rsplit_once('.').map_or(path, |(layer, _)| layer)
}

/// Returns whether a layer is complete and only its number of outputs differs.
fn is_of_other_classes(parameters: &[&Parameter], found: &[Option<&StoredTensor>]) -> bool {
    let mut outputs = BTreeSet::new();
    for (parameter, stored) in parameters.iter().zip(found) {
        let expected = shape_in_file(parameter);
        let shapes = stored.map(|stored| (stored.shape.split_first(), expected.split_first()));
        let Some((Some((found, inner)), Some((wanted, expected_inner)))) = shapes else {
            return false;
        };
        if inner != expected_inner {
            return false;
        }
        outputs.insert((*found, *wanted));
    }
    // One number of outputs in all tensors, which differs from the expected one.
    outputs.len() == 1 && outputs.iter().all(|(found, wanted)| found != wanted)
}
