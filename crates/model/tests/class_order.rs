//! Heads whose classes stand in another order, or have other names, than those of the data.

use std::path::Path;

use burn::tensor::{Device, Tensor};
use finetune_model::{
    CheckpointConfig, EncoderConfig, EncoderInput, LoraConfig, SequenceClassifier,
    SequenceClassifierConfig, init_weights, load_adapter, load_classifier, save_adapter,
    save_classifier,
};

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

fn model(class_names: &[&str], seed: u64) -> SequenceClassifier {
    let encoder = EncoderConfig {
        vocab_size: 10,
        hidden_size: 8,
        num_attention_heads: 2,
        num_hidden_layers: 1,
        intermediate_size: 4,
        max_position_embeddings: 6,
        ..Default::default()
    };
    let config = SequenceClassifierConfig::new(encoder, names(class_names));
    init_weights(config.init(&Device::flex()).unwrap(), 0.5, seed)
}

fn saved(model: &SequenceClassifier) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let checkpoint = CheckpointConfig::new(model.config().encoder.clone());
    save_classifier(directory.path(), model, &checkpoint).unwrap();
    directory
}

/// Returns the logits of one text, by class name.
fn logits(model: &SequenceClassifier) -> Vec<(String, f32)> {
    let input = EncoderInput::new(&model.encoder, &[1, 5, 2], &[0; 3], &[0, 3]).unwrap();
    let logits: Tensor<2> = model.forward(&input, None).unwrap();
    let logits: Vec<f32> = logits.into_data().try_to_vec().unwrap();
    let names = model.config().class_names.iter().cloned();
    let mut named: Vec<_> = names.zip(logits).collect();
    named.sort_by(|a, b| a.0.cmp(&b.0));
    named
}

fn load(
    directory: &Path,
    class_names: &[&str],
) -> (SequenceClassifier, finetune_model::LoadReport) {
    let loaded = load_classifier(directory, &names(class_names), 0, &Device::flex()).unwrap();
    (loaded.0, loaded.2)
}

#[test]
fn a_class_has_the_same_logit_in_any_order() {
    let before = model(&["neutral", "good", "bad"], 1);
    let directory = saved(&before);
    let head = ["classifier.weight", "classifier.bias"];
    let (after, report) = load(directory.path(), &["bad", "good", "neutral"]);
    assert_eq!(logits(&after), logits(&before));
    assert_eq!(report.reordered, head);
    assert!(report.newly_initialized.is_empty() && report.by_position.is_empty());
    let (same, report) = load(directory.path(), &["neutral", "good", "bad"]);
    assert_eq!(logits(&same), logits(&before));
    assert!(
        report.reordered.is_empty() && report.by_position.is_empty(),
        "{report}"
    );
    let (_, report) = load(directory.path(), &["bad", "good", "great"]);
    assert_eq!(report.newly_initialized, head);
}

#[test]
fn classes_without_names_are_taken_by_position_and_said_to_be() {
    let before = model(&["LABEL_0", "LABEL_1", "LABEL_2"], 1);
    let directory = saved(&before);
    let (after, report) = load(directory.path(), &["a", "b", "c"]);
    assert_eq!(report.by_position, ["classifier.weight", "classifier.bias"]);
    let values = |model| {
        logits(model)
            .into_iter()
            .map(|(_, value)| value)
            .collect::<Vec<_>>()
    };
    assert_eq!(values(&after), values(&before));
    // Data may have such names, too.
    let (after, report) = load(directory.path(), &["LABEL_1", "LABEL_2", "LABEL_0"]);
    assert_eq!(logits(&after), logits(&before));
    assert!(
        !report.reordered.is_empty() && report.by_position.is_empty(),
        "{report}"
    );
}

#[test]
fn adapters_bring_the_head_of_their_own_classes() {
    let base = model(&["bad", "good"], 1);
    let mut trained = model(&["bad", "good"], 2);
    trained.encoder = base
        .encoder
        .clone()
        .with_lora(&LoraConfig::default(), 3)
        .unwrap();
    let directory = tempfile::tempdir().unwrap();
    save_adapter(directory.path(), &trained, None).unwrap();
    let base_in = |class_names: &[&str]| load(saved(&base).path(), class_names).0;
    let (same, report) = load_adapter(directory.path(), base_in(&["bad", "good"])).unwrap();
    assert_eq!(logits(&same), logits(&trained));
    assert!(report.reordered.is_empty(), "{report}");
    let (turned, report) = load_adapter(directory.path(), base_in(&["good", "bad"])).unwrap();
    assert_eq!(logits(&turned), logits(&trained));
    assert_eq!(report.reordered.len(), 2, "{report}");
    // The head of other classes stays as it was.
    let (_, report) = load_adapter(directory.path(), base_in(&["no", "yes"])).unwrap();
    assert_eq!(report.unchanged.len(), 2, "{report}");
    // Without the names, as from PEFT, the order is taken as it is.
    std::fs::remove_file(directory.path().join("class_names.json")).unwrap();
    let (turned, _) = load_adapter(directory.path(), base_in(&["good", "bad"])).unwrap();
    assert_ne!(logits(&turned), logits(&trained));
}
