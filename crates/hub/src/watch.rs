//! An observer of all downloads of the process.

use std::sync::{Arc, Mutex, PoisonError};

use crate::snapshot::DownloadProgress;

type Observer = Arc<dyn Fn(&DownloadProgress) + Send + Sync>;

static OBSERVER: Mutex<Option<Observer>> = Mutex::new(None);

/// Calls a function whenever bytes of any download are received, in place of the function given
/// before. Programs show progress with it: a library opens a model by its name in many places.
pub fn watch_downloads(observer: impl Fn(&DownloadProgress) + Send + Sync + 'static) {
    *OBSERVER.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(observer));
}

pub(crate) fn observe(progress: &DownloadProgress) {
    let observer = OBSERVER.lock().unwrap_or_else(PoisonError::into_inner);
    let observer = observer.clone();
    if let Some(observer) = observer {
        observer(progress);
    }
}
