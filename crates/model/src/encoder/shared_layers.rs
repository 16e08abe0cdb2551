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

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::family::Family;

    fn albert() -> Encoder {
        let config = EncoderConfig {
            vocab_size: 10,
            embedding_size: Some(4),
            hidden_size: 8,
            num_hidden_layers: 5,
            num_hidden_groups: Some(2),
            num_attention_heads: 2,
            intermediate_size: 4,
            ..EncoderConfig::base(Family::Albert)
        };
        config.init(&Device::flex()).unwrap()
    }

    #[test]
    fn a_group_is_one_stage() {
        let encoder = albert();
        assert_eq!((encoder.layers.len(), encoder.num_layers()), (2, 5));
        let stages: Vec<usize> = (0..=5).map(|layer| encoder.stages_below(layer)).collect();
        assert_eq!(stages, [1, 2, 2, 2, 3, 3]);
        let highest = [0, 1, 2, 3, 4].map(|stages| encoder.hidden_states_of_stages(stages));
        assert_eq!(highest, [None, Some(0), Some(3), Some(5), Some(5)]);
    }

    #[test]
    fn layers_of_a_group_drop_other_values_and_stop_together() {
        let encoder = albert();
        let stream = DropoutStream::new(1, 1).from_stage(2);
        let keys = [0, 1, 3, 4, 5].map(|layer| {
            let stage = encoder.dropout_of(layer, Some(stream));
            stage
                .and_then(|stage| stage.at(0.5, 0))
                .map(|dropout| dropout.key)
        });
        assert_eq!(keys[..3], [None; 3]);
        assert!(keys[3].is_some() && keys[4].is_some() && keys[3] != keys[4]);
    }
}
