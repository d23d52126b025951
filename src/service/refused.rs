//! What is answered without asking anybody.

use http::header::{ACCEPT, ALLOW};
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};

use super::Service;
use crate::body::Body;
use crate::clock::Stopwatch;
use crate::identity::peer::Peer;
use crate::respond::synthetic::refusal;
use crate::semantics::target::Target;

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
    pub(super) const TARGET: Self = Self { status: StatusCode::BAD_REQUEST, word: "bad-target" };
}

const ALLOWED: HeaderValue =
    HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");

impl Service {
    /// The response, counted and told of.
    pub(super) fn refuse(
        &self,
        refused: Refused,
        parts: &Parts,
        target: &Target,
        peer: &Peer,
        watch: Stopwatch,
    ) -> Response<Body> {
        let Refused { status, word } = refused;
        let mut response = if status.is_success() {
            Response::new(Body::Empty)
        } else {
            refusal(
                status,
                word,
                parts.headers.get(ACCEPT),
                status == StatusCode::PAYLOAD_TOO_LARGE,
            )
        };
        *response.status_mut() = status;
        if matches!(status, StatusCode::NO_CONTENT | StatusCode::METHOD_NOT_ALLOWED) {
            response.headers_mut().insert(ALLOW, ALLOWED);
        }
        self.account_refusal(response, parts, target, peer, watch, word)
    }
}
