//! Which octets of a representation an arriving body has.

use std::ops::Range;

use http::HeaderValue;
use http::header::RANGE;

use super::{Arriving, Inquiry};
use crate::semantics::preconditions::{Validators, if_range_holds};
use crate::semantics::range::{RangeRequest, requested};

/// Which octets of a representation an arriving body has.
#[derive(Clone, Debug)]
pub struct Span {
    /// Their positions.
    pub range: Range<u64>,
    /// How many octets the whole representation has.
    pub complete: u64,
    /// What the origin was asked for, in the client's own words, and the Content-Range it answered with.
    pub said: Option<(HeaderValue, HeaderValue)>,
}

impl Span {
    /// The octets a request is about, or `None` where they are not all here.
    pub fn asked_of(&self, inquiry: &Inquiry) -> Option<Vec<Range<u64>>> {
        match requested(&inquiry.fields, &inquiry.method, self.complete) {
            RangeRequest::Parts(parts) if parts.iter().all(|part| self.holds(part)) => Some(parts),
            // "a server might want to send only a subset of the data requested for reasons of its own" (RFC 9110
            // §15.3.7): what it chose is the answer for whoever asked in the same words.
            _ if self.is_answer_to(inquiry) => Some(vec![self.range.clone()]),
            _ => None,
        }
    }

    fn holds(&self, part: &Range<u64>) -> bool {
        self.range.start <= part.start && part.end <= self.range.end
    }

    fn is_answer_to(&self, inquiry: &Inquiry) -> bool {
        let own = inquiry.fields.get(RANGE);
        self.said.as_ref().is_some_and(|(asked, _)| own == Some(asked))
    }
}

impl Arriving {
    /// Whether the body has all that a request asks for.
    pub(super) fn answers(&self, inquiry: &Inquiry) -> bool {
        let Some(span) = &self.span else { return true };
        if_range_holds(&inquiry.fields, &Validators::of(&self.head.fields(0)))
            && span.asked_of(inquiry).is_some()
    }
}
