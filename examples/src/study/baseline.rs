//! Sparse baselines as an experiment: cross-validation with a trial a fold.

use finetune::data::Folds;
use finetune::eval::{ConfusionMatrix, Metric, MetricInput, MetricKind, Scored};
use finetune::prelude::*;
use finetune::study::{Fold, TrialScores};
use finetune_baseline::{BaselineConfig, BaselineError};

/// Fits to the rows of all folds but one and tests on that; without a fold, to some rows and tests
/// on others.
///
/// # Errors
/// As [`BaselineConfig::fit`], and for folds that there are not.
pub fn baseline_scores(
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
    // Of more than two classes none is the positive one; a score may not be defined.
    let scores =
        metrics.filter_map(|metric| Some((metric.to_string(), matrix.score(metric).ok()?)));
    Ok(TrialScores {
        test: scores.collect(),
        ..TrialScores::default()
    })
}
