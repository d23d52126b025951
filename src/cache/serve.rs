//! A request that memory alone does not answer.

use std::sync::Arc;

use http::header::ACCEPT;
use tokio::sync::oneshot;

use super::answer::{Arrival, Next, failed};
use super::collapse::{Flight, Joining, Leader, Turn, Verdict};
use super::fetch::{Fetch, Told};
use super::lookup::Found;
use super::refresh::Anew;
use super::wanted::Wanted;
use super::why::Why;
use super::{Cache, Failure, Inquiry, Reading, Served};
use crate::body::Body;
use crate::caching::cache_status::{CacheStatus, Fwd};
use crate::caching::purge::Subject;
use crate::caching::storability::{Credentials, Refusal};
use crate::caching::stored::StoredResponse;
use crate::counters::{LookupResult, Tier};
use crate::identity::Identity;
use crate::policy::Collapse;
use crate::upstream;

/// How often a request asks again before it goes its own way.
const ROUNDS: usize = 8;
/// How many fetches in a row may fail before all that wait are told so.
pub(super) const ATTEMPTS: u8 = 2;

impl Cache {
    /// Answers a request, waiting for whatever has to be waited for.
    pub async fn serve(self: &Arc<Self>, inquiry: &Arc<Inquiry>, body: Body) -> Served {
        let body = match inquiry.key_body() {
            // Boxed: only this one needs the room.
            Some(rules) => Box::pin(self.read_content(inquiry, rules, body)).await,
            None => body,
        };
        if let Some(Reading::Unread(refusal) | Reading::Unkeyed(refusal)) = inquiry.reading.get() {
            inquiry.counters.not_stored(refusal.as_str());
        }
        if let Some(Reading::Torn(error)) = inquiry.reading.get() {
            let failure = Failure::Upstream(upstream::Failure::RequestBody(*error));
            return failed(failure, CacheStatus::neither().because(failure.as_str()));
        }
        if let Some(refusal) = inquiry.lookup_refusal() {
            let fwd = if refusal == Refusal::Method { Fwd::Method } else { Fwd::Bypass };
            let detail = match &inquiry.identity {
                Identity::Unknown(Some(bad)) if refusal == Refusal::NoIdentity => bad.as_str(),
                _ => refusal.as_str(),
            };
            let why = Why::because(fwd, detail);
            return self.forward_in_place(inquiry, body, why).await;
        }
        let arrived = self.arrival();
        let (mut attempt, mut granted) = (0, false);
        for _ in 0..ROUNDS {
            let mut why = match self.look(inquiry, &mut granted) {
                Ok(served) if served.failure() == Some(Failure::OnlyIfCached.as_str()) => {
                    let further = Box::pin(self.served_by_second(inquiry, None)).await;
                    return further.unwrap_or(served);
                }
                Ok(served) => return served,
                Err(why) => why,
            };
            match self.round(inquiry, &mut why, arrived, attempt).await {
                Ok(served) => return served,
                Err(Next::Again) => {}
                Err(Next::LeadAnew(next)) => attempt = next,
                Err(Next::GoForward(refusal)) => {
                    let detail = refusal.map(Refusal::as_str).or(why.detail);
                    return self.forward_in_place(inquiry, body, Why { detail, ..why }).await;
                }
            }
        }
        self.forward_in_place(inquiry, body, Why::because(Fwd::Miss, "gave-up")).await
    }

    /// Joins a flight, or leads one, and makes what comes of it into an answer.
    async fn round(
        self: &Arc<Self>,
        inquiry: &Arc<Inquiry>,
        why: &mut Why,
        arrived: Arrival,
        attempt: u8,
    ) -> Result<Served, Next> {
        let now = self.clock.now();
        let wanted = self.wanted(inquiry, why);
        if let Some(refusal) = self.known_refusal(inquiry, why, &wanted) {
            if inquiry.refusal() == Some(refusal) && why.incomplete.is_none() {
                let further = Box::pin(self.served_by_second(inquiry, why.stale.as_ref())).await;
                if let Some(served) = further {
                    return Ok(served);
                }
            }
            return Err(Next::GoForward(Some(refusal)));
        }
        if let Some(failure) = self.failed.recall(inquiry.known_by(), now) {
            return Ok(self.instead_of_failure(inquiry, failure, why));
        }
        let joining = Joining {
            key: inquiry.key(),
            fields: &inquiry.fields,
            selecting: why.selecting.as_deref(),
            wanted,
            may_want_more: !why.incomplete.as_ref().is_some_and(|of| self.is_too_large(of)),
            stamp: self.stamp(),
            attempt,
            anew: matches!(why.anew, Anew::Granted),
            may_go_forward: inquiry.may_go_forward(now),
            now,
        };
        let leader = match self.turn(inquiry, &joining, why) {
            Turn::Lead(leader) => leader,
            Turn::Follow(flight) => match self.follow(inquiry, &flight, &joining, why).await {
                Followed::Lead(leader) => leader,
                Followed::Told(verdict) => {
                    self.learn_from(inquiry, &flight, why);
                    let answer = self.collapsed(inquiry, verdict, arrived, &flight, why);
                    return answer.inspect(|_| inquiry.counters.collapsed());
                }
                Followed::OutOfPatience => {
                    return Ok(self.instead_of_failure(inquiry, Failure::OutOfPatience, why));
                }
            },
        };
        let flight = Arc::clone(leader.flight());
        match self.lead(inquiry, leader, why).await {
            Ok(told) => {
                self.learn_from(inquiry, &flight, why);
                self.led(inquiry, told, why)
            }
            // The task that fetched is gone without a word: it panicked.
            Err(_) => Err(Next::LeadAnew(attempt.saturating_add(1))),
        }
    }

    /// What memory answers, or why it does not. `granted`: this request was granted a fetch of what is stored.
    fn look(self: &Arc<Self>, inquiry: &Arc<Inquiry>, granted: &mut bool) -> Result<Served, Why> {
        let now = self.clock.now();
        let mut found = self.lookup(inquiry, now);
        let mut anew = Anew::Unasked;
        if let Found::Validate(_, reason) = &found
            && reason.is_the_requests()
        {
            anew = if *granted { Anew::Granted } else { self.grant(inquiry, now) };
            match anew {
                Anew::Limited | Anew::Unaffordable => {
                    found = self.lookup_as_usual(inquiry, now);
                }
                Anew::Granted => *granted = true,
                Anew::Unasked | Anew::Follow(_) => {}
            }
        }
        let (result, answer) = match found {
            Found::Usable(usable) => {
                let served = self.use_stored(inquiry, usable);
                let detail = served.status.detail.or(anew.detail());
                return Ok(Served { status: CacheStatus { detail, ..served.status }, ..served });
            }
            Found::Validate(response, reason) => {
                let fwd = if reason.is_the_requests() { Fwd::Request } else { Fwd::Stale };
                let why = Why { stale: Some(response), anew, ..Why::because(fwd, reason.as_str()) };
                (LookupResult::Stale, Err(why))
            }
            Found::Incomplete(response) => {
                let why = Why { incomplete: Some(response), ..Why::plainly(Fwd::Partial) };
                (LookupResult::Miss, Err(why))
            }
            Found::Unusable(unusable) => {
                (LookupResult::Miss, Err(Why::refused(Fwd::Miss, unusable.refusal())))
            }
            Found::Missing(fwd, selecting) => {
                (LookupResult::Miss, Err(Why { selecting, ..Why::plainly(fwd) }))
            }
            Found::OnlyIfCachedUnmet => {
                (LookupResult::Miss, Ok(failed(Failure::OnlyIfCached, CacheStatus::neither())))
            }
        };
        inquiry.counters.lookup(Tier::Memory, result);
        answer
    }

    /// Why nobody would be helped if this request led a flight.
    fn known_refusal(&self, inquiry: &Inquiry, why: &Why, wanted: &Wanted) -> Option<Refusal> {
        let accept = inquiry.fields.get_all(ACCEPT).iter().filter_map(|line| line.to_str().ok());
        let wants_events = accept.into_iter().any(|line| line.contains("text/event-stream"));
        let is_too_large = why.incomplete.as_ref().is_some_and(|of| self.is_too_large(of));
        let known = why
            .refusal
            .or_else(|| inquiry.refusal())
            .or_else(|| wants_events.then_some(Refusal::EventStream))
            .or_else(|| self.uncacheable.recall(inquiry.known_by(), self.clock.now()))
            .or_else(|| is_too_large.then_some(Refusal::TooLarge));
        // Of what is too large, parts are stored all the same.
        known.filter(|refusal| *refusal != Refusal::TooLarge || *wanted == Wanted::Whole)
    }

    fn turn(&self, inquiry: &Inquiry, joining: &Joining<'_>, why: &Why) -> Turn {
        if let Anew::Follow(flight) = &why.anew {
            return Turn::Follow(Arc::clone(flight));
        }
        // What is never fresh is validated for each request by itself: nobody may use what another has just got.
        let never_fresh = why
            .stale
            .as_ref()
            .is_some_and(|stale| stale.head().terms_by(&inquiry.route.rules).is_never_fresh());
        if inquiry.route.collapse == Collapse::Never || never_fresh {
            return Turn::Lead(self.collapser.alone(joining));
        }
        self.collapser.join(joining, |flight| self.is_flight_alive(inquiry, flight))
    }

    /// Whether a flight can still bring what this request may use. Tags, and for how long the response is fresh, are known
    /// only once its head has come.
    pub(super) fn is_flight_alive(&self, inquiry: &Inquiry, flight: &Flight) -> bool {
        if let Some(arriving) = flight.arriving() {
            let terms = arriving.head.terms_by(&inquiry.route.rules);
            let fits = self.fits(inquiry, &arriving.head, &terms, self.arrival());
            let is_over =
                matches!(fits, Err(Next::Again | Next::GoForward(Some(Refusal::NeverFresh))));
            return arriving.answers(inquiry) && (terms.lifetime.duration.is_zero() || !is_over);
        }
        let subject = Subject {
            authority: &inquiry.authority,
            path_and_query: inquiry.target.as_str(),
            route: &inquiry.route.name,
        };
        self.synced.trusts(flight.started, self.clock.now())
            && self.purged.fate_since(flight.stamp, subject).is_none()
    }

    /// Sends a task of its own to fetch, so that it goes on when this client leaves. It says what came of it.
    fn lead(
        self: &Arc<Self>,
        inquiry: &Arc<Inquiry>,
        leader: Leader,
        why: &Why,
    ) -> oneshot::Receiver<Told> {
        let (tell, told) = oneshot::channel();
        let mut fetch = Fetch::new(self, inquiry, leader, why.stale.clone(), Some(tell));
        fetch.incomplete.clone_from(&why.incomplete);
        tokio::spawn(fetch.run());
        told
    }

    /// Validates a stale response that has been served, unless somebody does already. `knows_second`: it is the second
    /// tier's.
    pub(super) fn refresh(
        self: &Arc<Self>,
        inquiry: &Arc<Inquiry>,
        stale: &Arc<StoredResponse>,
        knows_second: bool,
    ) {
        let now = self.clock.now();
        // A fetch is made for who asks: not for a request whose own answer could not be stored.
        if inquiry.refusal().is_some() || self.failed.recall(inquiry.known_by(), now).is_some() {
            return;
        }
        let selecting: Vec<_> = stale.head().selecting().collect();
        let joining = Joining {
            key: inquiry.key(),
            fields: &inquiry.fields,
            selecting: Some(&selecting),
            wanted: self.wanted(
                inquiry,
                &Why { stale: Some(Arc::clone(stale)), ..Why::plainly(Fwd::Stale) },
            ),
            may_want_more: false,
            stamp: self.stamp(),
            attempt: 0,
            anew: false,
            // A refresh that nobody waits for costs nobody anything.
            may_go_forward: true,
            now,
        };
        if let Turn::Lead(leader) =
            self.collapser.join(&joining, |flight| self.is_flight_alive(inquiry, flight))
        {
            let mut fetch = Fetch::new(self, inquiry, leader, Some(Arc::clone(stale)), None);
            fetch.knows_second = knows_second;
            tokio::spawn(fetch.run());
        }
    }

    async fn follow(
        &self,
        inquiry: &Inquiry,
        flight: &Arc<Flight>,
        joining: &Joining<'_>,
        why: &Why,
    ) -> Followed {
        let waited = joining.now.saturating_since(flight.started);
        if let Some(verdict) =
            flight.verdict(self.settings().collapse_timeout.saturating_sub(waited)).await
        {
            return Followed::Told(verdict);
        }
        let joining = Joining {
            stamp: self.stamp(),
            attempt: flight.attempt + 1,
            now: self.clock.now(),
            selecting: why.selecting.as_deref(),
            wanted: joining.wanted.clone(),
            ..*joining
        };
        if joining.attempt < ATTEMPTS
            && let Some(leader) = self.collapser.succeed(flight, &joining)
        {
            return Followed::Lead(leader);
        }
        let waited = joining.now.saturating_since(flight.started);
        let patience = inquiry.timeouts().response.saturating_sub(waited);
        match flight.verdict(patience).await {
            Some(verdict) => Followed::Told(verdict),
            None => Followed::OutOfPatience,
        }
    }
}

/// How following went.
enum Followed {
    Told(Verdict),
    Lead(Leader),
    OutOfPatience,
}

impl Inquiry {
    /// What is remembered of its key is remembered under this: for requests with the same kinds of credentials, judged by
    /// the same rules.
    pub(super) fn known_by(&self) -> u64 {
        let Credentials { authorization, cookie, client_field } = self.credentials;
        let bits = [authorization, cookie, client_field].map(u8::from);
        let salt = bits.into_iter().fold(0, |salt, bit| salt << 1 | bit);
        self.key().hash_with(salt) ^ (u64::from(self.route.rules.version) << 20)
    }
}
