//! One rulebook after the other.

use std::sync::Arc;

use super::settings;
use crate::clock::Clock;
use crate::config::{Settings, UpstreamSettings};
use crate::counters::Counters;
use crate::policy::HostNames;
use crate::service::{Hints, Rulebook};
use crate::upstream::Upstream;

/// The name of what `[upstream]` says.
const DEFAULT: &str = "default";

/// Makes rulebooks of configurations. What is the same in the next one is kept: an upstream with its connections and its
/// servers' record, counters, the versions of rules.
pub(super) struct Rulebooks {
    clock: Clock,
    counters: Arc<Counters>,
    upstreams: Vec<Known>,
    last_version: u32,
}

/// An upstream and what it was made of.
struct Known {
    name: &'static str,
    settings: UpstreamSettings,
    upstream: Arc<Upstream>,
}

impl Rulebooks {
    pub(super) fn new(clock: &Clock, counters: &Arc<Counters>) -> Self {
        let (clock, counters) = (clock.clone(), Arc::clone(counters));
        Self { clock, counters, upstreams: Vec::new(), last_version: 0 }
    }

    /// The rulebook of a configuration, which follows `before`.
    pub(super) fn next(&mut self, settings: Settings, before: Option<&Rulebook>) -> Rulebook {
        let Settings { server, log, upstream, mut policy, .. } = settings;
        self.upstreams = vec![self.upstream(DEFAULT, upstream)];
        policy.number_rules(before.map(|before| &before.policy), || {
            self.last_version = self.last_version.wrapping_add(1);
            self.last_version
        });
        let routes = policy.routes().iter().chain([policy.fallback()]);
        Rulebook {
            hints: Hints::after(before, &policy),
            counters: routes.map(|route| self.counters.route(&route.name)).collect(),
            upstreams: self.upstreams.iter().map(|known| Arc::clone(&known.upstream)).collect(),
            hosts: HostNames::new(&server.hosts),
            health_path: server.health_path.as_deref().map(Box::from),
            request_body: server.limits.request_body,
            access: settings::access_log(&log),
            policy,
        }
    }

    /// The upstream there is, if it was made of the same settings, or a new one.
    fn upstream(&self, name: &'static str, settings: UpstreamSettings) -> Known {
        let same = |known: &&Known| known.name == name && known.settings == settings;
        let upstream = match self.upstreams.iter().find(same) {
            Some(known) => Arc::clone(&known.upstream),
            None => Arc::new(Upstream::new(
                settings::upstream(&settings),
                self.clock.clone(),
                self.counters.upstream(name),
            )),
        };
        Known { name, settings, upstream }
    }
}
