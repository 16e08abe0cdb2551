//! Newly initialized layers of a model loaded from a checkpoint: layers missing from the
//! checkpoint, and a head that was trained for something else.
//!
//! A layer is newly initialized as a whole. An incomplete layer, or one whose shape contradicts
//! `config.json`, is an error.

use std::collections::{BTreeMap, BTreeSet};

use super::CheckpointConfig;
use super::class_names::OutputRows;
use super::load_tensors::shape_in_file;
use super::stored_tensor::StoredTensor;
use super::tensor_names::TensorNames;
use super::weights::Weights;
use crate::classifier::SequenceClassifierConfig;
use crate::head::HeadConfig;
use crate::parameters::Parameter;

/// Prefix of the layers of a head.
const HEAD: &str = "head";

/// Path of a conditional random field.
const CRF: &str = "crf";

/// Path of the only layer whose shape depends on the classes.
pub(crate) const OUTPUT_LAYER: &str = "head.output";

/// Selection of the newly initialized layers, and how they are initialized.
#[derive(Debug, Clone)]
pub(super) struct Fresh {
    pub(super) standard_deviation: f64,
    pub(super) seed: u64,
    /// Prefix of the layers that are newly initialized even if the checkpoint has them: those of
    /// the head, since that of the checkpoint is another one, or all above the encoder.
    replaced: Option<&'static str>,
    /// Rows of the checkpoint's output layer that are loaded.
    pub(super) output_rows: OutputRows,
    /// Whether the number of outputs may differ: then the output layer is newly initialized.
    any_number_of_outputs: bool,
    /// Whether the rows of the output layer are several classes.
    pub(super) has_classes: bool,
}

impl Fresh {
    /// Selects only missing layers above the encoder.
    pub(super) fn what_is_missing(config: &CheckpointConfig, seed: u64) -> Self {
        Self {
            standard_deviation: config.encoder.initializer_range,
            seed,
            replaced: None,
            output_rows: OutputRows::ByPosition,
            any_number_of_outputs: false,
            has_classes: false,
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
        let output_rows = checkpoint.output_rows(names);
        // Which layer of a custom head depends on the classes is not known.
        let custom = matches!(config.head, HeadConfig::Custom { .. });
        let other_order = output_rows == OutputRows::None || output_rows.is_reordered();
        Self {
            standard_deviation: config.encoder.initializer_range,
            seed,
            replaced: (other || custom && other_order).then_some(HEAD),
            any_number_of_outputs: output_rows == OutputRows::ByPosition,
            has_classes: names.len() > 1,
            output_rows,
        }
    }

    /// Selects the layers for a token classifier; the checkpoint may have other classes, and their
    /// transitions are then replaced, too.
    pub(super) fn for_token_classifier(
        checkpoint: &CheckpointConfig,
        class_names: &[String],
        seed: u64,
    ) -> Self {
        let output_rows = checkpoint.output_rows(class_names);
        let other_order = output_rows == OutputRows::None || output_rows.is_reordered();
        Self {
            replaced: other_order.then_some(CRF),
            any_number_of_outputs: output_rows == OutputRows::ByPosition,
            has_classes: true,
            output_rows,
            ..Self::what_is_missing(checkpoint, seed)
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
            && (self.output_rows == OutputRows::None
                || self.any_number_of_outputs && is_of_other_classes(parameters, found))
    }
}

/// Returns the path of the layer that a parameter belongs to.
pub(crate) fn layer_of(parameter: &Parameter) -> &str {
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
