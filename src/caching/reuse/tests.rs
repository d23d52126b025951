use http::Method;

use super::super::cache_control::request_directives;
use super::super::freshness::Exchange;
use super::super::rules::StaleWindow;
use super::super::storability::{RequestFacts, Storability, credentials, storability};
use super::super::terms::terms;
use super::super::testing::{fields, secs};
use super::*;

const RECEIVED: Timestamp = Timestamp::from_secs(1_000_000);

fn judged(response: &str, rules: &Rules) -> Terms {
    let exchange = Exchange { request_time: RECEIVED, response_time: RECEIVED };
    terms(StatusCode::OK, &fields(response), rules, exchange)
}

/// What becomes of a stored response `after` seconds.
fn decide(response: &str, request: &str, rules: &Rules, after: u64) -> Reuse {
    let request = fields(request);
    let (directives, credentials) = (request_directives(&request), credentials(&request));
    reuse(&directives, credentials, &judged(response, rules), rules, RECEIVED + secs(after))
}

fn honoring() -> Rules {
    Rules { honor_request_directives: true, ..Rules::default() }
}

const STALE: Reuse = Reuse::Validate(ValidateReason::Stale);

#[test]
fn s4_2_a_response_is_fresh_while_its_lifetime_is_greater_than_its_age() {
    for (after, expected) in [(0, Reuse::Fresh), (59, Reuse::Fresh), (60, STALE), (61, STALE)] {
        let reuse = decide("Cache-Control: max-age=60", "", &Rules::default(), after);
        assert_eq!(reuse, expected, "{after}");
    }
    let aged = "Cache-Control: max-age=60\nAge: 50";
    assert_eq!(decide(aged, "", &Rules::default(), 9), Reuse::Fresh);
    assert_eq!(decide(aged, "", &Rules::default(), 10), STALE);
}

#[test]
fn s5_2_2_4_no_cache_is_validated_fresh_or_not_whatever_the_ttl() {
    let ttl = Rules { ttl: Some(secs(900).into()), ..Rules::default() };
    for after in [0, 1000] {
        let reuse = decide("Cache-Control: no-cache, max-age=60", "", &ttl, after);
        assert_eq!(reuse, Reuse::Validate(ValidateReason::NoCache), "{after}");
    }
    assert_eq!(decide("Cache-Control: no-cache=\"x-a\", max-age=60", "", &ttl, 0), Reuse::Fresh);
}

#[test]
fn s5_2_2_2_must_revalidate_forbids_every_stale_reuse() {
    let rules = Rules {
        stale_while_revalidate: StaleWindow::Route(secs(900)),
        stale_if_error: StaleWindow::Route(secs(900)),
        ..honoring()
    };
    for value in ["max-age=60, must-revalidate", "max-age=60, proxy-revalidate", "s-maxage=60"] {
        let response = format!("Cache-Control: {value}");
        for request in ["", "Cache-Control: max-stale"] {
            assert_eq!(decide(&response, request, &rules, 59), Reuse::Fresh, "{value}");
            let reuse = decide(&response, request, &rules, 60);
            assert_eq!(reuse, Reuse::Validate(ValidateReason::MustRevalidate), "{value}");
        }
        let terms = judged(&response, &rules);
        let request = request_directives(&fields(""));
        assert_eq!(reuse_after_failure(&request, &terms, &rules, RECEIVED + secs(61)), None);
    }
}

#[test]
fn rfc_5861_s3_a_stale_response_is_served_within_its_window_while_it_is_validated() {
    let response = "Cache-Control: max-age=60, stale-while-revalidate=30";
    for (after, expected) in [
        (59, Reuse::Fresh),
        (60, Reuse::StaleWhileRevalidate),
        (90, Reuse::StaleWhileRevalidate),
        (91, STALE),
    ] {
        assert_eq!(decide(response, "", &Rules::default(), after), expected, "{after}");
    }
}

#[test]
fn rfc_5861_s4_a_stale_response_is_served_within_its_window_where_the_origin_fails() {
    let own = "Cache-Control: max-age=60, stale-if-error=30";
    let none = "Cache-Control: max-age=60";
    let asks = "Cache-Control: stale-if-error=50";
    for (response, request, rules, after, expected) in [
        (own, "", &Rules::default(), 60, true),
        (own, "", &Rules::default(), 90, true),
        (own, "", &Rules::default(), 91, false),
        (none, "", &Rules::default(), 60, false),
        (none, asks, &Rules::default(), 60, false),
        (none, asks, &honoring(), 110, true),
        (none, asks, &honoring(), 111, false),
        (
            "Cache-Control: no-cache, max-age=60, stale-if-error=30",
            "",
            &Rules::default(),
            60,
            false,
        ),
    ] {
        let request = request_directives(&fields(request));
        let terms = judged(response, rules);
        let grounds = reuse_after_failure(&request, &terms, rules, RECEIVED + secs(after));
        let expected = expected.then_some(StaleGrounds::IfError);
        assert_eq!(grounds, expected, "{response} {request:?} {after}");
    }
}

#[test]
fn rfc_5861_s4_what_counts_as_an_error() {
    for (status, expected) in [
        (500, true),
        (502, true),
        (503, true),
        (504, true),
        (501, false),
        (505, false),
        (404, false),
        (200, false),
    ] {
        assert_eq!(is_failure(StatusCode::from_u16(status).unwrap()), expected, "{status}");
    }
}

#[test]
fn s5_2_1_what_the_request_prefers_counts_where_it_is_honored() {
    use Reuse::{Fresh, Stale, Validate};
    use ValidateReason::{RequestMaxAge, RequestMinFresh, RequestNoCache};
    for (request, after, expected) in [
        ("Cache-Control: no-cache", 0, Validate(RequestNoCache)),
        ("Pragma: no-cache", 0, Validate(RequestNoCache)),
        ("Cache-Control: max-age=0", 1, Validate(RequestMaxAge)),
        ("Cache-Control: max-age=10", 10, Fresh),
        ("Cache-Control: max-age=10", 11, Validate(RequestMaxAge)),
        ("Cache-Control: min-fresh=20", 40, Fresh),
        ("Cache-Control: min-fresh=20", 41, Validate(RequestMinFresh)),
        ("Cache-Control: max-stale", 1000, Stale(StaleGrounds::MaxStale)),
        ("Cache-Control: max-stale=5", 65, Stale(StaleGrounds::MaxStale)),
        ("Cache-Control: max-stale=5", 66, STALE),
        ("Cache-Control: max-age=90", 61, STALE),
        ("Cache-Control: max-age=90, max-stale", 61, Stale(StaleGrounds::MaxStale)),
    ] {
        let response = "Cache-Control: max-age=60";
        assert_eq!(decide(response, request, &honoring(), after), expected, "{request} {after}");
        let indifferent = if after < 60 { Fresh } else { STALE };
        assert_eq!(decide(response, request, &Rules::default(), after), indifferent, "{request}");
    }
}

#[test]
fn s5_2_1_1_a_request_with_max_age_alone_does_not_wish_a_stale_response() {
    let response = "Cache-Control: max-age=60, stale-while-revalidate=30";
    assert_eq!(decide(response, "Cache-Control: max-age=90", &honoring(), 61), STALE);
    let both = "Cache-Control: max-age=90, max-stale";
    assert_eq!(decide(response, both, &honoring(), 61), Reuse::StaleWhileRevalidate);
}

#[test]
fn rfc_8246_s2_a_fresh_immutable_response_is_validated_for_no_cache_only() {
    let response = "Cache-Control: max-age=60, immutable";
    for (request, after, expected) in [
        ("Cache-Control: max-age=0", 30, Reuse::Fresh),
        ("Cache-Control: no-cache", 30, Reuse::Validate(ValidateReason::RequestNoCache)),
        ("Cache-Control: max-age=0", 61, Reuse::Validate(ValidateReason::RequestMaxAge)),
    ] {
        assert_eq!(decide(response, request, &honoring(), after), expected, "{request} {after}");
    }
}

#[test]
fn s5_2_1_7_only_if_cached_is_never_forwarded() {
    let response = "Cache-Control: max-age=60, stale-while-revalidate=30";
    for (request, after, expected) in [
        ("Cache-Control: only-if-cached", 0, Reuse::Fresh),
        ("Cache-Control: only-if-cached", 61, Reuse::StaleWhileRevalidate),
        ("Cache-Control: only-if-cached", 91, Reuse::OnlyIfCachedUnmet),
        ("Cache-Control: only-if-cached\nAuthorization: x", 0, Reuse::OnlyIfCachedUnmet),
    ] {
        assert_eq!(decide(response, request, &Rules::default(), after), expected, "{after}");
    }
}

#[test]
fn s3_5_a_stored_response_is_used_for_a_credential_only_if_it_permits_that() {
    let authorization = Reuse::Unusable(Unusable::Authorization);
    let cookie = Reuse::Unusable(Unusable::Cookie);
    let ttl = Rules { ttl: Some(secs(900).into()), ..Rules::default() };
    let shared = Rules { shared: true, ..ttl.clone() };
    for (response, request, rules, expected) in [
        ("", "Authorization: x", &ttl, authorization),
        ("", "Cookie: a=b", &ttl, cookie),
        ("", "", &ttl, Reuse::Fresh),
        ("", "Authorization: x\nCookie: a=b", &shared, Reuse::Fresh),
        ("Cache-Control: max-age=60", "Authorization: x", &ttl, authorization),
        ("Cache-Control: max-age=60", "Cookie: a=b", &ttl, Reuse::Fresh),
        ("Cache-Control: public", "Authorization: x\nCookie: a=b", &ttl, Reuse::Fresh),
        ("Cache-Control: s-maxage=60", "Authorization: x", &ttl, Reuse::Fresh),
        ("Cache-Control: must-revalidate", "Authorization: x", &ttl, Reuse::Fresh),
    ] {
        assert_eq!(decide(response, request, rules, 0), expected, "{response} / {request}");
    }
}

#[test]
fn s3_5_what_may_not_be_stored_for_a_credential_may_not_be_used_for_it_either() {
    let rules = [
        Rules::default(),
        Rules { ttl: Some(secs(900).into()), ..Rules::default() },
        Rules { default_ttl: secs(900), ..Rules::default() },
        Rules { ttl: Some(secs(900).into()), shared: true, ..Rules::default() },
    ];
    let responses = [
        "",
        "max-age=60",
        "public, max-age=60",
        "s-maxage=60",
        "must-revalidate, max-age=60",
        "max-age=0",
    ];
    for rules in &rules {
        for response in responses.map(|value| format!("ETag: \"x\"\nCache-Control: {value}")) {
            for request in ["Authorization: x", "Cookie: a=b"] {
                let request_fields = fields(request);
                let facts = RequestFacts::of(&Method::GET, &request_fields, false);
                let stored = storability(facts, StatusCode::OK, &fields(&response), rules);
                let used = decide(&response, request, rules, 0);
                if matches!(used, Reuse::Unusable(_)) {
                    assert!(matches!(stored, Storability::Refuse(_)), "{response} / {request}");
                }
                if stored == Storability::Store {
                    assert!(!matches!(used, Reuse::Unusable(_)), "{response} / {request}");
                }
            }
        }
    }
}
