//! A look at what there is, for people who ask.

use std::sync::Arc;

use super::lookup::Found;
use super::{Cache, Inquiry};
use crate::caching::storability::Refusal;
use crate::caching::stored::StoredResponse;

/// What there is for a request.
#[derive(Debug)]
pub struct Peek {
    /// What it would be answered from, and why not from what is stored.
    pub found: String,
    /// What is stored and selected by it.
    pub response: Option<Arc<StoredResponse>>,
    /// How many variants there are.
    pub variants: usize,
    /// Why the last response was not stored, while that is remembered.
    pub unstorable: Option<Refusal>,
}

impl Cache {
    /// What there is for a request, found as for any other.
    pub fn peek(&self, inquiry: &Inquiry) -> Peek {
        let now = self.clock.now();
        let found = match self.lookup(inquiry, now) {
            Found::Usable(usable) => match usable.stale {
                None => "fresh: answered from it".to_owned(),
                Some(grounds) => format!("stale: answered from it, {}", grounds.as_str()),
            },
            Found::Validate(_, reason) => format!("validated first: {}", reason.as_str()),
            Found::Incomplete(_) => "incomplete: what is missing is fetched".to_owned(),
            Found::Unusable(unusable) => format!("not for this request: {}", unusable.as_str()),
            Found::Missing(fwd, _) => format!("nothing: {}", fwd.as_str()),
            Found::OnlyIfCachedUnmet => "nothing, and only-if-cached: 504".to_owned(),
        };
        let variants = self.memory.get(inquiry.key());
        Peek {
            found,
            response: variants.as_ref().and_then(|all| all.select(&inquiry.fields)).cloned(),
            variants: variants.map_or(0, |all| all.as_slice().len()),
            unstorable: self.uncacheable.recall(inquiry.known_by(), now),
        }
    }
}
