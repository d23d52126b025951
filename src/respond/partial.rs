//! Parts of a stored representation (RFC 9110 §14, §15.3.7).

use std::collections::VecDeque;
use std::ops::Range;

use bytes::Bytes;
use http::header::{CONTENT_RANGE, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};

use super::representation::forget_representation;
use crate::body::Body;
use crate::semantics::range::{content_range, unsatisfied as unsatisfied_range};

/// The parts of `content`, and in `fields` what describes them. `parts` lie within the content.
pub(super) fn of_content(content: &Bytes, parts: &[Range<u64>], fields: &mut HeaderMap) -> Body {
    let complete = content.len() as u64;
    match parts {
        [part] => {
            describe(part, complete, fields);
            Body::from(slice(content, part))
        }
        parts => several(content, parts, complete, fields),
    }
}

/// Describes a single part.
pub(super) fn describe(part: &Range<u64>, complete: u64, fields: &mut HeaderMap) {
    fields.insert(CONTENT_RANGE, content_range(part, complete));
}

/// §15.5.17: a 416 names the length there is.
pub(super) fn unsatisfied(complete: u64, fields: &mut HeaderMap) -> Body {
    forget_representation(fields);
    fields.insert(CONTENT_RANGE, unsatisfied_range(complete));
    Body::Empty
}

/// §14.6: the multipart/byteranges media type.
fn several(content: &Bytes, parts: &[Range<u64>], complete: u64, fields: &mut HeaderMap) -> Body {
    let boundary = format!("{:032x}", fastrand::u128(..));
    let kind = fields.remove(CONTENT_TYPE);
    let mut pieces = VecDeque::with_capacity(parts.len() * 2 + 1);
    for part in parts {
        let mut head = format!("\r\n--{boundary}\r\n").into_bytes();
        if let Some(kind) = &kind {
            head.extend_from_slice(b"Content-Type: ");
            head.extend_from_slice(kind.as_bytes());
            head.extend_from_slice(b"\r\n");
        }
        head.extend_from_slice(b"Content-Range: ");
        head.extend_from_slice(content_range(part, complete).as_bytes());
        head.extend_from_slice(b"\r\n\r\n");
        pieces.push_back(Bytes::from(head));
        pieces.push_back(slice(content, part));
    }
    pieces.push_back(Bytes::from(format!("\r\n--{boundary}--\r\n")));
    if let Ok(kind) = HeaderValue::try_from(format!("multipart/byteranges; boundary={boundary}")) {
        fields.insert(CONTENT_TYPE, kind);
    }
    Body::Pieces(pieces)
}

fn slice(content: &Bytes, part: &Range<u64>) -> Bytes {
    let at = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX).min(content.len());
    content.slice(at(part.start)..at(part.end).max(at(part.start)))
}
