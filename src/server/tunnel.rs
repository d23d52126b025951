//! An upgraded connection: bytes, both ways, until one side is done.

use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, copy_bidirectional};

use crate::body::TunnelEnd;
use crate::clock::{Clock, Timestamp};

/// Carries bytes between the client that upgraded and the upstream's end, until both have said all they have to say, or
/// one is lost, or nothing has moved for the tunnel's idle timeout. One side's end of stream is passed on to the other.
pub(super) async fn run(client: OnUpgrade, upstream: TunnelEnd, clock: Clock) {
    let TunnelEnd { upstream, idle_timeout, guard: _guard } = upstream;
    let Ok(client) = client.await else { return };
    let moved = Moved { at: AtomicU64::new(clock.now().as_millis()), clock };
    let mut client = Noted { inner: TokioIo::new(client), moved: &moved };
    let mut upstream = Noted { inner: upstream, moved: &moved };
    let copying = copy_bidirectional(&mut client, &mut upstream);
    tokio::select! {
        // How it ended makes no difference: both ends are dropped.
        _ = copying => {}
        () = moved.not_for(idle_timeout) => {}
    }
}

/// When something last moved.
struct Moved {
    at: AtomicU64,
    clock: Clock,
}

impl Moved {
    fn note(&self) {
        self.at.store(self.clock.now().as_millis(), Ordering::Relaxed);
    }

    /// Resolves when nothing has moved for `idle_timeout`.
    async fn not_for(&self, idle_timeout: Duration) {
        loop {
            let moved = Timestamp::from_millis(self.at.load(Ordering::Relaxed));
            let left = idle_timeout.saturating_sub(self.clock.now().saturating_since(moved));
            if left.is_zero() {
                return;
            }
            pin!(tokio::time::sleep(left)).await;
        }
    }
}

/// A stream that notes when something is read from it.
struct Noted<'m, S> {
    inner: S,
    moved: &'m Moved,
}

impl<S: AsyncRead + Unpin> AsyncRead for Noted<'_, S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.inner).poll_read(cx, buf);
        if read.is_ready() {
            self.moved.note();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Noted<'_, S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
