//! Against seqeval; `generate.py` made `expected.json` and pins the versions.

use std::collections::BTreeMap;

use finetune_eval::{EntityMode, EntityReport, EntityScheme, LabelSetScores, entities};
use serde::Deserialize;

use crate::parity::{assert_all_close, assert_close};

#[derive(Debug, Deserialize)]
struct Case {
    name: String,
    mode: String,
    targets: Vec<Vec<String>>,
    predictions: Vec<Vec<String>>,
    entities: Vec<Vec<(String, usize, usize)>>,
    accuracy: f64,
    micro: [f64; 3],
    #[serde(rename = "macro")]
    macro_mean: [f64; 3],
    weighted: [f64; 3],
    per_type: BTreeMap<String, [f64; 4]>,
    text: String,
}

impl Case {
    fn mode(&self) -> EntityMode {
        match &self.mode[..] {
            "lenient" => EntityMode::Lenient,
            scheme => {
                let scheme = format!("\"{scheme}\"");
                EntityMode::Strict(serde_json::from_str::<EntityScheme>(&scheme).unwrap())
            }
        }
    }

    fn report(&self) -> EntityReport {
        EntityReport::new(&self.targets, &self.predictions, self.mode()).unwrap()
    }
}

fn each_case(check: impl Fn(&Case)) {
    let cases: Vec<Case> = serde_json::from_str(include_str!("expected.json")).unwrap();
    assert_eq!(cases.len(), 23);
    cases.iter().for_each(check);
}

#[test]
fn entities_are_the_same() {
    each_case(|case| {
        for (tags, expected) in case.predictions.iter().zip(&case.entities) {
            let found = entities(tags, case.mode()).unwrap().into_iter();
            let found: Vec<_> = found
                .map(|entity| (entity.label, entity.start, entity.end))
                .collect();
            assert_eq!(&found, expected, "{}: {tags:?}", case.name);
        }
    });
}

#[test]
fn scores_are_equal() {
    let scores = |scores: LabelSetScores| [scores.precision, scores.recall, scores.f1].into_iter();
    each_case(|case| {
        let (report, what) = (case.report(), &case.name);
        assert_close(what, report.accuracy, case.accuracy);
        assert_all_close(what, scores(report.micro), &case.micro);
        assert_all_close(what, scores(report.macro_mean), &case.macro_mean);
        assert_all_close(what, scores(report.weighted), &case.weighted);
        let names: Vec<_> = report.per_type.iter().map(|one| &one.name).collect();
        assert_eq!(names, case.per_type.keys().collect::<Vec<_>>());
        for (one, expected) in report.per_type.iter().zip(case.per_type.values()) {
            let found = [one.precision, one.recall, one.f1, one.support as f64];
            assert_all_close(what, found.into_iter(), expected);
        }
    });
}

/// A mean that ends in a 5 behind the shown digits is rounded by its last bits.
#[test]
fn the_text_is_the_same() {
    each_case(|case| assert_eq!(case.report().to_string(), case.text, "{}", case.name));
}
