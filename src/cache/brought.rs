//! What a response brings: the whole of a representation, or a part of it and what goes with that.

use bytes::Bytes;
use http::header::CONTENT_RANGE;
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body::Body as _;

use super::Span;
use super::wanted::Asked;
use crate::body::Body;
use crate::caching::partial::{BroughtPart, as_fields_of_the_whole, brought};

/// A part that was asked for, to be stored as some of an incomplete 200.
pub(super) struct Brought {
    /// The fields of that 200.
    pub(super) fields: HeaderMap,
    part: BroughtPart,
    said: Option<HeaderValue>,
}

impl Brought {
    /// The part that a response brings; `None` for a whole one, and where it is not what was asked for. RFC 9110 §15.3.7:
    /// "The 206 (Partial Content) status code indicates that the server is successfully fulfilling a range request".
    pub(super) fn of(asked: &Asked, response: &Response<Body>) -> Option<Self> {
        if response.status() != StatusCode::PARTIAL_CONTENT {
            return None;
        }
        let mut fields = response.headers().clone();
        let said = fields.get(CONTENT_RANGE).cloned();
        let part = brought(&fields, response.body().size_hint().exact())?;
        match asked {
            Asked::Whole => return None,
            Asked::AsTheClient(_) => as_fields_of_the_whole(&mut fields),
            Asked::Rest(rest) => fields = rest.combined_with(&fields)?,
        }
        Some(Self { fields, part, said })
    }
}

/// A body on its way, and what it is put between.
pub(super) struct Incoming {
    pub(super) body: Body,
    /// Octets at hand that stand before it, and those that stand behind it.
    pub(super) at_hand: [Bytes; 2],
    /// How many octets it has to have.
    pub(super) length: Option<u64>,
    /// The status it came with.
    pub(super) status: StatusCode,
    /// Which octets all of it are, if not the whole representation.
    pub(super) span: Option<Span>,
}

impl Incoming {
    pub(super) fn new(response: Response<Body>, brought: Option<Brought>, asked: &Asked) -> Self {
        let (status, body) = (response.status(), response.into_body());
        let Some(Brought { part: BroughtPart { range, complete }, said, .. }) = brought else {
            let length = body.size_hint().exact();
            return Self { body, at_hand: Default::default(), length, status, span: None };
        };
        let length = Some(range.end.saturating_sub(range.start));
        let (range, at_hand, said) = match asked {
            Asked::Rest(rest) => (rest.missing.goal.clone(), rest.at_hand(), None),
            Asked::AsTheClient(asked) => {
                (range, Default::default(), said.map(|said| (asked.clone(), said)))
            }
            Asked::Whole => (range, Default::default(), None),
        };
        let span = (range != (0..complete)).then_some(Span { range, complete, said });
        Self { body, at_hand, length, status, span }
    }

    /// All of it, if it is a whole representation of the length it has to have, and nothing is still to come.
    pub(super) fn all_at_hand(&self) -> Option<Vec<Bytes>> {
        let chunks: Vec<Bytes> = match &self.body {
            Body::Empty => Vec::new(),
            Body::Whole(bytes) => vec![bytes.clone()],
            Body::Pieces(pieces) => pieces.iter().cloned().collect(),
            Body::Fill(_) | Body::Stream(_) | Body::Watched(_) => return None,
        };
        let came: u64 = chunks.iter().map(|chunk| chunk.len() as u64).sum();
        let is_alone = self.span.is_none() && self.at_hand.iter().all(Bytes::is_empty);
        (is_alone && self.length.is_none_or(|length| length == came)).then_some(chunks)
    }

    /// How many octets come and are at hand together, where that is known.
    pub(super) fn expected(&self) -> Option<u64> {
        let at_hand: u64 = self.at_hand.iter().map(|bytes| bytes.len() as u64).sum();
        self.length?.checked_add(at_hand)
    }
}
