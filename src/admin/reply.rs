//! The responses of the operator's API. None of them is for a cache, and none is for a web page.

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Response, StatusCode};
use serde::Serialize;

use super::access::Denied;
use super::api::NotReloaded;
use crate::body::Body;

/// Why there is no other answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    Denied(Denied),
    NotFound,
    /// The methods that would do.
    Method(&'static str),
    /// The content is not said to be JSON.
    MediaType,
    TooLarge,
    /// The content did not come to its end.
    Unread,
    /// What is wrong with the content.
    Content(String),
    /// What was asked for could not be done, or not to its end.
    Unfinished,
    /// The configuration is the same as before.
    NotReloaded(NotReloaded),
}

pub(super) fn text(content_type: &'static str, text: String) -> Response<Body> {
    respond(StatusCode::OK, content_type, text.into())
}

pub(super) fn json(status: StatusCode, value: &impl Serialize) -> Response<Body> {
    // The types that come here have no map whose keys are not strings: nothing else can fail.
    let text = serde_json::to_vec(value).unwrap_or_default();
    respond(status, "application/json", text.into())
}

pub(super) fn problem(problem: &Problem) -> Response<Body> {
    let (status, code) = problem.status();
    let text = serde_json::json!({
        "type": "about:blank",
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "code": code,
        "detail": problem.detail(),
    });
    let text = text.to_string().into();
    let mut response = respond(status, "application/problem+json", text);
    let fields = response.headers_mut();
    match problem {
        Problem::Method(allowed) => {
            fields.insert(ALLOW, HeaderValue::from_static(allowed));
        }
        // RFC 9110 §15.5.2: "The server generating a 401 response MUST send a WWW-Authenticate header field"
        Problem::Denied(_) if status == StatusCode::UNAUTHORIZED => {
            fields.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        _ => {}
    }
    response
}

impl Problem {
    /// The status of each, and the word for it.
    fn status(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Denied(Denied::CrossSite) => (StatusCode::FORBIDDEN, "cross-site"),
            Self::Denied(Denied::ForeignHost) => (StatusCode::FORBIDDEN, "foreign-host"),
            Self::Denied(Denied::Outside) => (StatusCode::FORBIDDEN, "no-token-configured"),
            Self::Denied(Denied::NoToken) => (StatusCode::UNAUTHORIZED, "token-needed"),
            Self::Denied(Denied::WrongToken) => (StatusCode::UNAUTHORIZED, "wrong-token"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not-found"),
            Self::Method(_) => (StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed"),
            Self::MediaType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "json-needed"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too-large"),
            Self::Unread => (StatusCode::BAD_REQUEST, "body-unread"),
            Self::Content(_) => (StatusCode::BAD_REQUEST, "bad-request"),
            Self::NotReloaded(NotReloaded::Bad(_)) => {
                (StatusCode::UNPROCESSABLE_ENTITY, "bad-configuration")
            }
            Self::NotReloaded(NotReloaded::NoFile) => (StatusCode::CONFLICT, "no-file"),
            Self::NotReloaded(NotReloaded::Stopping) => {
                (StatusCode::SERVICE_UNAVAILABLE, "stopping")
            }
            Self::Unfinished | Self::NotReloaded(NotReloaded::Unfinished) => {
                (StatusCode::INTERNAL_SERVER_ERROR, "internal-error")
            }
        }
    }

    fn detail(&self) -> Option<String> {
        match self {
            Self::Content(detail) => Some(detail.clone()),
            Self::NotReloaded(NotReloaded::Bad(errors)) => Some(errors.join("\n")),
            _ => None,
        }
    }
}

fn respond(status: StatusCode, content_type: &'static str, content: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::from(content));
    *response.status_mut() = status;
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    fields.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
