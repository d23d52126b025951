//! The fields that every response gets, or a stored one gets again.

use std::fmt::Write;

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, AGE, VARY};
use http::{HeaderMap, HeaderName, HeaderValue};

use crate::caching::cache_status::CacheStatus;
use crate::caching::terms::Terms;
use crate::clock::Timestamp;
use crate::semantics::fields::list_members;

static CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// Says how the request was handled, behind what caches before us said.
pub(super) fn say(fields: &mut HeaderMap, status: &CacheStatus) {
    let mut text = String::with_capacity(64);
    let _ = write!(text, "{status}");
    if let Ok(value) = HeaderValue::from_maybe_shared(Bytes::from(text)) {
        fields.append(&CACHE_STATUS, value);
    }
}

/// The age of a response that has only just come: it is told where it was not new then.
pub(super) fn age_on_arrival(fields: &mut HeaderMap, terms: &Terms, now: Timestamp) {
    if terms.current_age(now).as_secs() > 0 {
        age(fields, terms, now);
    }
}

/// RFC 9111 §5.1: "The Age header field conveys the sender's estimate of the time since the response was generated or
/// successfully validated at the origin server."
pub(super) fn age(fields: &mut HeaderMap, terms: &Terms, now: Timestamp) {
    fields.insert(AGE, HeaderValue::from(terms.current_age(now).as_secs()));
}

/// Names the request fields that select among responses, beside those the origin named.
pub(super) fn vary<'n>(
    fields: &mut HeaderMap,
    coded: bool,
    key_headers: impl Iterator<Item = &'n HeaderName>,
) {
    let ours = coded.then_some(&ACCEPT_ENCODING).into_iter().chain(key_headers);
    let mut missing = String::new();
    for name in ours {
        let named = list_members(fields, &VARY)
            .any(|member| member == "*" || member.eq_ignore_ascii_case(name.as_str()));
        if !named {
            let separator = if missing.is_empty() { "" } else { ", " };
            let _ = write!(missing, "{separator}{name}");
        }
    }
    if missing.is_empty() {
        return;
    }
    let theirs: Vec<&str> = list_members(fields, &VARY).collect();
    let merged =
        if theirs.is_empty() { missing } else { format!("{}, {missing}", theirs.join(", ")) };
    if let Ok(merged) = HeaderValue::from_maybe_shared(Bytes::from(merged)) {
        fields.insert(VARY, merged);
    }
}
