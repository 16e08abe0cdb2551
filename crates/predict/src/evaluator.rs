//! Metrics of a task: the default ones of its target, built-in ones by name, and your own.

use std::sync::Arc;

use finetune_data::Target;
use finetune_eval::{EvalError, Evaluator, Metric, TargetKind};

/// Returns the kind of a target, as metrics need it.
pub fn target_kind(target: &Target) -> TargetKind {
    match target {
        Target::Classes(names) => TargetKind::Classes(names.len()),
        Target::MultiLabel(names) => TargetKind::MultiLabel(names.len()),
        Target::Score { .. } => TargetKind::Scores,
        Target::TokenClasses(_) | Target::Unlabeled => TargetKind::Unlabeled,
    }
}

/// Creates an evaluator: the default metrics of the target, your `own`, and built-in ones by name.
///
/// # Errors
/// - [`EvalError`] if two metrics have the same name, a name is unknown, or a metric does not fit
///   the target.
pub fn evaluator<'a>(
    target: &Target,
    own: &[Arc<dyn Metric>],
    names: impl IntoIterator<Item = &'a str>,
) -> Result<Evaluator, EvalError> {
    let mut evaluator = Evaluator::new(target_kind(target));
    for metric in own {
        evaluator.add(metric.clone())?;
    }
    for name in names {
        evaluator.add_named(name)?;
    }
    Ok(evaluator)
}
