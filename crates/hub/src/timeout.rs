//! Timeout for requests.
//!
//! The download library has no timeouts. Its requests therefore run on a separate thread that
//! reports every received piece. If nothing is reported for too long, the thread is abandoned. It
//! keeps the library's lock on the file, so that no other download writes to the same partial file.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use hf_hub::api::Progress;

enum Message<T> {
    Bytes(u64),
    Done(T),
}

/// Reason for a missing result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoResult {
    /// No data was reported for too long.
    Silent,
    /// The library panicked.
    Panicked,
}

/// Reporter of received bytes.
pub(crate) struct Reporter<T>(Sender<Message<T>>);

impl<T> Progress for Reporter<T> {
    fn init(&mut self, _size: usize, _file: &str) {}

    fn update(&mut self, bytes: usize) {
        // If the receiver is gone, the report is not needed.
        let _ = self.0.send(Message::Bytes(bytes as u64));
    }

    fn finish(&mut self) {}
}

/// Runs `work` until it is done, or reports nothing for the duration `patience`.
pub(crate) fn with_timeout<T: Send + 'static>(
    patience: Duration,
    on_bytes: &mut dyn FnMut(u64),
    work: impl FnOnce(Reporter<T>) -> T + Send + 'static,
) -> Result<T, NoResult> {
    let (sender, receiver) = channel();
    let reporter = Reporter(sender.clone());
    thread::spawn(move || {
        let result = work(reporter);
        let _ = sender.send(Message::Done(result));
    });
    loop {
        match receiver.recv_timeout(patience) {
            Ok(Message::Bytes(bytes)) => on_bytes(bytes),
            Ok(Message::Done(result)) => return Ok(result),
            Err(RecvTimeoutError::Timeout) => return Err(NoResult::Silent),
            Err(RecvTimeoutError::Disconnected) => return Err(NoResult::Panicked),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_millis(200);

    #[test]
    fn work_that_reports_may_take_its_time() {
        let mut bytes = 0;
        let result = with_timeout(PATIENCE, &mut |more| bytes += more, |mut reporter| {
            for _ in 0..6 {
                thread::sleep(PATIENCE / 4);
                reporter.update(2);
            }
            "done"
        });
        assert_eq!((result, bytes), (Ok("done"), 12));
    }

    #[test]
    fn silence_and_panics_end_the_waiting() {
        let silent = with_timeout(PATIENCE, &mut |_| (), |_| thread::sleep(PATIENCE * 5));
        assert_eq!(silent, Err(NoResult::Silent));
        // The reports must count as activity even on a busy machine.
        let panicked = with_timeout(PATIENCE * 100, &mut |_| (), |_| -> () {
            panic!("on purpose")
        });
        assert_eq!(panicked, Err(NoResult::Panicked));
    }
}
