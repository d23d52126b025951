//! Everything the program can be told, checked.

use std::sync::Arc;

use super::address::OwnAddresses;
use super::compression::compression;
use super::field_edits::{request_fields, response_fields};
use super::identity::NEEDS_JWT;
use super::jwt::jwt;
use super::rate_limit::rate_limit;
use super::redis::redis;
use super::route::{Defaults, warn_of_no_fleet};
use super::routes::policy;
use super::table::Table;
use super::upstreams::Upstreams;
use super::{
    AdminAddress, AdminSettings, CacheSettings, LogSettings, RateLimitSettings, RedisSettings,
    ServerSettings, UpstreamSettings,
};
use crate::identity::Source;
use crate::identity::jwt::Verifier;
use crate::policy::Policy;

/// The whole configuration, with every default filled in.
#[derive(Debug)]
pub struct Settings {
    /// `[server]`: the listeners that clients see.
    pub server: ServerSettings,
    /// `[admin]`: the operator's listener.
    pub admin: AdminSettings,
    /// `[log]`: what is written to standard error.
    pub log: LogSettings,
    /// `[upstream]` and each `[upstreams.NAME]`, in the order that routes count them in: whom requests are forwarded to.
    pub upstreams: Vec<UpstreamSettings>,
    /// `[redis]`: the Redis that the fleet shares; `None`: this machine is alone.
    pub redis: Option<RedisSettings>,
    /// `[cache]`: what holds for every route.
    pub cache: CacheSettings,
    /// `[jwt]`: what tokens are verified with.
    pub jwt: Option<Arc<Verifier>>,
    /// `[rate_limit]`: how much each client may ask for; `None`: as much as it likes.
    pub rate_limit: Option<RateLimitSettings>,
    /// Every `[[route]]`, and what holds where none matches.
    pub policy: Policy,
}

impl Settings {
    /// Reads all there is; `None` where routes contradict each other, which is reported like anything else.
    pub(super) fn read(root: &Table<'_>) -> Option<Self> {
        let server = root.table("server", ServerSettings::read);
        let admin = root.table("admin", |table| admin(table, &server));
        let log = root.table("log", LogSettings::read);
        let upstreams = Upstreams::read(root, &OwnAddresses::new(&server, &admin));
        let redis = root.table("redis", |table| redis(table, root.has("redis")));
        let has_jwt = root.has("jwt");
        let has_redis = root.has("redis");
        let cache = root.table("cache", |table| {
            if table.has("redis") && !has_redis {
                table.warn("redis", "has no effect without [redis]");
            }
            cache(table, has_jwt, redis.is_some())
        });
        let jwt = root.table("jwt", |table| jwt(table, has_jwt));
        let defaults = Defaults {
            cache: &cache,
            has_redis: redis.is_some(),
            upstreams: &upstreams,
            codings: Arc::new(root.table("compression", compression)),
            request_fields: root.table("request_headers", request_fields),
            response_fields: root.table("response_headers", response_fields),
        };
        let has_proxies = !server.proxies.networks.is_empty();
        let rate_limit = root.table("rate_limit", |table| {
            rate_limit(table, root.has("rate_limit"), has_jwt, has_proxies, redis.is_some())
        });
        let policy = policy(root, &defaults, has_jwt, has_proxies, rate_limit.as_ref())?;
        let upstreams = upstreams.used_by(&policy, root);
        Some(Self { server, admin, log, upstreams, redis, cache, jwt, rate_limit, policy })
    }
}

fn cache(table: &Table<'_>, has_jwt: bool, has_redis: bool) -> CacheSettings {
    let cache = CacheSettings::read(table, has_redis);
    warn_of_no_fleet(table, cache.collapse, has_redis);
    if let (Some(Source::Claim(_)), false) = (&cache.identity, has_jwt) {
        table.refuse("identity", NEEDS_JWT);
    }
    cache
}

fn admin(table: &Table<'_>, server: &ServerSettings) -> AdminSettings {
    let admin = AdminSettings::read(table);
    if let AdminAddress::Tcp(address) = admin.listen {
        if admin.enabled && address.port() != 0 && server.listen.contains(&address) {
            table.refuse("listen", format!("{address} stands in server.listen already"));
        }
        if admin.enabled && !address.ip().is_loopback() && admin.token.is_none() {
            table.warn(
                "listen",
                "without a token, other machines reach nothing here but the paths of admin.open",
            );
        }
    }
    admin
}
