//! The device that tests compute on.

use burn::tensor::{DType, Device};
use finetune_ops::DeviceSpec;

fn spec() -> DeviceSpec {
    let name = std::env::var("FINETUNE_DEVICE");
    name.map_or(DeviceSpec::Flex, |name| name.parse().unwrap())
}

/// The one that `FINETUNE_DEVICE` names, `flex` without it:
/// `FINETUNE_DEVICE=libtorch cargo test -p finetune-ops --features tch`
pub(crate) fn device() -> Device {
    spec().open().unwrap()
}

/// How many times as far off as a processor it may be.
pub(crate) fn slack() -> f32 {
    match spec() {
        DeviceSpec::Flex | DeviceSpec::LibTorch | DeviceSpec::LibTorchAten => 1.0,
        _ => 10.0,
    }
}

/// Whether it computes with native kernels, whose results do not depend on the number of threads.
pub(crate) fn has_native_kernels() -> bool {
    matches!(spec(), DeviceSpec::Flex | DeviceSpec::LibTorch)
}

/// The type of tensors with a kernel; on a processor with native ones, also 64-bit floats, which take the
/// way of backends without a kernel.
pub(crate) fn kernels_and_primitives() -> Vec<DType> {
    match has_native_kernels() {
        true => vec![DType::F32, DType::F64],
        false => vec![DType::F32],
    }
}
