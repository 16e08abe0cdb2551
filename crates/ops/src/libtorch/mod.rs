//! LibTorch: all code that knows torch.
//!
//! Tensors of its CPU device are in host memory, and use the native kernels. Tensors on a GPU use torch's
//! fused kernels, which the bindings have or `kernels.pt` adds. These run on the CPU, too, if the process
//! asks for it: so they can be tested without a GPU.

mod access;
mod archive;
mod attention;
mod dropout;
mod kernels;
pub(crate) mod optimizer;
mod product;

use std::sync::atomic::{AtomicBool, Ordering};

use burn::backend::LibTorch;
use burn::backend::TensorMetadata;
use burn::backend::libtorch::TchTensor;
use burn::tensor::DType;

use crate::host::Host;

static ATEN_ON_CPU: AtomicBool = AtomicBool::new(false);

/// Makes torch compute on the calling thread only, for the whole process from now on.
///
/// Idle threads of torch spin, and most of the time they are idle, since the native kernels run on
/// rayon's threads. With both, a training step takes twice as long.
pub fn disable_libtorch_threads() {
    tch::set_num_threads(1);
}

/// Selects the kernels of tensors on the CPU, for the whole process from now on: torch's, or the native
/// ones.
pub(crate) fn use_aten_on_cpu(aten: bool) {
    ATEN_ON_CPU.store(aten, Ordering::Relaxed);
}

fn is_aten_on_cpu() -> bool {
    ATEN_ON_CPU.load(Ordering::Relaxed)
}

/// Returns whether torch's kernels compute on these tensors: of 32-bit floats, none empty, and on a GPU
/// or as [`use_aten_on_cpu`] says. Others use the implementations for any backend.
fn are_aten<'a>(tensors: impl IntoIterator<Item = &'a TchTensor>) -> bool {
    tensors.into_iter().all(|tensor| {
        tensor.dtype() == DType::F32 && tensor.tensor.numel() > 0 && !LibTorch::is_here(tensor)
    })
}

/// Returns a contiguous tensor that nobody else holds: the same one, or a copy.
fn own_or_copy(tensor: TchTensor) -> TchTensor {
    match (tensor.tensor.is_contiguous(), tensor.can_mut()) {
        (true, true) => tensor,
        (true, false) => TchTensor::new(tensor.tensor.copy()),
        (false, _) => TchTensor::new(tensor.tensor.contiguous()),
    }
}
