//! Cards as repositories have them, and damaged ones.

use super::*;

fn card(yaml: &str) -> Card {
    Card::parse(
        "README.md".as_ref(),
        &format!("---\n{yaml}\n---\n# Title\n"),
    )
    .unwrap()
}

fn name(text: &str) -> HubName {
    text.parse().unwrap()
}

fn files(card: &Card, of: &str, files: &[&str]) -> Result<SplitPaths, String> {
    let files: Vec<String> = files.iter().map(|&file| file.to_owned()).collect();
    let splits = card.split_files(&name(of), &files);
    splits.map_err(|error| error.to_string())
}

const GLUE: &str = "
configs:
- config_name: cola
  data_files:
  - {split: test, path: cola/test-*}
  - {split: train, path: cola/train-*}
- config_name: mnli
  data_files:
    train: mnli/train-*
    validation_matched: mnli/validation_matched-*
    validation_mismatched: mnli/validation_mismatched-*
dataset_info:
- config_name: cola
  features:
  - {name: sentence, dtype: string}
  - name: label
    dtype: {class_label: {names: {'0': unacceptable, '1': acceptable}}}
- config_name: mnli
  features:
  - {name: label, dtype: {class_label: {names: [entailment, neutral, 3]}}}
  - {name: tags, sequence: {class_label: {names: {'1': b, '0': a}}}}
  - {name: holes, dtype: {class_label: {names: {'0': a, '2': c}}}}";

#[test]
fn a_configuration_has_its_files_and_classes() {
    let card = card(GLUE);
    let all = [
        "cola/test-0.parquet",
        "cola/train-1.parquet",
        "cola/train-0.parquet",
        "mnli/train-0.parquet",
        "mnli/validation_matched-0.parquet",
        "mnli/validation_mismatched-0.parquet",
    ];
    let cola = files(&card, "a/glue:cola", &all).unwrap();
    assert_eq!(
        cola[&Split::Train],
        ["cola/train-0.parquet", "cola/train-1.parquet"]
    );
    assert_eq!(cola[&Split::Test], ["cola/test-0.parquet"]);
    let mnli = files(&card, "a/glue:mnli", &all).unwrap();
    assert_eq!(
        mnli[&Split::Validation],
        ["mnli/validation_matched-0.parquet"]
    );
    for unknown in ["a/glue", "a/glue:sst"] {
        let error = files(&card, unknown, &all).unwrap_err();
        assert!(
            error.contains("a/glue:CONFIG with one of cola, mnli"),
            "{error}"
        );
    }
    let classes = |of: &str, column| card.class_names(&name(of), column);
    let names = |names: &[&str]| Some(names.iter().map(|&name| name.to_owned()).collect());
    assert_eq!(
        classes("a/glue:cola", "label"),
        names(&["unacceptable", "acceptable"])
    );
    assert_eq!(
        classes("a/glue:mnli", "label"),
        names(&["entailment", "neutral", "3"])
    );
    assert_eq!(classes("a/glue:mnli", "tags"), names(&["a", "b"]));
    assert_eq!(classes("a/glue:mnli", "holes"), None);
    assert_eq!(classes("a/glue:cola", "sentence"), None);
    assert_eq!(classes("a/glue", "label"), None);
}

#[test]
fn the_default_configuration_needs_no_name() {
    let two = "configs: [{config_name: a, data_files: a.csv}, \
               {config_name: b, default: true, data_files: [b/*.csv]}]";
    let all = ["a.csv", "b/test.csv", "b/train.csv", "b/c/d.csv"];
    let chosen = files(&card(two), "x/y", &all).unwrap();
    assert_eq!(chosen[&Split::Train], ["b/train.csv"]);
    assert_eq!(chosen[&Split::Test], ["b/test.csv"]);
    assert_eq!(
        files(&card(two), "x/y:a", &all).unwrap()[&Split::Train],
        ["a.csv"]
    );
}

#[test]
fn without_configurations_directories_are_them() {
    let none = card("license: mit");
    let all = ["de/train.csv", "en/test.csv", "en/train.csv"];
    let error = files(&none, "x/y", &all).unwrap_err();
    assert!(error.contains("x/y:CONFIG with one of de, en"), "{error}");
    let chosen = files(&none, "x/y:en", &all).unwrap();
    assert_eq!(chosen[&Split::Test], ["en/test.csv"]);
    assert!(files(&none, "x/y:fr", &all).is_err());
    let chosen = files(&none, "x/y", &all[1..]).unwrap();
    assert_eq!(chosen.len(), 2);
    assert!(
        files(&none, "x/y", &["load.py", "data.zip"])
            .unwrap()
            .is_empty()
    );
}

#[test]
fn converted_data_has_a_directory_of_each_configuration_and_split() {
    let converted = |of: &str, files: &[&str]| {
        let files: Vec<String> = files.iter().map(|&file| file.to_owned()).collect();
        Card::default().converted_files(&name(of), &files)
    };
    let two = [
        "a/train/0000.parquet",
        "b/test/0000.parquet",
        "b/train/0000.parquet",
    ];
    assert_eq!(
        converted("x/y:b", &two).unwrap()[&Split::Test],
        ["b/test/0000.parquet"]
    );
    assert!(converted("x/y", &two).is_err());
    assert!(converted("x/y:c", &two).is_err());
    let default = [
        "default/partial-train/0000.parquet",
        "other/train/0000.parquet",
    ];
    assert_eq!(
        converted("x/y", &default).unwrap()[&Split::Train],
        default[..1]
    );
    assert!(converted("x/y:c", &default).is_err());
    assert_eq!(
        converted("x/y", &["only/train/0000.parquet"])
            .unwrap()
            .len(),
        1
    );
}

#[test]
fn metadata_that_is_damaged_or_without_end_is_an_error() {
    let deep = "- ".repeat(100_000);
    let brackets = "[".repeat(100_000);
    let bomb = "a: &a [x, x]\nb: &b [*a, *a]";
    for bad in [
        &deep[..],
        &brackets,
        bomb,
        "a: [",
        "\ta: b\n: - :",
        "a: \"\\xZZ\"",
    ] {
        let card = Card::parse("README.md".as_ref(), &format!("---\n{bad}\n---\n"));
        assert!(
            matches!(card, Err(DataError::InvalidFile { .. })),
            "{:.20}",
            bad
        );
    }
    for empty in [
        "",
        "# Title",
        "---\n---\n",
        "---\nno end",
        "---\n- a\n---\n",
    ] {
        let card = Card::parse("README.md".as_ref(), empty).unwrap();
        assert!(
            card.configs.is_empty() && card.class_names.is_empty(),
            "{empty}"
        );
    }
}
