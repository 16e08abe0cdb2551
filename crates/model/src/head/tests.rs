//! Tests of the built-in heads and of their validation.

use burn::tensor::{Device, Tensor};
use proptest::prelude::*;

use super::*;
use crate::error::ModelError;
use crate::initialization::init_weights;

fn size(num_labels: usize) -> HeadSize {
    HeadSize {
        hidden_size: 4,
        num_labels,
    }
}

fn head(json: &str) -> HeadConfig {
    serde_json::from_str(json).unwrap()
}

#[test]
fn heads_read_back_and_refuse_what_they_do_not_know() {
    for json in [
        r#"{"kind": "mlp", "hidden_sizes": [3], "activation": "tanh"}"#,
        r#"{"kind": "cosine", "projection": 8, "range": {"min": 0.0, "max": 5.0}}"#,
        r#"{"kind": "custom", "name": "GatedHead"}"#,
    ] {
        let text = serde_json::to_string(&head(json)).unwrap();
        assert_eq!(head(&text), head(json));
    }
    for wrong in [
        r#"{"kind": "mlp", "hidden": [3]}"#,
        r#"{"kind": "forest"}"#,
        r#"{"kind": "custom", "name": "Own", "width": 3}"#,
        r#"{"kind": "cosine", "projection": 8, "width": 3}"#,
    ] {
        assert!(
            serde_json::from_str::<HeadConfig>(wrong).is_err(),
            "{wrong}"
        );
    }
    let old = serde_json::from_str::<HeadConfig>(r#"{"kind": "perceptron"}"#).unwrap_err();
    assert!(old.to_string().contains("`mlp`"), "{old}");
}

#[test]
fn a_head_counts_its_texts() {
    let device = Device::flex();
    let rows = |rows| Tensor::<2>::zeros([rows, 4], &device);
    let single = head(r#"{"kind": "mlp"}"#);
    let pair = head(r#"{"kind": "mlp", "pair_features": "concat"}"#);
    let cosine = head(r#"{"kind": "cosine"}"#);
    for (config, texts) in [(single, 1), (pair, 2), (cosine, 2)] {
        assert_eq!(config.num_texts(), Some(texts));
        let head = config.init(size(1), &device).unwrap();
        for found in [1, 2] {
            let input = HeadInput {
                second: (found == 2).then(|| rows(3)),
                ..HeadInput::new(rows(3))
            };
            match head.forward(input) {
                Ok(output) => assert_eq!((output.dims(), found), ([3, 1], texts)),
                Err(error) => {
                    let expected = format!("the head is for {texts} texts, got {found}");
                    assert_eq!(error.to_string(), expected);
                }
            }
        }
        if texts == 2 {
            for second in [[2, 4], [3, 5]] {
                let uneven = HeadInput {
                    second: Some(Tensor::zeros(second, &device)),
                    ..HeadInput::new(rows(3))
                };
                let error = head.forward(uneven).unwrap_err();
                assert!(
                    matches!(error, ModelError::InvalidShape { .. }),
                    "{error:?}"
                );
                // The message shows the two values, whichever differs.
                let message = error.to_string();
                assert!(message.contains("first texts [3, 4]"), "{message}");
                let second = format!("second texts {second:?}");
                assert!(message.contains(&second), "{message}");
            }
        }
    }
}

#[test]
fn values_that_make_no_head_are_named() {
    for (json, field) in [
        (r#"{"kind": "mlp", "dropout": 1.0}"#, "head.dropout"),
        (
            r#"{"kind": "mlp", "input_dropout": -0.1}"#,
            "head.input_dropout",
        ),
        (
            r#"{"kind": "mlp", "hidden_sizes": [0]}"#,
            "head.hidden_sizes",
        ),
        (
            r#"{"kind": "mlp", "range": {"min": 5.0, "max": 0.0}}"#,
            "head.range",
        ),
        (
            r#"{"kind": "mlp", "hidden_sizes": [5, 1099511627776]}"#,
            "head.hidden_sizes",
        ),
        (
            r#"{"kind": "mlp", "hidden_sizes": [1048576, 1048576]}"#,
            "head.hidden_sizes",
        ),
        (r#"{"kind": "cosine", "projection": 0}"#, "head.projection"),
        (
            r#"{"kind": "cosine", "projection": 18446744073709551615}"#,
            "head.projection",
        ),
        (r#"{"kind": "cosine", "dropout": 2.0}"#, "head.dropout"),
    ] {
        let error = head(json).init(size(1), &Device::flex()).unwrap_err();
        assert!(error.to_string().contains(field), "{error}");
    }
    // A head for scores has one output.
    for json in [
        r#"{"kind": "mlp", "range": {"min": 0.0, "max": 5.0}}"#,
        r#"{"kind": "cosine"}"#,
    ] {
        let error = head(json).init(size(2), &Device::flex()).unwrap_err();
        assert!(error.to_string().contains("outputs"), "{error}");
    }
}

/// Returns the output of a newly initialized head for one pair.
fn score(config: &HeadConfig, first: &[f32; 4], second: &[f32; 4]) -> f32 {
    let device = Device::flex();
    let head = init_weights(config.init(size(1), &device).unwrap(), 1.0, 3);
    let row = |values: &[f32; 4]| Tensor::<2>::from_data([*values], &device);
    let input = HeadInput {
        second: Some(row(second)),
        ..HeadInput::new(row(first))
    };
    let output = head.forward(input).unwrap();
    output.into_scalar()
}

proptest! {
    #[test]
    fn scores_stay_in_their_range(u: [i16; 4], v: [i16; 4]) {
        let (u, v) = (u.map(f32::from), v.map(f32::from));
        let range = r#""range": {"min": 1.0, "max": 5.0}"#;
        for kind in [
            r#""kind": "mlp", "pair_features": "concat""#,
            r#""kind": "cosine""#,
            r#""kind": "cosine", "projection": 3"#,
        ] {
            let score = score(&head(&format!("{{{kind}, {range}}}")), &u, &v);
            prop_assert!((1.0 - 1e-5..=5.0 + 1e-5).contains(&score), "{score}");
        }
        let cosine = score(&head(r#"{"kind": "cosine"}"#), &u, &v);
        prop_assert!((-1.0 - 1e-6..=1.0 + 1e-6).contains(&cosine), "{cosine}");
    }

    #[test]
    fn the_order_of_texts_is_lost_where_it_should_be(u: [i16; 4], v: [i16; 4]) {
        let (u, v) = (u.map(f32::from), v.map(f32::from));
        for symmetric in [
            r#"{"kind": "mlp", "pair_features": "diff_product"}"#,
            r#"{"kind": "cosine"}"#,
        ] {
            let head = head(symmetric);
            prop_assert_eq!(score(&head, &u, &v), score(&head, &v, &u));
        }
    }
}
