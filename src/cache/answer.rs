//! What a request is answered with once somebody has fetched.

use std::sync::Arc;

use http::{HeaderMap, StatusCode};

use super::collapse::{Flight, Origin, Verdict};
use super::fetch::Told;
use super::second::{FROM, FROM_FLEET};
use super::serve::ATTEMPTS;
use super::why::Why;
use super::{Arriving, Cache, Content, Failure, Inquiry, Served};
use crate::body::FillReader;
use crate::caching::cache_status::CacheStatus;
use crate::caching::freshness::LifetimeSource;
use crate::caching::partial::answers;
use crate::caching::reuse::{Reuse, reuse, reuse_after_failure};
use crate::caching::stamp::Stamp;
use crate::caching::storability::Refusal;
use crate::caching::stored::{StoredHead, StoredResponse};
use crate::caching::terms::Terms;
use crate::caching::vary::selecting_values;
use crate::clock::Timestamp;
use crate::counters::Outcome;
use crate::limit::Denied;
use crate::semantics::content_coding::Coding;
use crate::store::Condemned;
use crate::upstream;

/// What a request does after a verdict that does not answer it.
#[derive(Debug)]
pub(super) enum Next {
    /// Asks again: there may be another flight that fits, or it leads one.
    Again,
    /// Asks again, after so many fetches that failed.
    LeadAnew(u8),
    /// Goes forward alone.
    GoForward(Option<Refusal>),
}

/// When a request came, and what was known of purges then.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    stamp: Stamp,
    at: Timestamp,
    /// Whether every purge was known that had been said to be applied. Asked before the stamp was taken: a lease that is
    /// renewed meanwhile is renewed for purges that the stamp may not count.
    was_synced: bool,
}

impl Cache {
    /// What a request that comes now has to do with.
    pub(super) fn arrival(&self) -> Arrival {
        let at = self.clock.now();
        let was_synced = self.synced.is_leased(at);
        Arrival { stamp: self.stamp(), at, was_synced }
    }

    /// What the request that led is answered with; or that it goes forward alone after all.
    pub(super) fn led(&self, inquiry: &Inquiry, told: Told, why: &Why) -> Result<Served, Next> {
        let status = why.status();
        match told {
            Told::Arriving(arriving, reader, own) => {
                let status =
                    CacheStatus { fwd_status: Some(arriving.fwd_status), stored: true, ..status };
                let content = Content::Arriving { arriving, reader }.with(own);
                Ok(Served { content, status, outcome: Outcome::Miss })
            }
            // What a validation has changed may have changed what the request is about.
            Told::Stored(response, ..) | Told::Validated(response, _)
                if !answers(&response, &inquiry.method, &inquiry.fields) =>
            {
                Err(Next::Again)
            }
            Told::Validated(response, own) => Ok(validated(response, own, status)),
            Told::Stored(response, Origin::Validated | Origin::Fetched, own) => {
                let fwd_status = Some(fetched_as(&response));
                let status = CacheStatus { fwd_status, stored: true, ..status };
                let content = Content::Stored(response).with(own);
                Ok(Served { content, status, outcome: Outcome::Miss })
            }
            Told::Stored(response, Origin::Second, _) => {
                Ok(self.met_further(inquiry, response, FROM))
            }
            Told::Stored(response, Origin::Fleet, _) => {
                Ok(self.met_further(inquiry, response, FROM_FLEET))
            }
            Told::Stored(response, Origin::Met, _) => {
                let ttl = response.head().terms_by(&inquiry.route.rules).ttl(self.clock.now());
                Ok(hit(response, ttl))
            }
            Told::Unsuited(refusal) => Err(Next::GoForward(Some(refusal))),
            Told::Response(response, refusal) => {
                let fwd_status = Some(response.status());
                let status = CacheStatus { fwd_status, detail: Some(refusal.as_str()), ..status };
                Ok(Served { content: Content::Fetched(response), status, outcome: Outcome::Bypass })
            }
            Told::OriginFailed(status) => Ok(self.instead_of_error(inquiry, status, why)),
            // What its client may do is no failure of the origin's: nothing stale stands in for it.
            Told::Failed(Failure::Denied(reason)) => Ok(denied(reason)),
            Told::Failed(failure) => Ok(self.instead_of_failure(inquiry, failure, why)),
        }
    }

    /// What a follower is answered with, after checking that the response is one it could have been served from memory.
    pub(super) fn collapsed(
        &self,
        inquiry: &Inquiry,
        verdict: Verdict,
        arrived: Arrival,
        flight: &Flight,
        why: &Why,
    ) -> Result<Served, Next> {
        let status = CacheStatus { collapsed: true, ..why.status() };
        match verdict {
            Verdict::Arriving(arriving) => {
                let terms = arriving.head.terms_by(&inquiry.route.rules);
                self.fits(inquiry, &arriving.head, &terms, arrived)?;
                if !arriving.answers(inquiry) {
                    return Err(Next::Again);
                }
                let reader = arriving.identity().ok_or(Next::GoForward(Some(Refusal::TooLarge)))?;
                let status = CacheStatus { fwd_status: Some(arriving.fwd_status), ..status };
                Ok(Served {
                    content: Content::Arriving { arriving, reader },
                    status,
                    outcome: Outcome::Collapsed,
                })
            }
            Verdict::Stored(response, origin) => {
                let terms = response.head().terms_by(&inquiry.route.rules);
                self.fits(inquiry, response.head(), &terms, arrived)?;
                if !answers(&response, &inquiry.method, &inquiry.fields) {
                    return Err(Next::Again);
                }
                let fwd_status = match origin {
                    Origin::Second => return Ok(self.met_further(inquiry, response, FROM)),
                    Origin::Fleet => return Ok(self.met_further(inquiry, response, FROM_FLEET)),
                    Origin::Met => return Ok(hit(response, terms.ttl(self.clock.now()))),
                    Origin::Fetched => fetched_as(&response),
                    Origin::Validated => StatusCode::NOT_MODIFIED,
                };
                let status = CacheStatus { fwd_status: Some(fwd_status), ..status };
                Ok(Served {
                    content: Content::Stored(response),
                    status,
                    outcome: Outcome::Collapsed,
                })
            }
            Verdict::OriginFailed(_) if why.stale.is_none() && flight.attempt + 1 < ATTEMPTS => {
                Err(Next::LeadAnew(flight.attempt.saturating_add(1)))
            }
            Verdict::OriginFailed(status) => Ok(self.instead_of_error(inquiry, status, why)),
            // What the leader's credential forbade forbids nothing to who has none.
            Verdict::Declined(Refusal::Authorization) if !inquiry.credentials.authorization => {
                Err(Next::Again)
            }
            Verdict::Declined(Refusal::Cookie) if !inquiry.credentials.cookie => Err(Next::Again),
            Verdict::Declined(Refusal::ClientField) if !inquiry.credentials.client_field => {
                Err(Next::Again)
            }
            Verdict::Declined(refusal) => Err(Next::GoForward(Some(refusal))),
            Verdict::Failed(failure)
                if failure.is_worth_another_try() && flight.attempt + 1 < ATTEMPTS =>
            {
                Err(Next::LeadAnew(flight.attempt.saturating_add(1)))
            }
            Verdict::Failed(failure) => Ok(self.instead_of_failure(inquiry, failure, why)),
            Verdict::Withdrawn => Err(Next::Again),
            Verdict::Pending | Verdict::Lost => {
                Err(Next::LeadAnew(flight.attempt.saturating_add(1)))
            }
        }
    }

    /// RFC 9111 §4: "A cache can use a response that is stored or storable to satisfy multiple requests, provided that it
    /// is allowed to reuse that response for the requests in question."
    pub(super) fn fits(
        &self,
        inquiry: &Inquiry,
        head: &StoredHead,
        terms: &Terms,
        arrived: Arrival,
    ) -> Result<(), Next> {
        if !head.is_selected_by_key_alone() {
            let names: Vec<_> = head.selecting().collect();
            if selecting_values(&names, &inquiry.fields) != head.selecting_values() {
                return Err(Next::Again);
            }
        }
        // Purges may have been missed before the request came. In this order: see `Synced::trusts`.
        let asked = head.terms().exchange.request_time;
        if !self.synced.trusts(asked, arrived.at) {
            return Err(Next::Again);
        }
        let may_be_purged = arrived.stamp > head.stamp() || !arrived.was_synced;
        if may_be_purged && self.purged.fate(head).is_some() {
            return Err(Next::Again);
        }
        let rules = &inquiry.route.rules;
        // Whatever the request would rather have than what is stored, a fetch has just got.
        let directives = inquiry.directives().undemanding();
        match reuse(&directives, inquiry.credentials, terms, rules, self.clock.now()) {
            Reuse::Fresh | Reuse::StaleWhileRevalidate | Reuse::Stale(_) => Ok(()),
            // It was asked for before the moment that ended it: what is asked for now is fresh until the next.
            Reuse::Validate(_) if terms.lifetime.source == LifetimeSource::OperatorUntil => {
                Err(Next::Again)
            }
            Reuse::Validate(_) | Reuse::OnlyIfCachedUnmet => {
                Err(Next::GoForward(Some(Refusal::NeverFresh)))
            }
            Reuse::Unusable(unusable) => Err(Next::GoForward(Some(unusable.refusal()))),
        }
    }

    /// A stale response where there is one that may be used, else the failure itself.
    pub(super) fn instead_of_failure(
        &self,
        inquiry: &Inquiry,
        failure: Failure,
        why: &Why,
    ) -> Served {
        self.stale_if_error(inquiry, why).unwrap_or_else(|| {
            failed(failure, CacheStatus { detail: Some(failure.as_str()), ..why.status() })
        })
    }

    fn instead_of_error(&self, inquiry: &Inquiry, status: StatusCode, why: &Why) -> Served {
        let served = self.instead_of_failure(
            inquiry,
            Failure::Upstream(upstream::Failure::BadResponse),
            why,
        );
        Served { status: CacheStatus { fwd_status: Some(status), ..served.status }, ..served }
    }

    /// RFC 5861 §4. What is unsynchronised is no worse than stale: it is used where something stale would be.
    pub(super) fn stale_if_error(&self, inquiry: &Inquiry, why: &Why) -> Option<Served> {
        let response = why.stale.as_ref()?;
        if self.purged.fate(response.head()) == Some(Condemned::Hard) {
            return None;
        }
        let rules = &inquiry.route.rules;
        let (terms, now) = (response.head().terms_by(rules), self.clock.now());
        let grounds = reuse_after_failure(&inquiry.directives(), &terms, rules, now)?;
        let status = CacheStatus {
            ttl: Some(terms.ttl(now)),
            detail: Some(grounds.as_str()),
            ..why.status()
        };
        Some(stale(Arc::clone(response), status))
    }
}

impl Arriving {
    /// A reader of the body as it comes; `None` once it is too late for one.
    pub(super) fn identity(&self) -> Option<FillReader> {
        self.fill(Coding::Identity)?.reader()
    }
}

impl Failure {
    /// False where another fetch would only add to the load.
    const fn is_worth_another_try(self) -> bool {
        !matches!(self, Self::Upstream(upstream::Failure::Overloaded))
    }
}

/// The status that a stored response came with.
fn fetched_as(response: &StoredResponse) -> StatusCode {
    match response.extents() {
        Some(_) => StatusCode::PARTIAL_CONTENT,
        None => response.head().status(),
    }
}

pub(super) fn hit(response: Arc<StoredResponse>, ttl: i64) -> Served {
    Served {
        content: Content::Stored(response),
        status: CacheStatus::hit(ttl),
        outcome: Outcome::Hit,
    }
}

pub(super) fn stale(response: Arc<StoredResponse>, status: CacheStatus) -> Served {
    Served { content: Content::Stored(response), status, outcome: Outcome::Stale }
}

fn validated(response: Arc<StoredResponse>, own: HeaderMap, status: CacheStatus) -> Served {
    let status = CacheStatus {
        fwd_status: Some(StatusCode::NOT_MODIFIED),
        stored: true,
        detail: None,
        ..status
    };
    let content = Content::Stored(response).with(own);
    Served { content, status, outcome: Outcome::Validated }
}

pub(super) fn failed(failure: Failure, status: CacheStatus) -> Served {
    Served { content: Content::Failed(failure), status, outcome: Outcome::Error }
}

/// Nothing, as the client has asked for as much as it may.
pub fn denied(reason: Denied) -> Served {
    let failure = Failure::Denied(reason);
    let status = CacheStatus::neither().because(failure.as_str());
    Served { outcome: Outcome::Refused, ..failed(failure, status) }
}
