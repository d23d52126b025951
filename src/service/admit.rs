//! Which requests cost their clients anything.

use http::Method;
use http::header::{ACCESS_CONTROL_REQUEST_METHOD, ORIGIN};
use http::request::Parts;

use super::Rulebook;
use crate::limit::Limits;
use crate::policy::Route;

impl Rulebook {
    /// The limits that a request of this route is held to, if any.
    pub(super) fn limits_on(&self, route: &Route, parts: &Parts) -> Option<&Limits> {
        self.limits.as_ref().filter(|_| route.rate_limit && !is_preflight(parts))
    }
}

/// A question that a browser asks by itself, without any credential, before a script's request (Fetch §4.8).
fn is_preflight(parts: &Parts) -> bool {
    parts.method == Method::OPTIONS
        && parts.headers.contains_key(ORIGIN)
        && parts.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}
