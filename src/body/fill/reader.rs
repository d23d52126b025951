//! The reading side of a fill.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::ops::Range;
use std::sync::{Arc, MutexGuard};
use std::task::{Context, Poll};

use bytes::Bytes;

use super::super::BodyError;
use super::{Cursor, Shared, State, WINDOW};

/// How many bytes, about, a reader takes from the shared state at once.
const BATCH: usize = 64 * 1024;

/// One reader of a fill, with a place of its own.
pub struct FillReader {
    shared: Arc<Shared>,
    id: usize,
    /// Taken from the shared state and not yet handed on.
    chunks: VecDeque<Bytes>,
    /// Bytes to pass over before the first that is wanted.
    skip: u64,
    /// Where in the body the last byte stands that was passed over or handed on.
    position: u64,
    /// Bytes that are still wanted; `None`: all, however many come.
    left: Option<u64>,
    /// How the fill ends after `chunks`, once that is known.
    last: Option<Result<(), BodyError>>,
}

impl FillReader {
    /// The reader in this place.
    pub(super) fn new(shared: &Arc<Shared>, id: usize) -> Self {
        Self {
            shared: Arc::clone(shared),
            id,
            chunks: VecDeque::new(),
            skip: 0,
            position: 0,
            left: shared.limit.expected,
            last: None,
        }
    }

    /// Reads only `part` of the body, counted from its first byte. To be called before anything was read.
    #[must_use]
    pub fn part(mut self, part: Range<u64>) -> Self {
        self.skip = part.start;
        self.left = Some(part.end.saturating_sub(part.start));
        self
    }

    /// Reads `part` next, once the part before it has been read to its end. Where that reached further, what is left.
    pub fn go_on_with(&mut self, part: &Range<u64>) {
        let start = part.start.max(self.position);
        self.skip = start - self.position;
        self.left = Some(part.end.saturating_sub(start));
    }

    /// Bytes still to come; `None` where nobody knows.
    pub const fn remaining(&self) -> Option<u64> {
        self.left
    }

    /// True when nothing is left to read and that is known.
    pub fn is_end(&self) -> bool {
        self.left == Some(0) || (self.chunks.is_empty() && self.last == Some(Ok(())))
    }

    /// The next chunk; `None` at the end of a whole body.
    pub fn poll_chunk(&mut self, cx: &Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        loop {
            if self.left == Some(0) {
                return Poll::Ready(None);
            }
            while let Some(chunk) = self.chunks.pop_front() {
                if let Some(wanted) = self.cut_to_want(chunk) {
                    return Poll::Ready(Some(Ok(wanted)));
                }
            }
            match self.last {
                Some(Ok(())) => return Poll::Ready(None),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => {
                    if !self.take_batch(cx) {
                        return Poll::Pending;
                    }
                }
            }
        }
    }

    /// The next chunk, awaited.
    pub async fn next(&mut self) -> Option<Result<Bytes, BodyError>> {
        poll_fn(|cx| self.poll_chunk(cx)).await
    }

    /// True when the next chunk, or the end, is there without waiting.
    pub fn is_ready(&self) -> bool {
        if !self.chunks.is_empty() || self.last.is_some() {
            return true;
        }
        let state = self.shared.lock();
        let unread = state
            .readers
            .get(self.id)
            .and_then(Option::as_ref)
            .is_none_or(|me| me.taken < state.total);
        unread || state.end.is_some()
    }

    /// True once the body is no longer kept for storing.
    pub fn is_sealed(&self) -> bool {
        self.shared.lock().sealed
    }

    /// What of `chunk` lies in the wanted part.
    fn cut_to_want(&mut self, mut chunk: Bytes) -> Option<Bytes> {
        let skipped = self.skip.min(chunk.len() as u64);
        self.skip -= skipped;
        let _ = chunk.split_to(skipped as usize);
        if let Some(left) = &mut self.left {
            let wanted = usize::try_from(*left).unwrap_or(usize::MAX).min(chunk.len());
            // Another part may be wanted of it.
            let rest = chunk.split_off(wanted);
            if !rest.is_empty() {
                self.chunks.push_front(rest);
            }
            *left -= chunk.len() as u64;
        }
        self.position += skipped + chunk.len() as u64;
        (!chunk.is_empty()).then_some(chunk)
    }

    /// Takes what there is; false when there is nothing yet and the reader will be woken.
    fn take_batch(&mut self, cx: &Context<'_>) -> bool {
        let mut state = self.shared.lock();
        let State { chunks, dropped, total, end, readers, .. } = &mut *state;
        let Some(me) = readers.get_mut(self.id).and_then(Option::as_mut) else {
            self.last = Some(Err(BodyError::Aborted));
            return true;
        };
        if me.cut {
            self.last = Some(Err(BodyError::Stalled));
            return true;
        }
        let mut taken = 0;
        while taken < BATCH {
            let Some(chunk) =
                me.cursor.chunk.checked_sub(*dropped).and_then(|index| chunks.get(index))
            else {
                break;
            };
            // The last chunk may still be joined by a small one behind it: the cursor stays in it.
            let rest = chunk.slice(me.cursor.offset..);
            let is_last = me.cursor.chunk + 1 == *dropped + chunks.len();
            if is_last && end.is_none() {
                me.cursor.offset = chunk.len();
            } else {
                me.cursor = Cursor { chunk: me.cursor.chunk + 1, offset: 0 };
            }
            taken += rest.len();
            me.taken += rest.len() as u64;
            if !rest.is_empty() {
                self.chunks.push_back(rest);
            }
            if is_last {
                break;
            }
        }
        if me.taken == *total && end.is_some() {
            self.last = *end;
        } else if self.chunks.is_empty() {
            me.waker = Some(cx.waker().clone());
            return false;
        }
        self.shared_progress(state);
        true
    }

    fn shared_progress(&self, mut state: MutexGuard<'_, State>) {
        state.let_go(&self.shared.limit.budget);
        // Nobody waits while the fill is open: its readers are not gone through then.
        let has_room = state.writer.is_some() && state.lag().is_none_or(|lag| lag <= WINDOW);
        let writer = if has_room { state.writer.take() } else { None };
        drop(state);
        if let Some(writer) = writer {
            writer.wake();
        }
    }
}

impl Drop for FillReader {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        if let Some(me) = state.readers.get_mut(self.id) {
            *me = None;
            state.free.push(self.id);
        }
        self.shared_progress(state);
    }
}

impl fmt::Debug for FillReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FillReader").field("left", &self.left).finish_non_exhaustive()
    }
}
