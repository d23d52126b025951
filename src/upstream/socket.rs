//! The socket of a connection to a server, watched.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::stream::Stream;

/// What is known of a socket beside what was read from it.
#[derive(Debug, Default)]
pub(super) struct SocketState {
    /// Some byte has come since the last request was sent.
    pub(super) heard: AtomicBool,
    /// The next read only looks whether there is anything to read.
    pub(super) probe: AtomicBool,
    /// Bytes the server's side has taken.
    pub(super) taken: AtomicU64,
}

impl SocketState {
    fn note(&self, written: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(count)) = written {
            self.taken.fetch_add(*count as u64, Ordering::Relaxed);
        }
    }
}

/// A stream that notes whether the server has said anything yet, and what it has taken.
pub(super) struct Socket {
    pub(super) stream: Stream,
    pub(super) state: Arc<SocketState>,
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.state.probe.load(Ordering::Relaxed) {
            // Closed, or spoken unasked: an end of file makes hyper give the connection up.
            return if self.stream.is_quiet() { Poll::Pending } else { Poll::Ready(Ok(())) };
        }
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > before {
            self.state.heard.store(true, Ordering::Relaxed);
        }
        read
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.state.note(&written);
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.state.note(&written);
        written
    }
}
