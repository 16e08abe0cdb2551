//! The tensor operations of a Transformer encoder, over token rows, on every backend.
//!
//! burn computes layer normalisation, softmax and dropout under autodiff as chains of small tracked
//! operations; each link keeps a full-size tensor for its own backward. The operations here are
//! single nodes of the graph with a hand-written backward, and they work on **token rows**: hidden
//! states are a matrix `[T, D]`, so that every linear layer is one matrix product forward and two
//! backward. Only attention looks at sequences and heads, `[B, H, Q, S]`.
//!
//! | operation | what it computes |
//! |---|---|
//! | [`linear`] | `x · weight + bias` |
//! | [`embedding`] | rows of a table |
//! | [`layer_norm`] | normalise each row, scale and shift |
//! | [`residual_norm`] | the same of a residual and what dropout leaves of rows |
//! | [`gelu`] | the exact GELU, with the exact derivative on every backend |
//! | [`gelu_tanh`] | its tanh form, `gelu_new` in checkpoints |
//! | [`dropout`] | zero a share of the values, by hashing (key, index) |
//! | [`attention`] | multi-head scaled dot-product attention with a key mask |
//! | [`cross_entropy`] | classification loss against weighted targets |
//! | [`class_cross_entropy`] | the same against one class each, of a whole vocabulary |
//! | [`AdamW`] | the optimizer's step of a parameter |
//! | [`sum_of_squares`], [`scale`] | clipping by the norm of all gradients |
//!
//! On flex, what is computed of a text does not depend on the texts beside it nor on its padding:
//! not within a tolerance, but bit for bit. So predictions are the same in batches of any size, and
//! what a frozen part computes can be kept. Dropout is the exception: its mask goes by place.
//!
//! Shape letters: `B` batch, `S` sequence, `T` tokens (`B * S` rows), `Q` queries of a sequence,
//! `D` hidden, `H` heads, `K` head width, `C` classes.
//!
//! The same call runs on every backend compiled in: an operation is a method of [`EncoderOps`], a
//! burn backend extension, and its forward and backward are methods of [`Kernels`] with a body
//! written over the `Backend` trait. Where tensors lie in this machine's memory, on flex and on LibTorch's
//! processor device, native kernels for 32-bit floats override them, compiled for several instruction sets.
//!
//! ```
//! use burn::tensor::{Device, Tensor};
//! use finetune_ops::layer_norm;
//!
//! let device = Device::flex();
//! let rows = Tensor::<2>::from_data([[1.0, 3.0], [5.0, 9.0]], &device);
//! let normalised = layer_norm(rows, Tensor::ones([2], &device), Tensor::zeros([2], &device), 1e-12);
//! let expected = burn::tensor::TensorData::from([[-1.0f32, 1.0], [-1.0, 1.0]]);
//! normalised.into_data().assert_approx_eq::<f32>(&expected, Default::default());
//! ```

mod activation;
mod adamw;
#[cfg(feature = "allocator")]
mod allocator;
mod attention;
mod cross_entropy;
mod device;
mod dropout;
mod embedding;
#[cfg_attr(feature = "tch", allow(deprecated))] // burn marks every LibTorch name so.
mod extension;
#[cfg(feature = "flex")]
mod flex;
mod gelu;
mod gelu_tanh;
mod gradient_norm;
mod gradients;
#[cfg_attr(not(any(feature = "flex", feature = "tch")), allow(dead_code))]
mod host;
mod host_kernels;
#[cfg_attr(
    not(any(feature = "flex", feature = "tch")),
    allow(dead_code, unused_macros)
)]
mod host_steps;
mod kernels;
mod layer_norm;
#[cfg(feature = "tch")]
#[allow(deprecated, reason = "burn marks every LibTorch name as deprecated")]
mod libtorch;
mod linear;
#[cfg_attr(not(any(feature = "flex", feature = "tch")), allow(dead_code))] // Only dropout's mask.
mod native;
mod precision;
mod residual_norm;

pub use adamw::{AdamW, Moving};
#[cfg(feature = "allocator")]
pub use allocator::PageKeeper;
pub use attention::{
    Inputs as AttentionInputs, Settings as AttentionSettings, attention, key_bias,
};
pub use cross_entropy::{Targets, class_cross_entropy, cross_entropy};
pub use device::{DeviceError, DeviceSpec};
pub use dropout::{Dropout, dropout};
pub use embedding::embedding;
pub use extension::EncoderOps;
pub use gelu::gelu;
pub use gelu_tanh::gelu_tanh;
pub use gradient_norm::{scale, sum_of_squares};
pub use kernels::Kernels;
pub use layer_norm::layer_norm;
#[cfg(feature = "tch")]
pub use libtorch::keep_libtorch_threads_out_of_the_way;
pub use linear::linear;
pub use precision::{Precision, PrecisionError};
pub use residual_norm::{Norm, residual_norm};
