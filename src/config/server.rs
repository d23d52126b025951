//! `[server]`: the listeners that clients see, and what a client may cost.

use std::net::SocketAddr;
use std::time::Duration;

use super::address::listener;
use super::identity::client_ip_header;
use super::kinds::{auto_or, boolean, count, duration, list_of, size, some_of, timeout};
use super::networks::networks;
use super::route::host;
use super::table::Table;
use super::value::Value;
use super::wrong::Wrong;
use crate::identity::TrustedProxies;
use crate::policy::HostPattern;

/// `[server]`.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerSettings {
    /// Addresses to listen on, one at least. Port 0 is any free port.
    pub listen: Vec<SocketAddr>,
    /// The hosts that are answered for; empty: any.
    pub hosts: Vec<HostPattern>,
    /// Who speaks for clients, and where.
    pub proxies: TrustedProxies,
    /// Worker threads; `None` follows the CPU quota.
    pub threads: Option<usize>,
    /// The path at which probes are told whether we are ready.
    pub health_path: Option<String>,
    /// How long we go on as if nothing were, only not ready, after the signal to stop.
    pub drain_delay: Duration,
    /// How long requests may go on after that.
    pub drain_timeout: Duration,
    /// Whether the configuration is read again when its file changes.
    pub watch: bool,
    /// `[server.limits]`.
    pub limits: ServerLimits,
}

/// `[server.limits]`: what an unknown client may cost.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerLimits {
    /// Connections at once; `None` follows the limit on open files.
    pub connections: Option<usize>,
    /// For a whole request head, from its first byte.
    pub header_timeout: Duration,
    /// How long a connection may wait for its next request.
    pub idle_timeout: Duration,
    /// How long an upload, or a client that reads, may stand still.
    pub stall_timeout: Duration,
    /// The longest request body, in bytes.
    pub request_body: u64,
    /// The longest request head, in bytes.
    pub request_head: u64,
}

impl ServerSettings {
    pub(super) fn read(table: &Table<'_>) -> Self {
        let listen = table.get("listen", r#"["127.0.0.1:8080"]"#, some_of("addresses", listener));
        refuse_twice(&listen, table);
        let networks = table.get("trusted_proxies", "[]", list_of("addresses", networks));
        let field = table.get("client_ip_header", "x-forwarded-for", client_ip_header);
        Self {
            listen,
            hosts: table.get("hosts", "[]", list_of("hosts", host)),
            proxies: TrustedProxies::new(networks.into_iter().collect(), field),
            threads: table.get("threads", "auto", auto_or(count(1, 1024))),
            health_path: table.get("health_path", "", health_path),
            drain_delay: table.get("drain_delay", "0s", duration),
            drain_timeout: table.get("drain_timeout", "30s", duration),
            watch: table.get("watch", "true", boolean),
            limits: table.table("limits", ServerLimits::read),
        }
    }
}

impl ServerLimits {
    fn read(table: &Table<'_>) -> Self {
        Self {
            connections: table.get("connections", "auto", auto_or(count(1, 10_000_000))),
            header_timeout: table.get("header_timeout", "10s", timeout),
            idle_timeout: table.get("idle_timeout", "75s", timeout),
            stall_timeout: table.get("stall_timeout", "30s", timeout),
            request_body: table.get("request_body", "10MiB", size),
            request_head: table.get("request_head", "32KiB", size),
        }
    }
}

/// A path, or nothing.
fn health_path(value: &Value<'_>) -> Result<Option<String>, Wrong> {
    value.parsed("a path like \"/-/healthy\", or \"\"", |text| {
        let sound = text.starts_with('/')
            && text.bytes().all(|byte| byte.is_ascii_graphic())
            && !text.contains(['?', '#', '\\']);
        (sound || text.is_empty()).then(|| Some(text.to_owned()).filter(|text| !text.is_empty()))
    })
}

fn refuse_twice(listen: &[SocketAddr], table: &Table<'_>) {
    let twice = listen
        .iter()
        .enumerate()
        .find(|(i, address)| address.port() != 0 && listen[..*i].contains(address));
    if let Some((_, address)) = twice {
        table.refuse("listen", format!("{address} stands here twice"));
    }
}
