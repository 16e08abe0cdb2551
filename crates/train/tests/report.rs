//! The page of a run, and where a model is right and wrong.

use std::fs;
use std::path::Path;

use finetune_data::{Label, Split, Splits};
use finetune_train::{
    EvaluationConfig, FineTuning, RunReport, TrainConfig, TrainDuration, TrainError, read_json,
};
use serde_json::Value;

use crate::regression::checkpoint;
use crate::small_run::{SmallRun, dataset};

/// A run whose test rows have one label that is wrong.
fn run(folder: &Path) -> Result<RunReport, TrainError> {
    let model = folder.join("model");
    let mut splits = checkpoint(&model);
    let mut test = dataset(12);
    test.examples[3].text = "bread soup rice".to_string();
    test.examples[3].label = Label::Class(0);
    splits = Splits {
        validation: Some(dataset(8)),
        ..Splits::train_test(splits.train, test)
    };
    let config = TrainConfig {
        duration: TrainDuration::Epochs(6),
        evaluation: Some(EvaluationConfig {
            metric_for_best_model: "f1".to_string(),
            ..Default::default()
        }),
        ..SmallRun::config()
    };
    let settings = SmallRun::fine_tuning(config);
    let run = FineTuning::new(&model, splits)
        .config(settings)
        .prepare()?
        .run(&folder.join("run"), &mut ())?;
    Ok(run.report)
}

/// The front matter is that of the hub; it was read by `huggingface_hub.ModelCard`, too.
#[test]
fn the_model_has_a_card() {
    let folder = tempfile::tempdir().unwrap();
    let report = run(folder.path()).unwrap();
    let card = fs::read_to_string(folder.path().join("run/model/README.md")).unwrap();
    let [_, metadata, text] = card.splitn(3, "---\n").collect::<Vec<_>>()[..] else {
        panic!("{card}");
    };
    for line in [
        "library_name: transformers",
        "base_model: \"model\"",
        "pipeline_tag: text-classification",
        "  - name: \"run\"",
        "          name: \"small\"",
        "          - type: accuracy",
    ] {
        assert!(
            metadata.lines().any(|found| found == line),
            "{line}: {metadata}"
        );
    }
    let accuracy = report.test.unwrap().score("accuracy").unwrap();
    assert!(metadata.contains(&format!("            value: {accuracy}\n")));
    assert!(text.contains("Classes: weather, food."), "{text}");
    // Row 3 of 12 is wrong; the limits are those of Wilson's interval.
    assert!(
        text.contains("| accuracy | 0.9167 | 0.6461 to 0.9851 |"),
        "{text}"
    );
    assert!(text.contains("| macro f1 | 0.91"), "{text}");
    assert!(text.contains("12 of 12 test rows have the text"), "{text}");
    assert!(text.contains("Best evaluation after"), "{text}");
}

#[test]
fn errors_are_told_by_slice_and_by_text() {
    let folder = tempfile::tempdir().unwrap();
    let report = run(folder.path()).unwrap();
    let analysis = &report.test.as_ref().unwrap().analysis;

    let keys: Vec<&str> = analysis
        .slices
        .iter()
        .map(|slices| slices.key.as_str())
        .collect();
    assert_eq!(keys, ["length", "label"]);
    for slices in &analysis.slices {
        let rows: u64 = slices.slices.iter().map(|slice| slice.rows).sum();
        assert_eq!(rows, 12, "{}", slices.key);
        let right: f64 = slices
            .slices
            .iter()
            .map(|slice| slice.rows as f64 * slice.scores["accuracy"])
            .sum();
        assert!((right - 11.0).abs() < 1e-9, "{}: {right}", slices.key);
    }
    let bins = &analysis.calibration.as_ref().unwrap().bins;
    assert_eq!(bins.iter().map(|bin| bin.rows).sum::<u64>(), 12);

    let [error] = &analysis.worst_errors.texts[..] else {
        panic!("{:?}", analysis.worst_errors);
    };
    assert_eq!(
        (error.id.as_str(), error.parts.as_slice()),
        ("3", &["bread soup rice".to_string()][..])
    );
    assert_eq!(error.label.as_deref(), Some("weather"));
    assert_eq!(error.prediction.as_deref(), Some("food"));
    assert!(error.probabilities[1].probability > 0.5);
    let best = report.train.best.as_ref().unwrap();
    assert_eq!(best.scores["f1"], 1.0);
    assert_eq!(best.scores["matthews_correlation"], 1.0);

    let json = fs::read(folder.path().join("run/report.json")).unwrap();
    let json: Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json["test"]["worst_errors"]["texts"][0]["id"], "3");
    assert_eq!(json["test"]["slices"][1]["slices"][0]["name"], "weather");
    assert_eq!(
        json["test"]["metrics"]["f1"],
        report.test.as_ref().unwrap().metrics["f1"]
    );

    // The type that wrote it reads it, and loses nothing.
    let read: RunReport = read_json(&folder.path().join("run/report.json")).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), json);
}

#[test]
fn a_run_leaves_a_page_that_stands_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path()).unwrap();
    let read = |name: &str| fs::read_to_string(folder.path().join("run").join(name)).unwrap();
    let page = read("report.html");
    for part in [
        "<h1 dir=\"auto\">model on small: accuracy 0.9167</h1>",
        "Curves",
        "Scores by length.",
        "Rows by true and predicted class.",
        "expected calibration error",
        "bread soup rice",
        "Fingerprint",
        "learning_rate",
        "Environment",
    ] {
        assert!(page.contains(part), "{part}");
    }
    // Loss, accuracy, both F1 and the correlation; the matrix, the reliability and two curves of the
    // second class; the lengths.
    assert_eq!(page.matches("<svg").count(), 10);
    assert!(page.contains("ROC curve") && page.contains("Precision-recall curve"));
    assert!(!page.contains("No picture") && !page.contains("<script"));
    let text = read("report.md");
    assert!(
        text.contains("# model on small: accuracy 0.9167") && text.contains("Scores by label."),
        "{text}"
    );
}

#[test]
fn the_data_is_described() {
    let folder = tempfile::tempdir().unwrap();
    let report = run(folder.path()).unwrap();
    let data = report.data.as_ref().unwrap();
    let statistics = data.statistics.as_ref().unwrap();

    let train = statistics.split(Split::Train).unwrap();
    // One to seven words of a token each, between the two special tokens.
    assert_eq!((train.lengths.shortest, train.lengths.longest), (3, 9));
    assert_eq!((train.lengths.rows, train.lengths.truncated_rows), (40, 0));
    let texts = train.texts.as_ref().unwrap();
    let classes = texts.classes.iter();
    let classes: Vec<_> = classes.map(|of| (of.class.as_str(), of.rows)).collect();
    assert_eq!(classes, [("weather", 20), ("food", 20)]);
    assert_eq!(texts.duplicates.redundant_rows, 0);

    // Train with validation, train with test, validation with test.
    let shared = statistics.shared.iter();
    let shared: Vec<_> = shared
        .map(|of| (of.rows_of_second, of.conflicting_texts))
        .collect();
    assert_eq!(shared, [(8, 0), (12, 1), (7, 0)]);
    let console = report.to_string();
    let warning = "Warning: 12 of 12 test rows have the text of a training row";
    assert!(console.contains(warning), "{console}");

    let read = |name: &str| fs::read_to_string(folder.path().join("run").join(name)).unwrap();
    let page = read("report.md");
    for part in [
        "8 of 8 validation rows have the text of a training row",
        "| Median | 95 % |",
        "| weather | 20 | 4 | 7 |",
        "| train and test | 12 | 12 | 1 |",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    // By its settings, a run is resumed: they have names and fingerprints alone.
    let settings: Value = serde_json::from_str(&read("config.json")).unwrap();
    assert_eq!(settings["data"]["train"]["rows"], 40);
    assert!(settings["data"].get("statistics").is_none());

    // Reports of earlier versions have neither statistics nor intervals.
    let mut json: Value = serde_json::from_str(&read("report.json")).unwrap();
    json["data"]
        .as_object_mut()
        .unwrap()
        .remove("statistics")
        .unwrap();
    json["test"]
        .as_object_mut()
        .unwrap()
        .remove("intervals")
        .unwrap();
    let earlier: RunReport = serde_json::from_value(json).unwrap();
    assert!(earlier.data.unwrap().statistics.is_none());
    assert!(earlier.test.unwrap().intervals.is_empty());
}
