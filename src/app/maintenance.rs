//! What has to be done now and then, whether or not requests come.

use std::sync::Arc;
use std::time::Duration;

use crate::service::Service;

const EVERY: Duration = Duration::from_secs(1);

/// Once a second lets idle connections go whose time is over, the memory tier do what is due, and the limits forget what no
/// longer limits anybody.
pub(super) fn start(service: &Arc<Service>) {
    let service = Arc::downgrade(service);
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let Some(service) = service.upgrade() else { return };
            let rulebook = service.rulebook.load();
            for upstream in &rulebook.upstreams {
                upstream.close_outworn();
            }
            service.cache.memory().settle();
            if let Some(limits) = &rulebook.limits {
                limits.sweep(service.clock.now());
            }
        }
    });
}
