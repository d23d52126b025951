//! What goes forward in place, within its own connection's task: no task, no fill, no channel.

use std::pin::Pin;
use std::sync::Arc;

use http::{HeaderMap, Method, Response, StatusCode};
use http_body::Body as _;

use super::answer::denied;
use super::posted::Around;
use super::why::Why;
use super::{Cache, Content, Failure, Inquiry, Served};
use crate::body::Body;
use crate::caching::cache_status::CacheStatus;
use crate::caching::freshness::{Exchange, ensure_date};
use crate::caching::representation_tag::as_the_origins;
use crate::caching::reuse::is_failure;
use crate::caching::storability::{Storability, storability};
use crate::counters::Outcome;
use crate::semantics::present::Present;
use crate::upstream::{Forward, Forwarded, outgoing_fields};

impl Cache {
    /// Forwards a request as the client made it, and passes the answer on.
    ///
    /// Boxed: a request that waits for another's fetch, as a thousand may, does not hold the room it would need for its own.
    pub(super) fn forward_in_place<'a>(
        self: &'a Arc<Self>,
        inquiry: &'a Arc<Inquiry>,
        body: Body,
        why: Why,
    ) -> Pin<Box<dyn Future<Output = Served> + Send + 'a>> {
        Box::pin(self.forward_and_learn(inquiry, body, why))
    }

    async fn forward_and_learn(
        self: &Arc<Self>,
        inquiry: &Arc<Inquiry>,
        body: Body,
        why: Why,
    ) -> Served {
        if let Err(reason) = inquiry.go_forward(&self.clock).await {
            return denied(reason);
        }
        let mut fields = outgoing_fields(
            &inquiry.fields,
            &inquiry.authority,
            &inquiry.client,
            &inquiry.route.proxy_claims,
            &self.via,
        );
        if inquiry.present.any(Present::CONDITIONS | Present::IF_RANGE) {
            as_the_origins(&mut fields);
        }
        inquiry.route.request_fields.apply(&mut fields);
        let forward = Forward {
            method: inquiry.method.clone(),
            target: inquiry.forwarded_target(),
            fields,
            body,
            content_length: inquiry.content_length,
            expects_continue: inquiry.awaits_continue(),
            upgrade: inquiry.upgrade.clone(),
            interim: inquiry.interim.get().cloned(),
            timeouts: inquiry.timeouts(),
        };
        let began = self.stamp();
        let outcome = inquiry.upstream.forward(forward).await;
        let invalidation = self.invalidate_after(inquiry, &outcome);
        match outcome {
            Ok(Forwarded { response, .. })
                if is_failure(response.status()) && why.stale.is_some() =>
            {
                let fwd_status = Some(response.status());
                match self.stale_if_error(inquiry, &why) {
                    Some(served) => {
                        Served { status: CacheStatus { fwd_status, ..served.status }, ..served }
                    }
                    None => passed_on(response, &why),
                }
            }
            Ok(mut forwarded) => {
                ensure_date(forwarded.response.headers_mut(), forwarded.response_time);
                if let Some(own) = invalidation {
                    let around = Around { began, own };
                    match self.keep_posted(inquiry, forwarded, around, &why).await {
                        Ok(served) => return served,
                        Err(unkept) => forwarded = unkept,
                    }
                }
                let Forwarded { response, request_time, response_time, .. } = forwarded;
                if let Some(stored) = &why.stale {
                    let head = (response.status(), response.headers());
                    let exchange = Exchange { request_time, response_time };
                    self.compare(inquiry, stored, head, exchange, began);
                }
                let length = response.body().size_hint().exact();
                self.learn(inquiry, response.status(), response.headers(), length);
                passed_on(response, &why)
            }
            Err(failure) => self.instead_of_failure(inquiry, Failure::Upstream(failure), &why),
        }
    }

    /// Lets the next request lead again where responses have become storable.
    fn learn(
        &self,
        inquiry: &Inquiry,
        status: StatusCode,
        fields: &HeaderMap,
        length: Option<u64>,
    ) {
        if inquiry.method != Method::GET && inquiry.content().is_none() {
            return;
        }
        match storability(inquiry.facts(), status, fields, &inquiry.route.rules) {
            // Of unknown length it may be too large, as it was before.
            Storability::Store
                if length.is_some_and(|length| length <= self.settings().max_object) =>
            {
                self.forget_refusal(inquiry);
            }
            Storability::Store => {}
            Storability::Refuse(refusal) => inquiry.counters.not_stored(refusal.as_str()),
        }
    }
}

fn passed_on(response: Response<Body>, why: &Why) -> Served {
    let status = CacheStatus { fwd_status: Some(response.status()), ..why.status() };
    Served { content: Content::Forwarded(response), status, outcome: Outcome::Bypass }
}
