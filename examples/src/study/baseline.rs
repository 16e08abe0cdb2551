//! Sparse baselines as an experiment: cross-validation with one trial per fold.

use finetune::data::Folds;
use finetune::eval::{ConfusionMatrix, Metric, MetricInput, MetricKind, MetricSource};
use finetune::prelude::*;
use finetune::study::{Fold, TrialScores};
use finetune_baseline::{BaselineConfig, BaselineError};

/// Fits a baseline and tests it. With a fold, the baseline is trained on all other folds and tested
/// on that one; without a fold, the dataset's own training and test rows are used.
///
/// # Errors
/// See [`BaselineConfig::fit`]; also if the fold index is out of range.
pub(super) fn baseline_scores(
    config: &BaselineConfig,
    splits: &Splits,
    fold: Option<Fold>,
) -> Result<TrialScores, BaselineError> {
    let folded = match fold {
        Some(fold) => {
            let folds = Folds::stratified_k_fold(&splits.train, fold.of, fold.seed)?;
            Some(folds.splits(&splits.train, fold.index)?)
        }
        None => None,
    };
    let splits = folded.as_ref().unwrap_or(splits);
    let classifier = config.fit(&splits.train)?;
    let tested = splits.test.iter().flat_map(|test| &test.examples);
    let rows: Vec<(&str, usize)> = tested
        .filter_map(|row| Some((row.text.as_str(), row.label.class()?)))
        .collect();
    let (texts, labels): (Vec<&str>, Vec<usize>) = rows.into_iter().unzip();
    let predicted = classifier.predict(&texts)?.classes();
    let matrix = ConfusionMatrix::from_slices(&labels, &predicted, splits.train.class_names())?;
    let metrics = MetricKind::ALL.iter().copied();
    let metrics = metrics.filter(|metric| metric.input() == MetricInput::Classes);
    // With more than two classes there is no positive class, so some scores are undefined.
    let scores =
        metrics.filter_map(|metric| Some((metric.to_string(), matrix.score(metric).ok()?)));
    Ok(TrialScores {
        test: scores.collect(),
        ..TrialScores::default()
    })
}
