//! A tiny BERT in the dresses that checkpoints come in, from `tiny_bert/generate.py`, and a real
//! one.

use std::path::{Path, PathBuf};

use burn::tensor::{Device, Tensor};
use finetune_golden::Golden;
use finetune_model::{
    CheckpointConfig, Encoder, EncoderInput, SequenceClassifier, load_classifier, load_encoder,
    save_classifier,
};

use super::{device_and_tolerance, golden_input, host, real_rows};

/// A folder with checkpoints and `expected.safetensors`, as `tiny_bert/generate.py` leaves it.
struct Case {
    directory: PathBuf,
    golden: Golden,
}

impl Case {
    fn open(directory: PathBuf) -> Self {
        let golden = Golden::read(&directory.join("expected.safetensors"));
        Self { directory, golden }
    }

    fn tiny() -> Self {
        Self::open(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity/tiny_bert"))
    }

    fn input(&self, encoder: &Encoder) -> EncoderInput {
        golden_input(&self.golden, encoder)
    }

    fn classifier(&self, device: &Device) -> SequenceClassifier {
        let folder = self.directory.join("checkpoint");
        let names = CheckpointConfig::read(&folder)
            .unwrap()
            .class_names
            .unwrap();
        let (model, _, report) = load_classifier(&folder, &names, 0, device).unwrap();
        assert_eq!(
            (report.newly_initialized.len(), report.unexpected.len()),
            (0, 0),
            "{report}"
        );
        model
    }

    fn check_hidden_states(&self, states: Vec<Tensor<2>>, tolerance: f32) {
        for (index, state) in states.into_iter().enumerate() {
            let name = format!("hidden_states.{index}");
            let expected = real_rows(&self.golden, &self.golden.floats(&name).0);
            let got = host(state);
            finetune_golden::check(&name, &got, &expected, tolerance);
        }
    }
}

#[test]
fn a_tiny_bert_equals_transformers() {
    let (case, (device, tolerance)) = (Case::tiny(), device_and_tolerance());
    let tolerance = tolerance as f32;
    let model = case.classifier(&device);
    let input = case.input(&model.encoder);
    let states = model.encoder.hidden_states(&input, None);
    assert_eq!(states.len(), 3);
    let pooled = host(model.embed(&input, None));
    case.golden.check("pooler_output", &pooled, tolerance);
    case.check_hidden_states(states, tolerance);
    let logits = model.forward(&input, None).unwrap();
    case.golden.check("logits", &host(logits), tolerance);
}

#[test]
fn bare_and_old_checkpoints_hold_the_same_encoder() {
    let (case, (device, tolerance)) = (Case::tiny(), device_and_tolerance());
    for (folder, unused) in [
        (
            "encoder_checkpoint",
            vec!["pooler.dense.bias", "pooler.dense.weight"],
        ),
        (
            "old_names_checkpoint",
            vec![
                "bert.pooler.dense.bias",
                "bert.pooler.dense.weight",
                "cls.predictions.bias",
                "cls.predictions.transform.LayerNorm.beta",
                "cls.predictions.transform.LayerNorm.gamma",
                "cls.seq_relationship.bias",
                "cls.seq_relationship.weight",
            ],
        ),
    ] {
        let (encoder, _, report) = load_encoder(&case.directory.join(folder), &device).unwrap();
        assert_eq!(report.unexpected, unused);
        assert!(report.newly_initialized.is_empty());
        let input = case.input(&encoder);
        case.check_hidden_states(encoder.hidden_states(&input, None), tolerance as f32);
    }
}

#[test]
fn what_is_saved_loads_as_the_same_model() {
    let (case, (device, _)) = (Case::tiny(), device_and_tolerance());
    let names: Vec<String> = ["World", "Sports", "Business"].map(String::from).into();
    let (model, config, _) =
        load_classifier(&case.directory.join("checkpoint"), &names, 0, &device).unwrap();
    let folder = tempfile::tempdir().unwrap();
    save_classifier(folder.path(), &model, &config).unwrap();

    let (again, read, report) = load_classifier(folder.path(), &names, 1, &device).unwrap();
    assert_eq!(
        (report.loaded.len(), report.unexpected.len()),
        (41, 0),
        "{report}"
    );
    assert_eq!(read.class_names.as_ref(), Some(&names));
    assert_eq!(read.encoder, config.encoder);
    let input = case.input(&again.encoder);
    assert_eq!(
        host(model.forward(&input, None).unwrap()),
        host(again.forward(&input, None).unwrap())
    );
}

#[test]
fn a_head_for_other_classes_is_made_anew() {
    let (case, (device, _)) = (Case::tiny(), device_and_tolerance());
    let folder = case.directory.join("checkpoint");
    for classes in [
        &["a", "b", "c", "d", "e"][..],
        &["World", "Sports", "Weather"],
    ] {
        let names: Vec<String> = classes.iter().map(|name| name.to_string()).collect();
        let load = |seed| load_classifier(&folder, &names, seed, &device).unwrap();
        let (model, _, report) = load(7);
        assert_eq!(
            report.newly_initialized,
            ["classifier.weight", "classifier.bias"]
        );
        assert_eq!(report.unexpected, ["classifier.bias", "classifier.weight"]);
        let input = case.input(&model.encoder);
        let logits = host(model.forward(&input, None).unwrap());
        assert_eq!(logits, host(load(7).0.forward(&input, None).unwrap()));
        assert_ne!(logits, host(load(8).0.forward(&input, None).unwrap()));
    }
}

/// The real checkpoint.
#[test]
#[ignore = "needs FINETUNE_MINILM, the directory that minilm/compare.py made"]
fn minilm_equals_transformers() {
    let directory = std::env::var_os("FINETUNE_MINILM").unwrap();
    let (case, (device, tolerance)) = (Case::open(directory.into()), device_and_tolerance());
    // Six layers of real weights.
    let tolerance = 10.0 * tolerance as f32;
    let model = case.classifier(&device);
    let input = case.input(&model.encoder);
    case.check_hidden_states(model.encoder.hidden_states(&input, None), tolerance);
    let logits = host(model.forward(&input, None).unwrap());
    case.golden.check("logits", &logits, tolerance);
}
