//! From a file to trials.

use std::collections::BTreeSet;

use finetune_study::{Fold, Study, StudyConfig};
use finetune_train::{FineTuningConfig, TrainDuration};
use serde_json::json;

use crate::toss::{coin, refusal, study};

#[test]
fn arms_axes_seeds_and_folds_multiply_in_their_order() {
    let study = study(
        r#"
        name = "coins"
        seeds = [5, 3]
        folds = 2
        base.luck = 0.5
        variants = [{ name = "light", settings = { luck = 0.25 } }, { name = "heavy" }]
        parameters = [{ path = "weight", values = [1, 2] }, { path = "epochs", values = [7, 9, 8] }]
        "#,
    );
    let trials = study.trials();
    assert_eq!(trials.len(), 2 * 2 * 3 * 2 * 2);
    let labels: Vec<String> = trials.iter().map(|trial| study.label(trial)).collect();
    assert_eq!(labels[0], "light, weight 1, epochs 7, seed 5, fold 1 of 2");
    assert_eq!(labels[1], "light, weight 1, epochs 7, seed 5, fold 2 of 2");
    assert_eq!(labels[2], "light, weight 1, epochs 7, seed 3, fold 1 of 2");
    assert_eq!(labels[4], "light, weight 1, epochs 9, seed 5, fold 1 of 2");
    assert_eq!(labels[47], "heavy, weight 2, epochs 8, seed 3, fold 2 of 2");
    assert!(
        trials
            .iter()
            .enumerate()
            .all(|(index, trial)| trial.index == index)
    );
    let ids: BTreeSet<&str> = trials.iter().map(|trial| trial.id.as_str()).collect();
    assert_eq!(ids.len(), trials.len());
    let (first, last) = (&trials[0], &trials[47]);
    let [first_coin, last_coin] = [first, last].map(coin);
    assert_eq!((first_coin.luck, last_coin.luck), (0.25, 0.5));
    assert_eq!(
        (last_coin.weight, last_coin.epochs, last_coin.seed),
        (2.0, 8, 3)
    );
    assert_eq!(
        last.fold,
        Some(Fold {
            index: 1,
            of: 2,
            seed: 42
        })
    );
    assert_eq!(study.candidates().len(), 12);
}

#[test]
fn counted_seeds_begin_with_that_of_the_study_and_arms_have_their_own() {
    let study = study(
        r#"
        name = "coins"
        seeds = 2
        sampler_seed = 7
        folds = 3
        variants = [
            { name = "a" },
            { name = "b", settings.weight = 1.0, seeds = [1] },
            { name = "c", settings.weight = 2.0, folds = 0 },
        ]
        "#,
    );
    let of = |name: &str| {
        let trials = study.trials().iter();
        let of_variant = trials
            .filter(|trial| study.candidates()[trial.candidate].variant.as_deref() == Some(name));
        of_variant
            .map(|trial| (trial.seed.unwrap(), trial.fold.map(|fold| fold.index)))
            .collect::<Vec<_>>()
    };
    let both = [7, 8].map(|seed| [0, 1, 2].map(|fold| (seed, Some(fold))));
    assert_eq!(of("a"), both.concat());
    assert_eq!(of("b"), [0, 1, 2].map(|fold| (1, Some(fold))));
    assert_eq!(of("c"), [(7, None), (8, None)]);
}

#[test]
fn draws_are_functions_of_seed_and_number() {
    let search = |trials: usize, more: &str| {
        study(&format!(
            "name = 'coins'\nnum_trials = {trials}\n[[parameters]]\npath = 'weight'\nlog_uniform = [1e-5, 1e-1]\n{more}"
        ))
    };
    let weights = |study: &Study| {
        study
            .trials()
            .iter()
            .map(|trial| coin(trial).weight)
            .collect::<Vec<_>>()
    };
    let (few, many) = (search(3, ""), search(9, ""));
    assert_eq!(weights(&few), weights(&many)[..3]);
    assert_eq!(few.trials()[2].id, many.trials()[2].id);
    let another = search(3, "[[parameters]]\npath = 'luck'\nuniform = [0.0, 1.0]");
    assert_eq!(weights(&another), weights(&few));
    let crossed = search(3, "[[parameters]]\npath = 'epochs'\nvalues = [1, 2]");
    assert_eq!(crossed.trials().len(), 6);
    assert_eq!(
        coin(&crossed.trials()[1]).weight,
        coin(&crossed.trials()[0]).weight
    );
    // Of two values there are no ten different draws.
    let repeated =
        study("name = 'coins'\nnum_trials = 10\n[[parameters]]\npath = 'epochs'\nchoice = [1, 2]");
    assert_eq!(repeated.candidates().len(), 2);
}

#[test]
fn what_contradicts_itself_is_named() {
    for (toml, expected) in [
        (
            "name = 'a'\nbase.wieght = 1",
            "base: there is no setting wieght; the nearest are weight",
        ),
        (
            "name = 'a'\nparameters = [{ path = 'lukc', values = [1] }]",
            "parameter lukc: there is no setting lukc; the nearest are luck",
        ),
        (
            "name = 'a'\nvariants = [{ name = 'b', settings.epoch = 1 }]",
            "variant \"b\": there is no setting epoch; the nearest are epochs",
        ),
        (
            "name = 'a'\nparameters = [{ path = 'epochs', values = [1, 'two'] }]",
            "parameter epochs: epochs: invalid type: string \"two\", expected u64",
        ),
        (
            "name = 'a'\nparameters = [{ path = 'weight', values = [1, -1] }]",
            "weight -1: the coin fell into the depths",
        ),
        (
            "name = 'a'\nvariants = [{ name = 'b' }, { name = 'c', settings.weight = 0.5 }]",
            "variants \"b\" and \"c\" are the same",
        ),
        (
            "name = 'a'\nseeds = 3\nvariants = [{ name = 'b', settings.seed = 1 }]",
            "seed is set by variant \"b\" and by seeds",
        ),
        (
            "name = 'a'\nseeds = 3\nparameters = [{ path = 'seed', values = [1, 2] }]",
            "seed is set by parameter seed and by seeds",
        ),
        (
            "name = 'a'\nvariants = [{ name = 'b', settings.luck = 1 }]\nparameters = [{ path = 'luck', values = [1] }]",
            "luck is set by variant \"b\" and by parameter luck",
        ),
    ] {
        let refusal = refusal(toml);
        assert!(refusal.starts_with(expected), "{refusal}");
    }
}

/// The study of a file that the guide shows, on the settings of fine-tuning.
#[test]
fn the_guide_is_right() {
    let guide = include_str!("../../../docs/guide/studies.md");
    let (_, toml) = guide.split_once("```toml\n").unwrap();
    let (toml, _) = toml.split_once("```").unwrap();
    // The checkpoint here has fewer positions.
    let toml = toml.replace("max_length = 128", "max_length = 16");
    let folder = tempfile::tempdir().unwrap();
    let splits = crate::small_run::checkpoint(folder.path());
    let device = burn::tensor::Device::flex();
    let experiment =
        finetune_study::FineTuningExperiment::new(folder.path(), splits, &device, "flex").unwrap();
    let study = Study::new(StudyConfig::from_toml(&toml).unwrap(), &experiment).unwrap();
    let config: FineTuningConfig = study.trials()[0].config().unwrap();
    assert_eq!(config.train.duration, TrainDuration::Epochs(3));
    assert_eq!(study.trials()[0].settings["train"]["seed"], json!(42));
    assert_eq!(study.trials().len(), 3 * 2 * 5);
}

#[test]
fn a_key_of_an_earlier_version_is_named_with_the_current_one() {
    let error = StudyConfig::from_toml("name = 'old'\naxes = []").unwrap_err();
    let message = error.to_string();
    assert!(message.ends_with("`axes` is now `parameters`"), "{message}");
}
