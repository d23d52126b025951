//! The fleet: the replicas that share one Redis.

use std::sync::Arc;

use crate::cache::{Cache, Following};
use crate::clock::Clock;
use crate::config::RedisSettings;
use crate::counters::{Counters, Watched};
use crate::fleet::{self, Log};
use crate::journal::{Journal, Level, Value};
use crate::redis::{Link, Trouble};
use crate::store::Synced;

/// The log of the fleet, where there is one.
pub(super) fn log(
    settings: Option<&RedisSettings>,
    link: Option<&Arc<Link>>,
    clock: &Clock,
) -> Option<Arc<Log>> {
    let (settings, link) = settings.zip(link)?;
    Some(Log::new(Arc::clone(link), clock.clone(), settings.max_unsynced))
}

/// A cache as one of the fleet, if it is.
pub(super) fn joined(
    cache: Cache,
    settings: Option<&RedisSettings>,
    log: Option<&Arc<Log>>,
) -> Cache {
    let Some((settings, log)) = settings.zip(log) else { return cache };
    let synced = Synced::in_a_fleet(settings.max_unsynced, settings.serve_unsynced);
    cache.in_a_fleet(synced, Arc::clone(log))
}

/// Keeps a cache up with the log in the background, and counts.
pub(super) fn follow(
    log: &Arc<Log>,
    cache: &Arc<Cache>,
    counters: &Counters,
    journal: &Journal,
    clock: &Clock,
) {
    let (synced, waiting, now) = (Arc::clone(cache), Arc::clone(cache), clock.clone());
    counters.watch(Watched::FleetSynced, move || synced.synced.is_current(now.now()).into());
    counters.watch(Watched::FleetPending, move || waiting.synced.pending() as u64);
    let [replicas, records, losses] = [(); 3].map(|()| Arc::clone(log));
    counters.watch(Watched::FleetReplicas, move || replicas.replicas() as u64);
    counters.watch(Watched::FleetRecords, move || records.records());
    counters.watch(Watched::FleetLosses, move || losses.losses());

    let (log, following) = (Arc::clone(log), Following(Arc::clone(cache)));
    let teller = Teller { journal: journal.clone(), clock: clock.clone() };
    tokio::spawn(async move { log.follow(&following, &teller).await });
}

/// Writes down how the log does.
struct Teller {
    journal: Journal,
    clock: Clock,
}

impl Teller {
    fn write(&self, level: Level, message: &str, fields: &[(&'static str, Value<'_>)]) {
        self.journal.write(self.clock.now(), level, message, fields);
    }
}

impl fleet::Events for Teller {
    fn lost(&self) {
        let message =
            "the purge log in Redis was lost; what is stored is validated before it is used";
        self.write(Level::Warn, message, &[]);
    }

    fn unsynced(&self, trouble: Option<Trouble>) {
        let message = "nothing is heard of the purge log; purges may be missed";
        let reason = trouble.map_or("not-noted", Trouble::as_str);
        self.write(Level::Warn, message, &[("reason", Value::Str(reason))]);
    }

    fn synced(&self, replicas: usize) {
        let replicas = i64::try_from(replicas).unwrap_or(i64::MAX);
        let fields = [("replicas", Value::Int(replicas))];
        self.write(Level::Info, "following the purge log in Redis", &fields);
    }
}
