//! One rulebook after the other.

use std::sync::Arc;

use super::{settings, upstreams};
use crate::clock::Clock;
use crate::config::{RateLimitSettings, Settings};
use crate::counters::Counters;
use crate::identity::shared_secret::SharedSecret;
use crate::limit::{Limiter, Limits, Sharing};
use crate::policy::HostNames;
use crate::service::{Hints, Rulebook};
use crate::upstream::Events;

/// Makes rulebooks of configurations. What is the same in the next one is kept: an upstream with its connections and its
/// servers' record, counters, the versions of rules. And so is, whatever the next one says, what clients have used of their
/// limits.
pub(super) struct Rulebooks {
    clock: Clock,
    counters: Arc<Counters>,
    /// Who is told how servers do.
    events: Arc<dyn Events>,
    limiter: Arc<Limiter>,
    /// With whom limits are shared.
    sharing: Option<Sharing>,
    last_version: u32,
}

impl Rulebooks {
    pub(super) fn new(
        clock: &Clock,
        counters: &Arc<Counters>,
        events: Arc<dyn Events>,
        sharing: Option<Sharing>,
    ) -> Self {
        let (clock, counters) = (clock.clone(), Arc::clone(counters));
        Self { clock, counters, events, limiter: Arc::default(), sharing, last_version: 0 }
    }

    /// The rulebook of a configuration, which follows `before`.
    pub(super) fn next(&mut self, settings: Settings, before: Option<&Rulebook>) -> Rulebook {
        let Settings { server, admin, log, jwt, rate_limit, mut policy, .. } = settings;
        let running = before.map(|before| before.upstreams.as_slice()).unwrap_or_default();
        let (clock, counters, events) = (&self.clock, &self.counters, &self.events);
        let upstreams = upstreams::start(settings.upstreams, running, clock, counters, events);
        policy.number_rules(before.map(|before| &before.policy), || {
            self.last_version = self.last_version.wrapping_add(1);
            self.last_version
        });
        let routes = policy.routes().iter().chain([policy.fallback()]);
        Rulebook {
            hints: Hints::after(before, &policy),
            counters: routes.map(|route| self.counters.route(&route.name)).collect(),
            upstreams,
            hosts: HostNames::new(&server.hosts),
            health_path: server.health_path.as_deref().map(Box::from),
            proxies: server.proxies,
            verifier: jwt,
            limits: rate_limit.and_then(|settings| self.limits(&settings)),
            request_body: server.limits.request_body,
            token: admin.token.map(|token| SharedSecret::new(token.expose())),
            debug_token: admin.debug_token.map(|token| SharedSecret::new(token.expose())),
            access: settings::access_log(&log),
            policy,
        }
    }

    fn limits(&self, RateLimitSettings { limits, clients }: &RateLimitSettings) -> Option<Limits> {
        let clients = clients.iter().map(|(key, tier)| (key.expose(), *tier));
        Limits::new(limits, clients, &self.limiter, self.sharing.as_ref(), &self.counters)
    }
}
