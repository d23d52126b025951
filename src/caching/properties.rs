//! What holds for every response, whatever its fields say.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use proptest::prelude::*;

use super::cache_control::request_directives;
use super::freshness::Exchange;
use super::reuse::{Reuse, reuse, reuse_after_failure};
use super::rules::{Rules, StaleWindow};
use super::storability::{Refusal, RequestFacts, Storability, credentials, storability};
use super::storable_fields::storable_fields;
use super::terms::terms;
use super::testing::secs;
use super::validation::{Validated, conditional, validated};
use super::vary::selecting_fields;
use crate::clock::Timestamp;

fn name() -> impl Strategy<Value = HeaderName> {
    prop::sample::select(vec![
        header::AGE,
        header::AUTHORIZATION,
        header::CACHE_CONTROL,
        header::CONNECTION,
        header::CONTENT_LENGTH,
        header::COOKIE,
        header::DATE,
        header::ETAG,
        header::EXPIRES,
        header::LAST_MODIFIED,
        header::SET_COOKIE,
        header::VARY,
        HeaderName::from_static("cdn-cache-control"),
    ])
}

fn value() -> impl Strategy<Value = HeaderValue> {
    let directive = "(max-age|s-maxage|stale-if-error)=[0-9]{1,20}|no-store|no-cache|private|public|must-revalidate";
    let text = prop_oneof![
        directive.prop_map(String::into_bytes),
        prop::collection::vec(directive, 0..4).prop_map(|members| members.join(", ").into_bytes()),
        "(Mon|Tue), [0-9]{2} Nov (1994|2994) 08:00:00 GMT".prop_map(String::into_bytes),
        "(W/)?\"[a-z]{0,2}\"|[0-9]{1,20}|\\*".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..24),
    ];
    text.prop_filter_map("a field value", |text| HeaderValue::from_bytes(&text).ok())
}

fn fields() -> impl Strategy<Value = HeaderMap> {
    prop::collection::vec((name(), value()), 0..8).prop_map(|lines| {
        let mut fields = HeaderMap::new();
        for (name, value) in lines {
            fields.append(name, value);
        }
        fields
    })
}

fn rules() -> impl Strategy<Value = Rules> {
    (prop::option::of(0u64..100), any::<[bool; 3]>(), 0u64..100).prop_map(|(ttl, flags, window)| {
        Rules {
            ttl: ttl.map(|seconds| secs(seconds).into()),
            heuristic: flags[0],
            strip_set_cookie: flags[1],
            honor_request_directives: flags[2],
            stale_if_error: StaleWindow::Fallback(secs(window)),
            ..Rules::default()
        }
    })
}

fn exchange(at: u64) -> Exchange {
    Exchange { request_time: Timestamp::from_millis(at), response_time: Timestamp::from_millis(at) }
}

proptest! {
    #[test]
    fn no_response_to_a_credential_is_stored_and_then_withheld_from_it(
        request in fields(), response in fields(), rules in rules(), status in 100u16..600, at: u64,
    ) {
        let status = StatusCode::from_u16(status).unwrap();
        let facts = RequestFacts::of(&Method::GET, &request, false);
        if storability(facts, status, &response, &rules) == Storability::Store {
            let stored = storable_fields(&response);
            prop_assert!(!stored.contains_key(header::SET_COOKIE));
            let terms = terms(status, &stored, &rules, exchange(at));
            let directives = request_directives(&request);
            let now = Timestamp::from_millis(at);
            let used = reuse(&directives, credentials(&request), &terms, &rules, now);
            prop_assert!(!matches!(used, Reuse::Unusable(_)), "{used:?}");
        }
    }

    #[test]
    fn what_is_stored_is_judged_again_as_it_was_judged_when_it_came(
        response in fields(), rules in rules(), at: u64,
    ) {
        let mut response = response;
        response.remove(header::CONNECTION);
        let stored = storable_fields(&response);
        let judged = |fields: &HeaderMap| terms(StatusCode::OK, fields, &rules, exchange(at));
        prop_assert_eq!(judged(&stored), judged(&response));
        prop_assert_eq!(selecting_fields(&stored), selecting_fields(&response));
        prop_assert_eq!(storable_fields(&stored), stored);
    }

    #[test]
    fn no_store_holds_whatever_stands_before_it(junk in "[a-z=\"\\\\ ,;]{0,24}") {
        let mut response = HeaderMap::new();
        let value = format!("{junk}, no-store");
        response.insert(header::CACHE_CONTROL, value.parse().unwrap());
        let request = HeaderMap::new();
        let facts = RequestFacts::of(&Method::GET, &request, false);
        let stored = storability(facts, StatusCode::OK, &response, &Rules::default());
        prop_assert_eq!(stored, Storability::Refuse(Refusal::NoStore));
    }

    #[test]
    fn a_response_is_served_stale_only_within_its_window(
        response in fields(), request in fields(), rules in rules(), at: u64, after: u64,
    ) {
        let terms = terms(StatusCode::OK, &response, &rules, exchange(at));
        let now = Timestamp::from_millis(at.saturating_add(after));
        let directives = request_directives(&request);
        if reuse_after_failure(&directives, &terms, &rules, now).is_some() {
            let window = terms.stale_if_error.max(directives.stale_if_error.unwrap_or_default());
            prop_assert!(terms.staleness(now) <= window);
            prop_assert!(!terms.must_revalidate && !terms.no_cache);
        }
        if terms.remaining(now) <= 0 {
            let used = reuse(&directives, credentials(&request), &terms, &rules, now);
            prop_assert_ne!(used, Reuse::Fresh);
        }
    }

    #[test]
    fn a_304_never_brings_a_cookie_or_another_length(stored in fields(), response in fields()) {
        let stored = storable_fields(&stored);
        let mut request = response.clone();
        conditional(&stored, &mut request);
        if let Validated::Freshened(fields) = validated(&stored, StatusCode::NOT_MODIFIED, &response) {
            prop_assert!(!fields.contains_key(header::SET_COOKIE));
            prop_assert_eq!(fields.get(header::CONTENT_LENGTH), stored.get(header::CONTENT_LENGTH));
        }
    }
}
