//! The encoder in bfloat16 against transformers under autocast, from `autocast/generate.py`: both are
//! measured against the exact values of `families/generate.py`.

use finetune_golden::Golden;
use finetune_model::{EncoderModel, TensorNames};
use finetune_ops::Precision;

use super::families::Case;
use super::{device_and_tolerance, golden_input, gradients_by_name, host};

/// The mean distance of two tensors, over the mean size of the exact one.
fn error(found: &[f32], exact: &[f32]) -> f64 {
    assert_eq!(found.len(), exact.len());
    let distances = found.iter().zip(exact).map(|(found, exact)| found - exact);
    let total = |values: &mut dyn Iterator<Item = f32>| -> f64 {
        values.map(|value| f64::from(value.abs())).sum()
    };
    total(&mut distances.into_iter()) / total(&mut exact.iter().copied())
}

/// The errors of this crate's bfloat16 and of autocast, tensor by tensor.
fn errors(case: &Case, autocast: &Golden) -> Vec<[f64; 2]> {
    let (device, _) = device_and_tolerance();
    let (model, _) = case.classifier(&device.autodiff());
    let model = model.with_precision(Precision::Bf16);
    let input = golden_input(&case.golden, &model.encoder);
    let logits = model.forward(&input, None).unwrap();
    let loss = case.loss("classifier", logits.clone());
    let names = TensorNames::of_classifier(model.config());
    let mut found = gradients_by_name(&model, &names, &loss.backward());
    found.insert("logits".to_string(), host(logits));

    let prefix = format!("{}.", case.name);
    let listed = autocast.names();
    let of_case = listed.iter().filter_map(|name| name.strip_prefix(&prefix));
    let compare = |name: &str| {
        let (exact, _) = case.golden.floats(&format!("classifier.{name}"));
        let (of_autocast, _) = autocast.floats(&format!("{prefix}{name}"));
        let ours = &found[name.trim_start_matches("grad.")];
        [error(ours, &exact), error(&of_autocast, &exact)]
    };
    of_case.map(compare).collect()
}

#[test]
fn bfloat16_is_as_near_to_the_exact_values_as_autocast() {
    let (device, _) = device_and_tolerance();
    if Precision::Bf16.check(&device).is_err() {
        return;
    }
    let root = env!("CARGO_MANIFEST_DIR");
    let autocast = format!("{root}/tests/parity/autocast/expected.safetensors");
    let autocast = Golden::read(autocast.as_ref());
    let errors: Vec<_> = Case::all()
        .flat_map(|case| errors(&case, &autocast))
        .collect();
    assert_eq!(errors.len(), autocast.names().len());
    // Rounded at all; and where a ReLU lets another value through, it is far from both.
    assert!(
        errors
            .iter()
            .all(|[ours, theirs]| *ours > 1e-3 && ours / theirs < 3.0)
    );
    let ratios = errors.iter().map(|[ours, theirs]| (ours / theirs).ln());
    let mean = (ratios.sum::<f64>() / errors.len() as f64).exp();
    println!("geometric mean of the errors over those of autocast: {mean:.2}");
    assert!(mean < 1.0, "{mean}");
}
