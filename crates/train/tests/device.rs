//! The device that comparisons with PyTorch are computed on.

use burn::tensor::Device;
use finetune_ops::DeviceSpec;

/// The one that `FINETUNE_DEVICE` names, `flex` without it, and how many times as far off as a
/// processor it may be: `FINETUNE_DEVICE=libtorch cargo test -p finetune-train --features tch`
pub(crate) fn device_and_slack() -> (Device, f64) {
    let name = std::env::var("FINETUNE_DEVICE");
    let device = name.map_or(DeviceSpec::Flex, |name| name.parse().unwrap());
    let slack = match device {
        DeviceSpec::Wgpu | DeviceSpec::WgpuDiscrete(_) | DeviceSpec::Cuda(_) => 10.0,
        _ => 1.0,
    };
    (device.open().unwrap(), slack)
}
