//! Choosing a device by name, when the program runs.

use std::fmt;
use std::str::FromStr;

use burn::tensor::Device;

/// A device by name: `flex`, `libtorch`, `libtorch-cuda:N`, `wgpu`, `wgpu:N`, `cuda:N`.
///
/// ```
/// use finetune::DeviceSpec;
///
/// let spec: DeviceSpec = "cuda:1".parse()?;
/// assert_eq!(spec, DeviceSpec::Cuda(1));
/// assert_eq!(spec.to_string(), "cuda:1");
/// # Ok::<(), finetune::DeviceError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum DeviceSpec {
    /// The CPU, in pure Rust.
    #[default]
    Flex,
    /// The CPU, by LibTorch.
    LibTorch,
    /// An NVIDIA GPU by number, by LibTorch.
    LibTorchCuda(usize),
    /// The GPU that WebGPU prefers, or the software rasteriser if that is all there is.
    Wgpu,
    /// A discrete GPU by number, by WebGPU.
    WgpuDiscrete(usize),
    /// An NVIDIA GPU by number.
    Cuda(usize),
}

/// Why a device cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// No device is called so.
    #[error(
        "unknown device {name}, expected flex, libtorch, libtorch-cuda:N, wgpu, wgpu:N or cuda:N"
    )]
    Unknown {
        /// The name given.
        name: String,
    },
    /// This program was built without it.
    #[error(
        "device {device} is not compiled in, this program has {}: build with --features {feature}",
        compiled_in()
    )]
    NotCompiledIn {
        /// The device.
        device: DeviceSpec,
        /// The Cargo feature that has it.
        feature: &'static str,
    },
}

/// The kinds of devices that this program was built with, for a message.
fn compiled_in() -> String {
    let kinds = [
        (cfg!(feature = "flex"), "flex"),
        (cfg!(feature = "tch"), "libtorch and libtorch-cuda:N"),
        (cfg!(feature = "wgpu"), "wgpu and wgpu:N"),
        (cfg!(feature = "cuda"), "cuda:N"),
    ];
    let names = kinds.into_iter().filter(|(has, _)| *has);
    let names: Vec<&str> = names.map(|(_, name)| name).collect();
    match names.is_empty() {
        true => "none".to_string(),
        false => names.join(", "),
    }
}

impl DeviceSpec {
    /// The device, for burn.
    ///
    /// # Errors
    /// [`DeviceError::NotCompiledIn`] if the program was built without its feature.
    pub fn open(self) -> Result<Device, DeviceError> {
        match self {
            #[cfg(feature = "flex")]
            Self::Flex => Ok(Device::flex()),
            #[cfg(feature = "tch")]
            #[allow(deprecated, reason = "burn marks every LibTorch name as deprecated")]
            Self::LibTorch => Ok(Device::libtorch()),
            #[cfg(feature = "tch")]
            #[allow(deprecated, reason = "burn marks every LibTorch name as deprecated")]
            Self::LibTorchCuda(index) => Ok(Device::libtorch_cuda(index)),
            #[cfg(feature = "wgpu")]
            Self::Wgpu => Ok(Device::wgpu(burn::tensor::DeviceKind::DefaultDevice)),
            #[cfg(feature = "wgpu")]
            Self::WgpuDiscrete(index) => {
                Ok(Device::wgpu(burn::tensor::DeviceKind::DiscreteGpu(index)))
            }
            #[cfg(feature = "cuda")]
            Self::Cuda(index) => Ok(Device::cuda(index)),
            #[allow(unreachable_patterns, reason = "reachable unless every feature is on")]
            _ => Err(DeviceError::NotCompiledIn {
                device: self,
                feature: self.feature(),
            }),
        }
    }

    /// The Cargo feature that has this device.
    fn feature(self) -> &'static str {
        match self {
            Self::Flex => "flex",
            Self::LibTorch | Self::LibTorchCuda(_) => "tch",
            Self::Wgpu | Self::WgpuDiscrete(_) => "wgpu",
            Self::Cuda(_) => "cuda",
        }
    }
}

impl FromStr for DeviceSpec {
    type Err = DeviceError;

    fn from_str(name: &str) -> Result<Self, DeviceError> {
        let unknown = || DeviceError::Unknown {
            name: name.to_string(),
        };
        let (kind, index) = match name.split_once(':') {
            Some((kind, index)) => (kind, Some(index.parse().map_err(|_| unknown())?)),
            None => (name, None),
        };
        match (kind, index) {
            ("flex", None) => Ok(Self::Flex),
            ("libtorch", None) => Ok(Self::LibTorch),
            ("libtorch-cuda", index) => Ok(Self::LibTorchCuda(index.unwrap_or(0))),
            ("wgpu", None) => Ok(Self::Wgpu),
            ("wgpu", Some(index)) => Ok(Self::WgpuDiscrete(index)),
            ("cuda", index) => Ok(Self::Cuda(index.unwrap_or(0))),
            _ => Err(unknown()),
        }
    }
}

impl fmt::Display for DeviceSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flex => f.write_str("flex"),
            Self::LibTorch => f.write_str("libtorch"),
            Self::LibTorchCuda(index) => write!(f, "libtorch-cuda:{index}"),
            Self::Wgpu => f.write_str("wgpu"),
            Self::WgpuDiscrete(index) => write!(f, "wgpu:{index}"),
            Self::Cuda(index) => write!(f, "cuda:{index}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back() {
        for name in [
            "flex",
            "libtorch",
            "libtorch-cuda:1",
            "wgpu",
            "wgpu:0",
            "cuda:0",
            "cuda:7",
        ] {
            assert_eq!(name.parse::<DeviceSpec>().unwrap().to_string(), name);
        }
        assert_eq!("cuda".parse::<DeviceSpec>().unwrap(), DeviceSpec::Cuda(0));
    }

    #[test]
    fn unknown_names_are_refused() {
        for name in [
            "",
            "gpu",
            "flex:1",
            "cuda:",
            "cuda:x",
            "libtorch:0",
            "cuda:-1",
        ] {
            let message = name.parse::<DeviceSpec>().unwrap_err().to_string();
            assert!(
                message.starts_with(&format!("unknown device {name}")),
                "{message}"
            );
        }
    }

    #[test]
    #[cfg(not(feature = "cuda"))]
    fn what_is_not_compiled_in_says_how_to_get_it() {
        let message = DeviceSpec::Cuda(0).open().unwrap_err().to_string();
        let expected = format!(
            "device cuda:0 is not compiled in, this program has {}: build with --features cuda",
            compiled_in()
        );
        assert_eq!(message, expected);
        #[cfg(all(feature = "flex", not(any(feature = "tch", feature = "wgpu"))))]
        assert_eq!(compiled_in(), "flex");
    }
}
