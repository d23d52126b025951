//! One server of an upstream: where it is, how many connections it may have, how it has been doing.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::addresses::Addresses;
use super::connection::Connection;
use super::failure::Failure;
use crate::clock::{Clock, Timestamp};

/// So many failures in a row and the server is left alone for [`EJECTED_FOR`].
const EJECT_AFTER: u32 = 3;
/// How long an ejected server is left alone.
const EJECTED_FOR: Duration = Duration::from_secs(10);
/// So many requests may wait for a connection; the next is refused at once.
const QUEUE: usize = 1024;

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerAddress {
    /// A lower-case name, an IPv4 address, or an IPv6 address without its brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl fmt::Display for ServerAddress {
    /// As in a Host field, the default port left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]", self.host)?;
        } else {
            f.write_str(&self.host)?;
        }
        if self.port == 80 { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

/// A server, the connections to it, and its record.
pub(super) struct Server {
    pub(super) address: ServerAddress,
    addresses: Arc<Addresses>,
    permits: Arc<Semaphore>,
    max_connections: usize,
    waiting: AtomicUsize,
    idle: Mutex<VecDeque<Connection>>,
    failures_in_a_row: AtomicU32,
    /// In milliseconds, as [`Timestamp`]; 0 when it is not ejected.
    ejected_until: AtomicU64,
}

impl Server {
    pub(super) fn new(address: ServerAddress, max_connections: usize) -> Self {
        Self {
            addresses: Addresses::new(&address),
            address,
            permits: Arc::new(Semaphore::new(max_connections)),
            max_connections,
            waiting: AtomicUsize::new(0),
            idle: Mutex::default(),
            failures_in_a_row: AtomicU32::new(0),
            ejected_until: AtomicU64::new(0),
        }
    }

    /// Requests under way and requests waiting.
    pub(super) fn load(&self) -> usize {
        self.max_connections - self.permits.available_permits()
            + self.waiting.load(Ordering::Relaxed)
    }

    /// A place among the connections, waited for at most `patience`.
    pub(super) async fn admit(
        self: &Arc<Self>,
        patience: Duration,
    ) -> Result<OwnedSemaphorePermit, Failure> {
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            return Ok(permit);
        }
        let _waiting = Waiting::start(&self.waiting).ok_or(Failure::Overloaded)?;
        match tokio::time::timeout(patience, Arc::clone(&self.permits).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(Failure::Overloaded),
        }
    }

    /// The idle connection used last, if it is still sound; those that are not are closed on the way.
    pub(super) fn take_idle(&self, idle_timeout: Duration, now: Timestamp) -> Option<Connection> {
        loop {
            let mut connection = lock(&self.idle).pop_back()?;
            if now.saturating_since(connection.idle_since) < idle_timeout && connection.is_sound() {
                return Some(connection);
            }
        }
    }

    /// Keeps a connection for the next request. There are never more of them than may be in use at once; what is too many
    /// is closed by [`Server::close_outworn`], not while requests wait.
    pub(super) fn keep_idle(&self, connection: Connection) {
        lock(&self.idle).push_back(connection);
    }

    /// Closes the connections that have been idle for too long, and the oldest of those that are more than `keep`.
    pub(super) fn close_outworn(&self, keep: usize, idle_timeout: Duration, now: Timestamp) {
        let mut idle = lock(&self.idle);
        let outworn = idle.partition_point(|connection| {
            now.saturating_since(connection.idle_since) >= idle_timeout
        });
        let too_many = idle.len().saturating_sub(keep);
        let closed: Vec<_> = idle.drain(..outworn.max(too_many)).collect();
        drop(idle);
        // Closing sockets is not for the time a lock is held.
        drop(closed);
    }

    /// Makes a connection, trying the server's addresses in turn. An address that does not answer takes its share of
    /// `timeout` only.
    pub(super) async fn connect(
        &self,
        timeout: Duration,
        clock: &Clock,
    ) -> Result<Connection, Failure> {
        let began = clock.now();
        let addresses = tokio::time::timeout(timeout, self.addresses.get(clock)).await;
        let addresses = addresses.map_err(|_| Failure::ConnectTimeout)?;
        let mut failure = Failure::Unresolved;
        for (address, untried) in addresses.iter().zip((1..=addresses.len() as u32).rev()) {
            let left = timeout.saturating_sub(clock.now().saturating_since(began));
            let opening = Connection::open(*address, clock.now());
            match tokio::time::timeout(left / untried, opening).await {
                Ok(Ok(connection)) => {
                    self.addresses.prefer(*address);
                    return Ok(connection);
                }
                Ok(Err(error)) => failure = error,
                Err(_) => failure = Failure::ConnectTimeout,
            }
        }
        Err(failure)
    }

    /// Notes how a request went. True when that changed whether the server is ejected.
    pub(super) fn record(&self, outcome: Result<(), Failure>, now: Timestamp) -> bool {
        match outcome {
            Ok(()) => {
                if self.failures_in_a_row.load(Ordering::Relaxed) != 0 {
                    self.failures_in_a_row.store(0, Ordering::Relaxed);
                }
                self.ejected_until.load(Ordering::Relaxed) != 0
                    && self.ejected_until.swap(0, Ordering::Relaxed) != 0
            }
            Err(failure) if failure.blames_the_server() => {
                let failures =
                    self.failures_in_a_row.fetch_add(1, Ordering::Relaxed).saturating_add(1);
                let until = (now + EJECTED_FOR).as_millis();
                failures >= EJECT_AFTER && self.ejected_until.swap(until, Ordering::Relaxed) == 0
            }
            Err(_) => false,
        }
    }

    /// True while it is left alone.
    pub(super) fn is_ejected(&self, now: Timestamp) -> bool {
        now.as_millis() < self.ejected_until.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("address", &self.address).finish_non_exhaustive()
    }
}

/// One request in the queue.
struct Waiting<'s>(&'s AtomicUsize);

impl<'s> Waiting<'s> {
    fn start(count: &'s AtomicUsize) -> Option<Self> {
        let waiting = Self(count);
        (count.fetch_add(1, Ordering::Relaxed) < QUEUE).then_some(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use socket2::{Domain, Socket, Type};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    /// A listener whose queue is full, and what fills it: it answers no SYN.
    async fn unanswering() -> (std::net::TcpListener, Vec<TcpStream>) {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        socket.listen(0).unwrap();
        let listener = std::net::TcpListener::from(socket);
        let mut filling = Vec::new();
        let connect = || TcpStream::connect(listener.local_addr().unwrap());
        while let Ok(stream) = tokio::time::timeout(Duration::from_millis(200), connect()).await {
            filling.push(stream.unwrap());
        }
        (listener, filling)
    }

    #[tokio::test]
    async fn an_address_that_does_not_answer_leaves_time_for_the_next() {
        let (silent, _filling) = unanswering().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = ServerAddress { host: "origin.example".to_owned(), port: 80 };
        let (server, clock) = (Server::new(address, 1), Clock::system());
        let known = [silent.local_addr().unwrap(), listener.local_addr().unwrap()];
        server.addresses.learn(known.to_vec(), clock.now());
        assert!(server.connect(Duration::from_secs(1), &clock).await.is_ok());
        let first = server.addresses.get(&clock).await.first().copied();
        assert_eq!(first, Some(known[1]), "the one that worked is first now");
        listener.accept().await.unwrap();
    }
}
