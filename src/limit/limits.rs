//! What an operator declares of limits, made ready.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use http::HeaderValue;

use super::client::{Client, Digest, SharedName};
use super::fields;
use super::local::Limiter;
use super::permit::Permit;
use super::shared::Shared;
use super::window::Window;
use super::{Budget, OnRedisFailure, Sharing};
use crate::clock::Timestamp;
use crate::counters::{Counters, LimitCounters};
use crate::identity::{Asker, Named, Source};

/// `[rate_limit]` as it is declared, but for the clients' keys.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Where a client's name is looked for, in this order; at last its address is taken.
    pub sources: Vec<Source>,
    /// Whether a key or token that names nobody is refused, rather than left out of account.
    pub deny_unknown: bool,
    /// How many bits of an IPv6 address make a client.
    pub ipv6_prefix: u8,
    /// All tiers; others are told by their position.
    pub tiers: Vec<TierSettings>,
    /// Whose tier nothing tells.
    pub default_tier: usize,
    /// Where the tier's name is found of a client that is not listed.
    pub tier: Option<Source>,
    /// What holds while Redis does not answer; `None`: there is none, and every replica has limits of its own.
    pub on_redis_failure: Option<OnRedisFailure>,
}

/// One of `[rate_limit.tiers]`.
#[derive(Clone, Debug, PartialEq)]
pub struct TierSettings {
    /// Its name.
    pub name: String,
    /// What holds for every request: no two of the same unit.
    pub requests: Vec<Window>,
    /// What holds for requests that go forward: no two of the same unit.
    pub forwarded: Vec<Window>,
}

/// How much each client may ask for.
pub struct Limits {
    limiter: Arc<Limiter>,
    shared: Option<Arc<Shared>>,
    on_redis_failure: Option<OnRedisFailure>,
    sources: Box<[Naming]>,
    deny_unknown: bool,
    ipv6_prefix: u8,
    tiers: Box<[Arc<Tier>]>,
    default_tier: Arc<Tier>,
    tier: Option<Source>,
    listed: HashMap<Digest, Arc<Tier>>,
}

/// Where a client's name may be found.
struct Naming {
    source: Source,
    /// As it is written, a part of the names it gives.
    written: Box<str>,
}

/// What clients of one kind may ask for.
#[derive(Debug)]
pub(super) struct Tier {
    pub(super) name: Box<str>,
    pub(super) requests: Box<[Window]>,
    pub(super) forwarded: Box<[Window]>,
    /// What `RateLimit-Policy` says; `None` where nothing is limited.
    pub(super) policy: Option<HeaderValue>,
    pub(super) counters: Arc<LimitCounters>,
}

impl Tier {
    /// What holds for the requests that are charged to this budget.
    pub(super) fn windows(&self, budget: Budget) -> &[Window] {
        match budget {
            Budget::Requests => &self.requests,
            Budget::Forwarded => &self.forwarded,
        }
    }
}

/// Whose budgets a request is charged to.
#[derive(Clone, Copy, Debug)]
pub struct Place<'l> {
    limits: &'l Limits,
    client: Client,
    /// Its name in Redis, where the fleet shares the limits.
    name: Option<SharedName>,
    tier: &'l Arc<Tier>,
    /// Where the client's name was found; `None`: it is known by its address alone.
    pub named_by: Option<&'l Source>,
    /// The authentication scheme (RFC 9110 §11.1) to be answered with where a key or token that names nobody is refused.
    pub challenge: Option<&'static str>,
}

impl Limits {
    /// Makes `settings` ready, to be charged to `limiter`, or in Redis. `clients`: the keys that are listed, each with its
    /// tier.
    ///
    /// `None` where there is no default tier.
    pub fn new<'k>(
        settings: &Settings,
        clients: impl Iterator<Item = (&'k str, usize)>,
        limiter: &Arc<Limiter>,
        sharing: Option<&Sharing>,
        counters: &Counters,
    ) -> Option<Self> {
        let tiers = settings.tiers.iter().map(|tier| {
            Arc::new(Tier {
                name: tier.name.as_str().into(),
                requests: tier.requests.as_slice().into(),
                forwarded: tier.forwarded.as_slice().into(),
                policy: fields::policy(&tier.requests, &tier.forwarded),
                counters: counters.limit(&tier.name),
            })
        });
        let tiers: Box<[_]> = tiers.collect();
        let listed = clients.filter_map(|(key, tier)| {
            Some((limiter.namer.digest(key.as_bytes()), Arc::clone(tiers.get(tier)?)))
        });
        let shared = sharing.cloned().zip(settings.on_redis_failure);
        Some(Self {
            shared: shared.map(|(sharing, on_failure)| Arc::new(Shared { sharing, on_failure })),
            on_redis_failure: settings.on_redis_failure,
            listed: listed.collect(),
            default_tier: Arc::clone(tiers.get(settings.default_tier)?),
            limiter: Arc::clone(limiter),
            sources: settings.sources.iter().cloned().map(Naming::new).collect(),
            deny_unknown: settings.deny_unknown,
            ipv6_prefix: settings.ipv6_prefix,
            tier: settings.tier.clone(),
            tiers,
        })
    }

    /// Charges a request to whoever asks, unless Redis has to be asked: then the permit still has to be settled.
    pub fn admit(&self, asker: &Asker<'_>, now: Timestamp) -> Permit {
        let Place { client, name, tier, challenge, .. } = self.place(asker);
        let shared = self.shared.clone().zip(name);
        Permit::new(&self.limiter, shared, tier, client, challenge, now)
    }

    /// Forgets some of what no longer limits anybody. To be called once a second: all of it is gone in about a minute.
    pub fn sweep(&self, now: Timestamp) {
        self.limiter.sweep(now);
    }

    /// Whose budgets a request would be charged to.
    pub fn place(&self, asker: &Asker<'_>) -> Place<'_> {
        let namer = &self.limiter.namer;
        let limits = self;
        let mut presented = None;
        for Naming { source, written } in &self.sources {
            let named_by = Some(source);
            match asker.name(source) {
                Named::Absent => {}
                // What the client says of itself is a name only if the operator knows it: text that anybody may make up
                // has no bucket.
                Named::Known(key) if source.is_secret() => {
                    let digest = namer.digest(&key);
                    if let Some(tier) = self.listed.get(&digest) {
                        let (client, challenge) = (digest.client(), None);
                        let name = self.shared_name(|| SharedName::holder(&key));
                        return Place { limits, client, name, tier, named_by, challenge };
                    }
                    presented = Some("ApiKey");
                }
                Named::Known(name) => {
                    let client = namer.named(written, &name);
                    let name = self.shared_name(|| SharedName::named(written, &name));
                    let (tier, challenge) = (self.tier(asker), None);
                    return Place { limits, client, name, tier, named_by, challenge };
                }
                Named::Refused(_) if source.is_secret() => presented = Some("ApiKey"),
                Named::Refused(_) => presented = Some("Bearer"),
            }
        }
        let client = namer.address(asker.address(), self.ipv6_prefix);
        let name = self.shared_name(|| SharedName::address(asker.address(), self.ipv6_prefix));
        let challenge = presented.filter(|_| self.deny_unknown);
        // Whoever guesses at keys pays for it as anybody does.
        let tier = if challenge.is_some() { &self.default_tier } else { self.tier(asker) };
        Place { limits, client, name, tier, named_by: None, challenge }
    }

    fn shared_name(&self, name: impl FnOnce() -> SharedName) -> Option<SharedName> {
        self.shared.is_some().then(name)
    }

    /// The tier that the request names, as far as that can be believed, or the default one.
    fn tier(&self, asker: &Asker<'_>) -> &Arc<Tier> {
        let named = self.tier.as_ref().and_then(|source| match asker.name(source) {
            Named::Known(name) => self.tiers.iter().find(|tier| *tier.name.as_bytes() == *name),
            Named::Absent | Named::Refused(_) => None,
        });
        named.unwrap_or(&self.default_tier)
    }
}

impl<'l> Place<'l> {
    /// The name of the client's tier.
    pub fn tier(self) -> &'l str {
        &self.tier.name
    }

    /// What holds for all the client's requests.
    pub fn requests(self) -> &'l [Window] {
        &self.tier.requests
    }

    /// What holds while Redis does not answer; `None`: the limits are this replica's own.
    pub const fn on_redis_failure(self) -> Option<OnRedisFailure> {
        self.limits.on_redis_failure
    }

    /// What holds for those that go forward.
    pub fn forwarded(self) -> &'l [Window] {
        &self.tier.forwarded
    }
}

impl Naming {
    fn new(source: Source) -> Self {
        let written = source.to_string().into();
        Self { source, written }
    }
}

impl fmt::Debug for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limits").field("tiers", &self.tiers).finish_non_exhaustive()
    }
}
