//! The device that tests compute on.

use burn::tensor::Device;
use finetune_ops::DeviceSpec;

fn spec() -> DeviceSpec {
    let name = std::env::var("FINETUNE_DEVICE");
    name.map_or(DeviceSpec::Flex, |name| name.parse().unwrap())
}

/// Whether it computes with native kernels, where the bits of a row are the same among any others.
pub(crate) fn has_native_kernels() -> bool {
    matches!(spec(), DeviceSpec::Flex | DeviceSpec::LibTorch)
}

/// The one that `FINETUNE_DEVICE` names, `flex` without it, and the largest relative error that it
/// may make in f32: `FINETUNE_DEVICE=libtorch cargo test -p finetune-model --features tch`
pub(crate) fn device_and_tolerance() -> (Device, f64) {
    let device = spec();
    let tolerance = match device {
        DeviceSpec::Wgpu | DeviceSpec::WgpuDiscrete(_) | DeviceSpec::Cuda(_) => 1e-3,
        _ => 1e-5,
    };
    (device.open().unwrap(), tolerance)
}
