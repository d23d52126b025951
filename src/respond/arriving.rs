//! A response whose body is still arriving, sent as it comes.

use http::header::{CONTENT_RANGE, RANGE};
use http::{HeaderMap, Response, StatusCode};

use super::representation::{assembled, chosen, describe_coding, without_content};
use super::{fields, partial};
use crate::body::{Body, FillReader};
use crate::cache::{Arriving, Inquiry, Span};
use crate::clock::Timestamp;
use crate::semantics::content_coding::Coding;
use crate::semantics::preconditions::{Validators, if_range_holds};
use crate::semantics::range::{RangeRequest, requested};

pub(super) fn respond(
    arriving: &Arriving,
    identity: FillReader,
    inquiry: &Inquiry,
    now: Timestamp,
) -> Response<Body> {
    let head = &arriving.head;
    let status = head.status();
    let mut fields = head.fields(8);
    fields::age_on_arrival(&mut fields, head.terms(), now);
    // Who follows may be of a route with other codings than whoever led.
    let own = &inquiry.route.rules.codings.codings;
    let made: Vec<Coding> = arriving
        .fills
        .iter()
        .map(|(coding, _)| *coding)
        .filter(|made| *made != Coding::Identity && own.contains(made))
        .collect();
    fields::vary(&mut fields, !made.is_empty(), inquiry.route.varies_by());
    let coding = chosen(inquiry, &made);
    if status == StatusCode::OK
        && let Some(instead) = without_content(&mut fields, inquiry, coding)
    {
        return assembled(instead, fields, Body::Empty);
    }
    if coding != Coding::Identity
        && let Some(reader) = arriving.fill(coding).and_then(|fill| fill.reader())
    {
        describe_coding(&mut fields, coding);
        return assembled(status, fields, Body::Fill(reader));
    }
    if let Some(span) = &arriving.span {
        return of_span(span, identity, inquiry, fields);
    }
    // Parts can be cut out of what is coming where the whole's length is known.
    if status == StatusCode::OK
        && inquiry.fields.contains_key(RANGE)
        && let Some(length) = identity.remaining()
        && if_range_holds(&inquiry.fields, &Validators::of(&fields))
    {
        match requested(&inquiry.fields, &inquiry.method, length) {
            RangeRequest::Parts(parts) if partial::are_ascending(&parts) => {
                let body = partial::of_arriving(identity, 0, &parts, length, &mut fields);
                return assembled(StatusCode::PARTIAL_CONTENT, fields, body);
            }
            RangeRequest::Unsatisfiable => {
                let body = partial::unsatisfied(length, &mut fields);
                return assembled(StatusCode::RANGE_NOT_SATISFIABLE, fields, body);
            }
            // To wait for the last before the first can be sent is worse than the whole.
            RangeRequest::Whole | RangeRequest::Parts(_) => {}
        }
    }
    assembled(status, fields, Body::Fill(identity))
}

/// What is asked for of a part that is arriving.
fn of_span(
    span: &Span,
    reader: FillReader,
    inquiry: &Inquiry,
    mut fields: HeaderMap,
) -> Response<Body> {
    let all = || vec![span.range.clone()];
    let parts = span.asked_of(inquiry).filter(|parts| partial::are_ascending(parts));
    let parts = parts.unwrap_or_else(all);
    let body = partial::of_arriving(reader, span.range.start, &parts, span.complete, &mut fields);
    if let Some((_, said)) = &span.said
        && parts == all()
    {
        fields.insert(CONTENT_RANGE, said.clone());
    }
    assembled(StatusCode::PARTIAL_CONTENT, fields, body)
}
