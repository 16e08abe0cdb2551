use std::path::PathBuf;

use finetune_data::tabular::SplitFiles;
use finetune_data::tagged::{self, TagScheme, TaggedOptions};
use finetune_data::{Dataset, Label, OnBadRow, Split, Target, catalog};

/// Name, and the rows of training, validation, test and unlabeled split.
const SAMPLES: [(&str, [Option<usize>; 4]); 7] = [
    ("ag_news", [Some(400), None, Some(400), None]),
    ("imdb", [Some(8), None, Some(4), Some(2)]),
    ("sst5", [Some(60), Some(20), None, None]),
    ("cfimdb", [Some(20), Some(8), None, None]),
    ("qqp", [Some(60), Some(20), None, None]),
    ("stsb", [Some(60), Some(20), None, None]),
    ("disaster_tweets", [Some(50), None, Some(10), None]),
];

fn sample(name: &str) -> PathBuf {
    let datasets = concat!(env!("CARGO_MANIFEST_DIR"), "/../../datasets");
    PathBuf::from(datasets).join(name).join("sample")
}

#[test]
fn every_sample_opens_by_name_and_reports_its_size() {
    for (name, rows) in SAMPLES {
        let dataset = catalog::get(name).unwrap();
        let opened = dataset.open(&sample(name)).unwrap();
        let expected = Split::ALL.into_iter().zip(rows);
        let expected: Vec<_> = expected
            .filter_map(|(split, rows)| Some((split, rows?)))
            .collect();
        let reports = opened.reports.iter();
        let found: Vec<_> = reports.map(|report| (report.split, report.rows)).collect();
        assert_eq!(found, expected, "{name}");
        for ((split, data), report) in opened.splits.iter().zip(&opened.reports) {
            assert_eq!(data.name, format!("{name}/{split}"));
            assert_eq!(data.len(), report.rows);
            assert_eq!(data.schema, dataset.schema());
            assert!(
                report.to_string().contains("the published split has"),
                "{report}"
            );
            assert_eq!(report.skipped.rows, 0);
        }
    }
}

#[test]
fn classes_and_scores_of_the_samples_cover_their_targets() {
    for (name, _) in SAMPLES {
        let opened = catalog::get(name).unwrap().open(&sample(name)).unwrap();
        let train = opened.splits.train;
        match &train.schema.target {
            Target::Score {
                min: lowest,
                max: highest,
            } => {
                let has = |end| {
                    train
                        .examples
                        .iter()
                        .any(|row| row.label == Label::Score(end))
                };
                assert!(has(*lowest) && has(*highest), "{name}");
            }
            _ => assert!(train.class_counts().iter().all(|&rows| rows > 0), "{name}"),
        }
    }
}

#[test]
fn a_sample_streams_as_it_opens_and_says_how_far_it_is() {
    for (name, _) in SAMPLES {
        let dataset = catalog::get(name).unwrap();
        let (opened, _) = dataset.open_split(&sample(name), Split::Train).unwrap();
        let mut reader = dataset
            .read(&sample(name), Split::Train, OnBadRow::Error)
            .unwrap();
        let examples: Vec<_> = reader.by_ref().map(Result::unwrap).collect();
        assert_eq!(examples, opened.examples, "{name}");
        assert_eq!(reader.fraction_read(), Some(1.0), "{name}");
    }
}

/// The numbers on the card of the hotel reviews.
#[test]
fn hotel_reviews_have_none_one_or_several_aspects() {
    let sample = sample("hotel_reviews");
    let splits = Dataset::files(sample.join("train.csv"))
        .test(sample.join("test.csv"))
        .text("review")
        .label("aspects")
        .label_separator(";")
        .load()
        .unwrap();
    let names = ["breakfast", "cleanliness", "location", "price", "staff"];
    assert_eq!(splits.train.class_names(), names);
    let test = splits.test.unwrap();
    for (data, expected) in [(&splits.train, [96, 15, 41]), (&test, [32, 4, 13])] {
        let counts = data.examples.iter().map(|row| row.label.classes().len());
        let without = counts.clone().filter(|count| *count == 0).count();
        let several = counts.filter(|count| *count > 1).count();
        assert_eq!([data.len(), without, several], expected);
        assert!(data.class_counts().iter().all(|count| *count >= 7));
    }
    let texts = splits.train.examples.iter().chain(&test.examples);
    let distinct: std::collections::BTreeSet<&str> = texts.map(|row| &row.text[..]).collect();
    assert_eq!(distinct.len(), 128);
}

/// The numbers on the card of the town notes.
#[test]
fn town_notes_have_four_types_of_entities() {
    let sample = sample("town_notes");
    let file = |name: &str| sample.join(name).with_extension("conll");
    let mut files = SplitFiles::train_test(file("train"), file("test"));
    files.validation = Some(file("validation"));
    let options = TaggedOptions {
        scheme: Some(TagScheme::Bio),
        ..TaggedOptions::default()
    };
    let splits = tagged::open(&files, &options).unwrap().splits;
    let names = splits.train.class_names().to_vec();
    assert_eq!(names.len(), 9);
    let mut texts = std::collections::BTreeSet::new();
    for (split, expected) in [
        (splits.train, [110, 1058, 57, 52, 46, 54]),
        (splits.validation.unwrap(), [26, 211, 15, 12, 11, 14]),
        (splits.test.unwrap(), [26, 216, 16, 13, 10, 14]),
    ] {
        let tags = || {
            split
                .examples
                .iter()
                .flat_map(|example| example.label.classes())
        };
        let begun = |label: &str| {
            tags()
                .filter(|tag| names[**tag] == format!("B-{label}"))
                .count()
        };
        let [per, loc, org, date] = ["PER", "LOC", "ORG", "DATE"].map(begun);
        assert_eq!([split.len(), tags().count(), per, loc, org, date], expected);
        texts.extend(split.examples.into_iter().map(|example| example.text));
    }
    assert_eq!(texts.len(), 162);
}
