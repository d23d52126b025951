//! The second tier, as requests come to it: after memory, and before the origin.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use http::header::{AUTHORIZATION, COOKIE};

use super::answer::{hit, stale};
use super::collapse::{Flight, Origin, Verdict};
use super::fetch::{Fetch, Told};
use super::why::Why;
use super::{Cache, Inquiry, Served};
use crate::caching::cache_control::RequestDirectives;
use crate::caching::cache_status::{CacheStatus, Fwd};
use crate::caching::reuse::{Reuse, StaleGrounds, Unusable, reuse};
use crate::caching::storability::Refusal;
use crate::caching::stored::{StoredHead, StoredResponse};
use crate::caching::vary::selecting_values;
use crate::clock::Timestamp;
use crate::counters::{LookupResult, Tier};
use crate::store::codec::Kept;
use crate::store::{Condemned, Judged, Read, Second};

/// What the second tier has for a request.
pub(super) enum Further {
    /// A response to be used as it is: fresh, or stale on these grounds.
    Usable(Arc<StoredResponse>, Option<StaleGrounds>),
    /// A response to be validated first.
    Validate(Arc<StoredResponse>),
    /// A response that is not for this client.
    Unusable(Refusal),
    /// Nothing.
    Nothing,
}

impl Cache {
    /// What the second tier has for a request, if it is newer than what memory has. It is put into memory.
    async fn look_further(
        &self,
        inquiry: &Inquiry,
        directives: &RequestDirectives,
        than: Option<&Arc<StoredResponse>>,
    ) -> Further {
        let Some(second) = &self.second else { return Further::Nothing };
        // Who does not know every purge uses nothing that others have stored.
        if !self.synced.is_current(self.clock.now()) {
            return Further::Nothing;
        }
        let further = match second.read(inquiry.key(), &inquiry.fields).await {
            Err(_) => {
                inquiry.counters.lookup(Tier::Redis, LookupResult::Error);
                return Further::Nothing;
            }
            Ok(None) => Further::Nothing,
            Ok(Some(Read { kept, left })) => self.judge(inquiry, directives, &kept, left, than),
        };
        let result = match &further {
            Further::Usable(_, None) => LookupResult::Hit,
            Further::Usable(_, Some(_)) | Further::Validate(_) => LookupResult::Stale,
            Further::Unusable(_) | Further::Nothing => LookupResult::Miss,
        };
        inquiry.counters.lookup(Tier::Redis, result);
        further
    }

    fn judge(
        &self,
        inquiry: &Inquiry,
        directives: &RequestDirectives,
        kept: &Kept,
        left: Duration,
        than: Option<&Arc<StoredResponse>>,
    ) -> Further {
        let (key, rules, now) = (inquiry.key(), &inquiry.route.rules, self.clock.now());
        // In this order: who finds the lease renewed finds all that it was renewed for, and what is applied here from the
        // next line on is seen when the response is used.
        if !self.synced.is_current(now) {
            return Further::Nothing;
        }
        let record = self.purged.applied();
        let judged = self.synced.judge(kept.position(), kept.subject(key), || kept.tags());
        if judged == Judged::Dead {
            return Further::Nothing;
        }
        let response = Arc::new(kept.restored(key, rules, record, now, left));
        if than.is_some_and(|ours| asked(ours) > asked(&response)) {
            return Further::Nothing;
        }
        let reuse = reuse(directives, inquiry.credentials, response.head().terms(), rules, now);
        if reuse == Reuse::Unusable(Unusable::Withdrawn) {
            return Further::Nothing;
        }
        // In memory a response that was purged softly is one with an older stamp; this one's is new.
        if judged == Judged::Alive {
            self.memory.insert(key, Arc::clone(&response));
        }
        let is_struck = match self.purged.fate(response.head()) {
            Some(Condemned::Hard) => return Further::Nothing,
            fate => fate.is_some() || judged == Judged::Soft,
        };
        match reuse {
            Reuse::Unusable(unusable) => Further::Unusable(unusable.refusal()),
            Reuse::OnlyIfCachedUnmet => Further::Nothing,
            Reuse::Fresh | Reuse::StaleWhileRevalidate | Reuse::Stale(_) if is_struck => {
                if directives.only_if_cached {
                    Further::Nothing
                } else {
                    Further::Validate(response)
                }
            }
            Reuse::Fresh => Further::Usable(response, None),
            Reuse::StaleWhileRevalidate => {
                Further::Usable(response, Some(StaleGrounds::WhileRevalidate))
            }
            Reuse::Stale(grounds) => Further::Usable(response, Some(grounds)),
            Reuse::Validate(_) => Further::Validate(response),
        }
    }

    /// The answer of the second tier to a request that memory does not answer, and on whose behalf nothing is fetched for
    /// others: HEAD, and what asks for no more than what is stored.
    pub(super) async fn served_by_second(
        self: &Arc<Self>,
        inquiry: &Arc<Inquiry>,
        than: Option<&Arc<StoredResponse>>,
    ) -> Option<Served> {
        match self.look_further(inquiry, &inquiry.directives(), than).await {
            Further::Usable(response, grounds) => {
                if grounds == Some(StaleGrounds::WhileRevalidate) {
                    self.refresh(inquiry, &response, true);
                }
                Some(self.met_further(inquiry, response, FROM))
            }
            _ => None,
        }
    }

    /// A response of the second tier as an answer.
    pub(super) fn met_further(
        &self,
        inquiry: &Inquiry,
        response: Arc<StoredResponse>,
        from: &'static str,
    ) -> Served {
        let (terms, now) = (response.head().terms_by(&inquiry.route.rules), self.clock.now());
        let ttl = terms.ttl(now);
        if terms.remaining(now) > 0 {
            return Served { status: CacheStatus::hit(ttl).because(from), ..hit(response, ttl) };
        }
        let grounds = StaleGrounds::WhileRevalidate.as_str();
        stale(response, CacheStatus::hit(ttl).because(grounds))
    }

    /// What a leader has brought from the second tier, to be validated, is what there is for all who follow, where it is for
    /// them.
    pub(super) fn learn_from(&self, inquiry: &Inquiry, flight: &Flight, why: &mut Why) {
        let Some(brought) = flight.brought() else { return };
        if why.stale.as_ref().is_none_or(|stale| asked(stale) < asked(brought))
            && self.is_for(inquiry, brought.head())
        {
            why.stale = Some(Arc::clone(brought));
            why.fwd = Fwd::Stale;
        }
    }

    fn is_for(&self, inquiry: &Inquiry, head: &StoredHead) -> bool {
        let names: Vec<HeaderName> = head.selecting().collect();
        let (rules, directives) = (&inquiry.route.rules, inquiry.directives());
        let (terms, now) = (head.terms_by(rules), self.clock.now());
        selecting_values(&names, &inquiry.fields) == head.selecting_values()
            && !matches!(
                reuse(&directives, inquiry.credentials, &terms, rules, now),
                Reuse::Unusable(_)
            )
    }

    /// Stores a response in every tier that takes it.
    pub(super) fn keep(&self, inquiry: &Inquiry, response: &Arc<StoredResponse>) {
        self.memory.insert(inquiry.key(), Arc::clone(response));
        self.share(inquiry, response);
    }

    /// Has a stored response stored in the second tier too, where it may be.
    pub(super) fn share(&self, inquiry: &Inquiry, response: &Arc<StoredResponse>) {
        if let Some(second) = self.second_for(inquiry, response) {
            second.write(Arc::clone(response));
        }
    }

    /// The second tier, where a stored response may be stored there too: whole, and not selected by what a client keeps to
    /// itself.
    pub(super) fn second_for(
        &self,
        inquiry: &Inquiry,
        response: &StoredResponse,
    ) -> Option<&Arc<Second>> {
        let is_secret = |name: &HeaderName| {
            [AUTHORIZATION, COOKIE].contains(name) || inquiry.route.client_fields.contains(name)
        };
        let may_be = response.extents().is_none()
            && !response.head().selecting().any(|name| is_secret(&name));
        self.second.as_ref().filter(|_| may_be)
    }

    /// Lets go of a response in every tier.
    pub(super) fn let_go(&self, inquiry: &Inquiry, response: &Arc<StoredResponse>) {
        self.memory.remove(inquiry.key().hash(), response);
        if let Some(second) = &self.second {
            second.remove(response);
        }
    }
}

/// What `Cache-Status` says of a hit in the second tier.
pub(super) const FROM: &str = "redis";
/// The same where it had been waited for.
pub(super) const FROM_FLEET: &str = "fleet";

impl Fetch {
    /// Looks into the second tier. `None`: there is a response, and all have been told.
    pub(super) async fn after_second(mut self) -> Option<Self> {
        let flight = Arc::clone(self.leader.flight());
        let origin = if self.has_waited { Origin::Fleet } else { Origin::Second };
        let rules = &self.inquiry.route.rules;
        let is_validated_anyway =
            self.stale.as_ref().is_some_and(|stale| stale.head().terms_by(rules).is_never_fresh());
        if self.knows_second || flight.anew || self.incomplete.is_some() || is_validated_anyway {
            return Some(self);
        }
        let (cache, inquiry) = (Arc::clone(&self.cache), Arc::clone(&self.inquiry));
        let directives = inquiry.directives().undemanding();
        match cache.look_further(&inquiry, &directives, self.stale.as_ref()).await {
            Further::Usable(response, None) => self.end_met(response, origin),
            // A refresh is there to bring something fresh.
            Further::Usable(response, Some(_)) if self.tell.is_some() => {
                self.end_met(Arc::clone(&response), origin);
                cache.refresh(&inquiry, &response, true);
            }
            Further::Usable(response, Some(_)) | Further::Validate(response) => {
                flight.bring(&response);
                self.stale = Some(response);
                return Some(self);
            }
            Further::Unusable(refusal) => {
                self.tell_all(Verdict::Withdrawn, Told::Unsuited(refusal))
            }
            Further::Nothing => return Some(self),
        }
        None
    }
}

fn asked(response: &StoredResponse) -> Timestamp {
    response.head().terms().exchange.request_time
}
