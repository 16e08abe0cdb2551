//! The device that the tests of kernels run on.

use burn::tensor::Device;

/// The one whose tensors lie in this machine's memory that `FINETUNE_DEVICE` names, `flex` without it:
/// `FINETUNE_DEVICE=libtorch cargo test -p finetune-ops --features tch`
pub(crate) fn device() -> Device {
    let name = std::env::var("FINETUNE_DEVICE").unwrap_or("flex".to_string());
    match name.as_str() {
        "flex" => Device::flex(),
        #[cfg(feature = "tch")]
        #[allow(deprecated, reason = "burn marks every LibTorch name as deprecated")]
        "libtorch" => Device::libtorch(),
        other => {
            panic!("FINETUNE_DEVICE is {other}: not flex, nor a processor device of this build")
        }
    }
}
