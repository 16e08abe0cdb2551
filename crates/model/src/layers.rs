//! Constructors and forward functions of burn's layers, computed by `finetune-ops`.
//!
//! Fields stay burn's types, so that visitors of a module (optimizers, parameter groups) work.
//! Linear layers that can have adapters have their own type, `adapters::LoraLinear`.

use burn::module::Param;
use burn::nn::{
    Embedding, EmbeddingConfig, Initializer, LayerNorm, LayerNormConfig, Linear, LinearConfig,
};
use burn::tensor::{Device, Tensor};
use finetune_ops::{Dropout, Norm, Precision, dropout_add_layer_norm};

/// Creates an embedding table of zeros.
pub(crate) fn embedding(rows: usize, width: usize, device: &Device) -> Embedding {
    EmbeddingConfig::new(rows, width)
        .with_initializer(Initializer::Zeros)
        .init(device)
}

/// Creates a linear layer of zeros.
pub(crate) fn linear(input: usize, output: usize, device: &Device) -> Linear {
    linear_with(input, output, true, device)
}

/// Creates a linear layer of zeros, with a bias or without.
pub(crate) fn linear_with(input: usize, output: usize, bias: bool, device: &Device) -> Linear {
    LinearConfig::new(input, output)
        .with_bias(bias)
        .with_initializer(Initializer::Zeros)
        .init(device)
}

/// Creates a bias of zeros.
pub(crate) fn bias(width: usize, device: &Device) -> Param<Tensor<1>> {
    Initializer::Zeros.init([width], device)
}

/// Creates a layer normalization with weight 1, and with bias 0 or without.
pub(crate) fn layer_norm(width: usize, bias: bool, device: &Device) -> LayerNorm {
    LayerNormConfig::new(width).with_bias(bias).init(device)
}

/// Applies a linear layer in f32, for texts rather than tokens: there are few of them.
///
/// # Shapes
/// - `rows`: `[T, input]`
/// - output: `[T, output]`
pub(crate) fn apply_linear(linear: &Linear, rows: Tensor<2>) -> Tensor<2> {
    finetune_ops::linear(
        rows,
        linear.weight.val(),
        linear.bias.as_ref().map(|bias| bias.val()),
        Precision::F32,
    )
}

/// Applies a layer normalization.
///
/// # Shapes
/// - `rows`: `[T, D]`
/// - output: `[T, D]`
pub(crate) fn apply_layer_norm(norm: &LayerNorm, rows: Tensor<2>, epsilon: f64) -> Tensor<2> {
    let [gamma, beta] = gamma_and_beta(norm);
    finetune_ops::layer_norm(rows, gamma, beta, epsilon)
}

/// Returns `norm(residual + dropout(rows))`.
///
/// # Shapes
/// - `rows`, `residual`: `[T, D]`
/// - output: `[T, D]`
pub(crate) fn apply_residual_norm(
    norm: &LayerNorm,
    rows: Tensor<2>,
    residual: Tensor<2>,
    dropout: Option<Dropout>,
    epsilon: f64,
) -> Tensor<2> {
    let [gamma, beta] = gamma_and_beta(norm);
    let norm = Norm {
        gamma,
        beta,
        epsilon,
    };
    dropout_add_layer_norm(rows, residual, dropout, norm)
}

fn gamma_and_beta(norm: &LayerNorm) -> [Tensor<1>; 2] {
    let gamma = norm.gamma.val();
    let beta = match &norm.beta {
        Some(beta) => beta.val(),
        None => gamma.zeros_like(),
    };
    [gamma, beta]
}
