//! Native f32 kernels on slices, for backends with tensors in host memory.
//!
//! - Each kernel is compiled for several instruction sets and runs with the best available one, see
//!   [`instructions`]. Any width is supported.
//! - Work is divided into tasks by its size alone, and sums over tasks have a fixed order: so
//!   results are bit-identical for any number of threads. Between instruction sets, the last bits
//!   may differ.
//! - The result of a row is bit-identical for any other rows.

pub(crate) mod adamw;
pub(crate) mod attention;
#[cfg(target_arch = "x86_64")]
pub(crate) mod bf16;
pub(crate) mod cross_entropy;
pub(crate) mod dropout;
pub(crate) mod dropout_add_layer_norm;
pub(crate) mod embedding;
mod exponential;
pub(crate) mod fake_quantize;
pub(crate) mod gelu;
pub(crate) mod glu;
mod instructions;
pub(crate) mod int8;
pub(crate) mod layer_norm;
pub(crate) mod linear;
pub(crate) mod memory;
pub(crate) mod norm;
pub(crate) mod panels;
pub(crate) mod product;
pub(crate) mod rms_norm;
pub(crate) mod rotary;
mod rounding;
mod sums;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod tiles;

/// Values in a task of a kernel that treats each alone: they fit the nearest cache, and take longer
/// than it takes to hand them to a thread.
pub(crate) const TASK: usize = 1 << 12;

/// Rows in a task of a kernel that treats rows: about [`TASK`] values.
pub(crate) fn rows_in_task(width: usize) -> usize {
    (TASK / width.max(1)).max(1)
}
