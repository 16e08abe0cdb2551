//! Outputs that are not numbers: of weights that are none, or of activations that overflow.

use crate::error::PredictError;

/// Checks that all outputs are finite; rows of answers must not look like predictions if they are not.
///
/// # Errors
/// - [`PredictError::NotFinite`] for the first row with one that is not.
pub(crate) fn check(outputs: &[Vec<f32>]) -> Result<(), PredictError> {
    let is_finite = |row: &Vec<f32>| row.iter().all(|output| output.is_finite());
    match outputs.iter().position(|row| !is_finite(row)) {
        None => Ok(()),
        Some(row) => Err(PredictError::NotFinite {
            row,
            found: format!("{:?}", outputs[row]),
        }),
    }
}

#[cfg(test)]
mod tests {
    use burn::module::{Module, ModuleMapper, Param};
    use burn::tensor::{Device, Tensor};
    use finetune_data::TextTokenizer;
    use finetune_model::{EncoderConfig, SequenceClassifierConfig, init_weights};
    use finetune_ops::Precision;

    use crate::{Predictor, PredictorConfig};

    /// Makes all weights NaN.
    struct NotANumber;

    impl ModuleMapper for NotANumber {
        fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
            param.map(|values| values.mul_scalar(f32::NAN))
        }
    }

    #[test]
    fn a_model_that_is_not_finite_is_an_error_in_every_precision() {
        let tokenizer = TextTokenizer::train_wordpiece(["rain and wind and sun"], 60).unwrap();
        let encoder = EncoderConfig {
            vocab_size: tokenizer.vocab_size(),
            hidden_size: 16,
            num_hidden_layers: 1,
            num_attention_heads: 2,
            intermediate_size: 32,
            ..Default::default()
        };
        let names = vec!["bad".to_string(), "good".to_string()];
        let config = SequenceClassifierConfig::new(encoder, names);
        let model = init_weights(config.init(&Device::flex()).unwrap(), 0.02, 1);
        let model = model.map(&mut NotANumber);
        let predictor = |precision| {
            let config = PredictorConfig {
                precision,
                ..PredictorConfig::default()
            };
            Predictor::new(model.clone(), tokenizer.clone(), None, config)
        };
        let floats = predictor(Precision::F32).unwrap();
        let message = floats.predict(&["sun"]).unwrap_err().to_string();
        assert_eq!(
            message,
            "row 0: the outputs of the model are [NaN, NaN], expected finite numbers"
        );
        let message = predictor(Precision::Int8).unwrap_err().to_string();
        assert_eq!(
            message,
            "layers.0.attention.query: weight [0, 0] is NaN, expected a finite number"
        );
    }
}
