//! Those who wait for the end of another replica's lease.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio::time::timeout;

use super::LANDED;
use crate::redis::Link;

/// Leases whose end is listened for at once. The others are waited for as long as they last.
const MOST: usize = 10_000;

/// The leases whose end somebody here waits for. A lease that has ended is no longer among them, which wakes its waiters.
#[derive(Debug, Default)]
pub(super) struct Waiting(Mutex<HashMap<Bytes, watch::Sender<()>>>);

impl Waiting {
    /// A place to wait for the end of this lease.
    pub(super) fn place(waiting: &Arc<Self>, key: &Bytes) -> Place {
        let mut leases = waiting.lock();
        let known = leases.get(key).map(watch::Sender::subscribe);
        let ended = match known {
            None if leases.len() >= MOST => None,
            None => {
                let (sender, receiver) = watch::channel(());
                leases.insert(key.clone(), sender);
                Some(receiver)
            }
            known => known,
        };
        drop(leases);
        Place { waiting: Arc::clone(waiting), key: key.clone(), ended }
    }

    fn ended(&self, key: &Bytes) {
        self.lock().remove(key);
    }

    fn all_ended(&self) {
        self.lock().clear();
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Bytes, watch::Sender<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place among those who wait.
#[derive(Debug)]
pub(super) struct Place {
    waiting: Arc<Waiting>,
    key: Bytes,
    /// Closed at the end of the lease. `None`: there was no room.
    pub(super) ended: Option<watch::Receiver<()>>,
}

impl Place {
    pub(super) const fn wait(self, left: Duration) -> Wait {
        Wait { place: self, left }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut leases = self.waiting.lock();
        self.ended = None;
        if leases.get(&self.key).is_some_and(|sender| sender.receiver_count() == 0) {
            leases.remove(&self.key);
        }
    }
}

/// A lease of another replica, to be waited for.
#[derive(Debug)]
pub struct Wait {
    pub(super) place: Place,
    /// How long the lease lasts if it is not renewed.
    pub(super) left: Duration,
}

impl Wait {
    /// Waits until the lease has been given back, or might have ended by itself; for `patience` at most.
    pub async fn over(mut self, patience: Duration) {
        let ended = async {
            match &mut self.place.ended {
                Some(ended) => while ended.changed().await.is_ok() {},
                None => std::future::pending().await,
            }
        };
        let _ = timeout(self.left.min(patience), ended).await;
    }
}

/// Wakes those who wait whenever a lease ends. A message that is lost costs them the rest of its term.
pub(super) async fn listen(link: Arc<Link>, waiting: Weak<Waiting>) {
    let mut messages = link.subscribe(LANDED).await;
    // It ends with the link, which it is not to keep alive.
    drop(link);
    loop {
        let message = messages.recv().await;
        let Some(waiting) = waiting.upgrade() else { return };
        match message {
            Ok(message) if message.channel == LANDED => waiting.ended(&message.payload),
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => waiting.all_ended(),
            Err(RecvError::Closed) => return,
        }
    }
}
