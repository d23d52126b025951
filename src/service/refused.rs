//! Requests that are refused.

use http::header::{ALLOW, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};

use crate::body::Body;
use crate::respond::synthetic::refusal;

/// Why, and with which status.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refused {
    status: StatusCode,
    word: &'static str,
}

impl Refused {
    pub(super) const OPTIONS: Self = Self { status: StatusCode::NO_CONTENT, word: "options" };
    pub(super) const METHOD: Self = Self { status: StatusCode::METHOD_NOT_ALLOWED, word: "method" };
    pub(super) const LOOP: Self = Self { status: StatusCode::LOOP_DETECTED, word: "loop" };
    pub(super) const TOO_LARGE: Self =
        Self { status: StatusCode::PAYLOAD_TOO_LARGE, word: "body-too-large" };
    pub(super) const HOST: Self =
        Self { status: StatusCode::MISDIRECTED_REQUEST, word: "unknown-host" };
    pub(super) const CLIENT: Self = Self { status: StatusCode::FORBIDDEN, word: "client-address" };
    pub(super) const NO_TOKEN: Self =
        Self { status: StatusCode::UNAUTHORIZED, word: "token-needed" };
    pub(super) const WRONG_TOKEN: Self =
        Self { status: StatusCode::UNAUTHORIZED, word: "wrong-token" };
    pub(super) const TARGET: Self = Self { status: StatusCode::BAD_REQUEST, word: "bad-target" };
}

const ALLOWED: HeaderValue =
    HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");

impl Refused {
    /// The word for why.
    pub(super) const fn word(self) -> &'static str {
        self.word
    }

    /// The response.
    pub(super) fn response(self, accept: Option<&HeaderValue>) -> Response<Body> {
        let Self { status, word } = self;
        let mut response = if status.is_success() {
            Response::new(Body::Empty)
        } else {
            refusal(status, word, accept, status == StatusCode::PAYLOAD_TOO_LARGE)
        };
        *response.status_mut() = status;
        if matches!(status, StatusCode::NO_CONTENT | StatusCode::METHOD_NOT_ALLOWED) {
            response.headers_mut().insert(ALLOW, ALLOWED);
        }
        // RFC 9110 §15.5.2: "The server generating a 401 response MUST send a WWW-Authenticate header field"
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
