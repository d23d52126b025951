//! Looks up, decides, collapses, fetches, stores, serves stale, refreshes and invalidates.
//!
//! [`Cache::at_once`] answers a hit without waiting for anything. Everything else is [`Cache::serve`]: what could be
//! stored is fetched by a *flight* that many requests share and none of them owns; what could not goes forward in
//! place, within its own connection's task.

mod answer;
mod brought;
mod coding;
mod collapse;
mod compared;
mod content;
mod fetch;
mod fill;
mod following;
mod forward;
mod head;
mod inquiry;
mod invalidate;
mod keep_part;
mod leased;
mod lookup;
mod peek;
mod posted;
mod refresh;
mod second;
mod serve;
mod span;
mod wanted;
mod why;

#[cfg(test)]
mod promise;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use http::{HeaderMap, Response, StatusCode};
use tokio::sync::Semaphore;

use crate::body::fill::Budget;
use crate::body::{Body, Fill, FillReader};
use crate::caching::cache_status::CacheStatus;
use crate::caching::key::Keyer;
use crate::caching::stamp::Stamp;
use crate::caching::storability::Refusal;
use crate::caching::stored::{StoredHead, StoredResponse};
use crate::clock::Clock;
use crate::counters::Outcome;
use crate::fleet::{Leases, Log};
use crate::limit::Denied;
use crate::semantics::content_coding::Coding;
use crate::store::{Memory, Purged, Remembered, Second, SecondSettings, Synced};
use crate::upstream::{self, Via};

use collapse::Collapser;

pub use answer::denied;
pub use content::Reading;
pub use following::Following;
pub use inquiry::Inquiry;
pub use invalidate::Purging;
pub use peek::Peek;
pub use span::Span;

/// Keys whose responses proved unstorable that are remembered at once.
const UNCACHEABLE_KEYS: usize = 100_000;
/// Codings that may be under way at once; a coder takes about a mebibyte. Past it, responses are kept uncoded.
const CODINGS: usize = 128;
/// Keys of which it is remembered that they were refreshed.
const REFRESHED_KEYS: usize = 100_000;
/// Keys whose upstream failed that are remembered at once.
const FAILED_KEYS: usize = 10_000;

/// How the cache behaves, whatever the route.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Bytes that stored responses may occupy.
    pub capacity: u64,
    /// The longest body that is stored, in bytes.
    pub max_object: u64,
    /// What is read from and written to the second tier, if there is one.
    pub second: Option<SecondSettings>,
    /// How long followers wait for a head before one of them leads anew.
    pub collapse_timeout: Duration,
    /// How long a key found unstorable is remembered.
    pub uncacheable_for: Duration,
    /// How long a failure answers the same key.
    pub error_ttl: Duration,
    /// How long a reader of a body that is too long to be kept may hold up the others.
    pub stall_timeout: Duration,
}

/// Where responses are stored: for each tier there is, the most bytes that one of them may have there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tiers {
    /// This process's memory.
    pub memory: Option<u64>,
    /// The Redis that the fleet shares.
    pub redis: Option<u64>,
}

/// The cache: its tiers and what is under way.
pub struct Cache {
    settings: ArcSwap<Settings>,
    capacity: u64,
    clock: Clock,
    keyer: Keyer,
    via: Via,
    memory: Memory,
    /// Where the other replicas find what is stored here, and this one what they stored.
    second: Option<Arc<Second>>,
    purged: Purged,
    /// Whether that is all there is to know.
    pub synced: Synced,
    /// What tells the other replicas of purges.
    log: Option<Arc<Log>>,
    collapser: Collapser,
    /// Where one replica fetches for all; `None`: there is no fleet.
    leases: Option<Leases>,
    uncacheable: Remembered<Refusal>,
    failed: Remembered<Failure>,
    /// What was fetched anew because somebody asked, and is not again for a while.
    refreshed: Remembered<()>,
    /// Bytes that all bodies still arriving may hold together.
    filling: Budget,
    /// How large that budget is.
    filling_size: AtomicU64,
    /// Codings being made at once, each with a coder's memory.
    coding: Arc<Semaphore>,
    /// Coders at work at once, each with a CPU.
    coders: Arc<Semaphore>,
    /// One compaction at a time.
    compacting: Semaphore,
}

impl Cache {
    /// An empty cache. `evicted` is called for each key that is let go to make room.
    pub fn new(
        settings: Settings,
        clock: Clock,
        via: Via,
        evicted: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        // A quarter beside what is stored, but never so little that one body does not fit.
        let filling = (settings.capacity / 4).max(settings.max_object).max(1 << 20);
        let coders = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            memory: Memory::new(settings.capacity, evicted),
            second: None,
            clock,
            keyer: Keyer::default(),
            via,
            purged: Purged::default(),
            synced: Synced::alone(),
            log: None,
            collapser: Collapser::default(),
            leases: None,
            uncacheable: Remembered::new(UNCACHEABLE_KEYS),
            failed: Remembered::new(FAILED_KEYS),
            refreshed: Remembered::new(REFRESHED_KEYS),
            filling: Budget::new(filling),
            filling_size: AtomicU64::new(filling),
            coding: Arc::new(Semaphore::new(CODINGS)),
            coders: Arc::new(Semaphore::new(coders)),
            compacting: Semaphore::new(1),
            capacity: settings.capacity,
            settings: ArcSwap::from_pointee(settings),
        }
    }

    /// The same as one of a fleet that shares its purges.
    #[must_use]
    pub fn in_a_fleet(self, synced: Synced, log: Arc<Log>) -> Self {
        Self { synced, log: Some(log), ..self }
    }

    /// The same with a second tier.
    #[must_use]
    pub fn backed_by(self, second: Arc<Second>) -> Self {
        Self { second: Some(second), ..self }
    }

    /// The same, with one fetch for the whole fleet where routes ask for it.
    #[must_use]
    pub fn with_leases(self, leases: Option<Leases>) -> Self {
        Self { leases, ..self }
    }

    /// Behaves like this from now on. The capacity stays what it is, and all that is stored stays stored; what failed is
    /// tried again, as the cause of it may be what was changed.
    pub fn adopt(&self, settings: Settings) {
        self.failed.clear();
        if let (Some(second), Some(settings)) = (&self.second, settings.second) {
            second.adopt(settings);
        }
        let size = self.filling_size.fetch_max(settings.max_object, Ordering::Relaxed);
        self.filling.grow(settings.max_object.saturating_sub(size));
        self.settings.store(Arc::new(settings));
    }

    /// Makes the keys that this cache stores under.
    pub const fn keyer(&self) -> &Keyer {
        &self.keyer
    }

    /// Who we are to those we forward to.
    pub const fn via(&self) -> &Via {
        &self.via
    }

    /// Bytes that stored responses may occupy.
    pub const fn capacity(&self) -> u64 {
        self.capacity
    }

    /// The memory tier, to be counted.
    pub const fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Where responses are stored, and up to which size.
    pub fn tiers(&self) -> Tiers {
        let settings = self.settings();
        Tiers {
            memory: (self.capacity > 0).then_some(settings.max_object),
            redis: settings.second.map(|second| second.max_object as u64),
        }
    }

    /// Waits until what was stored is in every tier, for so long at the most.
    pub async fn settle(&self, within: Duration) {
        if let Some(second) = &self.second {
            second.settle(within).await;
        }
    }

    /// What a fetch that begins now knows of purges.
    pub fn stamp(&self) -> Stamp {
        // In this order: what is applied in between is taken for not applied.
        let position = self.synced.position();
        self.purged.stamp(position)
    }

    fn settings(&self) -> Arc<Settings> {
        self.settings.load_full()
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("settings", &self.settings.load()).finish_non_exhaustive()
    }
}

/// What a request is answered with, and how that came about.
#[derive(Debug)]
pub struct Served {
    /// What there is to send.
    pub content: Content,
    /// What `Cache-Status` says.
    pub status: CacheStatus,
    /// What it is counted as.
    pub outcome: Outcome,
}

impl Served {
    /// The word for what went wrong, if nothing else could be sent.
    pub const fn failure(&self) -> Option<&'static str> {
        match &self.content {
            Content::Failed(failure) => Some(failure.as_str()),
            _ => None,
        }
    }
}

/// What there is to send.
#[derive(Debug)]
pub enum Content {
    /// A stored response.
    Stored(Arc<StoredResponse>),
    /// A response whose body is still arriving.
    Arriving {
        /// Its head, and what it can be read from.
        arriving: Arc<Arriving>,
        /// A reader of the body as it comes, to be used where none of a coding is to be had.
        reader: FillReader,
    },
    /// One of the above for the request on whose behalf it was fetched or validated.
    Own {
        /// What others get too.
        shared: Box<Self>,
        /// What only this request is to see.
        fields: HeaderMap,
    },
    /// The upstream's answer to this very request.
    Forwarded(Response<Body>),
    /// The upstream's whole answer to a request that was made unconditional and complete on this one's behalf.
    Fetched(Response<Body>),
    /// Nothing but a reason.
    Failed(Failure),
}

impl Content {
    /// The same with fields that nobody else is to see.
    fn with(self, fields: HeaderMap) -> Self {
        if fields.is_empty() { self } else { Self::Own { shared: Box::new(self), fields } }
    }
}

/// A response whose head has come and whose body is still arriving.
#[derive(Debug)]
pub struct Arriving {
    /// Its head.
    pub head: StoredHead,
    /// The body as it comes, and in the codings made of it.
    pub fills: Vec<(Coding, Fill)>,
    /// Which octets of the representation the body has, if not all of them.
    pub span: Option<Span>,
    /// The status that the origin answered with.
    pub fwd_status: StatusCode,
}

impl Arriving {
    /// The body in a coding, as it comes.
    pub fn fill(&self, coding: Coding) -> Option<&Fill> {
        self.fills.iter().find(|(made, _)| *made == coding).map(|(_, fill)| fill)
    }
}

/// Why there is nothing to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The upstream gave no response.
    Upstream(upstream::Failure),
    /// The client wanted a stored response and there is none (RFC 9111 §5.2.1.7).
    OnlyIfCached,
    /// Whoever fetched the response took too long.
    OutOfPatience,
    /// The client has asked for as much as it may, or may not ask at all.
    Denied(Denied),
}

impl Failure {
    /// The word for it in logs, metrics and our own error responses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Upstream(failure) => failure.as_str(),
            Self::OnlyIfCached => "only-if-cached",
            Self::OutOfPatience => "collapse-timeout",
            Self::Denied(denied) => denied.as_str(),
        }
    }
}
