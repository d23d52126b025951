//! The validators of a response (RFC 9110 §8.8).

use http::header::{self, HeaderMap};

use crate::clock::Timestamp;
use crate::semantics::date;
use crate::semantics::entity_tag::EntityTag;

/// What a response can be asked about again by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Validators<'a> {
    pub(super) entity_tag: Option<EntityTag<'a>>,
    pub(super) last_modified: Option<Timestamp>,
}

impl<'a> Validators<'a> {
    /// The usable ones among a response's fields.
    pub(super) fn of(fields: &'a HeaderMap) -> Self {
        let tag = fields.get(header::ETAG).and_then(|line| line.to_str().ok());
        Self {
            entity_tag: tag.and_then(EntityTag::parse),
            last_modified: date::of(fields, &header::LAST_MODIFIED),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entity_tag.is_none() && self.last_modified.is_none()
    }
}
