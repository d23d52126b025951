//! Asking the origin whether a stored response is still good, and what its answer does to it (RFC 9111 §4.3).

use http::StatusCode;
use http::header::{self, HeaderMap, HeaderName};

use super::reuse::is_failure;
use super::storable_fields::storable_fields;
use super::validators::Validators;

/// What the answer to a conditional request means for the stored response it asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Validated {
    /// It is good; these are its fields from now on. They are to be judged like those of any received response.
    Freshened(HeaderMap),
    /// The answer is a response of its own, to be used and perhaps stored in its place.
    Replaced,
    /// The origin failed: the stored response may be served if it may be stale, else the answer is passed on.
    Failed,
    /// The answer is a 304 that speaks of another response. Ask again without conditions.
    Unusable,
}

/// What a 200 answer to HEAD says of the response stored for GET.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Compared {
    /// It is good; these are its fields from now on. They are to be judged like those of any received response.
    Updated(HeaderMap),
    /// It is outdated.
    Outdated,
    /// Nothing that could be relied on.
    Unknown,
}

/// Whether a stored response with this status can be validated.
///
/// RFC 9110 §15.4.5: "The 304 (Not Modified) status code indicates that a conditional GET or HEAD request has been
/// received and would have resulted in a 200 (OK) response if it were not for the fact that the condition evaluated to
/// false." Of a stored redirect or error it says that it is wrong, and is not to be taken for the contrary.
pub const fn can_be_validated(status: StatusCode) -> bool {
    matches!(status.as_u16(), 200 | 203 | 206)
}

/// Makes a request a question about the stored response, and returns whether there is anything to ask by.
///
/// The client's own conditions and ranges are taken out: they are about what the client has, and are applied to the
/// stored response once it is known to be good.
pub fn conditional(stored: &HeaderMap, request: &mut HeaderMap) -> bool {
    for name in &CONDITIONS {
        request.remove(name);
    }
    let validators = Validators::of(stored);
    // §4.3.1: "MUST send the relevant entity tags (using If-Match, If-None-Match, or If-Range) if the entity tags were
    // provided in the stored response(s) being validated."
    if validators.entity_tag.is_some()
        && let Some(tag) = stored.get(header::ETAG)
    {
        request.insert(header::IF_NONE_MATCH, tag.clone());
    }
    // "SHOULD send the Last-Modified value (using If-Modified-Since) if the request is not for a subrange, a single
    // stored response is being validated, and that response contains a Last-Modified value."
    if validators.last_modified.is_some()
        && let Some(date) = stored.get(header::LAST_MODIFIED)
    {
        request.insert(header::IF_MODIFIED_SINCE, date.clone());
    }
    !validators.is_empty()
}

/// What the answer to a conditional request does to the stored response (§4.3.3).
pub fn validated(stored: &HeaderMap, status: StatusCode, response: &HeaderMap) -> Validated {
    // "A 304 (Not Modified) response status code indicates that the stored response can be updated and reused; see
    // Section 4.3.4."
    if status == StatusCode::NOT_MODIFIED {
        return if is_about(stored, response) {
            Validated::Freshened(freshened(stored, response))
        } else {
            Validated::Unusable
        };
    }
    // "However, if a cache receives a 5xx (Server Error) response while attempting to validate a response, the cache
    // can either forward this response to the requesting client or act as if the server failed to respond."
    if is_failure(status) {
        return Validated::Failed;
    }
    // "A full response (i.e., one containing content) indicates that none of the stored responses nominated in the
    // conditional request are suitable. Instead, the cache MUST use the full response to satisfy the request. The cache
    // MAY store such a full response, subject to its constraints (see Section 3)."
    Validated::Replaced
}

/// What a 200 answer to HEAD says of the 200 stored for GET, whose content has so many octets (§4.3.5).
pub fn compared_with_head(stored: &HeaderMap, length: u64, head: &HeaderMap) -> Compared {
    // What has another coding is another representation, with validators of its own.
    if stored.get(header::CONTENT_ENCODING) != head.get(header::CONTENT_ENCODING) {
        return Compared::Unknown;
    }
    // "For each of the stored responses that could have been chosen, if the stored response and HEAD response have
    // matching values for any received validator fields (ETag and Last-Modified) and, if the HEAD response has a
    // Content-Length header field, the value of Content-Length matches that of the stored response, the cache SHOULD
    // update the stored response with information from the HEAD response …; otherwise, the cache SHOULD consider the
    // stored response to be stale."
    let differs = |name| head.get(name).is_some_and(|line| stored.get(name) != Some(line));
    let other_length = head
        .get(header::CONTENT_LENGTH)
        .is_some_and(|line| line.to_str().ok().and_then(|line| line.parse().ok()) != Some(length));
    if other_length || VALIDATORS.iter().any(differs) {
        return Compared::Outdated;
    }
    // Without any validator it would be the length alone that vouches for the content: `1` and `2` have the same.
    if VALIDATORS.iter().any(|name| head.contains_key(name)) {
        Compared::Updated(freshened(stored, head))
    } else {
        Compared::Unknown
    }
}

static VALIDATORS: [HeaderName; 2] = [header::ETAG, header::LAST_MODIFIED];

/// What makes a request conditional or partial (RFC 9110 §13.1, §14.2).
static CONDITIONS: [HeaderName; 6] = [
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_UNMODIFIED_SINCE,
    header::IF_RANGE,
    header::RANGE,
];

/// Fields that describe the stored content as it is, and fields that a 304 may only have for itself.
static NEVER_UPDATED: [HeaderName; 7] = [
    header::CONTENT_LENGTH,
    header::CONTENT_ENCODING,
    header::CONTENT_RANGE,
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("repr-digest"),
];

/// Whether a 304 speaks of the stored response (§4.3.4).
fn is_about(stored: &HeaderMap, response: &HeaderMap) -> bool {
    let stored = Validators::of(stored);
    let response = Validators::of(response);
    match (response.entity_tag, stored.entity_tag) {
        // "If the new response contains one or more strong validators (see Section 8.8.1 of [HTTP]), then each of those
        // strong validators identifies a selected representation for update. … If none of the initial set contains at
        // least one of the same strong validators, then the cache MUST NOT use the new response to update any stored
        // responses."
        (Some(new), stored) if !new.weak => stored.is_some_and(|stored| new.strong_eq(stored)),
        // "If the new response contains no strong validators but does contain one or more weak validators, and if those
        // validators correspond to one of the initial set's stored responses, then the most recent of those matching
        // stored responses is identified for update."
        (Some(new), Some(stored)) => new.weak_eq(stored),
        // "If the new response does not include any form of validator …, and there is only one response in the initial
        // set, and that stored response also lacks a validator, then that stored response is identified for update."
        // We asked about one response only, so a 304 without validators is about that one even if it has some.
        _ => response.last_modified.is_none_or(|new| stored.last_modified == Some(new)),
    }
}

/// The stored fields, updated from a newer response (§3.2).
pub(super) fn freshened(stored: &HeaderMap, response: &HeaderMap) -> HeaderMap {
    let mut fields = stored.clone();
    // How old the stored response was in its own exchange is not how old it is in this one.
    fields.remove(header::AGE);
    fields.remove(&CACHE_STATUS);
    // "Caches are required to update a stored response's header fields from another (typically newer) response in
    // several situations; for example, see Sections 3.4, 4.3.4, and 4.3.5. When doing so, the cache MUST add each
    // header field in the provided response to the stored response, replacing field values that are already present,
    // with the following exceptions: Header fields excluded from storage in Section 3.1, Header fields that the cache's
    // stored response depends upon, as described below, Header fields that are automatically processed and removed by
    // the recipient, as described below, and The Content-Length header field."
    let mut updates = storable_fields(response);
    for name in &NEVER_UPDATED {
        updates.remove(name);
    }
    for name in updates.keys() {
        fields.remove(name);
    }
    for (name, value) in &updates {
        fields.append(name, value.clone());
    }
    // The stored Cache-Control may keep a field out that only the newer response has.
    storable_fields(&fields)
}

static CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

#[cfg(test)]
mod tests;
