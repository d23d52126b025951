//! What is counted for each route.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::Method;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::histogram::Histogram;
use super::labels::{self, LookupResult, Outcome, Tier};

/// The counters of one route.
#[derive(Debug)]
pub struct RouteCounters {
    route: Arc<str>,
    families: RouteFamilies,
    /// Made with the first request: of a thousand routes few may ever see one.
    cached: OnceLock<Box<Cached>>,
}

/// Handles on what ordinary requests count.
#[derive(Debug, Default)]
struct Cached {
    requests: [[[OnceLock<Counter>; Outcome::COUNT]; STATUSES.len()]; METHODS.len()],
    durations: [OnceLock<Histogram>; Outcome::COUNT],
    lookups: [[OnceLock<Counter>; LookupResult::COUNT]; Tier::COUNT],
}

const METHODS: [Method; 2] = [Method::GET, Method::HEAD];
const STATUSES: [u16; 4] = [200, 304, 206, 404];

impl RouteCounters {
    pub(super) fn new(route: &str, families: &RouteFamilies) -> Self {
        Self { route: route.into(), families: families.clone(), cached: OnceLock::new() }
    }

    /// A request was answered with `status`, `took` after its head was read.
    pub fn request(&self, method: &Method, status: u16, outcome: Outcome, took: Duration) {
        let cached = self.cached.get_or_init(Box::default);
        match cached.request(method, status, outcome) {
            Some(counter) => {
                counter.get_or_init(|| self.requests(method, status, outcome)).inc();
            }
            None => {
                self.requests(method, status, outcome).inc();
            }
        }
        if let Some(histogram) = cached.durations.get(outcome as usize) {
            let labels = || OfOutcome { route: Arc::clone(&self.route), outcome };
            histogram
                .get_or_init(|| self.families.durations.get_or_create_owned(&labels()))
                .observe(took);
        }
    }

    /// A tier was asked for a stored response.
    pub fn lookup(&self, tier: Tier, result: LookupResult) {
        let cached = self.cached.get_or_init(Box::default);
        let of_tier = cached.lookups.get(tier as usize);
        if let Some(counter) = of_tier.and_then(|of_tier| of_tier.get(result as usize)) {
            let labels = || Lookup { route: Arc::clone(&self.route), tier, result };
            counter.get_or_init(|| self.families.lookups.get_or_create_owned(&labels())).inc();
        }
    }

    /// A response was not stored; `reason` is a word of the rule that said so.
    pub fn not_stored(&self, reason: &'static str) {
        let labels = NotStored { route: Arc::clone(&self.route), reason };
        self.families.not_stored.get_or_create(&labels).inc();
    }

    /// A request was answered from another one's flight.
    pub fn collapsed(&self) {
        self.families.collapsed.get_or_create(&OfRoute { route: Arc::clone(&self.route) }).inc();
    }

    /// A content coding of a response was begun.
    pub fn coded(&self, coding: &'static str) {
        let labels = Coded { route: Arc::clone(&self.route), coding };
        self.families.coded.get_or_create(&labels).inc();
    }

    fn requests(&self, method: &Method, status: u16, outcome: Outcome) -> Counter {
        let route = Arc::clone(&self.route);
        let labels = Request { route, method: labels::method(method), status, outcome };
        self.families.requests.get_or_create_owned(&labels)
    }
}

impl Cached {
    fn request(
        &self,
        method: &Method,
        status: u16,
        outcome: Outcome,
    ) -> Option<&OnceLock<Counter>> {
        let method = METHODS.iter().position(|known| known == method)?;
        let status = STATUSES.iter().position(|known| *known == status)?;
        self.requests.get(method)?.get(status)?.get(outcome as usize)
    }
}

/// The metrics that have a route for a label.
#[derive(Clone, Debug, Default)]
pub(super) struct RouteFamilies {
    requests: Family<Request, Counter>,
    durations: Family<OfOutcome, Histogram>,
    lookups: Family<Lookup, Counter>,
    not_stored: Family<NotStored, Counter>,
    collapsed: Family<OfRoute, Counter>,
    coded: Family<Coded, Counter>,
}

impl RouteFamilies {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let families = Self::default();
        let Self { requests, durations, lookups, not_stored, collapsed, coded } = families.clone();
        registry.register("forebay_requests", "Requests answered", requests);
        registry.register(
            "forebay_request_duration_seconds",
            "From a request's head to the end of its answer",
            durations,
        );
        registry.register("forebay_cache_lookups", "Questions to a tier of the store", lookups);
        registry.register("forebay_not_stored", "Responses that were not stored", not_stored);
        registry.register(
            "forebay_collapsed_requests",
            "Requests answered from another request's flight",
            collapsed,
        );
        registry.register("forebay_coded_responses", "Content codings begun of responses", coded);
        families
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    route: Arc<str>,
    method: &'static str,
    status: u16,
    outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfOutcome {
    route: Arc<str>,
    outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Lookup {
    route: Arc<str>,
    tier: Tier,
    result: LookupResult,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct NotStored {
    route: Arc<str>,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfRoute {
    route: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Coded {
    route: Arc<str>,
    coding: &'static str,
}
