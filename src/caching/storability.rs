//! Whether a response may be stored, and if not, why not (RFC 9111 §3).

use std::cell::LazyCell;

use http::header::{self, HeaderMap};
use http::{Method, StatusCode};

use super::cache_control::{ResponseDirectives, request_directives, response_directives};
use super::freshness::{Exchange, LifetimeSource};
use super::rules::Rules;
use super::terms::{Permits, Terms, terms_by_directives};
use super::validators::Validators;
use super::vary::{SelectingFields, selecting_fields};
use crate::semantics::present::Present;

/// The decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storability {
    /// It may be stored.
    Store,
    /// It may not.
    Refuse(Refusal),
}

/// Why a response is not stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The operator's rules store nothing here.
    CacheOff,
    /// The request's method is not one whose responses are stored.
    Method,
    /// A field of the request may have made the application take it for another method.
    MethodOverride,
    /// The request had a body, which is no part of the key.
    FatGet,
    /// The request has a condition, which a method whose body is part of the key is not answered by.
    Conditional,
    /// The body is longer than what may be part of the key.
    BodyTooLong,
    /// The body is coded, and what it says is part of the key.
    BodyCoded,
    /// The body is no JSON, and what it says as JSON is part of the key.
    BodyNotJson,
    /// The body is JSON with two members of one name, of which nobody knows which one counts.
    BodyAmbiguous,
    /// The body is JSON that is nested too deep to be part of the key.
    BodyTooDeep,
    /// The request asks for another protocol.
    Upgrade,
    /// Each identity has answers of its own here, and the request has none that counts.
    NoIdentity,
    /// The request says `no-store`.
    RequestNoStore,
    /// The status is an interim one.
    StatusNotFinal,
    /// The response is a part of a representation that was not asked for, or not told truly, or that says that there is no
    /// such part.
    PartialContent,
    /// The response speaks of one that the client has.
    NotModified,
    /// The response says `must-understand`, and its status is not understood.
    StatusNotUnderstood,
    /// The server failed, and nobody gave such a response a lifetime.
    ServerError,
    /// The response says `no-store`.
    NoStore,
    /// The response says `private`.
    Private,
    /// The request had an Authorization, and the response does not permit sharing.
    Authorization,
    /// The request had a Cookie, and the response does not permit sharing.
    Cookie,
    /// The request had a field that names a client to us, and the response does not permit sharing.
    ClientField,
    /// The response sets a cookie.
    SetCookie,
    /// The response says `Vary: *`, or something that cannot be read.
    VaryAny,
    /// The response is a stream of events.
    EventStream,
    /// Nothing gives the response a lifetime.
    NoLifetime,
    /// The response is to be validated before each use, and has no validator.
    NoValidator,
    /// The response is never fresh, may not be used stale, and has no validator.
    NeverFresh,
    /// The response's body is larger than what is stored.
    TooLarge,
    /// The response's body did not arrive whole (§3.3).
    Incomplete,
    /// The key was invalidated while the response was on its way.
    Invalidated,
    /// Another replica found that what answers such requests may not be stored.
    FoundUnstorable,
}

impl Refusal {
    /// The reason as a word, for `Cache-Status` and for metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CacheOff => "cache-off",
            Self::Method => "method",
            Self::MethodOverride => "method-override",
            Self::FatGet => "fat-get",
            Self::Conditional => "conditional",
            Self::BodyTooLong => "body-too-long",
            Self::BodyCoded => "body-coded",
            Self::BodyNotJson => "body-not-json",
            Self::BodyAmbiguous => "body-ambiguous",
            Self::BodyTooDeep => "body-too-deep",
            Self::Upgrade => "upgrade",
            Self::NoIdentity => "no-identity",
            Self::RequestNoStore => "request-no-store",
            Self::StatusNotFinal => "status-not-final",
            Self::PartialContent => "partial-content",
            Self::NotModified => "not-modified",
            Self::StatusNotUnderstood => "status-not-understood",
            Self::ServerError => "server-error",
            Self::NoStore => "no-store",
            Self::Private => "private",
            Self::Authorization => "authorization",
            Self::Cookie => "cookie",
            Self::ClientField => "client-field",
            Self::SetCookie => "set-cookie",
            Self::VaryAny => "vary-any",
            Self::EventStream => "event-stream",
            Self::NoLifetime => "no-lifetime",
            Self::NoValidator => "no-validator",
            Self::NeverFresh => "never-fresh",
            Self::TooLarge => "too-large",
            Self::Incomplete => "incomplete",
            Self::Invalidated => "invalidated",
            Self::FoundUnstorable => "found-unstorable",
        }
    }
}

/// What the decision needs to know of the request.
#[derive(Clone, Copy, Debug)]
pub struct RequestFacts<'a> {
    /// Its method.
    pub method: &'a Method,
    /// Its fields.
    pub fields: &'a HeaderMap,
    /// The kinds of fields it came with.
    pub present: Present,
    /// Whether a body came with it.
    pub has_body: bool,
    /// Whether it is a POST that is keyed by its method and its body, since the operator says that it only reads.
    pub keyed_by_body: bool,
    /// Its credentials, without those that its key keeps apart.
    pub credentials: Credentials,
    /// Whether it is known who asks, where that matters.
    pub identified: bool,
}

impl<'a> RequestFacts<'a> {
    /// What is so of a request where the operator says nothing of who asks.
    pub fn of(method: &'a Method, fields: &'a HeaderMap, has_body: bool) -> Self {
        Self {
            method,
            fields,
            present: Present::among(fields),
            has_body,
            keyed_by_body: false,
            credentials: credentials(fields),
            identified: false,
        }
    }
}

/// Which credentials a request carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Credentials {
    /// An Authorization field.
    pub authorization: bool,
    /// A cookie.
    pub cookie: bool,
    /// A field that names a client to us, whatever the origin makes of it.
    pub client_field: bool,
}

impl Credentials {
    /// Whether there is any.
    pub const fn any(self) -> bool {
        self.authorization || self.cookie || self.client_field
    }

    /// Those of either.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self {
            authorization: self.authorization || other.authorization,
            cookie: self.cookie || other.cookie,
            client_field: self.client_field || other.client_field,
        }
    }
}

/// The credentials among a request's fields that everybody knows for such.
pub fn credentials(fields: &HeaderMap) -> Credentials {
    Credentials {
        authorization: fields.contains_key(header::AUTHORIZATION),
        cookie: fields.contains_key(header::COOKIE),
        client_field: false,
    }
}

/// Why the request could not be answered from the cache, whatever is stored.
pub fn lookup_refusal(request: RequestFacts<'_>, rules: &Rules) -> Option<Refusal> {
    if !rules.store {
        return Some(Refusal::CacheOff);
    }
    // §4: "the request method associated with the stored response allows it to be used for the presented request".
    // RFC 9110 §9.3.2: "The HEAD method is identical to GET except that the server MUST NOT send content".
    let reads = request.method == Method::GET || request.method == Method::HEAD;
    if !reads && !request.keyed_by_body {
        return Some(Refusal::Method);
    }
    if request.present.any(Present::METHOD_OVERRIDE) {
        return Some(Refusal::MethodOverride);
    }
    // RFC 9110 §9.3.1: "… content received in a GET request has no generally defined semantics, cannot alter the
    // meaning or target of the request" – unless the application thinks otherwise, and then for everybody.
    if request.has_body && !request.keyed_by_body {
        return Some(Refusal::FatGet);
    }
    (rules.identity && !request.identified).then_some(Refusal::NoIdentity)
}

/// Why no response to the request could be stored, whatever it says: known before the request is forwarded.
pub fn request_refusal(request: RequestFacts<'_>, rules: &Rules) -> Option<Refusal> {
    if let Some(refusal) = lookup_refusal(request, rules) {
        return Some(refusal);
    }
    // §3: "A cache MUST NOT store a response to a request unless: the request method is understood by the cache;" A
    // response to HEAD lacks what would be stored.
    if request.method != Method::GET && !request.keyed_by_body {
        return Some(Refusal::Method);
    }
    // §5.2.1.5: "The no-store request directive indicates that a cache MUST NOT store any part of either this request
    // or any response to it."
    if request.present.any(Present::DIRECTIVES) && request_directives(request.fields).no_store {
        return Some(Refusal::RequestNoStore);
    }
    None
}

/// Whether the response may be stored as the answer to the request.
pub fn storability(
    request: RequestFacts<'_>,
    status: StatusCode,
    fields: &HeaderMap,
    rules: &Rules,
) -> Storability {
    let refusal = request_refusal(request, rules)
        .or_else(|| response_refusal(request, status, fields, rules));
    refusal.map_or(Storability::Store, Storability::Refuse)
}

/// Whether a response that was stored by other rules, as the answer to a request with these credentials, may be kept by these
/// too. Otherwise it is an answer to nobody any more: what `shared` let be kept may be one user's.
pub fn may_be_kept(
    status: StatusCode,
    fields: &HeaderMap,
    rules: &Rules,
    answered: Credentials,
) -> bool {
    let directives = response_directives(fields).without(rules.overrides);
    let exchange = Exchange::default();
    let permits = terms_by_directives(status, fields, &directives, rules, exchange).permits;
    directive_refusal(&directives, rules).is_none()
        && credential_refusal(answered, permits, rules).is_none()
        && (rules.keeps_cookies() || !fields.contains_key(header::SET_COOKIE))
}

fn response_refusal(
    request: RequestFacts<'_>,
    status: StatusCode,
    fields: &HeaderMap,
    rules: &Rules,
) -> Option<Refusal> {
    let directives = response_directives(fields).without(rules.overrides);
    // Judged only where neither status nor directives decide. How old the response is has no part in whether it may be
    // stored.
    let judge = || terms_by_directives(status, fields, &directives, rules, Exchange::default());
    let terms = LazyCell::new(judge);
    status_refusal(status, &directives, || terms.lifetime.source)
        .or_else(|| directive_refusal(&directives, rules))
        .or_else(|| credential_refusal(request.credentials, terms.permits, rules))
        .or_else(|| field_refusal(fields, rules))
        .or_else(|| lifetime_refusal(request, status, fields, &terms))
}

fn status_refusal(
    status: StatusCode,
    directives: &ResponseDirectives,
    lifetime_source: impl FnOnce() -> LifetimeSource,
) -> Option<Refusal> {
    // "the response status code is final (see Section 15 of [HTTP]);"
    if status.is_informational() {
        return Some(Refusal::StatusNotFinal);
    }
    // "if the response status code is 206 or 304, or the must-understand cache directive (see Section 5.2.2.3) is
    // present: the cache understands the response status code;" A 206 that can be stored is judged as the 200 that it is a
    // part of; any other is not understood. A 304 only freshens.
    match status {
        StatusCode::PARTIAL_CONTENT => return Some(Refusal::PartialContent),
        StatusCode::NOT_MODIFIED => return Some(Refusal::NotModified),
        _ if directives.must_understand && !is_understood(status) => {
            return Some(Refusal::StatusNotUnderstood);
        }
        _ => {}
    }
    if status.as_u16() >= 500 && lifetime_source() == LifetimeSource::None {
        return Some(Refusal::ServerError);
    }
    None
}

fn directive_refusal(directives: &ResponseDirectives, rules: &Rules) -> Option<Refusal> {
    // "the no-store cache directive is not present in the response (see Section 5.2.2.5);"
    // §5.2.2.3: "When a cache that implements the must-understand directive receives a response that includes it, the
    // cache SHOULD ignore the no-store directive if it understands and implements the status code's caching
    // requirements."
    if directives.no_store && !directives.must_understand {
        return Some(Refusal::NoStore);
    }
    // "if the cache is shared: the private response directive is either not present or allows a shared cache to store a
    // modified response; see Section 5.2.2.7);"
    if directives.is_private() && !rules.identity {
        return Some(Refusal::Private);
    }
    None
}

fn credential_refusal(
    credentials: Credentials,
    permits: Permits,
    rules: &Rules,
) -> Option<Refusal> {
    if rules.shared {
        return None;
    }
    // "if the cache is shared: the Authorization header field is not present in the request (see Section 11.6.2 of
    // [HTTP]) or a response directive is present that explicitly allows shared caching (see Section 3.5); and"
    if credentials.authorization && !permits.authorization {
        return Some(Refusal::Authorization);
    }
    // A cookie says who is asking as well as Authorization does.
    if credentials.cookie && !permits.cookie {
        return Some(Refusal::Cookie);
    }
    // And so does any other field by which we tell clients apart.
    if credentials.client_field && !permits.authorization {
        return Some(Refusal::ClientField);
    }
    None
}

fn field_refusal(fields: &HeaderMap, rules: &Rules) -> Option<Refusal> {
    // §7.3: "The presence of the Set-Cookie response header field … does not inhibit caching; a cacheable response with
    // a Set-Cookie header field can be … used to satisfy subsequent requests to caches." – and to log people in as one
    // another.
    let is_settled = rules.strip_set_cookie || rules.store_set_cookie;
    if fields.contains_key(header::SET_COOKIE) && !is_settled {
        return Some(Refusal::SetCookie);
    }
    // §4.1: "A stored response with a Vary header field value containing a member "*" always fails to match."
    if selecting_fields(fields) == SelectingFields::Any {
        return Some(Refusal::VaryAny);
    }
    if is_event_stream(fields) {
        return Some(Refusal::EventStream);
    }
    None
}

fn lifetime_refusal(
    request: RequestFacts<'_>,
    status: StatusCode,
    fields: &HeaderMap,
    terms: &Terms,
) -> Option<Refusal> {
    // RFC 9110 §13.1.2: only of GET and HEAD does If-None-Match ask whether what is stored is still good.
    let can_be_validated =
        !request.keyed_by_body && !Validators::of_response(status, fields).is_empty();
    // §5.2.2.4: "The no-cache response directive, in its unqualified form …, indicates that the response MUST NOT be
    // used to satisfy any other request without forwarding it for validation and receiving a successful response".
    if terms.no_cache {
        return (!can_be_validated).then_some(Refusal::NoValidator);
    }
    // "the response contains at least one of the following: …" With guesses off, a cacheable status is not enough.
    if terms.lifetime.source == LifetimeSource::None {
        return Some(Refusal::NoLifetime);
    }
    let stale_window = terms.stale_while_revalidate.max(terms.stale_if_error);
    let is_used = !terms.lifetime.duration.is_zero()
        || (!terms.must_revalidate && !stale_window.is_zero())
        || can_be_validated;
    (!is_used).then_some(Refusal::NeverFresh)
}

/// Whether the caching requirements of the status are known and kept: those of RFC 9110 §15, and of RFC 6585 and 7725.
fn is_understood(status: StatusCode) -> bool {
    matches!(
        status.as_u16(),
        200..=205 | 300..=303 | 305 | 307 | 308 | 400..=417 | 421 | 422 | 426 | 428 | 429 | 431 | 451
            | 500..=505 | 511
    )
}

fn is_event_stream(fields: &HeaderMap) -> bool {
    let media_type = fields.get(header::CONTENT_TYPE).and_then(|line| line.to_str().ok());
    let essence = media_type.and_then(|line| line.split(';').next()).unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("text/event-stream")
}

#[cfg(test)]
mod tests;
