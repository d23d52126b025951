//! Which requests cost their clients anything, and which of them are answered.

use http::Method;
use http::header::{ACCESS_CONTROL_REQUEST_METHOD, ORIGIN};
use http::request::Parts;

use super::{Rulebook, Service};
use crate::cache::Inquiry;
use crate::limit::{Admission, Limits, Permit};
use crate::policy::Route;

impl Rulebook {
    /// The limits that a request of this route is held to, if any.
    pub(super) fn limits_on(&self, route: &Route, parts: &Parts) -> Option<&Limits> {
        self.limits.as_ref().filter(|_| route.rate_limit && !is_preflight(parts))
    }
}

/// Whether a request is to be answered.
pub(super) fn admission(inquiry: &Inquiry) -> Admission {
    inquiry.permit.as_ref().map_or(Admission::Granted, Permit::admission)
}

impl Service {
    /// Asks whoever has to be asked first.
    pub(super) async fn settle(&self, inquiry: &Inquiry) {
        if let Some(permit) = &inquiry.permit {
            permit.settle(&self.clock).await;
        }
    }
}

/// A question that a browser asks by itself, without any credential, before a script's request (Fetch §4.8).
fn is_preflight(parts: &Parts) -> bool {
    parts.method == Method::OPTIONS
        && parts.headers.contains_key(ORIGIN)
        && parts.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}
