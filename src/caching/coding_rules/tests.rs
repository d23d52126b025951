use std::sync::Arc;

use bytes::Bytes;

use super::super::freshness::Exchange;
use super::super::key::Keyer;
use super::super::stamp::Stamp;
use super::super::stored::{HeadParts, StoredHead};
use super::super::terms::terms;
use super::super::testing::fields;
use super::*;

fn coding_rules() -> CodingRules {
    CodingRules {
        codings: vec![Coding::Brotli, Coding::Gzip],
        types: ["text/*", "application/json"].map(Box::from).to_vec(),
        min_length: 1000,
        personal: false,
    }
}

fn applies(coding_rules: &CodingRules, status: u16, text: &str, rules: &Rules) -> bool {
    coding_rules.apply_to(StatusCode::from_u16(status).unwrap(), &fields(text), rules)
}

const TEXT: &str = "Content-Type: text/plain";

#[test]
fn what_can_be_made_smaller_is_coded() {
    for (status, text, expected) in [
        (200, TEXT, true),
        (404, TEXT, true),
        (204, TEXT, false),
        (205, TEXT, false),
        (200, "", false),
        (200, "Content-Type: Text/HTML; charset=utf-8", true),
        (200, "Content-Type: text", false),
        (200, "Content-Type: application/json", true),
        (200, "Content-Type: application/jsonx", false),
        (200, "Content-Type: application/vnd.api+json;v=1", true),
        (200, "Content-Type: image/svg+xml", true),
        (200, "Content-Type: image/png", false),
        (200, "Content-Type: text/plain\nContent-Encoding: gzip", false),
        (200, "Content-Type: text/plain\nContent-Digest: sha-256=:AAAA:", false),
        (200, "Content-Type: text/plain\nCache-Control: max-age=9, No-Transform", false),
        (200, "Content-Type: text/plain\nCDN-Cache-Control: no-transform", false),
        (
            200,
            "Content-Type: text/plain\nCDN-Cache-Control: max-age=9\nCache-Control: no-transform",
            false,
        ),
    ] {
        let rules = Rules::default();
        assert_eq!(applies(&coding_rules(), status, text, &rules), expected, "{status} {text}");
        assert!(!applies(&CodingRules::default(), status, text, &rules), "{status} {text}");
    }
}

#[test]
fn what_is_known_to_be_short_is_not_worth_it() {
    for (length, expected) in [(Some(999), false), (Some(1000), true), (None, true)] {
        assert_eq!(coding_rules().is_worth_it(length), expected, "{length:?}");
    }
}

#[test]
fn what_is_one_users_alone_is_coded_only_where_that_is_asked_for() {
    let private = "Content-Type: text/plain\nCache-Control: private, max-age=9";
    let own = Rules { identity: true, ..Rules::default() };
    let shared = Rules { shared: true, ..Rules::default() };
    for (text, rules, expected) in [
        (TEXT, &own, false),
        (private, &own, false),
        (private, &Rules::default(), false),
        (private, &shared, true),
        (TEXT, &Rules::default(), true),
    ] {
        let plain = coding_rules();
        assert_eq!(applies(&plain, 200, text, rules), expected, "{text} {rules:?}");
        let personal = CodingRules { personal: true, ..plain };
        assert!(applies(&personal, 200, text, rules), "{text} {rules:?}");
    }
}

#[test]
fn what_other_rules_made_is_judged_by_those_that_hold() {
    let judge = |coding_rules: &CodingRules| {
        let rules = Rules { codings: Arc::new(coding_rules.clone()), ..Rules::default() };
        terms(StatusCode::OK, &fields(TEXT), &rules, Exchange::default())
    };
    let head = StoredHead::new(&HeadParts {
        key: &Keyer::default().key("http", "example.com", "/", std::iter::empty()),
        route: "default",
        tags: &[],
        selecting: &[],
        selecting_values: b"",
        status: StatusCode::OK,
        fields: &fields(TEXT),
        terms: judge(&coding_rules()),
        stamp: Stamp::default(),
    });
    let body = [Bytes::from(vec![b'a'; 2000])];
    let coded = [Coding::Gzip, Coding::Brotli].map(|coding| (coding, body.to_vec()));
    let stored = StoredResponse::new(&head, &body, &coded);
    for (now, served) in [
        (coding_rules(), vec![Coding::Gzip, Coding::Brotli]),
        (CodingRules { codings: vec![Coding::Gzip], ..coding_rules() }, vec![Coding::Gzip]),
        (CodingRules::default(), vec![]),
        (CodingRules { min_length: 2001, ..coding_rules() }, vec![]),
        (CodingRules { types: Vec::new(), ..coding_rules() }, vec![]),
    ] {
        let among: Vec<_> = now.among(&stored, &judge(&now)).collect();
        assert_eq!(among, served, "{now:?}");
    }
    let uncoded = StoredResponse::new(&head, &body, &[]);
    assert_eq!(coding_rules().among(&uncoded, &judge(&coding_rules())).count(), 0);
}
