use std::fs;
use std::path::Path;

use finetune_baseline::{
    BaselineClassifier, BaselineConfig, BaselineError, ClassWeights, CountVectorizerConfig,
    CsrMatrix, DocumentFrequency, FeatureConfig, LogisticRegressionConfig,
};
use finetune_data::{Dataset, Example, Folds, Label, Schema};
use finetune_storage::{ArrayFile, ArrayFileWriter};
use serde_json::Value;

use crate::cross_validation::dataset;

fn count(config: CountVectorizerConfig, texts: &[&str]) -> String {
    let error = FeatureConfig::Count(config)
        .fit_transform(texts)
        .unwrap_err();
    error.to_string()
}

#[test]
fn texts_without_terms_are_named() {
    let config = CountVectorizerConfig::default;
    assert_eq!(
        count(config(), &["", "a !"]),
        "no terms: all 2 texts are empty or have stop words only"
    );
    assert_eq!(
        count(config(), &[]),
        "no terms: all 0 texts are empty or have stop words only"
    );
}

#[test]
fn limits_that_leave_nothing_are_named() {
    use DocumentFrequency::{Count, Fraction};
    let texts = ["fire", "fire flood", "storm"];
    let limits = |min_df, max_df| CountVectorizerConfig {
        min_df,
        max_df,
        ..CountVectorizerConfig::default()
    };
    assert_eq!(
        count(limits(Count(3), Fraction(0.5)), &texts),
        "max_df is 1.5 texts, expected at least 3 (min_df)"
    );
    assert_eq!(
        count(limits(Count(3), Fraction(1.0)), &texts),
        "no terms: none of 3 terms is in 3 to 3 texts; lower min_df or raise max_df"
    );
    let expected = "a number of texts from 1, or a fraction from 0.0 to 1.0";
    for (config, setting, got) in [
        (limits(Count(0), Fraction(1.0)), "min_df", "0"),
        (limits(Fraction(-0.1), Fraction(1.0)), "min_df", "-0.1"),
        (limits(Count(1), Fraction(1.5)), "max_df", "1.5"),
        (limits(Count(1), Fraction(f64::NAN)), "max_df", "NaN"),
    ] {
        let message = format!("{setting} is {got}, expected {expected}");
        assert_eq!(count(config, &texts), message);
    }
    let none = CountVectorizerConfig {
        max_features: Some(0),
        ..CountVectorizerConfig::default()
    };
    assert_eq!(
        count(none, &texts),
        "max_features is 0, expected at least 1"
    );
}

fn rows() -> CsrMatrix {
    CsrMatrix::new(2, vec![0, 1, 2, 2], vec![0, 1], vec![1.0, 1.0]).unwrap()
}

#[test]
fn labels_that_cannot_be_learned_are_named() {
    let config = LogisticRegressionConfig::default();
    for (labels, classes, message) in [
        (vec![0, 1], 2, "number of labels is 2, expected 3"),
        (
            vec![0, 1, 2],
            2,
            "labels, row 2: found class 2, expected a class below 2",
        ),
        (
            vec![1, 1, 1],
            3,
            "a classifier needs rows of two classes at least, found those of [1]",
        ),
    ] {
        let error = config.fit(&rows(), &labels, classes).unwrap_err();
        assert_eq!(error.to_string(), message);
    }
    let no_rows = CsrMatrix::new(2, vec![0], vec![], vec![]).unwrap();
    let error = config.fit(&no_rows, &[], 2).unwrap_err();
    assert!(matches!(error, BaselineError::TooFewClasses { found } if found.is_empty()));
}

#[test]
fn settings_of_the_regression_are_checked() {
    let with = |change: &dyn Fn(&mut LogisticRegressionConfig)| {
        let mut config = LogisticRegressionConfig::default();
        change(&mut config);
        config.fit(&rows(), &[0, 1, 0], 2).unwrap_err().to_string()
    };
    for (c, message) in [
        (f64::NAN, "c is NaN, expected above 0"),
        (0.0, "c is 0, expected above 0"),
        (-2.0, "c is -2, expected above 0"),
    ] {
        assert_eq!(with(&|config| config.c = c), message);
    }
    let weights = ClassWeights::PerClass(vec![1.0; 3]);
    assert_eq!(
        with(&|config| config.class_weight = weights.clone()),
        "class_weight is a list of 3 weights, expected 2 weights (one per class)"
    );
}

#[test]
fn values_beyond_numbers_are_noticed() {
    let rows = CsrMatrix::new(1, vec![0, 1, 2], vec![0, 0], vec![1e300, -1e300]).unwrap();
    let error = LogisticRegressionConfig::default().fit(&rows, &[0, 1], 2);
    assert!(
        matches!(error, Err(BaselineError::NotFinite { .. })),
        "{error:?}"
    );
}

#[test]
fn rows_of_other_columns_are_refused() {
    let regression = LogisticRegressionConfig::default()
        .fit(&rows(), &[0, 1, 0], 2)
        .unwrap();
    let other = CsrMatrix::new(3, vec![0], vec![], vec![]).unwrap();
    let error = regression.predict(&other).unwrap_err();
    assert_eq!(error.to_string(), "number of columns is 3, expected 2");
}

#[test]
fn unknown_keys_are_refused_everywhere() {
    for json in [
        r#"{"feature": {}}"#,
        r#"{"features": {"kind": "bm25"}}"#,
        r#"{"features": {"kind": "count", "norm": "l2"}}"#,
        r#"{"features": {"kind": "count", "analyzer": {"lower": true}}}"#,
        r#"{"features": {"kind": "tfidf", "counts": {"mindf": 2}}}"#,
        r#"{"features": {"kind": "hashing", "min_df": 2}}"#,
        r#"{"features": {"kind": "count", "min_df": "two"}}"#,
        r#"{"classifier": {"C": 1.0}}"#,
        r#"{"classifier": {"class_weight": "heavy"}}"#,
    ] {
        assert!(
            serde_json::from_str::<BaselineConfig>(json).is_err(),
            "{json}"
        );
    }
}

#[test]
fn rows_of_a_data_set_that_are_no_labeled_texts_are_named() {
    let config = BaselineConfig::default();
    let with = |example: Example| {
        let mut dataset = dataset(2);
        dataset.examples[4] = example;
        config.fit(&dataset).unwrap_err().to_string()
    };
    assert_eq!(
        with(Example::pair("a", "b", Label::Class(0))),
        "words, row 4: found a pair, expected one text"
    );
    assert_eq!(
        with(Example::new("a", Label::Unlabeled)),
        "words, row 4: found Unlabeled, expected a class"
    );
    assert_eq!(
        with(Example::new("a", Label::Score(0.5))),
        "words, row 4: found Score(0.5), expected a class"
    );
    assert_eq!(
        with(Example::new("a", Label::Class(2))),
        "words, row 4: found class 2, expected a class below 2"
    );
}

#[test]
fn folds_must_fit_the_rows() {
    let few = Dataset {
        name: "few".into(),
        schema: Schema::classification(["a", "b"]),
        examples: (0..4)
            .map(|row| Example::new("word", Label::Class(row % 2)))
            .collect(),
    };
    let error = BaselineError::from(Folds::stratified_k_fold(&few, 10, 1).unwrap_err());
    assert!(matches!(error, BaselineError::Data(_)), "{error}");
    let folds = Folds::stratified_k_fold(&few, 2, 1).unwrap();
    let error = BaselineConfig::default()
        .cross_validate(&dataset(2), &folds)
        .unwrap_err();
    assert!(matches!(error, BaselineError::Data(_)), "{error}");
}

/// Returns the error of a stored classifier with changed content and a valid checksum.
fn restored(path: &Path, change: impl Fn(&mut Value)) -> BaselineError {
    let mut content: Value = ArrayFile::open(path).unwrap().metadata().unwrap();
    change(&mut content);
    let changed = path.with_extension("changed");
    ArrayFileWriter::create(&changed)
        .unwrap()
        .finish(content)
        .unwrap();
    BaselineClassifier::load(&changed).unwrap_err()
}

#[test]
fn stored_parts_that_do_not_belong_together_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("words.baseline");
    let classifier = BaselineConfig::default().fit(&dataset(3)).unwrap();
    classifier.save(&path).unwrap();
    let pop = |value: &mut Value| drop(value.as_array_mut().unwrap().pop());
    for (error, part) in [
        (
            restored(&path, |content| content["intercepts"] = vec![0.0].into()),
            "intercepts is 1, expected 3",
        ),
        (
            restored(&path, |content| pop(&mut content["terms"])),
            "n_features is ",
        ),
        (
            restored(&path, |content| pop(&mut content["idf"])),
            "idf is ",
        ),
        (
            restored(&path, |content| {
                content["terms"].as_array_mut().unwrap().swap(0, 1)
            }),
            "expected terms in ascending order",
        ),
        (
            restored(&path, |content| content["format"] = "other".into()),
            "format is other, expected",
        ),
        (
            restored(&path, |content| content["n_features"] = 7.into()),
            "n_features is 7, expected",
        ),
        (
            restored(&path, |content| content["coefficients"][0][0] = 1000.into()),
            "expected 3 values of a column below",
        ),
        (
            restored(&path, |content| pop(&mut content["coefficients"][0][1])),
            "expected 3 values of a column below",
        ),
        (
            restored(&path, |content| {
                content["fitted_classes"] = vec![0, 1, 3].into()
            }),
            "fitted_classes is [0, 1, 3], expected two or more of 3 classes, ascending",
        ),
    ] {
        assert!(
            matches!(error, BaselineError::InvalidModelFile { .. }),
            "{error}"
        );
        assert!(error.to_string().contains(part), "{error}");
    }
    for invalid in [
        restored(&path, |content| content["other"] = 1.into()),
        restored(&path, |content| content["intercepts"][0] = Value::Null),
    ] {
        assert!(matches!(invalid, BaselineError::Storage(_)), "{invalid}");
    }
    let error = restored(&path, |content| {
        content["config"]["classifier"]["c"] = 0.into()
    });
    assert!(
        matches!(error, BaselineError::InvalidSetting { .. }),
        "{error}"
    );
}

#[test]
fn files_that_are_no_classifiers_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("words.baseline");
    for content in [None, Some(&b""[..]), Some(b"no classifier at all")] {
        if let Some(content) = content {
            fs::write(&path, content).unwrap();
        }
        let error = BaselineClassifier::load(&path).unwrap_err();
        assert!(matches!(error, BaselineError::Storage(_)), "{error}");
    }
    BaselineConfig::default()
        .fit(&dataset(2))
        .unwrap()
        .save(&path)
        .unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    let error = BaselineClassifier::load(&path).unwrap_err();
    assert!(matches!(error, BaselineError::Storage(_)), "{error}");
}
