//! The directives of Cache-Control (RFC 9111 §5.2, RFC 5861, RFC 8246) and which field governs us (RFC 9213).
//!
//! Where a field is at odds with its grammar, the reading that stores and reuses less is taken.

use std::time::Duration;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

use super::directive::{Argument, Directive};
use super::rules::Overrides;
use super::targeted;
use crate::semantics::fields::{list_members, members};

/// The field that is addressed to this cache alone.
pub static FOREBAY_CACHE_CONTROL: HeaderName = HeaderName::from_static("forebay-cache-control");

/// The field that is addressed to the caches in front of an origin (RFC 9213 §3.1).
pub static CDN_CACHE_CONTROL: HeaderName = HeaderName::from_static("cdn-cache-control");

/// What a response asks of the caches it passes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the directives' own names")]
pub struct ResponseDirectives {
    /// The field the directives were taken from.
    pub governing: GoverningField,
    pub no_store: bool,
    pub no_cache: Option<FieldNames>,
    pub private: Option<FieldNames>,
    pub public: bool,
    pub must_revalidate: bool,
    pub proxy_revalidate: bool,
    pub must_understand: bool,
    pub no_transform: bool,
    pub immutable: bool,
    pub max_age: Option<Duration>,
    pub s_maxage: Option<Duration>,
    pub stale_while_revalidate: Option<Duration>,
    pub stale_if_error: Option<Duration>,
}

/// What a request asks of the caches it passes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the directives' own names")]
pub struct RequestDirectives {
    pub no_store: bool,
    pub no_cache: bool,
    pub only_if_cached: bool,
    pub max_age: Option<Duration>,
    pub min_fresh: Option<Duration>,
    pub max_stale: Option<MaxStale>,
    pub stale_if_error: Option<Duration>,
}

impl RequestDirectives {
    /// The same without whatever asks for more than that a stored response may be used.
    #[must_use]
    pub const fn undemanding(self) -> Self {
        Self { no_cache: false, max_age: None, min_fresh: None, ..self }
    }
}

/// How stale a response the client takes (RFC 9111 §5.2.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaxStale {
    /// However stale.
    Any,
    /// Stale for no longer than this.
    For(Duration),
}

/// Whose directives hold for this cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GoverningField {
    /// `Cache-Control`, present or not.
    #[default]
    CacheControl,
    /// `CDN-Cache-Control`.
    CdnCacheControl,
    /// `Forebay-Cache-Control`.
    ForebayCacheControl,
}

impl GoverningField {
    /// The field's name, in lower case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CacheControl => "cache-control",
            Self::CdnCacheControl => "cdn-cache-control",
            Self::ForebayCacheControl => "forebay-cache-control",
        }
    }

    /// Whether the field is a targeted one, beside which Cache-Control and Expires do not count (RFC 9213 §2.2).
    pub const fn is_targeted(self) -> bool {
        !matches!(self, Self::CacheControl)
    }
}

/// The fields that `no-cache` or `private` is limited to; none of them: the directive is about the whole response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldNames(Vec<HeaderName>);

impl FieldNames {
    /// Whether the directive is about the whole response.
    pub fn is_unqualified(&self) -> bool {
        self.0.is_empty()
    }

    /// The fields named, in the order of the field.
    pub fn iter(&self) -> std::slice::Iter<'_, HeaderName> {
        self.0.iter()
    }
}

impl ResponseDirectives {
    /// Whether the stored response needs to be validated before each use.
    pub fn forbids_unvalidated_reuse(&self) -> bool {
        self.no_cache.as_ref().is_some_and(FieldNames::is_unqualified)
    }

    /// Whether a shared cache must not store the response at all.
    pub fn is_private(&self) -> bool {
        self.private.as_ref().is_some_and(FieldNames::is_unqualified)
    }

    /// What is left of them where the operator overrules some. What is overruled permits nothing either: `must-revalidate`
    /// lets an answer to a credential be shared only because it will be asked about.
    #[must_use]
    pub fn without(mut self, overruled: Overrides) -> Self {
        if overruled.no_cache {
            self.no_cache = None;
        }
        if overruled.must_revalidate {
            (self.must_revalidate, self.proxy_revalidate) = (false, false);
        }
        if overruled.private {
            self.private = None;
        }
        self.no_store &= !overruled.no_store;
        self
    }

    fn add(&mut self, directive: &Directive<'_>) {
        let argument = &directive.argument;
        match directive.name.to_ascii_lowercase().as_str() {
            "no-store" => self.no_store = true,
            "no-cache" => limit(&mut self.no_cache, argument),
            "private" => limit(&mut self.private, argument),
            "public" => self.public = true,
            "must-revalidate" => self.must_revalidate = true,
            "proxy-revalidate" => self.proxy_revalidate = true,
            "must-understand" => self.must_understand = true,
            "no-transform" => self.no_transform = true,
            "immutable" => self.immutable = true,
            "max-age" => shorten(&mut self.max_age, argument),
            "s-maxage" => shorten(&mut self.s_maxage, argument),
            "stale-while-revalidate" => shorten(&mut self.stale_while_revalidate, argument),
            "stale-if-error" => shorten(&mut self.stale_if_error, argument),
            // "A cache MUST ignore unrecognized cache directives."
            _ => {}
        }
    }
}

impl RequestDirectives {
    fn add(&mut self, directive: &Directive<'_>) {
        let argument = &directive.argument;
        match directive.name.to_ascii_lowercase().as_str() {
            "no-store" => self.no_store = true,
            "no-cache" => self.no_cache = true,
            "only-if-cached" => self.only_if_cached = true,
            "max-age" => shorten(&mut self.max_age, argument),
            "min-fresh" => self.min_fresh = self.min_fresh.max(argument.seconds()),
            "max-stale" => self.max_stale = max_stale(argument),
            "stale-if-error" => shorten(&mut self.stale_if_error, argument),
            _ => {}
        }
    }
}

/// The directives of the field that governs this cache: the first of Forebay-Cache-Control, CDN-Cache-Control and
/// Cache-Control that is there and, if targeted, can be read.
pub fn response_directives(fields: &HeaderMap) -> ResponseDirectives {
    targeted(fields, &FOREBAY_CACHE_CONTROL, GoverningField::ForebayCacheControl)
        .or_else(|| targeted(fields, &CDN_CACHE_CONTROL, GoverningField::CdnCacheControl))
        .unwrap_or_else(|| cache_control(fields))
}

/// The directives of a request's Cache-Control.
pub fn request_directives(fields: &HeaderMap) -> RequestDirectives {
    let mut directives = RequestDirectives::default();
    if fields.contains_key(header::CACHE_CONTROL) {
        for member in list_members(fields, &header::CACHE_CONTROL) {
            directives.add(&Directive::parse(member));
        }
    } else if fields.contains_key(header::PRAGMA) {
        // RFC 7234 §5.4: "When the Cache-Control header field is not present in a request, caches MUST consider the
        // no-cache request pragma-directive as having the same effect as if "Cache-Control: no-cache" were present".
        // RFC 9111 §5.4 deprecates the field, and reminds us that in a response it never had a meaning.
        directives.no_cache = list_members(fields, &header::PRAGMA)
            .any(|member| member.eq_ignore_ascii_case("no-cache"));
    }
    directives
}

fn cache_control(fields: &HeaderMap) -> ResponseDirectives {
    let mut directives = ResponseDirectives::default();
    for member in list_members(fields, &header::CACHE_CONTROL) {
        directives.add(&Directive::parse(member));
    }
    directives
}

/// RFC 9213 §2.2: "… select the first (in target list order) field with a valid, non-empty value".
fn targeted(
    fields: &HeaderMap,
    name: &HeaderName,
    governing: GoverningField,
) -> Option<ResponseDirectives> {
    if !fields.contains_key(name) {
        return None;
    }
    let lines: Vec<&[u8]> = fields.get_all(name).iter().map(HeaderValue::as_bytes).collect();
    let value = lines.join(&b", "[..]);
    let mut directives = ResponseDirectives { governing, ..ResponseDirectives::default() };
    for directive in &targeted::directives(&value)? {
        directives.add(directive);
    }
    Some(directives)
}

/// §4.2.1: "When there is more than one value present for a given directive (e.g., two Expires header field lines or
/// multiple Cache-Control: max-age directives), either the first occurrence should be used or the response should be
/// considered stale. … Caches are encouraged to consider responses that have invalid freshness information (e.g., a
/// max-age directive with a non-integer value) to be stale." So the shortest counts, and what cannot be read is zero.
fn shorten(slot: &mut Option<Duration>, argument: &Argument<'_>) {
    let value = argument.seconds().unwrap_or_default();
    *slot = Some(slot.map_or(value, |earlier| earlier.min(value)));
}

fn max_stale(argument: &Argument<'_>) -> Option<MaxStale> {
    match argument {
        // §5.2.1.2: "If no value is assigned to max-stale, then the client will accept a stale response of any age."
        Argument::None => Some(MaxStale::Any),
        argument => argument.seconds().map(MaxStale::For),
    }
}

/// Adds the fields named by one `no-cache` or `private` to those named so far; the unqualified form covers them all.
fn limit(slot: &mut Option<FieldNames>, argument: &Argument<'_>) {
    let names = field_names(argument);
    match slot {
        None => *slot = Some(names),
        Some(earlier) if earlier.is_unqualified() || names.is_unqualified() => {
            *slot = Some(FieldNames::default());
        }
        Some(earlier) => earlier.0.extend(names.0),
    }
}

/// The names of a qualified form. A list that cannot be read, or that names a field without which a stored response
/// cannot be judged, is read as the unqualified form, which §5.2.2.4 and §5.2.2.7 leave to the cache.
fn field_names(argument: &Argument<'_>) -> FieldNames {
    let Some(list) = argument.value() else { return FieldNames::default() };
    let names = members(list).map(|name| name.parse().ok().filter(|name| !is_judged_by(name)));
    FieldNames(names.collect::<Option<Vec<HeaderName>>>().unwrap_or_default())
}

fn is_judged_by(name: &HeaderName) -> bool {
    static JUDGED_BY: [HeaderName; 11] = [
        header::AGE,
        header::CACHE_CONTROL,
        header::CONTENT_ENCODING,
        header::CONTENT_LENGTH,
        header::CONTENT_TYPE,
        header::DATE,
        header::ETAG,
        header::EXPIRES,
        header::LAST_MODIFIED,
        header::VARY,
        header::ACCESS_CONTROL_ALLOW_ORIGIN,
    ];
    JUDGED_BY.contains(name) || *name == CDN_CACHE_CONTROL || *name == FOREBAY_CACHE_CONTROL
}

#[cfg(test)]
mod tests;
