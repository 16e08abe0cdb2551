//! Hidden states, logits and gradients against transformers.

use std::path::{Path, PathBuf};

use burn::module::{Module, ModuleVisitor, Param};
use burn::tensor::{Device, Tensor};
use finetune_golden::Golden;
use finetune_model::{
    CheckpointConfig, Encoder, EncoderInput, ParameterKind, SequenceClassifier, load_classifier,
    load_encoder, parameters, save_classifier, tensor_name,
};
use finetune_ops::{Targets, cross_entropy};

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
        let ids = |name: &str| -> Vec<u32> {
            self.golden
                .integers(name)
                .0
                .into_iter()
                .map(|id| id as u32)
                .collect()
        };
        let (mask, shape) = self.golden.integers("attention_mask");
        let mask: Vec<bool> = mask.into_iter().map(|real| real == 1).collect();
        let shape = [shape[0], shape[1]];
        let (token_ids, types) = (ids("input_ids"), ids("token_type_ids"));
        EncoderInput::new(encoder, &token_ids, &types, &mask, shape).unwrap()
    }

    fn classifier(&self, device: &Device) -> SequenceClassifier {
        let folder = self.directory.join("checkpoint");
        let names = CheckpointConfig::read(&folder)
            .unwrap()
            .class_names
            .unwrap();
        let (model, _, report) = load_classifier(&folder, &names, 0, device).unwrap();
        assert_eq!(
            (report.initialised.len(), report.unused.len()),
            (0, 0),
            "{report}"
        );
        model
    }

    /// Compares hidden states at the real tokens; what a model computes for padding is its own.
    fn check_hidden_states(&self, states: Vec<Tensor<2>>, tolerance: f32) {
        let (mask, _) = self.golden.integers("attention_mask");
        for (index, state) in states.into_iter().enumerate() {
            let name = format!("hidden_states.{index}");
            let width = state.dims()[1];
            let real = |values: Vec<f32>| -> Vec<f32> {
                let rows = values.chunks_exact(width).zip(&mask);
                rows.filter(|(_, real)| **real == 1)
                    .flat_map(|(row, _)| row.to_vec())
                    .collect()
            };
            let expected = real(self.golden.floats(&name).0);
            finetune_golden::check(&name, &real(host(state)), &expected, tolerance);
        }
    }
}

fn host<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().try_to_vec().unwrap()
}

#[test]
fn a_tiny_bert_equals_transformers() {
    let (case, device) = (Case::tiny(), Device::flex());
    let model = case.classifier(&device);
    let input = case.input(&model.encoder);
    let states = model.encoder.hidden_states(&input);
    assert_eq!(states.len(), 3);
    let last = model.encoder.forward(&input, None);
    assert_eq!(host(last.clone()), host(states[2].clone()));
    case.golden
        .check("pooler_output", &host(model.pool(last, &input)), 1e-5);
    case.check_hidden_states(states, 1e-5);
    case.golden
        .check("logits", &host(model.forward(&input, None)), 1e-5);
}

#[test]
fn gradients_equal_pytorch() {
    struct Gradients<'a> {
        golden: &'a Golden,
        gradients: burn::tensor::Gradients,
        parameters: std::vec::IntoIter<finetune_model::Parameter>,
    }
    impl ModuleVisitor for Gradients<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
            let parameter = self.parameters.next().unwrap();
            assert_eq!(parameter.id, param.id);
            let gradient = param.val().grad(&self.gradients).unwrap();
            let gradient = match parameter.kind {
                ParameterKind::LinearWeight => gradient.transpose(),
                _ => gradient,
            };
            let name = format!("grad.{}", tensor_name(&parameter));
            self.golden.check(&name, &host(gradient), 1e-5);
        }
    }

    let (case, device) = (Case::tiny(), Device::flex().autodiff());
    let model = case.classifier(&device);
    let logits = model.forward(&case.input(&model.encoder), None);
    let labels: Vec<usize> = case
        .golden
        .integers("labels")
        .0
        .into_iter()
        .map(|label| label as usize)
        .collect();
    let targets = Targets {
        labels: &labels,
        classes: 3,
        divisor: labels.len() as f64,
    };
    let loss = cross_entropy(logits, targets.weights(&device));
    case.golden.check("loss", &host(loss.clone()), 1e-5);

    let listed = parameters(&model);
    assert_eq!(listed.len(), 41);
    let parameters = listed.into_iter();
    let mut check = Gradients {
        golden: &case.golden,
        gradients: loss.backward(),
        parameters,
    };
    model.visit(&mut check);
}

#[test]
fn bare_and_old_checkpoints_hold_the_same_encoder() {
    let (case, device) = (Case::tiny(), Device::flex());
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
        assert_eq!(report.unused, unused);
        assert!(report.initialised.is_empty());
        let input = case.input(&encoder);
        case.check_hidden_states(encoder.hidden_states(&input), 1e-5);
    }
}

#[test]
fn what_is_saved_loads_as_the_same_model() {
    let (case, device) = (Case::tiny(), Device::flex());
    let names: Vec<String> = ["World", "Sports", "Business"].map(String::from).into();
    let (model, config, _) =
        load_classifier(&case.directory.join("checkpoint"), &names, 0, &device).unwrap();
    let folder = tempfile::tempdir().unwrap();
    save_classifier(folder.path(), &model, &config, &names).unwrap();

    let (again, read, report) = load_classifier(folder.path(), &names, 1, &device).unwrap();
    assert_eq!(
        (report.loaded.len(), report.unused.len()),
        (41, 0),
        "{report}"
    );
    assert_eq!(read.class_names.as_ref(), Some(&names));
    assert_eq!(read.encoder, config.encoder);
    let input = case.input(&again.encoder);
    assert_eq!(
        host(model.forward(&input, None)),
        host(again.forward(&input, None))
    );
}

#[test]
fn a_head_for_other_classes_is_made_anew() {
    let (case, device) = (Case::tiny(), Device::flex());
    let folder = case.directory.join("checkpoint");
    for classes in [
        &["a", "b", "c", "d", "e"][..],
        &["Sports", "World", "Business"],
    ] {
        let names: Vec<String> = classes.iter().map(|name| name.to_string()).collect();
        let load = |seed| load_classifier(&folder, &names, seed, &device).unwrap();
        let (model, _, report) = load(7);
        assert_eq!(report.initialised, ["classifier.weight", "classifier.bias"]);
        assert_eq!(report.unused, ["classifier.bias", "classifier.weight"]);
        let input = case.input(&model.encoder);
        let logits = host(model.forward(&input, None));
        assert_eq!(logits, host(load(7).0.forward(&input, None)));
        assert_ne!(logits, host(load(8).0.forward(&input, None)));
    }
}

/// The real checkpoint, if `FINETUNE_MINILM` names the folder that `minilm/compare.py` made.
#[test]
fn minilm_equals_transformers() {
    let Some(directory) = std::env::var_os("FINETUNE_MINILM") else {
        println!("skipped: FINETUNE_MINILM is not set");
        return;
    };
    let (case, device) = (Case::open(directory.into()), Device::flex());
    let model = case.classifier(&device);
    let input = case.input(&model.encoder);
    case.check_hidden_states(model.encoder.hidden_states(&input), 1e-4);
    case.golden
        .check("logits", &host(model.forward(&input, None)), 1e-4);
}
