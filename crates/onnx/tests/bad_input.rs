//! What cannot be exported.

use finetune_model::{Family, SequenceClassifierConfig, TokenClassifierConfig, Transitions};
use finetune_onnx::{
    OnnxError, OnnxPrecision, export_classifier, export_directory, export_token_classifier,
};

use crate::runtime::{device, filled, tiny};

fn config() -> SequenceClassifierConfig {
    let names = ["a", "b"].map(String::from).to_vec();
    SequenceClassifierConfig::new(tiny(Family::Bert), names)
}

#[test]
fn a_weight_that_is_no_number_is_named() {
    let mut model = filled(config().init(&device()).unwrap());
    let linear = &mut model.encoder.layers[1].attention.key;
    let weight = linear.weight.val();
    linear.weight = burn::module::Param::from_tensor(weight / 0.0);
    for precision in [OnnxPrecision::F16, OnnxPrecision::Int8] {
        let error = export_classifier(&model, precision).unwrap_err();
        assert!(matches!(error, OnnxError::OutOfRange { .. }), "{error}");
        let message = error.to_string();
        assert!(
            message.starts_with("encoder.layer.1.attention.key.weight has "),
            "{message}"
        );
        assert!(message.ends_with(&format!("which {precision} cannot hold: export it in f32")));
    }
    export_classifier(&model, OnnxPrecision::F32).unwrap();
}

#[test]
fn a_field_over_sentences_is_refused() {
    let names = ["B-X", "I-X", "O"].map(String::from).to_vec();
    let allowed = Transitions::all(names.len());
    let config = TokenClassifierConfig::new(tiny(Family::Bert), names).with_crf(allowed);
    let model = config.init(&device()).unwrap();
    let error = export_token_classifier(&model, OnnxPrecision::F32).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no ONNX form of the conditional random field: it decodes a whole sentence; train without --crf"
    );
}

#[test]
fn a_directory_without_a_model_is_an_error() {
    let (source, target) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let export = || export_directory(source.path(), target.path(), OnnxPrecision::F32, &device());
    assert!(matches!(export().unwrap_err(), OnnxError::Predict(_)));
    assert_eq!(std::fs::read_dir(target.path()).unwrap().count(), 0);
}
