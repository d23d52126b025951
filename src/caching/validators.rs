//! The validators of a response (RFC 9110 §8.8).

use http::StatusCode;
use http::header::{self, HeaderMap};

use super::validation::can_be_validated;
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

    /// Those by which a stored response with this status can be validated.
    pub(super) fn of_response(status: StatusCode, fields: &'a HeaderMap) -> Self {
        if can_be_validated(status) {
            Self::of(fields)
        } else {
            Self { entity_tag: None, last_modified: None }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entity_tag.is_none() && self.last_modified.is_none()
    }
}
