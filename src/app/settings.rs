//! What the configuration says, as each part wants to hear it.

use std::time::Duration;

use super::machine;
use crate::admin::Access;
use crate::cache;
use crate::config::{
    self, AdminSettings, CacheSettings, Capacity, LogFormat, LogLevel, LogSettings, ServerLimits,
    ServerSettings, Settings,
};
use crate::identity::shared_secret::SharedSecret;
use crate::journal::{Format, Level};
use crate::server::{self, Limits};
use crate::service::AccessLog;
use crate::store::SecondSettings;

/// The most memory that "auto" and percentages take.
const MOST_BY_SHARE: u64 = 1 << 30;
/// Connections to the admin listener, which are not among those of the public ones.
const ADMIN_CONNECTIONS: usize = 64;
/// The longest an idle connection to the admin listener is kept: its places are few, and who keeps one shuts others out.
const ADMIN_IDLE: Duration = Duration::from_secs(5);

/// How many clients may be connected at once, where so many files may be opened.
pub(super) fn connections(settings: &ServerLimits, files: u64) -> usize {
    settings.connections.unwrap_or_else(|| machine::connections_within(files))
}

/// How the public listeners are run.
pub(super) fn server(settings: &ServerSettings, connections: usize) -> server::Settings {
    let limits = &settings.limits;
    server::Settings {
        limits: Limits {
            connections,
            header_timeout: limits.header_timeout,
            idle_timeout: limits.idle_timeout,
            stall_timeout: limits.stall_timeout,
            request_head: usize::try_from(limits.request_head).unwrap_or(usize::MAX),
        },
        drain_timeout: settings.drain_timeout,
    }
}

/// How the admin listener is run beside them.
pub(super) fn admin_server(public: server::Settings) -> server::Settings {
    let limits = Limits {
        connections: ADMIN_CONNECTIONS,
        idle_timeout: public.limits.idle_timeout.min(ADMIN_IDLE),
        ..public.limits
    };
    server::Settings { limits, ..public }
}

/// Who may ask the admin listener what.
pub(super) fn access(settings: &AdminSettings) -> Access {
    Access {
        token: settings.token.as_ref().map(|token| SharedSecret::new(token.expose())),
        open: settings.open.iter().map(|path| (*path).to_owned()).collect(),
    }
}

/// Bytes that stored responses may occupy.
pub(super) fn capacity(settings: &Settings) -> u64 {
    match settings.cache.memory.capacity {
        Capacity::Bytes(bytes) => bytes,
        Capacity::Share(share) => share.of(machine::memory()).min(MOST_BY_SHARE),
    }
}

/// How the cache behaves within that.
pub(super) fn cache(settings: &Settings, capacity: u64) -> cache::Settings {
    let CacheSettings { memory, redis, .. } = &settings.cache;
    let bytes = |size: u64| usize::try_from(size).unwrap_or(usize::MAX);
    // Without memory, what is under way to Redis is no longer than what would be stored here.
    let max_object =
        if capacity == 0 { memory.max_object } else { memory.max_object.min(capacity) };
    let second = SecondSettings {
        max_object: bytes(redis.max_object),
        compress: redis.compress,
        longest: bytes(max_object),
    };
    cache::Settings {
        capacity,
        max_object,
        second: settings.redis.is_some().then_some(second),
        collapse_timeout: settings.cache.collapse_timeout,
        uncacheable_for: settings.cache.uncacheable_for,
        error_ttl: settings.cache.error_ttl,
        stall_timeout: settings.server.limits.stall_timeout,
    }
}

/// Which requests are told of.
pub(super) fn access_log(settings: &LogSettings) -> AccessLog {
    let (sample, failed) = match settings.access {
        config::AccessLog::All => (1_000_000, true),
        config::AccessLog::Errors => (0, true),
        config::AccessLog::Off => (0, false),
        config::AccessLog::Sample(share) => (share.millionths(), true),
    };
    AccessLog { sample, failed, slow: settings.slow, query: settings.query }
}

/// How lines are written, and which.
pub fn journal(settings: &LogSettings) -> (Format, Level) {
    let format = match settings.format {
        LogFormat::Text => Format::Text,
        LogFormat::Json => Format::Json,
    };
    let level = match settings.level {
        LogLevel::Error => Level::Error,
        LogLevel::Warn => Level::Warn,
        LogLevel::Info => Level::Info,
        LogLevel::Debug => Level::Debug,
    };
    (format, level)
}
