//! What is answered without asking anybody.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use http::Response;
use http::header::ACCEPT;
use http::request::Parts;

use super::refused::Refused;
use super::{Rulebook, Service};
use crate::body::Body;
use crate::clock::Stopwatch;
use crate::counters::Outcome;
use crate::identity::peer::Peer;
use crate::policy::{Route, Values};
use crate::respond::declared;
use crate::respond::synthetic::readiness;
use crate::semantics::target::Target;

/// Why nobody is asked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unasked {
    /// The request is not one to answer.
    Refused(Refused),
    /// The route answers it by itself.
    Declared,
    /// It asks whether we are ready.
    Probe,
    /// The operator's token may come with it, and have something purged.
    Purge,
}

impl Unasked {
    /// The reason as a word.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Refused(refused) => refused.word(),
            Self::Declared => "respond",
            Self::Probe => "health_path",
            Self::Purge => "purge",
        }
    }
}

impl From<Refused> for Unasked {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

/// A request as it came.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) rulebook: &'a Rulebook,
    pub(super) parts: &'a Parts,
    pub(super) target: &'a Target,
    pub(super) peer: &'a Peer,
    pub(super) watch: Stopwatch,
}

impl Service {
    /// The response. All but probes, which are no traffic, are counted and told of.
    pub(super) fn answer_unasked(&self, asked: Asked<'_>, why: Unasked) -> Response<Body> {
        let (route, response) = self.unasked(asked, why);
        let (outcome, word) = match why {
            Unasked::Refused(refused) => (Outcome::Refused, Some(refused.word())),
            Unasked::Declared => (Outcome::Respond, None),
            Unasked::Probe => return response,
            Unasked::Purge => (Outcome::Refused, Some(Refused::NO_TOKEN.word())),
        };
        self.account_unasked(asked, route, response, outcome, word)
    }

    /// The response alone, and the route that it is for.
    pub(super) fn unasked<'a>(
        &self,
        asked: Asked<'a>,
        why: Unasked,
    ) -> (&'a Arc<Route>, Response<Body>) {
        let Asked { rulebook, parts, target, .. } = asked;
        let (path, query) = target.split();
        let found = rulebook.policy.find(&parts.method, &target.authority, path);
        let route = found.route;
        let mut response = match why {
            Unasked::Refused(refused) => refused.response(parts.headers.get(ACCEPT)),
            Unasked::Declared => {
                let captures = &found.captures;
                let host = &target.authority;
                let values = Values { captures, path, query, identity: None, host };
                declared(route, parts, values)
            }
            Unasked::Probe => readiness(!self.leaving.load(Ordering::Relaxed)),
            Unasked::Purge => Refused::NO_TOKEN.response(parts.headers.get(ACCEPT)),
        };
        route.response_fields.apply(response.headers_mut());
        (route, response)
    }
}
