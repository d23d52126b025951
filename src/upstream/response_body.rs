//! A response's body as it comes from the upstream.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::time::Sleep;

use super::connection::{Connection, Incoming};
use crate::body::{Body, BodyError};
use crate::clock::{Clock, Timestamp};

/// What becomes of the connection once a response's body is over.
pub(super) type Release = Box<dyn FnOnce(Option<Connection>) + Send>;

/// A response's body as it comes from the upstream, with the connection it comes on.
pub(super) struct ResponseBody {
    body: Incoming,
    connection: Option<Connection>,
    /// Told once, when the body is over: the connection if it can be used again.
    release: Option<Release>,
    reusable: bool,
    stall: Option<Stall>,
}

impl ResponseBody {
    /// `read_timeout`: how long the upstream may be silent; `None` for event streams. `reusable`: whether the connection
    /// may carry another exchange.
    pub(super) fn receive(
        body: Incoming,
        connection: Connection,
        read_timeout: Option<Duration>,
        clock: &Clock,
        reusable: bool,
        release: Release,
    ) -> Body {
        let mut this = Self {
            body,
            connection: Some(connection),
            release: Some(release),
            reusable,
            stall: read_timeout.map(|limit| Stall {
                limit,
                clock: clock.clone(),
                since: None,
                timer: None,
            }),
        };
        if http_body::Body::is_end_stream(&this.body) {
            this.release(&mut Context::from_waker(Waker::noop()));
            return Body::Empty;
        }
        Body::stream(this)
    }

    fn release(&mut self, cx: &mut Context<'_>) {
        let Some(mut connection) = self.connection.take() else { return };
        let Some(release) = self.release.take() else { return };
        let free = self.reusable && connection.is_free(cx);
        release(free.then_some(connection));
    }

    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        for round in 0..2 {
            match http_body::Body::poll_frame(Pin::new(&mut self.body), cx) {
                Poll::Ready(Some(Ok(frame))) => return Poll::Ready(Some(Ok(frame))),
                Poll::Ready(Some(Err(error))) => {
                    return Poll::Ready(Some(Err(body_error_of(&error))));
                }
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending if round == 0 => {
                    if let Some(connection) = &mut self.connection {
                        connection.drive(cx);
                    }
                }
                Poll::Pending => {}
            }
        }
        Poll::Pending
    }
}

impl http_body::Body for ResponseBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        loop {
            match this.poll_body(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    if let Some(stall) = &mut this.stall {
                        stall.since = None;
                    }
                    if http_body::Body::is_end_stream(&this.body) {
                        this.release(cx);
                    }
                    // Trailers are dropped (RFC 9110 §6.5.1): who forwards them has to know what each of them means.
                    if frame.is_data() {
                        return Poll::Ready(Some(Ok(frame)));
                    }
                }
                Poll::Ready(Some(Err(error))) => {
                    this.reusable = false;
                    this.release(cx);
                    return Poll::Ready(Some(Err(error)));
                }
                Poll::Ready(None) => {
                    this.release(cx);
                    return Poll::Ready(None);
                }
                Poll::Pending => {
                    if this.stall.as_mut().is_some_and(|stall| stall.poll_over(cx)) {
                        this.reusable = false;
                        this.release(cx);
                        return Poll::Ready(Some(Err(BodyError::Stalled)));
                    }
                    return Poll::Pending;
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        if let Some(release) = self.release.take() {
            release(None);
        }
    }
}

fn body_error_of(error: &hyper::Error) -> BodyError {
    if error.is_incomplete_message() {
        BodyError::Truncated
    } else if error.is_parse() || error.is_parse_too_large() {
        BodyError::Malformed
    } else {
        BodyError::Aborted
    }
}

/// Notices that the upstream has been silent while it was waited for. The timer is made at the first wait and set again
/// only when it fires: most bodies never need it.
struct Stall {
    limit: Duration,
    clock: Clock,
    since: Option<Timestamp>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Stall {
    fn poll_over(&mut self, cx: &mut Context<'_>) -> bool {
        let now = self.clock.now();
        let since = *self.since.get_or_insert(now);
        let left = self.limit.saturating_sub(now.saturating_since(since));
        if left.is_zero() {
            return true;
        }
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(left)));
        while timer.as_mut().poll(cx).is_ready() {
            timer.set(tokio::time::sleep(left));
        }
        false
    }
}
