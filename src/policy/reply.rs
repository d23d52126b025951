//! What a route answers by itself.

use bytes::Bytes;
use http::{HeaderValue, StatusCode};

use super::Location;
use crate::caching::representation_tag;

/// An answer that asks nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Its status.
    pub status: StatusCode,
    /// Where it leads, if it is a redirect.
    pub location: Option<Location>,
    /// What it says.
    pub content: Option<Content>,
}

/// The content of an answer, the same for everybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// Its bytes.
    pub bytes: Bytes,
    /// Its media type.
    pub kind: HeaderValue,
    tag: String,
}

impl Content {
    /// These bytes, of this media type.
    pub fn new(bytes: Bytes, kind: HeaderValue) -> Self {
        let tag = representation_tag::generated(std::slice::from_ref(&bytes));
        Self { bytes, kind, tag }
    }

    /// Its strong entity tag (RFC 9110 §8.8.3).
    pub fn tag(&self) -> Option<HeaderValue> {
        HeaderValue::from_str(&self.tag).ok()
    }
}
