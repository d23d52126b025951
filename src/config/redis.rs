//! `[redis]`: the Redis that the fleet shares.

use std::time::Duration;

use super::kinds::{boolean, count, one_of, timeout};
use super::problem::Origin;
use super::secret::Secret;
use super::table::Table;
use super::upstream::authorities;
use super::value::Value;
use super::wrong::Wrong;
use crate::redis::{Address, BadAddress};
use crate::trust::Authorities;

/// `[redis]`.
#[derive(Clone, Debug, PartialEq)]
pub struct RedisSettings {
    /// Where it is, with whatever credentials it needs: a URL as [`Address`] takes it.
    pub url: Secret,
    /// Who vouches for a server that speaks TLS: those of `ca`, or those that this machine trusts.
    pub authorities: Option<Authorities>,
    /// What every key begins with.
    pub prefix: String,
    /// How long any answer is awaited.
    pub timeout: Duration,
    /// Connections for values, and as many for limits.
    pub connections: usize,
    /// How long stored responses are served without word from the purge log.
    pub max_unsynced: Duration,
    /// Whether they are then served all the same, rather than validated first.
    pub serve_unsynced: bool,
}

/// `None`: there is none, or it is not to be used.
pub(super) fn redis(table: &Table<'_>, is_there: bool) -> Option<RedisSettings> {
    let is_used = is_there & table.get("enabled", "true", boolean);
    let url = |value: &Value<'_>| url(value, is_used);
    let (url, is_tls) = table.get("url", "${REDIS_URL:-redis://127.0.0.1:6379/0}", url);
    let named = table.find("ca", authorities);
    if is_used && !is_tls && table.has("ca") {
        table.warn("ca", "has no effect, as redis.url is none of rediss:");
    }
    let settings = RedisSettings {
        url,
        authorities: named.or_else(|| Authorities::of_system().ok().filter(|_| is_used && is_tls)),
        prefix: table.get("prefix", "forebay", prefix),
        timeout: table.get("timeout", "25ms", timeout),
        connections: table.get("connections", "4", count(1, 64)),
        max_unsynced: table.get("max_unsynced", "5s", timeout),
        serve_unsynced: table.get("on_unsynced", "validate", one_of(&ON_UNSYNCED)),
    };
    is_used.then_some(settings)
}

const ON_UNSYNCED: [(&str, bool); 2] = [("validate", false), ("serve", true)];

/// A URL, and whether TLS is spoken there. What is not used need not be one.
fn url(value: &Value<'_>, is_used: bool) -> Result<(Secret, bool), Wrong> {
    if !is_used {
        return Ok(Default::default());
    }
    let text = value.string("a URL").map_err(Wrong::without_value)?;
    let address: Result<Address, BadAddress> = text.parse();
    let address = address.map_err(|expected| {
        let whose = if value.origin == Origin::Default { " in REDIS_URL" } else { "" };
        Wrong::because(format!("expected {expected}{whose}"))
    })?;
    Ok((Secret::new(&*text), address.is_tls()))
}

/// What has no meaning of its own in keys and channels.
fn prefix(value: &Value<'_>) -> Result<String, Wrong> {
    value.parsed("letters, digits, \"-\", \"_\", \".\" or \":\"", |text| {
        let sound = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
        (!text.is_empty() && text.chars().all(sound)).then(|| text.to_owned())
    })
}
