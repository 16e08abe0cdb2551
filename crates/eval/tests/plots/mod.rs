//! Pictures: what is in them, and what makes none. They lie in `target/tmp/plots` to be looked at.

mod degenerate;
mod samples;

use std::path::PathBuf;

use finetune_eval::plots::{ColorScale, HeatMap, Plot};

/// Draws the picture in both formats and gives back its SVG, a line for each mark.
fn drawn(name: &str, plot: &dyn Plot) -> String {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("plots");
    std::fs::create_dir_all(&folder).unwrap();
    if cfg!(feature = "png") {
        plot.draw(&folder.join(format!("{name}.png"))).unwrap();
    }
    let path = folder.join(format!("{name}.svg"));
    plot.draw(&path).unwrap();
    let svg = std::fs::read_to_string(path).unwrap();
    assert_eq!(svg, plot.to_svg().unwrap());
    for nothing in ["NaN", "inf", "\"-0\""] {
        assert!(!svg.contains(nothing), "{name} has {nothing}");
    }
    svg
}

/// Marks of a kind and color.
fn marks(svg: &str, tag: &str, color: &str) -> usize {
    let marks = svg
        .lines()
        .filter(|line| line.starts_with(&format!("<{tag} ")));
    marks.filter(|line| line.contains(color)).count()
}

fn texts(svg: &str) -> Vec<&str> {
    svg.lines().filter(|line| !line.starts_with('<')).collect()
}

const BLUE: &str = "#0072B2";
const VERMILION: &str = "#D55E00";

#[test]
fn training_curves_have_a_line_for_each_learning_rate() {
    let svg = drawn("training_curves", &samples::training_curves());
    for label in [
        "AG News, frozen encoder",
        "epoch",
        "accuracy",
        "1e-2",
        "5e-3",
        "2e-3",
        "5e-4",
    ] {
        assert!(texts(&svg).contains(&label), "{label}: {svg}");
    }
    // The curve and its sample in the legend; a marker for each epoch.
    assert_eq!(marks(&svg, "polyline", BLUE), 2);
    assert_eq!(marks(&svg, "circle", BLUE), 10);
    let x_numbers = (1..=10).map(|epoch| epoch.to_string());
    assert!(
        x_numbers
            .into_iter()
            .filter(|number| texts(&svg).contains(&number.as_str()))
            .count()
            >= 4
    );
}

#[test]
fn losses_by_step_have_no_markers() {
    let svg = drawn("training_loss", &samples::training_loss());
    assert_eq!(svg.matches("<circle").count(), 0);
    assert_eq!(marks(&svg, "polyline", BLUE), 2);
}

#[test]
fn epochs_to_best_have_a_line_for_each_data_set() {
    let svg = drawn("epochs_to_best", &samples::epochs_to_best());
    for label in [
        "steps of pre-training",
        "epochs to the best model",
        "0",
        "20000",
        "IMDB",
    ] {
        assert!(texts(&svg).contains(&label), "{label}: {svg}");
    }
    assert_eq!(marks(&svg, "circle", BLUE), 4);
}

#[test]
fn box_plots_have_a_box_and_a_median_for_each_group_and_a_dot_for_each_seed() {
    let svg = drawn("box_plot", &samples::box_plot());
    for label in [
        "TF-IDF (10)",
        "frozen (10)",
        "unfrozen (10)",
        "last two layers (10)",
        "F1",
    ] {
        assert!(texts(&svg).contains(&label), "{label}: {svg}");
    }
    assert_eq!(marks(&svg, "rect", BLUE), 4);
    assert_eq!(marks(&svg, "polyline", VERMILION), 4);
    assert_eq!(svg.matches("<circle").count(), 40);
}

#[test]
fn confusion_matrices_have_every_count() {
    let plot = samples::confusion();
    let svg = drawn("confusion", &plot);
    for count in plot.matrix.counts_by_true().iter().flatten() {
        assert!(
            texts(&svg).contains(&count.to_string().as_str()),
            "{count}: {svg}"
        );
    }
    for label in [
        "World",
        "Sci/Tech",
        "true",
        "predicted",
        "share of the true class",
    ] {
        assert!(texts(&svg).contains(&label), "{label}: {svg}");
    }
    drawn("confusion_77_classes", &samples::confusion_of_many());
}

#[test]
fn reliability_diagrams_have_a_bar_for_each_bin() {
    let diagram = samples::reliability();
    let bins = diagram.reliability.bins.len();
    let svg = drawn("reliability", &diagram);
    // One more in the key.
    assert_eq!(marks(&svg, "rect", BLUE), bins + 1);
    let bins = diagram.reliability.bins.iter();
    let too_sure = bins.filter(|bin| bin.confidence > bin.accuracy).count();
    assert_eq!(marks(&svg, "rect", "#F0B68C"), too_sure + 1);
    let ece = format!("ECE {:.4}", diagram.reliability.expected_calibration_error);
    for label in [ece.as_str(), "confidence", "accuracy", "share of rows"] {
        assert!(texts(&svg).contains(&label), "{label}: {svg}");
    }
}

#[test]
fn score_scatters_have_a_dot_for_each_row() {
    let scatter = samples::scatter();
    let svg = drawn("score_scatter", &scatter);
    assert_eq!(svg.matches("<circle").count(), 300);
    let pearson = format!("Pearson {:.4}", scatter.predicted.pearson().unwrap());
    for label in [pearson.as_str(), "true score", "predicted score", "n = 300"] {
        assert!(texts(&svg).contains(&label), "{label}: {svg}");
    }
}

#[test]
fn heat_maps_have_every_value() {
    let map = samples::gradient_cosines();
    let svg = drawn("gradient_cosines", &map);
    for label in ["1.00", "-0.42", "SST", "paraphrase", "-1", "1", "cosine"] {
        assert!(texts(&svg).contains(&label), "{label}: {svg}");
    }
    let wide = HeatMap {
        row_names: vec!["only row".into()],
        values: vec![map.values[0].clone()],
        scale: ColorScale::Sequential,
        range: None,
        ..map
    };
    drawn("heat_map_of_one_row", &wide);
}
