//! Saving of classifiers that may have been trained with adapters, and of their tokenizers.

use std::path::Path;

use burn::module::Module;
use finetune_data::{EncodingConfig, PairEncoding, TextArity, TextTokenizer};
use finetune_model::{CheckpointConfig, SequenceClassifier, save_adapter, save_classifier};

use crate::error::TrainError;

/// Directory of the adapters in the directory of a model that was trained with LoRA.
const ADAPTER: &str = "adapter";

/// Saves a classifier. Adapters are merged, as predictions need it, and saved in the layout of PEFT
/// beside it, in `adapter`. `base` is the directory of the checkpoint that was trained.
pub(super) fn save_with_adapter(
    model: &SequenceClassifier,
    checkpoint: &CheckpointConfig,
    base: &Path,
    directory: &Path,
) -> Result<(), TrainError> {
    let model = model.valid();
    save_classifier(directory, &model, checkpoint)?;
    if model.encoder.has_lora() {
        save_adapter(&directory.join(ADAPTER), &model, base.to_str())?;
    }
    Ok(())
}

/// Saves the tokenizer of a classifier. That of a cross-encoder gets the maximum length of the training,
/// because
/// [`CrossEncoder`](https://sbert.net/docs/package_reference/cross_encoder/model.html) truncates pairs
/// where the tokenizer says, and so returns the scores that the model was trained for.
pub(super) fn save_tokenizer(
    tokenizer: &TextTokenizer,
    texts: TextArity,
    encoding: &EncodingConfig,
    directory: &Path,
) -> Result<(), TrainError> {
    if (texts, encoding.pair_encoding) != (TextArity::Pair, PairEncoding::CrossEncoder) {
        return Ok(tokenizer.save(directory)?);
    }
    let mut tokenizer = tokenizer.clone();
    tokenizer.set_model_max_length(encoding.max_length);
    Ok(tokenizer.save(directory)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tokenizer_of_a_cross_encoder_has_the_length_of_its_training() {
        let tokenizer = TextTokenizer::train_wordpiece(["rain and wind"], 60).unwrap();
        let before = tokenizer.model_max_length();
        assert_eq!(before, Some(512));
        let cross = EncodingConfig::new(24);
        let bi = EncodingConfig {
            pair_encoding: PairEncoding::BiEncoder,
            ..cross
        };
        for (texts, encoding, expected) in [
            (TextArity::Pair, cross, Some(24)),
            (TextArity::Pair, bi, before),
            (TextArity::Single, cross, before),
        ] {
            let directory = tempfile::tempdir().unwrap();
            save_tokenizer(&tokenizer, texts, &encoding, directory.path()).unwrap();
            let saved = TextTokenizer::from_pretrained(directory.path()).unwrap();
            assert_eq!(saved.model_max_length(), expected, "{texts:?} {encoding:?}");
        }
    }
}
