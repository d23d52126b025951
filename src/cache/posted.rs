//! An answer to POST that is stored for later GETs (RFC 9110 §9.3.3).

use std::sync::Arc;

use http::Method;
use http_body::Body as _;
use tokio::sync::oneshot;

use super::answer::failed;
use super::brought::Incoming;
use super::collapse::Joining;
use super::fetch::Fetch;
use super::wanted::{Asked, Wanted};
use super::why::Why;
use super::{Cache, Failure, Inquiry, Served};
use crate::caching::freshness::Exchange;
use crate::caching::posted::{Posted, answers_get};
use crate::caching::stamp::Stamp;
use crate::caching::storability::{RequestFacts, Storability, storability};
use crate::caching::storable_fields::fields_of_one_exchange;
use crate::caching::terms::{Terms, terms};
use crate::upstream::{Failure as NoAnswer, Forwarded};

/// The purges around a write: what was known when it was sent, and the one it caused itself.
pub(super) struct Around {
    pub(super) began: Stamp,
    pub(super) own: u64,
}

impl Cache {
    /// Stores the answer to a POST where it answers later GETs too, and gives it to the client as it comes. Else the
    /// answer is handed back.
    pub(super) async fn keep_posted(
        self: &Arc<Self>,
        inquiry: &Arc<Inquiry>,
        forwarded: Forwarded,
        around: Around,
        why: &Why,
    ) -> Result<Served, Forwarded> {
        if forwarded.until_close || !self.answers_get(inquiry, &forwarded) {
            return Err(forwarded);
        }
        let joining = Joining {
            key: inquiry.key(),
            fields: &inquiry.fields,
            selecting: None,
            wanted: Wanted::Whole,
            may_want_more: false,
            // Its own invalidation is what it survives.
            stamp: Stamp { record: around.own, ..around.began },
            attempt: 0,
            anew: false,
            may_go_forward: true,
            now: self.clock.now(),
        };
        let (tell, told) = oneshot::channel();
        let leader = self.collapser.alone(&joining);
        let mut fetch = Fetch::new(self, inquiry, leader, None, Some(tell));
        let (status, fields) = (forwarded.response.status(), forwarded.response.headers());
        let Forwarded { request_time, response_time, .. } = forwarded;
        let exchange = Exchange { request_time, response_time };
        let answered = inquiry.credentials;
        let terms = Terms { answered, ..terms(status, fields, &inquiry.route.rules, exchange) };
        let head = match fetch.head(status, fields, terms) {
            Ok(head) if self.purged.spared(&head, around.began, around.own) => head,
            _ => return Err(forwarded),
        };
        fetch.own = fields_of_one_exchange(fields, &inquiry.route.rules);
        let incoming = Incoming::new(forwarded.response, None, &Asked::Whole);
        tokio::spawn(fetch.fill(head, incoming, false, None));
        match told.await.map(|told| self.led(inquiry, told, why)) {
            Ok(Ok(served)) => Ok(served),
            _ => Ok(failed(Failure::Upstream(NoAnswer::BadResponse), why.status())),
        }
    }

    fn answers_get(&self, inquiry: &Inquiry, forwarded: &Forwarded) -> bool {
        let (status, fields) = (forwarded.response.status(), forwarded.response.headers());
        let posted = Posted {
            method: &inquiry.method,
            scheme: inquiry.client.scheme.as_str(),
            authority: &inquiry.authority,
            path_and_query: inquiry.asked.as_str(),
            request: &inquiry.fields,
            status,
            response: fields,
        };
        let as_get = RequestFacts { method: &Method::GET, has_body: false, ..inquiry.facts() };
        let route = &inquiry.route;
        // A route for POST alone may make other keys of a request than the one that a GET for it finds.
        (route.methods.is_empty() || route.methods.contains(&Method::GET))
            && inquiry.asked == inquiry.target
            && inquiry.upgrade.is_none()
            && answers_get(&posted)
            && storability(as_get, status, fields, &route.rules) == Storability::Store
            && forwarded.response.body().size_hint().lower() <= self.settings().max_object
    }
}
