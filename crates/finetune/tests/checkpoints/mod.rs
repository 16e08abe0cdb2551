//! Checkpoints with odd `config.json` files and weights in many forms: what transformers makes of
//! them, or an error that names the key. The cases are those of `checkpoints/generate.py`.

mod weights;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use burn::tensor::Device;
use finetune::model::{
    CheckpointConfig, EncoderInput, SequenceClassifier, load_classifier, save_classifier,
};
use finetune::predict::{PredictError, Prediction, Predictor};
use flate2::read::GzDecoder;
use serde::Deserialize;
use serde_json::Value;

/// Largest difference to transformers.
const TOLERANCE: f64 = 1e-5;

/// Token ids of the texts: `[CLS]` and `[SEP]` are 2 and 3, and `w7` is 7.
const TEXTS: [&[u32]; 4] = [
    &[2, 7, 9, 3],
    &[2, 5, 3],
    &[2, 12, 12, 8, 19, 6, 3],
    &[2, 3],
];

/// Number of tokens in the vocabulary; every case has as many or more.
const VOCABULARY: usize = 24;

#[derive(Debug, Deserialize)]
struct Case {
    name: String,
    config: Value,
    tensors: Vec<(String, Vec<usize>)>,
    dtype: String,
    layout: String,
    prefix: String,
    bare: bool,
    old_norms: bool,
    more: Vec<String>,
    #[serde(default)]
    logits: Vec<Vec<f32>>,
    #[serde(default)]
    answers: Vec<Vec<(Option<String>, f64)>>,
    refused: Option<String>,
}

impl Case {
    /// Writes `config.json`, a vocabulary and the weights.
    fn write(&self) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        let path = |name| directory.path().join(name);
        fs::write(path("config.json"), self.config.to_string()).unwrap();
        let words = (5..VOCABULARY).map(|word| format!("w{word}\n"));
        let special = ["[PAD]\n", "[UNK]\n", "[CLS]\n", "[SEP]\n", "[MASK]\n"];
        let tokens = special.into_iter().map(String::from).chain(words);
        fs::write(path("vocab.txt"), tokens.collect::<String>()).unwrap();
        // Whatever the family, so that the ids are the same.
        let class = r#"{"tokenizer_class": "BertTokenizer"}"#;
        fs::write(path("tokenizer_config.json"), class).unwrap();
        weights::write(directory.path(), self);
        directory
    }

    /// Returns the names of the outputs; those without a name have the default one.
    fn names(&self) -> Vec<String> {
        let answers = self.answers[0].iter().enumerate();
        let name = |(index, (name, _)): (usize, &(Option<String>, f64))| match name {
            Some(name) => name.clone(),
            None => format!("LABEL_{index}"),
        };
        answers.map(name).collect()
    }

    /// Checks the logits of a model.
    fn check_logits(&self, model: &SequenceClassifier) {
        for (ids, expected) in TEXTS.iter().zip(&self.logits) {
            let input =
                EncoderInput::new(&model.encoder, ids, &vec![0; ids.len()], &[0, ids.len()]);
            let logits = model.forward(&input.unwrap(), None).unwrap();
            let logits: Vec<f32> = logits.into_data().try_to_vec().unwrap();
            assert_eq!(logits.len(), expected.len(), "{}", self.name);
            for (found, expected) in logits.iter().zip(expected) {
                let error = f64::from((found - expected).abs());
                assert!(error < TOLERANCE, "{}: {found} {expected}", self.name);
            }
        }
    }

    /// Checks the answers of a predictor against those of the pipeline.
    fn check_answers(&self, predictor: &Predictor) {
        let names = self.names();
        assert_eq!(predictor.class_names(), names, "{}", self.name);
        for (found, expected) in answers(predictor).iter().zip(&self.answers) {
            assert_eq!(found.len(), expected.len(), "{}", self.name);
            for (name, (_, expected)) in names.iter().zip(expected) {
                let score = found.iter().find(|(label, _)| label == name).unwrap().1;
                let message = format!("{}: {name} {score} {expected}", self.name);
                assert!((score - expected).abs() < TOLERANCE, "{message}");
            }
        }
    }
}

/// Returns the score of each output for each text, by label.
fn answers(predictor: &Predictor) -> Vec<Vec<(String, f64)>> {
    let texts = TEXTS.iter().map(|ids| {
        let words = ids[1..ids.len() - 1].iter().map(|id| format!("w{id}"));
        words.collect::<Vec<_>>().join(" ")
    });
    let predictions = predictor.predict(&texts.collect::<Vec<_>>()).unwrap();
    let answer = |prediction: &Prediction| match prediction {
        Prediction::Regression { scores } => {
            let scores = scores.iter();
            scores
                .map(|score| (score.label.clone(), score.score))
                .collect()
        }
        other => {
            let probabilities = other.probabilities().iter();
            probabilities
                .map(|found| (found.label.clone(), found.probability))
                .collect()
        }
    };
    predictions.iter().map(answer).collect()
}

fn cases() -> Vec<Case> {
    let path: PathBuf = [
        env!("CARGO_MANIFEST_DIR"),
        "tests/checkpoints/cases.json.gz",
    ]
    .iter()
    .collect();
    let file = GzDecoder::new(fs::File::open(path).unwrap());
    serde_json::from_reader(file).unwrap()
}

/// Loads a directory with its own classes, and to predict.
fn load(directory: &Path) -> Result<(SequenceClassifier, Predictor), PredictError> {
    let predictor = Predictor::load(directory, &Device::flex())?;
    let names = predictor.class_names();
    let (model, ..) = load_classifier(directory, names, 0, &Device::flex())?;
    Ok((model, predictor))
}

#[test]
fn every_checkpoint_is_read_as_by_transformers_or_refused_by_its_key() {
    let (mut read, mut refused) = (0, 0);
    for case in cases() {
        let directory = case.write();
        match (load(directory.path()), &case.refused) {
            (Ok((model, predictor)), None) => {
                case.check_logits(&model);
                case.check_answers(&predictor);
                read += 1;
            }
            (Err(error), Some(key)) => {
                let message = error.to_string();
                assert!(message.contains(key), "{}: {message}", case.name);
                refused += 1;
            }
            (Err(error), None) => panic!("{}: {error}", case.name),
            (Ok(_), Some(_)) => panic!("{} is read", case.name),
        }
    }
    assert!(read > 400 && refused > 10, "{read} {refused}");
}

/// Reads and saves a case.
fn save_again(case: &Case, saved: &Path) {
    let directory = case.write();
    let (model, _) = load(directory.path()).unwrap();
    let config = CheckpointConfig::read(directory.path()).unwrap();
    save_classifier(saved, &model, &config).unwrap();
    for file in ["vocab.txt", "tokenizer_config.json"] {
        fs::copy(directory.path().join(file), saved.join(file)).unwrap();
    }
}

/// What is saved describes the same model, whatever was in the file before.
#[test]
fn what_is_saved_is_read_the_same() {
    for case in cases().iter().filter(|case| case.refused.is_none()) {
        let saved = tempfile::tempdir().unwrap();
        save_again(case, saved.path());
        let (model, predictor) = load(saved.path()).unwrap();
        case.check_logits(&model);
        assert_eq!(predictor.class_names(), case.names(), "{}", case.name);
    }
}

#[test]
#[ignore = "needs FINETUNE_PYTHON, a Python with transformers"]
fn transformers_gives_the_same_answers_on_what_is_saved() {
    let python = std::env::var_os("FINETUNE_PYTHON").unwrap();
    let all = tempfile::tempdir().unwrap();
    let mut saved = 0;
    for (number, case) in cases().iter().enumerate() {
        if case.refused.is_none() {
            let directory = all.path().join(format!("{number:03}"));
            save_again(case, &directory);
            let answers = answers(&load(&directory).unwrap().1);
            let check = serde_json::json!({ "texts": TEXTS, "answers": answers });
            fs::write(directory.join("check.json"), check.to_string()).unwrap();
            saved += 1;
        }
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/checkpoints/check.py");
    let output = Command::new(python)
        .arg(script)
        .arg(all.path())
        .env("HF_HUB_OFFLINE", "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let problem = String::from_utf8_lossy(&output.stderr);
    assert!(
        text.contains(&format!("{saved} models")),
        "{text}\n{problem}"
    );
}
