//! Error analysis of multi-label predictions.

use finetune_data::Example;
use finetune_eval::report::TextSamples;
use finetune_eval::{BinaryRanking, MetricKind, PredictedLabelSets, SliceScores, Slices};

use super::error_analysis::{scored_text, worst};
use crate::error::TrainError;

/// Maximum number of classes with curves of their own.
const MOST_CURVES: usize = 12;

/// Returns the scores of slices of the texts, and by the number of classes of a row.
pub(super) fn set_slices(
    by_text: &[Slices],
    predicted: &PredictedLabelSets,
) -> Result<Vec<SliceScores>, TrainError> {
    let counts = (0..predicted.rows() as usize).map(|row| predicted.targets(row).len());
    let by_count = Slices::by("number of classes", counts);
    let metrics = [
        MetricKind::Accuracy,
        MetricKind::MicroF1,
        MetricKind::HammingLoss,
    ];
    let slices = by_text.iter().chain([&by_count]);
    let scores = slices.map(|slices| slices.scores(&metrics, |rows| predicted.select(rows)));
    Ok(scores.collect::<Result<_, _>>()?)
}

/// Returns the rows by the probability of each class; none for too many classes to tell their curves
/// apart.
pub(super) fn rankings(
    predicted: &PredictedLabelSets,
    names: &[String],
) -> Result<Vec<(String, BinaryRanking)>, TrainError> {
    if names.len() > MOST_CURVES {
        return Ok(Vec::new());
    }
    let named = names.iter().enumerate();
    let named = named.map(|(class, name)| Ok((name.clone(), predicted.ranking(class)?)));
    named.collect()
}

/// Returns the rows with a wrong class whose probability is farthest from the truth.
pub(super) fn farthest_sets(
    predicted: &PredictedLabelSets,
    rows: &[Example],
    names: &[String],
) -> TextSamples {
    let error = |row: usize| {
        let targets = predicted.targets(row);
        let errors = predicted.probabilities(row).iter().enumerate();
        let errors = errors.map(|(class, probability)| match targets.contains(&class) {
            true => 1.0 - probability,
            false => *probability,
        });
        errors.fold(0.0, f64::max)
    };
    let wrong =
        (0..rows.len()).filter(|row| predicted.targets(*row) != predicted.predictions(*row));
    let texts = worst(wrong, error).map(|row| {
        scored_text(row, &rows[row])
            .label(joined(&predicted.targets(row), names))
            .prediction(joined(&predicted.predictions(row), names))
            .probabilities(
                names
                    .iter()
                    .zip(predicted.probabilities(row).iter().copied()),
            )
    });
    TextSamples {
        caption: "The rows with the probability that is farthest from the truth.".to_string(),
        texts: texts.collect(),
    }
}

/// Returns the names of classes, or a dash for none.
fn joined(classes: &[usize], names: &[String]) -> String {
    let names: Vec<&str> = classes.iter().map(|class| &names[*class][..]).collect();
    match names.is_empty() {
        true => "–".to_string(),
        false => names.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use finetune_data::Label;
    use finetune_eval::Thresholds;

    use super::*;

    #[test]
    fn wrong_rows_come_by_their_largest_error() {
        let targets = [vec![0], vec![], vec![0, 1]];
        let probabilities = [[0.9, 0.6], [0.1, 0.2], [0.1, 0.6]];
        let predicted =
            PredictedLabelSets::from_slices(&targets, &probabilities, &Thresholds::default());
        let predicted = predicted.unwrap();
        let rows = ["x", "y", "z"].map(|text| Example::new(text, Label::Unlabeled));
        let names = ["a", "b"].map(String::from);
        let texts = farthest_sets(&predicted, &rows, &names).texts;
        let ids: Vec<&str> = texts.iter().map(|text| &text.id[..]).collect();
        assert_eq!(ids, ["2", "0"]);
        assert_eq!(texts[0].label.as_deref(), Some("a, b"));
        assert_eq!(texts[0].prediction.as_deref(), Some("b"));
        let slices = set_slices(&[], &predicted).unwrap();
        let names: Vec<&str> = slices[0]
            .slices
            .iter()
            .map(|slice| &slice.name[..])
            .collect();
        assert_eq!(names, ["0", "1", "2"]);
        assert_eq!(slices[0].slices[0].scores["accuracy"], 1.0);
    }
}
