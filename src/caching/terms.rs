//! What is decided once, when a response is stored or judged again: all that a hit needs.

use std::time::Duration;

use http::{HeaderMap, StatusCode};

use super::cache_control::{ResponseDirectives, response_directives};
use super::freshness::{
    Exchange, FreshnessLifetime, LifetimeSource, corrected_initial_age, freshness_lifetime,
    is_fleeting_error, own_lifetime,
};
use super::rules::Rules;
use super::storability::Credentials;
use crate::clock::Timestamp;

/// On what terms a stored response may be reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The version of the rules the response was judged by.
    pub rules_version: u32,
    /// When it was asked for and received.
    pub exchange: Exchange,
    /// How old it was then.
    pub initial_age: Duration,
    /// For how long it is fresh.
    pub lifetime: FreshnessLifetime,
    /// For how long it may then be served while it is being validated.
    pub stale_while_revalidate: Duration,
    /// For how long it may then be served where the origin fails.
    pub stale_if_error: Duration,
    /// Whether it is validated before each use.
    pub no_cache: bool,
    /// Whether it is never served stale.
    pub must_revalidate: bool,
    /// Whether it does not change while it is fresh (RFC 8246).
    pub immutable: bool,
    /// Whether content codings of it may be made, if it is long enough.
    pub codable: bool,
    /// To which requests it may be given.
    pub permits: Permits,
    /// The credentials of the request it answered, without those that its key keeps apart. To be said by whoever knows.
    pub answered: Credentials,
    /// Whether these are the terms of rules that would not let it be stored: then it is an answer to nobody.
    pub withdrawn: bool,
}

/// Whether the response itself permits a shared cache to store it as the answer to a request with a credential, and to
/// answer such a request with it. What the operator says of lifetimes is never the response's permission.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Permits {
    /// A request with Authorization.
    pub authorization: bool,
    /// A request with a Cookie.
    pub cookie: bool,
}

/// Judges a response that is received, or one that is stored by rules which have changed since.
pub fn terms(status: StatusCode, fields: &HeaderMap, rules: &Rules, exchange: Exchange) -> Terms {
    let directives = response_directives(fields).without(rules.overrides);
    terms_by_directives(status, fields, &directives, rules, exchange)
}

/// The same of a response whose directives have been read, and some perhaps been overruled.
pub(super) fn terms_by_directives(
    status: StatusCode,
    fields: &HeaderMap,
    directives: &ResponseDirectives,
    rules: &Rules,
    exchange: Exchange,
) -> Terms {
    let lifetime = freshness_lifetime(status, fields, directives, rules, exchange);
    let (stale_while_revalidate, stale_if_error) = stale_windows(status, directives, rules);
    Terms {
        rules_version: rules.version,
        exchange,
        initial_age: corrected_initial_age(fields, exchange),
        lifetime,
        stale_while_revalidate,
        stale_if_error,
        no_cache: directives.forbids_unvalidated_reuse(),
        must_revalidate: forbids_stale(directives, lifetime.source),
        immutable: directives.immutable,
        codable: rules.codings.apply_to(status, fields, rules),
        permits: permits(fields, directives, lifetime.source),
        answered: Credentials::default(),
        withdrawn: false,
    }
}

impl Terms {
    /// §4.2.3: "resident_time = now - response_time; current_age = corrected_initial_age + resident_time;"
    pub fn current_age(&self, now: Timestamp) -> Duration {
        let resident_time = now.saturating_since(self.exchange.response_time);
        self.initial_age.saturating_add(resident_time)
    }

    /// Milliseconds of freshness that remain; zero or less: the response is stale.
    pub fn remaining(&self, now: Timestamp) -> i64 {
        let millis = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        millis(self.lifetime.duration).saturating_sub(millis(self.current_age(now)))
    }

    /// Seconds of freshness that remain, rounded down: negative exactly for what has been stale for some time.
    pub fn ttl(&self, now: Timestamp) -> i64 {
        self.remaining(now).div_euclid(1000)
    }

    /// Whether it is validated for each request by itself, as nobody may use what another has just got.
    pub const fn is_never_fresh(&self) -> bool {
        let stale_is_enough = !self.must_revalidate && !self.stale_while_revalidate.is_zero();
        self.no_cache || self.lifetime.duration.is_zero() && !stale_is_enough
    }

    /// For how long the response has been stale; zero for a fresh one.
    pub fn staleness(&self, now: Timestamp) -> Duration {
        self.current_age(now).saturating_sub(self.lifetime.duration)
    }
}

/// The permissions of a response whose lifetime comes from `source`.
fn permits(fields: &HeaderMap, directives: &ResponseDirectives, source: LifetimeSource) -> Permits {
    let own = own_lifetime(fields, directives).map(|own| own.duration);
    // "Give it to anyone, but ask me each time" (`must-revalidate, max-age=0`) is no permission once the operator's
    // lifetime has done away with the asking.
    if source.replaces_the_responses() && own == Some(Duration::ZERO) {
        return Permits::default();
    }
    // §3.5: "In this specification, the following response directives have such an effect: must-revalidate
    // (Section 5.2.2.2), public (Section 5.2.2.9), and s-maxage (Section 5.2.2.10)."
    let permitted =
        directives.must_revalidate || directives.public || directives.s_maxage.is_some();
    let cookie = permitted || own.is_some_and(|own| !own.is_zero());
    // What is for one user's own cache only, as a route with an identity is, is not for shared caches as well.
    Permits { authorization: permitted && !directives.is_private(), cookie }
}

/// §4.2.4: "A cache MUST NOT generate a stale response if it is prohibited by an explicit in-protocol directive (e.g.,
/// by a no-cache response directive, a must-revalidate response directive, or an applicable s-maxage or
/// proxy-revalidate response directive; see Section 5.2.2)."
fn forbids_stale(directives: &ResponseDirectives, source: LifetimeSource) -> bool {
    // An s-maxage is not applicable where the operator's lifetime replaces it. And where its author also names a time
    // for which the response may be served stale, that is what was meant: `s-maxage=1, stale-while-revalidate=59` is
    // how such responses are written for shared caches.
    let names_a_window =
        directives.stale_while_revalidate.is_some() || directives.stale_if_error.is_some();
    let implied = source == LifetimeSource::SMaxAge && !names_a_window;
    directives.must_revalidate || directives.proxy_revalidate || implied
}

/// The time past its lifetime for which a response may be served while it is validated, and where the origin fails.
fn stale_windows(
    status: StatusCode,
    directives: &ResponseDirectives,
    rules: &Rules,
) -> (Duration, Duration) {
    // An old error is worth no more than a new one.
    if is_fleeting_error(status) {
        return (Duration::ZERO, Duration::ZERO);
    }
    (
        rules.stale_while_revalidate.over(directives.stale_while_revalidate),
        rules.stale_if_error.over(directives.stale_if_error),
    )
}

#[cfg(test)]
mod tests {
    use super::super::WallTime;
    use super::super::rules::{Lifetime, StaleWindow};
    use super::super::testing::{fields, secs};
    use super::*;

    const RECEIVED: Timestamp = Timestamp::from_secs(1_000_000);
    const EXCHANGE: Exchange = Exchange { request_time: RECEIVED, response_time: RECEIVED };

    fn judged(status: u16, text: &str, rules: &Rules) -> Terms {
        terms(StatusCode::from_u16(status).unwrap(), &fields(text), rules, EXCHANGE)
    }

    fn ttl(seconds: u64) -> Rules {
        Rules { ttl: Some(secs(seconds).into()), ..Rules::default() }
    }

    #[test]
    fn s4_2_3_current_age_grows_with_the_time_in_the_cache() {
        let terms = judged(200, "Cache-Control: max-age=60\nAge: 10", &Rules::default());
        for (after, age, remaining, ttl, staleness) in [
            (0, 10_000, 50_000, 50, 0),
            (1, 10_001, 49_999, 49, 0),
            (49_999, 59_999, 1, 0, 0),
            (50_000, 60_000, 0, 0, 0),
            (50_001, 60_001, -1, -1, 1),
            (62_000, 72_000, -12_000, -12, 12_000),
        ] {
            let now = RECEIVED + Duration::from_millis(after);
            assert_eq!(terms.current_age(now), Duration::from_millis(age), "{after}");
            assert_eq!(terms.remaining(now), remaining, "{after}");
            assert_eq!(terms.ttl(now), ttl, "{after}");
            assert_eq!(terms.staleness(now), Duration::from_millis(staleness), "{after}");
        }
    }

    #[test]
    fn a_clock_before_the_exchange_or_at_its_end_breaks_nothing() {
        let terms = judged(200, "Cache-Control: max-age=99999999999", &Rules::default());
        assert_eq!(terms.current_age(Timestamp::default()), Duration::ZERO);
        assert!(terms.remaining(Timestamp::from_millis(u64::MAX)) < 0);
        let rules = Rules { ttl: Some(Duration::MAX.into()), ..Rules::default() };
        assert_eq!(judged(200, "", &rules).remaining(RECEIVED), i64::MAX);
    }

    #[test]
    fn until_a_time_of_day_means_until_then_however_old_the_response_came() {
        // 1970-01-12 13:46:40 UTC.
        let midnight = Timestamp::from_secs(12 * 24 * 3600);
        let until = |time| Lifetime::Until(WallTime::new(time, "UTC").unwrap());
        let rules = |time| Rules { ttl: Some(until(time)), ..Rules::default() };
        for age in ["", "Age: 10", "Age: 99999", "Age: 2147483648", "Age: 1, 2", "Age: -1"] {
            let terms = judged(200, &format!("Cache-Control: max-age=1\n{age}"), &rules("00:00"));
            assert_eq!(terms.lifetime.source, LifetimeSource::OperatorUntil);
            assert_eq!(terms.remaining(midnight - Duration::from_millis(1)), 1, "{age}");
            assert_eq!(terms.remaining(midnight), 0, "{age}");
            assert_eq!(terms.staleness(midnight + secs(7)), secs(7), "{age}");
        }
        // What was asked for before that moment and came after it may have been made before it.
        for (asked, came, remaining) in [(10, 10, 10), (10, 3, 3), (10, 0, 0), (10, -5, -5)] {
            let response_time =
                if came < 0 { midnight + secs(5) } else { midnight - secs(came as u64) };
            let exchange = Exchange { request_time: midnight - secs(asked), response_time };
            let terms = terms(StatusCode::OK, &fields(""), &rules("00:00"), exchange);
            assert_eq!(terms.remaining(response_time), remaining * 1000, "{asked} {came}");
        }
        assert_eq!(judged(404, "", &rules("00:00")).lifetime.source, LifetimeSource::None);
        assert_eq!(judged(200, "", &rules("13:47")).remaining(RECEIVED), 20_000);
    }

    #[test]
    fn s4_2_4_what_forbids_a_stale_response() {
        let ttl = ttl(900);
        let ours = Rules::default();
        for (value, rules, forbidden) in [
            ("max-age=60", &ours, false),
            ("max-age=60, must-revalidate", &ours, true),
            ("max-age=60, proxy-revalidate", &ours, true),
            ("s-maxage=60", &ours, true),
            ("s-maxage=60, stale-while-revalidate=5", &ours, false),
            ("s-maxage=60, stale-if-error=5", &ours, false),
            ("s-maxage=60, stale-if-error=5, must-revalidate", &ours, true),
            ("s-maxage=60", &ttl, false),
            ("must-revalidate", &ttl, true),
            ("proxy-revalidate", &ttl, true),
        ] {
            let terms = judged(200, &format!("Cache-Control: {value}"), rules);
            assert_eq!(terms.must_revalidate, forbidden, "{value}");
        }
    }

    #[test]
    fn s3_5_only_the_response_itself_permits_its_use_for_a_credential() {
        let none = Rules::default();
        let ttl = ttl(900);
        let default_ttl = Rules { default_ttl: secs(900), ..Rules::default() };
        for (text, rules, authorization, cookie) in [
            ("", &none, false, false),
            ("", &ttl, false, false),
            ("", &default_ttl, false, false),
            ("Cache-Control: max-age=60", &none, false, true),
            ("Cache-Control: max-age=60", &ttl, false, true),
            ("Cache-Control: max-age=0", &none, false, false),
            (
                "Expires: Sat, 01 Jan 2000 00:00:00 GMT\nDate: Fri, 31 Dec 1999 23:59:00 GMT",
                &none,
                false,
                true,
            ),
            ("Expires: 0", &none, false, false),
            ("Cache-Control: public", &ttl, true, true),
            ("Cache-Control: s-maxage=60", &none, true, true),
            ("Cache-Control: must-revalidate", &ttl, true, true),
            ("Cache-Control: proxy-revalidate", &ttl, false, false),
            ("Cache-Control: must-revalidate, max-age=0", &none, true, true),
            ("Cache-Control: must-revalidate, max-age=0", &ttl, false, false),
            ("Cache-Control: s-maxage=0", &ttl, false, false),
            ("Cache-Control: public\nCDN-Cache-Control: max-age=60", &none, false, true),
            ("Cache-Control: private, must-revalidate, max-age=60", &none, false, true),
            ("Cache-Control: private=\"x-a\", public", &none, true, true),
        ] {
            let permits = judged(200, text, rules).permits;
            assert_eq!(permits, Permits { authorization, cookie }, "{text}");
        }
    }

    #[test]
    fn rfc_5861_the_routes_windows_replace_the_responses() {
        let route = Rules {
            stale_while_revalidate: StaleWindow::Route(secs(1)),
            stale_if_error: StaleWindow::Route(secs(2)),
            ..Rules::default()
        };
        let fallback = Rules {
            stale_while_revalidate: StaleWindow::Fallback(secs(1)),
            stale_if_error: StaleWindow::Fallback(secs(2)),
            ..Rules::default()
        };
        let own = "Cache-Control: max-age=1, stale-while-revalidate=30, stale-if-error=40";
        for (status, text, rules, windows) in [
            (200, own, &Rules::default(), (30, 40)),
            (200, own, &route, (1, 2)),
            (200, own, &fallback, (30, 40)),
            (200, "", &fallback, (1, 2)),
            (404, own, &route, (1, 2)),
            (403, own, &route, (0, 0)),
            (503, own, &route, (0, 0)),
        ] {
            let terms = judged(status, text, rules);
            let (revalidate, error) = (terms.stale_while_revalidate, terms.stale_if_error);
            assert_eq!((revalidate.as_secs(), error.as_secs()), windows, "{status} {text}");
        }
    }

    #[test]
    fn s5_2_2_4_only_the_unqualified_no_cache_asks_for_validation() {
        assert!(judged(200, "Cache-Control: no-cache, max-age=60", &ttl(9)).no_cache);
        assert!(!judged(200, "Cache-Control: no-cache=\"x-a\", max-age=60", &ttl(9)).no_cache);
    }
}
