//! Progress counter for reading files.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counter shared by the readers of the files of a split. Most readers count bytes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress(Arc<AtomicU64>);

impl Progress {
    pub(crate) fn add(&self, read: u64) {
        self.0.fetch_add(read, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Reader that counts the bytes read from it.
#[derive(Debug)]
pub(crate) struct Counted<R> {
    source: R,
    progress: Progress,
}

impl<R> Counted<R> {
    pub(crate) fn new(source: R, progress: &Progress) -> Self {
        let progress = progress.clone();
        Self { source, progress }
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        self.progress.add(read as u64);
        Ok(read)
    }
}
