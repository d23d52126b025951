//! `[redis]`: the Redis that the fleet shares.

use std::time::Duration;

use super::kinds::{boolean, count, one_of, secret, timeout};
use super::secret::Secret;
use super::table::Table;
use super::value::Value;
use super::wrong::Wrong;

/// `[redis]`.
#[derive(Clone, Debug, PartialEq)]
pub struct RedisSettings {
    /// Where it is, with whatever credentials it needs.
    pub url: Secret,
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
    let enabled = table.get("enabled", "true", boolean);
    let url = table.get("url", "${REDIS_URL:-redis://127.0.0.1:6379/0}", secret);
    let settings = RedisSettings {
        url: url.unwrap_or_default(),
        prefix: table.get("prefix", "forebay", prefix),
        timeout: table.get("timeout", "25ms", timeout),
        connections: table.get("connections", "4", count(1, 64)),
        max_unsynced: table.get("max_unsynced", "5s", timeout),
        serve_unsynced: table.get("on_unsynced", "validate", one_of(&ON_UNSYNCED)),
    };
    (is_there && enabled).then_some(settings)
}

const ON_UNSYNCED: [(&str, bool); 2] = [("validate", false), ("serve", true)];

/// What has no meaning of its own in keys and channels.
fn prefix(value: &Value<'_>) -> Result<String, Wrong> {
    value.parsed("letters, digits, \"-\", \"_\", \".\" or \":\"", |text| {
        let sound = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
        (!text.is_empty() && text.chars().all(sound)).then(|| text.to_owned())
    })
}
