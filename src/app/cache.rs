//! The cache, with the tiers and the fleet that it has.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{fleet, settings};
use crate::cache::Cache;
use crate::clock::Clock;
use crate::config::Settings;
use crate::counters::{Counters, Watched};
use crate::fleet::{Leases, Log};
use crate::journal::Journal;
use crate::redis::Link;
use crate::store::Second;
use crate::upstream::Via;

/// An empty one, counted.
pub(super) fn cache(
    settings: &Settings,
    link: Option<&Arc<Link>>,
    log: Option<&Arc<Log>>,
    clock: &Clock,
    counters: &Arc<Counters>,
    journal: &Journal,
) -> Arc<Cache> {
    let evictions = Arc::new(AtomicU64::new(0));
    let evicted = Arc::clone(&evictions);
    let redis = settings.redis.as_ref();
    let settings = settings::cache(settings, settings::capacity(settings));
    let second = link.zip(settings.second).map(|(link, settings)| {
        Second::start(Arc::clone(link), clock.clone(), counters.second(), settings)
    });
    let cache = Cache::new(settings, clock.clone(), Via::new(fastrand::u64(..)), move || {
        evicted.fetch_add(1, Ordering::Relaxed);
    });
    let cache = match second {
        Some(second) => cache.backed_by(second),
        None => cache,
    };
    let leases = link.map(|link| Leases::start(Arc::clone(link), counters.leases()));
    let cache = cache.with_leases(leases);
    let cache = Arc::new(fleet::joined(cache, redis, log));
    let (bytes, keys, journal) = (Arc::clone(&cache), Arc::clone(&cache), journal.clone());
    counters.watch(Watched::StoredBytes, move || bytes.memory().bytes());
    counters.watch(Watched::StoredResponses, move || keys.memory().keys());
    counters.watch(Watched::Evictions, move || evictions.load(Ordering::Relaxed));
    counters.watch(Watched::JournalDropped, move || journal.dropped());
    cache
}
