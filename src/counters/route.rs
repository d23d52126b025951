//! What is counted for each route.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::Method;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet};
use prometheus_client::metrics::counter::Counter;

use super::histogram::Histogram;
use super::labels::{self, LookupResult, Outcome, Tier};
use super::series::{ByName, Series, metric};

/// The counters of one route.
#[derive(Debug)]
pub struct RouteCounters {
    route: Arc<str>,
    requests: Series<Request, Counter>,
    durations: Series<OfOutcome, Histogram>,
    lookups: Series<Lookup, Counter>,
    not_stored: Series<NotStored, Counter>,
    collapsed: Series<OfRoute, Counter>,
    coded: Series<Coded, Counter>,
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
    pub(super) fn new(route: &str) -> Self {
        Self {
            route: route.into(),
            requests: Series::default(),
            durations: Series::default(),
            lookups: Series::default(),
            not_stored: Series::default(),
            collapsed: Series::default(),
            coded: Series::default(),
            cached: OnceLock::new(),
        }
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
            histogram.get_or_init(|| self.durations.get(labels())).observe(took);
        }
    }

    /// A tier was asked for a stored response.
    pub fn lookup(&self, tier: Tier, result: LookupResult) {
        let cached = self.cached.get_or_init(Box::default);
        let of_tier = cached.lookups.get(tier as usize);
        if let Some(counter) = of_tier.and_then(|of_tier| of_tier.get(result as usize)) {
            let labels = || Lookup { route: Arc::clone(&self.route), tier, result };
            counter.get_or_init(|| self.lookups.get(labels())).inc();
        }
    }

    /// A response was not stored; `reason` is a word of the rule that said so.
    pub fn not_stored(&self, reason: &'static str) {
        let labels = NotStored { route: Arc::clone(&self.route), reason };
        self.not_stored.get(labels).inc();
    }

    /// A request was answered from another one's flight.
    pub fn collapsed(&self) {
        self.collapsed.get(OfRoute { route: Arc::clone(&self.route) }).inc();
    }

    /// A content coding of a response was begun.
    pub fn coded(&self, coding: &'static str) {
        let labels = Coded { route: Arc::clone(&self.route), coding };
        self.coded.get(labels).inc();
    }

    fn requests(&self, method: &Method, status: u16, outcome: Outcome) -> Counter {
        let route = Arc::clone(&self.route);
        let labels = Request { route, method: labels::method(method), status, outcome };
        self.requests.get(labels)
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

/// Shows the metrics that have a route for a label.
#[derive(Debug)]
pub(super) struct Routes(pub(super) Arc<ByName<RouteCounters>>);

impl Collector for Routes {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (to, all) = (&mut encoder, &self.0.all());
        metric(to, "forebay_requests", "Requests answered.", all, |route| &route.requests)?;
        metric(
            to,
            "forebay_request_duration_seconds",
            "From a request's head to the end of its answer.",
            all,
            |route| &route.durations,
        )?;
        let help = "Questions to a tier of the store.";
        metric(to, "forebay_cache_lookups", help, all, |route| &route.lookups)?;
        let help = "Responses that were not stored.";
        metric(to, "forebay_not_stored", help, all, |route| &route.not_stored)?;
        let help = "Requests answered from another request's flight.";
        metric(to, "forebay_collapsed_requests", help, all, |route| &route.collapsed)?;
        let help = "Content codings begun of responses.";
        metric(to, "forebay_coded_responses", help, all, |route| &route.coded)
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
