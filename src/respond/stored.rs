//! A stored response, sent.

use std::ops::Range;

use http::header::{CONTENT_LENGTH, ETAG};
use http::{HeaderValue, Method, Response, StatusCode};

use super::representation::{assembled, chosen, describe_coding, without_content};
use super::{fields, partial};
use crate::body::Body;
use crate::cache::Inquiry;
use crate::caching::stored::StoredResponse;
use crate::clock::Timestamp;
use crate::semantics::content_coding::Coding;
use crate::semantics::preconditions::{Validators, if_range_holds};
use crate::semantics::present::Present;
use crate::semantics::range::{RangeRequest, requested};

/// `is_hit`: the request did not go forward for it.
pub(super) fn respond(
    stored: &StoredResponse,
    is_hit: bool,
    inquiry: &Inquiry,
    now: Timestamp,
) -> Response<Body> {
    let head = stored.head();
    let mut status = head.status();
    // Room for Age, Cache-Status, ETag, Vary, Content-Encoding, what the operator and what the connection add.
    let mut fields = head.fields(8 + inquiry.route.response_fields.len());
    if is_hit {
        fields::age(&mut fields, head.terms(), now);
    } else {
        fields::age_on_arrival(&mut fields, head.terms(), now);
    }
    // RFC 9110 §8.8: a validator is about what GET would get.
    if inquiry.method != Method::POST
        && let Some(tag) = stored.own_tag()
    {
        fields.insert(ETAG, tag);
    }
    let mut made = [Coding::Identity; 2];
    let mut count = 0;
    let route = &inquiry.route;
    let terms = stored.head().terms_by(&route.rules);
    for (slot, coding) in made.iter_mut().zip(route.rules.codings.among(stored, &terms)) {
        *slot = coding;
        count += 1;
    }
    let made = made.get(..count).unwrap_or_default();
    fields::vary(&mut fields, !made.is_empty(), route.varies_by());
    let coding = chosen(inquiry, made);
    if status == StatusCode::OK
        && let Some(instead) = without_content(&mut fields, inquiry, coding)
    {
        return assembled(instead, fields, Body::Empty);
    }
    describe_coding(&mut fields, coding);
    let content = stored.representation(coding).unwrap_or_default();
    if inquiry.method == Method::HEAD {
        if status != StatusCode::NO_CONTENT {
            fields.insert(CONTENT_LENGTH, HeaderValue::from(content.len()));
        }
        return assembled(status, fields, Body::Empty);
    }
    let mut body = None;
    if status == StatusCode::OK
        && inquiry.present.any(Present::RANGE)
        && if_range_holds(&inquiry.fields, &Validators::of(&fields))
    {
        let complete = stored.complete_length();
        match requested(&inquiry.fields, &inquiry.method, complete) {
            RangeRequest::Whole => {}
            RangeRequest::Parts(parts) => {
                status = StatusCode::PARTIAL_CONTENT;
                let octets = |part: &Range<u64>| stored.part(part).unwrap_or_default();
                body = Some(partial::of_stored(octets, &parts, complete, &mut fields));
            }
            RangeRequest::Unsatisfiable => {
                status = StatusCode::RANGE_NOT_SATISFIABLE;
                body = Some(partial::unsatisfied(complete, &mut fields));
            }
        }
    }
    assembled(status, fields, body.unwrap_or_else(|| Body::from(content)))
}
