//! Label checks of the losses.

use finetune_eval::Targets;

use crate::error::TrainError;

/// Returns the classes, all of which must be below `count`.
pub(super) fn classes<'a>(
    labels: &'a Targets,
    count: usize,
    loss: &'static str,
) -> Result<&'a [usize], TrainError> {
    let expected = || format!("a class below {count}");
    let Targets::Classes(classes) = labels else {
        return Err(refused(labels, 0, loss, expected()));
    };
    match classes.iter().position(|class| *class >= count) {
        Some(row) => Err(refused(labels, row, loss, expected())),
        None => Ok(classes),
    }
}

/// Returns the sets of classes, all of which must be below `count`.
pub(super) fn class_sets<'a>(
    labels: &'a Targets,
    count: usize,
    loss: &'static str,
) -> Result<&'a [Vec<usize>], TrainError> {
    let expected = || format!("any number of classes below {count}");
    let Targets::MultiLabel(sets) = labels else {
        return Err(refused(labels, 0, loss, expected()));
    };
    let is_outside = |set: &Vec<usize>| set.iter().any(|class| *class >= count);
    match sets.iter().position(is_outside) {
        Some(row) => Err(refused(labels, row, loss, expected())),
        None => Ok(sets),
    }
}

/// Returns the scores, all of which must satisfy `fits`; `expected` describes valid ones.
pub(super) fn scores<'a>(
    labels: &'a Targets,
    fits: impl Fn(f32) -> bool,
    loss: &'static str,
    expected: &str,
) -> Result<&'a [f32], TrainError> {
    let Targets::Scores(scores) = labels else {
        return Err(refused(labels, 0, loss, expected));
    };
    match scores.iter().position(|score| !fits(*score)) {
        Some(row) => Err(refused(labels, row, loss, expected)),
        None => Ok(scores),
    }
}

/// Creates the error for the label of a row.
fn refused(
    labels: &Targets,
    row: usize,
    loss: &'static str,
    expected: impl Into<String>,
) -> TrainError {
    let found = match labels {
        Targets::Classes(classes) => classes.get(row).map(|class| format!("class {class}")),
        Targets::MultiLabel(sets) => sets.get(row).map(|set| format!("classes {set:?}")),
        Targets::Scores(scores) => scores.get(row).map(|score| format!("score {score}")),
        _ => None,
    };
    TrainError::InvalidLabel {
        loss,
        row,
        found: found.unwrap_or_else(|| "missing".to_string()),
        expected: expected.into(),
    }
}
