use std::fs;
use std::path::Path;

use finetune_baseline::{
    BaselineClassifier, BaselineConfig, BaselineError, ClassWeights, CountVectorizerConfig,
    CsrMatrix, DocumentFrequency, FeatureConfig, LogisticRegressionConfig,
};
use finetune_data::{Dataset, Example, Folds, Label, Task};
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
        "no terms in 2 texts: they are empty, or hold stop words only"
    );
    assert_eq!(
        count(config(), &[]),
        "no terms in 0 texts: they are empty, or hold stop words only"
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
        "max_df stands for 1.5 texts, fewer than the 3 of min_df"
    );
    assert_eq!(
        count(limits(Count(3), Fraction(1.0)), &texts),
        "none of 3 terms is in 3 to 3 texts: lower min_df or raise max_df"
    );
    let expected = "a number of texts from 1, or a share within 0.0 and 1.0";
    for (config, setting, got) in [
        (limits(Count(0), Fraction(1.0)), "min_df", "0"),
        (limits(Fraction(-0.1), Fraction(1.0)), "min_df", "-0.1"),
        (limits(Count(1), Fraction(1.5)), "max_df", "1.5"),
        (limits(Count(1), Fraction(f64::NAN)), "max_df", "NaN"),
    ] {
        let message = format!("{setting}: expected {expected}, found {got}");
        assert_eq!(count(config, &texts), message);
    }
    let none = CountVectorizerConfig {
        max_features: Some(0),
        ..CountVectorizerConfig::default()
    };
    assert_eq!(
        count(none, &texts),
        "max_features: expected a number from 1, found 0"
    );
}

fn rows() -> CsrMatrix {
    CsrMatrix::new(2, vec![0, 1, 2, 2], vec![0, 1], vec![1.0, 1.0]).unwrap()
}

#[test]
fn labels_that_cannot_be_learned_are_named() {
    let config = LogisticRegressionConfig::default();
    for (labels, classes, message) in [
        (vec![0, 1], 2, "3 rows but 2 labels: every row needs one"),
        (
            vec![0, 1, 2],
            2,
            "row 2: label 2 is outside the 2 classes 0..2",
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
    let c = "c: expected a number above 0, found";
    assert_eq!(with(&|config| config.c = f64::NAN), format!("{c} NaN"));
    assert_eq!(with(&|config| config.c = 0.0), format!("{c} 0"));
    assert_eq!(with(&|config| config.c = -2.0), format!("{c} -2"));
    let weights = ClassWeights::PerClass(vec![1.0; 3]);
    assert_eq!(
        with(&|config| config.class_weight = weights.clone()),
        "3 class weights for 2 classes"
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
    assert_eq!(error.to_string(), "expected rows of 2 columns, found 3");
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
        "words, row 4: expected one text, found a pair"
    );
    assert_eq!(
        with(Example::new("a", Label::Unlabeled)),
        "words, row 4: expected a class, found Unlabeled"
    );
    assert_eq!(
        with(Example::new("a", Label::Score(0.5))),
        "words, row 4: expected a class, found Score(0.5)"
    );
    assert_eq!(
        with(Example::new("a", Label::Class(2))),
        "row 4: label 2 is outside the 2 classes 0..2"
    );
}

#[test]
fn folds_must_fit_the_rows() {
    let few = Dataset {
        name: "few".into(),
        task: Task::classification(["a", "b"]),
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

/// A stored classifier of which one array, or the metadata, was changed and sealed again.
fn restored(
    path: &Path,
    intercepts: impl Fn(Vec<f64>) -> Vec<f64>,
    ends: impl Fn(Vec<u64>) -> Vec<u64>,
    metadata: impl Fn(&mut Value),
) -> BaselineError {
    let file = ArrayFile::open(path).unwrap();
    let changed = path.with_extension("changed");
    let mut writer = ArrayFileWriter::create(&changed).unwrap();
    for name in ["coefficients", "idf", "intercepts"] {
        let array = file.array::<f64>(name).unwrap();
        let mut numbers = array.get(0..array.len()).unwrap().to_vec();
        if name == "intercepts" {
            numbers = intercepts(numbers);
        }
        let array = writer.array::<f64>(name).unwrap();
        writer.write(&array, &numbers).unwrap();
    }
    let columns = file.array::<u32>("coefficient_columns").unwrap();
    let array = writer.array::<u32>("coefficient_columns").unwrap();
    writer
        .write(&array, columns.get(0..columns.len()).unwrap())
        .unwrap();
    let terms = file.array::<u8>("terms").unwrap();
    let array = writer.array::<u8>("terms").unwrap();
    writer
        .write(&array, terms.get(0..terms.len()).unwrap())
        .unwrap();
    let term_ends = file.array::<u64>("term_ends").unwrap();
    let array = writer.array::<u64>("term_ends").unwrap();
    let term_ends = ends(term_ends.get(0..term_ends.len()).unwrap().to_vec());
    writer.write(&array, &term_ends).unwrap();
    let mut value: Value = file.metadata().unwrap();
    metadata(&mut value);
    writer.finish(value).unwrap();
    BaselineClassifier::load(&changed).unwrap_err()
}

#[test]
fn stored_parts_that_do_not_belong_together_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("words.baseline");
    let classifier = BaselineConfig::default().fit(&dataset(3)).unwrap();
    classifier.save(&path).unwrap();
    let (same, as_is, kept) = (|v| v, |v| v, |_: &mut Value| {});
    let last_out = |mut ends: Vec<u64>| {
        ends.pop();
        ends
    };
    let out_of_order = |mut ends: Vec<u64>| {
        ends.swap(0, 1);
        ends
    };
    let nan = |mut numbers: Vec<f64>| {
        numbers[0] = f64::NAN;
        numbers
    };
    for (error, part) in [
        (
            restored(&path, |_| vec![0.0], as_is, kept),
            "intercepts: expected 3, found 1",
        ),
        (
            restored(&path, nan, as_is, kept),
            "intercepts: expected finite numbers, found NaN",
        ),
        (restored(&path, same, last_out, kept), "terms: expected "),
        (
            restored(&path, same, out_of_order, kept),
            "terms: expected terms in order",
        ),
        (
            restored(&path, same, as_is, |m| m["format"] = "other".into()),
            "format: expected",
        ),
        (
            restored(&path, same, as_is, |m| m["columns"] = 7.into()),
            "columns: expected",
        ),
        (
            restored(&path, same, as_is, |m| {
                m["fitted_classes"] = vec![0, 1, 3].into()
            }),
            "fitted_classes: expected two or more of 3 classes, ascending, found [0, 1, 3]",
        ),
    ] {
        assert!(
            matches!(error, BaselineError::InvalidModelFile { .. }),
            "{error}"
        );
        assert!(error.to_string().contains(part), "{error}");
    }
    let error = restored(&path, same, as_is, |m| m["other"] = 1.into());
    assert!(matches!(error, BaselineError::Storage(_)), "{error}");
    let error = restored(&path, same, as_is, |m| {
        m["config"]["classifier"]["c"] = 0.into()
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
