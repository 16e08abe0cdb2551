//! The device that comparisons with PyTorch are computed on.

use burn::tensor::Device;

/// The device that `FINETUNE_DEVICE` names, `flex` without it, and how many times as far off as a
/// CPU it may be: `FINETUNE_DEVICE=libtorch cargo test -p finetune-train --features tch`
pub(crate) fn device_and_slack() -> (Device, f64) {
    let name = std::env::var("FINETUNE_DEVICE").unwrap_or("flex".to_string());
    match name.as_str() {
        "flex" => (Device::flex(), 1.0),
        #[cfg(feature = "tch")]
        #[allow(deprecated, reason = "burn marks every LibTorch name as deprecated")]
        "libtorch" => (Device::libtorch(), 1.0),
        #[cfg(feature = "tch")]
        #[allow(deprecated, reason = "burn marks every LibTorch name as deprecated")]
        "libtorch-cuda" => (Device::libtorch_cuda(0), 1.0),
        #[cfg(feature = "wgpu")]
        "wgpu" => (Device::wgpu(burn::tensor::DeviceKind::DefaultDevice), 10.0),
        #[cfg(feature = "cuda")]
        "cuda" => (Device::cuda(0), 10.0),
        other => panic!("FINETUNE_DEVICE is {other}: not a device of this build"),
    }
}
