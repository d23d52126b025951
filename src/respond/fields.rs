//! The fields that every response gets, or a stored one gets again.

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
    if let Ok(value) = HeaderValue::from_maybe_shared(Bytes::from(status.text())) {
        fields.append(&CACHE_STATUS, value);
    }
}

/// The age of a response that has only just come, or been validated: it is told where it was not new then. RFC 9111 §5.1:
/// "The presence of an Age header field implies that the response was not generated or validated by the origin server for
/// this request."
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
    let is_named = |name: &HeaderName| {
        list_members(fields, &VARY)
            .any(|member| member == "*" || member.eq_ignore_ascii_case(name.as_str()))
    };
    let missing: Vec<&HeaderName> = ours.filter(|name| !is_named(name)).collect();
    let merged = match missing.as_slice() {
        [] => return,
        [only] if !fields.contains_key(VARY) => Ok(HeaderValue::from((*only).clone())),
        missing => {
            let theirs = list_members(fields, &VARY);
            let all: Vec<&str> = theirs.chain(missing.iter().map(|name| name.as_str())).collect();
            HeaderValue::try_from(all.join(", "))
        }
    };
    if let Ok(merged) = merged {
        fields.insert(VARY, merged);
    }
}
