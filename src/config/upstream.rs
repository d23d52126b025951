//! `[upstream]` and `[upstreams.NAME]`: whom requests are forwarded to.

use http::HeaderValue;
use http::uri::PathAndQuery;

use super::address::{OwnAddresses, is_authority, upstream_server};
use super::kinds::{count, duration, file, some_of, timeout};
use super::table::Table;
use super::value::Value;
use super::wrong::Wrong;
use crate::trust::Authorities;
use crate::upstream::{HealthSettings, HostField, Settings, Timeouts};

/// `[upstream]`, or an `[upstreams.NAME]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamSettings {
    /// What routes, metrics and logs call it.
    pub name: String,
    /// What it says.
    pub settings: Settings,
}

/// The name of `[upstream]`, which is where requests go whose route says nothing.
pub(super) const DEFAULT: &str = "default";

/// Reads one of them.
pub(super) fn read(table: &Table<'_>, own: &OwnAddresses) -> Settings {
    const WHY: &str = "where requests go, like [\"http://127.0.0.1:3000\"]";
    let server = |value: &Value<'_>| upstream_server(value, own);
    Settings {
        servers: table.need("servers", WHY, some_of("URLs", server)).unwrap_or_default(),
        host: table.get("host", "client", host),
        authorities: table.find("ca", authorities),
        timeouts: Timeouts {
            connect: table.get("connect_timeout", "3s", timeout),
            response: table.get("response_timeout", "60s", timeout),
            read: table.get("read_timeout", "60s", timeout),
            queue: table.get("queue_timeout", "1s", duration),
            upgrade_idle: table.get("upgrade_idle_timeout", "1h", timeout),
        },
        max_connections: table.get("max_connections", "512", count(1, 1_000_000)),
        idle_connections: table.get("idle_connections", "64", count(0, 1_000_000)),
        idle_timeout: table.get("idle_timeout", "30s", timeout),
        health: table.table("health", health),
    }
}

fn health(table: &Table<'_>) -> HealthSettings {
    let path = table.find("path", path).flatten();
    for key in ["interval", "timeout", "unhealthy_after", "healthy_after"] {
        if path.is_none() && !table.has("path") && table.has(key) {
            table.warn(key, "has no effect, as there is no health.path to ask for");
        }
    }
    HealthSettings {
        path,
        interval: table.get("interval", "5s", timeout),
        timeout: table.get("timeout", "2s", timeout),
        unhealthy_after: table.get("unhealthy_after", "3", count(1, 1000)),
        healthy_after: table.get("healthy_after", "2", count(1, 1000)),
    }
}

fn host(value: &Value<'_>) -> Result<HostField, Wrong> {
    const WHAT: &str = "\"client\", \"upstream\" or a host's name";
    value.parsed(WHAT, |text| match text {
        "client" => Some(HostField::Client),
        "upstream" => Some(HostField::Server),
        name if is_authority(name) => {
            HeaderValue::try_from(name.to_ascii_lowercase()).ok().map(HostField::Name)
        }
        _ => None,
    })
}

/// `""`: none.
fn path(value: &Value<'_>) -> Result<Option<PathAndQuery>, Wrong> {
    value.parsed("a path like \"/health\"", |text| match text {
        "" => Some(None),
        path => path.starts_with('/').then(|| path.parse().ok().map(Some)).flatten(),
    })
}

/// The certificates in the file that is named.
pub(super) fn authorities(value: &Value<'_>) -> Result<Authorities, Wrong> {
    let content = std::fs::read(file(value)?)
        .map_err(|why| Wrong::because(format!("cannot be read: {why}")))?;
    Authorities::from_pem(&content)
        .map_err(|why| Wrong::because(format!("expected certificates in PEM in this file: {why}")))
}
