//! Runs what is missing, whatever fails.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Mutex;

use finetune_study::{StudyCallback, StudyDirectory, StudyRunner, TrialState};

use crate::toss::{Coins, Ending, Toss, coin, path_of, runs, score};

const COINS: &str = r#"
    name = "coins"
    seeds = 3
    parameters = [{ path = "weight", values = [0.25, 0.5] }]
"#;

#[test]
fn every_trial_runs_once_and_has_its_result() {
    let coins = Coins::new(COINS);
    let runner = StudyRunner::new(&coins.study, &Toss("penny"), &coins.folder).jobs(3);
    let results = runner.run(&()).unwrap();
    for (trial, state) in results.due() {
        let result = state.result().unwrap();
        let found = result.scores.test.values().next().copied();
        assert_eq!(found, Some(score(&coin(trial), 0)));
        assert_eq!(
            (result.seed, &result.settings),
            (trial.seed, &trial.settings)
        );
    }
    assert_eq!(runs(coins.folder.path()).len(), 6);
    runner.run(&()).unwrap();
    assert_eq!(runs(coins.folder.path()).len(), 6);
}

#[test]
fn the_report_does_not_depend_on_jobs_and_order() {
    let reports = [1, 2, 5].map(|jobs| {
        let coins = Coins::new(COINS);
        let runner = StudyRunner::new(&coins.study, &Toss("penny"), &coins.folder).jobs(jobs);
        runner.run(&()).unwrap();
        coins.report()
    });
    let backwards = Coins::new(COINS);
    let runner = StudyRunner::new(&backwards.study, &Toss("penny"), &backwards.folder);
    for index in (0..6).rev() {
        assert!(runner.run_trial(index, &()).unwrap().result().is_some());
    }
    assert!(reports.iter().all(|report| *report == backwards.report()));
    let refused = runner.run_trial(6, &()).unwrap_err().to_string();
    assert_eq!(refused, "there is no trial 6: the study has 6, from 0");
}

const BROKEN: &str = r#"
    name = "coins"
    seeds = 2
    variants = [
        { name = "good" },
        { name = "lost", settings.ending = "error" },
        { name = "standing", settings.ending = "panic" },
        { name = "odd", settings.ending = "not_a_number" },
    ]
"#;

/// Takes note of what ended.
#[derive(Default)]
struct Heard(Mutex<Vec<(String, bool)>>);

impl StudyCallback for Heard {
    fn ended(&self, label: &str, state: &TrialState) {
        let mut heard = self.0.lock().unwrap();
        heard.push((label.to_string(), state.result().is_some()));
    }
}

#[test]
fn what_fails_is_told_and_the_rest_goes_on() {
    let coins = Coins::new(BROKEN);
    let runner = StudyRunner::new(&coins.study, &Toss("penny"), &coins.folder);
    let heard = Heard::default();
    let results = runner.run(&heard).unwrap();
    let errors: Vec<Vec<String>> = results
        .due()
        .filter_map(|(_, state)| match state {
            TrialState::Failed(failure) => Some(failure.error.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(errors.len(), 6);
    assert_eq!(errors[0], ["the coin fell into the well", "nobody looked"]);
    assert_eq!(errors[2], ["panicked: the coin stood on its edge"]);
    assert!(
        errors[4][0].ends_with("has no accuracy: it is NaN"),
        "{errors:?}"
    );
    assert_eq!(
        heard
            .0
            .lock()
            .unwrap()
            .iter()
            .filter(|(_, good)| *good)
            .count(),
        2
    );
    let report = coins.report();
    assert!(
        report.contains("2 trials complete, 6 failed, 0 pending."),
        "{report}"
    );
    assert!(report.contains("lost, seed 43"), "{report}");
    assert!(
        report.contains("the coin fell into the well: nobody looked"),
        "{report}"
    );

    // What failed is run again on request only, and what finished is not.
    assert_eq!(runs(coins.folder.path()).len(), 8);
    runner.run(&()).unwrap();
    assert_eq!(runs(coins.folder.path()).len(), 8);
    let again = StudyRunner::new(&coins.study, &Toss("penny"), &coins.folder).retries(true);
    again.run(&()).unwrap();
    assert_eq!(runs(coins.folder.path()).len(), 14);
    assert!(matches!(
        runner.run_trial(2, &()).unwrap(),
        TrialState::Failed(_)
    ));
    assert_eq!(runs(coins.folder.path()).len(), 14);
    assert_eq!(coin(&coins.study.trials()[2]).ending, Ending::Error);
}

/// Another program is at the first trial for a tenth of a second, and then is killed.
fn with_the_first_taken(coins: &Coins, run: impl FnOnce()) {
    let lock = path_of(&coins.folder, &coins.study.trials()[0].id, "lock");
    fs::create_dir_all(lock.parent().unwrap()).unwrap();
    let other = fs::File::create(&lock).unwrap();
    other.lock().unwrap();
    let held = std::thread::spawn(move || {
        std::thread::sleep(std::time::Duration::from_millis(100));
        drop(other);
    });
    run();
    held.join().unwrap();
}

#[test]
fn a_trial_that_another_is_at_comes_last() {
    let coins = Coins::new(COINS);
    let runner = StudyRunner::new(&coins.study, &Toss("penny"), &coins.folder);
    with_the_first_taken(&coins, || {
        let results = runner.run(&()).unwrap();
        assert_eq!(results.missing().count(), 0);
    });
    let runs = runs(coins.folder.path());
    assert_eq!(
        (runs.len(), runs.last()),
        (6, Some(&coins.study.trials()[0].id))
    );
}

#[test]
fn one_trial_waits_for_whoever_is_at_it() {
    let coins = Coins::new(COINS);
    let runner = StudyRunner::new(&coins.study, &Toss("penny"), &coins.folder);
    with_the_first_taken(&coins, || {
        assert!(runner.run_trial(0, &()).unwrap().result().is_some());
    });
    assert_eq!(runs(coins.folder.path()).len(), 1);
}

#[test]
fn programs_that_share_a_folder_share_the_work() {
    let coins = Coins::new(&format!("{COINS}\nbase.milliseconds = 5"));
    let path = coins.folder.path();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let folder = StudyDirectory::open(path, &coins.study).unwrap();
                let runner = StudyRunner::new(&coins.study, &Toss("penny"), &folder);
                assert_eq!(runner.run(&()).unwrap().missing().count(), 0);
            });
        }
    });
    let runs = runs(path);
    assert_eq!(runs.len(), 6);
    assert_eq!(runs.iter().collect::<BTreeSet<_>>().len(), 6);
}

#[test]
fn a_damaged_result_is_named() {
    let coins = Coins::new(COINS);
    let runner = StudyRunner::new(&coins.study, &Toss("penny"), &coins.folder);
    runner.run(&()).unwrap();
    let id = &coins.study.trials()[3].id;
    fs::write(path_of(&coins.folder, id, "result.json"), "{").unwrap();
    let error = coins.folder.results(&coins.study).unwrap_err().to_string();
    assert!(
        error.contains(id.as_str()) && error.contains("result.json"),
        "{error}"
    );
}
