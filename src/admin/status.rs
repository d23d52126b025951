//! What `/readyz` says.

use serde::Serialize;

/// How the program is.
#[derive(Clone, Debug, Default)]
pub struct Readiness {
    /// Listening, and not about to stop. An upstream that is down never makes us unready: what is stored is served.
    pub ready: bool,
    /// The tier in memory.
    pub memory: Memory,
    /// The Redis that the fleet shares. It never makes us unready: what it has is fetched instead.
    pub redis: Redis,
    /// Every server of every upstream.
    pub servers: Vec<Server>,
    /// What became of the configuration.
    pub configuration: Configuration,
}

/// What became of the configuration when it was last read.
#[derive(Clone, Debug, Serialize)]
pub struct Configuration {
    /// Whether it was good.
    pub last_reload_successful: bool,
    /// What was wrong with it otherwise; the one before is in force.
    pub errors: Vec<String>,
    /// The keys that take effect at the next start.
    pub restart_pending: Vec<&'static str>,
}

impl Default for Configuration {
    /// As it is after the start.
    fn default() -> Self {
        Self { last_reload_successful: true, errors: Vec::new(), restart_pending: Vec::new() }
    }
}

/// What the tier in memory holds.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Memory {
    /// Bytes that stored responses take.
    pub stored_bytes: u64,
    /// Bytes that they may take.
    pub capacity_bytes: u64,
    /// How many there are.
    pub stored_responses: u64,
}

/// How Redis is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Redis {
    /// It is connected and answers in time.
    Healthy,
    /// It does not.
    Unavailable,
    /// There is none.
    #[default]
    Disabled,
}

/// A server we forward to.
#[derive(Clone, Debug, Serialize)]
pub struct Server {
    /// Its upstream's name.
    pub upstream: String,
    /// Its URL.
    pub server: String,
    /// Whether requests go there rather than to others.
    pub healthy: bool,
}

/// The JSON of it.
#[derive(Serialize)]
pub(super) struct Report<'a> {
    status: &'static str,
    #[serde(flatten)]
    details: Option<Details<'a>>,
}

#[derive(Serialize)]
struct Details<'a> {
    memory: &'a Memory,
    redis: Redis,
    servers: &'a [Server],
    configuration: &'a Configuration,
}

impl Readiness {
    /// The report for those who may see `details`, or for everybody.
    pub(super) fn report(&self, details: bool) -> Report<'_> {
        Report {
            status: if self.ready { "ready" } else { "draining" },
            details: details.then_some(Details {
                memory: &self.memory,
                redis: self.redis,
                servers: &self.servers,
                configuration: &self.configuration,
            }),
        }
    }
}
