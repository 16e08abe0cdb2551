//! Dense layer of an embedding model: sentence-transformers'
//! [`Dense`](https://github.com/huggingface/sentence-transformers/blob/v6.2.0/sentence_transformers/base/modules/dense.py).

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::activation::{relu, sigmoid};
use burn::tensor::{Device, Tensor};
use finetune_ops::gelu;
use serde::{Deserialize, Serialize};

use crate::error::ModelError;
use crate::layers;
use crate::limits::{check_matrix, check_width};

/// Configuration of the dense layer on the pooled vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DenseConfig {
    /// Number of values of an embedding, at least 1.
    pub out_features: usize,
    /// Whether the layer has a bias (default: true).
    #[serde(default = "yes")]
    pub bias: bool,
    /// Activation after the layer (default: tanh).
    #[serde(default)]
    pub activation: DenseActivation,
}

fn yes() -> bool {
    true
}

/// Activation after a [`Dense`] layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DenseActivation {
    /// Hyperbolic tangent.
    #[default]
    Tanh,
    /// No activation.
    Identity,
    /// Rectified linear unit.
    Relu,
    /// Gaussian error linear unit, exact.
    Gelu,
    /// Logistic function.
    Sigmoid,
}

impl DenseActivation {
    /// All activations.
    pub(super) const ALL: [Self; 5] = [
        Self::Tanh,
        Self::Identity,
        Self::Relu,
        Self::Gelu,
        Self::Sigmoid,
    ];

    /// Returns the name of PyTorch's class in the configuration of a layer.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Tanh => "torch.nn.modules.activation.Tanh",
            Self::Identity => "torch.nn.modules.linear.Identity",
            Self::Relu => "torch.nn.modules.activation.ReLU",
            Self::Gelu => "torch.nn.modules.activation.GELU",
            Self::Sigmoid => "torch.nn.modules.activation.Sigmoid",
        }
    }
}

impl DenseConfig {
    /// Creates the configuration of a layer with a bias, and tanh after it.
    pub fn new(out_features: usize) -> Self {
        Self {
            out_features,
            bias: true,
            activation: DenseActivation::default(),
        }
    }

    pub(super) fn validate(&self, in_features: usize) -> Result<(), ModelError> {
        check_width("dense.out_features", self.out_features)?;
        check_matrix("dense.out_features", in_features, self.out_features)
    }

    /// Creates the layer; the configuration must be valid.
    pub(super) fn init(&self, in_features: usize, device: &Device) -> Dense {
        Dense {
            linear: layers::linear_with(in_features, self.out_features, self.bias, device),
            activation: self.activation,
        }
    }
}

/// Dense layer: a linear layer with an activation after it.
#[derive(Module, Debug)]
pub struct Dense {
    /// Linear layer, `[D, out_features]`.
    pub linear: Linear,
    #[module(skip)]
    activation: DenseActivation,
}

impl Dense {
    /// # Shapes
    /// - `pooled`: `[B, D]`
    /// - output: `[B, W]`
    pub(super) fn forward(&self, pooled: Tensor<2>) -> Tensor<2> {
        let rows = layers::apply_linear(&self.linear, pooled);
        match self.activation {
            DenseActivation::Tanh => rows.tanh(),
            DenseActivation::Identity => rows,
            DenseActivation::Relu => relu(rows),
            DenseActivation::Gelu => gelu(rows),
            DenseActivation::Sigmoid => sigmoid(rows),
        }
    }
}
