//! The head of a response that is to be stored.

use http::header::CONTENT_LENGTH;
use http::{HeaderMap, HeaderName, StatusCode};

use super::Inquiry;
use super::fetch::Fetch;
use crate::caching::storability::Refusal;
use crate::caching::storable_fields::{keep_cookies, storable_fields};
use crate::caching::stored::{HeadParts, StoredHead};
use crate::caching::terms::Terms;
use crate::caching::vary::{SelectingFields, selecting_fields, selecting_values};
use crate::policy::Template;
use crate::semantics::fields::list_members;

impl Fetch {
    /// The head to store, unless it was invalidated on its way.
    pub(super) fn head(
        &self,
        status: StatusCode,
        fields: &HeaderMap,
        terms: Terms,
    ) -> Result<StoredHead, Refusal> {
        let (SelectingFields::None | SelectingFields::Named(_)) = selecting_fields(fields) else {
            return Err(Refusal::VaryAny);
        };
        let selecting = selecting_names(fields);
        let mut stored = storable_fields(fields);
        if self.inquiry.route.rules.keeps_cookies() {
            keep_cookies(&mut stored, fields);
        }
        // Each representation says its own.
        stored.remove(CONTENT_LENGTH);
        let head = StoredHead::new(&HeadParts {
            key: self.inquiry.key(),
            route: &self.inquiry.route.name,
            tags: &tags(&self.inquiry, fields),
            selecting_values: &selecting_values(&selecting, &self.inquiry.fields),
            selecting: &selecting,
            status,
            fields: &stored,
            terms,
            stamp: self.leader.flight().stamp,
        });
        if self.cache.purged.fate(&head).is_some() { Err(Refusal::Invalidated) } else { Ok(head) }
    }
}

/// The names of the request fields that select a response.
pub(super) fn selecting_names(fields: &HeaderMap) -> Vec<HeaderName> {
    match selecting_fields(fields) {
        SelectingFields::Named(names) => names,
        SelectingFields::None | SelectingFields::Any => Vec::new(),
    }
}

/// The tags the route gives and those the response names itself.
fn tags(inquiry: &Inquiry, fields: &HeaderMap) -> Vec<String> {
    static SURROGATE_KEY: HeaderName = HeaderName::from_static("surrogate-key");
    static CACHE_TAG: HeaderName = HeaderName::from_static("cache-tag");
    let declared = &inquiry.route.tags;
    let identity =
        declared.iter().any(Template::names_identity).then(|| inquiry.identity_text()).flatten();
    let values = inquiry.values(identity.as_deref());
    let mut tags: Vec<String> =
        declared.iter().filter_map(|template| template.expand_tag(values)).collect();
    let lines = fields.get_all(&SURROGATE_KEY).iter().filter_map(|line| line.to_str().ok());
    tags.extend(lines.flat_map(str::split_ascii_whitespace).map(str::to_owned));
    tags.extend(list_members(fields, &CACHE_TAG).map(str::to_owned));
    tags.sort_unstable();
    tags.dedup();
    tags
}
