//! A connection's socket, as hyper reads and writes it.

use std::fmt;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};

use super::connection::Shared;
use super::socket::{Endpoint, Lookout, Socket};

/// A stream over a socket.
pub(super) trait Stream: AsyncRead + AsyncWrite + AsFd + Send + Unpin + 'static {
    /// Keeps an eye on the socket.
    fn lookout(&self) -> Lookout;
}

impl<E: Endpoint> Stream for Socket<E> {
    fn lookout(&self) -> Lookout {
        Lookout::new(self)
    }
}

/// A socket that notes what goes through it.
pub(super) struct Io<S> {
    stream: TokioIo<S>,
    shared: Arc<Shared>,
    /// Was read before and is to be read again first.
    unread: Bytes,
}

impl<S: Stream> Io<S> {
    pub(super) fn new(stream: S, shared: Arc<Shared>) -> Self {
        Self { stream: TokioIo::new(stream), shared, unread: Bytes::new() }
    }

    /// Puts back what was read and not understood yet. If that is nothing, the buffer it was read into is given back.
    pub(super) fn unread(&mut self, bytes: Bytes) {
        self.unread = if bytes.is_empty() { Bytes::new() } else { bytes };
    }

    /// True when something was put back that was not read again.
    pub(super) fn has_unread(&self) -> bool {
        self.unread.has_remaining()
    }

    /// The socket alone.
    pub(super) fn into_stream(self) -> S {
        self.stream.into_inner()
    }

    /// True when bytes wait in the socket. The kernel is asked: a runtime knows what its last look at the sockets said.
    pub(super) fn has_waiting_bytes(&self) -> bool {
        matches!(self.socket().peek(&mut [MaybeUninit::uninit()]), Ok(1..))
    }

    fn socket(&self) -> SockRef<'_> {
        SockRef::from(self.stream.inner())
    }

    /// Writes past the runtime, when that was asked for. A socket is reported writable again only when a good part of the
    /// kernel's buffer is free, which takes a slow reader longer than a stall takes; a write finds whatever room there is.
    /// So do those after it, until there is none: what is left over now would pass for the reader's progress later.
    fn write_insisting(&self, bufs: &[IoSlice<'_>]) -> Option<usize> {
        if !self.shared.activity.is_insisting() {
            return None;
        }
        let written = self.socket().send_vectored(bufs).ok().filter(|written| *written > 0);
        if written.is_none() {
            self.shared.activity.desist();
        }
        written
    }

    /// Writes the interim responses. hyper flushes only when its own buffer is empty, and is given the final response only
    /// when these are out, so they stand between whole messages.
    fn poll_interim(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shared = Arc::clone(&self.shared);
        let mut unwritten = shared.interim.unwritten();
        while !unwritten.is_empty() {
            let written = ready!(Pin::new(&mut *self).poll_write(cx, &unwritten))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            unwritten.drain(..written);
        }
        drop(unwritten);
        shared.interim.is_written();
        // The exchange may wait with the final response.
        cx.waker().wake_by_ref();
        Poll::Ready(Ok(()))
    }

    fn note_write(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        match &written {
            Poll::Ready(Ok(count)) => self.shared.activity.sent(*count),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.shared.activity.blocked(),
        }
        written
    }
}

impl<S: Stream> Read for Io<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.has_unread() {
            let bytes = this.unread.split_to(this.unread.len().min(buf.remaining()));
            buf.put_slice(&bytes);
            this.shared.activity.received();
            return Poll::Ready(Ok(()));
        }
        let read = Pin::new(&mut this.stream).poll_read(cx, buf);
        // The end of the stream counts as bytes here, and makes no difference: hyper closes an idle connection at it.
        if let Poll::Ready(Ok(())) = read {
            this.shared.activity.received();
        }
        read
    }
}

impl<S: Stream> Write for Io<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = match this.write_insisting(&[IoSlice::new(buf)]) {
            Some(written) => Poll::Ready(Ok(written)),
            None => Pin::new(&mut this.stream).poll_write(cx, buf),
        };
        this.note_write(written)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.shared.interim.is_full() {
            ready!(this.poll_interim(cx))?;
        }
        let flushed = Pin::new(&mut this.stream).poll_flush(cx);
        // hyper flushes the socket when nothing is left in its own buffer.
        if let Poll::Ready(Ok(())) = flushed {
            this.shared.activity.flushed();
        }
        flushed
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = match this.write_insisting(bufs) {
            Some(written) => Poll::Ready(Ok(written)),
            None => Pin::new(&mut this.stream).poll_write_vectored(cx, bufs),
        };
        this.note_write(written)
    }
}

impl<S> fmt::Debug for Io<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Io").finish_non_exhaustive()
    }
}
