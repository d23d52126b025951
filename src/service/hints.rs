//! What an operator would want to know, said once.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Rulebook, Service};
use crate::cache::Inquiry;
use crate::caching::cache_status::CacheStatus;
use crate::caching::storability::Refusal;
use crate::journal::{Level, Value};
use crate::policy::Policy;

/// What has been said already.
#[derive(Debug)]
pub struct Hints {
    no_lifetime: AtomicBool,
    /// For each route, the fallback's last: that it does not store because of a credential.
    credential: Vec<AtomicBool>,
}

impl Hints {
    /// Hints for the routes of `policy`. What was said `before` is not said again of a route with the same name.
    pub fn after(before: Option<&Rulebook>, policy: &Policy) -> Self {
        let told = before.map(|before| before.hints.told_of(&before.policy)).unwrap_or_default();
        let credential = names(policy).map(|name| AtomicBool::new(told.contains(name))).collect();
        let no_lifetime =
            before.is_some_and(|before| before.hints.no_lifetime.load(Ordering::Relaxed));
        Self { no_lifetime: AtomicBool::new(no_lifetime), credential }
    }

    fn told_of<'p>(&self, policy: &'p Policy) -> HashSet<&'p str> {
        let all = names(policy).zip(&self.credential);
        all.filter(|(_, told)| told.load(Ordering::Relaxed)).map(|(name, _)| name).collect()
    }
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
        } else if is(Refusal::Authorization) || is(Refusal::Cookie) {
            let message = "answers to requests with a credential are not stored unless the response permits it with public or s-maxage";
            (hints.credential.get(rulebook.index_of(&inquiry.route)), message)
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
