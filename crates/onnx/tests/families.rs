//! Every family, in every precision.

use finetune_model::{EncoderConfig, Family, RelativeAttention, SequenceClassifierConfig};
use finetune_onnx::{OnnxPrecision, export_classifier};

use crate::runtime::{assert_close, device, filled, input, run, tiny, values};

/// Exports the family's classifier, and compares its logits.
fn compare(encoder: EncoderConfig, precision: OnnxPrecision, tolerance: f32) {
    let what = format!("{} in {precision}", encoder.family);
    let [found, expected] = answers(encoder, precision);
    assert_close(&found, &expected, tolerance, &what);
}

/// Returns the logits of the exported classifier of the family, and our own.
fn answers(encoder: EncoderConfig, precision: OnnxPrecision) -> [Vec<f32>; 2] {
    let names = ["a", "b", "c"].map(String::from).to_vec();
    let config = SequenceClassifierConfig::new(encoder, names);
    let model = filled(config.init(&device()).unwrap());
    let expected = values(model.forward(&input(&model.encoder), None).unwrap());
    let onnx = export_classifier(&model, precision).unwrap();
    [run(&onnx, "logits", &[""], &expected), expected]
}

#[test]
fn every_family_in_f32() {
    for family in Family::ALL {
        compare(tiny(family), OnnxPrecision::F32, 1e-4);
    }
}

#[test]
fn every_family_in_f16() {
    for family in Family::ALL {
        compare(tiny(family), OnnxPrecision::F16, 5e-3);
    }
}

/// Narrow layers with large weights lose much by rounding, some more than others: so the error is that of
/// all families together, relative to their logits. A trained model is in `directory`.
#[test]
fn every_family_in_int8() {
    let (mut errors, mut sizes) = (0.0, 0.0);
    for family in Family::ALL {
        let [found, expected] = answers(tiny(family), OnnxPrecision::Int8);
        for (found, expected) in found.iter().zip(&expected) {
            errors += (found - expected).powi(2);
            sizes += expected.powi(2);
        }
    }
    let error = (errors / sizes).sqrt();
    assert!((1e-3..0.4).contains(&error), "{error}");
}

#[test]
fn deberta_with_layers_of_distances_of_their_own() {
    let relative_attention = Some(RelativeAttention {
        max_relative_positions: 4,
        position_buckets: None,
        share_att_key: false,
        norm_rel_ebd: false,
        ..RelativeAttention::default()
    });
    let encoder = EncoderConfig {
        relative_attention,
        ..tiny(Family::DebertaV2)
    };
    compare(encoder, OnnxPrecision::F32, 1e-4);
}
