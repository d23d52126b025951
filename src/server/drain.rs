//! Ending gracefully: who is still there, and how they are told.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use tokio::sync::Notify;

/// Nobody was asked to leave.
const RUNNING: u8 = 0;
/// What was begun is finished, nothing new is begun.
const DRAINING: u8 = 1;
/// Whatever is left is dropped.
const CUT: u8 = 2;

/// The handle by which a server is drained; clones are the same drain.
///
/// Every connection and every accept loop is a member of it until it ends.
#[derive(Clone, Default)]
pub(super) struct Drain(Arc<Inner>);

#[derive(Default)]
struct Inner {
    stage: AtomicU8,
    members: Mutex<Members>,
    started: Notify,
    emptied: Notify,
}

#[derive(Default)]
struct Members {
    next: u64,
    wakers: HashMap<u64, Option<Waker>>,
}

impl Drain {
    /// A drain that has not started.
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Starts to drain: what is queued is accepted, the listeners close, every answer from now on closes its
    /// connection, and idle connections are closed after a moment's grace.
    pub(super) fn start(&self) {
        self.advance(DRAINING);
        self.0.started.notify_waiters();
    }

    /// Drops every connection that is left.
    pub(super) fn cut(&self) {
        self.advance(CUT);
        self.0.started.notify_waiters();
    }

    /// Drains: starts, waits for the last member to leave, and cuts those that are still there after `within`. False if
    /// any had to be cut.
    pub(super) async fn within(&self, within: Duration) -> bool {
        self.start();
        let in_time = tokio::time::timeout(within, self.finished()).await.is_ok();
        if !in_time {
            self.cut();
            self.finished().await;
        }
        in_time
    }

    /// True once the drain has started.
    pub(super) fn is_started(&self) -> bool {
        self.0.stage.load(Ordering::Acquire) != RUNNING
    }

    /// Resolves once the drain has started.
    pub(super) async fn started(&self) {
        let started = self.0.started.notified();
        if !self.is_started() {
            started.await;
        }
    }

    /// Resolves when no member is left: no listener, no connection, no tunnel.
    pub(super) async fn finished(&self) {
        loop {
            let emptied = self.0.emptied.notified();
            if self.0.members().wakers.is_empty() {
                return;
            }
            emptied.await;
        }
    }

    /// Counts one more.
    pub(super) fn enter(&self) -> Member {
        let mut members = self.0.members();
        let key = members.next;
        members.next += 1;
        members.wakers.insert(key, None);
        drop(members);
        Member { drain: self.clone(), key }
    }

    fn advance(&self, stage: u8) {
        self.0.stage.fetch_max(stage, Ordering::AcqRel);
        // A member that registers its waker after this looks at the stage after that, and sees it.
        let wakers: Vec<Waker> = self.0.members().wakers.values().flatten().cloned().collect();
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Inner {
    fn members(&self) -> MutexGuard<'_, Members> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Drain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drain").field("started", &self.is_started()).finish_non_exhaustive()
    }
}

/// One of those a drain waits for; leaves when dropped.
pub(super) struct Member {
    drain: Drain,
    key: u64,
}

impl Member {
    /// Has `waker` woken when the drain starts and when it cuts.
    pub(super) fn wake_by(&self, waker: &Waker) {
        if let Some(slot) = self.drain.0.members().wakers.get_mut(&self.key) {
            *slot = Some(waker.clone());
        }
    }

    /// True once the drain has started.
    pub(super) fn is_draining(&self) -> bool {
        self.drain.is_started()
    }

    /// True when it is time to drop everything.
    pub(super) fn is_cut(&self) -> bool {
        self.drain.0.stage.load(Ordering::Acquire) == CUT
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let mut members = self.drain.0.members();
        members.wakers.remove(&self.key);
        let empty = members.wakers.is_empty();
        drop(members);
        if empty {
            self.drain.0.emptied.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::sync::atomic::AtomicUsize;
    use std::task::{Context, Wake};

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn members_are_woken_and_waited_for() {
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut cx = Context::from_waker(Waker::noop());
        let drain = Drain::new();
        let member = drain.enter();
        member.wake_by(&waker);
        let mut started = pin!(drain.started());
        let mut finished = pin!(drain.finished());
        assert!(started.as_mut().poll(&mut cx).is_pending());
        assert!(finished.as_mut().poll(&mut cx).is_pending());

        drain.start();
        assert!(started.poll(&mut cx).is_ready());
        assert!(member.is_draining() && !member.is_cut());
        drain.cut();
        assert!(member.is_cut());
        assert_eq!(woken.0.load(Ordering::Relaxed), 2);

        assert!(finished.as_mut().poll(&mut cx).is_pending());
        drop(member);
        assert!(finished.poll(&mut cx).is_ready());
    }

    #[test]
    fn a_drain_without_members_is_finished_at_once() {
        let drain = Drain::new();
        assert!(pin!(drain.finished()).poll(&mut Context::from_waker(Waker::noop())).is_ready());
    }
}
