//! What memory has for a request.

use std::sync::Arc;

use http::HeaderName;

use super::{Cache, Content, Inquiry, Served};
use crate::caching::cache_control::RequestDirectives;
use crate::caching::cache_status::{CacheStatus, Fwd};
use crate::caching::partial;
use crate::caching::reuse::{Reuse, StaleGrounds, Unusable, ValidateReason, reuse};
use crate::caching::stored::StoredResponse;
use crate::clock::Timestamp;
use crate::counters::{LookupResult, Outcome, Tier};
use crate::store::Condemned;

/// What was found.
#[derive(Debug)]
pub(super) enum Found {
    /// A response to be used as it is.
    Fresh(Arc<StoredResponse>, i64),
    /// A stale response to be used all the same.
    Stale(Arc<StoredResponse>, i64, StaleGrounds),
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

impl Cache {
    /// The answer to a request that needs nothing but memory: a fresh stored response.
    pub fn at_once(&self, inquiry: &Inquiry, now: Timestamp) -> Option<Served> {
        if inquiry.lookup_refusal().is_some() {
            return None;
        }
        match self.lookup(inquiry, now) {
            Found::Fresh(response, ttl) => {
                inquiry.counters.lookup(Tier::Memory, LookupResult::Hit);
                Some(Served {
                    content: Content::Stored(response),
                    status: CacheStatus::hit(ttl),
                    outcome: Outcome::Hit,
                })
            }
            _ => None,
        }
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
            (Reuse::Fresh, None) => Found::Fresh(response, terms.ttl(now)),
            (Reuse::StaleWhileRevalidate, None) => {
                Found::Stale(response, terms.ttl(now), StaleGrounds::WhileRevalidate)
            }
            (Reuse::Stale(grounds), None) => Found::Stale(response, terms.ttl(now), grounds),
        }
    }
}
