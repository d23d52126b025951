//! The runtimes connections are served on, and what a connection occupies.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;

use super::Common;
use super::drain::Member;

/// Some runtimes, and how many connections each has.
pub(super) struct Workers(Box<[Arc<Worker>]>);

/// One of them.
pub(super) struct Worker {
    pub(super) handle: Handle,
    connections: AtomicUsize,
}

/// A connection's place on a worker; given up when dropped.
pub(super) struct Seat(Arc<Worker>);

impl Workers {
    pub(super) fn new(handles: Vec<Handle>) -> Self {
        let worker = |handle| Arc::new(Worker { handle, connections: AtomicUsize::new(0) });
        Self(handles.into_iter().map(worker).collect())
    }

    /// A place on the worker with the fewest connections; `None` if there are no workers.
    pub(super) fn seat(&self) -> Option<Seat> {
        let worker =
            self.0.iter().min_by_key(|worker| worker.connections.load(Ordering::Relaxed))?;
        worker.connections.fetch_add(1, Ordering::Relaxed);
        Some(Seat(Arc::clone(worker)))
    }
}

impl Seat {
    pub(super) fn handle(&self) -> &Handle {
        &self.0.handle
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a connection occupies; given back when it ends, however it ends.
pub(super) struct Place {
    pub(super) server: Arc<Common>,
    _seat: Seat,
    _slot: Option<OwnedSemaphorePermit>,
    /// Given back last: whoever waits for the drain finds everything else given back.
    pub(super) member: Member,
}

impl Place {
    pub(super) fn new(
        server: &Arc<Common>,
        seat: Seat,
        slot: Option<OwnedSemaphorePermit>,
    ) -> Self {
        server.events.opened();
        Self { server: Arc::clone(server), _seat: seat, _slot: slot, member: server.drain.enter() }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.server.events.closed();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_least_busy_worker_is_next() {
        let workers = Workers::new(vec![Handle::current(), Handle::current()]);
        let connections = || {
            workers
                .0
                .iter()
                .map(|worker| worker.connections.load(Ordering::Relaxed))
                .collect::<Vec<_>>()
        };
        let first = workers.seat().unwrap();
        let _second = workers.seat().unwrap();
        assert_eq!(connections(), [1, 1]);
        drop(first);
        let _third = workers.seat().unwrap();
        assert_eq!(connections(), [1, 1]);
        assert!(Workers::new(Vec::new()).seat().is_none());
    }
}
