//! Hints for settings that had another name in an earlier version.

use serde::de::Error;

/// Earlier and current names of keys and values; a name may have become several.
const RENAMED: &[(&str, &str)] = &[
    ("accumulation", "gradient_accumulation_steps"),
    ("activations", "activation_cache"),
    ("all_data", "all_exhausted_without_replacement"),
    ("analyzer", "kind"),
    ("answer_timeout_ms", "request_timeout_ms"),
    ("arms", "variants"),
    ("at_start", "on_start"),
    ("axes", "parameters"),
    ("bad_rows", "on_bad_rows"),
    ("best", "top_k"),
    ("beta_1", "beta1"),
    ("beta_2", "beta2"),
    ("bucketed_by_length", "group_by_length"),
    ("by_size", "size"),
    ("class_weights", "class_weight"),
    ("combination", "gradient_combination"),
    ("concatenate_last", "concat_last"),
    ("concatenation", "concat"),
    ("concatenation_and_difference", "concat_diff"),
    ("continuity", "correction"),
    ("cosine", "cosine_embedding"),
    ("cycle", "all_exhausted"),
    ("cycles", "num_cycles"),
    ("data_set", "dataset"),
    ("difference_and_product", "diff_product"),
    ("dropout", "keep_dropout"),
    ("epoch", "per_epoch"),
    ("epsilon", "eps"),
    ("eta", "factor"),
    ("exhaustion", "stopping_strategy"),
    ("find_classes", "infer_classes"),
    ("find_scale", "infer_range"),
    ("first", "cls"),
    ("given", "fixed"),
    ("given", "per_class"),
    ("grouped", "group_k_fold"),
    ("held_out", "validation_split"),
    ("high", "max"),
    ("highest", "max"),
    ("in_turn", "round_robin"),
    ("integer", "int_uniform"),
    ("inverse_square_root", "inverse_sqrt"),
    ("joint", "cross_encoder"),
    ("keep_best", "load_best_model_at_end"),
    ("keep_last", "save_total_limit"),
    ("l1", "mae"),
    ("l2", "mse"),
    ("layer_decay", "layerwise_lr_decay"),
    ("least", "min_resource"),
    ("length", "duration"),
    ("level", "confidence_level"),
    ("low", "min"),
    ("lower_case", "lowercase"),
    ("lowest", "min"),
    ("mask_share", "mask_replace_prob"),
    ("matched", "auto"),
    ("max_batch_rows", "max_batch_size"),
    ("max_delay_ms", "max_batch_delay_ms"),
    ("max_gradient_norm", "max_grad_norm"),
    ("mean_of_last", "mean_last"),
    ("measure_gradients", "gradient_logging_steps"),
    ("measured_on", "eval_split"),
    ("metric", "metric_for_best_model"),
    ("milestones", "snapshot_steps"),
    ("minimum_improvement", "min_delta"),
    ("most", "max_resource"),
    ("names", "parameters"),
    ("nothing", "unlabeled"),
    ("numbers", "extra"),
    ("one_logit", "single_logit"),
    ("order", "sampling_strategy"),
    ("pair", "pair_features"),
    ("pairs", "pair_encoding"),
    ("part", "scope"),
    ("place", "location"),
    ("plain", "k_fold"),
    ("positive_weight", "pos_weight"),
    ("precision", "dtype"),
    ("probability", "mlm_probability"),
    ("queue_rows", "max_queue_size"),
    ("random_share", "random_replace_prob"),
    ("rank_stabilised", "use_rslora"),
    ("refuse", "error"),
    ("repeated_spaces", "collapse_whitespace"),
    ("resamples", "n_resamples"),
    ("scale", "range"),
    ("schedule", "lr_scheduler"),
    ("seed", "sampler_seed"),
    ("separate", "bi_encoder"),
    ("serial", "sequential"),
    ("setting", "path"),
    ("setting", "resource"),
    ("share", "ratio"),
    ("shortest", "first_exhausted"),
    ("shuffled", "random"),
    ("smallest_difference", "min_detectable_difference"),
    ("stratified", "stratified_k_fold"),
    ("summed", "joint"),
    ("targets", "target_modules"),
    ("task_stopping", "task_early_stopping"),
    ("test_rows", "max_test_samples"),
    ("text", "analyzer"),
    ("token_cache", "tokenizer_cache_dir"),
    ("train_rows", "max_train_samples"),
    ("trains", "trainable"),
    ("trials", "num_trials"),
    ("unlabelled", "unlabeled"),
    ("validation_share", "validation_split"),
    ("whole_words", "whole_word_mask"),
    ("windows", "sliding_window"),
    ("with", "replacement"),
];

/// Returns the error with the current name of the key or value that it does not know, if that had
/// another name in an earlier version.
///
/// ```
/// use finetune_data::{MaskingConfig, explain_renamed_key};
///
/// let error = serde_json::from_str::<MaskingConfig>(r#"{"whole_words": true}"#).unwrap_err();
/// let message = explain_renamed_key(error).to_string();
/// assert!(message.contains("; `whole_words` is now `whole_word_mask` at line 1"), "{message}");
/// ```
pub fn explain_renamed_key(error: serde_json::Error) -> serde_json::Error {
    let message = error.to_string();
    match renamed_key_hint(&message) {
        Some(hint) => {
            let (what, place) = match message.rfind(" at line ") {
                Some(end) => message.split_at(end),
                None => (message.as_str(), ""),
            };
            serde_json::Error::custom(format!("{what}; {hint}{place}"))
        }
        None => error,
    }
}

/// Returns the current name of the unknown key or value that the message of a deserializer is
/// about, as in "`order` is now `sampling_strategy`"; `None` if it had no other name.
pub fn renamed_key_hint(message: &str) -> Option<String> {
    let (_, rest) = message
        .split_once("unknown field `")
        .or_else(|| message.split_once("unknown variant `"))?;
    let (old, expected) = rest.split_once('`')?;
    // Only a name that is expected there: the same word may have become another one elsewhere.
    let (_, new) = RENAMED
        .iter()
        .find(|(from, to)| *from == old && expected.contains(&format!("`{to}`")))?;
    Some(format!("`{old}` is now `{new}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_name_what_is_expected_there() {
        let hint = |old: &str, expected: &str| {
            renamed_key_hint(&format!(
                "unknown field `{old}`, expected one of {expected}"
            ))
        };
        assert_eq!(
            hint("setting", "`path`, `name`").as_deref(),
            Some("`setting` is now `path`")
        );
        assert_eq!(
            hint("setting", "`resource`, `factor`").as_deref(),
            Some("`setting` is now `resource`")
        );
        assert_eq!(hint("setting", "`seed`, `name`"), None);
        assert_eq!(hint("batchsize", "`batch_size`, `seed`"), None);
        assert_eq!(renamed_key_hint("EOF while parsing a value"), None);
    }

    #[test]
    fn other_errors_stay_as_they_are() {
        let error = || serde_json::from_str::<u8>("[").unwrap_err();
        let expected = error().to_string();
        assert_eq!(explain_renamed_key(error()).to_string(), expected);
    }
}
