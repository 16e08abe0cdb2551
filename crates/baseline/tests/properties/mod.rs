//! Proptests, a file for each part.

mod regression;
mod vectorizers;

use rayon::ThreadPoolBuilder;

/// Runs with so many threads.
fn with_threads<T: Send>(threads: usize, run: impl FnOnce() -> T + Send) -> T {
    let pool = ThreadPoolBuilder::new().num_threads(threads).build();
    pool.unwrap().install(run)
}
