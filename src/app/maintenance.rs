//! What has to be done now and then, whether or not requests come.

use std::sync::Arc;
use std::time::Duration;

use crate::cache::Cache;
use crate::upstream::Upstream;

const EVERY: Duration = Duration::from_secs(1);

/// Once a second lets idle connections go whose time is over, and the memory tier do what is due.
pub(super) fn start(cache: &Arc<Cache>, upstream: &Arc<Upstream>) {
    let (cache, upstream) = (Arc::downgrade(cache), Arc::downgrade(upstream));
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let (Some(cache), Some(upstream)) = (cache.upgrade(), upstream.upgrade()) else {
                return;
            };
            upstream.close_outworn();
            cache.memory().settle();
        }
    });
}
