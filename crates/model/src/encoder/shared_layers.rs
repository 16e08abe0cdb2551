//! Layers that share their parameters
//! ([`AlbertTransformer`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/models/albert/modeling_albert.py)).

use super::{Encoder, EncoderConfig, EncoderLayer};
use crate::dropout::{DropoutStage, DropoutStream};

impl EncoderConfig {
    /// Returns which of the encoder's [`layers`](Encoder::layers) each Transformer layer computes
    /// with: all different, unless `num_hidden_groups` of them are shared.
    ///
    /// ```
    /// use finetune_model::{EncoderConfig, Family};
    ///
    /// let albert = EncoderConfig {
    ///     num_hidden_layers: 5,
    ///     num_hidden_groups: Some(2),
    ///     ..EncoderConfig::base(Family::Albert)
    /// };
    /// assert_eq!(albert.layer_groups(), [0, 0, 0, 1, 1]);
    /// assert_eq!(EncoderConfig::default().layer_groups(), Vec::from_iter(0..12));
    /// ```
    pub fn layer_groups(&self) -> Vec<usize> {
        let layers = self.num_hidden_layers;
        let groups = self.num_hidden_groups.unwrap_or(layers);
        // As in transformers, also where the groups are of different sizes.
        let layers_in_group = layers as f64 / groups as f64;
        let group = |layer| (layer as f64 / layers_in_group) as usize;
        (0..layers).map(group).collect()
    }
}

impl Encoder {
    /// Returns the number of Transformer layers, `L`. There are as many [`layers`](Self::layers),
    /// unless several share one.
    pub fn num_layers(&self) -> usize {
        self.layer_groups.len()
    }

    /// Returns the parameters that a Transformer layer, counted from 1, computes with.
    pub(super) fn parameters_of(&self, layer: usize) -> &EncoderLayer {
        &self.layers[self.layer_groups[layer - 1]]
    }

    /// Returns the number of stages that the hidden states of a layer depend on: the embeddings are a
    /// stage, and so is each of [`layers`](Self::layers). They are frozen one by one.
    pub(crate) fn stages_below(&self, hidden_states: usize) -> usize {
        match hidden_states {
            0 => 1,
            layer => self.layer_groups[layer - 1] + 2,
        }
    }

    /// Returns the highest hidden states that depend on the lowest `stages` alone; `None` without a
    /// stage.
    pub(crate) fn hidden_states_of_stages(&self, stages: usize) -> Option<usize> {
        let mut numbers = (0..=self.num_layers()).rev();
        numbers.find(|number| self.stages_below(*number) <= stages)
    }

    /// Returns the dropout of a layer; `None` if it is off in the layer's stage. Layers that share
    /// their parameters have masks of their own.
    pub(super) fn dropout_of(
        &self,
        layer: usize,
        stream: Option<DropoutStream>,
    ) -> Option<DropoutStage> {
        let stream = stream?;
        let is_on = self.stages_below(layer) > stream.first_stage();
        is_on.then(|| stream.from_stage(0).stage(layer))
    }
}
