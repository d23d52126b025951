//! `[upstream]`: whom requests are forwarded to.

use std::fmt;
use std::time::Duration;

use super::address::{is_authority, upstream_server};
use super::kinds::{count, duration, some_of, timeout};
use super::table::Table;
use super::value::Value;
use super::wrong::Wrong;

/// `[upstream]`.
#[derive(Clone, Debug, PartialEq)]
pub struct UpstreamSettings {
    /// The servers, one at least.
    pub servers: Vec<UpstreamServer>,
    /// The Host they see.
    pub host: UpstreamHost,
    /// For a connection to be made.
    pub connect_timeout: Duration,
    /// Until the last byte of the response head.
    pub response_timeout: Duration,
    /// Between two bytes of a response body.
    pub read_timeout: Duration,
    /// How long an upgraded connection may be silent.
    pub upgrade_idle_timeout: Duration,
    /// Connections to one server at once.
    pub max_connections: usize,
    /// How long a request waits for one of them.
    pub queue_timeout: Duration,
    /// Idle connections that are kept for each server.
    pub idle_connections: usize,
    /// How long an idle connection is kept.
    pub idle_timeout: Duration,
}

/// A server that speaks plain HTTP over TCP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamServer {
    /// A lower-case name, an IPv4 address, or an IPv6 address without its brackets.
    pub host: String,
    /// The port, 80 where the URL had none.
    pub port: u16,
}

impl fmt::Display for UpstreamServer {
    /// As a URL: `http://127.0.0.1:3000`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "http://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "http://{}:{}", self.host, self.port)
        }
    }
}

/// The Host field an upstream server sees.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum UpstreamHost {
    /// What the client sent.
    #[default]
    Client,
    /// The server's own name, as in its URL.
    Upstream,
    /// This name, with a port perhaps.
    Name(String),
}

impl UpstreamSettings {
    pub(super) fn read(table: &Table<'_>) -> Self {
        const WHY: &str = "where requests go, like [\"http://127.0.0.1:3000\"]";
        table.not_in_build(&["health", "ca"]);
        Self {
            servers: table
                .need("servers", WHY, some_of("URLs", upstream_server))
                .unwrap_or_default(),
            host: table.get("host", "client", host),
            connect_timeout: table.get("connect_timeout", "3s", timeout),
            response_timeout: table.get("response_timeout", "60s", timeout),
            read_timeout: table.get("read_timeout", "60s", timeout),
            upgrade_idle_timeout: table.get("upgrade_idle_timeout", "1h", timeout),
            max_connections: table.get("max_connections", "512", count(1, 1_000_000)),
            queue_timeout: table.get("queue_timeout", "1s", duration),
            idle_connections: table.get("idle_connections", "64", count(0, 1_000_000)),
            idle_timeout: table.get("idle_timeout", "30s", timeout),
        }
    }
}

fn host(value: &Value<'_>) -> Result<UpstreamHost, Wrong> {
    const WHAT: &str = "\"client\", \"upstream\" or a host's name";
    value.parsed(WHAT, |text| match text {
        "client" => Some(UpstreamHost::Client),
        "upstream" => Some(UpstreamHost::Upstream),
        name => is_authority(name).then(|| UpstreamHost::Name(name.to_ascii_lowercase())),
    })
}
