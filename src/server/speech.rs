//! Who speaks HTTP on a connection: hyper, while anything is said; nobody, while it rests.
//!
//! hyper holds 16 KiB of buffers for a connection, and room for an exchange. Of ten thousand clients that keep their
//! connections open, most say nothing at any moment. So hyper is given a connection with its first byte, has it taken away
//! after a silence, and is given it again with the next byte.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::server::conn::http1::{Builder, Parts, UpgradeableConnection};

use super::Handler;
use super::exchange::Service;
use super::io::{Io, Stream};
use super::socket::Lookout;

/// HTTP on one connection.
pub(super) enum Speech<S: Stream, H: Handler> {
    /// Boxed, so that nothing is left of it in one that rests.
    Hyper(Box<UpgradeableConnection<Io<S>, Service<H>>>),
    Rests(Silence<S, H>),
    Over,
}

/// What speaking takes: all that is kept of a connection that rests.
pub(super) struct Silence<S, H> {
    pub(super) io: Io<S>,
    pub(super) service: Service<H>,
}

impl<S: Stream, H: Handler> Speech<S, H> {
    /// Ready when hyper is done with the connection. One that rests is woken by whatever `lookout` hears.
    pub(super) fn poll(
        &mut self,
        http: &Builder,
        lookout: &Lookout,
        cx: &mut Context<'_>,
    ) -> Poll<hyper::Result<()>> {
        if let Self::Rests(silence) = self {
            if !silence.io.has_unread() {
                ready!(lookout.poll_heard(cx));
            }
            if let Some(Silence { io, service }) = self.take_silence() {
                let hyper = http.serve_connection(io, service).with_upgrades();
                *self = Self::Hyper(Box::new(hyper));
            }
        }
        match self {
            Self::Hyper(hyper) => Pin::new(hyper).poll(cx),
            Self::Rests(_) | Self::Over => Poll::Ready(Ok(())),
        }
    }

    /// Takes the connection out of hyper's hands, with what hyper has read but not understood. `None` if it cannot be had:
    /// it is over, or becomes a tunnel.
    pub(super) fn take_silence(&mut self) -> Option<Silence<S, H>> {
        match mem::replace(self, Self::Over) {
            Self::Hyper(hyper) => {
                let Parts { mut io, mut read_buf, service, .. } = hyper.into_parts()?;
                // RFC 9112 §2.2: "a server that is expecting to receive and parse a request-line SHOULD ignore at least one
                // empty line (CRLF) received prior to the request-line": it begins none.
                let begins = read_buf.iter().position(|byte| !matches!(byte, b'\r' | b'\n'));
                io.unread(read_buf.split_off(begins.unwrap_or(read_buf.len())));
                Some(Silence { io, service })
            }
            Self::Rests(silence) => Some(silence),
            Self::Over => None,
        }
    }
}
