//! Activation functions.

use burn::tensor::{Tensor, activation};
use finetune_ops::{gelu, gelu_tanh};
use serde::{Deserialize, Serialize};

/// Activation function, with its name in `config.json`
/// ([`ACT2FN`](https://github.com/huggingface/transformers/blob/v5.23.0/src/transformers/activations.py#L324)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Activation {
    /// Exact GELU.
    #[default]
    Gelu,
    /// Tanh approximation of GELU; `gelu_pytorch_tanh` is an alias.
    #[serde(alias = "gelu_pytorch_tanh")]
    GeluNew,
    /// `max(x, 0)`.
    Relu,
    /// `x · sigmoid(x)`; `swish` is an alias.
    #[serde(alias = "swish")]
    Silu,
    /// Hyperbolic tangent.
    Tanh,
    /// Identity.
    Linear,
}

/// Supported names in `config.json`, for error messages.
pub(crate) const ACTIVATIONS: &str =
    "gelu, gelu_new, gelu_pytorch_tanh, relu, silu, swish, tanh, linear";

impl Activation {
    /// Returns the name in `config.json`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gelu => "gelu",
            Self::GeluNew => "gelu_new",
            Self::Relu => "relu",
            Self::Silu => "silu",
            Self::Tanh => "tanh",
            Self::Linear => "linear",
        }
    }

    /// Applies the function element-wise.
    ///
    /// # Shapes
    /// - `x`, output: any, the same
    pub(crate) fn apply<const N: usize>(self, x: Tensor<N>) -> Tensor<N> {
        match self {
            Self::Gelu => gelu(x),
            Self::GeluNew => gelu_tanh(x),
            Self::Relu => activation::relu(x),
            Self::Silu => activation::silu(x),
            Self::Tanh => x.tanh(),
            Self::Linear => x,
        }
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;

    #[test]
    fn values_at_two_points() {
        // gelu(1) = Φ(1); the tanh form differs in the fourth digit.
        for (activation, expected) in [
            (Activation::Gelu, [-0.158_655, 0.841_345]),
            (Activation::GeluNew, [-0.158_808, 0.841_192]),
            (Activation::Relu, [0.0, 1.0]),
            (Activation::Silu, [-0.268_941, 0.731_059]),
            (Activation::Tanh, [-0.761_594, 0.761_594]),
            (Activation::Linear, [-1.0, 1.0]),
        ] {
            let x = Tensor::<1>::from_data([-1.0, 1.0], &Device::flex());
            let got: Vec<f32> = activation.apply(x).into_data().try_to_vec().unwrap();
            for (got, expected) in got.iter().zip(expected) {
                assert!((got - expected).abs() < 2e-6, "{activation:?} {got}");
            }
        }
    }

    #[test]
    fn names_read_back() {
        for name in ACTIVATIONS.split(", ") {
            let activation: Activation = serde_json::from_value(name.into()).unwrap();
            let again: Activation = serde_json::from_value(activation.name().into()).unwrap();
            assert_eq!(again, activation);
        }
        assert!(serde_json::from_value::<Activation>("mish".into()).is_err());
    }
}
