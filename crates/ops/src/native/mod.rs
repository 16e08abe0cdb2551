//! Kernels on slices of 32-bit floats, for backends whose tensors lie in this machine's memory.
//!
//! - Each is compiled for several instruction sets and runs with the best that the machine has, see
//!   [`instructions`]. Any width will do.
//! - Work is cut into tasks by its size alone, and what tasks add up is added in their order: so a
//!   result has the same bits on any number of threads. On machines with other instruction sets it
//!   may differ in the last bits.
//! - A row's result depends on no other row, bit for bit.

pub(crate) mod adamw;
pub(crate) mod attention;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod bf16;
pub(crate) mod cross_entropy;
pub(crate) mod dropout;
pub(crate) mod embedding;
mod exponential;
pub(crate) mod gelu;
mod instructions;
pub(crate) mod layer_norm;
pub(crate) mod linear;
pub(crate) mod memory;
pub(crate) mod norm;
pub(crate) mod product;
pub(crate) mod residual_norm;
mod rounding;
mod sums;

/// Values in a task of a kernel that treats each alone: they fit the nearest cache, and take longer
/// than it takes to hand them to a thread.
pub(crate) const TASK: usize = 1 << 12;

/// Rows in a task of a kernel that treats rows: about [`TASK`] values.
pub(crate) fn rows_in_task(width: usize) -> usize {
    (TASK / width.max(1)).max(1)
}
