//! Content that belongs to the key: read before anything is looked up, and forwarded as it came.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use http_body::Body as _;

use super::{Cache, Inquiry};
use crate::body::{Body, BodyError, Resumed};
use crate::caching::key::{Content, Key};
use crate::caching::storability::{Refusal, RequestFacts, lookup_refusal};
use crate::policy::KeyBody;
use crate::semantics::preconditions::is_conditional;

/// What became of content that was to belong to the key.
#[derive(Debug)]
pub enum Reading {
    /// It belongs to the key.
    Keyed {
        /// What the request is stored under.
        key: Key,
        /// The content as it came.
        content: Bytes,
    },
    /// It does not, and the client may still be waiting to be asked for it.
    Unread(Refusal),
    /// It does not, as was seen when some of it, or all, had been read.
    Unkeyed(Refusal),
    /// It did not come whole.
    Torn(BodyError),
}

impl Cache {
    /// Reads the content of a request whose key it belongs to, and notes in `inquiry` what became of it. What is left to
    /// be forwarded is returned.
    pub async fn read_content(&self, inquiry: &Inquiry, rules: &KeyBody, body: Body) -> Body {
        let (reading, body) = match refusal(inquiry, rules) {
            Some(refusal) => (Reading::Unread(refusal), body),
            None => self.read_and_key(inquiry, rules, body).await,
        };
        let _ = inquiry.reading.set(reading);
        body
    }

    async fn read_and_key(
        &self,
        inquiry: &Inquiry,
        rules: &KeyBody,
        body: Body,
    ) -> (Reading, Body) {
        let content = match read(body, rules.limit).await {
            Read::Whole(content) => content,
            Read::TooLong(body) => return (Reading::Unkeyed(Refusal::BodyTooLong), body),
            Read::Torn(error) => return (Reading::Torn(error), Body::Empty),
        };
        let reading = match rules.keyed(&inquiry.fields, &content) {
            Ok(keyed) => {
                let keyed =
                    Content { method: &inquiry.method, fields: &inquiry.fields, content: &keyed };
                let key = self.keyer.with_content(&inquiry.resource_key, &keyed);
                Reading::Keyed { key, content: content.clone() }
            }
            Err(refusal) => Reading::Unkeyed(refusal),
        };
        (reading, Body::from(content))
    }
}

/// Why content is not even read for the key.
fn refusal(inquiry: &Inquiry, rules: &KeyBody) -> Option<Refusal> {
    let facts = RequestFacts { keyed_by_body: true, ..inquiry.facts() };
    let is_long = inquiry.content_length.is_some_and(|length| length > rules.limit);
    lookup_refusal(facts, &inquiry.route.rules)
        .or_else(|| is_conditional(&inquiry.fields).then_some(Refusal::Conditional))
        .or_else(|| is_long.then_some(Refusal::BodyTooLong))
}

/// How reading went.
enum Read {
    /// All of it.
    Whole(Bytes),
    /// More than the limit: what was read and what is left, to be read on from the start.
    TooLong(Body),
    /// It broke off.
    Torn(BodyError),
}

async fn read(mut body: Body, limit: u64) -> Read {
    let (mut pieces, mut length) = (VecDeque::new(), 0_u64);
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let piece = match frame.map(http_body::Frame::into_data) {
            Ok(Ok(piece)) => piece,
            // Trailer fields are no content.
            Ok(Err(_)) => continue,
            Err(error) => return Read::Torn(error),
        };
        length = length.saturating_add(piece.len() as u64);
        pieces.push_back(piece);
        if length > limit {
            return Read::TooLong(Body::stream(Resumed::new(pieces, body)));
        }
    }
    // Copied: what is kept for as long as a fetch may take must not pin a connection's buffers.
    let mut content = BytesMut::with_capacity(usize::try_from(length).unwrap_or_default());
    pieces.iter().for_each(|piece| content.extend_from_slice(piece));
    Read::Whole(content.freeze())
}
