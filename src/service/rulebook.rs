//! What a request is answered by: replaced as a whole, so that no request sees half of one and half of another.

use std::sync::Arc;

use super::{AccessLog, Hints};
use crate::counters::RouteCounters;
use crate::policy::{Policy, Route};
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
    /// The longest request body, in bytes.
    pub request_body: u64,
    /// Which requests are told of.
    pub access: AccessLog,
    /// What the operator was told of already.
    pub hints: Hints,
}

impl Rulebook {
    /// Where requests of a route are counted and forwarded.
    pub(super) fn parts_of(&self, route: &Arc<Route>) -> (Arc<RouteCounters>, Arc<Upstream>) {
        let counters = &self.counters[self.index_of(route)];
        (Arc::clone(counters), Arc::clone(&self.upstreams[route.upstream]))
    }

    pub(super) fn index_of(&self, route: &Arc<Route>) -> usize {
        let is_fallback = Arc::ptr_eq(route, self.policy.fallback());
        if is_fallback { self.policy.routes().len() } else { route.index }
    }
}
