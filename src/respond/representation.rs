//! Which representation answers a request, and what the request's conditions make of it, in the order of RFC 9110
//! §13.2.2: the content coding first, because it changes the entity tag; then the conditions; then the range.

use std::borrow::Cow;

use http::header::{
    ACCEPT_RANGES, AGE, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH,
    CONTENT_RANGE, CONTENT_TYPE, ETAG, EXPIRES, IF_NONE_MATCH, LAST_MODIFIED,
};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use crate::body::Body;
use crate::cache::Inquiry;
use crate::caching::representation_tag::{as_identity, coded};
use crate::semantics::content_coding::{Coding, accepted};
use crate::semantics::entity_tag::EntityTag;
use crate::semantics::fields::list_members;
use crate::semantics::preconditions::{Precondition, Validators, evaluate};
use crate::semantics::present::Present;

/// The coding to answer with, of those there are beside identity.
pub(super) fn chosen(inquiry: &Inquiry, made: &[Coding]) -> Coding {
    // A coding made anew of the same body may differ byte for byte, although its tag is the same: parts are of identity.
    if made.is_empty() || inquiry.present.any(Present::RANGE) {
        return Coding::Identity;
    }
    let mut available = [Coding::Identity; 3];
    let mut count = 0;
    let preferred = &inquiry.route.rules.codings.codings;
    let preferred = preferred.iter().filter(|coding| made.contains(coding));
    for coding in preferred.chain([&Coding::Identity]) {
        if let Some(slot) = available.get_mut(count) {
            *slot = *coding;
            count += 1;
        }
    }
    accepted(&inquiry.fields).choose(available.get(..count).unwrap_or(&[Coding::Identity]))
}

/// What the request's conditions make of a 200 with these fields, which are still those of the identity representation:
/// `None`, the representation itself, or a response without it.
pub(super) fn without_content(
    fields: &mut HeaderMap,
    inquiry: &Inquiry,
    coding: Coding,
) -> Option<StatusCode> {
    if !inquiry.present.any(Present::CONDITIONS) {
        return None;
    }
    let conditions = as_identity(&inquiry.fields);
    let selected = Validators::compared_by(&conditions, fields);
    match evaluate(&inquiry.method, &conditions, &selected) {
        Precondition::Proceed => None,
        Precondition::NotModified => {
            // Where no tag had to be replaced, none named a coding of ours.
            let names_a_coding = matches!(conditions, Cow::Owned(_));
            let theirs = names_a_coding.then(|| what_the_client_has(fields, inquiry)).flatten();
            describe_coding(fields, coding);
            if let Some(theirs) = theirs {
                fields.insert(ETAG, theirs);
            }
            for name in [
                CONTENT_ENCODING,
                CONTENT_LANGUAGE,
                CONTENT_LENGTH,
                CONTENT_RANGE,
                CONTENT_TYPE,
                ACCEPT_RANGES,
            ] {
                fields.remove(name);
            }
            Some(StatusCode::NOT_MODIFIED)
        }
        Precondition::Failed => {
            forget_representation(fields);
            Some(StatusCode::PRECONDITION_FAILED)
        }
    }
}

/// Leaves of the fields what may stand in a refusal of our own, which nobody stores.
pub(super) fn forget_representation(fields: &mut HeaderMap) {
    for name in &OF_THE_REPRESENTATION {
        fields.remove(name);
    }
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
}

static OF_THE_REPRESENTATION: [HeaderName; 11] = [
    AGE,
    CONTENT_ENCODING,
    CONTENT_LANGUAGE,
    CONTENT_LENGTH,
    CONTENT_TYPE,
    ETAG,
    EXPIRES,
    LAST_MODIFIED,
    HeaderName::from_static("cdn-cache-control"),
    HeaderName::from_static("forebay-cache-control"),
    HeaderName::from_static("surrogate-control"),
];

/// The tag by which the client knows what it has, where that is one of our codings.
fn what_the_client_has(fields: &HeaderMap, inquiry: &Inquiry) -> Option<HeaderValue> {
    let own = fields.get(ETAG)?;
    let codings = [Coding::Gzip, Coding::Brotli].map(|coding| coded(own, coding));
    let is_one_of_ours = |tag: &str| {
        let theirs = EntityTag::parse(tag);
        let ours = codings.iter().flatten().filter_map(|tag| EntityTag::parse(tag.to_str().ok()?));
        theirs.is_some_and(|theirs| ours.into_iter().any(|ours| ours.weak_eq(theirs)))
    };
    let theirs = list_members(&inquiry.fields, &IF_NONE_MATCH).find(|tag| is_one_of_ours(tag))?;
    HeaderValue::from_str(theirs).ok()
}

/// Makes the fields those of a coding made of the representation they describe.
pub(super) fn describe_coding(fields: &mut HeaderMap, coding: Coding) {
    if coding == Coding::Identity {
        return;
    }
    fields.insert(CONTENT_ENCODING, HeaderValue::from_static(coding.as_str()));
    if let Some(tag) = fields.get(ETAG).and_then(|tag| coded(tag, coding)) {
        fields.insert(ETAG, tag);
    }
}

/// A response that was fetched without the client's conditions, held against them.
pub(super) fn conditioned(mut response: Response<Body>, inquiry: &Inquiry) -> Response<Body> {
    if matches!(response.status(), StatusCode::OK | StatusCode::PARTIAL_CONTENT)
        && let Some(status) = without_content(response.headers_mut(), inquiry, Coding::Identity)
    {
        *response.status_mut() = status;
        *response.body_mut() = Body::Empty;
    }
    response
}

/// A response with these parts.
pub(super) fn assembled(status: StatusCode, fields: HeaderMap, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = fields;
    response
}
