//! What an operator would want to know, said once.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Rulebook, Service};
use crate::cache::Inquiry;
use crate::caching::cache_status::CacheStatus;
use crate::caching::storability::Refusal;
use crate::identity::Identity;
use crate::journal::{Level, Value};
use crate::policy::Policy;

/// What has been said already.
#[derive(Debug)]
pub struct Hints {
    no_lifetime: AtomicBool,
    /// For each route, the fallback's last: that it does not store because of a credential.
    credential: Vec<AtomicBool>,
    /// The same: that somebody's name did not count.
    name: Vec<AtomicBool>,
}

impl Hints {
    /// Hints for the routes of `policy`. What was said `before` is not said again of a route with the same name.
    pub fn after(before: Option<&Rulebook>, policy: &Policy) -> Self {
        let again = |said: fn(&Self) -> &Vec<AtomicBool>| {
            let told = before.map(|before| told_of(said(&before.hints), &before.policy));
            let told = told.unwrap_or_default();
            names(policy).map(|name| AtomicBool::new(told.contains(name))).collect()
        };
        let no_lifetime =
            before.is_some_and(|before| before.hints.no_lifetime.load(Ordering::Relaxed));
        Self {
            no_lifetime: AtomicBool::new(no_lifetime),
            credential: again(|hints| &hints.credential),
            name: again(|hints| &hints.name),
        }
    }
}

/// The routes of `policy` that something was said of.
fn told_of<'p>(said: &[AtomicBool], policy: &'p Policy) -> HashSet<&'p str> {
    let all = names(policy).zip(said);
    all.filter(|(_, told)| told.load(Ordering::Relaxed)).map(|(name, _)| name).collect()
}

/// The names of all routes, the fallback's last.
fn names(policy: &Policy) -> impl Iterator<Item = &str> {
    policy.routes().iter().chain([policy.fallback()]).map(|route| &*route.name)
}

impl Service {
    /// Says what a decision not to store comes from, if the operator could do something about it and was not told yet.
    pub(super) fn hint(&self, inquiry: &Inquiry, status: &CacheStatus) {
        let Some(detail) = status.detail else { return };
        let is = |refusal: Refusal| refusal.as_str() == detail;
        let rulebook = self.rulebook.load();
        if !rulebook.has(&inquiry.route) {
            return;
        }
        let hints = &rulebook.hints;
        let (said, message) = if is(Refusal::NoLifetime) {
            let message = "responses give no lifetime and are not stored; default_ttl in [cache] or in a route gives them one";
            (Some(&hints.no_lifetime), message)
        } else if [Refusal::Authorization, Refusal::Cookie, Refusal::ClientField]
            .into_iter()
            .any(is)
        {
            let message = "answers to requests with a credential are not stored unless the response permits it with public or s-maxage, \
                or the route says whose they are with identity; ignore_cookies names cookies that are none";
            (hints.credential.get(rulebook.index_of(&inquiry.route)), message)
        } else if let Identity::Unknown(Some(bad)) = inquiry.identity
            && bad.as_str() == detail
        {
            let message = "a name that does not count: the answers are forwarded and not stored";
            (hints.name.get(rulebook.index_of(&inquiry.route)), message)
        } else {
            return;
        };
        if said.is_some_and(|said| {
            !said.load(Ordering::Relaxed) && !said.swap(true, Ordering::Relaxed)
        }) {
            let fields = [
                ("route", Value::Str(&inquiry.route.name)),
                ("path", Value::Bytes(inquiry.asked.path().as_bytes())),
                ("because", Value::Str(detail)),
            ];
            self.journal.write(self.clock.now(), Level::Info, message, &fields);
        }
    }
}
