//! `[cache]`: what holds for every route.

use std::time::Duration;

use http::{HeaderName, HeaderValue};

use super::Share;
use super::identity::{cache_control, cookie, cookie_glob, source};
use super::key::{key_header, query};
use super::kinds::{boolean, duration, list_of, share, size, size_or, timeout};
use super::route::collapse;
use super::table::Table;
use super::units;
use super::value::Value;
use super::wrong::Wrong;
use crate::identity::Source;
use crate::policy::{Collapse, NameGlob, QueryRules};

/// `[cache]`.
#[derive(Clone, Debug, PartialEq)]
pub struct CacheSettings {
    /// Whether anything is stored at all.
    pub enabled: bool,
    /// The freshness lifetime of a response that gives none; zero: it is not stored.
    pub default_ttl: Duration,
    /// Whether lifetimes are guessed from Last-Modified (RFC 9111 §4.2.2).
    pub heuristic: bool,
    /// Served stale while it is validated, where neither response nor route says.
    pub stale_while_revalidate: Duration,
    /// Served stale when the origin fails, where neither response nor route says.
    pub stale_if_error: Duration,
    /// Which simultaneous requests for the same key become one.
    pub collapse: Collapse,
    /// How long followers wait before one of them leads anew.
    pub collapse_timeout: Duration,
    /// How long a key found unstorable is remembered.
    pub uncacheable_for: Duration,
    /// How long our own 502 and 504 answer the same key.
    pub error_ttl: Duration,
    /// Whether the cookies that responses set are stored with them and given to everybody.
    pub store_set_cookie: bool,
    /// Whether what a request's Cache-Control prefers is granted.
    pub honor_request_directives: bool,
    /// How long what was fetched anew on request is not fetched anew again.
    pub refresh_interval: Duration,
    /// What holds for the query where a route has no `query` of its own.
    pub query: QueryRules,
    /// The fields in the key where a route has no `key_headers` of its own.
    pub key_headers: Vec<HeaderName>,
    /// Where it is said who asks, where a route does not say.
    pub identity: Option<Source>,
    /// The cookies in the key where a route has no `key_cookies` of its own.
    pub key_cookies: Vec<Box<str>>,
    /// The cookies that are no credential where a route has no `ignore_cookies` of its own.
    pub ignore_cookies: Vec<NameGlob>,
    /// Whether responses are stored without their Set-Cookie rather than not at all.
    pub strip_set_cookie: bool,
    /// What clients are told where a route has no `client_cache_control` of its own.
    pub client_cache_control: Option<HeaderValue>,
    /// `[cache.memory]`.
    pub memory: MemorySettings,
    /// `[cache.redis]`.
    pub redis: SecondTierSettings,
}

/// `[cache.memory]`.
#[derive(Clone, Debug, PartialEq)]
pub struct MemorySettings {
    /// What all stored responses together may occupy; none: none is stored here.
    pub capacity: Capacity,
    /// The largest response that is stored, in bytes; no more than a `capacity` in bytes, unless that is none.
    pub max_object: u64,
}

/// `[cache.redis]`.
#[derive(Clone, Debug, PartialEq)]
pub struct SecondTierSettings {
    /// The most that a response may take in Redis, in bytes.
    pub max_object: u64,
    /// Whether a body is left out where there is a gzip of it.
    pub compress: bool,
}

/// A limit on memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Capacity {
    /// Of the container's or the machine's memory, 1 GiB at most.
    Share(Share),
    /// Bytes.
    Bytes(u64),
}

impl Default for Capacity {
    /// Nothing.
    fn default() -> Self {
        Self::Bytes(0)
    }
}

impl CacheSettings {
    /// `has_redis`: there is a Redis that is to be used.
    pub(super) fn read(table: &Table<'_>, has_redis: bool) -> Self {
        Self {
            enabled: table.get("enabled", "true", boolean),
            default_ttl: table.get("default_ttl", "0s", duration),
            heuristic: table.get("heuristic", "false", boolean),
            stale_while_revalidate: table.get("stale_while_revalidate", "0s", duration),
            stale_if_error: table.get("stale_if_error", "0s", duration),
            collapse: table.get("collapse", "true", collapse),
            collapse_timeout: table.get("collapse_timeout", "5s", timeout),
            uncacheable_for: table.get("uncacheable_for", "60s", duration),
            error_ttl: table.get("error_ttl", "1s", duration),
            store_set_cookie: table.get("store_set_cookie", "false", boolean),
            honor_request_directives: table.get("request_directives", "ignore", directives),
            refresh_interval: table.get("refresh_interval", "1s", duration),
            query: table.table("query", query),
            key_headers: table.get("key_headers", "[]", list_of("field names", key_header)),
            identity: table.find("identity", source).flatten(),
            key_cookies: table.get("key_cookies", "[]", list_of("cookies' names", cookie)),
            ignore_cookies: table.get(
                "ignore_cookies",
                "[]",
                list_of("cookies' names", cookie_glob),
            ),
            strip_set_cookie: table.get("strip_set_cookie", "false", boolean),
            client_cache_control: table.find("client_cache_control", cache_control),
            memory: table.table("memory", |table| MemorySettings::read(table, has_redis)),
            redis: table.table("redis", SecondTierSettings::read),
        }
    }
}

impl MemorySettings {
    fn read(table: &Table<'_>, has_redis: bool) -> Self {
        let capacity = table.get("capacity", "25%", capacity);
        let max_object = table.get("max_object", "16MiB", size);
        match capacity {
            Capacity::Bytes(0) => {
                if !has_redis {
                    table.warn("capacity", "nothing is stored anywhere, as there is no [redis]");
                }
                Self { capacity, max_object }
            }
            Capacity::Bytes(bytes) if max_object > bytes => {
                if table.has("max_object") {
                    table.refuse("max_object", "expected no more than capacity");
                }
                Self { capacity, max_object: bytes }
            }
            _ => Self { capacity, max_object },
        }
    }
}

impl SecondTierSettings {
    fn read(table: &Table<'_>) -> Self {
        Self {
            max_object: table.get("max_object", "4MiB", value_size),
            compress: table.get("compress", "true", boolean),
        }
    }
}

/// What a value of Redis may have, which is 512 MiB.
fn value_size(value: &Value<'_>) -> Result<u64, Wrong> {
    match size(value)? {
        size if size > 256 << 20 => Err(Wrong::expected("a size of 256MiB or less")),
        size => Ok(size),
    }
}

/// `"honor"`, `"ignore"`: whether a request's directives count.
pub(super) fn directives(value: &Value<'_>) -> Result<bool, Wrong> {
    value.parsed("\"ignore\" or \"honor\"", |text| match text {
        "ignore" => Some(false),
        "honor" => Some(true),
        _ => None,
    })
}

fn capacity(value: &Value<'_>) -> Result<Capacity, Wrong> {
    const WHAT: &str = "a percentage like \"25%\" or a size like \"512MiB\"";
    match value.string(WHAT) {
        Ok(text) if text.contains('%') => share(value, WHAT).map(Capacity::Share),
        Ok(text) if units::size(&text) == Ok(0) => Ok(Capacity::Bytes(0)),
        _ => size_or(value, WHAT).map(Capacity::Bytes),
    }
}
