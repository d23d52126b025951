//! Parts of a representation (RFC 9110 §14, §15.3.7).

use std::collections::VecDeque;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONTENT_RANGE, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use http_body::{Frame, SizeHint};

use super::representation::forget_representation;
use crate::body::{Body, BodyError, FillReader};
use crate::caching::partial::OF_THE_CONTENT;
use crate::semantics::range::{content_range, unsatisfied as unsatisfied_range};

/// The parts of a representation of `complete` octets, and in `fields` what describes them. `octets` has those of each.
pub(super) fn of_stored(
    octets: impl Fn(&Range<u64>) -> Bytes,
    parts: &[Range<u64>],
    complete: u64,
    fields: &mut HeaderMap,
) -> Body {
    if let [part] = parts {
        describe(part, complete, fields);
        return Body::from(octets(part));
    }
    let mut pieces = VecDeque::with_capacity(parts.len() * 2 + 1);
    let multipart = Multipart::new(parts, complete, fields);
    for (head, part) in multipart.heads.into_iter().zip(parts) {
        pieces.push_back(head);
        pieces.push_back(octets(part));
    }
    pieces.push_back(multipart.end);
    Body::Pieces(pieces)
}

/// Whether parts are asked for in the order in which they come.
pub(super) fn are_ascending(parts: &[Range<u64>]) -> bool {
    parts.windows(2).all(|pair| matches!(pair, [one, next] if one.end <= next.start))
}

/// The parts, ascending, of a representation whose octets from position `start` on are arriving, and in `fields` what
/// describes them.
pub(super) fn of_arriving(
    reader: FillReader,
    start: u64,
    parts: &[Range<u64>],
    complete: u64,
    fields: &mut HeaderMap,
) -> Body {
    let place =
        |part: &Range<u64>| part.start.saturating_sub(start)..part.end.saturating_sub(start);
    if let [part] = parts {
        describe(part, complete, fields);
        return Body::Fill(reader.part(place(part)));
    }
    let Multipart { heads, end } = Multipart::new(parts, complete, fields);
    let mut parts: VecDeque<_> = heads.into_iter().zip(parts.iter().map(place)).collect();
    parts.push_back((end, 0..0));
    let left = parts.iter().map(|(head, part)| head.len() as u64 + (part.end - part.start)).sum();
    Body::stream(ArrivingParts { reader: reader.part(0..0), parts, left })
}

/// Describes a single part.
fn describe(part: &Range<u64>, complete: u64, fields: &mut HeaderMap) {
    fields.insert(CONTENT_RANGE, content_range(part, complete));
    forget_content(fields);
}

/// §15.5.17: a 416 names the length there is.
pub(super) fn unsatisfied(complete: u64, fields: &mut HeaderMap) -> Body {
    forget_representation(fields);
    fields.insert(CONTENT_RANGE, unsatisfied_range(complete));
    Body::Empty
}

/// What stands around the parts in the multipart/byteranges media type (§14.6).
struct Multipart {
    /// What stands before each part.
    heads: Vec<Bytes>,
    /// What stands behind the last.
    end: Bytes,
}

impl Multipart {
    fn new(parts: &[Range<u64>], complete: u64, fields: &mut HeaderMap) -> Self {
        let boundary = format!("{:032x}", fastrand::u128(..));
        let kind = fields.remove(CONTENT_TYPE);
        forget_content(fields);
        let heads = parts.iter().map(|part| {
            let mut head = format!("\r\n--{boundary}\r\n").into_bytes();
            if let Some(kind) = &kind {
                head.extend_from_slice(b"Content-Type: ");
                head.extend_from_slice(kind.as_bytes());
                head.extend_from_slice(b"\r\n");
            }
            head.extend_from_slice(b"Content-Range: ");
            head.extend_from_slice(content_range(part, complete).as_bytes());
            head.extend_from_slice(b"\r\n\r\n");
            Bytes::from(head)
        });
        let heads = heads.collect();
        let kind = format!("multipart/byteranges; boundary={boundary}");
        if let Ok(kind) = HeaderValue::try_from(kind) {
            fields.insert(CONTENT_TYPE, kind);
        }
        Self { heads, end: Bytes::from(format!("\r\n--{boundary}--\r\n")) }
    }
}

/// Takes out what was true of the whole content alone.
fn forget_content(fields: &mut HeaderMap) {
    for name in &OF_THE_CONTENT {
        fields.remove(name);
    }
}

/// Several parts cut out of what is arriving, each behind its head.
struct ArrivingParts {
    reader: FillReader,
    /// Heads and parts to come.
    parts: VecDeque<(Bytes, Range<u64>)>,
    left: u64,
}

impl ArrivingParts {
    fn give(&mut self, bytes: Bytes) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        self.left = self.left.saturating_sub(bytes.len() as u64);
        Poll::Ready(Some(Ok(Frame::data(bytes))))
    }
}

impl http_body::Body for ArrivingParts {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        match this.reader.poll_chunk(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Some(Ok(chunk))) => return this.give(chunk),
            Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
            Poll::Ready(None) => {}
        }
        let Some((head, part)) = this.parts.pop_front() else { return Poll::Ready(None) };
        this.reader.go_on_with(&part);
        this.give(head)
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
