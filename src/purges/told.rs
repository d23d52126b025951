//! The JSON that is said of a purge.

use http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Response, StatusCode};
use serde::Serialize;

use super::Done;
use crate::body::Body;

/// `{"id": "18f-1c2-0", "matched": 7}`, and of a fleet also what became of it there.
#[derive(Serialize)]
pub(super) struct Told<'a> {
    id: &'a str,
    /// How many stored responses it covered, in this replica's memory; `null` while they are being counted.
    matched: Option<u64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    dry_run: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    logged: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    applied: Option<bool>,
}

impl<'a> Told<'a> {
    pub(super) fn of(done: &'a Done, logged: Option<bool>, applied: Option<bool>) -> Self {
        let inner = &done.0;
        let matched = *inner.matched.borrow();
        Self { id: &inner.id, matched, dry_run: inner.dry_run, logged, applied }
    }
}

/// A problem document (RFC 9457) that has it all as extension members.
#[derive(Serialize)]
struct Problem<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    code: &'static str,
    detail: &'static str,
    #[serde(flatten)]
    told: &'a Told<'a>,
}

/// All is well.
pub(super) fn respond(told: &Told<'_>) -> Response<Body> {
    json(StatusCode::OK, "application/json", told)
}

/// It was done here, and nobody else knows of it.
pub(super) fn not_logged(told: &Told<'_>) -> Response<Body> {
    let status = StatusCode::SERVICE_UNAVAILABLE;
    let problem = Problem {
        r#type: "about:blank",
        title: "Service Unavailable",
        status: status.as_u16(),
        code: "not-logged",
        detail: "purged here; Redis does not take it as yet, and the other replicas learn of it when it does",
        told,
    };
    json(status, "application/problem+json", &problem)
}

fn json(
    status: StatusCode,
    content_type: &'static str,
    content: &impl Serialize,
) -> Response<Body> {
    // Neither of the two has anything in it that could not be written.
    let text = serde_json::to_vec(content).unwrap_or_default();
    let mut response = Response::new(Body::from(bytes::Bytes::from(text)));
    *response.status_mut() = status;
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    fields.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
