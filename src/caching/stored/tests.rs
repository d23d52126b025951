use super::super::rules::Rules;
use super::super::storability::Credentials;
use super::super::terms::terms;
use super::super::testing::{fields, secs};
use super::*;
use crate::caching::freshness::Exchange;
use crate::caching::key::Keyer;

fn head(status: u16, text: &str) -> StoredHead {
    let (fields, status) = (fields(text), StatusCode::from_u16(status).unwrap());
    StoredHead::new(&HeadParts {
        key: &Keyer::default().key("http", "example.com", "/a?b", std::iter::empty()),
        route: "news",
        tags: &["user:1".to_owned(), "front".to_owned()],
        selecting: &[header::ACCEPT_LANGUAGE, HeaderName::from_static("x-a")],
        selecting_values: b"\x01en\x00",
        status,
        fields: &fields,
        terms: terms(status, &fields, &Rules::default(), Exchange::default()),
        stamp: Stamp { record: 7, ..Stamp::default() },
    })
}

fn lines(fields: &HeaderMap) -> Vec<(&str, &[u8])> {
    fields.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect()
}

const FIELDS: &str = "Content-Type: text/html\nX-Odd-Name: 1\nLink: </a>\nLink: </b>\nX-Empty:";

#[test]
fn a_head_reads_back_as_it_was_packed() {
    let head = head(200, FIELDS);
    assert_eq!(lines(&head.fields(3)), lines(&fields(FIELDS)));
    assert_eq!(head.field(&header::CONTENT_TYPE).unwrap(), "text/html");
    assert_eq!(head.field(&header::ETAG), None);
    let resource = head.resource();
    assert_eq!(
        (resource.scheme, resource.authority, resource.path_and_query),
        ("http", "example.com", "/a?b")
    );
    assert_eq!(head.route(), "news");
    assert_eq!(head.tags().collect::<Vec<_>>(), ["user:1", "front"]);
    assert_eq!(
        head.selecting().map(|name| name.to_string()).collect::<Vec<_>>(),
        ["accept-language", "x-a"]
    );
    assert_eq!(head.selecting_values(), b"\x01en\x00");
    assert!(!head.is_selected_by_key_alone());
    assert_eq!(head.checked(), 7);
}

#[test]
fn changed_rules_judge_a_stored_response_again() {
    let head = head(200, "Cache-Control: max-age=60");
    let rules = |version, ttl| Rules { version, ttl: Some(secs(ttl).into()), ..Rules::default() };
    for (rules, lifetime) in [
        (rules(1, 10), 10),
        (rules(1, 10), 10),
        (rules(2, 20), 20),
        (Rules::default(), 60),
        (rules(1, 10), 10),
    ] {
        let terms = head.terms_by(&rules);
        assert_eq!((terms.rules_version, terms.lifetime.duration), (rules.version, secs(lifetime)));
    }
    // What was judged is not judged again: rules of the same version are the same rules.
    assert_eq!(head.terms_by(&rules(1, 99)).lifetime.duration, secs(10));
}

#[test]
fn values_that_are_no_text_survive() {
    let mut odd = HeaderMap::new();
    odd.insert("x-latin", HeaderValue::from_bytes(b"caf\xe9\t!").unwrap());
    odd.insert("x-long", HeaderValue::from_bytes(&[b'a'; 70_000]).unwrap());
    let head = head(200, "").freshened(&odd, *head(200, "").terms(), Stamp::default());
    assert_eq!(lines(&head.fields(0)), lines(&odd));
}

#[test]
fn every_representation_is_a_slice_of_the_one_block() {
    let head = head(200, FIELDS);
    let body = [Bytes::from_static(b"hello "), Bytes::from_static(b"world")];
    let coded = [(Coding::Brotli, vec![Bytes::from_static(b"br"), Bytes::from_static(b"!")])];
    let stored = StoredResponse::new(&head, &body, &coded);
    assert_eq!(stored.body(), "hello world");
    assert_eq!(stored.representation(Coding::Identity).unwrap(), "hello world");
    assert_eq!(stored.representation(Coding::Brotli).unwrap(), "br!");
    assert_eq!(stored.representation(Coding::Gzip), None);
    assert_eq!(stored.codings().collect::<Vec<_>>(), [Coding::Brotli]);
    assert_eq!(lines(&stored.head().fields(0)), lines(&fields(FIELDS)));
}

#[test]
fn a_200_without_an_entity_tag_gets_one_and_no_other_response_does() {
    let tag = |status, text| {
        StoredResponse::new(&head(status, text), &[Bytes::from_static(b"x")], &[]).own_tag()
    };
    let own = tag(200, "").unwrap();
    assert!(own.to_str().unwrap().starts_with("\"fb-1-"));
    assert_eq!(tag(200, "").unwrap(), own, "the same for the same bytes");
    assert_eq!(tag(200, "ETag: W/\"x\""), None);
    assert_eq!(tag(404, ""), None);
}

#[test]
fn freshening_changes_the_fields_and_keeps_the_representations() {
    let coded = [(Coding::Gzip, vec![Bytes::from_static(b"gz")])];
    let stored = StoredResponse::new(&head(200, FIELDS), &[Bytes::from_static(b"body")], &coded);
    let stamp = Stamp { record: 9, ..Stamp::default() };
    let freshened = stored.freshened(
        &fields("Content-Type: text/plain\nX-New: 1"),
        *stored.head().terms(),
        stamp,
    );
    assert_eq!(
        lines(&freshened.head().fields(0)),
        lines(&fields("Content-Type: text/plain\nX-New: 1"))
    );
    assert_eq!(freshened.body(), "body");
    assert_eq!(freshened.representation(Coding::Gzip).unwrap(), "gz");
    assert_eq!(freshened.head().stamp(), stamp);
    assert_eq!(freshened.head().tags().count(), 2);
    assert_eq!(freshened.own_tag(), stored.own_tag());
}

#[test]
fn an_empty_body_is_a_body() {
    let stored = StoredResponse::new(&head(200, ""), &[], &[]);
    assert_eq!(stored.body(), "");
    assert_eq!(stored.representation(Coding::Identity).unwrap(), "");
    assert_eq!(stored.codings().count(), 0);
}

#[test]
fn changed_rules_take_back_what_they_would_not_let_be_shared() {
    let rules = |version, shared| Rules { version, shared, ..Rules::default() };
    let answered = Credentials { authorization: true, ..Credentials::default() };
    for (fields, answered, withdrawn) in [
        ("Cache-Control: max-age=60", answered, true),
        ("Cache-Control: max-age=60", Credentials::default(), false),
        ("Cache-Control: public, max-age=60", answered, false),
    ] {
        let plain = head(200, fields);
        let terms = Terms { answered, ..*plain.terms() };
        let head = plain.freshened(&plain.fields(0), terms, Stamp::default());
        assert!(!head.terms_by(&rules(1, true)).withdrawn, "{fields}");
        assert_eq!(head.terms_by(&rules(2, false)).withdrawn, withdrawn, "{fields}");
        // And back again: what was found out of whom it answered is not forgotten.
        assert!(!head.terms_by(&rules(3, true)).withdrawn, "{fields}");
        assert_eq!(head.terms_by(&rules(4, false)).answered, answered, "{fields}");
    }
}
