//! What memory has for a request.

use std::sync::Arc;

use http::HeaderName;

use super::answer::{hit, stale};
use super::{Cache, Inquiry, Served};
use crate::caching::cache_control::RequestDirectives;
use crate::caching::cache_status::{CacheStatus, Fwd};
use crate::caching::partial;
use crate::caching::reuse::{Reuse, StaleGrounds, Unusable, ValidateReason, reuse};
use crate::caching::stored::StoredResponse;
use crate::clock::Timestamp;
use crate::counters::{LookupResult, Tier};
use crate::store::Condemned;

/// What was found.
#[derive(Debug)]
pub(super) enum Found {
    /// A response to be used as it is.
    Usable(Usable),
    /// A response to be validated first.
    Validate(Arc<StoredResponse>, ValidateReason),
    /// A response that lacks some of what is asked for.
    Incomplete(Arc<StoredResponse>),
    /// A response that is not for this client.
    Unusable(Unusable),
    /// No response that fits; the fields that select among those there are.
    Missing(Fwd, Option<Vec<HeaderName>>),
    /// The request would have to be forwarded, and must not be.
    OnlyIfCachedUnmet,
}

/// A response that may be used without asking anybody first.
#[derive(Debug)]
pub(super) struct Usable {
    response: Arc<StoredResponse>,
    /// Seconds of freshness that remain; negative if it is stale.
    ttl: i64,
    /// Why it may be used although it is stale.
    pub(super) stale: Option<StaleGrounds>,
}

impl Usable {
    /// It, if it is fresh.
    pub(super) fn fresh(self) -> Option<Arc<StoredResponse>> {
        self.stale.is_none().then_some(self.response)
    }
}

impl Cache {
    /// The answer to a request that needs nothing but memory: a stored response that is fresh, or may be used stale.
    pub fn at_once(self: &Arc<Self>, inquiry: &Arc<Inquiry>, now: Timestamp) -> Option<Served> {
        if inquiry.lookup_refusal().is_some() {
            return None;
        }
        match self.lookup(inquiry, now) {
            Found::Usable(usable) => Some(self.use_stored(inquiry, usable)),
            _ => None,
        }
    }

    /// Serves what is stored. If it may be used only while it is validated, that is begun.
    pub(super) fn use_stored(self: &Arc<Self>, inquiry: &Arc<Inquiry>, usable: Usable) -> Served {
        let Usable { response, ttl, stale: grounds } = usable;
        let Some(grounds) = grounds else {
            inquiry.counters.lookup(Tier::Memory, LookupResult::Hit);
            return hit(response, ttl);
        };
        inquiry.counters.lookup(Tier::Memory, LookupResult::Stale);
        if grounds == StaleGrounds::WhileRevalidate {
            self.refresh(inquiry, &response, false);
        }
        stale(response, CacheStatus::hit(ttl).because(grounds.as_str()))
    }

    /// What memory has, by all that the request asks for.
    pub(super) fn lookup(&self, inquiry: &Inquiry, now: Timestamp) -> Found {
        self.find(inquiry, &inquiry.directives(), inquiry.asks_anew(), now)
    }

    /// What memory has for a request that is not to have more than that.
    pub(super) fn lookup_as_usual(&self, inquiry: &Inquiry, now: Timestamp) -> Found {
        self.find(inquiry, &inquiry.directives().undemanding(), false, now)
    }

    fn find(
        &self,
        inquiry: &Inquiry,
        directives: &RequestDirectives,
        anew: bool,
        now: Timestamp,
    ) -> Found {
        let missing = |fwd, names| {
            if directives.only_if_cached {
                Found::OnlyIfCachedUnmet
            } else {
                Found::Missing(fwd, names)
            }
        };
        let Some(variants) = self.memory.get(inquiry.key()) else {
            return missing(Fwd::UriMiss, None);
        };
        let Some(response) = variants.select(&inquiry.fields) else {
            let names =
                variants.as_slice().first().map(|response| response.head().selecting().collect());
            return missing(Fwd::VaryMiss, names);
        };
        // In this order: see `Synced::trusts`.
        let asked = response.head().terms().exchange.request_time;
        let is_trusted = self.synced.trusts(asked, now);
        let fate = self.purged.fate(response.head());
        if fate == Some(Condemned::Hard) {
            self.memory.remove(inquiry.key().hash(), response);
            return missing(Fwd::UriMiss, None);
        }
        let rules = &inquiry.route.rules;
        let terms = response.head().terms_by(rules);
        let response = Arc::clone(response);
        let is_enough = partial::answers(&response, &inquiry.method, &inquiry.fields);
        let doubt = match fate {
            Some(_) => Some(ValidateReason::Purged),
            None if !is_trusted => Some(ValidateReason::Unsynced),
            None if anew && !directives.only_if_cached => Some(ValidateReason::RefreshOn),
            None => None,
        };
        let usable =
            |response, stale| Found::Usable(Usable { response, ttl: terms.ttl(now), stale });
        match (reuse(directives, inquiry.credentials, &terms, rules, now), doubt) {
            (Reuse::Unusable(Unusable::Withdrawn), _) => {
                self.memory.remove(inquiry.key().hash(), &response);
                missing(Fwd::UriMiss, None)
            }
            (Reuse::Unusable(unusable), _) => Found::Unusable(unusable),
            (Reuse::OnlyIfCachedUnmet, _) => Found::OnlyIfCachedUnmet,
            _ if !is_enough && directives.only_if_cached => Found::OnlyIfCachedUnmet,
            _ if !is_enough => Found::Incomplete(response),
            (Reuse::Validate(reason), _) => Found::Validate(response, reason),
            (_, Some(_)) if directives.only_if_cached => Found::OnlyIfCachedUnmet,
            (_, Some(reason)) => Found::Validate(response, reason),
            (Reuse::Fresh, None) => usable(response, None),
            (Reuse::StaleWhileRevalidate, None) => {
                usable(response, Some(StaleGrounds::WhileRevalidate))
            }
            (Reuse::Stale(grounds), None) => usable(response, Some(grounds)),
        }
    }
}
