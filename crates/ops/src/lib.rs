//! Tensor operations of a Transformer encoder on token rows, for every backend.
//!
//! Under autodiff, burn computes layer normalization, softmax and dropout as chains of small
//! tracked operations, each of which keeps a full-size tensor for its backward pass. The operations
//! here are single graph nodes with a hand-written backward pass. They work on **token rows**:
//! hidden states are a matrix `[T, D]`, so every linear layer is one matrix product forward and two
//! backward. Only attention uses sequences and heads, `[B, H, Q, S]`. [`Sequences`] are packed end to
//! end: no row is padding.
//!
//! | operation | description |
//! |---|---|
//! | [`linear`] | `x · weight + bias` |
//! | [`int8_linear`] | the same in 8-bit integers, for prediction |
//! | [`packed_linear`] | the same with a weight that is packed once, for prediction |
//! | [`fake_quantize`] | rounding to 8-bit integers in training |
//! | [`embedding`] | embedding lookup |
//! | [`layer_norm`] | layer normalization of rows |
//! | [`rms_norm`] | root mean square normalization of rows |
//! | [`dropout_add_layer_norm`] | dropout, residual and layer normalization |
//! | [`gelu`] | exact GELU with the exact derivative on every backend |
//! | [`gelu_tanh`] | tanh approximation of GELU, `gelu_new` in checkpoints |
//! | [`dropout`] | dropout with a mask that is a hash of key and index |
//! | [`attention`] | multi-head scaled dot-product attention of packed sequences |
//! | [`relative_attention`] | attention with scores of the distance between query and key |
//! | [`rotary`] | rotary position embeddings |
//! | [`geglu`], [`swiglu`] | linear units gated with GELU and SiLU |
//! | [`soft_target_cross_entropy`] | cross entropy with weighted targets |
//! | [`cross_entropy`] | cross entropy with class labels, for large vocabularies |
//! | [`AdamWStep`] | AdamW step of a parameter |
//! | [`global_norm`], [`scale`] | gradient clipping by global norm |
//!
//! [`recomputed`] makes any of it keep only its inputs for the backward pass.
//!
//! [`Upload`] copies all numbers of a batch to the device at once, [`ReadQueue`] reads the results of
//! several, and [`Transfers`] counts the copies.
//!
//! On flex, the results of a text are bit-identical for any other texts in the batch. So predictions
//! do not depend on the batch size, and the output of frozen layers can be cached. Dropout is the
//! exception, as its mask depends on positions.
//!
//! Letters in `# Shapes`: `B` batch size, `S` length of the longest sequence, `T` tokens, `Q`
//! queries per sequence, `D` hidden size, `H` heads, `K` head width, `C` classes.
//!
//! The same call runs on every compiled backend. An operation is a method of [`EncoderOps`], a burn
//! backend extension; its forward and backward passes are methods of [`Kernels`] with
//! implementations for any `Backend`. For tensors in host memory, on flex and on LibTorch's CPU
//! device, native f32 kernels override them, compiled for several instruction sets. On LibTorch's GPUs
//! torch's own kernels do.
//!
//! ```
//! use burn::tensor::{Device, Tensor};
//! use finetune_ops::layer_norm;
//!
//! let device = Device::flex();
//! let rows = Tensor::<2>::from_data([[1.0, 3.0], [5.0, 9.0]], &device);
//! let normalized = layer_norm(rows, Tensor::ones([2], &device), Tensor::zeros([2], &device), 1e-12);
//! let expected = burn::tensor::TensorData::from([[-1.0f32, 1.0], [-1.0, 1.0]]);
//! normalized.into_data().assert_approx_eq::<f32>(&expected, Default::default());
//! ```

mod adamw;
#[cfg(feature = "allocator")]
mod allocator;
mod attention;
mod autodiff;
mod cross_entropy;
#[cfg(any(feature = "wgpu", feature = "cuda"))]
mod cube;
mod device;
mod dropout;
mod dropout_add_layer_norm;
mod embedding;
#[cfg_attr(feature = "tch", allow(deprecated))] // burn marks every LibTorch name so.
mod extension;
mod fake_quantize;
#[cfg(feature = "flex")]
mod flex;
mod gelu;
mod glu;
mod gradient_norm;
#[cfg_attr(not(any(feature = "flex", feature = "tch")), allow(dead_code))]
mod host;
#[cfg_attr(not(any(feature = "flex", feature = "tch")), allow(dead_code))]
mod host_kernels;
#[cfg_attr(
    not(any(feature = "flex", feature = "tch")),
    allow(dead_code, unused_macros)
)]
mod host_steps;
mod int8_linear;
mod kernels;
#[cfg(any(feature = "wgpu", feature = "cuda"))]
mod launches;
mod layer_norm;
#[cfg(feature = "tch")]
#[allow(deprecated, reason = "burn marks every LibTorch name as deprecated")]
mod libtorch;
mod linear;
#[cfg_attr(not(any(feature = "flex", feature = "tch")), allow(dead_code))] // Only dropout's mask.
mod native;
mod packed_linear;
mod precision;
mod read_queue;
#[cfg_attr(feature = "tch", allow(deprecated))] // burn marks every LibTorch name so.
mod recompute;
mod rms_norm;
mod rotary;
mod sequences;
mod transfer;
mod upload;
mod workers;

pub use adamw::{AdamWState, AdamWStep};
#[cfg(feature = "allocator")]
pub use allocator::RetainingAllocator;
pub use attention::relative::{
    RelativeBuckets, RelativePositions, RelativeTables, relative_attention,
};
pub use attention::{Inputs as AttentionInputs, Packing, Settings as AttentionSettings, attention};
pub use cross_entropy::{
    ClassTargets, cross_entropy, cross_entropy_of, soft_target_cross_entropy, target_weights,
};
pub use device::{DeviceError, DeviceSpec};
pub use dropout::{Dropout, dropout};
pub use dropout_add_layer_norm::{Norm, dropout_add_layer_norm};
pub use embedding::embedding;
pub use extension::EncoderOps;
pub use fake_quantize::{QuantizationAxis, fake_quantize};
pub use gelu::{gelu, gelu_tanh};
pub use glu::{GluActivation, geglu, swiglu};
pub use gradient_norm::{global_norm, scale, sum_of_squares};
pub use int8_linear::{Int8Error, Int8Weight, int8_linear};
pub use kernels::Kernels;
#[cfg(any(feature = "wgpu", feature = "cuda"))]
pub use launches::{KernelLaunches, Timing, observe_launches};
pub use layer_norm::layer_norm;
#[cfg(feature = "tch")]
pub use libtorch::disable_libtorch_threads;
pub use linear::linear;
pub use packed_linear::{PackedWeight, packed_linear};
pub use precision::{Precision, PrecisionError};
pub use read_queue::{ReadQueue, TENSORS_PER_READ, read_together};
pub use recompute::recomputed;
pub use rms_norm::rms_norm;
pub use rotary::rotary;
pub use sequences::{Offsets, PackedSequences, Sequences, SequencesError};
pub use transfer::{Transfers, read_floats, upload_floats, upload_indices};
pub use upload::{Upload, UploadPart, Uploaded};
pub use workers::on_workers;
