//! (j) One stored response, many ways to ask for it: tags, conditions, HEAD.

use crate::coding::{hit_in, text};
use crate::support::{Forebay, Origin, Version, changing, eventually, fresh, ok, prose};

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

#[test]
fn j05_who_refuses_identity_gets_a_coding_of_what_is_not_stored_yet() {
    let origin = Origin::always(text(5000));
    for (accept, coding) in [
        ("identity;q=0, gzip", Some("gzip")),
        ("*;q=0, br", Some("br")),
        // Nothing that there is: identity rather than a 406.
        ("identity;q=0", None),
        ("*;q=0", None),
    ] {
        let forebay = Forebay::start(&origin, "");
        let response = forebay.get_with("/a", &[("accept-encoding", accept)]).expect_status(200);
        assert_eq!(response.field("content-encoding"), coding, "{accept}");
        assert_eq!(response.decoded(), prose(5000).into_bytes());
    }
}

#[test]
fn j02_a_304_names_the_tag_of_the_coding_the_client_has() {
    let origin = Origin::always(text(5000).field("etag", "\"v1\""));
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect_status(200);
    hit_in(&forebay, "gzip");
    for (has, accepts, named) in [
        ("\"v1;gzip\"", "gzip", "\"v1;gzip\""),
        ("\"v1;gzip\"", "identity", "\"v1;gzip\""),
        ("\"v1;br\"", "gzip", "\"v1;br\""),
        ("\"v1\"", "gzip", "\"v1;gzip\""),
        ("\"v1\"", "identity", "\"v1\""),
    ] {
        let fields = [("accept-encoding", accepts), ("if-none-match", has)];
        let response = forebay.get_with("/a", &fields).expect(304, "");
        assert_eq!(response.field("etag"), Some(named), "{has} {accepts}");
        assert_eq!(response.field("content-encoding"), None);
        assert_eq!(response.field("vary"), Some("accept-encoding"));
    }
    assert_eq!(origin.count(), 1);
}

#[test]
fn one_validation_is_good_for_the_clients_of_every_coding() {
    let version = Version::new(prose(5000), "\"v1\"")
        .field("content-type", "text/plain")
        .field("cache-control", "max-age=0");
    let (origin, current) = changing(version.clone());
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect_status(200);
    // Who is served stale while codings are made would validate in vain.
    eventually("the codings", || {
        let response = forebay.get_with("/a", &[("accept-encoding", "br")]).expect_status(200);
        origin.last().field("if-none-match") == Some("\"v1\"")
            && response.field("content-encoding") == Some("br")
    });
    *current.lock().unwrap() = version.field("cache-control", "max-age=60");
    let before = origin.count();
    let has = [("accept-encoding", "gzip"), ("if-none-match", "\"v1;gzip\"")];
    forebay.get_with("/a", &has).expect(304, "");
    assert_eq!(origin.last().field("if-none-match"), Some("\"v1\""), "the origin's own tag");
    for coding in ["br", "gzip", "identity"] {
        let hit = hit_in(&forebay, coding);
        assert_eq!(hit.decoded(), prose(5000).into_bytes());
    }
    assert_eq!(origin.count(), before + 1);
}

#[test]
fn the_origin_sees_its_own_tags_in_what_goes_forward_as_it_is() {
    let origin = Origin::always(ok("hello").field("cache-control", "no-store"));
    let forebay = Forebay::start(&origin, "[[route]]\npath = \"/{*rest}\"\ncache = false");
    for (name, sent, seen) in [
        ("if-none-match", "\"v1;gzip\", W/\"v2;br\"", "\"v1\", W/\"v2\""),
        ("if-match", "\"v1;gzip\"", "\"v1\""),
    ] {
        forebay.get_with("/a", &[(name, sent)]).expect(200, "hello");
        assert_eq!(origin.last().field(name), Some(seen));
    }
    // A part of a coding is no part of what the origin has.
    let fields = [("range", "bytes=0-1"), ("if-range", "\"v1;gzip\"")];
    forebay.get_with("/a", &fields).expect(200, "hello");
    assert_eq!((origin.last().field("range"), origin.last().field("if-range")), (None, None));
}

#[test]
fn j04_no_transform_holds_in_every_field_that_may_say_it() {
    for field in ["cache-control", "cdn-cache-control", "forebay-cache-control"] {
        let origin = Origin::always(text(5000).field(field, "max-age=60, no-transform"));
        let forebay = Forebay::start(&origin, "");
        for _ in 0..3 {
            let response = forebay.get_with("/a", &[("accept-encoding", "gzip, br")]);
            assert_eq!(response.field("content-encoding"), None, "{field}");
        }
    }
}
