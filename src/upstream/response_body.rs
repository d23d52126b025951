//! A response's body as it comes from the upstream.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;

use super::connection::Connection;
use super::content::{Content, Taken};
use super::sending::{Sending, Unsent};
use super::server::Server;
use crate::body::{Body, BodyError};
use crate::clock::{Clock, Timestamp};
use crate::semantics::framing::ResponseBody as Framing;

/// A response's body as it comes from the upstream, with the connection it comes on.
pub(super) struct ResponseBody {
    content: Content,
    /// What is still to be sent of the request.
    sending: Option<Box<Sending>>,
    /// `None` when the body is over.
    source: Option<Source>,
    /// How long the upstream may be silent; `None` for event streams.
    read_timeout: Option<Duration>,
    /// Since when it is waited for.
    waiting_since: Option<Timestamp>,
}

/// Where a body comes from.
pub(super) struct Source {
    pub(super) connection: Connection,
    pub(super) server: Arc<Server>,
    pub(super) permit: OwnedSemaphorePermit,
    pub(super) clock: Clock,
}

impl Source {
    /// Keeps the connection for another exchange, where there can be one.
    pub(super) fn release(self) {
        let Self { mut connection, server, permit, clock } = self;
        if !connection.is_spent && connection.received.is_empty() {
            connection.idle_since = clock.now();
            connection.reused = true;
            server.keep_idle(connection);
        }
        drop(permit);
    }
}

impl ResponseBody {
    /// The body that comes from `source`, delimited by `framing`.
    pub(super) fn receive(
        framing: Framing,
        sending: Option<Box<Sending>>,
        source: Source,
        read_timeout: Option<Duration>,
    ) -> Body {
        let content = Content::new(framing);
        let source = Some(source);
        let mut this = Self { content, sending, source, read_timeout, waiting_since: None };
        if this.content.is_over() {
            this.release();
            return Body::Empty;
        }
        // Most bodies come with their heads, and need nobody to wait for them.
        if let Some(source) = &mut this.source
            && this
                .content
                .left()
                .is_some_and(|left| left <= source.connection.received.len() as u64)
            && let Ok(Taken::Chunk(whole)) = this.content.take(&mut source.connection.received)
        {
            this.release();
            return Body::Whole(whole);
        }
        Body::stream(this)
    }

    fn release(&mut self) {
        if let Some(mut source) = self.source.take() {
            source.connection.is_spent |= self.sending.take().is_some();
            source.release();
        }
    }

    /// Ends with the connection.
    fn fail(&mut self, error: BodyError) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.source = None;
        Poll::Ready(Some(Err(error)))
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
            let Some(Source { connection, clock, .. }) = &mut this.source else {
                return Poll::Ready(None);
            };
            if let Some(sending) = &mut this.sending
                && let Poll::Ready(sent) = connection.poll_send(cx, sending)
            {
                this.sending = None;
                match sent {
                    Ok(()) => {}
                    Err(Unsent::Refused) => connection.is_spent = true,
                    Err(Unsent::Torn) => return this.fail(BodyError::Aborted),
                }
            }
            match this.content.take(&mut connection.received) {
                Ok(Taken::Chunk(chunk)) => {
                    this.waiting_since = None;
                    if this.content.is_over() {
                        this.release();
                    }
                    return Poll::Ready(Some(Ok(Frame::data(chunk))));
                }
                Ok(Taken::End) => {
                    this.release();
                    return Poll::Ready(None);
                }
                Ok(Taken::Nothing) => {}
                Err(error) => return this.fail(error),
            }
            match connection.poll_receive(cx) {
                Poll::Ready(Ok(true)) => {}
                Poll::Ready(Ok(false)) if this.content.ends_with_the_connection() => {
                    this.source = None;
                    return Poll::Ready(None);
                }
                Poll::Ready(Ok(false)) => return this.fail(BodyError::Truncated),
                Poll::Ready(Err(_)) => return this.fail(BodyError::Aborted),
                Poll::Pending => {
                    let Some(limit) = this.read_timeout else { return Poll::Pending };
                    let since = *this.waiting_since.get_or_insert_with(|| clock.now());
                    if connection.alarm.poll(cx, since + limit, clock).is_ready() {
                        return this.fail(BodyError::Stalled);
                    }
                    return Poll::Pending;
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.source.is_none() || self.content.is_over()
    }

    fn size_hint(&self) -> SizeHint {
        self.content.left().map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}
