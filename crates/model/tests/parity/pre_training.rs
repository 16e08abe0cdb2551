//! Both heads of BERT's pre-training against transformers' `BertForPreTraining`, from
//! `pre_training/generate.py`: logits, losses, the gradient of every parameter, what is saved, and
//! what a classifier loads of it.

use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor};
use finetune_golden::Golden;
use finetune_model::{
    CheckpointConfig, EncoderConfig, Family, TensorNames, init_weights, load_base_model,
    load_classifier, load_masked_lm, load_pre_training, save_masked_lm,
};
use finetune_ops::cross_entropy;

use super::{
    Errors, device_and_tolerance, golden_input, gradients_by_name, host, indices, packed_positions,
};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity/pre_training")
}

fn checkpoint() -> PathBuf {
    folder().join("checkpoint")
}

#[test]
fn both_losses_and_their_gradients_equal_transformers() {
    let (device, tolerance) = device_and_tolerance();
    let golden = Golden::read(&folder().join("expected.safetensors"));
    let (model, config, report) = load_pre_training(&checkpoint(), 0, &device.autodiff()).unwrap();
    assert!(report.newly_initialized.is_empty(), "{report}");
    assert!(report.unexpected.is_empty(), "{report}");

    let input = golden_input(&golden, &model.encoder);
    let positions = packed_positions(&golden, "masked_lm.positions");
    let logits = model
        .forward_pre_training(&input, &positions, None)
        .unwrap();
    let mut errors = Errors::within(tolerance);
    let mut loss = |task: &str, logits: Option<Tensor<2>>| {
        let (logits, labels) = (logits.unwrap(), indices(&golden, &format!("{task}.labels")));
        let compare = |what: &str, found: &[f32], errors: &mut Errors| {
            let name = format!("{task}.{what}");
            errors.compare(&name, found, &golden.floats(&name).0);
        };
        compare("logits", &host(logits.clone()), &mut errors);
        let loss = cross_entropy(logits, &labels, labels.len() as f64);
        compare("loss", &host(loss.clone()), &mut errors);
        loss
    };
    let both = loss("masked_lm", logits.masked_lm) + loss("next_sentence", logits.next_sentence);
    errors.compare(
        "both.loss",
        &host(both.clone()),
        &golden.floats("both.loss").0,
    );
    let names = TensorNames::of_masked_lm(&config.encoder);
    let gradients = gradients_by_name(&model, &names, &both.backward());
    errors.compare_gradients(&golden, "both.grad.", &gradients);
    errors.report("pre_training");
}

/// What is saved has the names that transformers gives it, and the values it was loaded with, bit
/// for bit.
#[test]
fn a_checkpoint_of_both_heads_is_saved_as_it_was() {
    let device = Device::flex();
    let (model, config, _) = load_pre_training(&checkpoint(), 0, &device).unwrap();
    let saved = tempfile::tempdir().unwrap();
    save_masked_lm(saved.path(), &model, &config).unwrap();
    let [published, written] = [checkpoint(), saved.path().to_path_buf()]
        .map(|folder| Golden::read(&folder.join("model.safetensors")));
    assert_eq!(written.names(), published.names());
    for name in published.names() {
        assert_eq!(written.floats(&name), published.floats(&name), "{name}");
    }
    let json = std::fs::read_to_string(saved.path().join("config.json")).unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        json["architectures"],
        serde_json::json!(["BertForPreTraining"])
    );
    let again = CheckpointConfig::read(saved.path()).unwrap();
    assert_eq!(again.encoder, config.encoder);
}

#[test]
fn a_classifier_begins_with_the_trained_pooler() {
    let names = ["no", "yes"].map(String::from);
    let device = Device::flex();
    let (classifier, _, report) = load_classifier(&checkpoint(), &names, 0, &device).unwrap();
    assert_eq!(
        report.newly_initialized,
        ["classifier.weight", "classifier.bias"]
    );
    let (model, ..) = load_pre_training(&checkpoint(), 0, &device).unwrap();
    let expected = model.next_sentence.unwrap().pooler.dense.unwrap();
    let found = classifier.pooler.dense.unwrap();
    assert_eq!(host(found.weight.val()), host(expected.weight.val()));
    assert_eq!(
        host(found.bias.unwrap().val()),
        host(expected.bias.unwrap().val())
    );
    let (base, ..) = load_base_model(&checkpoint(), &device).unwrap();
    assert!(base.pooler.is_some());
}

/// Without the next-sentence head, the masked LM of the checkpoint is the same, and a file of it
/// gets a new one from the seed.
#[test]
fn missing_next_sentence_layers_are_new() {
    let device = Device::flex();
    let (alone, config, _) = load_masked_lm(&checkpoint(), 0, &device).unwrap();
    assert!(alone.next_sentence.is_none());
    let saved = tempfile::tempdir().unwrap();
    save_masked_lm(saved.path(), &alone, &config).unwrap();
    let load = |seed| load_pre_training(saved.path(), seed, &device).unwrap();
    let (model, _, report) = load(1);
    let mut new = report.newly_initialized;
    new.sort();
    assert_eq!(
        new,
        [
            "bert.pooler.dense.bias",
            "bert.pooler.dense.weight",
            "cls.seq_relationship.bias",
            "cls.seq_relationship.weight",
        ]
    );
    let weights =
        |model: finetune_model::MaskedLm| host(model.next_sentence.unwrap().output.weight.val());
    let first = weights(model);
    assert_eq!(first, weights(load(1).0));
    assert_ne!(first, weights(load(2).0));
}

/// One pass computes what the masked LM alone computes, and nothing where there is no position or
/// no head.
#[test]
fn one_pass_gives_the_logits_of_the_heads_there_are() {
    let device = Device::flex();
    let golden = Golden::read(&folder().join("expected.safetensors"));
    let (model, ..) = load_pre_training(&checkpoint(), 0, &device).unwrap();
    let input = golden_input(&golden, &model.encoder);
    let alone = host(model.forward(&input, &[3, 12], None).unwrap());
    let both = model.forward_pre_training(&input, &[3, 12], None).unwrap();
    assert_eq!(host(both.masked_lm.unwrap()), alone);
    let unmasked = model.forward_pre_training(&input, &[], None).unwrap();
    assert!(unmasked.masked_lm.is_none());
    assert_eq!(
        host(unmasked.next_sentence.unwrap()),
        host(both.next_sentence.unwrap())
    );
    let (masked_lm, ..) = load_masked_lm(&checkpoint(), 0, &device).unwrap();
    let masked = masked_lm
        .forward_pre_training(&input, &[3, 12], None)
        .unwrap();
    assert!(masked.next_sentence.is_none());
    assert_eq!(host(masked.masked_lm.unwrap()), alone);
    let tokens = input.num_tokens();
    let error = model
        .forward_pre_training(&input, &[tokens], None)
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("masked position {tokens} in a batch of {tokens} tokens")
    );
}

#[test]
fn other_families_and_encoders_without_segments_are_refused() {
    let device = Device::flex();
    for family in Family::ALL {
        let config = EncoderConfig {
            num_hidden_layers: 1,
            ..EncoderConfig::base(family)
        };
        match config.init_pre_training(&device) {
            Ok(_) => assert_eq!(family, Family::Bert),
            Err(error) => {
                assert_ne!(family, Family::Bert);
                let expected = format!("family is {family}, expected bert");
                assert!(error.to_string().contains(&expected), "{error}");
            }
        }
    }
    let config = EncoderConfig {
        type_vocab_size: 1,
        ..EncoderConfig::default()
    };
    let error = config.init_pre_training(&device).unwrap_err().to_string();
    assert!(error.contains("type_vocab_size is 1"), "{error}");
}

/// A model from a seed has the same encoder and masked LM head with and without the next-sentence
/// head.
#[test]
fn the_head_changes_no_other_initial_value() {
    let device = Device::flex();
    let encoder = CheckpointConfig::read(&checkpoint()).unwrap().encoder;
    let alone = init_weights(encoder.init_masked_lm(&device).unwrap(), 0.02, 7);
    let both = init_weights(encoder.init_pre_training(&device).unwrap(), 0.02, 7);
    let words = |model: &finetune_model::MaskedLm| {
        let table = &model.encoder.embeddings.word_embeddings.weight;
        [
            host(table.val()),
            host(model.head.transform.as_ref().unwrap().weight.val()),
        ]
    };
    assert_eq!(words(&alone), words(&both));
}
