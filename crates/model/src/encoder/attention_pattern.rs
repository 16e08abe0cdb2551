//! Layers that attend to all tokens, and layers that attend to a window around each token.

use serde::{Deserialize, Serialize};

use super::{EncoderConfig, RopeScaling};

/// Kind of a layer by its attention, with its name in the `layer_types` of a `config.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LayerType {
    /// Each token attends to all tokens of its sequence.
    FullAttention,
    /// Each token attends to the tokens in a window around it.
    SlidingAttention,
}

impl LayerType {
    /// Both kinds.
    pub(crate) const ALL: [Self; 2] = [Self::FullAttention, Self::SlidingAttention];

    /// Returns the name in `config.json`.
    pub fn name(self) -> &'static str {
        match self {
            Self::FullAttention => "full_attention",
            Self::SlidingAttention => "sliding_attention",
        }
    }

    /// Returns the kind of a layer, counted from 0, if every `period`-th one has full attention.
    pub(crate) fn of_period(layer: usize, period: usize) -> Self {
        match layer.is_multiple_of(period) {
            true => Self::FullAttention,
            false => Self::SlidingAttention,
        }
    }
}

impl EncoderConfig {
    /// Returns the kind of a layer, counted from 0.
    ///
    /// ```
    /// use finetune_model::{EncoderConfig, Family, LayerType};
    ///
    /// let config = EncoderConfig::base(Family::ModernBert);
    /// let kinds = [0, 1, 2, 3].map(|layer| config.layer_type(layer));
    /// let (full, local) = (LayerType::FullAttention, LayerType::SlidingAttention);
    /// assert_eq!(kinds, [full, local, local, full]);
    /// ```
    pub fn layer_type(&self, layer: usize) -> LayerType {
        let listed = self.layer_types.as_ref();
        let listed = listed.and_then(|types| types.get(layer).copied());
        let period = self.global_attn_every_n_layers;
        listed.unwrap_or_else(|| LayerType::of_period(layer, period))
    }

    /// Returns how far a token of a layer sees to either side: half the window, rounded down;
    /// `None` if it sees the whole sequence.
    pub fn reach(&self, layer: usize) -> Option<usize> {
        match self.layer_type(layer) {
            LayerType::FullAttention => None,
            LayerType::SlidingAttention => self.local_attention.map(|window| window / 2),
        }
    }

    /// Returns the scaling of rotary positions in the layers of a kind.
    pub(crate) fn rope_scaling_of(&self, kind: LayerType) -> Option<RopeScaling> {
        match kind {
            LayerType::FullAttention => self.rope_scaling,
            LayerType::SlidingAttention => self.local_rope_scaling,
        }
    }

    /// Returns the kinds of all layers.
    pub(crate) fn all_layer_types(&self) -> Vec<LayerType> {
        let layers = 0..self.num_hidden_layers;
        layers.map(|layer| self.layer_type(layer)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_counts_before_a_period() {
        let config = EncoderConfig {
            num_hidden_layers: 3,
            local_attention: Some(7),
            global_attn_every_n_layers: 2,
            ..Default::default()
        };
        let reaches = |config: &EncoderConfig| [0, 1, 2].map(|layer| config.reach(layer));
        assert_eq!(reaches(&config), [None, Some(3), None]);
        let listed = EncoderConfig {
            layer_types: Some(vec![
                LayerType::SlidingAttention,
                LayerType::FullAttention,
                LayerType::SlidingAttention,
            ]),
            ..config
        };
        assert_eq!(reaches(&listed), [Some(3), None, Some(3)]);
    }

    #[test]
    fn the_names_are_those_of_the_files() {
        for kind in LayerType::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
    }
}
