//! What the answer to a forwarded HEAD does to the response stored for GET (RFC 9111 §4.3.5).

use std::sync::Arc;

use http::header::CONTENT_LENGTH;
use http::{HeaderMap, Method, StatusCode};

use super::head::selecting_names;
use super::{Cache, Inquiry};
use crate::caching::freshness::Exchange;
use crate::caching::stamp::Stamp;
use crate::caching::storability::{RequestFacts, Storability, storability};
use crate::caching::storable_fields::keep_cookies;
use crate::caching::stored::StoredResponse;
use crate::caching::terms::{Terms, terms};
use crate::caching::validation::{Compared, compared_with_head};
use crate::store::Condemned;

impl Cache {
    /// Updates the stored response, or lets go of it. `began`: what was known of purges when the HEAD was sent.
    pub(super) fn compare(
        &self,
        inquiry: &Inquiry,
        stored: &Arc<StoredResponse>,
        head: (StatusCode, &HeaderMap),
        exchange: Exchange,
        began: Stamp,
    ) {
        let (status, received) = head;
        if inquiry.method != Method::HEAD
            || (status, stored.head().status()) != (StatusCode::OK, StatusCode::OK)
        {
            return;
        }
        let before = stored.head().fields(0);
        let updated = match compared_with_head(&before, stored.complete_length(), received) {
            Compared::Unknown => return,
            Compared::Updated(fields) => {
                self.updated(inquiry, stored, fields, received, exchange, began)
            }
            Compared::Outdated => None,
        };
        match updated {
            Some(updated) => self.keep(inquiry, &Arc::new(updated)),
            // "… the cache SHOULD consider the stored response to be stale": the next GET asks for a new one.
            None => self.let_go(inquiry, stored),
        }
    }

    /// The stored response with other fields, where these still let it be stored.
    fn updated(
        &self,
        inquiry: &Inquiry,
        stored: &StoredResponse,
        mut fields: HeaderMap,
        received: &HeaderMap,
        exchange: Exchange,
        began: Stamp,
    ) -> Option<StoredResponse> {
        let rules = &inquiry.route.rules;
        fields.remove(CONTENT_LENGTH);
        if rules.keeps_cookies() {
            keep_cookies(&mut fields, &stored.head().fields(0));
            keep_cookies(&mut fields, received);
        }
        let as_get = RequestFacts { method: &Method::GET, has_body: false, ..inquiry.facts() };
        let is_storable = storability(as_get, StatusCode::OK, &fields, rules) == Storability::Store;
        if !is_storable || !stored.head().selecting().eq(selecting_names(&fields)) {
            return None;
        }
        let answered = stored.head().terms().answered.or(inquiry.credentials);
        let terms = Terms { answered, ..terms(StatusCode::OK, &fields, rules, exchange) };
        let updated = stored.freshened(&fields, terms, began);
        (self.purged.fate(updated.head()) != Some(Condemned::Hard)).then_some(updated)
    }
}
