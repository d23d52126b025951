//! The operator's rules for content codings: which are made, and of which responses.

use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName};

use super::cache_control::response_directives;
use super::rules::Rules;
use super::stored::StoredResponse;
use super::terms::Terms;
use crate::semantics::content_coding::Coding;
use crate::semantics::fields::list_members;

#[cfg(test)]
mod tests;

/// Which codings are made, and of what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodingRules {
    /// The codings, the one to prefer where a client likes several alike first. Empty: none.
    pub codings: Vec<Coding>,
    /// Media types in lower case: `text/*` or `application/json`. Those that end in `+json` or `+xml` are always among
    /// them.
    pub types: Vec<Box<str>>,
    /// A body known to be shorter is not worth it, in bytes.
    pub min_length: u64,
    /// Whether what belongs to one user alone is coded too.
    ///
    /// The length of coded content tells what in it repeats itself: whoever can have a user's browser send requests, and
    /// sees how long the answers are, guesses what stands beside the words they sent (RFC 9110 §17.6, "BREACH").
    pub personal: bool,
}

impl Default for CodingRules {
    /// No coding is made.
    fn default() -> Self {
        Self { codings: Vec::new(), types: Vec::new(), min_length: 0, personal: false }
    }
}

impl CodingRules {
    /// Whether codings of a response with this status and these fields, stored by `rules`, may be made, if it is long
    /// enough.
    pub fn apply_to(&self, status: StatusCode, fields: &HeaderMap, rules: &Rules) -> bool {
        !self.codings.is_empty()
            && !matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT)
            && !fields.contains_key(CONTENT_ENCODING)
            && DIGESTS.iter().all(|digest| !fields.contains_key(digest))
            && !says_no_transform(fields)
            && (self.personal || !is_one_users(fields, rules))
            && fields
                .get(CONTENT_TYPE)
                .is_some_and(|kind| kind.to_str().is_ok_and(|kind| self.is_coded_type(kind)))
    }

    /// Whether a body of so many bytes is worth it; one whose length is not known may be.
    pub fn is_worth_it(&self, length: Option<u64>) -> bool {
        length.is_none_or(|length| length >= self.min_length)
    }

    /// The codings kept of a stored response that may be served. `terms`: those by the rules that hold, which may not be
    /// those that the codings were made by.
    pub fn among(&self, response: &StoredResponse, terms: &Terms) -> impl Iterator<Item = Coding> {
        let codable = terms.codable && self.is_worth_it(Some(response.body().len() as u64));
        response.codings().filter(move |coding| codable && self.codings.contains(coding))
    }

    fn is_coded_type(&self, content_type: &str) -> bool {
        let kind = content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
        kind.ends_with("+json")
            || kind.ends_with("+xml")
            || self.types.iter().any(|coded| match coded.strip_suffix('*') {
                Some(family) => kind.starts_with(family),
                None => kind == **coded,
            })
    }
}

/// Whether a response is for the user alone who asked.
fn is_one_users(fields: &HeaderMap, rules: &Rules) -> bool {
    !rules.shared && (rules.identity || response_directives(fields).private.is_some())
}

/// RFC 9110 §7.7: a proxy "MUST NOT transform the content of a response message that contains a no-transform cache
/// directive", whichever of the fields for caches it stands in.
fn says_no_transform(fields: &HeaderMap) -> bool {
    response_directives(fields).no_transform
        || list_members(fields, &CACHE_CONTROL)
            .any(|member| member.eq_ignore_ascii_case("no-transform"))
}

/// Digests of the content, which would no longer be true of what is sent.
static DIGESTS: [HeaderName; 4] = [
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("repr-digest"),
];
