//! A request's body on its way in.

use std::error::Error as _;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Sleep;

use crate::body::BodyError;
use crate::clock::{Clock, Timestamp};

use super::connection::Shared;
use super::watch::PROGRESS;

/// The content of a request, without its trailer fields.
///
/// It fails when the peer sends less than a kibibyte in the stall timeout. Only the time in which a reader waits counts:
/// an upload nobody reads is not a stalled one.
pub(super) struct Upload<B> {
    inner: B,
    shared: Arc<Shared>,
    clock: Clock,
    stall_timeout: Duration,
    /// Since when the reader waits.
    waiting_since: Option<Timestamp>,
    /// How long it has waited before that for the bytes in `moved`.
    waited: Duration,
    moved: u64,
    timer: Option<Pin<Box<Sleep>>>,
    failed: Option<BodyError>,
}

impl<B> Upload<B> {
    pub(super) fn new(
        inner: B,
        shared: Arc<Shared>,
        clock: Clock,
        stall_timeout: Duration,
    ) -> Self {
        shared.activity.upload_begins();
        Self {
            inner,
            shared,
            clock,
            stall_timeout,
            waiting_since: None,
            waited: Duration::ZERO,
            moved: 0,
            timer: None,
            failed: None,
        }
    }

    /// The reader waits: ready when it has waited too long.
    fn poll_stalled(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let now = self.clock.now();
        let begins = self.waiting_since.is_none();
        let since = *self.waiting_since.get_or_insert(now);
        let waited = self.waited + now.saturating_since(since);
        if waited >= self.stall_timeout {
            return Poll::Ready(());
        }
        let rest = self.stall_timeout.saturating_sub(waited);
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(rest)));
        if begins {
            timer.set(tokio::time::sleep(rest));
        }
        timer.as_mut().poll(cx)
    }

    /// The reader waits no more: `count` bytes have come.
    fn progress(&mut self, count: usize) {
        self.moved = self.moved.saturating_add(count as u64);
        let waited = self
            .waiting_since
            .take()
            .map_or(Duration::ZERO, |since| self.clock.now().saturating_since(since));
        self.waited += waited;
        // A reader that waits is woken in time. One that comes later than that was busy elsewhere.
        if self.moved >= PROGRESS || waited > self.stall_timeout {
            self.waited = Duration::ZERO;
            self.moved = 0;
        }
    }

    fn fail(&mut self, error: BodyError) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.failed = Some(error);
        Poll::Ready(Some(Err(error)))
    }
}

impl<B> Body for Upload<B>
where
    B: Body<Data = Bytes, Error = hyper::Error> + Unpin,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        // A failed body has no end: that would make it look whole.
        if let Some(error) = this.failed {
            return Poll::Ready(Some(Err(error)));
        }
        loop {
            match Pin::new(&mut this.inner).poll_frame(cx) {
                Poll::Pending if this.poll_stalled(cx).is_ready() => {
                    return this.fail(BodyError::Stalled);
                }
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(frame))) => {
                    // RFC 9112 §7.1.2: "A recipient that removes the chunked coding from a message MAY selectively
                    // retain or discard the received trailer fields."
                    let Ok(data) = frame.into_data() else { continue };
                    this.progress(data.len());
                    if this.inner.is_end_stream() {
                        this.shared.activity.upload_is_whole();
                    }
                    return Poll::Ready(Some(Ok(Frame::data(data))));
                }
                Poll::Ready(Some(Err(error))) => return this.fail(reason(&error)),
                Poll::Ready(None) => {
                    this.shared.activity.upload_is_whole();
                    return Poll::Ready(None);
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.failed.is_none() && self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl<B> Drop for Upload<B> {
    fn drop(&mut self) {
        // `inner` is dropped after this, which wakes the connection to look.
        self.shared.activity.upload_ends();
    }
}

impl<B> fmt::Debug for Upload<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload").field("failed", &self.failed).finish_non_exhaustive()
    }
}

/// What `error` says about the body: hyper gives the kind in the IO error it wraps.
fn reason(error: &hyper::Error) -> BodyError {
    let kind =
        error.source().and_then(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind);
    match kind {
        Some(io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData) => BodyError::Malformed,
        Some(io::ErrorKind::UnexpectedEof) => BodyError::Truncated,
        _ => BodyError::Aborted,
    }
}
