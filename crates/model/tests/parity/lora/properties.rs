//! What must hold of every adapter.

use std::collections::BTreeSet;
use std::path::Path;

use burn::module::Param;
use burn::tensor::Tensor;
use finetune_golden::Golden;
use finetune_model::{
    DropoutStream, EncoderConfig, EncoderInput, Family, LoraConfig, LoraTarget, SequenceClassifier,
    SequenceClassifierConfig, TensorNames, init_weights, load_adapter, load_classifier, parameters,
    save_adapter, save_classifier,
};

use super::{
    Errors, base, device_and_tolerance, folder, golden_input, gradients_by_name, host, inputs,
    logits, with_all_adapters,
};

#[test]
fn fresh_adapters_change_nothing_and_depend_on_the_seed_alone() {
    let (mut model, _) = base(&device_and_tolerance().0);
    let input = golden_input(&inputs(), &model.encoder);
    let before = logits(&model, &input);
    let lora = |seed| {
        model
            .encoder
            .clone()
            .with_lora(&LoraConfig::default(), seed)
            .unwrap()
    };
    let first = |seed| {
        let adapter = &lora(seed).layers[0].attention.query.lora;
        host(adapter.as_ref().unwrap().a.val())
    };
    assert_eq!(first(7), first(7));
    assert_ne!(first(7), first(8));
    // Uniform up to 1/√32, half of them negative.
    let (values, bound) = (first(7), 1.0 / 32f32.sqrt());
    assert_eq!(values.len(), 32 * 8);
    assert!(values.iter().all(|value| value.abs() <= bound));
    assert!(values.iter().any(|value| value.abs() > 0.95 * bound));
    let negative = values.iter().filter(|value| **value < 0.0).count();
    assert!((96..160).contains(&negative), "{negative}");

    model.encoder = lora(7);
    assert_eq!(logits(&model, &input), before);
}

#[test]
fn adapters_and_head_train_and_nothing_else() {
    let device = device_and_tolerance().0.autodiff();
    let model = with_all_adapters(&device);
    let input = golden_input(&inputs(), &model.encoder);
    let loss = model.forward(&input, None).unwrap().powi_scalar(2).mean();
    let names = TensorNames::of_classifier(model.config());
    let gradients = gradients_by_name(&model, &names, &loss.backward());
    let trained: BTreeSet<_> = gradients.into_keys().collect();
    let listed = parameters(&model).into_iter();
    let expected = listed
        .filter(|parameter| parameter.kind.is_adapter() || !parameter.path.starts_with("encoder."));
    let expected: BTreeSet<_> = expected.map(|parameter| names.name(&parameter)).collect();
    // Two matrices at six places in two layers; pooler and classifier with their biases.
    assert_eq!(expected.len(), 2 * 6 * 2 + 4);
    assert_eq!(trained, expected);
    // 3 · (2 · 32 · 4 + (32 + 64) · 2) in each layer.
    assert_eq!(
        parameters(&model)
            .iter()
            .filter(|parameter| parameter.kind.is_adapter())
            .map(|parameter| parameter.shape.iter().product::<usize>())
            .sum::<usize>(),
        2 * 3 * (4 * 64 + 2 * 96)
    );
}

#[test]
fn dropout_is_before_the_adapter_alone() {
    let (device, _) = device_and_tolerance();
    let model = with_all_adapters(&device);
    let input = golden_input(&inputs(), &model.encoder);
    let forward = |model: &SequenceClassifier, step| {
        let dropout = Some(DropoutStream::new(1, step));
        host(model.forward(&input, dropout).unwrap())
    };
    assert_eq!(forward(&model, 0), forward(&model, 0));
    assert_ne!(forward(&model, 0), forward(&model, 1));
    // With adapters that add nothing, the masks of everything beside them are what they were.
    let (mut fresh, _) = base(&device);
    let before = forward(&fresh, 0);
    let lora = LoraConfig {
        dropout: 0.5,
        ..Default::default()
    };
    fresh.encoder = fresh.encoder.with_lora(&lora, 7).unwrap();
    assert_eq!(forward(&fresh, 0), before);
}

#[test]
fn what_is_saved_loads_as_the_same_adapter() {
    let (device, _) = device_and_tolerance();
    let model = with_all_adapters(&device);
    let saved = tempfile::tempdir().unwrap();
    save_adapter(saved.path(), &model, Some("tiny_bert")).unwrap();
    let (again, report) = load_adapter(saved.path(), base(&device).0).unwrap();
    assert_eq!(
        (report.loaded.len(), report.unchanged.len()),
        (28, 0),
        "{report}"
    );
    assert_eq!(again.encoder.lora(), model.encoder.lora());
    let input = golden_input(&inputs(), &again.encoder);
    assert_eq!(logits(&again, &input), logits(&model, &input));

    // An adapter of PEFT comes back as it was, and the pooler with it.
    let loaded = load_adapter(&folder("lora/all_linear"), base(&device).0);
    let (model, report) = loaded.unwrap();
    let pooler = "base_model.model.bert.pooler.dense";
    let kept = ["weight", "bias"].map(|end| format!("{pooler}.{end}"));
    assert_eq!((report.loaded.len(), report.unchanged), (26, kept.into()));
    save_adapter(saved.path(), &model, None).unwrap();
    let read = |folder: &Path| Golden::read(&folder.join("adapter_model.safetensors"));
    let (ours, theirs) = (read(saved.path()), read(&folder("lora/all_linear")));
    assert_eq!(ours.names().len(), theirs.names().len() + 2);
    for name in theirs.names() {
        assert_eq!(ours.floats(&name), theirs.floats(&name), "{name}");
    }
}

#[test]
fn a_saved_classifier_has_its_adapters_merged() {
    let (device, _) = device_and_tolerance();
    let (model, (_, checkpoint)) = (with_all_adapters(&device), base(&device));
    let saved = tempfile::tempdir().unwrap();
    save_classifier(saved.path(), &model, &checkpoint).unwrap();
    let names = &model.config().class_names;
    let (again, _, report) = load_classifier(saved.path(), names, 0, &device).unwrap();
    assert_eq!(
        (report.loaded.len(), report.unexpected.len()),
        (41, 0),
        "{report}"
    );
    let input = golden_input(&inputs(), &again.encoder);
    let mut errors = Errors::within(device_and_tolerance().1);
    errors.compare("logits", &logits(&again, &input), &logits(&model, &input));
    // The model itself keeps them.
    assert!(model.encoder.has_lora());
}

#[test]
fn every_parameter_of_an_adapter_is_initialized_by_its_kind() {
    let model = with_all_adapters(&device_and_tolerance().0);
    let model = init_weights(model, 0.02, 3);
    let input = golden_input(&inputs(), &model.encoder);
    assert!(logits(&model, &input).iter().all(|logit| logit.is_finite()));
    for layer in &model.encoder.layers {
        let lora = layer.attention.query.lora.as_ref().unwrap();
        assert!(host(lora.b.val()).iter().all(|value| *value == 0.0));
        assert!(host(lora.a.val()).iter().any(|value| value.abs() > 0.1));
    }
}

#[test]
fn every_family_keeps_its_adapters() {
    let (device, _) = device_and_tolerance();
    for family in Family::ALL {
        let encoder = EncoderConfig {
            vocab_size: 40,
            hidden_size: 16,
            num_hidden_layers: 2,
            num_attention_heads: 2,
            intermediate_size: 24,
            max_position_embeddings: 20,
            ..EncoderConfig::base(family)
        };
        let config = SequenceClassifierConfig::new(encoder, ["no", "yes"].map(String::from).into());
        let base = init_weights(config.init(&device).unwrap(), 0.2, 1);
        let mut model = base.clone();
        let lora = |target_modules| LoraConfig {
            rank: 2,
            target_modules,
            ..Default::default()
        };
        let mut targets = LoraTarget::ALL.to_vec();
        targets.retain(|target| lora(vec![*target]).check_family(family).is_ok());
        model.encoder = model.encoder.with_lora(&lora(targets), 7).unwrap();
        // Of a fresh adapter only `A` would tell whether it has been read.
        for layer in &mut model.encoder.layers {
            let lora = layer.attention.output.lora.as_mut().unwrap();
            lora.b = Param::from_tensor(Tensor::ones(lora.b.dims(), &device));
        }
        let saved = tempfile::tempdir().unwrap();
        save_adapter(saved.path(), &model, None).unwrap();
        let (again, report) = load_adapter(saved.path(), base).unwrap();
        assert!(report.unchanged.is_empty(), "{family}: {report}");

        let ids = [2, 7, 8, 3, 2, 9, 3, 1];
        let input = EncoderInput::new(&model.encoder, &ids, &[0; 8], &[0, 4, 8]).unwrap();
        assert_eq!(logits(&again, &input), logits(&model, &input), "{family}");
        let mut merged = again.clone();
        merged.encoder = merged.encoder.merge_lora();
        let mut errors = Errors::within(device_and_tolerance().1);
        errors.compare("merged", &logits(&merged, &input), &logits(&model, &input));
    }
}
