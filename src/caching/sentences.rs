//! Sentences of RFC 9111 that several rules keep together: what is stored for one request, and what another then gets.

use http::header::{HeaderMap, HeaderName};
use http::{Method, StatusCode};

use super::cache_control::request_directives;
use super::freshness::Exchange;
use super::invalidation::invalidates;
use super::reuse::{Reuse, ValidateReason, reuse};
use super::rules::Rules;
use super::storability::{
    Refusal, RequestFacts, Storability, credentials, lookup_refusal, storability,
};
use super::storable_fields::storable_fields;
use super::terms::{Terms, terms};
use super::testing::{fields, secs};
use super::validation::{Validated, validated};
use super::vary::{SelectingFields, selecting_fields, selecting_values};
use crate::clock::Timestamp;

const RECEIVED: Timestamp = Timestamp::from_secs(1_000_000);

fn honoring() -> Rules {
    Rules { honor_request_directives: true, ..Rules::default() }
}

fn judged(status: u16, response: &str, rules: &Rules) -> Terms {
    let exchange = Exchange { request_time: RECEIVED, response_time: RECEIVED };
    terms(StatusCode::from_u16(status).unwrap(), &fields(response), rules, exchange)
}

/// Whether the answer to a GET is stored.
fn stored(request: &str, status: u16, response: &str, rules: &Rules) -> Option<Refusal> {
    let request = fields(request);
    let facts = RequestFacts::of(&Method::GET, &request, false);
    let status = StatusCode::from_u16(status).unwrap();
    match storability(facts, status, &fields(response), rules) {
        Storability::Store => None,
        Storability::Refuse(refusal) => Some(refusal),
    }
}

/// What a stored 200 with this Cache-Control does for a request with that one, so many seconds later.
fn later(response: &str, request: &str, after: u64) -> Reuse {
    let request = fields(&format!("Cache-Control: {request}"));
    let terms = judged(200, &format!("Cache-Control: {response}"), &honoring());
    let directives = request_directives(&request);
    reuse(&directives, credentials(&request), &terms, &honoring(), RECEIVED + secs(after))
}

fn is_validated(reuse: Reuse) -> bool {
    matches!(reuse, Reuse::Validate(_))
}

#[test]
fn s3_the_response_contains_at_least_one_of_the_following() {
    let date = "Date: Tue, 15 Nov 1994 08:00:00 GMT";
    let expires = format!("{date}\nExpires: Tue, 15 Nov 1994 08:01:00 GMT");
    let modified = format!("{date}\nLast-Modified: Mon, 15 Nov 1993 08:00:00 GMT");
    let guessing = Rules { heuristic: true, ..Rules::default() };
    for (status, response, rules, expected) in [
        // "a public response directive": cacheable, but by a guess alone
        (201, format!("{modified}\nCache-Control: public"), &guessing, None),
        (201, modified.clone(), &guessing, Some(Refusal::NoLifetime)),
        // "an Expires header field"
        (201, expires, &Rules::default(), None),
        // "a max-age response directive"
        (201, "Cache-Control: max-age=60".to_owned(), &Rules::default(), None),
        // "if the cache is shared: an s-maxage response directive"
        (201, "Cache-Control: s-maxage=60".to_owned(), &Rules::default(), None),
        // "a status code that is defined as heuristically cacheable"
        (200, modified.clone(), &guessing, None),
        (200, modified, &Rules::default(), Some(Refusal::NoLifetime)),
    ] {
        assert_eq!(stored("", status, &response, rules), expected, "{status} {response}");
    }
}

#[test]
fn s4_unsafe_methods_are_written_through() {
    // "A cache MUST write through requests with methods that are unsafe (Section 9.2.1 of [HTTP]) to the origin server;
    // i.e., a cache is not allowed to generate a reply to such a request before having forwarded the request and having
    // received a corresponding response."
    for method in ["POST", "PUT", "DELETE", "PATCH", "PROPFIND", "QUERY", "OPTIONS", "get"] {
        let (method, none) = (method.parse().unwrap(), HeaderMap::new());
        let facts = RequestFacts::of(&method, &none, false);
        let refusal = lookup_refusal(facts, &Rules::default());
        assert_eq!(refusal, Some(Refusal::Method), "{method}");
    }
}

#[test]
fn s4_1_what_the_original_request_said_selects() {
    let SelectingFields::Named(names) = selecting_fields(&fields("Vary: Foo, Accept-Language"))
    else {
        panic!("two names");
    };
    let original = selecting_values(&names, &fields("Foo: 1\nAccept-Language: en, de"));
    for (presented, expected) in [
        ("Foo: 1\nAccept-Language: de,en\nBar: 2", true),
        ("Foo: 1\nAccept-Language: de", false),
        ("Foo: 1", false),
        ("Accept-Language: en, de", false),
    ] {
        let presented = fields(presented);
        assert_eq!(selecting_values(&names, &presented) == original, expected, "{presented:?}");
    }
}

#[test]
fn s4_2_1_the_first_of_the_four_rules_that_matches_counts() {
    let dates = "Date: Tue, 15 Nov 1994 08:00:00 GMT\nExpires: Tue, 15 Nov 1994 08:05:00 GMT\n\
         Last-Modified: Tue, 15 Nov 1994 07:00:00 GMT";
    let guessing = Rules { heuristic: true, ..Rules::default() };
    for (response, seconds) in [
        (format!("Cache-Control: max-age=60, s-maxage=30\n{dates}"), 30),
        (format!("Cache-Control: max-age=60\n{dates}"), 60),
        (dates.to_owned(), 300),
        (dates.replace("Expires", "X-Expires"), 360),
    ] {
        let lifetime = judged(200, &response, &guessing).lifetime.duration;
        assert_eq!(lifetime, secs(seconds), "{response}");
    }
}

#[test]
fn s4_2_4_a_stale_response_is_validated_unless_somebody_allows_it() {
    for (response, request, allowed) in [
        ("max-age=60", "", false),
        ("max-age=60, stale-while-revalidate=10", "", true),
        ("max-age=60", "max-stale=10", true),
        ("max-age=60, must-revalidate", "max-stale=10", false),
        ("max-age=60, proxy-revalidate, stale-while-revalidate=10", "max-stale=10", false),
        ("s-maxage=60", "max-stale=10", false),
        ("no-cache, max-age=60, stale-while-revalidate=10", "max-stale=10", false),
    ] {
        assert_eq!(!is_validated(later(response, request, 65)), allowed, "{response} / {request}");
    }
}

#[test]
fn s4_4_only_methods_known_to_be_safe_leave_what_is_stored() {
    for (method, expected) in [
        ("GET", false),
        ("HEAD", false),
        ("OPTIONS", false),
        ("TRACE", false),
        ("M-SEARCH", true),
        ("PUT", true),
    ] {
        let method: Method = method.parse().unwrap();
        assert_eq!(invalidates(&method, StatusCode::OK), expected, "{method}");
    }
}

#[test]
fn s5_1_age_is_the_time_since_the_response_was_generated_or_validated() {
    let terms = judged(200, "Cache-Control: max-age=60\nAge: 30", &Rules::default());
    assert_eq!(terms.current_age(RECEIVED + secs(12)), secs(42));
    let stored = fields("ETag: \"x\"\nAge: 30");
    let Validated::Freshened(freshened) =
        validated(&stored, StatusCode::NOT_MODIFIED, &fields("ETag: \"x\""))
    else {
        panic!("a 304 for it");
    };
    assert!(!freshened.contains_key("age"));
}

#[test]
fn s5_2_1_1_max_age_prefers_a_response_no_older() {
    assert_eq!(later("max-age=60", "max-age=10", 10), Reuse::Fresh);
    assert_eq!(
        later("max-age=60", "max-age=10", 11),
        Reuse::Validate(ValidateReason::RequestMaxAge)
    );
}

#[test]
fn s5_2_1_2_max_stale_accepts_a_response_so_much_past_its_lifetime() {
    for (request, after, accepted) in [
        ("max-stale=5", 65, true),
        ("max-stale=5", 66, false),
        ("max-stale", 9999, true),
        ("max-stale=x", 61, false),
    ] {
        assert_eq!(
            !is_validated(later("max-age=60", request, after)),
            accepted,
            "{request} {after}"
        );
    }
}

#[test]
fn s5_2_1_3_min_fresh_prefers_a_response_that_stays_fresh_so_long() {
    assert_eq!(later("max-age=60", "min-fresh=20", 40), Reuse::Fresh);
    let too_late = Reuse::Validate(ValidateReason::RequestMinFresh);
    assert_eq!(later("max-age=60", "min-fresh=20", 41), too_late);
}

#[test]
fn s5_2_1_4_no_cache_prefers_validation() {
    assert_eq!(later("max-age=60", "no-cache", 0), Reuse::Validate(ValidateReason::RequestNoCache));
}

#[test]
fn s5_2_1_5_no_store_keeps_the_answer_out_but_not_what_is_stored_from_answering() {
    let response = "Cache-Control: max-age=60";
    let refused = stored("Cache-Control: no-store", 200, response, &Rules::default());
    assert_eq!(refused, Some(Refusal::RequestNoStore));
    assert_eq!(later("max-age=60", "no-store", 0), Reuse::Fresh);
}

#[test]
fn s5_2_1_7_only_if_cached_takes_a_stored_response_or_nothing() {
    assert_eq!(later("max-age=60", "only-if-cached", 59), Reuse::Fresh);
    assert_eq!(later("max-age=60", "only-if-cached", 60), Reuse::OnlyIfCachedUnmet);
    assert_eq!(later("max-age=60", "only-if-cached, no-cache", 0), Reuse::OnlyIfCachedUnmet);
}

#[test]
fn s5_2_2_1_max_age_makes_stale_after_so_many_seconds() {
    for (after, fresh) in [(0, true), (59, true), (60, false), (61, false)] {
        assert_eq!(later("max-age=60", "", after) == Reuse::Fresh, fresh, "{after}");
    }
}

#[test]
fn s5_2_2_4_and_s5_2_2_7_the_qualified_forms_keep_their_fields_out_and_the_rest_in() {
    for directive in ["no-cache=\"x-a, x-b\"", "private=\"x-a, x-b\""] {
        let response =
            fields(&format!("Cache-Control: max-age=60, {directive}\nX-A: 1\nX-B: 2\nX-C: 3"));
        let kept = storable_fields(&response);
        let has = ["x-a", "x-b", "x-c"]
            .map(|name| kept.contains_key(name.parse::<HeaderName>().unwrap()));
        assert_eq!(has, [false, false, true], "{directive}");
        assert_eq!(later(&format!("max-age=60, {directive}"), "", 0), Reuse::Fresh, "{directive}");
    }
}

#[test]
fn s5_2_2_8_proxy_revalidate_is_must_revalidate_for_shared_caches() {
    let revalidate = Reuse::Validate(ValidateReason::MustRevalidate);
    for directive in ["proxy-revalidate", "must-revalidate"] {
        let response = format!("max-age=60, {directive}");
        assert_eq!(later(&response, "max-stale", 59), Reuse::Fresh, "{directive}");
        assert_eq!(later(&response, "max-stale", 60), revalidate, "{directive}");
    }
}

#[test]
fn s5_2_2_9_public_lets_the_answer_to_a_credential_be_stored() {
    let authorization = "Authorization: Basic x";
    for (value, expected) in
        [("max-age=60", Some(Refusal::Authorization)), ("public, max-age=60", None)]
    {
        let response = format!("Cache-Control: {value}");
        assert_eq!(stored(authorization, 200, &response, &Rules::default()), expected, "{value}");
    }
}

#[test]
fn s5_2_2_10_s_maxage_overrides_max_age_and_expires_and_means_proxy_revalidate() {
    let response = "Cache-Control: max-age=5, s-maxage=60\nExpires: 0";
    assert_eq!(judged(200, response, &Rules::default()).lifetime.duration, secs(60));
    assert_eq!(
        later("max-age=5, s-maxage=60", "max-stale", 60),
        Reuse::Validate(ValidateReason::MustRevalidate)
    );
}

#[test]
fn s5_2_3_an_unknown_directive_changes_nothing() {
    for known in ["max-age=60", "no-cache", "private", "max-age=60, must-revalidate"] {
        let extended = format!("community=\"UCI, no-store\", {known}, x, y=\"max-age=1\"");
        for after in [0, 61] {
            assert_eq!(later(&extended, "", after), later(known, "", after), "{known}");
        }
        let of = |value: &str| {
            stored("", 200, &format!("ETag: \"x\"\nCache-Control: {value}"), &Rules::default())
        };
        assert_eq!(of(&extended), of(known), "{known}");
    }
}

#[test]
fn s5_3_expires_is_the_time_after_which_the_response_is_stale() {
    let response = "Date: Tue, 15 Nov 1994 08:00:00 GMT\nExpires: Tue, 15 Nov 1994 08:01:00 GMT";
    let mut terms = judged(200, response, &Rules::default());
    terms.initial_age = secs(0);
    let none = request_directives(&HeaderMap::new());
    let at = |after| {
        reuse(
            &none,
            credentials(&HeaderMap::new()),
            &terms,
            &Rules::default(),
            RECEIVED + secs(after),
        )
    };
    assert_eq!(at(59), Reuse::Fresh);
    assert!(is_validated(at(60)));
}
