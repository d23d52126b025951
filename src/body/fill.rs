//! A body that is still arriving, with any number of readers.
//!
//! One [`FillWriter`] adds chunks; every [`FillReader`] reads all of them from the first, at its own pace, sharing the
//! chunks. While the fill is *open* the writer waits for nobody and everything is kept, so that a late reader misses
//! nothing and a slow one slows nobody. When it grows past what may be kept, or the budget for all fills is spent, it is
//! *sealed*: nobody joins any more, what every reader has passed is let go, and the writer waits for the slowest.
//!
//! A body is whole only when [`FillWriter::finish`] said so. A writer that is dropped is an error to its readers.

mod reader;

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::BodyError;

pub use reader::FillReader;

/// How far the slowest reader of a sealed fill may lag behind its writer, in bytes.
const WINDOW: u64 = 256 * 1024;
/// Chunks smaller than this are joined to a small one before them, so that a dribbled body does not cost a handle a byte.
const SMALL: usize = 1024;
/// Bytes that all fills together may hold. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Budget(Arc<AtomicU64>);

impl Budget {
    /// A budget of `bytes`.
    pub fn new(bytes: u64) -> Self {
        Self(Arc::new(AtomicU64::new(bytes)))
    }

    /// Adds `bytes` to it.
    pub fn grow(&self, bytes: u64) {
        self.give_back(bytes);
    }

    /// Bytes not held by any fill.
    pub fn left(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn take(&self, bytes: u64) -> bool {
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes))
            .is_ok()
    }

    fn give_back(&self, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// What a fill may keep.
#[derive(Clone, Debug)]
pub struct FillLimit {
    /// The body's length where the head announced one: a fill that ends with another length is not whole.
    pub expected: Option<u64>,
    /// A body longer than this is not kept: the fill is sealed.
    pub keep: u64,
    /// What all fills together may keep.
    pub budget: Budget,
}

/// Starts a fill: the side that writes and the side that is read.
pub fn fill(limit: FillLimit) -> (FillWriter, Fill) {
    let open = limit
        .expected
        .is_none_or(|expected| expected <= limit.keep && expected <= limit.budget.left());
    let shared = Arc::new(Shared {
        limit,
        state: Mutex::new(State {
            chunks: VecDeque::new(),
            dropped: 0,
            total: 0,
            charged: 0,
            sealed: !open,
            end: None,
            readers: Vec::new(),
            free: Vec::new(),
            writer: None,
        }),
    });
    (FillWriter(Arc::clone(&shared)), Fill(shared))
}

struct Shared {
    limit: FillLimit,
    state: Mutex<State>,
}

struct State {
    chunks: VecDeque<Bytes>,
    /// How many chunks were let go before the first of `chunks`.
    dropped: usize,
    /// How many bytes were written.
    total: u64,
    /// How many bytes the budget was charged for.
    charged: u64,
    sealed: bool,
    end: Option<Result<(), BodyError>>,
    readers: Vec<Option<ReaderState>>,
    /// Places in `readers` that are free again.
    free: Vec<usize>,
    writer: Option<Waker>,
}

struct ReaderState {
    cursor: Cursor,
    /// Bytes taken.
    taken: u64,
    /// How many those were when it was last looked at as a laggard.
    seen: u64,
    cut: bool,
    waker: Option<Waker>,
}

/// A place in the body: a chunk, counted from the first ever written, and an offset in it.
#[derive(Clone, Copy)]
struct Cursor {
    chunk: usize,
    offset: usize,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let charged = self.state.get_mut().unwrap_or_else(PoisonError::into_inner).charged;
        self.limit.budget.give_back(charged);
    }
}

impl State {
    /// The slowest reader's distance from the writer, in bytes; `None` without readers.
    fn lag(&self) -> Option<u64> {
        let reading = self.readers.iter().flatten().filter(|reader| !reader.cut);
        reading.map(|reader| self.total - reader.taken).max()
    }

    /// Lets go of what every reader of a sealed fill has passed.
    fn let_go(&mut self, budget: &Budget) {
        if !self.sealed {
            return;
        }
        let needed = self.readers.iter().flatten().map(|reader| reader.cursor.chunk).min();
        let needed = needed.unwrap_or(self.dropped + self.chunks.len());
        while self.dropped < needed {
            let Some(chunk) = self.chunks.pop_front() else { break };
            self.dropped += 1;
            let back = self.charged.min(chunk.len() as u64);
            self.charged -= back;
            budget.give_back(back);
        }
    }

    fn append(&mut self, chunk: Bytes) {
        self.total += chunk.len() as u64;
        match self.chunks.back_mut() {
            Some(last) if chunk.len() < SMALL && last.len() < SMALL => {
                let mut joined = BytesMut::with_capacity(last.len() + chunk.len());
                joined.extend_from_slice(last);
                joined.extend_from_slice(&chunk);
                *last = joined.freeze();
            }
            _ => self.chunks.push_back(chunk),
        }
    }

    fn wakers(&mut self) -> Vec<Waker> {
        self.readers.iter_mut().flatten().filter_map(|reader| reader.waker.take()).collect()
    }
}

/// The writing side. Dropped without [`FillWriter::finish`], it fails the fill.
pub struct FillWriter(Arc<Shared>);

impl FillWriter {
    /// Adds a chunk, first waiting for the slowest reader if the fill is sealed.
    pub async fn push(&mut self, chunk: Bytes) {
        if chunk.is_empty() {
            return;
        }
        poll_fn(|cx| self.poll_room(cx)).await;
        let mut state = self.0.lock();
        let length = chunk.len() as u64;
        if !state.sealed {
            let fits =
                state.total + length <= self.0.limit.keep && self.0.limit.budget.take(length);
            if fits {
                state.charged += length;
            } else {
                state.sealed = true;
            }
        }
        state.append(chunk);
        state.let_go(&self.0.limit.budget);
        let wakers = state.wakers();
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// As [`FillWriter::push`], but readers that make no progress for `stall_timeout` are cut rather than waited for.
    pub async fn push_in_time(&mut self, chunk: Bytes, stall_timeout: Duration) {
        while tokio::time::timeout(stall_timeout, self.push(chunk.clone())).await.is_err() {
            self.cut_laggards();
        }
    }

    fn poll_room(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.0.lock();
        if state.sealed && state.lag().is_some_and(|lag| lag > WINDOW) {
            state.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(())
    }

    /// Resolves once nobody reads.
    pub async fn unread(&self) {
        poll_fn(|cx| {
            let mut state = self.0.lock();
            if state.lag().is_none() {
                return Poll::Ready(());
            }
            state.writer = Some(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Cuts every reader that holds the writer up and has taken nothing since this was last called; each sees
    /// [`BodyError::Stalled`].
    pub fn cut_laggards(&mut self) {
        let mut state = self.0.lock();
        let total = state.total;
        let mut wakers = Vec::new();
        for reader in state.readers.iter_mut().flatten() {
            if total - reader.taken <= WINDOW {
                continue;
            }
            if reader.seen == reader.taken {
                reader.cut = true;
                reader.cursor.chunk = usize::MAX;
                wakers.extend(reader.waker.take());
            }
            reader.seen = reader.taken;
        }
        state.let_go(&self.0.limit.budget);
        drop(state);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// True once nobody may join and nothing is kept for storing.
    pub fn is_sealed(&self) -> bool {
        self.0.lock().sealed
    }

    /// The chunks so far, if all are kept.
    pub fn kept(&self) -> Option<Vec<Bytes>> {
        let state = self.0.lock();
        (!state.sealed).then(|| state.chunks.iter().cloned().collect())
    }

    /// Says that the body is whole. If it was kept, its chunks.
    ///
    /// # Errors
    /// [`BodyError::Truncated`] when it is shorter than announced, [`BodyError::Malformed`] when it is longer; the
    /// readers are told the same.
    pub fn finish(self) -> Result<Option<Vec<Bytes>>, BodyError> {
        let total = self.0.lock().total;
        let end = match self.0.limit.expected {
            Some(expected) if total < expected => Err(BodyError::Truncated),
            Some(expected) if total > expected => Err(BodyError::Malformed),
            _ => Ok(()),
        };
        self.end(end);
        end?;
        Ok(self.kept())
    }

    /// Says that the body failed.
    pub fn fail(self, error: BodyError) {
        self.end(Err(error));
    }

    fn end(&self, end: Result<(), BodyError>) {
        let mut state = self.0.lock();
        if state.end.is_none() {
            state.end = Some(end);
            let wakers = state.wakers();
            drop(state);
            wakers.into_iter().for_each(Waker::wake);
        }
    }
}

impl Drop for FillWriter {
    fn drop(&mut self) {
        self.end(Err(BodyError::Aborted));
    }
}

impl fmt::Debug for FillWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FillWriter")
    }
}

/// The side that can be read. Cloning shares it; it reads nothing itself.
#[derive(Clone)]
pub struct Fill(Arc<Shared>);

impl Fill {
    /// A reader from the first byte on; `None` once the fill is sealed and its first bytes may be gone, or has failed.
    pub fn reader(&self) -> Option<FillReader> {
        let mut state = self.0.lock();
        if state.sealed && state.total > 0 || state.end.is_some_and(|end| end.is_err()) {
            return None;
        }
        let beginning = Cursor { chunk: 0, offset: 0 };
        let reader = ReaderState { cursor: beginning, taken: 0, seen: 0, cut: false, waker: None };
        let id = state.free.pop().unwrap_or(state.readers.len());
        match state.readers.get_mut(id) {
            Some(place) => *place = Some(reader),
            None => state.readers.push(Some(reader)),
        }
        drop(state);
        Some(FillReader::new(&self.0, id))
    }

    /// True once nobody may join any more.
    pub fn is_sealed(&self) -> bool {
        self.0.lock().sealed
    }

    /// True when the body is longer than may be kept.
    pub fn has_outgrown(&self) -> bool {
        self.0.lock().total > self.0.limit.keep
    }

    /// Lets those who still read a whole body read it from `stored`, which holds the same bytes, and gives back what its
    /// chunks held of the budget.
    pub fn settle(&self, stored: Bytes) {
        let mut state = self.0.lock();
        if state.sealed || state.end != Some(Ok(())) || state.total != stored.len() as u64 {
            return;
        }
        for reader in state.readers.iter_mut().flatten() {
            reader.cursor =
                Cursor { chunk: 0, offset: usize::try_from(reader.taken).unwrap_or(usize::MAX) };
        }
        state.dropped = 0;
        state.chunks = VecDeque::from([stored]);
        let charged = std::mem::take(&mut state.charged);
        self.0.limit.budget.give_back(charged);
    }
}

impl fmt::Debug for Fill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fill").field("expected", &self.0.limit.expected).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
