//! What is counted for each upstream.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabelSet, EncodeLabelValue, LabelValueEncoder,
};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;

use super::histogram::Histogram;
use super::series::{ByName, Series, metric};

/// The counters of one upstream.
#[derive(Debug)]
pub struct UpstreamCounters {
    upstream: Arc<str>,
    requests: Series<Request, Counter>,
    durations: Series<OfUpstream, Histogram>,
    healthy: Series<Server, Gauge>,
    duration: Histogram,
    /// Handles on what ordinary answers count.
    usual: [OnceLock<Counter>; USUAL.len()],
}

const USUAL: [u16; 4] = [200, 304, 206, 404];

impl UpstreamCounters {
    pub(super) fn new(upstream: &str) -> Self {
        let upstream: Arc<str> = upstream.into();
        let durations = Series::default();
        let duration = durations.get(OfUpstream { upstream: Arc::clone(&upstream) });
        let (requests, healthy) = (Series::default(), Series::default());
        let usual = Default::default();
        Self { upstream, requests, durations, healthy, duration, usual }
    }

    /// A request was forwarded and answered with this status, or not answered.
    pub fn request(&self, status: Option<u16>) {
        let position = USUAL.iter().position(|usual| Some(*usual) == status);
        let status = status.map_or(Status::Error, Status::Code);
        let series = || self.requests.get(Request { upstream: Arc::clone(&self.upstream), status });
        match position.and_then(|position| self.usual.get(position)) {
            Some(counter) => counter.get_or_init(series).inc(),
            None => series().inc(),
        };
    }

    /// The head of an answer came, `took` after the request was begun.
    pub fn duration(&self, took: Duration) {
        self.duration.observe(took);
    }

    /// These servers are the upstream's, and no others.
    pub fn servers(&self, servers: impl Iterator<Item = String>) {
        self.healthy.keep(servers.map(|server| self.server(&server)));
    }

    /// Whether a server is used, if it is still the upstream's.
    pub fn healthy(&self, server: &str, healthy: bool) {
        if let Some(gauge) = self.healthy.find(&self.server(server)) {
            gauge.set(i64::from(healthy));
        }
    }

    fn server(&self, server: &str) -> Server {
        Server { upstream: Arc::clone(&self.upstream), server: server.into() }
    }
}

/// Shows the metrics that have an upstream for a label.
#[derive(Debug)]
pub(super) struct Upstreams(pub(super) Arc<ByName<UpstreamCounters>>);

impl Collector for Upstreams {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (to, all) = (&mut encoder, &self.0.all());
        let help = "Requests forwarded.";
        metric(to, "forebay_upstream_requests", help, all, |upstream| &upstream.requests)?;
        metric(
            to,
            "forebay_upstream_duration_seconds",
            "From a request forwarded to the head of its answer.",
            all,
            |upstream| &upstream.durations,
        )?;
        let help = "Whether a server passes its checks and answers requests.";
        metric(to, "forebay_upstream_healthy", help, all, |upstream| &upstream.healthy)
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
