use std::fs;

use finetune_baseline::{
    BaselineClassifier, BaselineConfig, CountVectorizerConfig, FeatureConfig,
    HashingVectorizerConfig, LogisticRegressionConfig, TfidfVectorizerConfig,
};
use finetune_data::{Dataset, Example, Folds, Label, Schema};
use serde_json::Value;

/// Texts in which the first word tells the class most of the time.
pub(crate) fn dataset(classes: usize) -> Dataset {
    let telling = ["smoke", "song", "goal", "bread"];
    let other = ["the", "street", "at", "night", "again", "town"];
    let text = |row: usize| {
        let word = telling[(row + usize::from(row.is_multiple_of(7))) % classes];
        let (a, b) = (other[row % 6], other[row * row % 5]);
        format!("{word} {a} {b} number{}", row % 9)
    };
    Dataset {
        name: "words".into(),
        schema: Schema::classification(telling.into_iter().take(classes)),
        examples: (0..63)
            .map(|row| Example::new(text(row), Label::Class(row % classes)))
            .collect(),
    }
}

fn all_features() -> [FeatureConfig; 3] {
    [
        FeatureConfig::Count(CountVectorizerConfig::default()),
        FeatureConfig::Tfidf(TfidfVectorizerConfig::default()),
        FeatureConfig::Hashing(HashingVectorizerConfig::default()),
    ]
}

#[test]
fn out_of_fold_predictions_are_those_of_the_classifier_of_the_fold() {
    for (features, classes) in all_features().into_iter().zip([2, 3, 4]) {
        let config = BaselineConfig {
            features,
            ..BaselineConfig::default()
        };
        let dataset = dataset(classes);
        let folds = Folds::stratified_k_fold(&dataset, 5, 7).unwrap();
        let result = config.cross_validate(&dataset, &folds).unwrap();
        assert_eq!(result.predictions.logits.len(), dataset.len());
        for fold in 0..5 {
            let classifier = config.fit_fold(&dataset, &folds, fold).unwrap();
            let rows = folds.test(fold).unwrap();
            let texts: Vec<&str> = rows
                .iter()
                .map(|&row| &*dataset.examples[row].text)
                .collect();
            let expected = classifier.predict(&texts).unwrap();
            for (row, logits) in rows.iter().zip(&expected.logits) {
                assert_eq!(&result.predictions.logits[*row], logits);
            }
            let hits = rows.iter().zip(expected.classes());
            let hits = hits
                .filter(|(row, class)| result.labels[**row] == *class)
                .count();
            let accuracy = result.folds[fold].report.accuracy;
            assert_eq!(accuracy, hits as f64 / rows.len() as f64);
            assert_eq!(result.folds[fold].train_rows, dataset.len() - rows.len());
        }
        // Six rows of seven have the word of their class, and no other word says more.
        assert!(result.report().unwrap().accuracy > 0.8);
        let mean = result.mean(|report| report.accuracy);
        assert!(
            (mean - result.report().unwrap().accuracy).abs() < 0.01,
            "{mean}"
        );
    }
}

#[test]
fn a_class_missing_from_a_training_part_is_not_predicted() {
    let mut dataset = dataset(3);
    for (row, example) in dataset.examples.iter_mut().enumerate() {
        let class = if row == 0 { 2 } else { row % 2 };
        example.label = Label::Class(class);
    }
    let folds = Folds::stratified_k_fold(&dataset, 3, 1).unwrap();
    let result = BaselineConfig::default()
        .cross_validate(&dataset, &folds)
        .unwrap();
    assert_eq!(result.predictions.logits[0][2], f64::NEG_INFINITY);
    assert_eq!(result.predictions.probabilities(0)[2], 0.0);
}

#[test]
fn predictions_are_a_line_of_json_each() {
    let dataset = dataset(2);
    let folds = Folds::stratified_k_fold(&dataset, 3, 1).unwrap();
    let result = BaselineConfig::default()
        .cross_validate(&dataset, &folds)
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("predictions.jsonl");
    result.write_predictions(&path).unwrap();
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), dataset.len());
    let classes = result.predictions.classes();
    for (row, line) in lines.iter().enumerate() {
        assert_eq!(line["row"], row);
        assert_eq!(line["fold"], result.fold_of_row[row]);
        assert_eq!(line["label"], dataset.class_names()[row % 2]);
        assert_eq!(line["prediction"], dataset.class_names()[classes[row]]);
        let probabilities = line["probabilities"].as_array().unwrap();
        assert_eq!(probabilities.len(), 2);
    }
    let missing = folder.path().join("none/predictions.jsonl");
    let error = result.write_predictions(&missing).unwrap_err().to_string();
    assert!(error.contains("none/predictions.jsonl"), "{error}");
}

#[test]
fn a_stored_classifier_says_the_same() {
    let folder = tempfile::tempdir().unwrap();
    for (number, features) in all_features().into_iter().enumerate() {
        for classes in [2, 4] {
            let config = BaselineConfig {
                features: features.clone(),
                classifier: LogisticRegressionConfig {
                    c: 3.0,
                    ..LogisticRegressionConfig::default()
                },
            };
            let dataset = dataset(classes);
            let classifier = config.fit(&dataset).unwrap();
            let path = folder.path().join(format!("{number}-{classes}.baseline"));
            classifier.save(&path).unwrap();
            // A million hashed columns are almost all 0, and are not stored.
            assert!(fs::metadata(&path).unwrap().len() < 20_000);

            let loaded = BaselineClassifier::load(&path).unwrap();
            assert_eq!(loaded.config(), config);
            assert_eq!(loaded.class_names(), classifier.class_names());
            // A million numbers are no message.
            assert!(loaded.regression() == classifier.regression());
            assert_eq!(
                loaded.top_coefficients(1, 9),
                classifier.top_coefficients(1, 9)
            );
            let texts = ["smoke in town", "", "unknown song"];
            let expected = classifier.predict(&texts).unwrap();
            assert_eq!(loaded.predict(&texts).unwrap(), expected);
        }
    }
}

#[test]
fn what_speaks_for_a_class_is_its_word() {
    for classes in [2, 4] {
        let dataset = dataset(classes);
        let classifier = BaselineConfig::default().fit(&dataset).unwrap();
        for (class, word) in dataset.class_names().iter().enumerate() {
            let top = classifier.top_coefficients(class, 3);
            assert_eq!(top[0].term.as_ref(), Some(word));
            assert!(top.is_sorted_by(|a, b| a.coefficient >= b.coefficient));
            assert!(top[2].coefficient > 0.0);
        }
    }
}
