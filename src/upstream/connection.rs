//! One connection to a server.
//!
//! Nobody looks after a connection but the request that uses it: no task of its own, no channel, no wake-up on the way
//! from the upstream's socket to the client's. While it is idle nobody reads it at all; what happened to it meanwhile is
//! found out when it is taken out of the pool.
//!
//! HTTP is read and written here and not by a library, for three things that none of them lets go of: a task or a driver
//! beside each connection, a buffer in each that waits, and a request that is gone once it was handed over.

use std::cell::RefCell;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, ReadBuf};

use super::alarm::Alarm;
use super::attempt::Unanswered;
use super::failure::Failure;
use super::head::{BadHead, ResponseHead};
use super::hearing::Hearing;
use super::sending::{Request, Sending, Unsent};
use super::stream::Stream;
use super::upgraded::Upgraded;
use crate::body::Duplex;
use crate::clock::{Clock, Timestamp};

/// Room for what is read while it is not known how much will come.
const ROOM: usize = 16 * 1024;
/// Room for what is read of content that fills the other.
const MORE_ROOM: usize = 64 * 1024;

thread_local! {
    /// All connections of a thread read into the same room, and keep what came: those that wait need none of their own.
    static READ: RefCell<Box<[u8]>> = RefCell::new(vec![0; ROOM].into());
}

/// A connection with nothing under way on it.
pub(super) struct Connection {
    stream: Stream,
    /// What has come and is not used up.
    pub(super) received: Bytes,
    /// The last read left no room: there is more to come.
    is_flowing: bool,
    /// It cannot carry another exchange.
    pub(super) is_spent: bool,
    /// For whoever waits for something to come.
    pub(super) alarm: Alarm,
    /// True once it has carried an exchange: the server may close it at any moment.
    pub(super) reused: bool,
    /// When it became idle.
    pub(super) idle_since: Timestamp,
}

/// The head that answers a request.
pub(super) struct Answered {
    pub(super) head: ResponseHead,
    pub(super) connection: Connection,
    /// What is still to be sent of the request.
    pub(super) sending: Option<Box<Sending>>,
}

impl Connection {
    /// HTTP on an established `stream`.
    pub(super) fn new(stream: Stream, now: Timestamp) -> Self {
        Self {
            stream,
            received: Bytes::new(),
            is_flowing: false,
            is_spent: false,
            alarm: Alarm::default(),
            reused: false,
            idle_since: now,
        }
    }

    /// True when the server has neither closed it nor sent anything unasked. `for_certain`: the kernel is asked, because
    /// the reactor may not have heard of it yet.
    pub(super) fn is_sound(&mut self, for_certain: bool) -> bool {
        (!for_certain && self.stream.seems_quiet()) || self.stream.is_quiet()
    }

    /// Sends `request` and waits for the response's head, as long as the server is not silent for `timeout`: while the
    /// request is still being taken, it is not.
    pub(super) async fn exchange(
        mut self,
        request: Request,
        hearing: &Hearing,
        timeout: Duration,
        clock: &Clock,
    ) -> Result<Answered, Unanswered> {
        let mut sending = Sending::new(request);
        let (mut is_sending, mut silent, mut taken) = (true, true, 0);
        let mut until = clock.now() + timeout;
        let answer = poll_fn(|cx| {
            if is_sending && let Poll::Ready(sent) = sending.poll(cx, &mut self.stream) {
                is_sending = false;
                match sent {
                    Ok(()) => {}
                    // It may have answered before it stopped listening.
                    Err(Unsent::Refused) => self.is_spent = true,
                    Err(Unsent::Torn) => return Poll::Ready(Err(Failure::ConnectionLost)),
                }
            }
            while let Poll::Ready(received) = self.poll_receive(cx) {
                if !received.unwrap_or(false) {
                    return Poll::Ready(Err(Failure::ConnectionLost));
                }
                silent = false;
                match hearing.final_head(&mut self.received) {
                    Ok(None) => {}
                    Ok(Some(head)) => return Poll::Ready(Ok(head)),
                    Err(BadHead) => return Poll::Ready(Err(Failure::BadResponse)),
                }
            }
            while self.alarm.poll(cx, until, clock).is_ready() {
                if sending.taken() == taken {
                    return Poll::Ready(Err(Failure::ResponseTimeout));
                }
                taken = sending.taken();
                until = clock.now() + timeout;
            }
            Poll::Pending
        });
        match answer.await {
            Ok(head) => {
                let sending = is_sending.then(|| Box::new(sending));
                Ok(Answered { head, connection: self, sending })
            }
            Err(failure) => Err(Unanswered {
                failure,
                silent,
                reused: self.reused,
                unsent: sending.taken() == 0,
                request: sending.into_request().map(Box::new),
            }),
        }
    }

    /// Receives more. False when the server has ended the connection.
    pub(super) fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        if self.is_flowing && self.received.is_empty() {
            let mut room = BytesMut::with_capacity(MORE_ROOM);
            let read = pin!(self.stream.read_buf(&mut room)).poll(cx);
            self.is_flowing = room.len() >= ROOM;
            ready!(read)?;
            // What little came is not to hold so much room.
            self.received =
                if self.is_flowing { room.freeze() } else { Bytes::copy_from_slice(&room) };
            return Poll::Ready(Ok(!self.received.is_empty()));
        }
        READ.with_borrow_mut(|room| {
            let mut room = ReadBuf::new(room);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut room))?;
            self.is_flowing = room.remaining() == 0;
            if self.received.is_empty() {
                self.received = Bytes::copy_from_slice(room.filled());
            } else {
                let mut received = BytesMut::from(std::mem::take(&mut self.received));
                received.extend_from_slice(room.filled());
                self.received = received.freeze();
            }
            Poll::Ready(Ok(!room.filled().is_empty()))
        })
    }

    /// Keeps an upload going beside the response; what becomes of it is known when it is over.
    pub(super) fn poll_send(
        &mut self,
        cx: &mut Context<'_>,
        sending: &mut Sending,
    ) -> Poll<Result<(), Unsent>> {
        sending.poll(cx, &mut self.stream)
    }

    /// Gives the connection over to whatever was switched to.
    pub(super) fn into_duplex(self) -> Box<dyn Duplex> {
        Box::new(Upgraded::new(self.received, self.stream))
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("reused", &self.reused).finish_non_exhaustive()
    }
}
