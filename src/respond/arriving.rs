//! A response whose body is still arriving, sent as it comes.

use http::header::RANGE;
use http::{Response, StatusCode};

use super::representation::{assembled, chosen, describe_coding, without_content};
use super::{fields, partial};
use crate::body::{Body, FillReader};
use crate::cache::{Arriving, Inquiry};
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
    fields::vary(&mut fields, !made.is_empty(), inquiry.route.key_headers.iter());
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
    // One part can be cut out of what is coming where the whole's length is known. Several would have to be told how
    // they end before they begin: the whole is as good an answer.
    if status == StatusCode::OK
        && inquiry.fields.contains_key(RANGE)
        && let Some(length) = identity.remaining()
        && if_range_holds(&inquiry.fields, &Validators::of(&fields))
    {
        match requested(&inquiry.fields, &inquiry.method, length) {
            RangeRequest::Parts(parts) if parts.len() == 1 => {
                if let Some(part) = parts.into_iter().next() {
                    partial::describe(&part, length, &mut fields);
                    return assembled(
                        StatusCode::PARTIAL_CONTENT,
                        fields,
                        Body::Fill(identity.part(part)),
                    );
                }
            }
            RangeRequest::Unsatisfiable => {
                let body = partial::unsatisfied(length, &mut fields);
                return assembled(StatusCode::RANGE_NOT_SATISFIABLE, fields, body);
            }
            RangeRequest::Whole | RangeRequest::Parts(_) => {}
        }
    }
    assembled(status, fields, Body::Fill(identity))
}
