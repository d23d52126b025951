//! One server of an upstream: where it is, how many connections it may have, how it has been doing.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::HeaderValue;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connection::Connection;
use super::dial::Dialer;
use super::failure::Failure;
use super::server_address::ServerAddress;
use super::stream::Stream;
use super::tls::Tls;
use crate::clock::{Clock, Timestamp};

/// So many failures in a row and the server is left alone for [`EJECTED_FOR`].
const EJECT_AFTER: u32 = 3;
/// How long an ejected server is left alone.
const EJECTED_FOR: Duration = Duration::from_secs(10);
/// So many requests may wait for a connection; the next is refused at once.
const QUEUE: usize = 1024;

/// A server, the connections to it, and its record.
pub(super) struct Server {
    pub(super) address: ServerAddress,
    /// Its own name, as in a Host field.
    pub(super) host: HeaderValue,
    dialer: Dialer,
    permits: Arc<Semaphore>,
    max_connections: usize,
    waiting: AtomicUsize,
    idle: Mutex<VecDeque<Connection>>,
    failures_in_a_row: AtomicU32,
    /// In milliseconds, as [`Timestamp`]; 0 when it is not ejected.
    ejected_until: AtomicU64,
    /// It is the only one: nobody would be better off without it.
    is_alone: bool,
    /// Found unhealthy by asking it.
    is_sick: AtomicBool,
    /// Whether it was last said to be well.
    announced: Mutex<bool>,
    /// Another has taken its place: what it still has under way is its last.
    is_retired: AtomicBool,
}

impl Server {
    pub(super) fn new(
        address: ServerAddress,
        tls: &Tls,
        max_connections: usize,
        is_alone: bool,
    ) -> Self {
        let host = HeaderValue::try_from(address.authority());
        Self {
            host: host.unwrap_or(HeaderValue::from_static("")),
            dialer: Dialer::new(&address, tls),
            address,
            permits: Arc::new(Semaphore::new(max_connections)),
            max_connections,
            waiting: AtomicUsize::new(0),
            idle: Mutex::default(),
            failures_in_a_row: AtomicU32::new(0),
            ejected_until: AtomicU64::new(0),
            is_alone,
            is_sick: AtomicBool::new(false),
            announced: Mutex::new(true),
            is_retired: AtomicBool::new(false),
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

    /// The idle connection used last, if it is still sound, `for_certain` or as far as is known; those that are not are
    /// closed on the way.
    pub(super) fn take_idle(
        &self,
        idle_timeout: Duration,
        now: Timestamp,
        for_certain: bool,
    ) -> Option<Connection> {
        loop {
            let mut connection = lock(&self.idle).pop_back()?;
            let is_in_time = now.saturating_since(connection.idle_since) < idle_timeout;
            if is_in_time && connection.is_sound(for_certain) {
                return Some(connection);
            }
        }
    }

    /// Keeps a connection for the next request. There are never more of them than may be in use at once; what is too many
    /// is closed by [`Server::close_outworn`], not while requests wait.
    pub(super) fn keep_idle(&self, connection: Connection) {
        let mut idle = lock(&self.idle);
        if !self.is_retired.load(Ordering::Relaxed) {
            idle.push_back(connection);
        }
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

    /// Makes a connection to it within `timeout`.
    pub(super) async fn dial(&self, timeout: Duration, clock: &Clock) -> Result<Stream, Failure> {
        self.dialer.dial(timeout, clock).await
    }

    /// Notes how a request went. True when that may have changed whether the server is well.
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

    /// Notes what asking it came to.
    pub(super) fn set_sick(&self, is_sick: bool) {
        self.is_sick.store(is_sick, Ordering::Relaxed);
    }

    /// False while others are to be preferred: it was found unhealthy, or failed too often to be tried at present.
    pub(super) fn is_well(&self, now: Timestamp) -> bool {
        let is_ejected = now.as_millis() < self.ejected_until.load(Ordering::Relaxed);
        !self.is_sick.load(Ordering::Relaxed) && (self.is_alone || !is_ejected)
    }

    /// Tells `of_change` whether it is well, if that is another than was told before.
    pub(super) fn announce(&self, now: Timestamp, of_change: impl FnOnce(bool)) {
        // Held meanwhile, so that the last one told is what holds.
        let mut announced = lock(&self.announced);
        let is_well = self.is_well(now);
        if *announced != is_well && !self.is_retired.load(Ordering::Relaxed) {
            *announced = is_well;
            of_change(is_well);
        }
    }

    /// Closes idle connections, keeps none from now on, and says no more of itself.
    pub(super) fn retire(&self) {
        self.is_retired.store(true, Ordering::Relaxed);
        drop(lock(&self.announced));
        let closed = std::mem::take(&mut *lock(&self.idle));
        drop(closed);
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
    use super::*;

    fn server(is_alone: bool) -> Server {
        let address = ServerAddress::Unix("/nowhere/app.sock".into());
        Server::new(address, &Tls::new(None), 1, is_alone)
    }

    fn at(secs: u64) -> Timestamp {
        Timestamp::from_secs(1000 + secs)
    }

    #[test]
    fn three_failures_in_a_row_and_it_is_left_alone_for_ten_seconds() {
        let server = server(false);
        let failed = Err(Failure::ConnectFailed);
        for outcome in [failed, failed, Ok(()), failed, failed, Err(Failure::Overloaded)] {
            assert!(!server.record(outcome, at(0)) && server.is_well(at(0)));
        }
        assert!(server.record(failed, at(0)));
        assert!(!server.is_well(at(0)) && !server.is_well(at(9)) && server.is_well(at(10)));
        assert!(server.record(Ok(()), at(5)) && server.is_well(at(5)));
    }

    #[test]
    fn the_only_server_is_never_left_alone() {
        let server = server(true);
        for _ in 0..5 {
            server.record(Err(Failure::ConnectFailed), at(0));
        }
        assert!(server.is_well(at(0)));
    }

    #[test]
    fn a_change_is_told_once_and_none_after_retirement() {
        let (server, told) = (server(false), Mutex::new(Vec::new()));
        let look = |secs| server.announce(at(secs), |is_well| lock(&told).push(is_well));
        let fail = || {
            for _ in 0..3 {
                server.record(Err(Failure::ConnectFailed), at(0));
            }
        };
        look(0);
        fail();
        look(0);
        server.set_sick(true);
        look(0);
        server.record(Ok(()), at(1));
        look(1);
        assert_eq!(*lock(&told), [false], "it is still sick");
        server.set_sick(false);
        look(1);
        server.retire();
        fail();
        look(1);
        assert_eq!(*lock(&told), [false, true]);
    }
}
