//! Where in Redis a response has its place.

use std::fmt::Write;

use http::{HeaderMap, HeaderName};

use crate::caching::stored::StoredHead;
use crate::caching::vary::selecting_values;
use crate::identity::digest::{self, Digest};

/// A place: that of a key, or of one variant of it, both in the same slot of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    slot: String,
    rest: String,
}

impl Place {
    /// That of a key.
    pub(super) fn of_key(key: &[u8]) -> Self {
        Self { slot: half(&digest::of(key)), rest: String::new() }
    }

    /// That of a stored response.
    pub(super) fn of(head: &StoredHead) -> Self {
        let place = Self::of_key(head.key_bytes());
        if head.is_selected_by_key_alone() {
            return place;
        }
        let names: Vec<HeaderName> = head.selecting().collect();
        place.variant(&names, head.selecting_values())
    }

    /// That of the variant which a request with these fields selects, where these are `names`.
    pub(super) fn variant_for(&self, names: &[HeaderName], request: &HeaderMap) -> Self {
        self.variant(names, &selecting_values(names, request))
    }

    /// That of the names which the variants vary on.
    pub(super) fn of_all_variants(&self) -> Self {
        Self { slot: self.slot.clone(), rest: String::new() }
    }

    pub(super) const fn is_variant(&self) -> bool {
        !self.rest.is_empty()
    }

    pub(super) fn slot(&self) -> &str {
        &self.slot
    }

    pub(super) fn rest(&self) -> &str {
        &self.rest
    }

    fn variant(&self, names: &[HeaderName], values: &[u8]) -> Self {
        let mut selecting = Vec::new();
        for name in names {
            selecting.extend_from_slice(name.as_str().as_bytes());
            selecting.push(0);
        }
        selecting.push(0);
        selecting.extend_from_slice(values);
        let rest = format!(":{}", half(&digest::of(&selecting)));
        Self { slot: self.slot.clone(), rest }
    }
}

/// The first half of a digest, in hexadecimal digits: enough to tell all the keys there are from one another.
fn half(digest: &Digest) -> String {
    digest.iter().take(digest.len() / 2).fold(String::with_capacity(32), |mut hex, octet| {
        let _ = write!(hex, "{octet:02x}");
        hex
    })
}
