//! Why memory did not answer, and what it has all the same.

use std::sync::Arc;

use http::HeaderName;

use super::refresh::Anew;
use crate::caching::cache_status::{CacheStatus, Fwd};
use crate::caching::storability::Refusal;
use crate::caching::stored::StoredResponse;

/// Why memory did not answer, and what it has all the same.
#[derive(Debug)]
pub(super) struct Why {
    pub(super) fwd: Fwd,
    pub(super) detail: Option<&'static str>,
    /// What is to be validated, or served if the origin fails.
    pub(super) stale: Option<Arc<StoredResponse>>,
    /// What has some of what is asked for, or of the whole.
    pub(super) incomplete: Option<Arc<StoredResponse>>,
    /// The fields that select among the responses stored for the key.
    pub(super) selecting: Option<Vec<HeaderName>>,
    /// Why nobody would be helped if the request led a flight.
    pub(super) refusal: Option<Refusal>,
    /// Whether what is stored is asked for anew.
    pub(super) anew: Anew,
}

impl Why {
    pub(super) const fn plainly(fwd: Fwd) -> Self {
        Self {
            fwd,
            detail: None,
            stale: None,
            incomplete: None,
            selecting: None,
            refusal: None,
            anew: Anew::Unasked,
        }
    }

    pub(super) fn because(fwd: Fwd, detail: &'static str) -> Self {
        Self { detail: Some(detail), ..Self::plainly(fwd) }
    }

    pub(super) fn refused(fwd: Fwd, refusal: Refusal) -> Self {
        Self { refusal: Some(refusal), ..Self::because(fwd, refusal.as_str()) }
    }

    pub(super) const fn status(&self) -> CacheStatus {
        CacheStatus { detail: self.detail, ..CacheStatus::forwarded(self.fwd) }
    }
}
