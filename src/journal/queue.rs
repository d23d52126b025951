//! Lines on their way to the sink: one buffer that callers append to, one thread that writes it out.

use std::io::{ErrorKind, Write};
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Text that may wait for the sink; what comes on top is dropped.
const WAITING: usize = 4 << 20;
/// Text that is worth a write of its own at once.
const BATCH: usize = 32 << 10;
/// How long a lone line waits for company, so that a busy proxy makes one system call for many lines.
const LINGER: Duration = Duration::from_millis(2);
/// How long the thread leaves a sink alone that would block.
const PAUSE: Duration = Duration::from_millis(10);

/// The lines between their writers and the sink.
#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// Tells the thread that there is something to do.
    work: Condvar,
    /// Tells those who flush that everything was written.
    idle: Condvar,
    dropped: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<u8>,
    writing: bool,
    flushing: usize,
    closed: bool,
}

impl Queue {
    /// A queue, and the thread that empties it into `sink`. Where no thread can be had, every line is dropped.
    pub(super) fn start(sink: Box<dyn Write + Send>) -> Arc<Self> {
        let queue = Arc::new(Self::default());
        let emptied = Arc::clone(&queue);
        let thread = thread::Builder::new().name("journal".to_owned());
        if thread.spawn(move || emptied.empty_into(sink)).is_err() {
            queue.close();
        }
        queue
    }

    /// Appends a whole line, or drops and counts it.
    pub(super) fn push(&self, line: &[u8]) {
        let mut state = self.lock();
        let before = state.waiting.len();
        let after = before + line.len();
        if state.closed || after > WAITING {
            drop(state);
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        state.waiting.extend_from_slice(line);
        drop(state);
        if before == 0 || (before < BATCH && after >= BATCH) {
            self.work.notify_one();
        }
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    pub(super) fn flush(&self, within: Duration) {
        let mut state = self.lock();
        state.flushing += 1;
        self.work.notify_one();
        let unwritten = |state: &mut State| state.writing || !state.waiting.is_empty();
        let (mut state, _) = self
            .idle
            .wait_timeout_while(state, within, unwritten)
            .unwrap_or_else(PoisonError::into_inner);
        state.flushing -= 1;
    }

    /// Lets the thread end once it has written what waits.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.work.notify_one();
    }

    fn empty_into(&self, mut sink: Box<dyn Write + Send>) {
        let mut batch = Vec::new();
        while self.take(&mut batch) {
            let written = write_all(&mut *sink, &batch);
            let unwritten = batch.get(written..).unwrap_or_default();
            let lost = unwritten.iter().filter(|byte| **byte == b'\n').count();
            self.dropped.fetch_add(lost as u64, Ordering::Relaxed);
            batch.clear();
            batch.shrink_to(BATCH);
        }
    }

    /// Swaps what waits into the empty `batch`; false when there is nothing left to come.
    fn take(&self, batch: &mut Vec<u8>) -> bool {
        let mut state = self.lock();
        state.writing = false;
        if state.waiting.is_empty() {
            self.idle.notify_all();
        }
        state = self
            .work
            .wait_while(state, |state| state.waiting.is_empty() && !state.closed)
            .unwrap_or_else(PoisonError::into_inner);
        let hurried =
            |state: &State| state.closed || state.flushing > 0 || state.waiting.len() >= BATCH;
        if !hurried(&state) {
            (state, _) = self
                .work
                .wait_timeout_while(state, LINGER, |state| !hurried(state))
                .unwrap_or_else(PoisonError::into_inner);
        }
        mem::swap(&mut state.waiting, batch);
        state.writing = !batch.is_empty();
        state.writing
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes `batch` out and returns how much of it got there: all of it, unless the sink failed.
fn write_all(sink: &mut dyn Write, batch: &[u8]) -> usize {
    let mut written = 0;
    while let Some(rest) = batch.get(written..).filter(|rest| !rest.is_empty()) {
        match sink.write(rest) {
            Ok(0) => break,
            Ok(count) => written += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(PAUSE),
            Err(_) => break,
        }
    }
    written
}
