//! Bounded queue of a model, from which batches of similar lengths are taken.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use crate::input::Input;
use crate::text_model::InferenceError;
use finetune_predict::Prediction;

/// Channel for the prediction of a row.
pub(crate) type Reply = oneshot::Sender<Result<Prediction, InferenceError>>;

/// Queued row.
#[derive(Debug)]
pub(crate) struct WaitingRow {
    pub(crate) input: Input,
    pub(crate) reply: Reply,
    /// Total length of its texts in bytes.
    length: usize,
    since: Instant,
    /// Number of the request, given by the queue.
    request: u64,
}

impl WaitingRow {
    pub(crate) fn new(input: Input, reply: Reply) -> Self {
        Self {
            length: input.bytes(),
            input,
            reply,
            since: Instant::now(),
            request: 0,
        }
    }

    /// Returns whether the client no longer waits for the prediction.
    pub(crate) fn is_gone(&self) -> bool {
        self.reply.is_closed()
    }

    /// Returns whether two rows fit into a batch: both texts or both pairs, and neither more than
    /// about twice as long as the other. Beyond that, the shorter row would mostly wait for the
    /// longer one.
    fn is_like(&self, other: &Self) -> bool {
        let (shorter, longer) = (self.length.min(other.length), self.length.max(other.length));
        // For short rows, the cost of a call dominates.
        const SHORT: usize = 64;
        self.input.is_pair() == other.input.is_pair() && longer <= 2 * shorter + SHORT
    }
}

/// Reason why rows were rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum QueueError {
    /// The queue is full.
    Full,
    /// The model has stopped.
    Closed,
}

/// Bounded queue of a model.
///
/// Handlers push without waiting; the model's thread takes batches. Rows of disconnected clients
/// are dropped and never reach the model.
#[derive(Debug)]
pub(crate) struct Queue {
    capacity: usize,
    max_batch_rows: usize,
    max_delay: Duration,
    state: Mutex<State>,
    changed: Condvar,
    /// Rows dropped because their client left, of this queue and those before it.
    gone: Arc<AtomicU64>,
}

#[derive(Debug, Default)]
struct State {
    rows: VecDeque<WaitingRow>,
    closed: bool,
    /// Requests so far.
    requests: u64,
    /// Whether the last batch had rows of several requests.
    last_was_shared: bool,
}

impl Queue {
    pub(crate) fn new(capacity: usize, max_batch_rows: usize, max_delay: Duration) -> Self {
        Self {
            capacity,
            max_batch_rows,
            max_delay,
            state: Mutex::default(),
            changed: Condvar::new(),
            gone: Arc::default(),
        }
    }

    /// Counts dropped rows together with the queue that this one replaces.
    pub(crate) fn after(mut self, replaced: &Self) -> Self {
        self.gone = Arc::clone(&replaced.gone);
        self
    }

    /// Adds all rows or none, without waiting.
    pub(crate) fn push(&self, rows: Vec<WaitingRow>) -> Result<(), QueueError> {
        let mut state = self.state();
        if state.closed {
            return Err(QueueError::Closed);
        }
        if state.rows.len() + rows.len() > self.capacity {
            self.forget_gone(&mut state);
            if state.rows.len() + rows.len() > self.capacity {
                return Err(QueueError::Full);
            }
        }
        let before = state.rows.len();
        state.requests += 1;
        let request = state.requests;
        let rows = rows.into_iter();
        state
            .rows
            .extend(rows.map(|row| WaitingRow { request, ..row }));
        // Otherwise the thread is waiting for its batching delay and need not wake up.
        if before == 0 || state.rows.len() >= self.max_batch_rows {
            self.changed.notify_one();
        }
        Ok(())
    }

    /// Waits for the next batch: the oldest row, and those most similar to it in length. Returns
    /// `None` when the queue is closed and empty.
    pub(crate) fn next_batch(&self) -> Option<Vec<WaitingRow>> {
        let mut state = self.state();
        loop {
            self.forget_gone(&mut state);
            let Some(oldest) = state.rows.front() else {
                if state.closed {
                    return None;
                }
                state = self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = self.max_delay.saturating_sub(oldest.since.elapsed());
            let full = state.rows.len() >= self.max_batch_rows;
            if state.closed || full || state.is_quiet() || left.is_zero() {
                return Some(state.take_batch(self.max_batch_rows));
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Rejects further rows; queued rows are still returned. Returns whether it was open.
    pub(crate) fn close(&self) -> bool {
        let was_closed = std::mem::replace(&mut self.state().closed, true);
        self.changed.notify_all();
        !was_closed
    }

    /// Returns the number of queued rows.
    pub(crate) fn len(&self) -> usize {
        self.state().rows.len()
    }

    /// Returns the number of rows dropped because their client left, of this queue and those before it.
    pub(crate) fn gone(&self) -> u64 {
        self.gone.load(Ordering::Relaxed)
    }

    fn forget_gone(&self, state: &mut State) {
        let before = state.rows.len();
        state.rows.retain(|row| !row.is_gone());
        let gone = (before - state.rows.len()) as u64;
        self.gone.fetch_add(gone, Ordering::Relaxed);
    }

    /// A poisoned lock is ignored: no code panics while holding it, and every state is consistent.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Returns whether clients send one request at a time. With several clients, rows of others
    /// would have been queued while the model was busy.
    fn is_quiet(&self) -> bool {
        !self.last_was_shared && is_one_request(&self.rows)
    }

    fn take_batch(&mut self, max_rows: usize) -> Vec<WaitingRow> {
        let Some(oldest) = self.rows.pop_front() else {
            return Vec::new();
        };
        let mut alike: Vec<(usize, usize)> = self
            .rows
            .iter()
            .enumerate()
            .filter(|(_, row)| row.is_like(&oldest))
            .map(|(position, row)| (row.length.abs_diff(oldest.length), position))
            .collect();
        // Of equally long rows, the oldest come first.
        alike.sort_unstable();
        alike.truncate(max_rows - 1);
        let mut chosen = vec![false; self.rows.len()];
        for (_, position) in alike {
            chosen[position] = true;
        }
        let (mut batch, mut left) = (vec![oldest], VecDeque::with_capacity(self.rows.len()));
        for (row, chosen) in self.rows.drain(..).zip(chosen) {
            match chosen {
                true => batch.push(row),
                false => left.push_back(row),
            }
        }
        self.rows = left;
        self.last_was_shared = !is_one_request(&batch);
        batch
    }
}

/// Returns whether all rows are of the same request.
fn is_one_request<'a>(rows: impl IntoIterator<Item = &'a WaitingRow>) -> bool {
    let mut requests = rows.into_iter().map(|row| row.request);
    let first = requests.next();
    requests.all(|request| Some(request) == first)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Receiver = oneshot::Receiver<Result<Prediction, InferenceError>>;

    fn row(input: Input) -> (WaitingRow, Receiver) {
        let (reply, receiver) = oneshot::channel();
        (WaitingRow::new(input, reply), receiver)
    }

    /// Pushes texts of these lengths, as one request.
    fn push(queue: &Queue, lengths: &[usize]) -> Result<Vec<Receiver>, QueueError> {
        let texts = lengths.iter().map(|&length| "x".repeat(length));
        let (rows, receivers) = texts.map(|text| row(Input::Text(text))).unzip();
        queue.push(rows).map(|()| receivers)
    }

    fn lengths(batch: Option<Vec<WaitingRow>>) -> Vec<usize> {
        batch.unwrap().iter().map(|row| row.length).collect()
    }

    #[test]
    fn the_oldest_row_goes_with_those_most_like_it() {
        let queue = Queue::new(100, 3, Duration::ZERO);
        let _receivers = push(&queue, &[500, 2000, 480, 900, 510, 2100]).unwrap();
        assert_eq!(lengths(queue.next_batch()), [500, 480, 510]);
        assert_eq!(lengths(queue.next_batch()), [2000, 2100]);
        assert_eq!(lengths(queue.next_batch()), [900]);
    }

    #[test]
    fn texts_and_pairs_do_not_meet() {
        let queue = Queue::new(100, 8, Duration::ZERO);
        let inputs = [Input::from("ab"), Input::pair("a", "b"), Input::from("cd")];
        let (rows, _receivers): (Vec<_>, Vec<_>) = inputs.map(row).into_iter().unzip();
        queue.push(rows).unwrap();
        assert_eq!(queue.next_batch().unwrap().len(), 2);
        assert!(queue.next_batch().unwrap()[0].input.is_pair());
    }

    #[test]
    fn a_full_queue_refuses_until_somebody_leaves() {
        let queue = Queue::new(3, 3, Duration::ZERO);
        let mut receivers = push(&queue, &[1, 2]).unwrap();
        assert_eq!(push(&queue, &[3, 4]).unwrap_err(), QueueError::Full);
        receivers.pop();
        let _others = push(&queue, &[3, 4]).unwrap();
        assert_eq!((queue.len(), queue.gone()), (3, 1));
        assert_eq!(lengths(queue.next_batch()), [1, 3, 4]);
    }

    #[test]
    fn a_closed_queue_gives_out_what_waits() {
        let queue = Queue::new(9, 9, Duration::from_secs(3600));
        let _receivers = push(&queue, &[1, 2]).unwrap();
        queue.close();
        assert_eq!(push(&queue, &[3]).unwrap_err(), QueueError::Closed);
        assert_eq!(lengths(queue.next_batch()), [1, 2]);
        assert!(queue.next_batch().is_none());
    }

    #[test]
    fn a_row_waits_for_others_no_longer_than_the_delay() {
        let queue = Queue::new(9, 3, Duration::from_millis(20));
        let start = Instant::now();
        let _receivers = [1, 2].map(|length| push(&queue, &[length]).unwrap());
        assert_eq!(lengths(queue.next_batch()), [1, 2]);
        assert!(start.elapsed() >= Duration::from_millis(20));
    }

    #[test]
    fn a_lone_client_does_not_wait_unless_there_were_others_just_now() {
        let queue = Queue::new(9, 3, Duration::from_millis(20));
        let mut receivers = push(&queue, &[1]).unwrap();
        assert_eq!(lengths(queue.next_batch()), [1]);
        receivers.extend(
            [1, 2, 3]
                .map(|length| push(&queue, &[length]).unwrap())
                .into_iter()
                .flatten(),
        );
        assert_eq!(lengths(queue.next_batch()), [1, 2, 3]);
        let start = Instant::now();
        receivers.extend(push(&queue, &[4]).unwrap());
        assert_eq!(lengths(queue.next_batch()), [4]);
        assert!(start.elapsed() >= Duration::from_millis(20));
    }

    #[test]
    fn a_list_of_a_lone_client_does_not_wait() {
        let queue = Queue::new(9, 4, Duration::from_secs(3600));
        // More than a batch, and lengths that are not batched together.
        let _receivers = push(&queue, &[1, 2, 900, 3, 4, 5]).unwrap();
        assert_eq!(lengths(queue.next_batch()), [1, 2, 3, 4]);
        assert_eq!(lengths(queue.next_batch()), [900]);
        assert_eq!(lengths(queue.next_batch()), [5]);
        let _receivers = push(&queue, &[6, 7]).unwrap();
        assert_eq!(lengths(queue.next_batch()), [6, 7]);
    }

    #[test]
    fn a_full_batch_does_not_wait() {
        let queue = Queue::new(9, 2, Duration::from_secs(3600));
        let _receivers = push(&queue, &[1, 2]).unwrap();
        assert_eq!(lengths(queue.next_batch()), [1, 2]);
    }
}
