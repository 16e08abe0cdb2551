//! Checks, before a checkpoint is loaded, that the head and the loss of a task are for its labels.

use finetune_data::Target;
use finetune_model::{CosineSimilarityHeadConfig, HeadConfig};

use crate::error::TrainError;
use crate::loss::LossConfig;

/// Checks that a head and a loss are for the labels of a task. Custom ones are not checked.
///
/// # Errors
/// - [`TrainError::InvalidSetting`] if a head for scores has classes as labels or the reverse, or a
///   loss has labels or outputs that it is not for. It names head and labels.
pub(super) fn check_label_fit(
    head: &HeadConfig,
    single_logit: bool,
    loss: &LossConfig,
    target: &Target,
) -> Result<(), TrainError> {
    let (name, labels) = (head_name(head), describe_labels(target));
    let of_head = |found: &str, expected: &str| {
        let found = format!("{name}{found}, for {labels}");
        Err(TrainError::setting("model.head", found, expected))
    };
    let is_classes = matches!(target, Target::Classes(_) | Target::MultiLabel(_));
    let is_cosine = matches!(head, HeadConfig::Cosine(CosineSimilarityHeadConfig { .. }));
    if is_classes && head.range().is_some() {
        return of_head(
            " with a range",
            "a head without `range`, which is for scores",
        );
    }
    if is_classes && is_cosine && !single_logit {
        return of_head(
            " with one output",
            "single_logit for two classes, or a head with an output per class",
        );
    }
    let has_bins = head.score_bins()?.is_some();
    match expected_loss(loss, target, has_bins) {
        None => Ok(()),
        Some(expected) => {
            let bins = if has_bins { " with score_bins" } else { "" };
            let found = format!("{} for {labels}, by head {name}{bins}", loss.kind());
            Err(TrainError::setting("loss", found, expected))
        }
    }
}

/// Returns what is expected instead of a loss that is not for the labels; `None` if it is.
fn expected_loss(loss: &LossConfig, target: &Target, has_bins: bool) -> Option<&'static str> {
    let within = |least: f64, most: f64| match target {
        Target::Score { min, max } => least <= *min && *max <= most,
        _ => true,
    };
    let of_one_number = matches!(
        loss,
        LossConfig::Mae {} | LossConfig::Mse {} | LossConfig::Huber { .. }
    );
    let is_classes = matches!(target, Target::Classes(_) | Target::MultiLabel(_));
    let is_multi_label = matches!(target, Target::MultiLabel(_));
    let over_classes = "a loss over classes, such as cross_entropy";
    match loss {
        LossConfig::Custom { .. } => None,
        LossConfig::BinaryCrossEntropy { .. } if is_multi_label => None,
        _ if is_multi_label => Some("binary_cross_entropy"),
        _ if of_one_number && is_classes => Some(over_classes),
        LossConfig::CosineEmbedding { .. } if has_bins => Some(over_classes),
        _ if has_bins => of_one_number.then_some(over_classes),
        LossConfig::CrossEntropy { .. } if !is_classes => {
            Some("mae, mse or huber, or a head with `score_bins`")
        }
        LossConfig::BinaryCrossEntropy { .. } if !within(0.0, 1.0) => {
            Some("mae, mse or huber: its scores are from 0 to 1")
        }
        LossConfig::CosineEmbedding { .. } if !within(-1.0, 1.0) => {
            Some("mae, mse or huber: its scores are -1 and 1")
        }
        _ => None,
    }
}

/// Returns the kind of a built-in head, or the name of a custom one.
pub(crate) fn head_name(head: &HeadConfig) -> &str {
    match head {
        HeadConfig::Mlp(_) => "mlp",
        HeadConfig::Cosine(_) => "cosine",
        HeadConfig::Custom { name } => name,
    }
}

/// Returns a readable description of labels, for messages.
pub(crate) fn describe_labels(target: &Target) -> String {
    match target {
        Target::Classes(names) if names.len() > 6 => format!("{} classes", names.len()),
        Target::Classes(names) => format!("the classes {}", names.join(", ")),
        Target::Score { min, max } => format!("scores from {min} to {max}"),
        Target::MultiLabel(names) if names.len() > 6 => format!("any of {} classes", names.len()),
        Target::MultiLabel(names) => format!("any of the classes {}", names.join(", ")),
        Target::TokenClasses(_) => "a class for each word".to_string(),
        Target::Unlabeled => "rows without labels".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use finetune_model::{MlpConfig, PairFeatures, ScoreRange};

    use super::*;

    const RANGE: Option<ScoreRange> = Some(ScoreRange { min: 0.0, max: 5.0 });

    fn cosine(range: Option<ScoreRange>) -> HeadConfig {
        HeadConfig::Cosine(CosineSimilarityHeadConfig {
            range,
            ..Default::default()
        })
    }

    fn mlp(range: Option<ScoreRange>, score_bins: Option<usize>) -> HeadConfig {
        HeadConfig::Mlp(MlpConfig {
            pair_features: Some(PairFeatures::Concat),
            range,
            score_bins,
            ..Default::default()
        })
    }

    fn classes() -> Target {
        Target::Classes(vec!["no".into(), "yes".into()])
    }

    fn any() -> Target {
        Target::MultiLabel(vec!["no".into(), "yes".into()])
    }

    fn scores() -> Target {
        Target::Score { min: 0.0, max: 5.0 }
    }

    #[test]
    fn a_head_or_loss_for_other_labels_is_named_with_them() {
        let (cross_entropy, mse) = (LossConfig::default(), LossConfig::Mse {});
        let embedding = LossConfig::CosineEmbedding { margin: 0.0 };
        let binary = LossConfig::BinaryCrossEntropy { pos_weight: None };
        for (head, single_logit, loss, target, message) in [
            (
                cosine(RANGE),
                true,
                &embedding,
                classes(),
                "model.head is cosine with a range, for the classes no, yes, expected a head",
            ),
            (
                mlp(RANGE, Some(25)),
                false,
                &cross_entropy,
                classes(),
                "model.head is mlp with a range, for the classes no, yes, expected a head",
            ),
            (
                cosine(None),
                false,
                &embedding,
                classes(),
                "model.head is cosine with one output, for the classes no, yes, expected single",
            ),
            (
                mlp(None, None),
                false,
                &cross_entropy,
                scores(),
                "loss is cross_entropy for scores from 0 to 5, by head mlp, expected mae, mse",
            ),
            (
                cosine(None),
                false,
                &embedding,
                scores(),
                "loss is cosine_embedding for scores from 0 to 5, by head cosine, expected mae",
            ),
            (
                mlp(None, None),
                false,
                &binary,
                scores(),
                "loss is binary_cross_entropy for scores from 0 to 5, by head mlp, expected mae",
            ),
            (
                mlp(None, None),
                false,
                &mse,
                classes(),
                "loss is mse for the classes no, yes, by head mlp, expected a loss over classes",
            ),
            (
                mlp(None, None),
                false,
                &cross_entropy,
                any(),
                "loss is cross_entropy for any of the classes no, yes, by head mlp, expected binary",
            ),
            (
                mlp(None, None),
                false,
                &mse,
                any(),
                "loss is mse for any of the classes no, yes, by head mlp, expected binary_cross",
            ),
            (
                mlp(RANGE, None),
                false,
                &binary,
                any(),
                "model.head is mlp with a range, for any of the classes no, yes, expected a head",
            ),
            (
                mlp(RANGE, Some(25)),
                false,
                &mse,
                scores(),
                "loss is mse for scores from 0 to 5, by head mlp with score_bins, expected a loss",
            ),
        ] {
            let error = check_label_fit(&head, single_logit, loss, &target);
            let error = error.unwrap_err().to_string();
            assert!(error.starts_with(message), "{error}");
        }
    }

    #[test]
    fn what_fits_is_taken() {
        let unit = Target::Score { min: 0.0, max: 1.0 };
        for (head, single_logit, loss, target) in [
            (
                cosine(None),
                true,
                LossConfig::CosineEmbedding { margin: 0.0 },
                classes(),
            ),
            (mlp(None, None), false, LossConfig::default(), classes()),
            (
                mlp(None, None),
                false,
                LossConfig::BinaryCrossEntropy { pos_weight: None },
                any(),
            ),
            (cosine(RANGE), false, LossConfig::Mse {}, scores()),
            (mlp(RANGE, None), false, LossConfig::Mae {}, scores()),
            (mlp(RANGE, Some(25)), false, LossConfig::default(), scores()),
            (
                mlp(None, None),
                false,
                LossConfig::BinaryCrossEntropy { pos_weight: None },
                unit,
            ),
        ] {
            check_label_fit(&head, single_logit, &loss, &target).unwrap();
        }
    }
}
