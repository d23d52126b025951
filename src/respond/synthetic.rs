//! Responses of our own making.

use bytes::Bytes;
use http::header::{ACCEPT, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use http::{Response, StatusCode};

use crate::body::{Body, BodyError};
use crate::cache::{Failure, Inquiry};
use crate::limit::Denied;
use crate::upstream;

/// An answer that says no: a problem document (RFC 9457), or a line of text for whoever would rather see HTML.
///
/// `word` is the kebab-case reason a program can act on. Nothing of the request is repeated. With `close`, the
/// connection ends after it.
pub fn refusal(
    status: StatusCode,
    word: &'static str,
    accept: Option<&HeaderValue>,
    close: bool,
) -> Response<Body> {
    let title = status.canonical_reason().unwrap_or("Error");
    let (content_type, content) = if prefers_html(accept) {
        ("text/plain; charset=utf-8", format!("{} {title} ({word})\n", status.as_str()))
    } else {
        (
            "application/problem+json",
            format!(
                r#"{{"type":"about:blank","title":"{title}","status":{},"code":"{word}"}}"#,
                status.as_str()
            ),
        )
    };
    let mut response = Response::new(Body::from(Bytes::from(content)));
    *response.status_mut() = status;
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if close {
        fields.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// What a probe is told.
pub fn readiness(ready: bool) -> Response<Body> {
    let (status, text) = if ready {
        (StatusCode::OK, "ready\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "draining\n")
    };
    let mut response = Response::new(Body::Whole(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// What a client is told when there is no response for it.
pub(super) fn failure(failure: Failure, inquiry: &Inquiry) -> Response<Body> {
    let (status, close) = match failure {
        Failure::OnlyIfCached | Failure::OutOfPatience => (StatusCode::GATEWAY_TIMEOUT, false),
        Failure::Denied(denied) => {
            let status = match denied {
                Denied::UnknownKey => StatusCode::UNAUTHORIZED,
                Denied::Requests | Denied::Forwarded => StatusCode::TOO_MANY_REQUESTS,
                Denied::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            };
            // Content that nobody reads ends the connection.
            (status, inquiry.has_content && inquiry.content().is_none())
        }
        Failure::Upstream(failure) => match failure {
            upstream::Failure::Unresolved
            | upstream::Failure::ConnectFailed
            | upstream::Failure::ConnectionLost
            | upstream::Failure::Tls(_)
            | upstream::Failure::BadResponse => (StatusCode::BAD_GATEWAY, false),
            upstream::Failure::ConnectTimeout | upstream::Failure::ResponseTimeout => {
                (StatusCode::GATEWAY_TIMEOUT, false)
            }
            upstream::Failure::Overloaded => (StatusCode::SERVICE_UNAVAILABLE, false),
            upstream::Failure::RequestBody(BodyError::Stalled) => {
                (StatusCode::REQUEST_TIMEOUT, true)
            }
            upstream::Failure::RequestBody(BodyError::TooLarge) => {
                (StatusCode::PAYLOAD_TOO_LARGE, true)
            }
            upstream::Failure::RequestBody(
                BodyError::Truncated | BodyError::Malformed | BodyError::Aborted,
            ) => (StatusCode::BAD_REQUEST, true),
        },
    };
    let mut response = refusal(status, failure.as_str(), inquiry.fields.get(ACCEPT), close);
    if let (Failure::Denied(denied), Some(permit)) = (failure, &inquiry.permit) {
        permit.tell_denied(denied, response.headers_mut());
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// True when `text/html` is asked for by name, as browsers do, and no JSON is asked for before it.
fn prefers_html(accept: Option<&HeaderValue>) -> bool {
    let accept = accept.and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept
        .split(',')
        .filter_map(|range| range.split(';').next())
        .map(str::trim)
        .find_map(|range| match range {
            range if range.eq_ignore_ascii_case("text/html") => Some(true),
            range if range.eq_ignore_ascii_case("application/json") => Some(false),
            range if range.eq_ignore_ascii_case("application/problem+json") => Some(false),
            _ => None,
        })
        .unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(response: Response<Body>) -> String {
        match response.into_body() {
            Body::Whole(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_refusal_is_a_problem_document_unless_html_is_asked_for() {
        let table = [
            (None, true),
            (Some("*/*"), true),
            (Some("application/json, text/html"), true),
            (Some("application/problem+json"), true),
            (Some("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"), false),
            (Some("Text/HTML; q=1, application/json;q=0.5"), false),
        ];
        for (accept, json) in table {
            let accept = accept.map(HeaderValue::from_static);
            let response = refusal(StatusCode::BAD_REQUEST, "bad-host", accept.as_ref(), false);
            assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
            let expected = if json {
                r#"{"type":"about:blank","title":"Bad Request","status":400,"code":"bad-host"}"#
            } else {
                "400 Bad Request (bad-host)\n"
            };
            assert_eq!(content(response), expected, "{accept:?}");
        }
    }

    #[test]
    fn a_refusal_closes_when_told_to() {
        let response = refusal(StatusCode::EXPECTATION_FAILED, "expectation", None, true);
        assert_eq!(response.headers()[CONNECTION], "close");
    }
}
