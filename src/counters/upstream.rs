//! What is counted for each upstream.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::histogram::Histogram;

/// The counters of one upstream.
#[derive(Debug)]
pub struct UpstreamCounters {
    upstream: Arc<str>,
    families: UpstreamFamilies,
    duration: Histogram,
}

impl UpstreamCounters {
    pub(super) fn new(upstream: &str, families: &UpstreamFamilies) -> Self {
        let upstream: Arc<str> = upstream.into();
        let labels = OfUpstream { upstream: Arc::clone(&upstream) };
        let duration = families.durations.get_or_create_owned(&labels);
        Self { upstream, families: families.clone(), duration }
    }

    /// A request was forwarded and answered with this status, or not answered.
    pub fn request(&self, status: Option<u16>) {
        let status = status.map_or(Status::Error, Status::Code);
        let labels = Request { upstream: Arc::clone(&self.upstream), status };
        self.families.requests.get_or_create(&labels).inc();
    }

    /// The head of an answer came, `took` after the request was begun.
    pub fn duration(&self, took: Duration) {
        self.duration.observe(took);
    }

    /// Whether a server is used.
    pub fn healthy(&self, server: &str, healthy: bool) {
        self.families.healthy.get_or_create(&self.server(server)).set(i64::from(healthy));
    }

    /// A server is no longer part of this upstream.
    pub fn forget(&self, server: &str) {
        self.families.healthy.remove(&self.server(server));
    }

    fn server(&self, server: &str) -> Server {
        Server { upstream: Arc::clone(&self.upstream), server: server.into() }
    }
}

/// The metrics that have an upstream for a label.
#[derive(Clone, Debug, Default)]
pub(super) struct UpstreamFamilies {
    requests: Family<Request, Counter>,
    durations: Family<OfUpstream, Histogram>,
    healthy: Family<Server, Gauge>,
}

impl UpstreamFamilies {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let families = Self::default();
        let Self { requests, durations, healthy } = families.clone();
        registry.register("forebay_upstream_requests", "Requests forwarded", requests);
        registry.register(
            "forebay_upstream_duration_seconds",
            "From a request forwarded to the head of its answer",
            durations,
        );
        registry.register("forebay_upstream_healthy", "Whether a server is used", healthy);
        families
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    upstream: Arc<str>,
    status: Status,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfUpstream {
    upstream: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Server {
    upstream: Arc<str>,
    server: Box<str>,
}

/// A status code, or `error` where there was no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Status {
    Code(u16),
    Error,
}

impl EncodeLabelValue for Status {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => code.encode(encoder),
            Self::Error => "error".encode(encoder),
        }
    }
}
