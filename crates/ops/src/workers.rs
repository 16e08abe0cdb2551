//! Where the operations of a pass run.

use burn::tensor::Device;

use crate::transfer::Transfers;

/// Runs work of many operations on `device`, such as the pass of an encoder: on flex, on a thread of rayon's pool.
///
/// The kernels of flex divide their work among these threads. Called from any other thread, each hands its work over
/// and sleeps until it is done, which takes longer than a small operation itself: the pass of a short text would
/// spend two thirds of its time on that. On other devices, and on a thread of the pool, the work runs as it is called.
///
/// While it waits for a part of its work, a thread of the pool may begin other work. So do not hold a lock that such
/// work could take, too.
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// use finetune_ops::on_workers;
///
/// let device = Device::flex();
/// let x = Tensor::<1>::from_data([1.0, 2.0], &device);
/// let sum = on_workers(&device, || (x.clone() * x).sum());
/// assert_eq!(sum.into_scalar::<f32>(), 5.0);
/// ```
pub fn on_workers<R: Send>(device: &Device, work: impl FnOnce() -> R + Send) -> R {
    if !is_flex(device) || rayon::current_thread_index().is_some() {
        return work();
    }
    let (result, transfers) = rayon::scope(|_| {
        let before = Transfers::of_thread();
        let result = work();
        (result, Transfers::of_thread().since(before))
    });
    transfers.add_to_thread();
    result
}

fn is_flex(_device: &Device) -> bool {
    #[cfg(feature = "flex")]
    return _device.clone().without_autodiff() == Device::flex();
    #[cfg(not(feature = "flex"))]
    false
}

#[cfg(all(test, feature = "flex"))]
mod tests {
    use super::*;
    use crate::{read_floats, upload_floats};

    #[test]
    fn work_runs_in_the_pool_and_its_transfers_count_here() {
        for device in [Device::flex(), Device::flex().autodiff()] {
            let before = Transfers::of_thread();
            let (thread, values) = on_workers(&device, || {
                let values = read_floats(upload_floats(vec![1.0, 2.0], [2], &device));
                // Within the pool, work stays on its thread.
                let thread = rayon::current_thread_index();
                assert_eq!(on_workers(&device, rayon::current_thread_index), thread);
                (thread, values)
            });
            assert!(thread.is_some());
            assert_eq!(values, [1.0, 2.0]);
            let transfers = Transfers::of_thread().since(before);
            assert_eq!((transfers.uploads, transfers.reads), (1, 1));
            assert_eq!((transfers.uploaded_bytes, transfers.read_bytes), (8, 8));
        }
    }

    #[test]
    fn a_panic_is_that_of_the_work() {
        let caught = std::panic::catch_unwind(|| on_workers(&Device::flex(), || panic!("lost")));
        assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"lost"));
    }
}
