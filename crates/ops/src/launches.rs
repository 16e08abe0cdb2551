//! Which kernels a piece of work launches on a GPU, how often, and how long they take.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use burn::tensor::Device;
use burn_cubecl::cubecl::config::{TypeNameFormatLevel, type_name_format};
use burn_cubecl::cubecl::logging::{
    Duration, LaunchObservation, LaunchObserver, TimingMethod, TimingRequest,
};

/// Launches of one kernel.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct KernelLaunches {
    /// Number of launches.
    pub count: usize,
    /// Seconds of all of them together; 0 if they were not timed.
    pub seconds: f64,
}

/// Whether the launches of [`observe_launches`] are timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timing {
    /// Only counted.
    None,
    /// Each is waited for: the seconds of a kernel are right, those of the whole work are not.
    PerKernel,
}

/// Returns the kernels that `work` launches on `device`, by name, with its result. Waits for the
/// device before and after. Launches of other threads at the same time are counted, too.
///
/// # Errors
/// The message of the device if it fails.
pub fn observe_launches<T>(
    device: &Device,
    timing: Timing,
    work: impl FnOnce() -> T,
) -> Result<(T, BTreeMap<String, KernelLaunches>), String> {
    let wait = || device.sync().map_err(|error| format!("{error:?}"));
    wait()?;
    let counter = Arc::new(Counter {
        timing,
        kernels: Mutex::default(),
    });
    let observation = LaunchObservation::new(counter.clone());
    let result = work();
    wait()?;
    drop(observation);
    let kernels = counter
        .kernels
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    Ok((result, kernels.clone()))
}

struct Counter {
    timing: Timing,
    kernels: Mutex<BTreeMap<String, KernelLaunches>>,
}

impl Counter {
    fn add(&self, kernel: &str, count: usize, seconds: f64) {
        let name = type_name_format(kernel, TypeNameFormatLevel::Short);
        let mut kernels = self.kernels.lock().unwrap_or_else(PoisonError::into_inner);
        let launches = kernels.entry(name).or_default();
        launches.count += count;
        launches.seconds += seconds;
    }
}

impl LaunchObserver for Counter {
    fn launched(&self, kernel: &'static str) {
        self.add(kernel, 1, 0.0);
    }

    fn timing(&self) -> TimingRequest {
        match self.timing {
            Timing::None => TimingRequest::None,
            Timing::PerKernel => TimingRequest::Resolved,
        }
    }

    fn timed(&self, kernel: &'static str, duration: Duration, _method: TimingMethod) {
        self.add(kernel, 0, duration.as_secs_f64());
    }
}
