//! What the program counts, under the names that its metrics have.
//!
//! Labels are bounded: routes, upstreams and servers come from the configuration, everything else from an enum here or
//! a status code; never a URL, a client or a field. Handles are fetched once, so that counting an ordinary request is a
//! few atomic additions.

mod histogram;
mod labels;
mod lease;
mod limit;
mod process;
mod redis;
mod route;
mod second;
mod series;
mod upstream;
mod watched;

use std::sync::Arc;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

pub use self::labels::{LookupResult, Outcome, Tier};
pub use self::lease::{LeaseCounters, LeaseEvent};
pub use self::limit::{LimitCounters, LimitDecision};
pub use self::redis::RedisCounters;
pub use self::route::RouteCounters;
pub use self::second::SecondCounters;
pub use self::upstream::UpstreamCounters;
pub use self::watched::Watched;

use self::limit::Limits;
use self::redis::Redis;
use self::route::Routes;
use self::series::ByName;
use self::upstream::Upstreams;
use self::watched::Watches;

/// The media type of [`Counters::encode`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Everything that is counted.
#[derive(Debug)]
pub struct Counters {
    registry: Registry,
    routes: Arc<ByName<RouteCounters>>,
    upstreams: Arc<ByName<UpstreamCounters>>,
    limits: Arc<ByName<LimitCounters>>,
    second: SecondCounters,
    redis: Arc<ByName<RedisCounters>>,
    purges: Family<Kind, Counter>,
    leases: Arc<LeaseCounters>,
    connections: Gauge,
    reloaded: Gauge,
    restart_pending: Gauge,
    watches: Arc<Watches>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Kind {
    kind: &'static str,
}

impl Counters {
    /// Counters at zero, of the program's `version`.
    pub fn new(version: &str) -> Arc<Self> {
        let mut registry = Registry::default();
        let routes = Arc::default();
        registry.register_collector(Box::new(Routes(Arc::clone(&routes))));
        let upstreams = Arc::default();
        registry.register_collector(Box::new(Upstreams(Arc::clone(&upstreams))));
        let limits = Arc::default();
        registry.register_collector(Box::new(Limits(Arc::clone(&limits))));
        let redis = Arc::default();
        registry.register_collector(Box::new(Redis(Arc::clone(&redis))));

        let second = SecondCounters::default();
        second.register(&mut registry);
        let purges = Family::<Kind, Counter>::default();
        registry.register("forebay_purges", "Purges done", purges.clone());
        let leases = Arc::new(LeaseCounters::default());
        registry.register(
            "forebay_fleet_leases",
            "Leases to fetch for the fleet, by what became of them",
            leases.0.clone(),
        );
        let connections = Gauge::default();
        registry.register("forebay_connections", "Open client connections", connections.clone());
        let reloaded = Gauge::default();
        reloaded.set(1);
        registry.register(
            "forebay_config_last_reload_successful",
            "Whether the configuration was good when it was last read",
            reloaded.clone(),
        );
        let restart_pending = Gauge::default();
        registry.register(
            "forebay_config_restart_pending",
            "Keys of the configuration whose values take effect at the next start",
            restart_pending.clone(),
        );
        let build = Info::new([("version", version.to_owned())]);
        registry.register("forebay_build", "The program that answers", build);
        let watches = Arc::new(Watches::default());
        registry.register_collector(Box::new(Arc::clone(&watches)));
        registry.register_collector(Box::new(process::Process));

        Arc::new(Self {
            registry,
            routes,
            upstreams,
            limits,
            second,
            redis,
            purges,
            leases,
            connections,
            reloaded,
            restart_pending,
            watches,
        })
    }

    /// The counters of the route called `name`: the same ones for all who hold them at once, and shown while anybody does.
    pub fn route(&self, name: &str) -> Arc<RouteCounters> {
        self.routes.get(name, || RouteCounters::new(name))
    }

    /// The counters of the upstream called `name`: the same ones for all who hold them at once, and shown while anybody
    /// does.
    pub fn upstream(&self, name: &str) -> Arc<UpstreamCounters> {
        self.upstreams.get(name, || UpstreamCounters::new(name))
    }

    /// The counters of the limits' tier called `name`: the same ones for all who hold them at once, and shown while anybody
    /// does.
    pub fn limit(&self, name: &str) -> Arc<LimitCounters> {
        self.limits.get(name, || LimitCounters::new(name))
    }

    /// The counters of the responses in Redis.
    pub fn second(&self) -> SecondCounters {
        self.second.clone()
    }

    /// The counters of the link to Redis, which does these operations: shown while anybody holds them.
    pub fn redis(&self, operations: &[&'static str]) -> Arc<RedisCounters> {
        self.redis.get("", || RedisCounters::new(operations))
    }

    /// The counters of the fleet's leases.
    pub fn leases(&self) -> Arc<LeaseCounters> {
        Arc::clone(&self.leases)
    }

    /// A purge was done, by a selector of this kind.
    pub fn purged(&self, kind: &'static str) {
        self.purges.get_or_create(&Kind { kind }).inc();
    }

    /// A client connected.
    pub fn connection_opened(&self) {
        self.connections.inc();
    }

    /// A client's connection ended.
    pub fn connection_closed(&self) {
        self.connections.dec();
    }

    /// Whether the configuration was good when it was last read.
    pub fn config_reloaded(&self, successful: bool) {
        self.reloaded.set(i64::from(successful));
    }

    /// So many keys of the configuration take effect at the next start.
    pub fn restart_pending(&self, keys: usize) {
        self.restart_pending.set(i64::try_from(keys).unwrap_or(i64::MAX));
    }

    /// Says where to read a value that somebody else keeps, whenever the metrics are asked for.
    pub fn watch(&self, what: Watched, read: impl Fn() -> u64 + Send + Sync + 'static) {
        self.watches.set(what, Box::new(read));
    }

    /// All metrics as OpenMetrics text, of the type [`CONTENT_TYPE`].
    pub fn encode(&self) -> String {
        let mut out = String::new();
        match text::encode(&mut out, &self.registry) {
            Ok(()) => out,
            // Writing to a String does not fail; half a text would be worse than none.
            Err(_) => String::from("# EOF\n"),
        }
    }
}

#[cfg(test)]
mod tests;
