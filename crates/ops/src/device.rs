//! Device selection by name at run time.

use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use burn::tensor::{Device, Tensor};

/// Device by name: `flex`, `libtorch`, `libtorch-aten`, `libtorch-cuda:N`, `wgpu`, `wgpu:N`, `cuda:N`.
///
/// ```
/// use finetune_ops::DeviceSpec;
///
/// let spec: DeviceSpec = "cuda:1".parse()?;
/// assert_eq!(spec, DeviceSpec::Cuda(1));
/// assert_eq!(spec.to_string(), "cuda:1");
/// # Ok::<(), finetune_ops::DeviceError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum DeviceSpec {
    /// CPU, in pure Rust (default).
    #[default]
    Flex,
    /// CPU, with LibTorch's tensors and the native kernels of flex.
    LibTorch,
    /// CPU, with the kernels that LibTorch runs on a GPU: to test them without one. The kernels of
    /// LibTorch's CPU tensors are chosen for the whole process, when `LibTorch` or this is opened.
    LibTorchAten,
    /// NVIDIA GPU by index, with LibTorch.
    LibTorchCuda(usize),
    /// Default WebGPU adapter, which may be a software rasterizer.
    Wgpu,
    /// Discrete GPU by index, with WebGPU.
    WgpuDiscrete(usize),
    /// NVIDIA GPU by index, with CUDA.
    Cuda(usize),
}

/// Error of selecting a device.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// No device has this name.
    #[error(
        "unknown device {name}, expected flex, libtorch, libtorch-aten, libtorch-cuda:N, wgpu, wgpu:N or \
         cuda:N"
    )]
    Unknown {
        /// Name found.
        name: String,
    },
    /// Several devices were given.
    #[error(
        "devices {names}: a run computes on one, since burn cannot average gradients over several; \
         the runs of a study may each have their own"
    )]
    Several {
        /// Names found.
        names: String,
    },
    /// The program was built without support for the device.
    #[error(
        "device {device} is not compiled in, this program has {}: build with --features {feature}",
        compiled_in()
    )]
    NotCompiledIn {
        /// Device.
        device: DeviceSpec,
        /// Required Cargo feature.
        feature: &'static str,
    },
    /// The machine lacks the device or its driver.
    #[error(
        "device {device} does not answer: {reason}; this program has {}",
        compiled_in()
    )]
    NotPresent {
        /// Device.
        device: DeviceSpec,
        /// Error of the backend.
        reason: String,
    },
}

/// Returns the compiled device kinds, for error messages.
fn compiled_in() -> String {
    let kinds = [
        (cfg!(feature = "flex"), "flex"),
        (
            cfg!(feature = "tch"),
            "libtorch, libtorch-aten and libtorch-cuda:N",
        ),
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
    /// Opens the device and checks that it works.
    ///
    /// # Errors
    /// - [`DeviceError::NotCompiledIn`] if the program was built without the feature.
    /// - [`DeviceError::NotPresent`] if the machine lacks the device.
    pub fn open(self) -> Result<Device, DeviceError> {
        let device = self.handle()?;
        self.ask(|| drop(Tensor::<1>::zeros([1], &device).into_data()))?;
        Ok(device)
    }

    /// burn hands out devices of any number; one that is not there panics at its first tensor.
    fn ask(self, first_tensor: impl FnOnce()) -> Result<(), DeviceError> {
        // What it panics with is the reason, and need not be printed before. The hook is one for all
        // threads: two that put it aside at the same time would lose it.
        static ASKING: Mutex<()> = Mutex::new(());
        let _asking = ASKING.lock().unwrap_or_else(PoisonError::into_inner);
        let hook = panic::take_hook();
        panic::set_hook(Box::new(|_| ()));
        let answer = panic::catch_unwind(AssertUnwindSafe(first_tensor));
        panic::set_hook(hook);
        answer.map_err(|payload| {
            let text = payload.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
            // Drivers say more than a line.
            let line = text.and_then(|text| text.lines().next());
            DeviceError::NotPresent {
                device: self,
                reason: line.unwrap_or("no reason given").to_string(),
            }
        })
    }

    fn handle(self) -> Result<Device, DeviceError> {
        match self {
            #[cfg(feature = "flex")]
            Self::Flex => Ok(Device::flex()),
            #[cfg(feature = "tch")]
            #[allow(deprecated, reason = "burn marks every LibTorch name as deprecated")]
            Self::LibTorch | Self::LibTorchAten => {
                crate::disable_libtorch_threads();
                crate::libtorch::use_aten_on_cpu(self == Self::LibTorchAten);
                Ok(Device::libtorch())
            }
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

    /// Returns the Cargo feature of this device.
    fn feature(self) -> &'static str {
        match self {
            Self::Flex => "flex",
            Self::LibTorch | Self::LibTorchAten | Self::LibTorchCuda(_) => "tch",
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
        if name.contains(',') {
            return Err(DeviceError::Several {
                names: name.to_string(),
            });
        }
        let (kind, index) = match name.split_once(':') {
            Some((kind, index)) => (kind, Some(index.parse().map_err(|_| unknown())?)),
            None => (name, None),
        };
        match (kind, index) {
            ("flex", None) => Ok(Self::Flex),
            ("libtorch", None) => Ok(Self::LibTorch),
            ("libtorch-aten", None) => Ok(Self::LibTorchAten),
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
            Self::LibTorchAten => f.write_str("libtorch-aten"),
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
            "libtorch-aten",
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
            "libtorch-aten:0",
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
    fn several_are_refused_with_the_reason() {
        let error = "cuda:0,cuda:1".parse::<DeviceSpec>().unwrap_err();
        let message = error.to_string();
        assert!(
            message.starts_with("devices cuda:0,cuda:1: a run computes on one"),
            "{message}"
        );
    }

    #[test]
    fn a_device_that_does_not_answer_is_named_with_the_reason() {
        let answer = DeviceSpec::Cuda(7).ask(|| panic!("no driver\nmore of it"));
        let expected = format!(
            "device cuda:7 does not answer: no driver; this program has {}",
            compiled_in()
        );
        assert_eq!(answer.unwrap_err().to_string(), expected);
        DeviceSpec::Flex.ask(|| ()).unwrap();
    }

    #[test]
    #[cfg(feature = "tch")]
    fn a_gpu_that_is_not_there() {
        let error = DeviceSpec::LibTorchCuda(99).open().unwrap_err();
        let message = error.to_string();
        let start = "device libtorch-cuda:99 does not answer: ";
        assert!(message.starts_with(start), "{message}");
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
