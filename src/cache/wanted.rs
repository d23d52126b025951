//! What a fetch asks the origin for: the whole, or a part.
//!
//! Who asks for a part of something of which nothing is stored is the first, and perhaps the only one, to ask for it: the
//! request goes forward for that part, so that a few octets of something large cost a few octets. What comes is stored,
//! and later requests are answered from it or complete it: the origin is asked for what is missing. Whoever comes for
//! another part while one is on its way shows that it is in demand, and fetches the whole for all who follow, unless that
//! is larger than what is stored. A range from the first octet to the last is the whole, and so is what an If-Range may
//! turn into it.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{IF_RANGE, RANGE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use super::fetch::Fetch;
use super::why::Why;
use super::{Cache, Inquiry};
use crate::caching::partial::{self, Missing};
use crate::caching::storability::Credentials;
use crate::caching::stored::StoredResponse;
use crate::semantics::range::{asks_for_one_part, range};

/// What a fetch asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of it, or what is missing of it.
    Whole,
    /// This Range.
    Part(HeaderValue),
}

/// How the request that was sent relates to the client's.
#[derive(Clone, Debug)]
pub(super) enum Asked {
    /// It had no Range.
    Whole,
    /// It had the client's own Range.
    AsTheClient(HeaderValue),
    /// It was for what is missing of a stored response.
    Rest(Rest),
}

impl Asked {
    /// The credentials of the requests that what comes of it answers, those of the one that asks among them.
    pub(super) fn answered(&self, asking: Credentials) -> Credentials {
        match self {
            Self::Rest(rest) => rest.of.head().terms().answered.or(asking),
            Self::Whole | Self::AsTheClient(_) => asking,
        }
    }

    /// Puts it into the fields of the request.
    pub(super) fn put_into(&self, fields: &mut HeaderMap) {
        match self {
            Self::Whole => {}
            Self::AsTheClient(range) => {
                fields.insert(RANGE, range.clone());
            }
            Self::Rest(rest) => {
                fields.insert(RANGE, rest.range());
                fields.insert(IF_RANGE, rest.if_range.clone());
            }
        }
    }

    /// Whether a response with this status, as it came, answers the client's request.
    pub(super) fn is_answered_by(&self, status: StatusCode, inquiry: &Inquiry) -> bool {
        // A part of what is too large, or not ours to keep, is for the origin to cut out.
        let is_whole_of_a_part = status == StatusCode::OK
            && inquiry.method == Method::GET
            && inquiry.fields.contains_key(RANGE);
        match self {
            Self::AsTheClient(_) => true,
            Self::Whole => !is_whole_of_a_part,
            Self::Rest(_) => !is_whole_of_a_part && status != StatusCode::PARTIAL_CONTENT,
        }
    }
}

/// What is missing of a stored response.
#[derive(Clone, Debug)]
pub(super) struct Rest {
    of: Arc<StoredResponse>,
    pub(super) missing: Missing,
    /// What shows that both are of one representation.
    if_range: HeaderValue,
}

impl Rest {
    /// What is missing before an incomplete response answers a request, if that can be added to it.
    fn of(of: &Arc<StoredResponse>, inquiry: &Inquiry) -> Option<Self> {
        let missing = partial::missing(of, &inquiry.method, &inquiry.fields)?;
        let if_range = partial::if_range(&of.head().fields(0))?;
        Some(Self { of: Arc::clone(of), missing, if_range })
    }

    /// What is missing of the whole.
    fn of_the_whole(of: &Arc<StoredResponse>) -> Option<Self> {
        let goal = 0..of.complete_length();
        let missing = Missing { range: of.extents()?.missing(&goal)?, goal };
        let if_range = partial::if_range(&of.head().fields(0))?;
        Some(Self { of: Arc::clone(of), missing, if_range })
    }

    /// The Range that asks for it.
    pub(super) fn range(&self) -> HeaderValue {
        let Range { start, end } = self.missing.range;
        // Who wants all there is wants what has been added since, too.
        range(start, Some(end).filter(|end| !self.is_whole() || *end < self.of.complete_length()))
    }

    /// Whether it makes the response whole.
    fn is_whole(&self) -> bool {
        self.missing.goal == (0..self.of.complete_length())
    }

    /// Whether it is what a 206 with these fields brings, `length` octets where that is known.
    pub(super) fn is_brought_by(&self, fields: &HeaderMap, length: Option<u64>) -> bool {
        let brought = partial::brought(fields, length);
        brought.is_some_and(|brought| {
            brought.range == self.missing.range && brought.complete == self.of.complete_length()
        }) && self.combined_with(fields).is_some()
    }

    /// The fields of the response that has it.
    pub(super) fn combined_with(&self, later: &HeaderMap) -> Option<HeaderMap> {
        partial::combined(&self.of.head().fields(0), later)
    }

    /// The octets at hand of what is asked for: those that stand before the missing ones, and those behind.
    pub(super) fn at_hand(&self) -> [Bytes; 2] {
        let Missing { goal, range } = &self.missing;
        let stored = |range: Range<u64>| self.of.part(&range).unwrap_or_default();
        [stored(goal.start..range.start), stored(range.end..goal.end)]
    }
}

impl Cache {
    /// What a fetch for a request asks for.
    pub(super) fn wanted(&self, inquiry: &Inquiry, why: &Why) -> Wanted {
        match (&why.stale, &why.incomplete) {
            // What is stored whole is validated whole.
            (Some(stale), _) if stale.extents().is_none() => Wanted::Whole,
            (None, Some(of)) => match Rest::of(of, inquiry) {
                Some(rest) if rest.is_whole() => Wanted::Whole,
                Some(rest) => Wanted::Part(rest.range()),
                // Nothing can be added to it, and this is the second who asks.
                None if !self.is_too_large(of) => Wanted::Whole,
                None => own(inquiry),
            },
            (Some(_), _) | (None, None) => own(inquiry),
        }
    }

    /// Whether the whole of an incomplete response is larger than what is stored.
    pub(super) fn is_too_large(&self, incomplete: &StoredResponse) -> bool {
        incomplete.complete_length() > self.settings().max_object
    }
}

impl Fetch {
    /// What is missing of the incomplete response there is, where the origin can be asked for it.
    pub(super) fn rest(&self, of: &Arc<StoredResponse>) -> Option<Rest> {
        match self.leader.flight().wanted {
            Wanted::Whole => Rest::of_the_whole(of),
            Wanted::Part(_) => Rest::of(of, &self.inquiry),
        }
    }

    /// What to ask for where nothing stored is of use.
    pub(super) fn afresh(&self) -> Asked {
        let whole_is_wanted = match &self.incomplete {
            Some(of) => !self.cache.is_too_large(of),
            None => self.leader.flight().wanted == Wanted::Whole,
        };
        match own(&self.inquiry) {
            Wanted::Part(range) if !whole_is_wanted => Asked::AsTheClient(range),
            Wanted::Part(_) | Wanted::Whole => Asked::Whole,
        }
    }
}

/// What a request asks for in its own words.
fn own(inquiry: &Inquiry) -> Wanted {
    let range = inquiry.fields.get(RANGE).filter(|_| {
        asks_for_one_part(&inquiry.fields, &inquiry.method)
            && !inquiry.fields.contains_key(IF_RANGE)
    });
    range.cloned().map_or(Wanted::Whole, Wanted::Part)
}
