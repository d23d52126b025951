//! A connection's socket: read and written by one, watched by another.

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

/// Slices of so many bytes in all are written as one: to copy these costs less than to hand over several.
const FEW: usize = 4 * 1024;

thread_local! {
    /// Where they are put together.
    static JOINED: RefCell<Vec<u8>> = RefCell::new(Vec::with_capacity(FEW));
}

/// A socket that can be held by several.
pub(super) trait Endpoint: AsFd + Send + Sync + 'static {
    fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
    fn try_read(&self, buf: &mut ReadBuf<'_>) -> io::Result<()>;
    fn try_write(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize>;
    fn failed(self: Arc<Self>) -> Failed;
}

/// Resolves when a socket has failed.
type Failed = Pin<Box<dyn Future<Output = ()> + Send>>;

macro_rules! endpoint {
    ($stream:ty) => {
        impl Endpoint for $stream {
            fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.poll_read_ready(cx)
            }

            fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                self.poll_write_ready(cx)
            }

            fn try_read(&self, buf: &mut ReadBuf<'_>) -> io::Result<()> {
                let room = buf.remaining();
                let mut count = None;
                let read = self.try_io(Interest::READABLE, || {
                    let read = *count.insert(self.try_read_buf(buf)?);
                    // Less than there was room for is all there was. To say so here, as the runtime's own reads do,
                    // saves asking the kernel again.
                    if (1..room).contains(&read) {
                        Err(io::ErrorKind::WouldBlock.into())
                    } else {
                        Ok(())
                    }
                });
                if count.is_some() { Ok(()) } else { read }
            }

            fn try_write(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
                let length: usize = bufs.iter().map(|buf| buf.len()).sum();
                match bufs {
                    [only] => Self::try_write(self, only),
                    _ if length > FEW => self.try_write_vectored(bufs),
                    _ => JOINED.with_borrow_mut(|joined| {
                        joined.clear();
                        bufs.iter().for_each(|buf| joined.extend_from_slice(buf));
                        Self::try_write(self, joined)
                    }),
                }
            }

            fn failed(self: Arc<Self>) -> Failed {
                Box::pin(async move {
                    // An error is what the runtime has gone with; the task goes with it too.
                    let _ = self.ready(Interest::ERROR).await;
                })
            }
        }
    };
}

endpoint!(TcpStream);
endpoint!(UnixStream);

/// The hand that reads and writes.
#[derive(Debug)]
pub(super) struct Socket<E>(Arc<E>);

impl<E: Endpoint> Socket<E> {
    pub(super) fn new(endpoint: E) -> Self {
        Self(Arc::new(endpoint))
    }
}

impl<E: Endpoint> AsFd for Socket<E> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl<E: Endpoint> AsyncRead for Socket<E> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            ready!(self.0.poll_readable(cx))?;
            match self.0.try_read(buf) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                read => return Poll::Ready(read),
            }
        }
    }
}

impl<E: Endpoint> AsyncWrite for Socket<E> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(match SockRef::from(&*self.0).shutdown(Shutdown::Write) {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(()),
            shut => shut,
        })
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.poll_writable(cx))?;
            match self.0.try_write(bufs) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                written => return Poll::Ready(written),
            }
        }
    }
}

/// The eye that sees what becomes of a connection of which nothing is read and to which nothing is written.
pub(super) struct Lookout {
    endpoint: Arc<dyn Endpoint>,
    failed: Option<Failed>,
}

impl Lookout {
    pub(super) fn new<E: Endpoint>(socket: &Socket<E>) -> Self {
        Self { endpoint: Arc::<E>::clone(&socket.0), failed: None }
    }

    /// Ready once there is something to read: bytes, the end, or an error.
    pub(super) fn poll_heard(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.endpoint.poll_readable(cx).map(|_| ())
    }

    /// Ready once the connection was reset, and nothing can come of it any more. A peer that has only said that it will
    /// send nothing more still listens, and one that has sent more than was read waits for all its answers.
    pub(super) fn poll_lost(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let endpoint = &self.endpoint;
        self.failed.get_or_insert_with(|| Arc::clone(endpoint).failed()).as_mut().poll(cx)
    }

    /// True when the peer has said all it will ever say, and everything of that was read.
    pub(super) fn has_heard_all(&self) -> bool {
        let socket = self.endpoint.as_fd();
        matches!(SockRef::from(&socket).peek(&mut [MaybeUninit::uninit()]), Ok(0))
    }

    /// Has the connection reset when it is closed, so that nobody takes its end for the end of a response.
    pub(super) fn reset_on_close(&self) {
        // Failing that, the end comes as it would have come.
        let _ = SockRef::from(&self.endpoint.as_fd()).set_linger(Some(Duration::ZERO));
    }
}

impl fmt::Debug for Lookout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lookout")
    }
}
