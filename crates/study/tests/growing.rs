//! A study may grow in its folder, and no other may come into it.

use finetune_study::{Study, StudyConfig, StudyDirectory, StudyRunner};

use crate::toss::{Coins, Toss, runs, study};

const COINS: &str =
    "name = 'coins'\nseeds = 2\nparameters = [{ path = 'weight', values = [0.25, 0.5] }]";

#[test]
fn what_was_run_counts() {
    let coins = Coins::new(COINS);
    StudyRunner::new(&coins.study, &Toss("penny"), &coins.folder)
        .run(&())
        .unwrap();
    let seeds = COINS.replace("seeds = 2", "seeds = 3");
    let weights = seeds.replace("0.25, 0.5", "0.75, 0.5, 0.25");
    // Under another name and compared in another way, nothing is run.
    let compared = format!(
        "eval_split = 'validation'\n{}",
        weights.replace("coins", "pennies")
    );
    for (grown, runs_then) in [(seeds, 6), (weights, 9), (compared, 9)] {
        let study = study(&grown);
        let folder = StudyDirectory::open(coins.folder.path(), &study).unwrap();
        let runner = StudyRunner::new(&study, &Toss("penny"), &folder);
        let results = runner.run(&()).unwrap();
        assert!(results.due().all(|(_, state)| state.result().is_some()));
        assert_eq!(runs(folder.path()).len(), runs_then, "{grown}");
    }
    let kept = StudyDirectory::read_study(coins.folder.path()).unwrap();
    assert_eq!(kept.name, "pennies");
}

#[test]
fn another_study_is_refused_with_the_first_difference() {
    let coins = Coins::new(COINS);
    StudyRunner::new(&coins.study, &Toss("penny"), &coins.folder)
        .run_trial(0, &())
        .unwrap();
    let refused = |toml: String| {
        let other = study(&toml);
        StudyDirectory::open(coins.folder.path(), &other)
            .unwrap_err()
            .to_string()
    };
    let base = refused(format!("base.luck = 0.5\n{COINS}"));
    assert!(
        base.contains("study.json: the study there has study.base.luck \"nothing\", this one 0.5"),
        "{base}"
    );
    let gone = refused(COINS.replace("0.25, ", ""));
    assert!(gone.contains("there has study.parameters"), "{gone}");
    let config = StudyConfig::from_toml(COINS).unwrap();
    let other = Study::new(config, &Toss("dime")).unwrap();
    let error = StudyDirectory::open(coins.folder.path(), &other)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("has fingerprint.coin \"penny\", this one \"dime\""),
        "{error}"
    );
    // What was not begun may go.
    let smaller = study(&COINS.replace(", 0.5", ""));
    StudyDirectory::open(coins.folder.path(), &smaller).unwrap();
}
