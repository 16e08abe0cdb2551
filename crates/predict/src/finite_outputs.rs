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
    use burn::tensor::Device;
    use finetune_data::TextTokenizer;
    use finetune_model::{EncoderConfig, SequenceClassifierConfig, init_weights};
    use finetune_ops::Precision;

    use crate::{Predictor, PredictorConfig};

    #[test]
    fn a_model_whose_outputs_overflow_is_an_error_in_every_precision() {
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
        // Every weight is finite, but not their sums of squares.
        let model = init_weights(config.init(&Device::flex()).unwrap(), 1e25, 1);
        for precision in [Precision::F32, Precision::Int8] {
            let config = PredictorConfig {
                precision,
                ..PredictorConfig::default()
            };
            let predictor = Predictor::new(model.clone(), tokenizer.clone(), None, config).unwrap();
            let message = predictor.predict(&["sun"]).unwrap_err().to_string();
            assert!(
                message.starts_with("row 0: the outputs of the model are [NaN, NaN]"),
                "{message}"
            );
        }
    }
}
