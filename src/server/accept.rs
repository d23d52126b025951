//! Accepting connections, and finding each a place.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpStream, UnixStream};
use tokio::sync::OwnedSemaphorePermit;

use crate::clock::Timestamp;
use crate::identity::peer::{Peer, Scheme};

use super::connection::Connection;
use super::listener::{Accepted, Acceptor, Listener};
use super::socket::Socket;
use super::workers::Place;
use super::{Common, Handler};

/// How long nothing is accepted after accepting has failed: time for a connection to end.
const BACK_OFF: Duration = Duration::from_millis(50);

/// Failures are reported this often at most.
const REPORTED_EVERY: Duration = Duration::from_secs(1);

/// Accepts until the server drains, then whatever is queued, and closes the listener.
pub(super) async fn run<H: Handler>(
    handler: &H,
    server: &Arc<Common>,
    listener: Listener,
) -> io::Result<()> {
    let _member = server.drain.enter();
    let acceptor = Acceptor::new(listener)?;
    tokio::select! {
        biased;
        () = server.drain.started() => {}
        () = accept_each(handler, server, &acceptor) => {}
    }
    // These clients were told by the kernel that they are connected. They are few, so no slot is asked of them.
    let listener = acceptor.into_listener()?;
    loop {
        match listener.accept_queued() {
            Ok(accepted) => {
                start(handler, server, accepted, Arc::clone(&server.slots).try_acquire_owned().ok())
            }
            Err(error) if concerns_one_connection(&error) => {}
            Err(_) => return Ok(()),
        }
    }
}

/// Accepts for ever.
async fn accept_each<H: Handler>(handler: &H, server: &Arc<Common>, acceptor: &Acceptor) {
    let mut reported: Option<Timestamp> = None;
    // The semaphore is never closed.
    while let Ok(slot) = Arc::clone(&server.slots).acquire_owned().await {
        match acceptor.accept().await {
            Ok(accepted) => start(handler, server, accepted, Some(slot)),
            Err(error) if concerns_one_connection(&error) => {}
            Err(error) => {
                drop(slot);
                let now = server.clock.now();
                if reported.is_none_or(|last| now.saturating_since(last) >= REPORTED_EVERY) {
                    reported = Some(now);
                    server.events.accept_failed(&error);
                }
                tokio::time::sleep(BACK_OFF).await;
            }
        }
    }
}

/// True when the connection was lost before it was accepted, and the next one is none the worse for it.
fn concerns_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}

/// Spawns the connection's task on a worker.
fn start<H: Handler>(
    handler: &H,
    server: &Arc<Common>,
    accepted: Accepted,
    slot: Option<OwnedSemaphorePermit>,
) {
    let Some(seat) = server.workers.seat() else { return };
    let worker = seat.handle().clone();
    let place = Place::new(server, seat, slot);
    let handler = handler.clone();
    // The stream is made on the worker's own runtime, which is to watch the socket.
    match accepted {
        Accepted::Tcp(stream, address) => worker.spawn(async move {
            if let Ok(stream) = TcpStream::from_std(stream) {
                let (stream, peer) = (Socket::new(stream), Peer::tcp(address, Scheme::Http));
                Connection::new(stream, peer, handler, place).await;
            }
        }),
        Accepted::Unix(stream) => worker.spawn(async move {
            if let Ok(stream) = UnixStream::from_std(stream) {
                Connection::new(Socket::new(stream), Peer::unix(), handler, place).await;
            }
        }),
    };
}
