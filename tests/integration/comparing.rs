//! What the answer to a HEAD does to the response stored for GET (RFC 9111 §4.3.5).

use crate::support::{Forebay, Origin, Reply, ok};

/// An answer to HEAD that says nothing of the length.
fn head(fields: &[(&str, &str)]) -> Reply {
    fields.iter().fold(Reply::new(200).chunked(), |reply, (name, value)| reply.field(name, *value))
}

/// An answer to HEAD that says the length.
fn head_of(content: &str, fields: &[(&str, &str)]) -> Reply {
    fields.iter().fold(ok(content), |reply, (name, value)| reply.field(name, *value))
}

/// Stores a response that is to be validated each time, sends a HEAD that is answered with `head`, and says whether the
/// next GET finds something to be validated, and what it then gets in `X-A`.
#[track_caller]
fn after(head: Reply) -> (bool, Option<String>) {
    let stored =
        ok("hello").field("etag", "\"v1\"").field("cache-control", "no-cache").field("x-a", "get");
    let origin = Origin::start(move |exchange| match exchange.method() {
        "HEAD" => exchange.reply(&head),
        _ if exchange.field("if-none-match") == Some("\"v1\"") => {
            exchange.reply(&Reply::new(304).field("etag", "\"v1\""));
        }
        _ => exchange.reply(&stored),
    });
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect(200, "hello");
    forebay.request("HEAD", "/a", &[], b"").expect(200, "");
    let got = forebay.get("/a").expect(200, "hello");
    assert_eq!(origin.count(), 3);
    (origin.last().field("if-none-match").is_some(), got.field("x-a").map(str::to_owned))
}

#[test]
fn a_head_that_agrees_updates_the_stored_fields() {
    let agreeing = [("etag", "\"v1\""), ("cache-control", "no-cache"), ("x-a", "head")];
    for agreeing in [head(&agreeing), head_of("hello", &agreeing)] {
        assert_eq!(after(agreeing), (true, Some("head".to_owned())));
    }
}

#[test]
fn a_head_that_agrees_renews_the_lifetime() {
    let fresh = [("etag", "\"v1\""), ("cache-control", "max-age=60"), ("x-a", "head")];
    let origin = Origin::start(move |exchange| match exchange.method() {
        "HEAD" => exchange.reply(&head_of("hello", &fresh)),
        _ => {
            exchange.reply(&ok("hello").field("etag", "\"v1\"").field("cache-control", "no-cache"))
        }
    });
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect(200, "hello");
    forebay.request("HEAD", "/a", &[], b"").expect(200, "");
    let hit = forebay.get("/a").expect(200, "hello");
    assert!(hit.is_hit(), "{}", hit.cache_status());
    assert_eq!((hit.field("x-a"), hit.field("content-length")), (Some("head"), Some("5")));
    assert_eq!(origin.count(), 2);
}

#[test]
fn a_head_that_differs_outdates_the_stored_response() {
    let modified = ("last-modified", "Sat, 01 Jan 2000 00:00:00 GMT");
    for differing in [
        head(&[("etag", "\"v2\"")]),
        head(&[("etag", "\"v1\""), modified]),
        head_of("hello!", &[("etag", "\"v1\"")]),
        head_of("hello!", &[]),
    ] {
        assert_eq!(after(differing), (false, Some("get".to_owned())));
    }
}

#[test]
fn a_head_that_says_no_store_lets_go_of_the_stored_response() {
    let forbidding = head(&[("etag", "\"v1\""), ("cache-control", "no-store")]);
    assert_eq!(after(forbidding), (false, Some("get".to_owned())));
}

#[test]
fn a_head_without_validators_or_of_another_coding_says_nothing() {
    for silent in [
        head(&[("x-a", "head")]),
        head_of("hello", &[("x-a", "head")]),
        head_of("gzip", &[("etag", "\"v2\""), ("content-encoding", "gzip"), ("x-a", "head")]),
    ] {
        assert_eq!(after(silent), (true, Some("get".to_owned())));
    }
}
