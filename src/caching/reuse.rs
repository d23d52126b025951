//! Whether a stored response may answer a request (RFC 9111 §4), by comparing what was decided when it was stored.

use std::time::Duration;

use http::StatusCode;

use super::cache_control::{MaxStale, RequestDirectives};
use super::rules::Rules;
use super::storability::{Credentials, Refusal};
use super::terms::Terms;
use crate::clock::Timestamp;

/// What to do with a stored response whose key and selecting fields match a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reuse {
    /// Answer with it: it is fresh.
    Fresh,
    /// Answer with it, stale as it is, and validate it meanwhile.
    StaleWhileRevalidate,
    /// Answer with it, stale as it is.
    Stale(StaleGrounds),
    /// Validate it first.
    Validate(ValidateReason),
    /// Forward the request as if there were no stored response, and leave that alone.
    Unusable(Unusable),
    /// Answer 504: the request would have to be forwarded, and must not be.
    OnlyIfCachedUnmet,
}

/// Why a stored response has to be validated before it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValidateReason {
    /// It is stale.
    Stale,
    /// It says `no-cache`.
    NoCache,
    /// It is stale, and says that it must not be used then.
    MustRevalidate,
    /// The request says `no-cache`.
    RequestNoCache,
    /// It is older than the request's `max-age`.
    RequestMaxAge,
    /// It will not be fresh for as long as the request's `min-fresh`.
    RequestMinFresh,
    /// The request asks for a refresh in the operator's way.
    RefreshOn,
    /// It was purged softly.
    Purged,
    /// Purges may have been missed since it was fetched.
    Unsynced,
}

impl ValidateReason {
    /// The reason as a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stale => "stale",
            Self::NoCache => "no-cache",
            Self::MustRevalidate => "must-revalidate",
            Self::RequestNoCache => "request-no-cache",
            Self::RequestMaxAge => "request-max-age",
            Self::RequestMinFresh => "request-min-fresh",
            Self::RefreshOn => "refresh-on",
            Self::Purged => "purged",
            Self::Unsynced => "unsynced",
        }
    }

    /// Whether it is the request that asks for more than the stored response needs.
    pub const fn is_the_requests(self) -> bool {
        matches!(
            self,
            Self::RequestNoCache | Self::RequestMaxAge | Self::RequestMinFresh | Self::RefreshOn
        )
    }
}

/// On what grounds a stale response is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StaleGrounds {
    /// The request's `max-stale`.
    MaxStale,
    /// `stale-while-revalidate`.
    WhileRevalidate,
    /// `stale-if-error`.
    IfError,
}

impl StaleGrounds {
    /// The grounds as a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MaxStale => "max-stale",
            Self::WhileRevalidate => "stale-while-revalidate",
            Self::IfError => "stale-if-error",
        }
    }
}

/// Why a stored response is not for this client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// The request has an Authorization, and the response does not permit sharing.
    Authorization,
    /// The request has a Cookie, and the response does not permit sharing.
    Cookie,
    /// The request has a field that names a client to us, and the response does not permit sharing.
    ClientField,
    /// The rules have changed, and would not let it be stored any more.
    Withdrawn,
}

impl Unusable {
    /// The reason as a word.
    pub const fn as_str(self) -> &'static str {
        self.refusal().as_str()
    }

    /// The same as a reason not to store the answer that the client then gets.
    pub const fn refusal(self) -> Refusal {
        match self {
            Self::Authorization => Refusal::Authorization,
            Self::Cookie => Refusal::Cookie,
            Self::ClientField => Refusal::ClientField,
            Self::Withdrawn => Refusal::Invalidated,
        }
    }
}

/// Decides on a stored response whose target URI, method and selecting fields match the request.
///
/// Of the request's directives only `only-if-cached` counts unless the rules honor the others: §5.2.1 makes them
/// preferences, and anyone can send them.
pub fn reuse(
    request: &RequestDirectives,
    credentials: Credentials,
    terms: &Terms,
    rules: &Rules,
    now: Timestamp,
) -> Reuse {
    let reuse = match unusable(credentials, terms, rules) {
        Some(unusable) => Reuse::Unusable(unusable),
        None if rules.honor_request_directives => by_preference(request, terms, now),
        None => by_preference(&INDIFFERENT, terms, now),
    };
    match reuse {
        // §5.2.1.7: "The only-if-cached request directive indicates that the client only wishes to obtain a stored
        // response. Caches that honor this request directive SHOULD, upon receiving it, respond with either a stored
        // response consistent with the other constraints of the request or a 504 (Gateway Timeout) status code."
        Reuse::Validate(_) | Reuse::Unusable(_) if request.only_if_cached => {
            Reuse::OnlyIfCachedUnmet
        }
        reuse => reuse,
    }
}

/// Whether a stored response may be served where the origin failed to answer the request, and on what grounds.
pub fn reuse_after_failure(
    request: &RequestDirectives,
    terms: &Terms,
    rules: &Rules,
    now: Timestamp,
) -> Option<StaleGrounds> {
    if terms.no_cache || terms.must_revalidate {
        return None;
    }
    // RFC 5861 §4: "When used as a request Cache-Control extension, its scope of application is the request it appears
    // in; when used as a response Cache-Control extension, its scope is any request applicable to the cached response
    // in which it occurs."
    let requests = request.stale_if_error.filter(|_| rules.honor_request_directives);
    let window = terms.stale_if_error.max(requests.unwrap_or_default());
    // "Its value indicates the upper limit to staleness; when the cached response is more stale than the indicated
    // amount, the cached response SHOULD NOT be used to satisfy the request, absent other information."
    is_within(terms.staleness(now), window).then_some(StaleGrounds::IfError)
}

/// Whether an answer of the origin counts as its failure.
pub fn is_failure(status: StatusCode) -> bool {
    // RFC 5861 §4: "In this context, an error is any situation that would result in a 500, 502, 503, or 504 HTTP
    // response status code being returned."
    matches!(status.as_u16(), 500 | 502 | 503 | 504)
}

/// A request that prefers nothing.
const INDIFFERENT: RequestDirectives = RequestDirectives {
    no_store: false,
    no_cache: false,
    only_if_cached: false,
    max_age: None,
    min_fresh: None,
    max_stale: None,
    stale_if_error: None,
};

fn unusable(credentials: Credentials, terms: &Terms, rules: &Rules) -> Option<Unusable> {
    // §3.5: "A shared cache MUST NOT use a cached response to a request with an Authorization header field to satisfy
    // any subsequent request unless the response contains a Cache-Control field with a response directive … that allows
    // it to be stored by a shared cache". What was stored without one is not given to those who have one either: the
    // origin may have another answer for them.
    if terms.withdrawn {
        Some(Unusable::Withdrawn)
    } else if rules.shared {
        None
    } else if credentials.authorization && !terms.permits.authorization {
        Some(Unusable::Authorization)
    } else if credentials.cookie && !terms.permits.cookie {
        Some(Unusable::Cookie)
    } else if credentials.client_field && !terms.permits.authorization {
        Some(Unusable::ClientField)
    } else {
        None
    }
}

fn by_preference(request: &RequestDirectives, terms: &Terms, now: Timestamp) -> Reuse {
    // §4: "… a cache MUST NOT reuse a stored response unless: … the stored response does not contain the no-cache
    // directive (Section 5.2.2.4), unless it is successfully validated (Section 4.3), and"
    if terms.no_cache {
        return Reuse::Validate(ValidateReason::NoCache);
    }
    // §5.2.1.4: "The no-cache request directive indicates that the client prefers a stored response not be used to
    // satisfy the request without successful validation on the origin server."
    if request.no_cache {
        return Reuse::Validate(ValidateReason::RequestNoCache);
    }
    let age = terms.current_age(now);
    // §4.2: "response_is_fresh = (freshness_lifetime > current_age)"
    let is_fresh = terms.lifetime.duration > age;
    // §5.2.1.1: "The max-age request directive indicates that the client prefers a response whose age is less than or
    // equal to the specified number of seconds." RFC 8246 §2.1: proxies "SHOULD skip conditionally revalidating fresh
    // responses containing the immutable extension unless there is a signal from the client that a validation is
    // necessary (e.g., a no-cache Cache-Control request directive".
    if request.max_age.is_some_and(|most| age > most) && !(is_fresh && terms.immutable) {
        return Reuse::Validate(ValidateReason::RequestMaxAge);
    }
    // §5.2.1.3: "The min-fresh request directive indicates that the client prefers a response whose freshness lifetime
    // is no less than its current age plus the specified time in seconds."
    if request.min_fresh.is_some_and(|least| terms.lifetime.duration < age.saturating_add(least)) {
        return Reuse::Validate(ValidateReason::RequestMinFresh);
    }
    // "the stored response is one of the following: fresh (see Section 4.2), or allowed to be served stale (see Section
    // 4.2.4), or successfully validated (see Section 4.3)."
    if is_fresh { Reuse::Fresh } else { stale(request, terms, now) }
}

fn stale(request: &RequestDirectives, terms: &Terms, now: Timestamp) -> Reuse {
    // §5.2.2.2: "The must-revalidate response directive indicates that once the response has become stale, a cache MUST
    // NOT reuse that response to satisfy another request until it has been successfully validated by the origin".
    if terms.must_revalidate {
        return Reuse::Validate(ValidateReason::MustRevalidate);
    }
    // §5.2.1.1: "Unless the max-stale request directive is also present, the client does not wish to receive a stale
    // response."
    if request.max_age.is_some() && request.max_stale.is_none() {
        return Reuse::Validate(ValidateReason::Stale);
    }
    let staleness = terms.staleness(now);
    // RFC 5861 §3: "… caches MAY serve the response in which it appears after it becomes stale, up to the indicated
    // number of seconds."
    if is_within(staleness, terms.stale_while_revalidate) {
        return Reuse::StaleWhileRevalidate;
    }
    // §5.2.1.2: "If a value is present, then the client is willing to accept a response that has exceeded its freshness
    // lifetime by no more than the specified number of seconds."
    match request.max_stale {
        Some(MaxStale::Any) => Reuse::Stale(StaleGrounds::MaxStale),
        Some(MaxStale::For(most)) if staleness <= most => Reuse::Stale(StaleGrounds::MaxStale),
        _ => Reuse::Validate(ValidateReason::Stale),
    }
}

fn is_within(staleness: Duration, window: Duration) -> bool {
    !window.is_zero() && staleness <= window
}

#[cfg(test)]
mod tests;
