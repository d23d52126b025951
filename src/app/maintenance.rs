//! What has to be done now and then, whether or not requests come.

use std::sync::{Arc, Weak};
use std::time::Duration;

use crate::service::Service;
use crate::upstream::Upstream;

const EVERY: Duration = Duration::from_secs(1);

/// Once a second lets idle connections go whose time is over, and the memory tier do what is due.
pub(super) fn start(service: &Arc<Service>) {
    let service = Arc::downgrade(service);
    tokio::spawn(async move {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        // Those that a reload took out last as long as a request that was sent to them.
        let mut upstreams: Vec<Weak<Upstream>> = Vec::new();
        loop {
            ticks.tick().await;
            let Some(service) = service.upgrade() else { return };
            for upstream in &service.rulebook.load().upstreams {
                if !upstreams.iter().any(|known| known.as_ptr() == Arc::as_ptr(upstream)) {
                    upstreams.push(Arc::downgrade(upstream));
                }
            }
            upstreams.retain(|upstream| match upstream.upgrade() {
                Some(upstream) => {
                    upstream.close_outworn();
                    true
                }
                None => false,
            });
            service.cache.memory().settle();
        }
    });
}
