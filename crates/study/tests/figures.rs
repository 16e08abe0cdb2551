//! Figures of a study of many candidates are drawn per parameter.

use finetune_eval::report::{Block, Figure};
use finetune_study::{Study, StudyConfig, StudyRunner};

use crate::toss::{Coin, Coins, Toss};

const GRID: &str = "name = 'grid'\nseeds = 2\nparameters = [\
     { path = 'weight', values = [0.1, 0.2, 0.3, 0.4, 0.5] },\
     { path = 'epochs', values = [1, 2, 3, 4, 5] }]";

fn ran(toml: &str) -> Coins {
    let coins = Coins::new(toml);
    let runner = StudyRunner::new(&coins.study, &Toss("penny"), &coins.folder);
    runner.run(&()).unwrap();
    coins
}

fn captions(coins: &Coins, section: &str) -> Vec<String> {
    let report = coins.folder.results(&coins.study).unwrap();
    let report = report.report().unwrap();
    let blocks = report.sections.iter();
    let blocks = blocks.filter(|found| found.title == section);
    let figures = blocks
        .flat_map(|found| &found.blocks)
        .filter_map(|block| match block {
            Block::Figure(figure) => Some(figure.caption().to_string()),
            _ => None,
        });
    figures.collect()
}

#[test]
fn a_grid_has_a_figure_per_parameter_through_the_best_candidate() {
    let coins = ran(GRID);
    assert_eq!(
        captions(&coins, "Curves"),
        [
            "training loss by epoch, mean over the trials of a candidate (epochs 5).",
            "training loss by epoch, mean over the trials of a candidate (weight 0.5).",
        ]
    );
    // Boxes for each parameter, then the means over each.
    assert_eq!(captions(&coins, "Scores").len(), 4);
}

#[test]
fn few_candidates_share_a_figure_and_many_samples_show_the_best() {
    let few =
        ran("name = 'few'\nseeds = 2\nparameters = [{ path = 'weight', values = [0.1, 0.2] }]");
    assert_eq!(
        captions(&few, "Curves"),
        ["training loss by epoch, mean over the trials of a candidate."]
    );
    let sampled = ran(
        "name = 'sampled'\nnum_trials = 13\nparameters = [{ path = 'weight', uniform = [0.0, 1.0] }]",
    );
    assert_eq!(
        captions(&sampled, "Curves"),
        ["training loss by epoch, mean over the trials of a candidate (the first 12)."]
    );
}

#[test]
fn one_curve_along_one_parameter() {
    let coins = ran(GRID);
    let results = coins.folder.results(&coins.study).unwrap();
    let along = |parameter, at| {
        results
            .curve_along("training loss", parameter, &[at])
            .unwrap()
    };
    let svg = along("weight", ("epochs", "2")).unwrap();
    assert_eq!(lines(&svg), 5);
    assert!(svg.svg().contains("weight 0.3") && !svg.svg().contains("epochs 3"));
    assert!(along("epochs", ("weight", "0.7")).is_none());
    assert!(
        results
            .curve_along("loss", "weight", &[("epochs", "2")])
            .unwrap()
            .is_none()
    );
    let boxes = results.box_plot_of("Two", "accuracy", &[0, 1]).unwrap();
    assert!(boxes.unwrap().svg().contains("weight 0.1, epochs 2"));
    assert!(results.box_plot_of("Two", "f1", &[0, 1]).unwrap().is_none());
}

/// Returns the number of entries in the legend.
fn lines(figure: &Figure) -> usize {
    figure.svg().matches("weight 0.").count()
}

#[test]
fn other_defaults_are_another_base() {
    let config = StudyConfig::from_toml(GRID).unwrap();
    let lucky = Coin {
        luck: 0.5,
        ..Coin::default()
    };
    let study = Study::with_defaults(config, &Toss("penny"), &lucky).unwrap();
    assert_eq!(study.base_settings()["luck"], 0.5);
    let settings = study.candidate_settings(24).unwrap();
    assert_eq!(
        (&settings["weight"], &settings["luck"]),
        (&0.5.into(), &0.5.into())
    );
    assert!(study.candidate_settings(25).is_none());
}
