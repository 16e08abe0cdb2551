//! Tests of the comparison with published scores, on an experiment that costs nothing.

use std::convert::Infallible;

use finetune::eval::report::{Block, Section};
use finetune::study::{
    Experiment, Study, StudyConfig, StudyDirectory, StudyResults, StudyRunner, Trial,
    TrialDirectory, TrialScores,
};
use finetune::train::Callback;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Conditions, Published, PublishedStudy, PublishedTable, PublishedTest};

#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Coin {
    weight: f64,
    precision: f64,
    age: u64,
    seed: u64,
}

struct Toss(Coin);

impl Experiment for Toss {
    type Config = Coin;
    type Error = Infallible;

    fn defaults(&self) -> Coin {
        self.0.clone()
    }

    fn fingerprint(&self) -> Value {
        "a penny".into()
    }

    fn seed_setting(&self) -> Option<&str> {
        Some("seed")
    }

    fn run(
        &self,
        _: &Trial,
        coin: &Coin,
        _: &TrialDirectory,
        _: &mut dyn Callback,
    ) -> Result<TrialScores, Infallible> {
        let score = coin.weight + (coin.seed * 7 % 5) as f64 / 100.0;
        Ok(TrialScores::test("accuracy", score))
    }
}

fn config(weights: &str) -> StudyConfig {
    let parameters = format!("parameters = [{{ path = 'weight', values = [{weights}] }}]");
    StudyConfig::from_toml(&format!("name = 'coins'\nseeds = 3\n{parameters}")).unwrap()
}

/// Runs coins with other defaults and weights than the publication, which has weights of 0.25 and
/// 0.5 and an age of 0.
fn with_results<T>(
    defaults: Coin,
    weights: &str,
    conditions: Conditions,
    look: impl Fn(&PublishedStudy<'_>, &StudyResults<'_>) -> T,
) -> T {
    let toss = Toss(defaults);
    let recipe = Study::with_defaults(config("0.25, 0.5"), &toss, &Coin::default()).unwrap();
    let study = Study::new(config(weights), &toss).unwrap();
    let number = std::process::id();
    let place = format!("finetune_examples_{number}_{:p}", &toss);
    let place = std::env::temp_dir().join(place);
    let directory = StudyDirectory::open(&place, &study).unwrap();
    let results = StudyRunner::new(&study, &toss, &directory)
        .run(&())
        .unwrap();
    let published = PublishedStudy {
        recipe: &recipe,
        conditions,
    };
    let found = look(&published, &results);
    std::fs::remove_dir_all(&place).unwrap();
    found
}

fn section(defaults: Coin, weights: &str, conditions: Conditions) -> Section {
    let rows = [
        Published::new("weight 0.25", &[0.111]),
        Published::new("weight 0.5", &[0.222]),
    ];
    let table = PublishedTable {
        caption: "Table 1.",
        metrics: &["accuracy"],
        rows: &rows,
    };
    with_results(defaults, weights, conditions, |published, results| {
        published.section(results, &[table]).unwrap()
    })
}

/// Returns the note, and the table as text.
fn shown(section: &Section) -> (String, String) {
    let mut shown = (String::new(), String::new());
    for block in &section.blocks {
        match block {
            Block::Note { text } => shown.0 += text,
            Block::Table(table) => shown.1 += &table.to_string(),
            _ => {}
        }
    }
    shown
}

#[test]
fn the_same_settings_have_published_scores() {
    let (note, table) = shown(&section(
        Coin::default(),
        "0.5, 0.25",
        Conditions::default(),
    ));
    assert_eq!(note, "");
    assert!(
        table.contains("0.111") && table.contains("0.222"),
        "{table}"
    );
    assert!(!table.contains("Not comparable"), "{table}");
}

#[test]
fn another_setting_is_the_reason_for_no_score() {
    let old = Coin {
        age: 7,
        precision: 1.0,
        ..Coin::default()
    };
    let (note, table) = shown(&section(old, "0.5", Conditions::default()));
    assert!(
        note.contains("age: 7 instead of 0\nprecision: 1.0 instead of 0.0"),
        "{note}"
    );
    assert!(
        !table.contains("0.222") && table.contains("other age"),
        "{table}"
    );
    assert!(!table.contains("other age, precision"), "{table}");
    // A candidate that is not run has no row.
    assert!(!table.contains("weight 0.25"), "{table}");
}

#[test]
fn another_value_of_a_parameter_is_not_in_the_publication() {
    let notes = Conditions {
        notes: vec!["encoder: a penny instead of a dime".to_string()],
        obstacle: None,
    };
    let (note, table) = shown(&section(Coin::default(), "0.5, 0.75", notes));
    assert!(note.contains("a penny instead of a dime"), "{note}");
    assert!(
        note.contains("not in the publication: weight 0.75"),
        "{note}"
    );
    assert!(table.contains("0.222"), "{table}");
}

#[test]
fn other_data_leaves_no_score() {
    let conditions = Conditions {
        notes: Vec::new(),
        obstacle: Some("other data".to_string()),
    };
    let (_, table) = shown(&section(Coin::default(), "0.25, 0.5", conditions));
    assert!(
        !table.contains("0.222") && table.contains("other data"),
        "{table}"
    );
}

#[test]
fn tests_stand_beside_published_ones() {
    let test = PublishedTest {
        first: "weight 0.25",
        second: "weight 0.5",
        statistic: -9.87,
        degrees_of_freedom: 13.0,
        p_value: 0.38,
    };
    let table = |defaults| {
        with_results(
            defaults,
            "0.25, 0.5",
            Conditions::default(),
            |published, results| {
                published
                    .tests(results, "Tests.", &[test])
                    .unwrap()
                    .to_string()
            },
        )
    };
    let same = table(Coin::default());
    assert!(same.contains("-9.87") && same.contains("0.380"), "{same}");
    let other = table(Coin {
        age: 7,
        ..Coin::default()
    });
    assert!(
        !other.contains("-9.87") && other.contains("other age"),
        "{other}"
    );
}
