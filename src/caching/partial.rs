//! Parts of a representation as responses to be stored, used, completed and combined (RFC 9111 §3.3, §3.4).
//!
//! "a 206 (Partial Content) response MAY be stored as if it were an incomplete 200 (OK) response" (§3.3): from then on it
//! is a 200 like any other, of which not every octet is at hand.

use std::ops::Range;

use http::header::{
    CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, LAST_MODIFIED,
    RANGE,
};
use http::{HeaderName, Method};

use super::parts::Extents;
use super::stored::StoredResponse;
use super::validation::freshened;
use crate::semantics::fields::single;
use crate::semantics::preconditions::{Validators, if_range_holds};
use crate::semantics::range::{RangeRequest, parse_content_range, requested};

#[cfg(test)]
mod tests;

/// The part of a representation that a 206 brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BroughtPart {
    /// The positions of its octets.
    pub range: Range<u64>,
    /// How many octets the whole representation has.
    pub complete: u64,
}

/// The one part that a 206 with these fields brings, `length` octets of content where that is known. `None` for several
/// parts, and where its fields do not tell, or not truly, which octets of how many it brings.
pub fn brought(fields: &HeaderMap, length: Option<u64>) -> Option<BroughtPart> {
    let content_type = fields.get(CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    if content_type.to_ascii_lowercase().starts_with(b"multipart/byteranges") {
        return None;
    }
    let said = parse_content_range(single(fields, &CONTENT_RANGE).ok()??)?;
    let (complete, end) = (said.complete?, said.last.checked_add(1)?);
    let announced = end.saturating_sub(said.first);
    match length {
        None => Some(BroughtPart { range: said.first..end, complete }),
        Some(length) if length == announced => {
            Some(BroughtPart { range: said.first..end, complete })
        }
        // Whoever takes last-pos for the position behind the last octet, or counts positions from one, announces one octet
        // more than there is. Where such a part ends the representation there is no doubt what it brings: as many octets
        // as came, up to the end. It never counts as the whole.
        Some(length) if length + 1 == announced && end == complete && said.first > 0 => {
            let end = end.saturating_sub(1);
            (said.first < end).then_some(BroughtPart { range: said.first..end, complete: end })
        }
        Some(_) => None,
    }
}

/// What of a 206 is not true of the whole that it is a part of.
pub fn as_fields_of_the_whole(fields: &mut HeaderMap) {
    fields.remove(CONTENT_RANGE);
    for name in &OF_THE_CONTENT {
        fields.remove(name);
    }
}

/// Fields that say something of the very octets sent (RFC 9530 §2), which are others in each part.
pub static OF_THE_CONTENT: [HeaderName; 2] =
    [HeaderName::from_static("content-digest"), HeaderName::from_static("content-md5")];

/// Whether a stored response has what such a request asks for.
pub fn answers(stored: &StoredResponse, method: &Method, request: &HeaderMap) -> bool {
    // "A cache MUST NOT use an incomplete response to answer requests unless the response has been made complete, or the
    // request is partial and specifies a range wholly within the incomplete response." (§3.3)
    let Some(extents) = stored.extents() else { return true };
    match wanted(stored, extents, method, request) {
        RangeRequest::Whole => false,
        RangeRequest::Parts(parts) => parts.iter().all(|part| extents.cover(part)),
        // How long the whole is has been said.
        RangeRequest::Unsatisfiable => true,
    }
}

/// The octets that such a request needs beside those of an incomplete stored response, from the first to the last.
pub fn missing(stored: &StoredResponse, method: &Method, request: &HeaderMap) -> Option<Missing> {
    let extents = stored.extents()?;
    let goal = match wanted(stored, extents, method, request) {
        RangeRequest::Whole => 0..extents.complete(),
        RangeRequest::Parts(parts) => {
            parts.iter().map(|part| part.start).min()?..parts.iter().map(|part| part.end).max()?
        }
        RangeRequest::Unsatisfiable => return None,
    };
    Some(Missing { range: extents.missing(&goal)?, goal })
}

/// What has to be fetched to answer a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The octets the request is about.
    pub goal: Range<u64>,
    /// Those to be fetched.
    pub range: Range<u64>,
}

fn wanted(
    stored: &StoredResponse,
    extents: &Extents,
    method: &Method,
    request: &HeaderMap,
) -> RangeRequest {
    if !request.contains_key(RANGE)
        || !if_range_holds(request, &Validators::of(&stored.head().fields(0)))
    {
        return RangeRequest::Whole;
    }
    requested(request, method, extents.complete())
}

/// By what a part can be asked for that can be combined with a stored one: the value of If-Range.
pub fn if_range(stored: &HeaderMap) -> Option<HeaderValue> {
    // "A client MUST NOT generate an If-Range header field containing an entity tag that is marked as weak. A client MUST
    // NOT generate an If-Range header field containing an HTTP-date unless all of the following are true: 1. The client
    // has no entity tag for the corresponding representation. 2. The date is a strong validator in the sense defined by
    // Section 8.8.2.2." (RFC 9110 §13.1.5)
    let validators = Validators::of(stored);
    if let Some(tag) = validators.etag {
        return stored.get(ETAG).filter(|_| !tag.weak).cloned();
    }
    stored.get(LAST_MODIFIED).filter(|_| validators.has_strong_date()).cloned()
}

/// The fields of a stored response combined with a part that a later response brings; `None` where nothing shows that
/// both are of the same representation.
pub fn combined(stored: &HeaderMap, later: &HeaderMap) -> Option<HeaderMap> {
    // "A cache MAY combine these ranges into a single stored response, and reuse that response to satisfy later requests,
    // if they all share the same strong validator and the cache complies with the client requirements in Section 15.3.7.3
    // of [HTTP]." (§3.4)
    let (old, new) = (Validators::of(stored), Validators::of(later));
    let share_a_validator = match (old.etag, new.etag) {
        (Some(old), Some(new)) => old.strong_eq(new),
        (None, None) => {
            old.last_modified == new.last_modified && old.has_strong_date() && new.has_strong_date()
        }
        (Some(_), None) | (None, Some(_)) => false,
    };
    // A part asked for with If-Range need not repeat its coding; where it does, octets of another are of no use.
    let same_coding = later
        .get(CONTENT_ENCODING)
        .is_none_or(|coding| stored.get(CONTENT_ENCODING) == Some(coding));
    // "When combining the new response with one or more stored responses, a cache MUST update the stored response header
    // fields using the header fields provided in the new response, as per Section 3.2." (§3.4)
    (share_a_validator && same_coding).then(|| {
        let mut fields = freshened(stored, later);
        as_fields_of_the_whole(&mut fields);
        fields
    })
}
