//! Parts of a representation (RFC 9110 §14).

use std::ops::Range;

use http::Method;
use http::header::{HeaderMap, HeaderValue, RANGE};

use super::fields::{self, members};

#[cfg(test)]
mod tests;

/// A request for more parts than this is a mistake, or meant to cost us something.
const MOST_PARTS: usize = 16;

/// What a request's Range asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RangeRequest {
    /// All of it: there is no Range, or one to be ignored.
    Whole,
    /// These octets, each part within the representation and not empty, no two of them overlapping or adjacent, in the
    /// order asked for. There is at least one.
    Parts(Vec<Range<u64>>),
    /// Nothing that there is: 416 (Range Not Satisfiable).
    Unsatisfiable,
}

/// What Range asks for of a representation of so many octets.
pub fn requested(fields: &HeaderMap, method: &Method, complete_length: u64) -> RangeRequest {
    // "A server MUST ignore a Range header field received with a request method that is unrecognized or for which
    // range handling is not defined. For this specification, GET is the only method for which range handling is
    // defined." (§14.2)
    if method != Method::GET {
        return RangeRequest::Whole;
    }
    let Ok(Some(value)) = fields::single(fields, &RANGE) else { return RangeRequest::Whole };
    // "A server that supports range requests MAY ignore or reject a Range header field that contains an invalid
    // ranges-specifier (Section 14.1.1), a ranges-specifier with more than two overlapping ranges, or a set of many
    // small ranges that are not listed in ascending order" (§14.2)
    let Some(specs) = specifiers(value) else { return RangeRequest::Whole };
    // "A server that supports range requests MAY ignore a Range header field when the selected representation has no
    // content (i.e., the selected representation's data is of zero length)." (§14.2)
    if complete_length == 0 && specs.iter().any(|spec| matches!(spec, Spec::Suffix(1..))) {
        return RangeRequest::Whole;
    }

    let mut parts = Vec::new();
    for part in specs.iter().filter_map(|spec| spec.resolve(complete_length)) {
        coalesce(&mut parts, part);
    }
    // "If the ranges-specifier is unsatisfiable with respect to the selected representation, the server SHOULD send a
    // 416 (Range Not Satisfiable) response." (§14.2)
    if parts.is_empty() { RangeRequest::Unsatisfiable } else { RangeRequest::Parts(parts) }
}

/// Whether Range asks for one part, and for less than the whole: what an origin can be asked for in the client's words.
pub fn asks_for_one_part(fields: &HeaderMap, method: &Method) -> bool {
    let Ok(Some(value)) = fields::single(fields, &RANGE) else { return false };
    let one = specifiers(value).and_then(|specs| <[Spec; 1]>::try_from(specs).ok());
    method == Method::GET && one.is_some_and(|[spec]| !matches!(spec, Spec::Int(0, None)))
}

/// A Range that asks for one part (§14.1.2): `bytes=5-9`, or `bytes=5-` where it has no end. It must not be empty.
pub fn range(start: u64, end: Option<u64>) -> HeaderValue {
    let last = end.map_or_else(String::new, |end| end.saturating_sub(1).to_string());
    value(&format!("bytes={start}-{last}"))
}

/// The Content-Range of a part (§14.4): `bytes 0-499/1234`. The part must not be empty.
pub fn content_range(part: &Range<u64>, complete: u64) -> HeaderValue {
    value(&format!("bytes {}-{}/{complete}", part.start, part.end.saturating_sub(1)))
}

/// The Content-Range of a 416 (§14.4): `bytes */1234`.
pub fn unsatisfied(complete: u64) -> HeaderValue {
    value(&format!("bytes */{complete}"))
}

/// What a Content-Range says that the content is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentRange {
    /// The position of its first octet.
    pub first: u64,
    /// The position of its last octet.
    pub last: u64,
    /// How many octets the whole representation has, if that is known.
    pub complete: Option<u64>,
}

/// Reads the Content-Range of a part; `None` where it is invalid, of another unit, or says that there is no part.
pub fn parse_content_range(value: &str) -> Option<ContentRange> {
    let (unit, range) = value.split_once(' ')?;
    let (positions, complete) = range.split_once('/')?;
    let (first, last) = positions.split_once('-')?;
    let (first, last) = (position(first)?, position(last)?);
    let complete = match complete {
        "*" => None,
        length => Some(position(length)?),
    };
    // "A Content-Range field value is invalid if it contains a range-resp that has a last-pos value less than its
    // first-pos value, or a complete-length value less than or equal to its last-pos value." (§14.4)
    let valid = first <= last && complete.is_none_or(|complete| complete > last);
    (is_bytes(unit) && valid).then_some(ContentRange { first, last, complete })
}

/// One range-spec in octets (§14.1.2).
#[derive(Clone, Copy, Debug)]
enum Spec {
    /// From one position to another, or to the end.
    Int(u64, Option<u64>),
    /// So many at the end.
    Suffix(u64),
}

impl Spec {
    fn parse(text: &str) -> Option<Self> {
        let (first, last) = text.split_once('-')?;
        if first.is_empty() {
            return saturating(last).map(Self::Suffix);
        }
        let first = saturating(first)?;
        if last.is_empty() {
            return Some(Self::Int(first, None));
        }
        // "An int-range is invalid if the last-pos value is present and less than first-pos." (§14.1.1)
        let last = saturating(last)?;
        (first <= last).then_some(Self::Int(first, Some(last)))
    }

    /// The octets it selects; `None` where it is unsatisfiable.
    fn resolve(self, length: u64) -> Option<Range<u64>> {
        let part = match self {
            // "If the last-pos value is absent, or if the value is greater than or equal to the current length of the
            // representation data, the byte range is interpreted as the remainder of the representation" (§14.1.2)
            Self::Int(first, last) => {
                first..last.map_or(length, |last| last.saturating_add(1).min(length))
            }
            // "If the selected representation is shorter than the specified suffix-length, the entire representation
            // is used." (§14.1.2)
            Self::Suffix(count) => length.saturating_sub(count)..length,
        };
        (part.start < part.end).then_some(part)
    }
}

/// The ranges of `bytes=...`; `None` where the value is invalid, of another unit, or asks for too many.
fn specifiers(value: &str) -> Option<Vec<Spec>> {
    // "An origin server MUST ignore a Range header field that contains a range unit it does not understand." (§14.2)
    let (unit, set) = value.split_once('=')?;
    if !is_bytes(unit) {
        return None;
    }
    let specs: Vec<Spec> =
        members(set).take(MOST_PARTS + 1).map(Spec::parse).collect::<Option<_>>()?;
    (1..=MOST_PARTS).contains(&specs.len()).then_some(specs)
}

/// Adds a part to parts that do not touch each other, so that they still do not.
///
/// "a server MAY coalesce any of the ranges that overlap, or that are separated by a gap that is smaller than the
/// overhead of sending multiple parts, regardless of the order in which the corresponding range-spec appeared"
/// (§15.3.7.2)
fn coalesce(parts: &mut Vec<Range<u64>>, mut part: Range<u64>) {
    let mut place = None;
    let mut at = 0;
    parts.retain(|other| {
        let touches = other.start <= part.end && part.start <= other.end;
        if touches {
            part = part.start.min(other.start)..part.end.max(other.end);
            place.get_or_insert(at);
        } else {
            at += 1;
        }
        !touches
    });
    parts.insert(place.unwrap_or(parts.len()), part);
}

/// "All range unit names are case-insensitive" (§14.1)
fn is_bytes(unit: &str) -> bool {
    unit.eq_ignore_ascii_case("bytes")
}

/// 1*DIGIT below 2^64.
fn position(digits: &str) -> Option<u64> {
    digits.bytes().all(|octet| octet.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// 1*DIGIT; what is too large for a number is the largest one, and so past the end of everything.
fn saturating(digits: &str) -> Option<u64> {
    let all = !digits.is_empty() && digits.bytes().all(|octet| octet.is_ascii_digit());
    all.then(|| digits.parse().unwrap_or(u64::MAX))
}

/// A value that is ASCII by its making.
fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("bytes */*"))
}
