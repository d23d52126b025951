//! Conditional requests (RFC 9110 §13), answered from a representation at hand.

use std::time::Duration;

use http::Method;
use http::header::{
    DATE, ETAG, HeaderMap, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE,
    IF_UNMODIFIED_SINCE, LAST_MODIFIED,
};

use super::entity_tag::{EntityTag, TagList, parse_list};
use super::{date, fields};
use crate::clock::Timestamp;

#[cfg(test)]
mod tests;

/// What is known of the selected representation.
#[derive(Clone, Copy, Debug, Default)]
pub struct Validators<'a> {
    /// Its ETag.
    pub etag: Option<EntityTag<'a>>,
    /// Its Last-Modified.
    pub last_modified: Option<Timestamp>,
    /// When the message that carries it was made: its Date, or else the time it was received.
    pub date: Option<Timestamp>,
}

impl<'a> Validators<'a> {
    /// Those that a response's fields hold.
    pub fn of(response: &'a HeaderMap) -> Self {
        let etag = fields::single(response, &ETAG).ok().flatten();
        Self {
            etag: etag.and_then(EntityTag::parse),
            last_modified: date::of(response, &LAST_MODIFIED),
            date: date::of(response, &DATE),
        }
    }

    /// Those of them that the preconditions of a request compare: dates are read only where it names one.
    pub fn compared_by(request: &HeaderMap, response: &'a HeaderMap) -> Self {
        if [IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE].iter().any(|name| request.contains_key(name)) {
            return Self::of(response);
        }
        let etag = fields::single(response, &ETAG).ok().flatten();
        Self { etag: etag.and_then(EntityTag::parse), last_modified: None, date: None }
    }

    /// Whether the modification date is a strong validator (§8.8.2.2).
    pub fn has_strong_date(&self) -> bool {
        self.last_modified.is_some_and(|modified| is_strong(modified, self.date))
    }
}

/// What the preconditions of a request say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// Perform the method.
    Proceed,
    /// Answer 304 (Not Modified).
    NotModified,
    /// Answer 412 (Precondition Failed).
    Failed,
}

/// Whether the request has a precondition, Range's own aside.
pub fn is_conditional(fields: &HeaderMap) -> bool {
    [IF_MATCH, IF_UNMODIFIED_SINCE, IF_NONE_MATCH, IF_MODIFIED_SINCE]
        .iter()
        .any(|name| fields.contains_key(name))
}

/// Evaluates the request's preconditions in the order of §13.2.2.
///
/// For a request whose response would be a 200 without them: "A server MUST ignore all received preconditions if its
/// response to the same request without those conditions ... would have been a status code other than a 2xx
/// (Successful) or 412 (Precondition Failed)" (§13.2.1).
pub fn evaluate(method: &Method, request: &HeaderMap, selected: &Validators<'_>) -> Precondition {
    let reads = method == Method::GET || method == Method::HEAD;

    // "1. When recipient is the origin server and If-Match is present, evaluate the If-Match precondition"
    match parse_list(request, &IF_MATCH) {
        TagList::Absent => {
            // "2. When recipient is the origin server, If-Match is not present, and If-Unmodified-Since is present,
            // evaluate the If-Unmodified-Since precondition"
            if !unmodified_since(request, selected) {
                return Precondition::Failed;
            }
        }
        TagList::Any => {}
        // "An origin server MUST use the strong comparison function when comparing entity tags for If-Match" (§13.1.1)
        TagList::Tags(tags) => {
            if !selected.etag.is_some_and(|etag| tags.iter().any(|tag| tag.strong_eq(etag))) {
                return Precondition::Failed;
            }
        }
    }

    // "3. When If-None-Match is present, evaluate the If-None-Match precondition: ... if false for GET/HEAD, respond
    // 304 (Not Modified); if false for other methods, respond 412 (Precondition Failed)"
    let matched = match parse_list(request, &IF_NONE_MATCH) {
        TagList::Absent => {
            // "4. When the method is GET or HEAD, If-None-Match is not present, and If-Modified-Since is present,
            // evaluate the If-Modified-Since precondition: ... if false, respond 304 (Not Modified)"
            reads && !modified_since(request, selected)
        }
        TagList::Any => true,
        // "A recipient MUST use the weak comparison function when comparing entity tags for If-None-Match" (§13.1.2)
        TagList::Tags(tags) => {
            selected.etag.is_some_and(|etag| tags.iter().any(|tag| tag.weak_eq(etag)))
        }
    };
    match (matched, reads) {
        (false, _) => Precondition::Proceed,
        (true, true) => Precondition::NotModified,
        (true, false) => Precondition::Failed,
    }
}

/// Whether a Range is to be honoured as far as If-Range says (§13.1.5). Without an If-Range it is.
pub fn if_range_holds(request: &HeaderMap, selected: &Validators<'_>) -> bool {
    let value = match fields::single(request, &IF_RANGE) {
        Ok(None) => return true,
        Ok(Some(value)) => value,
        Err(_) => return false,
    };
    // "A recipient of an If-Range header field MUST ignore the Range header field if the If-Range condition evaluates
    // as false." "A valid entity-tag can be distinguished from a valid HTTP-date by examining the first three
    // characters for a DQUOTE."
    if let Some(tag) = EntityTag::parse(value) {
        // "If the entity-tag validator provided exactly matches the ETag field value for the selected representation
        // using the strong comparison function (Section 8.8.3.2), the condition is true."
        return selected.etag.is_some_and(|etag| etag.strong_eq(tag));
    }
    // "1. If the HTTP-date validator provided is not a strong validator in the sense defined by Section 8.8.2.2, the
    // condition is false. 2. If the HTTP-date validator provided exactly matches the Last-Modified field value for the
    // selected representation, the condition is true."
    let (Some(given), Some(modified)) = (date::parse(value), selected.last_modified) else {
        return false;
    };
    given == modified && is_strong(modified, selected.date)
}

/// Whether no second version can have been made within the second that Last-Modified names: it is strong if the
/// message "includes a Date value that is at least one second after the Last-Modified value" (§8.8.2.2).
fn is_strong(last_modified: Timestamp, date: Option<Timestamp>) -> bool {
    date.is_some_and(|date| date >= last_modified + Duration::from_secs(1))
}

/// The If-Unmodified-Since precondition (§13.1.4); true where it is absent or to be ignored.
fn unmodified_since(request: &HeaderMap, selected: &Validators<'_>) -> bool {
    // "A recipient MUST ignore the If-Unmodified-Since header field if the resource does not have a modification date
    // available." ... "if the received field value is not a valid HTTP-date (including when the field value appears to
    // be a list of dates)."
    let given = fields::single(request, &IF_UNMODIFIED_SINCE).ok().flatten().and_then(date::parse);
    match (given, selected.last_modified) {
        // "If the selected representation's last modification date is earlier than or equal to the date provided in
        // the field value, the condition is true."
        (Some(given), Some(modified)) => modified <= given,
        _ => true,
    }
}

/// The If-Modified-Since precondition (§13.1.3); true where it is absent or to be ignored.
fn modified_since(request: &HeaderMap, selected: &Validators<'_>) -> bool {
    // "A recipient MUST ignore the If-Modified-Since header field if the received field value is not a valid
    // HTTP-date, the field value has more than one member, or if the request method is neither GET nor HEAD."
    let given = fields::single(request, &IF_MODIFIED_SINCE).ok().flatten().and_then(date::parse);
    // "When a request contains an If-Modified-Since header field and the Last-Modified header field is not present in
    // a stored response, a cache SHOULD use the stored response's Date field value (or, if no Date field is present,
    // the time that the stored response was received) to evaluate the conditional." (RFC 9111 §4.3.2)
    match (given, selected.last_modified.or(selected.date)) {
        // "If the selected representation's last modification date is earlier or equal to the date provided in the
        // field value, the condition is false."
        (Some(given), Some(modified)) => modified > given,
        _ => true,
    }
}
