//! From results to tables and tests.

use finetune_eval::statistics::{
    Adjustment, Comparison, ComparisonConfig, Design, ScoreGroup, Verdict,
};
use finetune_study::StudyRunner;

use crate::toss::{Coins, Toss};

fn run(toml: &str) -> Coins {
    let coins = Coins::new(toml);
    StudyRunner::new(&coins.study, &Toss("penny"), &coins.folder)
        .run(&())
        .unwrap();
    coins
}

const ARMS: &str = r#"
    name = "coins"
    seeds = 4
    variants = [
        { name = "light", settings = { weight = 0.25, luck = 0.02 } },
        { name = "heavy", settings = { weight = 0.5 } },
        { name = "heavier", settings = { weight = 0.501 } },
    ]
"#;

#[test]
fn candidates_that_share_seeds_are_compared_in_pairs() {
    let coins = run(ARMS);
    let results = coins.folder.results(&coins.study).unwrap();
    let table = results.comparisons().unwrap().unwrap();
    assert_eq!(table.comparisons.len(), 3);
    let variant = |candidate: usize| {
        ScoreGroup::new(
            coins.study.candidate_label(candidate),
            results.scores(candidate),
        )
    };
    let paired = ComparisonConfig {
        design: Design::Paired,
        ..ComparisonConfig::default()
    };
    let alone = Comparison::new(&variant(0), &variant(1), &paired).unwrap();
    assert_eq!(table.comparisons[0].test, alone.test);
    let raw: Vec<f64> = table
        .comparisons
        .iter()
        .filter_map(|one| Some(one.test?.p_value))
        .collect();
    let adjusted: Vec<f64> = table
        .comparisons
        .iter()
        .filter_map(|one| one.adjusted_p)
        .collect();
    assert_eq!(adjusted, Adjustment::Holm.adjust(&raw).unwrap());
    // Two that differ by the same in each seed cannot be tested: that is said, and nothing claimed.
    assert_eq!(table.comparisons[2].verdict(), Verdict::Untested);
    let report = coins.report();
    assert!(report.contains("light is worse than heavy: "), "{report}");
    assert!(
        report.contains("heavy and heavier cannot be tested"),
        "{report}"
    );
    assert!(
        report.contains("2 of 3 differences are shown at 0.05, adjusted"),
        "{report}"
    );
}

#[test]
fn welch_where_they_do_not_pair_or_it_is_asked_for() {
    let independent = run(&format!(
        "{ARMS}\ncomparison = {{ design = 'independent', baseline = 'heavy' }}"
    ));
    let results = independent.folder.results(&independent.study).unwrap();
    let table = results.comparisons().unwrap().unwrap();
    assert_eq!(table.comparisons.len(), 2);
    assert_eq!(table.comparisons[0].second.name, "heavy");
    for comparison in &table.comparisons {
        assert_eq!(comparison.test.unwrap().design, Design::Independent);
    }
    let uneven = run(&ARMS.replace("weight = 0.5 }", "weight = 0.5 }, seeds = [1, 2, 3]"));
    let results = uneven.folder.results(&uneven.study).unwrap();
    let table = results.comparisons().unwrap().unwrap();
    let designs: Vec<Design> = table
        .comparisons
        .iter()
        .filter_map(|one| Some(one.test?.design))
        .collect();
    assert_eq!(
        designs,
        [Design::Independent, Design::Paired, Design::Independent]
    );
}

/// A pair that lacks one side does not count; the rest still pairs up.
#[test]
fn a_failed_trial_takes_its_pair_with_it() {
    let coins = run(ARMS);
    let lost = coins
        .study
        .trials()
        .iter()
        .find(|trial| trial.seed == Some(43))
        .unwrap();
    std::fs::remove_file(coins.folder.trials().join(&lost.id).join("result.json")).unwrap();
    let results = coins.folder.results(&coins.study).unwrap();
    let table = results.comparisons().unwrap().unwrap();
    let first = &table.comparisons[0];
    assert_eq!(
        (first.first.scores.count, first.second.scores.count),
        (3, 3)
    );
    assert_eq!(first.test.unwrap().design, Design::Paired);
    assert_eq!(table.groups[1].scores.count, 4);
    assert!(
        coins
            .report()
            .contains("11 trials complete, 0 failed, 1 pending.")
    );
}

#[test]
fn one_trial_each_shows_nothing_and_says_so() {
    let coins =
        run("name = 'coins'\nparameters = [{ path = 'weight', values = [0.25, 0.5, 0.75] }]");
    let results = coins.folder.results(&coins.study).unwrap();
    assert_eq!(results.comparisons().unwrap(), None);
    let report = coins.report();
    assert!(report.contains("Nothing is tested"), "{report}");
    assert!(!report.contains("better"), "{report}");
    assert_eq!(results.best(), Some(2));
}

#[test]
fn two_dimensions_are_a_grid() {
    let coins = run(
        "name = 'coins'\nparameters = [{ path = 'weight', values = [0.25, 0.5, 0.75] }, { path = 'epochs', values = [1, 2] }]",
    );
    let report = coins.report();
    assert!(
        report.contains("Mean test accuracy: weight down, epochs across."),
        "{report}"
    );
    assert!(report.contains("| weight | 1 | 2 |"), "{report}");
    assert!(report.contains("epochs to best"), "{report}");
    let results = coins.folder.results(&coins.study).unwrap();
    assert!(
        results
            .number_chart("epochs to best", "weight")
            .unwrap()
            .is_some()
    );
    assert!(
        results
            .number_chart("no such number", "weight")
            .unwrap()
            .is_none()
    );
}

#[test]
fn a_study_without_any_result_has_a_report() {
    let coins = Coins::new(ARMS);
    let report = coins.report();
    assert!(
        report.contains("0 trials complete, 0 failed, 12 pending."),
        "{report}"
    );
    assert!(report.contains("light, seed 42"), "{report}");
}

#[test]
fn trials_are_lines_for_other_programs() {
    let coins = run(&ARMS.replace("seeds = 4", "seeds = 4\nfolds = 2"));
    let results = coins.folder.results(&coins.study).unwrap();
    let report = results.report().unwrap();
    coins.folder.write(&report, &results).unwrap();
    let text = std::fs::read_to_string(coins.folder.path().join("trials.csv")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 25);
    assert_eq!(
        lines[0],
        "trial,id,variant,rung,seed,fold,state,seconds,test_accuracy,validation_accuracy"
    );
    assert!(
        lines[2].starts_with("1,light-seed42-fold1-"),
        "{}",
        lines[2]
    );
    assert!(
        lines[2].contains(",light,0,42,1,complete,0.0"),
        "{}",
        lines[2]
    );
    assert!(report.to_markdown().contains("Folds share training rows"));
    for file in ["report.html", "report.md", "report.json"] {
        assert!(coins.folder.path().join(file).exists(), "{file}");
    }
}
