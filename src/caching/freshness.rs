//! How long a response is fresh, and how old it was when it arrived (RFC 9111 §4.2).

use std::time::Duration;

use http::StatusCode;
use http::header::{self, HeaderMap, HeaderValue};

use super::cache_control::ResponseDirectives;
use super::directive::delta_seconds;
use super::rules::{Lifetime, Rules};
use super::wall_time::WallTime;
use crate::clock::Timestamp;
use crate::semantics::date;

/// The length of time between a response's generation and the end of its freshness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FreshnessLifetime {
    /// The length.
    pub duration: Duration,
    /// Who said so.
    pub source: LifetimeSource,
}

/// Which rule gave a response its freshness lifetime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LifetimeSource {
    /// The operator's `ttl_by_status`.
    OperatorStatus,
    /// The operator's `ttl`.
    Operator,
    /// The operator's `ttl`, which is a time of day.
    OperatorUntil,
    /// The response's `s-maxage`.
    SMaxAge,
    /// The response's `max-age`.
    MaxAge,
    /// The response's `Expires`.
    Expires,
    /// The operator's `default_ttl`.
    OperatorDefault,
    /// A guess from `Last-Modified`.
    Heuristic,
    /// None: nobody said anything.
    None,
}

impl LifetimeSource {
    /// The source as a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OperatorStatus => "operator-status",
            Self::Operator => "operator",
            Self::OperatorUntil => "operator-until",
            Self::SMaxAge => "s-maxage",
            Self::MaxAge => "max-age",
            Self::Expires => "expires",
            Self::OperatorDefault => "operator-default",
            Self::Heuristic => "heuristic",
            Self::None => "none",
        }
    }

    /// Whether the operator's word stands in place of whatever the response says.
    pub const fn replaces_the_responses(self) -> bool {
        matches!(self, Self::OperatorStatus | Self::Operator | Self::OperatorUntil)
    }
}

/// When a request was sent and when the head of its response was received, by our clock (§4.2.3: `request_time`,
/// `response_time`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exchange {
    /// When the request was sent.
    pub request_time: Timestamp,
    /// When the response was received.
    pub response_time: Timestamp,
}

/// The most that an error is kept for, unless it says how things are: one poisoned request, or one bad moment of the
/// application, must not deny a page to everybody for long.
const ERROR_LIFETIME: Duration = Duration::from_secs(10);

/// The most that is guessed.
const HEURISTIC_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// The freshness lifetime of a response, by the first rule that gives one.
pub fn freshness_lifetime(
    status: StatusCode,
    fields: &HeaderMap,
    directives: &ResponseDirectives,
    rules: &Rules,
    exchange: Exchange,
) -> FreshnessLifetime {
    let lifetime = |duration, source| FreshnessLifetime { duration, source };
    if let Some(duration) = rules.ttl_by_status.get(status) {
        return lifetime(duration, LifetimeSource::OperatorStatus);
    }
    match rules.ttl.as_ref().filter(|_| is_operators(status)) {
        Some(Lifetime::For(duration)) => return lifetime(*duration, LifetimeSource::Operator),
        Some(Lifetime::Until(wall)) => {
            return lifetime(until(wall, fields, exchange), LifetimeSource::OperatorUntil);
        }
        None => {}
    }
    // §4.2.1: "A cache can calculate the freshness lifetime … by evaluating the following rules and using the first
    // match":
    if let Some(own) = own_lifetime(fields, directives) {
        let most = if is_fleeting_error(status) { ERROR_LIFETIME } else { Duration::MAX };
        return lifetime(own.duration.min(most), own.source);
    }
    if is_operators(status) && !rules.default_ttl.is_zero() {
        return lifetime(rules.default_ttl, LifetimeSource::OperatorDefault);
    }
    // "Otherwise, no explicit expiration time is present in the response. A heuristic freshness lifetime might be
    // applicable".
    if let Some(duration) =
        heuristic_lifetime(status, fields, directives).filter(|_| rules.heuristic)
    {
        return lifetime(duration, LifetimeSource::Heuristic);
    }
    lifetime(Duration::ZERO, LifetimeSource::None)
}

/// The freshness lifetime that the response gives itself, whatever the operator says.
pub fn own_lifetime(
    fields: &HeaderMap,
    directives: &ResponseDirectives,
) -> Option<FreshnessLifetime> {
    let lifetime = |duration, source| Some(FreshnessLifetime { duration, source });
    // "If the cache is shared and the s-maxage response directive is present, use its value, or"
    if let Some(duration) = directives.s_maxage {
        return lifetime(duration, LifetimeSource::SMaxAge);
    }
    // "If the max-age response directive is present, use its value, or"
    if let Some(duration) = directives.max_age {
        return lifetime(duration, LifetimeSource::MaxAge);
    }
    // "If the Expires response header field is present, use its value minus the value of the Date response header
    // field". RFC 9213 §2.2: beside a targeted field, Expires is ignored.
    if fields.contains_key(header::EXPIRES) && !directives.governing.is_targeted() {
        return lifetime(until_expires(fields), LifetimeSource::Expires);
    }
    None
}

/// How old the response was when it was received (§4.2.3, with its names).
pub fn corrected_initial_age(fields: &HeaderMap, exchange: Exchange) -> Duration {
    let Exchange { request_time, response_time } = exchange;
    let date_value = date::of(fields, &header::DATE).unwrap_or(response_time);
    // "apparent_age = max(0, response_time - date_value);" Date has whole seconds. One that lies within the exchange
    // says less than response_delay does, and must not make a response a second older than it is.
    let apparent_age = if date_value.as_secs() >= request_time.as_secs() {
        Duration::ZERO
    } else {
        response_time.saturating_since(date_value)
    };
    // "response_delay = response_time - request_time;"
    let response_delay = response_time.saturating_since(request_time);
    // "corrected_age_value = age_value + response_delay;"
    let corrected_age_value = age_value(fields).saturating_add(response_delay);
    // "corrected_initial_age = max(apparent_age, corrected_age_value);"
    apparent_age.max(corrected_age_value)
}

/// Gives a received response the Date it lacks; without a usable one its Expires has no meaning.
pub fn ensure_date(fields: &mut HeaderMap, received: Timestamp) {
    // RFC 9110 §6.6.1: "A recipient with a clock that receives a response message without a Date header field MUST
    // record the time it was received and append a corresponding Date header field to the message's header section if
    // it is cached or forwarded downstream. A recipient with a clock that receives a response with an invalid Date
    // header field value MAY replace that value with the time that response was received."
    if date::of(fields, &header::DATE).is_none()
        && let Ok(now) = HeaderValue::try_from(date::format(received))
    {
        fields.insert(header::DATE, now);
    }
}

/// Whether `ttl` and `default_ttl` apply to the status: what an error page lives for is never their idea.
const fn is_operators(status: StatusCode) -> bool {
    matches!(status.as_u16(), 200 | 203 | 204 | 300 | 301 | 308)
}

/// Whether the status is an error other than those which say how things are rather than what went wrong.
pub(super) const fn is_fleeting_error(status: StatusCode) -> bool {
    is_error(status) && !matches!(status.as_u16(), 404 | 410 | 451)
}

const fn is_error(status: StatusCode) -> bool {
    status.as_u16() >= 400
}

/// "… the set of status codes that are defined as being 'heuristically cacheable'" (RFC 9110 §15.1).
const fn is_heuristically_cacheable(status: StatusCode) -> bool {
    matches!(status.as_u16(), 200 | 203 | 204 | 206 | 300 | 301 | 308 | 404 | 405 | 410 | 414 | 501)
}

/// What makes a response stale when `wall` next comes after it was asked for: one that crosses that moment on its way may
/// have been made before it. Its age counts against the lifetime, so that is as much longer as the response came old.
fn until(wall: &WallTime, fields: &HeaderMap, exchange: Exchange) -> Duration {
    let Exchange { request_time, response_time } = exchange;
    let Some(end) = wall.next_after(request_time) else { return Duration::ZERO };
    corrected_initial_age(fields, exchange)
        .saturating_add(end.saturating_since(response_time))
        .saturating_sub(response_time.saturating_since(end))
}

fn until_expires(fields: &HeaderMap) -> Duration {
    // §5.3: "A cache recipient MUST interpret invalid date formats, especially the value "0", as representing a time
    // in the past (i.e., "already expired")."
    match (date::of(fields, &header::EXPIRES), date::of(fields, &header::DATE)) {
        (Some(expires), Some(date)) => expires.saturating_since(date),
        _ => Duration::ZERO,
    }
}

/// §4.2.2: "If the response has a Last-Modified header field, caches are encouraged to use a heuristic expiration
/// value that is no more than some fraction of the interval since that time. A typical setting of this fraction might
/// be 10%."
fn heuristic_lifetime(
    status: StatusCode,
    fields: &HeaderMap,
    directives: &ResponseDirectives,
) -> Option<Duration> {
    // "Because of the requirements in Section 3, heuristics can only be used on responses without explicit freshness
    // whose status codes are defined as heuristically cacheable … and on responses without explicit freshness that have
    // been marked as explicitly cacheable (e.g., with a public response directive)."
    if !is_heuristically_cacheable(status) && !directives.public {
        return None;
    }
    let last_modified = date::of(fields, &header::LAST_MODIFIED)?;
    let interval = date::of(fields, &header::DATE)?.saturating_since(last_modified);
    // When an error page was written says nothing of how long the error will last.
    let most = if is_error(status) { ERROR_LIFETIME } else { HEURISTIC_LIFETIME };
    let lifetime = (interval / 10).min(most);
    (!lifetime.is_zero()).then_some(lifetime)
}

/// "The term 'age_value' denotes the value of the Age header field, in a form appropriate for arithmetic operation; or
/// 0, if not available."
fn age_value(fields: &HeaderMap) -> Duration {
    // §5.1: "… a cache encountering a message with a list-based Age field value SHOULD use the first member of the
    // field value, discarding subsequent ones. If the field value (after discarding additional members, as per above)
    // is invalid (e.g., it contains something other than a non-negative integer), a cache SHOULD ignore the field."
    let first = fields.get(header::AGE).and_then(|line| line.to_str().ok());
    first
        .and_then(|line| line.split(',').next())
        .and_then(|member| delta_seconds(member.trim()))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
