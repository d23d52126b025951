//! What becomes of a purge that was handed to the log.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::Log;
use super::question::Place;
use crate::caching::record::Nonce;
use crate::caching::stamp::Position;

/// How long until it is asked again who has applied a purge: at first, and at last.
const PAUSES: [Duration; 2] = [Duration::from_millis(2), Duration::from_millis(50)];

/// What is known of a purge that was handed to the log.
#[derive(Clone, Debug)]
pub struct Receipt {
    log: Arc<Log>,
    nonce: Nonce,
    /// Where the log has it. After a loss, it has it elsewhere.
    logged: watch::Receiver<Position>,
}

impl Receipt {
    pub(super) const fn new(
        log: Arc<Log>,
        nonce: Nonce,
        logged: watch::Receiver<Position>,
    ) -> Self {
        Self { log, nonce, logged }
    }

    /// The number that the purge has in the log; `None` if it has none `within` that time.
    pub async fn logged(&self, within: Duration) -> Option<u64> {
        let mut logged = self.logged.clone();
        let is_there = logged.wait_for(|position| position.epoch != 0);
        timeout(within, is_there).await.ok()?.ok().map(|position| position.record)
    }

    /// Whether by now no replica uses anything that the purge covers. Asks Redis.
    ///
    /// Where a replica does not answer, that is so once its lease is over: `max_unsynced` and a second after the purge was
    /// logged. The same holds for purges that are logged so soon after the log itself began, or after replicas were given
    /// up: somebody may be there that has not been heard of.
    pub async fn applied(&self) -> bool {
        let position = *self.logged.borrow();
        let place = Place { position, nonce: self.nonce };
        position.epoch != 0 && matches!(self.log.wire().is_applied(place).await, Ok(Some(true)))
    }

    /// Waits until no replica uses anything that the purge covers; false if that takes longer.
    pub async fn applied_within(&self, within: Duration) -> bool {
        let applied = async {
            let [mut pause, longest] = PAUSES;
            self.logged(within).await;
            while !self.applied().await {
                sleep(pause).await;
                pause = (pause * 2).min(longest);
            }
        };
        timeout(within, applied).await.is_ok()
    }
}
