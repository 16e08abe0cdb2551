//! The device that tests compute on.

use burn::tensor::Device;
use finetune_ops::DeviceSpec;

/// The one that `FINETUNE_DEVICE` names, `flex` without it, and the largest relative error that it
/// may make in f32: `FINETUNE_DEVICE=libtorch cargo test -p finetune-model --features tch`
pub(crate) fn device_and_tolerance() -> (Device, f64) {
    let name = std::env::var("FINETUNE_DEVICE");
    let device = name.map_or(DeviceSpec::Flex, |name| name.parse().unwrap());
    let tolerance = match device {
        DeviceSpec::Wgpu | DeviceSpec::WgpuDiscrete(_) | DeviceSpec::Cuda(_) => 1e-3,
        _ => 1e-5,
    };
    (device.open().unwrap(), tolerance)
}
