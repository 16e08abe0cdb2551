//! Smaller encoders from some layers of a larger one, the usual beginning of a student
//! ([DistilBERT](https://arxiv.org/abs/1910.01108), section 3).

use super::{Encoder, EncoderConfig};
use crate::error::ModelError;

impl EncoderConfig {
    /// Returns the configuration of the encoder that has only some of the layers, counted from 0. Each
    /// keeps its kind of attention.
    ///
    /// ```
    /// use finetune_model::EncoderConfig;
    ///
    /// let student = EncoderConfig::default().with_layers(&[0, 3, 6, 9])?;
    /// assert_eq!(student.num_hidden_layers, 4);
    /// assert!(EncoderConfig::default().with_layers(&[12]).is_err());
    /// # Ok::<(), finetune_model::ModelError>(())
    /// ```
    ///
    /// # Errors
    /// - [`ModelError::InvalidConfig`] if there is no such layer, if they do not ascend, if layers share
    ///   their parameters, or if the first has a layer normalization that the first of such an encoder
    ///   lacks.
    pub fn with_layers(&self, layers: &[usize]) -> Result<Self, ModelError> {
        let count = self.num_hidden_layers;
        let invalid = |expected: String| {
            let found = format!("{layers:?}");
            Err(ModelError::config("layers", found, expected))
        };
        let ascend = layers.windows(2).all(|pair| pair[0] < pair[1]);
        if layers.is_empty() || !ascend || layers.iter().any(|layer| *layer >= count) {
            return invalid(format!("ascending numbers below {count}"));
        }
        if self.num_hidden_groups.is_some() {
            return invalid("all, as layers share their parameters".to_string());
        }
        let placement = self.norm_placement;
        let mut kept = layers.iter().enumerate();
        if kept.any(|(to, from)| placement.is_at_attention(to) != placement.is_at_attention(*from))
        {
            return invalid("the first to be 0, which alone has no normalization".to_string());
        }
        let kinds: Vec<_> = layers.iter().map(|layer| self.layer_type(*layer)).collect();
        let config = Self {
            num_hidden_layers: layers.len(),
            layer_types: None,
            ..self.clone()
        };
        let listed = config.all_layer_types() != kinds;
        Ok(Self {
            layer_types: listed.then_some(kinds),
            ..config
        })
    }
}

impl Encoder {
    /// Keeps only some of the layers, which [`EncoderConfig::with_layers`] has checked.
    pub(crate) fn keep_layers(&mut self, layers: &[usize]) {
        let mut number = 0;
        self.layers.retain(|_| {
            number += 1;
            layers.contains(&(number - 1))
        });
        self.layer_groups = (0..layers.len()).collect();
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::encoder::EncoderInput;
    use crate::family::Family;
    use crate::initialization::init_weights;
    use crate::{Pooling, SequenceClassifierConfig};

    fn tiny(family: Family) -> EncoderConfig {
        EncoderConfig {
            vocab_size: 30,
            hidden_size: 8,
            num_hidden_layers: 4,
            num_attention_heads: 2,
            intermediate_size: 16,
            ..EncoderConfig::base(family)
        }
    }

    /// The student computes what the kept layers compute one after the other.
    #[test]
    fn a_classifier_keeps_the_layers_that_are_named() {
        let device = Device::flex();
        let names = vec!["no".to_string(), "yes".to_string()];
        let config = SequenceClassifierConfig {
            pooling: Pooling::mean(),
            ..SequenceClassifierConfig::new(tiny(Family::Bert), names)
        };
        let model = init_weights(config.init(&device).unwrap(), 0.5, 1);
        let weights = |model: &crate::SequenceClassifier, layer: usize| {
            let weight = model.encoder.layers[layer].attention.query.weight.val();
            weight.into_data()
        };
        let student = model.clone().with_layers(&[1, 3]).unwrap();
        assert_eq!(student.config().encoder.num_hidden_layers, 2);
        assert_eq!(weights(&student, 0), weights(&model, 1));
        assert_eq!(weights(&student, 1), weights(&model, 3));
        let input = EncoderInput::new(&student.encoder, &[2, 5, 3], &[0; 3], &[0, 3]).unwrap();
        let logits = student.forward(&input, None).unwrap();
        assert_eq!(logits.dims(), [1, 2]);
        let error = model.with_layers(&[1, 4]).unwrap_err().to_string();
        assert!(
            error.ends_with("expected ascending numbers below 4"),
            "{error}"
        );
    }

    #[test]
    fn the_kinds_of_attention_stay_those_of_the_layers() {
        let config = tiny(Family::ModernBert);
        let kinds = |config: &EncoderConfig| config.all_layer_types();
        let student = config.with_layers(&[0, 3]).unwrap();
        assert_eq!(kinds(&student), [kinds(&config)[0], kinds(&config)[3]]);
        student.validate().unwrap();
        let albert = tiny(Family::Albert).with_layers(&[0]).unwrap_err();
        assert!(
            albert.to_string().contains("share their parameters"),
            "{albert}"
        );
        let error = config.with_layers(&[1, 3]).unwrap_err().to_string();
        assert!(error.contains("the first to be 0"), "{error}");
    }
}
