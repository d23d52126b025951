//! What the leader of a flight does, in a task of its own.

use std::sync::Arc;

use http::header::{ACCEPT_ENCODING, CONTENT_LENGTH};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body::Body as _;
use tokio::sync::oneshot;

use super::brought::{Brought, Incoming};
use super::collapse::{Leader, Origin, Verdict};
use super::head::selecting_names;
use super::lookup::Found;
use super::wanted::{Asked, Rest};
use super::{Arriving, Cache, Failure, Inquiry};
use crate::body::{Body, FillReader};
use crate::caching::freshness::{Exchange, LifetimeSource, ensure_date};
use crate::caching::reuse::{is_failure, reuse_after_failure};
use crate::caching::storability::{Refusal, Storability, storability};
use crate::caching::storable_fields::{fields_of_one_exchange, keep_cookies};
use crate::caching::stored::StoredResponse;
use crate::caching::terms::{Terms, terms};
use crate::caching::validation::{Validated, can_be_validated, conditional, validated};
use crate::fleet::Lease;
use crate::store::Condemned;
use crate::upstream::{self, Forward, Forwarded, outgoing_fields};

/// What the request that led is told.
pub(super) enum Told {
    /// The head has come; the body as it comes, and the fields that are this request's alone.
    Arriving(Arc<Arriving>, FillReader, HeaderMap),
    /// What is stored is good; the fields that are this request's alone.
    Validated(Arc<StoredResponse>, HeaderMap),
    /// There is a stored response; the fields that are this request's alone.
    Stored(Arc<StoredResponse>, Origin, HeaderMap),
    /// A response that is this request's alone.
    Response(Response<Body>, Refusal),
    /// There was a response to another request than the client's.
    Unsuited(Refusal),
    /// The origin answered with this error, and there is a stale response to be used instead.
    OriginFailed(StatusCode),
    /// There is no response.
    Failed(Failure),
}

/// A fetch on behalf of all that follow.
pub(super) struct Fetch {
    pub(super) cache: Arc<Cache>,
    pub(super) inquiry: Arc<Inquiry>,
    pub(super) leader: Leader,
    /// The fleet's, where this replica fetches for all.
    pub(super) lease: Option<Lease>,
    /// Whether it has waited for another replica's.
    pub(super) has_waited: bool,
    pub(super) stale: Option<Arc<StoredResponse>>,
    /// Whether it is known what the second tier has.
    pub(super) knows_second: bool,
    /// What has some of what is asked for.
    pub(super) incomplete: Option<Arc<StoredResponse>>,
    /// What only the request that led is to see of the response.
    pub(super) own: HeaderMap,
    pub(super) tell: Option<oneshot::Sender<Told>>,
}

impl Fetch {
    /// `stale`: what is to be validated. `tell`: the request that led, unless nobody waits.
    pub(super) fn new(
        cache: &Arc<Cache>,
        inquiry: &Arc<Inquiry>,
        leader: Leader,
        stale: Option<Arc<StoredResponse>>,
        tell: Option<oneshot::Sender<Told>>,
    ) -> Self {
        let (cache, inquiry) = (Arc::clone(cache), Arc::clone(inquiry));
        let own = HeaderMap::new();
        Self {
            cache,
            inquiry,
            leader,
            lease: None,
            has_waited: false,
            stale,
            knows_second: false,
            incomplete: None,
            own,
            tell,
        }
    }

    /// Fetches, tells, fills and stores.
    pub(super) async fn run(self) {
        // Between the miss and the join an earlier flight may have ended: without this look the last of a thousand
        // clients would fetch again, or ask an origin that has just failed twice.
        let now = self.cache.clock.now();
        if !self.leader.flight().anew
            && let Found::Usable(usable) = self.cache.lookup_as_usual(&self.inquiry, now)
            && let Some(response) = usable.fresh()
        {
            return self.end_met(response, Origin::Met);
        }
        if let Some(fetch) = self.after_second().await {
            fetch.fetch().await;
        }
    }

    async fn fetch(self) {
        let now = self.cache.clock.now();
        if let Some(failure) = self.cache.failed.recall(self.inquiry.known_by(), now) {
            return self.tell_all(Verdict::Failed(failure), Told::Failed(failure));
        }
        if self.is_for_the_fleet() {
            // Boxed: only where it is asked for does it take room.
            if let Some(fetch) = Box::pin(self.in_its_turn()).await {
                fetch.go_forward().await;
            }
        } else {
            self.go_forward().await;
        }
    }

    async fn go_forward(self) {
        // What a client is served stale costs it nothing, so neither does the refresh that nobody waits for.
        if self.tell.is_some()
            && let Err(reason) = self.inquiry.go_forward(&self.cache.clock).await
        {
            let told = Told::Failed(Failure::Denied(reason));
            return self.tell_all(Verdict::Withdrawn, told);
        }
        match self.ask().await {
            Ok((forwarded, asked)) => self.receive(forwarded, asked).await,
            Err(failure) => self.end_failed(Failure::Upstream(failure)),
        }
    }

    /// Asks the upstream: about the stale response if there is one with a validator, for what is missing of an incomplete
    /// one, or, if it is to be fetched anew or there is neither, for what is wanted.
    async fn ask(&self) -> Result<(Forwarded, Asked), upstream::Failure> {
        let is_of_use = |stored: &&Arc<StoredResponse>| {
            self.inquiry.can_validate()
                && self.cache.purged.fate(stored.head()) != Some(Condemned::Hard)
        };
        let (stale, incomplete) = (self.stale.as_ref(), self.incomplete.as_ref());
        let can_be_validated =
            |stale: &&Arc<StoredResponse>| can_be_validated(stale.head().status());
        if let Some(stale) = stale.filter(is_of_use).filter(can_be_validated) {
            return self.validate(stale).await;
        }
        if let Some(rest) = incomplete.filter(is_of_use).and_then(|of| self.rest(of)) {
            return self.complete(rest).await;
        }
        self.ask_afresh().await
    }

    async fn validate(
        &self,
        stale: &StoredResponse,
    ) -> Result<(Forwarded, Asked), upstream::Failure> {
        let stored = stale.head().fields(0);
        let asked = self.afresh();
        let forwarded = self.forward(&stored, &asked).await?;
        match validated(&stored, forwarded.response.status(), forwarded.response.headers()) {
            // RFC 9111 §4.3.3 gives no use for a 304 that speaks of something else.
            Validated::Unusable => self.ask_afresh().await,
            // What was stored for those who agreed in some fields is nothing for those who agree in others.
            Validated::Freshened(fields)
                if !stale.head().selecting().eq(selecting_names(&fields)) =>
            {
                self.ask_afresh().await
            }
            _ => Ok((forwarded, asked)),
        }
    }

    /// §3.3: "A cache MAY complete a stored incomplete response by making a subsequent range request (Section 14.2 of
    /// [HTTP]) and combining the successful response with the stored response, as defined in Section 3.4."
    async fn complete(&self, rest: Rest) -> Result<(Forwarded, Asked), upstream::Failure> {
        let asked = Asked::Rest(rest);
        let forwarded = self.forward(&HeaderMap::new(), &asked).await?;
        let Asked::Rest(rest) = &asked else { return Ok((forwarded, asked)) };
        let response = &forwarded.response;
        let is_of_no_use = match response.status() {
            StatusCode::PARTIAL_CONTENT => {
                !rest.is_brought_by(response.headers(), response.body().size_hint().exact())
            }
            StatusCode::NOT_MODIFIED | StatusCode::RANGE_NOT_SATISFIABLE => true,
            _ => false,
        };
        if is_of_no_use { self.ask_afresh().await } else { Ok((forwarded, asked)) }
    }

    async fn ask_afresh(&self) -> Result<(Forwarded, Asked), upstream::Failure> {
        let asked = self.afresh();
        Ok((self.forward(&HeaderMap::new(), &asked).await?, asked))
    }

    async fn forward(
        &self,
        validators_of: &HeaderMap,
        asked: &Asked,
    ) -> Result<Forwarded, upstream::Failure> {
        let inquiry = &self.inquiry;
        let content = inquiry.content();
        let mut fields = outgoing_fields(
            &inquiry.fields,
            &inquiry.authority,
            &inquiry.client,
            &inquiry.route.proxy_claims,
            &self.cache.via,
        );
        conditional(validators_of, &mut fields);
        asked.put_into(&mut fields);
        fields.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        inquiry.route.request_fields.apply(&mut fields);
        let forward = Forward {
            method: inquiry.method.clone(),
            target: inquiry.forwarded_target(),
            fields,
            body: content.cloned().map_or(Body::Empty, Body::from),
            content_length: content.map(|content| content.len() as u64),
            expects_continue: false,
            upgrade: None,
            interim: inquiry.interim.get().cloned(),
            timeouts: inquiry.timeouts(),
        };
        inquiry.upstream.forward(forward).await
    }

    async fn receive(mut self, forwarded: Forwarded, asked: Asked) {
        let Forwarded { mut response, request_time, response_time, until_close } = forwarded;
        let exchange = Exchange { request_time, response_time };
        ensure_date(response.headers_mut(), response_time);
        self.own = fields_of_one_exchange(response.headers(), &self.inquiry.route.rules);
        let mut instead = false;
        let mut failed = false;
        let stale = self.stale.take();
        if let Some(stale) = &stale {
            instead = self.may_do_instead(stale);
            match validated(&stale.head().fields(0), response.status(), response.headers()) {
                Validated::Freshened(fields) => {
                    let received = response.headers();
                    return self.freshen(stale, fields, received, exchange).await;
                }
                Validated::Failed if instead => {
                    self.tell_all(
                        Verdict::OriginFailed(response.status()),
                        Told::OriginFailed(response.status()),
                    );
                    return;
                }
                Validated::Failed => failed = true,
                Validated::Replaced | Validated::Unusable => {}
            }
        }
        let brought = Brought::of(&asked, &response);
        let (status, fields) = match &brought {
            Some(brought) => (StatusCode::OK, &brought.fields),
            None => (response.status(), response.headers()),
        };
        let rules = &self.inquiry.route.rules;
        let answered = asked.answered(self.inquiry.credentials);
        let terms = Terms { answered, ..terms(status, fields, rules, exchange) };
        let refusal = match storability(self.inquiry.facts(), status, fields, rules) {
            // It says something of the range that was asked for, and nothing to whoever asks for another.
            _ if status == StatusCode::RANGE_NOT_SATISFIABLE && !matches!(asked, Asked::Whole) => {
                Some(Refusal::PartialContent)
            }
            Storability::Refuse(refusal) => Some(refusal),
            // It is no reason to let go of what will be good again.
            Storability::Store if failed => Some(Refusal::ServerError),
            Storability::Store if is_too_large(&response, self.cache.settings().max_object) => {
                Some(Refusal::TooLarge)
            }
            // The end of the connection is the only sign that it is whole: not enough for a response that did not ask
            // to be stored.
            Storability::Store if until_close && !is_explicit(terms.lifetime.source) => {
                Some(Refusal::Incomplete)
            }
            Storability::Store => None,
        };
        let head = match refusal {
            Some(refusal) => Err(refusal),
            None => self.head(status, fields, terms),
        };
        match head {
            Ok(head) => {
                let incoming = Incoming::new(response, brought, &asked);
                self.fill(head, incoming, instead, stale.as_deref()).await;
            }
            Err(refusal) => {
                if let Some(stale) = stale.filter(|_| self.is_replaced(response.status())) {
                    self.cache.let_go(&self.inquiry, &stale);
                }
                self.decline(response, refusal, &asked);
            }
        }
    }

    pub(super) fn remember(&self, refusal: Refusal) {
        if is_worth_remembering(refusal) {
            let (duration, now) = (self.cache.settings().uncacheable_for, self.cache.clock.now());
            self.cache.uncacheable.remember(self.inquiry.known_by(), refusal, duration, now);
            self.note();
        }
    }

    /// RFC 9111 §4.3.4: "the cache can … update the stored response".
    async fn freshen(
        mut self,
        stale: &Arc<StoredResponse>,
        mut fields: HeaderMap,
        received: &HeaderMap,
        exchange: Exchange,
    ) {
        let rules = &self.inquiry.route.rules;
        let status = stale.head().status();
        fields.remove(CONTENT_LENGTH);
        if rules.keeps_cookies() {
            keep_cookies(&mut fields, &stale.head().fields(0));
            keep_cookies(&mut fields, received);
        }
        let answered = stale.head().terms().answered.or(self.inquiry.credentials);
        let terms = Terms { answered, ..terms(status, &fields, rules, exchange) };
        let freshened = Arc::new(stale.freshened(&fields, terms, self.leader.flight().stamp));
        let storable = storability(self.inquiry.facts(), status, &fields, rules);
        let fate = self.cache.purged.fate(freshened.head());
        if storable == Storability::Store && fate != Some(Condemned::Hard) {
            self.cache.memory.insert(self.inquiry.key(), Arc::clone(&freshened));
            let (cache, inquiry) = (Arc::clone(&self.cache), Arc::clone(&self.inquiry));
            let (lease, own) = (self.lease.take(), std::mem::take(&mut self.own));
            let verdict = Verdict::Stored(Arc::clone(&freshened), Origin::Validated);
            self.tell_all(verdict, Told::Validated(Arc::clone(&freshened), own));
            // What is validated for each request is not written for each.
            return if terms.is_never_fresh() {
                cache.keep_to_itself(lease.as_ref());
            } else {
                cache.share_in_turn(&inquiry, &freshened, lease).await;
            };
        }
        // What it says now forbids keeping it: good for the request that asked, and for nobody else.
        self.cache.let_go(&self.inquiry, stale);
        let refusal = match storable {
            Storability::Refuse(refusal) => refusal,
            Storability::Store => Refusal::Invalidated,
        };
        self.inquiry.counters.not_stored(refusal.as_str());
        if is_worth_remembering(refusal) {
            self.note();
        }
        let own = std::mem::take(&mut self.own);
        self.tell_all(Verdict::Declined(refusal), Told::Validated(freshened, own));
    }

    /// Whether an answer that is not stored shows that what is stored is no longer true: not if it failed, and not if it may
    /// be what one user alone gets.
    fn is_replaced(&self, status: StatusCode) -> bool {
        !status.is_server_error() && !self.inquiry.credentials.any()
    }

    /// Whether the stale response may be served because the origin failed.
    fn may_do_instead(&self, stale: &StoredResponse) -> bool {
        let (rules, directives) = (&self.inquiry.route.rules, self.inquiry.directives());
        let terms = stale.head().terms_by(rules);
        reuse_after_failure(&directives, &terms, rules, self.cache.clock.now()).is_some()
    }

    /// Hands the response to the request that led, and sends everybody else forward at once.
    fn decline(self, response: Response<Body>, refusal: Refusal, asked: &Asked) {
        self.inquiry.counters.not_stored(refusal.as_str());
        let status = response.status();
        let told = if asked.is_answered_by(status, &self.inquiry) {
            Told::Response(response, refusal)
        } else {
            Told::Unsuited(refusal)
        };
        if is_failure(status) {
            // The second in a row: whoever has still to hear of it is not to ask a third time.
            if self.leader.flight().attempt > 0 {
                self.remember_failure(Failure::Upstream(upstream::Failure::BadResponse));
            }
            return self.tell_all(Verdict::OriginFailed(status), told);
        }
        if !status.is_server_error() {
            self.remember(refusal);
        }
        self.tell_all(Verdict::Declined(refusal), told);
    }

    pub(super) fn end_met(self, response: Arc<StoredResponse>, origin: Origin) {
        let verdict = Verdict::Stored(Arc::clone(&response), origin);
        self.tell_all(verdict, Told::Stored(response, origin, HeaderMap::new()));
    }

    fn remember_failure(&self, failure: Failure) {
        let (ttl, now) = (self.cache.settings().error_ttl, self.cache.clock.now());
        self.cache.failed.remember(self.inquiry.known_by(), failure, ttl, now);
    }

    fn end_failed(self, failure: Failure) {
        // While somebody follows who will try again, the next leader is not kept from it.
        if !(self.leader.flight().is_followed() && self.leader.flight().attempt == 0) {
            self.remember_failure(failure);
        }
        self.tell_all(Verdict::Failed(failure), Told::Failed(failure));
    }

    pub(super) fn tell_all(self, verdict: Verdict, told: Told) {
        self.leader.land(verdict);
        if let Some(tell) = self.tell {
            // The client that asked may have left; what was fetched for it alone is let go.
            let _ = tell.send(told);
        }
    }
}

fn is_too_large(response: &Response<Body>, max_object: u64) -> bool {
    response.body().size_hint().lower() > max_object
}

/// Whether response or operator said outright how long it lives.
const fn is_explicit(source: LifetimeSource) -> bool {
    !matches!(
        source,
        LifetimeSource::OperatorDefault | LifetimeSource::Heuristic | LifetimeSource::None
    )
}

/// False for what the next response may well not share.
const fn is_worth_remembering(refusal: Refusal) -> bool {
    !matches!(
        refusal,
        Refusal::ServerError
            | Refusal::Incomplete
            | Refusal::PartialContent
            | Refusal::Invalidated
            | Refusal::NotModified
            | Refusal::StatusNotFinal
    )
}
