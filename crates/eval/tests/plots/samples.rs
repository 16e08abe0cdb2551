//! Pictures such as the studies have them, of numbers made up.

use finetune_eval::plots::{
    BoxPlot, ColorScale, ConfusionPlot, HeatMap, Line, LineChart, ReliabilityDiagram, ScoreScatter,
};
use finetune_eval::statistics::ScoreGroup;
use finetune_eval::{Binning, ConfusionMatrix, PredictedProbabilities, PredictedScores};

/// Curves by epoch.
pub(super) fn curves(title: &str, metric: &str, lines: Vec<Line>) -> LineChart {
    LineChart {
        title: title.into(),
        x_label: "epoch".into(),
        y_label: metric.into(),
        lines,
        whole_x: true,
        ..LineChart::default()
    }
}

/// Numbers in `[0, 1)` that look random and are always the same.
pub(super) fn noise(number: usize) -> f64 {
    (f64::from(number as u32 + 1) * 12.9898)
        .sin()
        .abs()
        .mul_add(43_758.545, 0.0)
        .fract()
}

pub(super) fn training_curves() -> LineChart {
    let rates = ["1e-2", "5e-3", "2e-3", "1e-3", "5e-4"];
    let run = |(number, rate): (usize, &&str)| {
        let points = (1..=10).map(move |epoch| {
            let gain = 1.0 - (-0.3 * f64::from(epoch) / (1.0 + number as f64)).exp();
            let accuracy = 0.86 + 0.05 * gain + 0.004 * noise(10 * number + epoch as usize);
            (f64::from(epoch), accuracy)
        });
        Line::new(*rate, points)
    };
    let runs = rates.iter().enumerate().map(run).collect();
    curves("AG News, frozen encoder", "accuracy", runs)
}

pub(super) fn training_loss() -> LineChart {
    let run = |number: usize| {
        let points = (0..400).map(move |step| {
            let decay = (-f64::from(step) / (60.0 + 40.0 * number as f64)).exp();
            let loss = 0.3 + 1.1 * decay + 0.12 * noise(400 * number + step as usize);
            (f64::from(10 * step), loss)
        });
        Line::new(format!("batch size {}", 16 << number), points)
    };
    LineChart {
        x_label: "step".into(),
        ..curves("Training loss", "loss", (0..3).map(run).collect())
    }
}

pub(super) fn epochs_to_best() -> LineChart {
    let steps = [0.0, 5e3, 1e4, 2e4];
    let line = |name: &str, epochs: [f64; 4]| Line::new(name, steps.into_iter().zip(epochs));
    let lines = vec![
        line("IMDB", [9.0, 4.0, 3.0, 3.0]),
        line("Yelp Review Polarity", [10.0, 5.0, 4.0, 2.0]),
        line("Amazon Review Full", [8.0, 7.0, 5.0, 4.0]),
    ];
    LineChart {
        x_label: "steps of pre-training".into(),
        ..curves(
            "Epochs of fine-tuning after further pre-training",
            "epochs to the best model",
            lines,
        )
    }
}

pub(super) fn box_plot() -> BoxPlot {
    let group = |number: usize, name: &str, middle: f64, spread: f64| {
        let scores = (0..10).map(|seed| middle + spread * (noise(10 * number + seed) - 0.5));
        ScoreGroup::new(name, scores.collect::<Vec<_>>())
    };
    let groups = vec![
        group(0, "TF-IDF", 0.742, 0.012),
        group(1, "frozen", 0.765, 0.014),
        group(2, "unfrozen", 0.784, 0.06),
        group(3, "last two layers", 0.789, 0.028),
    ];
    BoxPlot::new("Disaster tweets, ten seeds", "F1", groups)
}

pub(super) fn confusion() -> ConfusionPlot {
    let names = ["World", "Sports", "Business", "Sci/Tech"];
    let mut matrix = ConfusionMatrix::new(names).unwrap();
    let counts = [
        [1795, 21, 49, 35],
        [12, 1874, 9, 5],
        [58, 7, 1706, 129],
        [44, 11, 95, 1750],
    ];
    for (label, row) in counts.iter().enumerate() {
        for (prediction, count) in row.iter().enumerate() {
            (0..*count).for_each(|_| matrix.add(label, prediction).unwrap());
        }
    }
    ConfusionPlot::new("AG News, test set", matrix)
}

pub(super) fn confusion_of_many() -> ConfusionPlot {
    let names = (0..77).map(|class| format!("an intent of number {class}"));
    let mut matrix = ConfusionMatrix::new(names).unwrap();
    for row in 0..3000 {
        let label = row % 77;
        let wrong = noise(row) < 0.3;
        let other = (label + (10.0 * noise(row + 7)) as usize) % 77;
        matrix
            .add(label, if wrong { other } else { label })
            .unwrap();
    }
    ConfusionPlot::new("Intents", matrix)
}

pub(super) fn reliability() -> ReliabilityDiagram {
    let mut predicted = PredictedProbabilities::new(2).unwrap();
    for row in 0..2000 {
        let confidence = 0.5 + 0.5 * noise(row).sqrt();
        let right = noise(row + 5000) < 0.5 + 0.75 * (confidence - 0.5);
        predicted
            .add(usize::from(!right), &[confidence, 1.0 - confidence])
            .unwrap();
    }
    let reliability = predicted.reliability(Binning::default()).unwrap();
    ReliabilityDiagram::new("Overconfident", reliability)
}

pub(super) fn scatter() -> ScoreScatter {
    let mut predicted = PredictedScores::new();
    for row in 0..300 {
        let label = (25.0 * noise(row)).round() / 5.0;
        let prediction = 0.6 + 0.8 * label + 1.8 * (noise(row + 500) - 0.5);
        predicted.add(label, prediction).unwrap();
    }
    ScoreScatter::new("Semantic similarity", predicted)
}

pub(super) fn gradient_cosines() -> HeatMap {
    let tasks: Vec<String> = ["SST", "paraphrase", "STS"].map(String::from).into();
    HeatMap {
        title: "Cosines of the tasks' gradients".into(),
        value_label: "cosine".into(),
        row_names: tasks.clone(),
        column_names: tasks,
        values: vec![
            vec![1.0, -0.42, 0.08],
            vec![-0.42, 1.0, 0.61],
            vec![0.08, 0.61, 1.0],
        ],
        range: Some((-1.0, 1.0)),
        scale: ColorScale::Diverging,
        ..HeatMap::default()
    }
}
