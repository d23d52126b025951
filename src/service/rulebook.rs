//! What a request is answered by: replaced as a whole, so that no request sees half of one and half of another.

use std::sync::Arc;

use http::Method;

use super::{AccessLog, Hints};
use crate::counters::RouteCounters;
use crate::identity::TrustedProxies;
use crate::identity::jwt::Verifier;
use crate::identity::shared_secret::SharedSecret;
use crate::limit::Limits;
use crate::policy::{HostNames, Policy, Route};
use crate::semantics::target::Target;
use crate::upstream::Upstream;

/// The operator's rules, and the parts that they name. A request keeps to the one it began with.
#[derive(Debug)]
pub struct Rulebook {
    /// The rules for routes.
    pub policy: Policy,
    /// The counters of each route, by its index; the fallback's last.
    pub counters: Vec<Arc<RouteCounters>>,
    /// The upstreams, by the index that routes have.
    pub upstreams: Vec<Arc<Upstream>>,
    /// Whom requests may come through, and still be somebody else's.
    pub proxies: TrustedProxies,
    /// What tokens are verified with.
    pub verifier: Option<Arc<Verifier>>,
    /// How much each client may ask for, where anything limits it.
    pub limits: Option<Limits>,
    /// The hosts that we answer for.
    pub hosts: HostNames,
    /// The path at which probes are told whether we are ready.
    pub health_path: Option<Box<str>>,
    /// The longest request body, in bytes, where the route does not say.
    pub request_body: u64,
    /// Whoever shows this may purge.
    pub token: Option<SharedSecret>,
    /// Whoever shows this is told what becomes of a request.
    pub debug_token: Option<SharedSecret>,
    /// Which requests are told of.
    pub access: AccessLog,
    /// What the operator was told of already.
    pub hints: Hints,
}

impl Rulebook {
    /// Whether a request asks if we are ready. It may come under any name: who probes knows addresses alone.
    pub(super) fn is_probe(&self, method: &Method, target: &Target) -> bool {
        self.health_path.as_deref().is_some_and(|path| {
            path == target.split().0 && [Method::GET, Method::HEAD].contains(method)
        })
    }

    /// Where requests of a route are counted and forwarded.
    pub(super) fn parts_of(&self, route: &Arc<Route>) -> (Arc<RouteCounters>, Arc<Upstream>) {
        let counters = &self.counters[self.index_of(route)];
        (Arc::clone(counters), Arc::clone(&self.upstreams[route.upstream]))
    }

    /// Whether this is one of its routes, and not one of a rulebook before.
    pub(super) fn has(&self, route: &Arc<Route>) -> bool {
        let mut routes =
            [self.policy.fallback()].into_iter().chain(self.policy.routes().get(route.index));
        routes.any(|ours| Arc::ptr_eq(ours, route))
    }

    /// The position of a route of its own among all, the fallback's last.
    pub(super) fn index_of(&self, route: &Arc<Route>) -> usize {
        let is_fallback = Arc::ptr_eq(route, self.policy.fallback());
        if is_fallback { self.policy.routes().len() } else { route.index }
    }
}
