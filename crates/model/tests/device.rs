//! The device that tests compute on.

use burn::tensor::Device;

/// The device that `FINETUNE_DEVICE` names, `flex` without it, and the largest relative error that it
/// may make in f32: `FINETUNE_DEVICE=libtorch cargo test -p finetune-model --features tch`
pub(crate) fn device_and_tolerance() -> (Device, f64) {
    let name = std::env::var("FINETUNE_DEVICE").unwrap_or("flex".to_string());
    match name.as_str() {
        "flex" => (Device::flex(), 1e-5),
        #[cfg(feature = "tch")]
        #[allow(deprecated, reason = "burn marks every LibTorch name as deprecated")]
        "libtorch" => (Device::libtorch(), 1e-5),
        #[cfg(feature = "tch")]
        #[allow(deprecated, reason = "burn marks every LibTorch name as deprecated")]
        "libtorch-cuda" => (Device::libtorch_cuda(0), 1e-5),
        #[cfg(feature = "wgpu")]
        "wgpu" => (Device::wgpu(burn::tensor::DeviceKind::DefaultDevice), 1e-3),
        #[cfg(feature = "cuda")]
        "cuda" => (Device::cuda(0), 1e-3),
        other => panic!("FINETUNE_DEVICE is {other}: not a device of this build"),
    }
}
