//! Purges as the operator sees them: each has an identifier, is told of in the log, and can be asked about for a while.
//!
//! In a fleet a purge is done here before it is answered; [`Receipt`] says what becomes of it elsewhere.

mod told;

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::Response;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::body::Body;
use crate::caching::purge::Purge;
use crate::clock::Clock;
use crate::counters::Counters;
use crate::fleet;
use crate::journal::{Journal, Level, Value};

use told::{Told, not_logged, respond};

/// How many purges are remembered.
const REMEMBERED: usize = 1000;
/// How long an answer waits for the fleet's log to have the purge, before it says that it has not.
const LOGGED_WITHIN: Duration = Duration::from_millis(500);
/// How long an answer waits for what was struck to be counted, where others wait for the purge.
const COUNTED_WITHIN: Duration = Duration::from_millis(20);
/// The longest that anybody is kept waiting for the other replicas.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Between two questions whether a purge was applied: at first, and at last.
const PAUSES: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(100));

/// What becomes of a purge in the fleet.
pub trait Receipt: fmt::Debug + Send + Sync {
    /// Whether it is in the fleet's log; awaited for so long at the most.
    fn is_logged(&self, within: Duration) -> Pin<Box<dyn Future<Output = bool> + Send + '_>>;

    /// Whether no replica serves any more what it names, as far as is known; asked once.
    fn is_applied(&self) -> Pin<Box<dyn Future<Output = bool> + Send + '_>>;
}

impl Receipt for fleet::Receipt {
    fn is_logged(&self, within: Duration) -> Pin<Box<dyn Future<Output = bool> + Send + '_>> {
        Box::pin(async move { self.logged(within).await.is_some() })
    }

    fn is_applied(&self) -> Pin<Box<dyn Future<Output = bool> + Send + '_>> {
        Box::pin(self.applied())
    }
}

/// The last purges.
#[derive(Debug)]
pub struct Purges {
    counters: Arc<Counters>,
    journal: Journal,
    clock: Clock,
    /// What tells this run's purges from those of another, here or on another replica.
    run: u32,
    done: AtomicU64,
    last: Mutex<VecDeque<Done>>,
}

/// A purge that was done here.
#[derive(Clone, Debug)]
pub struct Done(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    id: String,
    /// How many stored responses it struck here, once they were counted.
    matched: watch::Sender<Option<u64>>,
    dry_run: bool,
    /// `None` where there is nobody else to do it.
    receipt: Option<Box<dyn Receipt>>,
    applied: AtomicBool,
}

impl Purges {
    /// None so far. Those that come are counted, and told of.
    pub fn new(counters: &Arc<Counters>, journal: &Journal, clock: &Clock) -> Self {
        let (counters, journal, clock) = (Arc::clone(counters), journal.clone(), clock.clone());
        let (run, done, last) = (fastrand::u32(..), AtomicU64::new(0), Mutex::default());
        Self { counters, journal, clock, run, done, last }
    }

    /// Notes a purge that was applied here, or only tried: what it strikes is still to be counted. The `receipt` is the
    /// fleet's, if it is one.
    pub fn add(&self, dry_run: bool, receipt: Option<Box<dyn Receipt>>) -> Done {
        let (id, matched) = (self.next_id(), watch::Sender::new(None));
        let applied = AtomicBool::new(receipt.is_none());
        let done = Done(Arc::new(Inner { id, matched, dry_run, receipt, applied }));
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.truncate(REMEMBERED - 1);
        last.push_front(done.clone());
        done
    }

    /// Tells of a purge that struck, or would strike, `matched` stored responses here.
    pub fn counted(&self, purge: &Purge, done: &Done, matched: u64) {
        done.0.matched.send_replace(Some(matched));
        self.report(purge, done, matched);
    }

    /// The purge of this identifier, if it is among the last.
    pub fn find(&self, id: &str) -> Option<Done> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.iter().find(|done| done.0.id == id).cloned()
    }

    /// An identifier that no other purge has, of this run or of another, on whatever replica.
    fn next_id(&self) -> String {
        let number = self.done.fetch_add(1, Ordering::Relaxed);
        format!("{:x}-{:08x}-{number}", self.clock.now().as_millis(), self.run)
    }

    fn report(&self, purge: &Purge, done: &Done, matched: u64) {
        let message = match purge {
            Purge { dry_run: true, .. } => "purge tried",
            Purge { soft: true, .. } => "soft purge done",
            _ => "purge done",
        };
        for selector in &purge.selectors {
            if !purge.dry_run {
                self.counters.purged(selector.kind());
            }
            let selector = selector.to_string();
            let fields = [
                ("id", Value::Str(&done.0.id)),
                ("selector", Value::Str(&selector)),
                ("matched", Value::Int(i64::try_from(matched).unwrap_or(i64::MAX))),
            ];
            self.journal.write(self.clock.now(), Level::Info, message, &fields);
        }
    }

    /// The answer to whoever had it done: 503 where the other replicas cannot be told as yet. A fleet is not kept waiting
    /// for all of a large memory to be gone through.
    pub async fn answer(&self, done: &Done) -> Response<Body> {
        let logged = done.is_logged(LOGGED_WITHIN).await;
        done.is_counted(if logged.is_some() { COUNTED_WITHIN } else { LONGEST_WAIT }).await;
        let told = Told::of(done, logged, None);
        if logged == Some(false) {
            let fields = [("id", Value::Str(&done.0.id))];
            let message = "purged here; the fleet's log cannot be told as yet";
            self.journal.write(self.clock.now(), Level::Warn, message, &fields);
            return not_logged(&told);
        }
        respond(&told)
    }
}

impl Done {
    /// The answer to whoever asks what became of it. It waits for the other replicas, `within` this time; 30 s at the most.
    pub async fn outcome(&self, within: Duration) -> Response<Body> {
        let applied = self.is_applied(within).await;
        self.is_counted(within.min(COUNTED_WITHIN)).await;
        let logged = self.is_logged(Duration::ZERO).await.map(|logged| logged || applied);
        respond(&Told::of(self, logged, Some(applied)))
    }

    /// Waits until it is counted what it struck.
    async fn is_counted(&self, within: Duration) {
        let mut matched = self.0.matched.subscribe();
        if matched.borrow().is_some() {
            return;
        }
        let _ = timeout(within, matched.wait_for(Option::is_some)).await;
    }

    /// `None` where there is no log to be in.
    async fn is_logged(&self, within: Duration) -> Option<bool> {
        match &self.0.receipt {
            Some(receipt) => Some(receipt.is_logged(within).await),
            None => None,
        }
    }

    /// Whether it was applied everywhere, `within` this time. It is asked once at least.
    async fn is_applied(&self, within: Duration) -> bool {
        let Some(receipt) = &self.0.receipt else { return true };
        let asked = async {
            let (mut pause, longest) = PAUSES;
            while !receipt.is_applied().await {
                sleep(pause).await;
                pause = (pause * 2).min(longest);
            }
        };
        let is_applied = self.0.applied.load(Ordering::Relaxed)
            || receipt.is_applied().await
            || !within.is_zero() && timeout(within.min(LONGEST_WAIT), asked).await.is_ok();
        self.0.applied.fetch_or(is_applied, Ordering::Relaxed);
        is_applied
    }
}

#[cfg(test)]
mod tests;
