use std::time::Duration;

use super::super::rules::{Overrides, StaleWindow};
use super::super::testing::{fields, secs};
use super::*;

fn decide(request: &str, status: u16, response: &str, rules: &Rules) -> Storability {
    let request = fields(request);
    let request =
        RequestFacts { identified: true, ..RequestFacts::of(&Method::GET, &request, false) };
    storability(request, StatusCode::from_u16(status).unwrap(), &fields(response), rules)
}

/// The refusal of a plain 200 by the default rules.
fn refusal(response: &str) -> Option<Refusal> {
    refusal_by(response, &Rules::default())
}

fn refusal_by(response: &str, rules: &Rules) -> Option<Refusal> {
    refused(decide("", 200, response, rules))
}

fn refused(storability: Storability) -> Option<Refusal> {
    match storability {
        Storability::Store => None,
        Storability::Refuse(refusal) => Some(refusal),
    }
}

fn ttl() -> Rules {
    Rules { ttl: Some(secs(900).into()), ..Rules::default() }
}

const FRESH: &str = "Cache-Control: max-age=60";

#[test]
fn s3_a_method_that_is_not_understood_is_not_stored() {
    for (method, expected) in [
        (Method::GET, None),
        (Method::HEAD, Some(Refusal::Method)),
        (Method::POST, Some(Refusal::Method)),
        (Method::OPTIONS, Some(Refusal::Method)),
        ("get".parse().unwrap(), Some(Refusal::Method)),
    ] {
        let none = HeaderMap::new();
        let request = RequestFacts::of(&method, &none, false);
        let storability = storability(request, StatusCode::OK, &fields(FRESH), &ttl());
        assert_eq!(refused(storability), expected, "{method}");
    }
}

#[test]
fn a_request_that_cannot_be_stored_for_is_known_before_it_is_forwarded() {
    let off = Rules { store: false, ..ttl() };
    for (request, has_body, rules, expected) in [
        ("", false, &ttl(), None),
        ("", false, &off, Some(Refusal::CacheOff)),
        ("", true, &ttl(), Some(Refusal::FatGet)),
        ("Cache-Control: no-store", false, &ttl(), Some(Refusal::RequestNoStore)),
        ("Cache-Control: no-cache, max-age=0", false, &ttl(), None),
        ("Pragma: no-cache", false, &ttl(), None),
        ("X-HTTP-Method-Override: POST", false, &ttl(), Some(Refusal::MethodOverride)),
        ("X-HTTP-Method: DELETE", false, &ttl(), Some(Refusal::MethodOverride)),
        ("X-Method-Override: PUT", false, &ttl(), Some(Refusal::MethodOverride)),
        ("Authorization: x", false, &ttl(), None),
        ("Range: bytes=0-0", false, &ttl(), None),
    ] {
        let fields = fields(request);
        let request = RequestFacts::of(&Method::GET, &fields, has_body);
        assert_eq!(request_refusal(request, rules), expected, "{fields:?}");
    }
}

#[test]
fn s4_what_may_be_answered_from_the_cache_though_not_stored() {
    for (method, request, expected) in [
        (Method::HEAD, "", None),
        (Method::GET, "Cache-Control: no-store", None),
        (Method::POST, "", Some(Refusal::Method)),
        (Method::HEAD, "X-HTTP-Method-Override: GET", Some(Refusal::MethodOverride)),
    ] {
        let fields = fields(request);
        let request = RequestFacts::of(&method, &fields, false);
        assert_eq!(lookup_refusal(request, &ttl()), expected, "{method}");
        assert!(request_refusal(request, &ttl()).is_some(), "{method}");
    }
}

#[test]
fn s3_a_status_that_is_interim_or_not_understood_is_not_stored() {
    for (status, expected) in [
        (100, Some(Refusal::StatusNotFinal)),
        (103, Some(Refusal::StatusNotFinal)),
        (200, None),
        (206, Some(Refusal::PartialContent)),
        (304, Some(Refusal::NotModified)),
        (302, None),
        (404, None),
        (299, None),
        (599, None),
    ] {
        assert_eq!(refused(decide("", status, FRESH, &ttl())), expected, "{status}");
    }
}

#[test]
fn s3_3_a_part_is_never_stored_whoever_asked_for_it() {
    let mut rules = ttl();
    rules.ttl_by_status.set_class(2, secs(60));
    let part = "Cache-Control: max-age=60\nContent-Range: bytes 0-0/10\nETag: \"x\"";
    for request in ["", "Range: bytes=0-0"] {
        assert_eq!(refused(decide(request, 206, part, &rules)), Some(Refusal::PartialContent));
    }
    assert_eq!(decide("Range: bytes=0-0", 200, FRESH, &rules), Storability::Store);
}

#[test]
fn s5_2_2_3_must_understand_overrides_no_store_for_a_known_status_only() {
    for (status, value, expected) in [
        (200, "must-understand, no-store, max-age=60", None),
        (404, "must-understand, no-store, max-age=60", None),
        (299, "must-understand, no-store, max-age=60", Some(Refusal::StatusNotUnderstood)),
        (299, "must-understand, max-age=60", Some(Refusal::StatusNotUnderstood)),
        (299, "max-age=60", None),
        (206, "must-understand, no-store, max-age=60", Some(Refusal::PartialContent)),
        (200, "no-store, max-age=60", Some(Refusal::NoStore)),
    ] {
        let response = format!("Cache-Control: {value}");
        let storability = decide("", status, &response, &Rules::default());
        assert_eq!(refused(storability), expected, "{status} {value}");
    }
}

#[test]
fn s5_2_2_5_no_store_and_s5_2_2_7_private_hold_whatever_the_ttl() {
    let identity = Rules { identity: true, ..ttl() };
    for (response, rules, expected) in [
        ("Cache-Control: no-store", &ttl(), Some(Refusal::NoStore)),
        ("Cache-Control: private", &ttl(), Some(Refusal::Private)),
        ("Cache-Control: private, public", &ttl(), Some(Refusal::Private)),
        ("Cache-Control: private=\"x-user\"", &ttl(), None),
        ("Cache-Control: private", &identity, None),
        ("Cache-Control: no-store", &identity, Some(Refusal::NoStore)),
        ("Cache-Control: no-store\nCDN-Cache-Control: max-age=60", &ttl(), None),
        ("Cache-Control: max-age=60\nCDN-Cache-Control: no-store", &ttl(), Some(Refusal::NoStore)),
        ("Cache-Control: max-age=60\nPragma: no-cache", &Rules::default(), None),
    ] {
        assert_eq!(refusal_by(response, rules), expected, "{response}");
    }
}

#[test]
fn s3_5_the_answer_to_a_credential_is_stored_only_if_the_response_itself_permits_it() {
    let (authorization, cookie) = (Some(Refusal::Authorization), Some(Refusal::Cookie));
    let default_ttl = Rules { default_ttl: secs(60), ..Rules::default() };
    for (response, rules, of_authorization, of_cookie) in [
        ("", &ttl(), authorization, cookie),
        ("", &default_ttl, authorization, cookie),
        ("Cache-Control: max-age=60", &Rules::default(), authorization, None),
        ("Cache-Control: max-age=60", &ttl(), authorization, None),
        ("Cache-Control: public, max-age=60", &Rules::default(), None, None),
        ("Cache-Control: public", &ttl(), None, None),
        ("Cache-Control: s-maxage=60", &Rules::default(), None, None),
        ("Cache-Control: must-revalidate, max-age=60", &Rules::default(), None, None),
        ("Cache-Control: must-revalidate, max-age=0", &ttl(), authorization, cookie),
        ("", &Rules { shared: true, ..ttl() }, None, None),
    ] {
        let stored = |request: &str| refused(decide(request, 200, response, rules));
        assert_eq!(stored("Authorization: Bearer x"), of_authorization, "{response}");
        assert_eq!(stored("Cookie: a=b"), of_cookie, "{response}");
        assert_eq!(stored("Authorization: x\nCookie: a=b"), of_authorization.or(of_cookie));
    }
}

#[test]
fn s7_3_a_response_that_sets_a_cookie_is_not_stored_unless_the_operator_says_how() {
    let response = format!("{FRESH}\nSet-Cookie: a=b");
    assert_eq!(refusal(&response), Some(Refusal::SetCookie));
    assert_eq!(refusal_by(&response, &Rules { shared: true, ..ttl() }), Some(Refusal::SetCookie));
    assert_eq!(refusal_by(&response, &Rules { strip_set_cookie: true, ..ttl() }), None);
    assert_eq!(refusal_by(&response, &Rules { store_set_cookie: true, ..ttl() }), None);
}

#[test]
fn s4_1_vary_star_is_not_stored() {
    for vary in ["*", "*, Foo", "Foo, *", ", *", "Foo\nVary: *", "\\xff"] {
        assert_eq!(refusal(&format!("{FRESH}\nVary: {vary}")), Some(Refusal::VaryAny), "{vary}");
    }
    assert_eq!(refusal(&format!("{FRESH}\nVary: Foo")), None);
}

#[test]
fn a_stream_of_events_is_not_stored() {
    for media_type in ["text/event-stream", "Text/Event-Stream ; charset=utf-8"] {
        let response = format!("{FRESH}\nContent-Type: {media_type}");
        assert_eq!(refusal_by(&response, &ttl()), Some(Refusal::EventStream), "{media_type}");
    }
}

#[test]
fn s3_without_a_lifetime_nothing_is_stored() {
    for (response, expected) in [
        (FRESH, None),
        ("Cache-Control: s-maxage=60", None),
        ("Expires: Wed, 16 Nov 1994 08:00:00 GMT\nDate: Tue, 15 Nov 1994 08:00:00 GMT", None),
        ("", Some(Refusal::NoLifetime)),
        ("Cache-Control: public", Some(Refusal::NoLifetime)),
        ("ETag: \"x\"\nLast-Modified: Tue, 15 Nov 1994 08:00:00 GMT", Some(Refusal::NoLifetime)),
        ("Content-Type: text/css", Some(Refusal::NoLifetime)),
    ] {
        assert_eq!(refusal(response), expected, "{response}");
    }
    assert_eq!(refusal_by("", &ttl()), None);
}

#[test]
fn s5_2_2_4_and_s4_2_what_is_never_fresh_is_stored_only_if_it_can_be_used() {
    let window = Rules { stale_if_error: StaleWindow::Route(secs(60)), ..Rules::default() };
    let none = Rules::default();
    for (response, rules, expected) in [
        ("Cache-Control: no-cache", &none, Some(Refusal::NoValidator)),
        ("Cache-Control: no-cache, max-age=60", &none, Some(Refusal::NoValidator)),
        ("Cache-Control: no-cache", &window, Some(Refusal::NoValidator)),
        ("Cache-Control: no-cache\nETag: \"x\"", &none, None),
        ("Cache-Control: no-cache\nLast-Modified: Tue, 15 Nov 1994 08:00:00 GMT", &none, None),
        ("Cache-Control: no-cache\nETag: x", &none, Some(Refusal::NoValidator)),
        ("Cache-Control: max-age=0", &none, Some(Refusal::NeverFresh)),
        ("Cache-Control: max-age=-1", &none, Some(Refusal::NeverFresh)),
        ("Cache-Control: max-age=60, s-maxage=0", &none, Some(Refusal::NeverFresh)),
        ("Expires: 0", &none, Some(Refusal::NeverFresh)),
        ("Cache-Control: max-age=0\nETag: \"x\"", &none, None),
        ("Cache-Control: max-age=0, stale-while-revalidate=9", &none, None),
        ("Cache-Control: max-age=0", &window, None),
        ("Cache-Control: max-age=0, must-revalidate", &window, Some(Refusal::NeverFresh)),
    ] {
        assert_eq!(refusal_by(response, rules), expected, "{response}");
    }
}

#[test]
fn an_error_without_a_lifetime_of_its_own_is_not_stored() {
    let generous = Rules { default_ttl: secs(900), ..ttl() };
    for status in [400, 403, 404, 405, 410, 413, 414, 429, 431, 451] {
        let storability = decide("", status, "", &generous);
        assert_eq!(refused(storability), Some(Refusal::NoLifetime), "{status}");
        assert_eq!(decide("", status, FRESH, &generous), Storability::Store, "{status}");
    }
}

#[test]
fn rfc_9110_s15_4_5_a_validator_keeps_nothing_but_a_200() {
    let response = "Cache-Control: no-cache\nETag: \"x\"";
    let never_fresh = "Cache-Control: max-age=0\nETag: \"x\"";
    for (status, no_cache, max_age_0) in [
        (200, None, None),
        (203, None, None),
        (301, Some(Refusal::NoValidator), Some(Refusal::NeverFresh)),
        (404, Some(Refusal::NoValidator), Some(Refusal::NeverFresh)),
    ] {
        let decide = |response| refused(decide("", status, response, &Rules::default()));
        assert_eq!((decide(response), decide(never_fresh)), (no_cache, max_age_0), "{status}");
    }
}

#[test]
fn a_server_error_is_stored_only_by_a_lifetime_of_its_own_or_the_operators_ttl_by_status() {
    let mut rules = Rules { default_ttl: secs(900), ..ttl() };
    for status in [500, 501, 502, 503, 504, 599] {
        for response in ["", "Cache-Control: public", "ETag: \"x\""] {
            let storability = decide("", status, response, &rules);
            assert_eq!(refused(storability), Some(Refusal::ServerError), "{status}");
        }
        assert_eq!(decide("", status, FRESH, &rules), Storability::Store, "{status}");
    }
    rules.ttl_by_status.set_class(5, secs(1));
    assert_eq!(decide("", 503, "", &rules), Storability::Store);
    let no_store = decide("", 503, "Cache-Control: no-store", &rules);
    assert_eq!(refused(no_store), Some(Refusal::NoStore));
}

#[test]
fn a_path_that_looks_like_a_static_file_gives_no_lifetime() {
    let response = "Content-Type: text/css\nETag: \"x\"";
    assert_eq!(refused(decide("Cookie: a=b", 200, response, &ttl())), Some(Refusal::Cookie));
    assert_eq!(refusal(response), Some(Refusal::NoLifetime));
}

#[test]
fn a_lifetime_of_less_than_a_second_counts() {
    let rules = Rules { ttl: Some(Duration::from_millis(250).into()), ..Rules::default() };
    assert_eq!(refusal_by("", &rules), None);
    assert_eq!(
        refusal_by("", &Rules { ttl: Some(Duration::ZERO.into()), ..rules }),
        Some(Refusal::NeverFresh)
    );
}

#[test]
fn a_post_is_stored_only_where_its_body_is_in_the_key_and_cannot_be_validated() {
    let post = |keyed_by_body, request: &str, text: &str| {
        let request = &fields(request);
        let facts =
            RequestFacts { keyed_by_body, ..RequestFacts::of(&Method::POST, request, true) };
        match storability(facts, StatusCode::OK, &fields(text), &Rules::default()) {
            Storability::Store => None,
            Storability::Refuse(refusal) => Some(refusal),
        }
    };
    let fresh = "Cache-Control: max-age=60";
    for (keyed, request, text, refusal) in [
        (true, "", fresh, None),
        (false, "", fresh, Some(Refusal::Method)),
        (false, "", "Cache-Control: max-age=60\nContent-Location: /a", Some(Refusal::Method)),
        (true, "", "", Some(Refusal::NoLifetime)),
        (true, "X-HTTP-Method-Override: PUT", fresh, Some(Refusal::MethodOverride)),
        (true, "Cache-Control: no-store", fresh, Some(Refusal::RequestNoStore)),
        (true, "Authorization: x", fresh, Some(Refusal::Authorization)),
        (true, "", "Cache-Control: no-cache\nETag: \"a\"", Some(Refusal::NoValidator)),
        (true, "", "Cache-Control: max-age=0\nETag: \"a\"", Some(Refusal::NeverFresh)),
    ] {
        assert_eq!(post(keyed, request, text), refusal, "{request} / {text}");
    }
}

#[test]
fn where_each_identity_has_answers_of_its_own_who_has_none_has_none() {
    let route = Rules { identity: true, ..ttl() };
    let fields = fields("Authorization: x");
    for (method, identified, expected) in [
        (Method::GET, true, None),
        (Method::HEAD, true, None),
        (Method::GET, false, Some(Refusal::NoIdentity)),
        (Method::HEAD, false, Some(Refusal::NoIdentity)),
        (Method::POST, false, Some(Refusal::Method)),
    ] {
        let request = RequestFacts { identified, ..RequestFacts::of(&method, &fields, false) };
        assert_eq!(lookup_refusal(request, &route), expected, "{method} {identified}");
        assert!(lookup_refusal(request, &ttl()).is_none_or(|refusal| refusal == Refusal::Method));
    }
}

#[test]
fn s3_5_only_a_credential_that_the_key_does_not_keep_apart_counts() {
    let plain = "Cache-Control: max-age=60";
    let own = Credentials::default();
    let authorization = Credentials { authorization: true, ..own };
    let cookie = Credentials { cookie: true, ..own };
    let client_field = Credentials { client_field: true, ..own };
    let route = Rules { identity: true, ..ttl() };
    for (credentials, response, expected) in [
        (own, "", None),
        (own, "Cache-Control: private", None),
        (authorization, "", Some(Refusal::Authorization)),
        (authorization, plain, Some(Refusal::Authorization)),
        (authorization, "Cache-Control: public", None),
        (authorization, "Cache-Control: private, must-revalidate", Some(Refusal::Authorization)),
        (cookie, "", Some(Refusal::Cookie)),
        (cookie, plain, None),
        (cookie, "Cache-Control: private, max-age=60", None),
        (client_field, "", Some(Refusal::ClientField)),
        (client_field, plain, Some(Refusal::ClientField)),
        (client_field, "Cache-Control: s-maxage=60", None),
        (authorization.or(cookie), plain, Some(Refusal::Authorization)),
    ] {
        let none = HeaderMap::new();
        let plain = RequestFacts::of(&Method::GET, &none, false);
        let request = RequestFacts { credentials, identified: true, ..plain };
        let stored = storability(request, StatusCode::OK, &fields(response), &route);
        assert_eq!(refused(stored), expected, "{credentials:?} {response}");
    }
}

#[test]
fn a_lifetime_does_not_replace_what_an_override_does() {
    let all = |no_cache, must_revalidate, private, no_store| Rules {
        overrides: Overrides { no_cache, must_revalidate, private, no_store },
        ..ttl()
    };
    let (none, every) = (all(false, false, false, false), all(true, true, true, true));
    for (response, by_none) in [
        ("Cache-Control: no-cache", Some(Refusal::NoValidator)),
        ("Cache-Control: private", Some(Refusal::Private)),
        ("Cache-Control: no-store", Some(Refusal::NoStore)),
        ("Cache-Control: no-store, private, no-cache", Some(Refusal::NoStore)),
        ("CDN-Cache-Control: no-store", Some(Refusal::NoStore)),
    ] {
        assert_eq!(refusal_by(response, &none), by_none, "{response}");
        assert_eq!(refusal_by(response, &every), None, "{response}");
    }
    for (rules, response, expected) in [
        (all(true, true, true, false), "Cache-Control: no-store", Some(Refusal::NoStore)),
        (all(true, true, false, true), "Cache-Control: private", Some(Refusal::Private)),
        (all(false, true, true, true), "Cache-Control: no-cache", Some(Refusal::NoValidator)),
        (every.clone(), "Vary: *", Some(Refusal::VaryAny)),
    ] {
        assert_eq!(refusal_by(response, &rules), expected, "{response}");
    }
    // What is overruled permits nothing.
    let asked = "Cache-Control: must-revalidate";
    assert_eq!(refused(decide("Authorization: x", 200, asked, &none)), None);
    let refusal = refused(decide("Authorization: x", 200, asked, &every));
    assert_eq!(refusal, Some(Refusal::Authorization));
}

#[test]
fn what_other_rules_let_be_stored_is_held_against_these() {
    let shared = Rules { shared: true, ..ttl() };
    let credential = credentials(&fields("Authorization: x"));
    let none = Credentials::default();
    for (response, rules, answered, expected) in [
        ("", &shared, credential, true),
        ("", &ttl(), credential, false),
        ("", &ttl(), none, true),
        ("Cache-Control: public", &ttl(), credential, true),
        ("Cache-Control: private", &ttl(), none, false),
        ("Cache-Control: private", &Rules { identity: true, ..ttl() }, none, true),
        ("Cache-Control: no-store", &ttl(), none, false),
        // For how long is another question.
        ("", &Rules::default(), none, true),
    ] {
        let kept = may_be_kept(StatusCode::OK, &fields(response), rules, answered);
        assert_eq!(kept, expected, "{response} {answered:?}");
    }
}
