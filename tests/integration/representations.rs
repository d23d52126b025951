//! (j) One stored response, many ways to ask for it: tags, conditions, HEAD.

use crate::coding::{hit_in, text};
use crate::support::{Forebay, Origin, eventually, fresh, ok, prose};

#[test]
fn a_hit_without_a_tag_of_the_origin_has_one_of_ours() {
    let origin = Origin::always(fresh("hello"));
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect(200, "hello");
    let hit = forebay.hit("/a").expect(200, "hello");
    let tag = hit.field("etag").expect("an ETag").to_owned();
    assert!(tag.starts_with('"') && tag.ends_with('"') && tag.len() > 4, "strong: {tag}");
    assert_eq!(forebay.get("/a").field("etag"), Some(tag.as_str()), "the same each time");
    forebay.get_with("/a", &[("if-none-match", &tag)]).expect(304, "");
    let origin = Origin::always(fresh("other"));
    let other = Forebay::start(&origin, "");
    other.get("/a").expect(200, "other");
    assert_ne!(other.hit("/a").field("etag"), Some(tag.as_str()));
}

#[test]
fn a_generated_tag_is_not_shown_to_the_origin() {
    let origin = Origin::start(|exchange| {
        exchange.reply(
            &ok("hello")
                .field("cache-control", "max-age=60")
                .field("age", "58")
                .field("last-modified", "Sat, 01 Jan 2000 00:00:00 GMT"),
        )
    });
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect(200, "hello");
    let tag = forebay.hit("/a").field("etag").unwrap().to_owned();
    eventually("it is validated", || {
        forebay.get_with("/a", &[("if-none-match", &tag)]);
        origin.count() == 2
    });
    let validation = origin.last();
    assert_eq!(
        (validation.field("if-none-match"), validation.field("if-modified-since")),
        (None, Some("Sat, 01 Jan 2000 00:00:00 GMT"))
    );
}

#[test]
fn j01_each_coding_has_a_tag_of_its_own() {
    let origin = Origin::always(text(5000).field("etag", "\"v1\""));
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect_status(200);
    let mut tags = Vec::new();
    for coding in ["identity", "gzip", "br"] {
        let hit = hit_in(&forebay, coding);
        assert_eq!(hit.decoded(), prose(5000).into_bytes());
        tags.push(hit.field("etag").expect("an ETag").to_owned());
    }
    assert_eq!(tags[0], "\"v1\"", "the origin's own bytes keep its tag");
    assert!(tags[0] != tags[1] && tags[1] != tags[2] && tags[0] != tags[2], "{tags:?}");
    assert_eq!(origin.count(), 1);
}

#[test]
fn j02_if_none_match_is_understood_across_codings() {
    let origin = Origin::always(text(5000).field("etag", "\"v1\""));
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect_status(200);
    let gzip = hit_in(&forebay, "gzip").field("etag").unwrap().to_owned();
    for accept in ["gzip", "br", "identity"] {
        for tag in [gzip.as_str(), "\"v1\"", "W/\"v1\"", "\"x\", \"v1\"", "*"] {
            let response =
                forebay.get_with("/a", &[("accept-encoding", accept), ("if-none-match", tag)]);
            assert_eq!((response.status(), response.body.len()), (304, 0), "{accept} {tag}");
        }
    }
    assert_eq!(origin.count(), 1);
}

#[test]
fn j02_conditions_are_evaluated_in_their_order() {
    let modified = "Sat, 01 Jan 2000 00:00:00 GMT";
    let origin =
        Origin::always(fresh("hello").field("etag", "\"v1\"").field("last-modified", modified));
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect(200, "hello");
    let cases: [(&[(&str, &str)], u16); 12] = [
        (&[("if-none-match", "\"v2\"")], 200),
        (&[("if-none-match", "\"v2\", W/\"v1\"")], 304),
        (&[("if-none-match", "\"v2\"")], 200),
        (&[("if-modified-since", modified)], 304),
        (&[("if-modified-since", "Sun, 02 Jan 2000 00:00:00 GMT")], 304),
        (&[("if-modified-since", "Fri, 31 Dec 1999 00:00:00 GMT")], 200),
        (&[("if-modified-since", "yesterday")], 200),
        // If-Modified-Since is ignored beside If-None-Match.
        (&[("if-none-match", "\"v2\""), ("if-modified-since", modified)], 200),
        (&[("if-match", "\"v1\"")], 200),
        (&[("if-match", "\"v2\"")], 412),
        (&[("if-unmodified-since", "Fri, 31 Dec 1999 00:00:00 GMT")], 412),
        (&[("if-match", "*"), ("if-none-match", "\"v1\"")], 304),
    ];
    for (fields, status) in cases {
        let response = forebay.get_with("/a", fields);
        assert_eq!(response.status(), status, "{fields:?}: {}", response.head.raw);
    }
    assert_eq!(origin.count(), 1);
}

#[test]
fn j03_if_match_compares_strongly() {
    for (tag, asked, status) in
        [("\"v1\"", "W/\"v1\"", 412), ("W/\"v1\"", "W/\"v1\"", 412), ("\"v1\"", "\"v1\"", 200)]
    {
        let origin = Origin::always(fresh("hello").field("etag", tag));
        let forebay = Forebay::start(&origin, "");
        forebay.get("/a").expect(200, "hello");
        forebay.get_with("/a", &[("if-match", asked)]).expect_status(status);
    }
}

#[test]
fn a_304_carries_what_it_must() {
    let origin = Origin::always(
        text(5000)
            .field("etag", "\"v1\"")
            .field("vary", "accept-language")
            .field("expires", "Fri, 31 Dec 2100 00:00:00 GMT"),
    );
    let forebay = Forebay::start(&origin, "");
    let date = forebay.get("/a").field("date").unwrap().to_owned();
    forebay.hit("/a");
    let response = forebay.get_with("/a", &[("if-none-match", "\"v1\"")]).expect(304, "");
    assert_eq!(
        (response.field("etag"), response.field("date"), response.field("cache-control")),
        (Some("\"v1\""), Some(date.as_str()), Some("max-age=60"))
    );
    assert!(
        response.field("expires").is_some()
            && response.all("vary").join(",").to_ascii_lowercase().contains("accept-language"),
        "{}",
        response.head.raw
    );
    assert!(response.is_hit() && response.field("transfer-encoding").is_none());
}

#[test]
fn a_304_leaves_the_connection_in_step() {
    let origin = Origin::always(fresh("hello").field("etag", "\"v1\""));
    let forebay = Forebay::start(&origin, "");
    let mut client = forebay.connect();
    client.get("/a").expect(200, "hello");
    client.get_with("/a", &[("if-none-match", "\"v1\"")]).expect(304, "");
    client.get("/a").expect(200, "hello");
}

#[test]
fn head_is_answered_from_the_stored_get() {
    let origin = Origin::always(text(5000).field("etag", "\"v1\""));
    let forebay = Forebay::start(&origin, "");
    let mut client = forebay.connect();
    let got = client.get("/a").expect_status(200);
    client.hit("/a");
    let head = client.request("HEAD", "/a", &[], b"").expect(200, "");
    assert!(head.is_hit(), "{}", head.head.raw);
    for name in ["content-length", "content-type", "etag", "date"] {
        assert_eq!(head.field(name), got.field(name), "{name}");
    }
    client.request("HEAD", "/a", &[("if-none-match", "\"v1\"")], b"").expect(304, "");
    // Range means nothing in a HEAD.
    client.request("HEAD", "/a", &[("range", "bytes=0-0")], b"").expect(200, "");
    client.hit("/a").expect(200, prose(5000));
    assert_eq!(origin.count(), 1);
}

#[test]
fn the_answer_to_head_is_not_the_answer_to_get() {
    let origin = Origin::always(fresh("hello"));
    let forebay = Forebay::start(&origin, "");
    forebay.request("HEAD", "/a", &[], b"").expect(200, "");
    forebay.get("/a").expect(200, "hello");
    assert_eq!(origin.requests().last().unwrap().method(), "GET");
}
