//! Only the better part goes on.

use std::fs;

use finetune_study::StudyRunner;

use crate::toss::{Coins, Toss, coin, path_of, runs};

const COINS: &str = r#"
    name = "coins"
    eval_split = "validation"
    seeds = 2
    parameters = [{ path = "weight", values = [0.1, 0.9, 0.3, 0.8, 0.5, 0.6, 0.7, 0.2, 0.4] }]
    halving = { resource = "epochs", min_resource = 2, max_resource = 18, factor = 3 }
"#;

#[test]
fn the_best_third_goes_on() {
    let coins = Coins::new(COINS);
    let runner = StudyRunner::new(&coins.study, &Toss("penny"), &coins.folder).jobs(2);
    let results = runner.run(&()).unwrap();
    assert_eq!(results.rungs(), 3);
    let weights = |rung: usize| {
        let due = results.due().filter(|(trial, _)| trial.rung == rung);
        let mut weights: Vec<f64> = due.map(|(trial, _)| coin(trial).weight).collect();
        weights.dedup();
        weights
    };
    assert_eq!(weights(0).len(), 9);
    assert_eq!(weights(1), [0.9, 0.8, 0.7]);
    assert_eq!(weights(2), [0.9]);
    let epochs: Vec<u64> = results.due().map(|(trial, _)| coin(trial).epochs).collect();
    assert_eq!(epochs[17..], [2, 6, 6, 6, 6, 6, 6, 18, 18]);
    assert_eq!(runs(coins.folder.path()).len(), 18 + 6 + 2);
    assert_eq!(results.best(), Some(1));
    let report = coins.report();
    assert!(
        report.contains("The highest mean validation accuracy is that of weight 0.9"),
        "{report}"
    );
}

#[test]
fn a_rung_waits_for_the_one_before() {
    let coins = Coins::new(COINS);
    let runner = StudyRunner::new(&coins.study, &Toss("penny"), &coins.folder);
    let of = |rung: usize, weight: f64| {
        let mut trials = coins.study.trials().iter();
        trials
            .find(|trial| trial.rung == rung && coin(trial).weight == weight)
            .unwrap()
    };
    for trial in &coins.study.trials()[..17] {
        runner.run_trial(trial.index, &()).unwrap();
    }
    let early = runner
        .run_trial(of(1, 0.9).index, &())
        .unwrap_err()
        .to_string();
    assert!(
        early.ends_with("is not due: rung 0 is not through"),
        "{early}"
    );
    runner.run_trial(17, &()).unwrap();
    let left = runner
        .run_trial(of(1, 0.1).index, &())
        .unwrap_err()
        .to_string();
    assert!(
        left.ends_with("is not due: its candidate was left behind"),
        "{left}"
    );
    assert!(
        runner
            .run_trial(of(1, 0.9).index, &())
            .unwrap()
            .result()
            .is_some()
    );
    // A study that is gone on with ends as one that was not stopped.
    runner.run(&()).unwrap();
    let whole = Coins::new(COINS);
    StudyRunner::new(&whole.study, &Toss("penny"), &whole.folder)
        .run(&())
        .unwrap();
    assert_eq!(coins.report(), whole.report());
    assert_eq!(runs(coins.folder.path()).len(), 26);
}

#[test]
fn a_candidate_that_failed_is_left_behind() {
    let coins = Coins::new(COINS);
    let best = coins
        .study
        .trials()
        .iter()
        .find(|trial| coin(trial).weight == 0.9)
        .unwrap();
    let folder = path_of(&coins.folder, &best.id, "");
    fs::create_dir_all(&folder).unwrap();
    let failure =
        serde_json::json!({"id": best.id, "label": "", "error": ["gone"], "seconds": 0.0});
    fs::write(folder.join("failure.json"), failure.to_string()).unwrap();
    let runner = StudyRunner::new(&coins.study, &Toss("penny"), &coins.folder);
    let results = runner.run(&()).unwrap();
    let second = results.due().filter(|(trial, _)| trial.rung == 1);
    let mut weights: Vec<f64> = second.map(|(trial, _)| coin(trial).weight).collect();
    weights.dedup();
    assert_eq!(weights, [0.8, 0.6, 0.7]);
}
