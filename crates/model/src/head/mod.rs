//! Heads: from the pooled vectors of one text or two to logits or a score.
//!
//! A head is a value. [`PerceptronConfig`] covers the classifiers of every family and of the
//! studies, for one text and for pairs; [`CosineConfig`] compares two texts by their angle.

mod combination;
mod cosine;
mod perceptron;
mod score_range;

pub use combination::Combination;
pub use cosine::{Cosine, CosineConfig};
pub use perceptron::{Perceptron, PerceptronConfig};
pub use score_range::ScoreRange;

use burn::module::Module;
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::{DropoutStream, ModelError};

/// What a head is made from.
///
/// ```
/// use finetune_model::HeadConfig;
///
/// // Two linear layers with ReLU on |u - v| and u * v of a pair of texts.
/// let head: HeadConfig = serde_json::from_str(
///     r#"{
///         "kind": "perceptron",
///         "pair": "difference_and_product",
///         "hidden_sizes": [256],
///         "activation": "relu",
///         "dropout": 0.1
///     }"#,
/// )?;
/// assert_eq!(head.texts(), 2);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum HeadConfig {
    /// Linear layers.
    Perceptron(PerceptronConfig),
    /// The cosine of two texts.
    Cosine(CosineConfig),
}

impl HeadConfig {
    /// How many texts the head looks at, 1 or 2.
    pub fn texts(&self) -> usize {
        match self {
            Self::Perceptron(config) if config.pair.is_none() => 1,
            Self::Perceptron(_) | Self::Cosine(_) => 2,
        }
    }

    /// The share of values dropped before the last layer.
    pub(crate) fn dropout(&self) -> f64 {
        match self {
            Self::Perceptron(config) => config.dropout,
            Self::Cosine(config) => config.dropout,
        }
    }

    /// A head on pooled vectors of width `width`, with so many outputs, whose parameters are all
    /// zero until a checkpoint or [`initialise`](crate::initialise) fills them.
    ///
    /// # Errors
    /// [`ModelError::InvalidConfig`] names the first value that makes no head.
    pub fn init(&self, width: usize, outputs: usize, device: &Device) -> Result<Head, ModelError> {
        self.validate(width, outputs)?;
        Ok(match self {
            Self::Perceptron(config) => Head::Perceptron(config.init(width, outputs, device)),
            Self::Cosine(config) => Head::Cosine(config.init(width, device)),
        })
    }

    /// Whether there can be such a head on pooled vectors of width `width`, with so many outputs.
    ///
    /// # Errors
    /// As [`HeadConfig::init`].
    pub(crate) fn validate(&self, width: usize, outputs: usize) -> Result<(), ModelError> {
        match self {
            Self::Perceptron(config) => config.validate(width, outputs),
            Self::Cosine(config) => config.validate(width, outputs),
        }
    }

    /// The same without what matters in training alone.
    pub(crate) fn without_dropout(&self) -> Self {
        match self {
            Self::Perceptron(config) => Self::Perceptron(PerceptronConfig {
                input_dropout: 0.0,
                dropout: 0.0,
                ..config.clone()
            }),
            Self::Cosine(config) => Self::Cosine(CosineConfig {
                dropout: 0.0,
                ..*config
            }),
        }
    }
}

/// The pooled vectors that a head looks at.
///
/// # Shapes
/// - each: `[B, W]`
#[derive(Debug, Clone)]
pub struct Features {
    /// One text, or two that the encoder read as one sequence, or the first of a pair.
    pub first: Tensor<2>,
    /// The second text of a pair that the encoder read each by itself.
    pub second: Option<Tensor<2>>,
}

/// A head.
#[derive(Module, Debug)]
pub enum Head {
    /// Linear layers.
    Perceptron(Perceptron),
    /// The cosine of two texts.
    Cosine(Cosine),
}

impl Head {
    /// Logits or scores. Without `dropout` the result is deterministic.
    ///
    /// # Shapes
    /// - output: `[B, C]`
    ///
    /// # Errors
    /// [`ModelError::TextCount`] if the head is for another number of texts,
    /// [`ModelError::PairShape`] if the two texts of a pair differ in their shape.
    ///
    /// # Panics
    /// If the vectors have not the width that the head was made for.
    pub fn forward(
        &self,
        Features { first, second }: Features,
        dropout: Option<DropoutStream>,
    ) -> Result<Tensor<2>, ModelError> {
        let stage = dropout.map(DropoutStream::head);
        if let Some(second) = &second {
            check_pair(&first, second)?;
        }
        match (self, second) {
            (Self::Perceptron(head), second) => head.forward(first, second, stage),
            (Self::Cosine(head), Some(second)) => Ok(head.forward(first, second, stage)),
            (Self::Cosine(_), None) => Err(ModelError::TextCount {
                expected: 2,
                found: 1,
            }),
        }
    }
}

fn check_pair(first: &Tensor<2>, second: &Tensor<2>) -> Result<(), ModelError> {
    let (first, second) = (first.dims(), second.dims());
    if first != second {
        return Err(ModelError::PairShape { first, second });
    }
    Ok(())
}

/// The place of each dropout in the stage of a head.
mod sites {
    /// On the pooled vector of the first text.
    pub(super) const FIRST_TEXT: usize = 0;
    /// On that of the second.
    pub(super) const SECOND_TEXT: usize = 1;
    /// Before the last layer.
    pub(super) const BEFORE_LAST: usize = 2;
}

/// Whether a share can be dropped.
fn check_dropout(field: &'static str, share: f64) -> Result<(), ModelError> {
    if (0.0..1.0).contains(&share) {
        return Ok(());
    }
    Err(ModelError::InvalidConfig {
        field,
        found: share.to_string(),
        expected: "in [0, 1)".to_string(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::initialise;

    fn head(json: &str) -> HeadConfig {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn heads_read_back_and_refuse_what_they_do_not_know() {
        for json in [
            r#"{"kind": "perceptron", "hidden_sizes": [3], "activation": "tanh"}"#,
            r#"{"kind": "cosine", "projection": 8, "range": {"low": 0.0, "high": 5.0}}"#,
        ] {
            let text = serde_json::to_string(&head(json)).unwrap();
            assert_eq!(head(&text), head(json));
        }
        for wrong in [
            r#"{"kind": "perceptron", "hidden": [3]}"#,
            r#"{"kind": "forest"}"#,
            r#"{"kind": "cosine", "projection": 8, "width": 3}"#,
        ] {
            assert!(
                serde_json::from_str::<HeadConfig>(wrong).is_err(),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_head_counts_its_texts() {
        let device = Device::flex();
        let rows = |rows| Tensor::<2>::zeros([rows, 4], &device);
        let single = head(r#"{"kind": "perceptron"}"#);
        let pair = head(r#"{"kind": "perceptron", "pair": "concatenation"}"#);
        let cosine = head(r#"{"kind": "cosine"}"#);
        for (config, texts) in [(single, 1), (pair, 2), (cosine, 2)] {
            assert_eq!(config.texts(), texts);
            let head = config.init(4, 1, &device).unwrap();
            for found in [1, 2] {
                let features = Features {
                    first: rows(3),
                    second: (found == 2).then(|| rows(3)),
                };
                match head.forward(features, None) {
                    Ok(output) => assert_eq!((output.dims(), found), ([3, 1], texts)),
                    Err(error) => {
                        let expected = format!("the head is for {texts} texts, got {found}");
                        assert_eq!(error.to_string(), expected);
                    }
                }
            }
            if texts == 2 {
                for second in [[2, 4], [3, 5]] {
                    let uneven = Features {
                        first: rows(3),
                        second: Some(Tensor::zeros(second, &device)),
                    };
                    let error = head.forward(uneven, None).unwrap_err();
                    assert!(matches!(error, ModelError::PairShape { .. }), "{error:?}");
                    // Whichever of the two differs, the message shows it.
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
            (r#"{"kind": "perceptron", "dropout": 1.0}"#, "head.dropout"),
            (
                r#"{"kind": "perceptron", "input_dropout": -0.1}"#,
                "head.input_dropout",
            ),
            (
                r#"{"kind": "perceptron", "hidden_sizes": [0]}"#,
                "head.hidden_sizes",
            ),
            (
                r#"{"kind": "perceptron", "range": {"low": 5.0, "high": 0.0}}"#,
                "head.range",
            ),
            (
                r#"{"kind": "perceptron", "hidden_sizes": [5, 1099511627776]}"#,
                "head.hidden_sizes",
            ),
            (
                r#"{"kind": "perceptron", "hidden_sizes": [1048576, 1048576]}"#,
                "head.hidden_sizes",
            ),
            (r#"{"kind": "cosine", "projection": 0}"#, "head.projection"),
            (
                r#"{"kind": "cosine", "projection": 18446744073709551615}"#,
                "head.projection",
            ),
            (r#"{"kind": "cosine", "dropout": 2.0}"#, "head.dropout"),
        ] {
            let error = head(json).init(4, 1, &Device::flex()).unwrap_err();
            assert!(error.to_string().contains(field), "{error}");
        }
        // A score is one number.
        for json in [
            r#"{"kind": "perceptron", "range": {"low": 0.0, "high": 5.0}}"#,
            r#"{"kind": "cosine"}"#,
        ] {
            let error = head(json).init(4, 2, &Device::flex()).unwrap_err();
            assert!(error.to_string().contains("outputs"), "{error}");
        }
    }

    /// The output of a head with fresh weights for one pair.
    fn score(config: &HeadConfig, first: &[f32; 4], second: &[f32; 4]) -> f32 {
        let device = Device::flex();
        let head = initialise(config.init(4, 1, &device).unwrap(), 1.0, 3);
        let row = |values: &[f32; 4]| Tensor::<2>::from_data([*values], &device);
        let (first, second) = (row(first), Some(row(second)));
        let output = head.forward(Features { first, second }, None).unwrap();
        output.into_scalar()
    }

    proptest! {
        #[test]
        fn scores_stay_in_their_range(u: [i16; 4], v: [i16; 4]) {
            let (u, v) = (u.map(f32::from), v.map(f32::from));
            let range = r#""range": {"low": 1.0, "high": 5.0}"#;
            for kind in [
                r#""kind": "perceptron", "pair": "concatenation""#,
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
                r#"{"kind": "perceptron", "pair": "difference_and_product"}"#,
                r#"{"kind": "cosine"}"#,
            ] {
                let head = head(symmetric);
                prop_assert_eq!(score(&head, &u, &v), score(&head, &v, &u));
            }
        }
    }
}
