//! What a route answers by itself, sent.

use http::header::{ACCEPT, ALLOW, CONTENT_LENGTH, CONTENT_TYPE, ETAG, LOCATION};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};

use super::representation::assembled;
use super::synthetic::refusal;
use crate::body::Body;
use crate::policy::{Route, Values};
use crate::semantics::preconditions::{Precondition, Validators, evaluate};

/// The answer of a `route` that answers by itself. Its content is for GET and HEAD, unless it tells of an error or the
/// route names the methods it is for.
pub fn declared(route: &Route, parts: &Parts, values: Values<'_>) -> Response<Body> {
    let accept = parts.headers.get(ACCEPT);
    let Some(reply) = &route.respond else {
        return refusal(StatusCode::NOT_FOUND, "no-answer", accept, false);
    };
    let reads = [Method::GET, Method::HEAD].contains(&parts.method);
    let is_read = reply.status.is_success() && reply.content.is_some();
    if is_read && !reads && route.methods.is_empty() {
        let status = StatusCode::METHOD_NOT_ALLOWED;
        let mut response = refusal(status, "method", accept, false);
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let mut fields = HeaderMap::with_capacity(8);
    if let Some(location) = &reply.location {
        match location.expand(values) {
            Some(location) => drop(fields.insert(LOCATION, location)),
            None => return refusal(StatusCode::BAD_REQUEST, "bad-target", accept, false),
        }
    }
    let Some(content) = &reply.content else {
        return assembled(reply.status, fields, Body::Empty);
    };
    if reply.status == StatusCode::OK {
        fields.extend(content.tag().map(|tag| (ETAG, tag)));
        let outcome = evaluate(&parts.method, &parts.headers, &Validators::of(&fields));
        match outcome {
            Precondition::Proceed => {}
            Precondition::NotModified => {
                return assembled(StatusCode::NOT_MODIFIED, fields, Body::Empty);
            }
            Precondition::Failed => {
                return refusal(StatusCode::PRECONDITION_FAILED, "precondition", accept, false);
            }
        }
    }
    fields.insert(CONTENT_TYPE, content.kind.clone());
    if parts.method == Method::HEAD {
        fields.insert(CONTENT_LENGTH, HeaderValue::from(content.bytes.len()));
        return assembled(reply.status, fields, Body::Empty);
    }
    assembled(reply.status, fields, Body::from(content.bytes.clone()))
}
