//! What a `Predictor` must do with the folder of a run, of a pair model, and of no classifier.

use std::fs;
use std::path::Path;

use burn::module::Module;
use burn::tensor::Device;
use finetune_data::{
    BatchSize, Cleaning, CleaningStep, Dataset, EncodingConfig, Splits, TextArity, Truncation,
};
use finetune_model::{
    CheckpointConfig, CosineSimilarityHeadConfig, HeadConfig, Pooling, ProblemType,
    SequenceClassifierConfig, init_weights, save_classifier, save_encoder,
};
use finetune_predict::{PredictError, Prediction, Predictor, PredictorConfig, TextPreprocessing};
use finetune_train::{FineTuning, TrainDuration};
use serde_json::Value;

use crate::regression::checkpoint;
use crate::small_run::SmallRun;

const DEVICE: fn() -> Device = Device::flex;

/// Puts a tag into every text that the cleaning takes out again.
fn tagged(mut dataset: Dataset) -> Dataset {
    for example in &mut dataset.examples {
        example.text = format!("<b>{}</b>", example.text);
    }
    dataset
}

/// A run whose texts were cleaned; its folder and its test texts.
fn run(folder: &Path) -> Vec<String> {
    let splits = checkpoint(&folder.join("start"));
    let splits = Splits::train_test(tagged(splits.train), tagged(splits.test.unwrap()));
    let texts = splits.test.as_ref().unwrap().examples.iter();
    let texts = texts.map(|example| example.text.clone()).collect();
    let mut config = SmallRun::fine_tuning(SmallRun::config());
    config.train.duration = TrainDuration::Epochs(6);
    config.text.encoding = EncodingConfig::new(12);
    config.text.cleaning = Cleaning {
        steps: vec![CleaningStep::Html],
    };
    FineTuning::new(folder.join("start"), splits)
        .config(config)
        .prepare()
        .unwrap()
        .run(&folder.join("run"), &mut ())
        .unwrap();
    texts
}

fn likeliest(prediction: &Prediction) -> (String, f64) {
    match prediction {
        Prediction::SingleLabel {
            label, probability, ..
        } => (label.clone(), *probability),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_model_of_a_run_says_what_the_run_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let texts = run(folder.path());
    let predictor = Predictor::load(&folder.path().join("run/model"), &DEVICE()).unwrap();
    assert_eq!(predictor.class_names(), ["weather", "food"]);
    assert_eq!(predictor.encoding().max_length, 12);
    let recorded = fs::read_to_string(folder.path().join("run/predictions.jsonl")).unwrap();
    let predictions = predictor.predict(&texts).unwrap();
    assert_eq!(recorded.lines().count(), predictions.len());
    for (line, prediction) in recorded.lines().zip(&predictions) {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["prediction"], likeliest(prediction).0);
        for label in prediction.probabilities() {
            let place = usize::from(label.label == "food");
            let recorded = line["probabilities"][place].as_f64().unwrap();
            assert!((label.probability - recorded).abs() < 1e-5);
        }
    }

    // Without the cleaning the tags are tokens, and the answers others.
    let raw = PredictorConfig {
        cleaning: Some(Cleaning::default()),
        ..Default::default()
    };
    let model = folder.path().join("run/model");
    let raw = Predictor::load_with(&model, raw, &DEVICE()).unwrap();
    assert_ne!(raw.predict(&texts).unwrap(), predictions);
}

#[test]
fn an_answer_does_not_depend_on_the_company_or_the_thread() {
    let folder = tempfile::tempdir().unwrap();
    let mut texts = run(folder.path());
    texts.extend(["", "hail", "rice rice rice bread soup storm rain"].map(String::from));
    let config = PredictorConfig {
        batch_size: BatchSize::Rows(5),
        ..Default::default()
    };
    let model = folder.path().join("run/model");
    let predictor = Predictor::load_with(&model, config, &DEVICE()).unwrap();
    let together = predictor.predict(&texts).unwrap();
    let predictor = &predictor;
    let alone: Vec<Prediction> = std::thread::scope(|scope| {
        let asked: Vec<_> = texts
            .iter()
            .map(|text| scope.spawn(move || predictor.predict(&[text]).unwrap().remove(0)))
            .collect();
        asked.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(together.len(), texts.len());
    let mut seen = std::collections::BTreeSet::new();
    for (together, alone) in together.iter().zip(&alone) {
        let ((label, probability), (label_alone, probability_alone)) =
            (likeliest(together), likeliest(alone));
        assert_eq!(label, label_alone);
        assert!((probability - probability_alone).abs() < 1e-5);
        seen.insert(label);
    }
    assert_eq!(seen.len(), 2);
    assert_eq!(predictor.predict::<&str>(&[]).unwrap(), []);
}

#[test]
fn predictors_go_to_other_threads() {
    fn shared<T: Send + Sync + Clone>() {}
    shared::<Predictor>();
}

#[test]
fn windows_of_a_long_text_are_averaged() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path());
    let load = |truncation| {
        let config = PredictorConfig {
            max_length: Some(5),
            truncation: Some(truncation),
            ..Default::default()
        };
        Predictor::load_with(&folder.path().join("run/model"), config, &DEVICE()).unwrap()
    };
    let (head, windows) = (
        load(Truncation::Head),
        load(Truncation::SlidingWindow { stride: 0 }),
    );
    // Three words fit; in windows the food outweighs the weather.
    let long = "rain rain rain bread soup rice soup rice bread rice rice soup";
    let texts = ["rain hail", long];
    let (first, all) = (
        head.predict(&texts).unwrap(),
        windows.predict(&texts).unwrap(),
    );
    assert_eq!((first.len(), all.len()), (2, 2));
    assert_eq!(first[0], all[0]);
    assert_eq!(first[1].label(), Some("weather"));
    assert_eq!(all[1].label(), Some("food"));
}

/// A folder with a model that compares two texts, each read by itself.
fn pair_model(folder: &Path) {
    let small = SmallRun::new();
    let config = SequenceClassifierConfig {
        encoder: small.encoder.clone(),
        pooling: Pooling::mean(),
        head: HeadConfig::Cosine(CosineSimilarityHeadConfig::default()),
        problem_type: ProblemType::Regression,
        class_names: vec!["similarity".into()],
    };
    let model = init_weights(config.init(&DEVICE()).unwrap(), 0.3, 5);
    let checkpoint = CheckpointConfig::new(small.encoder);
    save_classifier(folder, &model, &checkpoint).unwrap();
    small.tokenizer.save(folder).unwrap();
}

#[test]
fn a_model_of_pairs_takes_pairs_alone() {
    let folder = tempfile::tempdir().unwrap();
    pair_model(folder.path());
    let predictor = Predictor::load(folder.path(), &DEVICE()).unwrap();
    let pairs = [
        ("rain hail storm", "rain hail storm"),
        ("bread", "hail hail rain storm rain"),
    ];
    let scores = predictor.predict_pairs(&pairs).unwrap();
    let score = |at: usize| scores[at].score().unwrap();
    assert!((score(0) - 1.0).abs() < 1e-5 && score(1) < 0.999);
    // The cosine is the same from both sides.
    let turned = pairs.map(|(first, second)| (second, first));
    let turned = predictor.predict_pairs(&turned).unwrap();
    assert!((turned[1].score().unwrap() - score(1)).abs() < 1e-5);

    let error = predictor.predict(&["rain"]).unwrap_err();
    assert_eq!(error.to_string(), "1 texts a row, but the model is for 2");
    let windows = PredictorConfig {
        truncation: Some(Truncation::SlidingWindow { stride: 0 }),
        ..Default::default()
    };
    let error = Predictor::load_with(folder.path(), windows, &DEVICE()).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("truncation is sliding-window-0"),
        "{error}"
    );
}

/// transformers' pipeline takes the sigmoid of a single output, whatever its name, unless
/// `problem_type` is regression.
#[test]
fn one_output_is_a_probability_unless_it_is_said_to_be_a_score() {
    let folder = tempfile::tempdir().unwrap();
    let small = SmallRun::new();
    let config = SequenceClassifierConfig {
        problem_type: ProblemType::Regression,
        ..SequenceClassifierConfig::new(small.encoder.clone(), vec!["toxic".into()])
    };
    let model = init_weights(config.init(&DEVICE()).unwrap(), 0.3, 5);
    save_classifier(folder.path(), &model, &CheckpointConfig::new(small.encoder)).unwrap();
    small.tokenizer.save(folder.path()).unwrap();
    let predict = || {
        let predictor = Predictor::load(folder.path(), &DEVICE()).unwrap();
        predictor.predict(&["rain soup"]).unwrap().remove(0)
    };
    let score = predict().score().unwrap();
    let path = folder.path().join("config.json");
    let mut json: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    // It says so for sentence-transformers, too.
    json.as_object_mut()
        .unwrap()
        .remove("sentence_transformers");
    for problem_type in [
        None,
        Some("single_label_classification"),
        Some("multi_label_classification"),
    ] {
        json["problem_type"] = problem_type.into();
        fs::write(&path, json.to_string()).unwrap();
        let prediction = predict();
        let [label] = prediction.probabilities() else {
            panic!("{prediction:?}");
        };
        assert_eq!(label.label, "toxic");
        assert!((label.probability - 1.0 / (1.0 + (-score).exp())).abs() < 1e-12);
    }
}

#[test]
fn what_the_model_was_trained_on_is_what_it_takes() {
    let folder = tempfile::tempdir().unwrap();
    checkpoint(folder.path());
    let texts = |texts| {
        let preparation = TextPreprocessing {
            texts,
            encoding: EncodingConfig::new(16),
            ..Default::default()
        };
        preparation.save(folder.path()).unwrap();
        Predictor::load(folder.path(), &DEVICE()).unwrap()
    };
    let (pair, single) = ([("rain", "soup")], ["rain"]);
    let of_pairs = texts(TextArity::Pair);
    assert_eq!(of_pairs.predict_pairs(&pair).unwrap().len(), 1);
    assert!(matches!(
        of_pairs.predict(&single),
        Err(PredictError::TextCount {
            expected: 2,
            found: 1
        })
    ));
    let of_texts = texts(TextArity::Single);
    assert_eq!(of_texts.predict(&single).unwrap().len(), 1);
    assert!(matches!(
        of_texts.predict_pairs(&pair),
        Err(PredictError::TextCount {
            expected: 1,
            found: 2
        })
    ));
}

#[test]
fn folders_and_settings_that_cannot_predict_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    checkpoint(folder.path());
    let load = |config| Predictor::load_with(folder.path(), config, &DEVICE()).unwrap_err();
    let long = PredictorConfig {
        max_length: Some(17),
        ..Default::default()
    };
    assert!(matches!(
        load(long),
        PredictError::LongerThanPositions {
            length: 17,
            positions: 16,
            ..
        }
    ));
    fs::write(folder.path().join(TextPreprocessing::FILE), "{").unwrap();
    assert!(matches!(
        load(PredictorConfig::default()),
        PredictError::Json { .. }
    ));

    let small = SmallRun::new();
    let checkpoint = CheckpointConfig::new(small.encoder.clone());
    let encoder = small.model(1).valid().encoder;
    let folder = tempfile::tempdir().unwrap();
    save_encoder(folder.path(), &encoder, &checkpoint).unwrap();
    small.tokenizer.save(folder.path()).unwrap();
    match Predictor::load(folder.path(), &DEVICE()).unwrap_err() {
        PredictError::NotAClassifier { tensors, .. } => {
            assert!(
                tensors.contains(&"classifier.weight".to_string()),
                "{tensors:?}"
            );
        }
        other => panic!("{other:?}"),
    }
    let missing = folder.path().join("no-such-folder");
    assert!(matches!(
        Predictor::load(&missing, &DEVICE()).unwrap_err(),
        PredictError::Io { path, .. } if path == missing
    ));
}

#[test]
fn a_published_classifier_cuts_where_its_tokenizer_says() {
    let folder = tempfile::tempdir().unwrap();
    checkpoint(folder.path());
    let length = |tokens: usize| {
        let mut tokenizer = finetune_data::TextTokenizer::from_pretrained(folder.path()).unwrap();
        tokenizer.set_model_max_length(tokens);
        tokenizer.save(folder.path()).unwrap();
        let predictor = Predictor::load(folder.path(), &DEVICE()).unwrap();
        predictor.encoding().max_length
    };
    assert_eq!(length(9), 9);
    // No further than the model has positions.
    assert_eq!(length(512), 16);
}
