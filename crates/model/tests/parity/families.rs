//! Every family against transformers, from `families/generate.py`: hidden states, pooler, the
//! family's classifier and its head for masked language modeling, the gradient of every
//! parameter, and what is saved.

use std::path::PathBuf;

use burn::module::Module;
use burn::tensor::Tensor;
use finetune_golden::Golden;
use finetune_model::{
    CheckpointConfig, MaskedLm, Pooling, SequenceClassifier, SequenceClassifierConfig, TensorNames,
    load_classifier, load_classifier_with, load_encoder, load_masked_lm, save_classifier,
    save_masked_lm,
};
use finetune_ops::{ClassTargets, soft_target_cross_entropy};

use super::{
    Errors, device_and_tolerance, golden_input, gradients_by_name, host, indices, packed_positions,
    real_rows,
};

/// The folders.
const CASES: [&str; 29] = [
    "bert_wide",
    "bert_narrow",
    "distilbert_wide",
    "distilbert_narrow",
    "roberta_wide",
    "roberta_narrow",
    "xlm_roberta",
    "xlm_roberta_odd",
    "camembert",
    "camembert_odd",
    "electra_wide",
    "electra_narrow",
    "modernbert",
    "modernbert_odd",
    "deberta_v2",
    "deberta_v2_odd",
    "mpnet",
    "mpnet_odd",
    "albert",
    "albert_odd",
    "nomic_bert",
    "nomic_bert_odd",
    "gte",
    "gte_odd",
    "eurobert",
    "eurobert_odd",
    "eurobert_first",
    "modernbert_scaled",
    "mpnet_wide",
];

/// A checkpoint and what transformers computes with it.
pub(super) struct Case {
    pub(super) name: &'static str,
    folder: PathBuf,
    pub(super) golden: Golden,
}

impl Case {
    pub(super) fn all() -> impl Iterator<Item = Self> {
        CASES.into_iter().map(Self::open)
    }

    fn open(name: &'static str) -> Self {
        let root = env!("CARGO_MANIFEST_DIR");
        let folder = PathBuf::from(format!("{root}/tests/parity/families/{name}"));
        let golden = Golden::read(&folder.join("expected.safetensors"));
        Self {
            name,
            folder,
            golden,
        }
    }

    pub(super) fn checkpoint(&self) -> PathBuf {
        self.folder.join("checkpoint")
    }

    pub(super) fn class_names(&self) -> Vec<String> {
        ["World", "Sports", "Business"].map(String::from).into()
    }

    pub(super) fn classifier(
        &self,
        device: &burn::tensor::Device,
    ) -> (SequenceClassifier, CheckpointConfig) {
        let (model, config, report) =
            load_classifier(&self.checkpoint(), &self.class_names(), 0, device).unwrap();
        assert!(
            report.newly_initialized.is_empty(),
            "{}: {report}",
            self.name
        );
        (model, config)
    }

    pub(super) fn masked_lm(&self, device: &burn::tensor::Device) -> (MaskedLm, CheckpointConfig) {
        let (model, config, report) = load_masked_lm(&self.checkpoint(), 0, device).unwrap();
        assert!(
            report.newly_initialized.is_empty(),
            "{}: {report}",
            self.name
        );
        (model, config)
    }

    /// The names of the tensors that transformers writes for a model.
    fn published_names(&self, model: &str) -> Vec<String> {
        let text = std::fs::read_to_string(self.folder.join("names.json")).unwrap();
        let names: serde_json::Value = serde_json::from_str(&text).unwrap();
        serde_json::from_value(names[model].clone()).unwrap()
    }

    fn has(&self, name: &str) -> bool {
        self.golden.names().iter().any(|golden| golden == name)
    }

    /// The loss of a task, from its labels.
    pub(super) fn loss(&self, task: &str, logits: Tensor<2>) -> Tensor<1> {
        let labels = indices(&self.golden, &format!("{task}.labels"));
        let [rows, classes] = logits.dims();
        assert_eq!(rows, labels.len());
        let targets = ClassTargets {
            labels: &labels,
            classes,
            divisor: rows as f64,
        };
        let weights = targets.weights(&logits.device());
        soft_target_cross_entropy(logits, weights)
    }

    /// Compares logits, loss and the gradients of all parameters but those of a pooler that the
    /// model does not use.
    fn check_task<M: Module>(
        &self,
        task: &str,
        model: &M,
        names: &TensorNames,
        logits: Tensor<2>,
        errors: &mut Errors,
    ) {
        let golden = |what: &str| self.golden.floats(&format!("{task}.{what}")).0;
        errors.compare("logits", &host(logits.clone()), &golden("logits"));
        let loss = self.loss(task, logits);
        errors.compare("loss", &host(loss.clone()), &golden("loss"));

        let gradients = gradients_by_name(model, names, &loss.backward());
        errors.compare_gradients(&self.golden, &format!("{task}.grad."), &gradients);
    }
}

#[test]
fn hidden_states_equal_transformers() {
    let (device, tolerance) = device_and_tolerance();
    for case in Case::all() {
        let mut errors = Errors::within(tolerance);
        let (encoder, config, _) = load_encoder(&case.checkpoint(), &device).unwrap();
        let input = golden_input(&case.golden, &encoder);
        let states = encoder.hidden_states(&input, None);
        assert_eq!(states.len(), config.encoder.num_hidden_layers + 1);
        let last = host(encoder.forward(&input, None));
        assert_eq!(last, host(states[states.len() - 1].clone()));
        for (number, state) in states.into_iter().enumerate() {
            let name = format!("hidden_states.{number}");
            let (expected, _) = case.golden.floats(&name);
            errors.compare(&name, &host(state), &real_rows(&case.golden, &expected));
        }
        errors.report(case.name);
    }
}

#[test]
fn poolers_equal_transformers() {
    let (device, tolerance) = device_and_tolerance();
    let mut with_pooler = 0;
    for case in Case::all().filter(|case| case.has("pooler_output")) {
        let mut errors = Errors::within(tolerance);
        let checkpoint = CheckpointConfig::read(&case.checkpoint()).unwrap();
        let config = SequenceClassifierConfig {
            pooling: Pooling::pooler(),
            ..checkpoint.classifier(&case.class_names())
        };
        let (model, report) =
            load_classifier_with(&case.checkpoint(), &config, None, 0, &device).unwrap();
        let pooler = report.loaded.iter().filter(|name| name.contains("pooler"));
        assert_eq!(pooler.count(), 2, "{report}");
        let features = model.embed(&golden_input(&case.golden, &model.encoder), None);
        let (expected, _) = case.golden.floats("pooler_output");
        errors.compare("pooler_output", &host(features), &expected);
        errors.report(case.name);
        with_pooler += 1;
    }
    assert_eq!(with_pooler, 13);
}

#[test]
fn classifiers_and_their_gradients_equal_transformers() {
    let (device, tolerance) = device_and_tolerance();
    for case in Case::all() {
        let mut errors = Errors::within(tolerance);
        let (model, _) = case.classifier(&device.clone().autodiff());
        let input = golden_input(&case.golden, &model.encoder);
        let logits = model.forward(&input, None).unwrap();
        let names = TensorNames::of_classifier(model.config());
        case.check_task("classifier", &model, &names, logits, &mut errors);
        errors.report(case.name);
    }
}

#[test]
fn masked_language_models_and_their_gradients_equal_transformers() {
    let (device, tolerance) = device_and_tolerance();
    for case in Case::all() {
        let mut errors = Errors::within(tolerance);
        let (model, config) = case.masked_lm(&device.clone().autodiff());
        let input = golden_input(&case.golden, &model.encoder);
        let positions = packed_positions(&case.golden, "masked_lm.positions");
        let logits = model.forward(&input, &positions, None).unwrap();
        let names = TensorNames::of_masked_lm(&config.encoder);
        case.check_task("masked_lm", &model, &names, logits, &mut errors);
        errors.report(case.name);
    }
}

/// What is saved has the names that transformers gives it, and the values it was loaded with, bit
/// for bit.
#[test]
fn published_checkpoints_are_saved_as_they_were() {
    let (device, _) = device_and_tolerance();
    for case in Case::all() {
        let published = Golden::read(&case.checkpoint().join("model.safetensors"));
        let unchanged = |folder: &std::path::Path, names: Vec<String>| {
            let saved = Golden::read(&folder.join("model.safetensors"));
            assert_eq!(saved.names(), names, "{}", case.name);
            for name in names {
                assert_eq!(saved.floats(&name), published.floats(&name), "{name}");
            }
        };
        let folder = tempfile::tempdir().unwrap();
        let (model, config) = case.classifier(&device);
        save_classifier(folder.path(), &model, &config).unwrap();
        unchanged(folder.path(), case.published_names("classifier"));
        // Nothing that the file says of the model changes either.
        let again = CheckpointConfig::read(folder.path()).unwrap();
        assert_eq!(again.encoder, config.encoder);
        assert_eq!(again.class_names, config.class_names);
        assert_eq!(again.classifier(&case.class_names()), *model.config());

        let (model, config) = case.masked_lm(&device);
        save_masked_lm(folder.path(), &model, &config).unwrap();
        unchanged(folder.path(), case.published_names("masked_lm"));
    }
}
