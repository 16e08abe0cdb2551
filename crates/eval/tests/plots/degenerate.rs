//! One point, equal values, many lines, long and hostile names.

use finetune_eval::plots::{
    BoxPlot, ConfusionPlot, HeatMap, Line, ReliabilityDiagram, ScoreScatter,
};
use finetune_eval::statistics::ScoreGroup;
use finetune_eval::{Binning, ConfusionMatrix, PredictedProbabilities, PredictedScores};

use super::samples::curves;
use super::{drawn, marks, texts};

const HOSTILE: &str =
    "<script>alert(\"1\")</script> & 'quotes' \u{0}\n\u{202e}right to left 🙂 漢字";

#[test]
fn one_point_is_a_picture() {
    let svg = drawn(
        "one_point",
        &curves(
            "One epoch",
            "accuracy",
            vec![Line::new("run", [(1.0, 0.5)])],
        ),
    );
    assert_eq!(svg.matches("<circle").count(), 1);
    assert!(texts(&svg).contains(&"1"), "{svg}");
    drawn(
        "one_seed",
        &BoxPlot::new("One seed", "F1", vec![ScoreGroup::new("a", [0.8])]),
    );
    let one = PredictedScores::from_slices(&[2.0], &[3.0]).unwrap();
    drawn("one_row", &ScoreScatter::new("One row", one));
    let one = PredictedProbabilities::from_slices(&[0], &[[1.0, 0.0]]).unwrap();
    let reliability = one.reliability(Binning::default()).unwrap();
    drawn("one_bin", &ReliabilityDiagram::new("One row", reliability));
}

#[test]
fn equal_values_are_a_picture() {
    for (name, value) in [("zeros", 0.0), ("equal", 0.731), ("equal_large", -3e250)] {
        let points = (1..6).map(|epoch| (f64::from(epoch), value));
        let lines = vec![Line::new("constant", points)];
        drawn(&format!("line_{name}"), &curves(name, "loss", lines));
        let groups = vec![
            ScoreGroup::new("a", [value; 5]),
            ScoreGroup::new("b", [value; 3]),
        ];
        drawn(
            &format!("boxes_{name}"),
            &BoxPlot::new(name, "score", groups),
        );
        let predicted = PredictedScores::from_slices(&[value; 4], &[value; 4]).unwrap();
        drawn(
            &format!("scatter_{name}"),
            &ScoreScatter::new(name, predicted),
        );
    }
    let empty = ConfusionMatrix::new(["a", "b"]).unwrap();
    drawn(
        "confusion_of_nothing",
        &ConfusionPlot::new("Nothing counted", empty),
    );
}

#[test]
fn ranges_of_any_size_are_pictures() {
    for (name, low, high) in [
        ("tiny", 1e-200, 2e-200),
        ("close", 0.912_34, 0.912_340_001),
        ("huge", -1e299, 1e299),
    ] {
        let lines = vec![Line::new("run", [(1.0, low), (2.0, high), (3.0, low)])];
        let svg = drawn(&format!("range_{name}"), &curves(name, "loss", lines));
        assert_eq!(svg.matches("<circle").count(), 3, "{svg}");
    }
}

#[test]
fn forty_lines_can_be_told_apart() {
    let line = |number: usize| {
        let points = (1..8).map(move |epoch| {
            (
                f64::from(epoch),
                0.5 + 0.01 * number as f64 - 0.2 / f64::from(epoch),
            )
        });
        Line::new(format!("trial {number}"), points)
    };
    let chart = curves("A search", "macro F1", (0..40).map(line).collect());
    let svg = drawn("forty_lines", &chart);
    assert_eq!(
        texts(&svg)
            .iter()
            .filter(|text| text.starts_with("trial "))
            .count(),
        40
    );
    assert_eq!(svg.matches("<circle").count(), 40 * 7);

    let groups = (0..30).map(|number| {
        let scores = (0..5).map(|seed| 0.7 + 0.01 * super::samples::noise(5 * number + seed));
        ScoreGroup::new(format!("group {number}"), scores.collect::<Vec<_>>())
    });
    let svg = drawn(
        "thirty_boxes",
        &BoxPlot::new("Arms", "accuracy", groups.collect()),
    );
    assert_eq!(marks(&svg, "rect", super::BLUE), 30);
}

#[test]
fn long_names_are_shortened_and_hostile_ones_are_text() {
    let long =
        "a name that goes on and on, as those of configurations joined by commas do, lr=1e-3";
    let lines = vec![
        Line::new(long, [(1.0, 0.5), (2.0, 0.75)]),
        Line::new(HOSTILE, [(1.0, 0.25), (2.0, 0.5)]),
    ];
    let chart = curves(&format!("{long}; {long}"), long, lines);
    let groups = vec![
        ScoreGroup::new(long, [0.5, 0.75, 0.6]),
        ScoreGroup::new(HOSTILE, [0.5, 0.25]),
    ];
    let matrix = ConfusionMatrix::from_slices(&[0, 1, 2], &[0, 0, 2], [long, HOSTILE, "短い"]);
    let cells = HeatMap {
        title: HOSTILE.into(),
        row_label: long.into(),
        column_label: HOSTILE.into(),
        value_label: HOSTILE.into(),
        row_names: vec![HOSTILE.into()],
        column_names: vec![HOSTILE.into()],
        values: vec![vec![0.5]],
        cell_texts: Some(vec![vec!["<b>".into()]]),
        ..HeatMap::default()
    };
    for svg in [
        drawn("long_names_lines", &chart),
        drawn("long_names_boxes", &BoxPlot::new(HOSTILE, HOSTILE, groups)),
        drawn(
            "long_names_confusion",
            &ConfusionPlot::new(long, matrix.unwrap()),
        ),
        drawn("long_names_heat_map", &cells),
    ] {
        assert!(svg.contains("&lt;script&gt;"), "{svg}");
        assert!(!svg.contains("<script") && !svg.contains("<b>"), "{svg}");
        assert!(!svg.contains('\u{0}'), "{svg}");
    }
}
