//! (j) One stored response, many ways to ask for it: tags, conditions, codings, ranges, HEAD.

use std::io::Read;

use crate::support::{Forebay, Origin, Reply, Response, eventually, fresh, noise, ok, prose};

/// What was coded, as it was.
fn decoded(response: &Response) -> Vec<u8> {
    let mut plain = Vec::new();
    match response.field("content-encoding") {
        None => plain.extend_from_slice(&response.body),
        Some("gzip") => {
            _ = flate2::read::GzDecoder::new(&response.body[..])
                .read_to_end(&mut plain)
                .expect("gzip")
        }
        Some("br") => {
            _ = brotli::Decompressor::new(&response.body[..], 4096)
                .read_to_end(&mut plain)
                .expect("br")
        }
        Some(other) => panic!("an unknown coding {other}"),
    }
    plain
}

fn text(length: usize) -> Reply {
    fresh(prose(length)).field("content-type", "text/plain; charset=utf-8")
}

/// A hit on "/a" in that coding.
#[track_caller]
fn hit_in(forebay: &Forebay, coding: &str) -> Response {
    let get = || forebay.get_with("/a", &[("accept-encoding", coding)]);
    eventually(&format!("a hit in {coding}"), || {
        let response = get();
        response.is_hit() && response.field("content-encoding").unwrap_or("identity") == coding
    });
    get()
}

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
        assert_eq!(decoded(&hit), prose(5000).into_bytes());
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
fn j04_what_should_not_be_coded_is_not() {
    let long = prose(5000);
    let replies = [
        fresh(long.clone()).field("content-type", "image/png"),
        fresh(long.clone()),
        fresh(prose(300)).field("content-type", "text/plain"),
        fresh(long.clone())
            .field("content-type", "text/plain")
            .field("cache-control", "no-transform"),
    ];
    for reply in replies {
        let origin = Origin::always(reply.clone());
        let forebay = Forebay::start(&origin, "");
        for _ in 0..3 {
            let response = forebay.get_with("/a", &[("accept-encoding", "gzip, br")]);
            assert_eq!(response.field("content-encoding"), None, "{reply:?}");
        }
    }
}

#[test]
fn j04_what_is_coded_already_is_passed_as_it_is() {
    let coded = {
        let mut coder = flate2::read::GzEncoder::new(
            prose(5000).into_bytes().leak() as &[u8],
            flate2::Compression::default(),
        );
        let mut bytes = Vec::new();
        coder.read_to_end(&mut bytes).unwrap();
        bytes
    };
    let origin = Origin::always(
        fresh(coded.clone())
            .field("content-type", "text/plain")
            .field("content-encoding", "gzip")
            .field("vary", "accept-encoding"),
    );
    let forebay = Forebay::start(&origin, "");
    for _ in 0..2 {
        let response =
            forebay.get_with("/a", &[("accept-encoding", "gzip, br")]).expect_status(200);
        assert_eq!((response.field("content-encoding"), &response.body), (Some("gzip"), &coded));
    }
}

#[test]
fn j04_no_digest_is_that_of_other_bytes() {
    let origin = Origin::always(
        text(5000)
            .field("content-md5", "Q2hlY2sgSW50ZWdyaXR5IQ==")
            .field("content-digest", "sha-256=:AAAA:")
            .field("digest", "sha-256=AAAA"),
    );
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect_status(200);
    assert!(forebay.hit("/a").field("content-digest").is_some());
    let response = forebay.hit_with("/a", &[("accept-encoding", "gzip, br")]);
    let coded = response.field("content-encoding").is_some();
    for name in ["content-md5", "content-digest", "digest"] {
        assert!(!(coded && response.field(name).is_some()), "{}", response.head.raw);
    }
}

#[test]
fn j05_the_client_decides_which_coding() {
    let origin = Origin::always(text(5000));
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect_status(200);
    hit_in(&forebay, "gzip");
    hit_in(&forebay, "br");
    let junk = "x".repeat(8 * 1024 + 1);
    for (accept, coding) in [
        ("gzip;q=0", "identity"),
        ("identity;q=0, gzip", "gzip"),
        ("*", "br"),
        ("br;q=0.5, gzip", "gzip"),
        ("gzip;q=0.001, br;q=0", "gzip"),
        ("GZIP", "gzip"),
        ("gzip;q=1.5", "identity"),
        (junk.as_str(), "identity"),
    ] {
        let response = forebay.get_with("/a", &[("accept-encoding", accept)]).expect_status(200);
        let got = response.field("content-encoding").unwrap_or("identity");
        assert_eq!(got, coding, "{accept:.60}");
        assert_eq!(decoded(&response), prose(5000).into_bytes());
    }
    assert_eq!(origin.count(), 1);
}

#[test]
fn j06_vary_names_accept_encoding_once_whether_coded_or_not() {
    let origin = Origin::start(|exchange| match exchange.target() {
        "/b" => exchange.reply(&text(5000).field("vary", "Accept-Language, Accept-Encoding")),
        _ => exchange.reply(&text(5000).field("vary", "Accept-Language")),
    });
    let forebay = Forebay::start(&origin, "");
    for target in ["/a", "/b"] {
        for accept in ["gzip", "identity", "gzip", "br"] {
            let response =
                forebay.get_with(target, &[("accept-encoding", accept)]).expect_status(200);
            let vary = response.all("vary").join(",").to_ascii_lowercase();
            assert_eq!(vary.matches("accept-encoding").count(), 1, "{vary}");
            assert_eq!(vary.matches("accept-language").count(), 1, "{vary}");
        }
    }
}

#[test]
fn j10_a_leader_asks_for_identity() {
    let origin = Origin::start(|exchange| {
        let asked = exchange.field("accept-encoding").unwrap_or("identity").to_owned();
        exchange.reply(&fresh(asked).field("vary", "Accept-Encoding"));
    });
    let forebay = Forebay::start(&origin, "");
    forebay.get_with("/a", &[("accept-encoding", "gzip, br")]).expect(200, "identity");
    forebay.hit("/a").expect(200, "identity");
}

#[test]
fn j10_a_client_never_gets_a_coding_it_did_not_ask_for_from_the_store() {
    // This origin codes whatever it is asked.
    let origin = Origin::start(|exchange| match exchange.field("accept-encoding") {
        Some(accept) if accept.contains("gzip") => exchange.reply(
            &fresh("coded").field("content-encoding", "gzip").field("vary", "accept-encoding"),
        ),
        _ => exchange.reply(&fresh("plain").field("vary", "accept-encoding")),
    });
    let forebay = Forebay::start(&origin, "");
    for _ in 0..2 {
        let plain = forebay.get_with("/a", &[("accept-encoding", "identity")]);
        assert_eq!((plain.text().as_str(), plain.field("content-encoding")), ("plain", None));
        let coded = forebay.get_with("/a", &[("accept-encoding", "gzip")]);
        assert_eq!(coded.text() == "coded", coded.field("content-encoding") == Some("gzip"));
    }
}

#[test]
fn j10_what_cannot_be_stored_keeps_the_clients_accept_encoding() {
    let origin = Origin::start(|exchange| {
        let asked = exchange.field("accept-encoding").unwrap_or("none").to_owned();
        exchange.reply(&ok(asked).field("cache-control", "no-store"));
    });
    let forebay = Forebay::start(&origin, "[[route]]\npath = \"/{*rest}\"\ncache = false");
    forebay.get_with("/a", &[("accept-encoding", "zstd, gzip")]).expect(200, "zstd, gzip");
}

#[test]
fn j13_broken_coded_bytes_are_passed_as_they_are() {
    let broken = noise(2000);
    let origin = Origin::always(
        fresh(broken.clone()).field("content-type", "text/plain").field("content-encoding", "gzip"),
    );
    let forebay = Forebay::start(&origin, "");
    for _ in 0..2 {
        assert_eq!(
            forebay.get_with("/a", &[("accept-encoding", "gzip")]).expect_status(200).body,
            broken
        );
    }
}

#[test]
fn j18_a_burst_in_three_codings_is_one_fetch() {
    let origin = Origin::always(text(50_000));
    let forebay = Forebay::start(&origin, "");
    let accepts = ["gzip", "br", "identity", "gzip, br", "*"];
    let mut clients: Vec<_> = (0..100).map(|_| forebay.connect()).collect();
    for (n, client) in clients.iter_mut().enumerate() {
        client.send_request("GET", "/a", &[("accept-encoding", accepts[n % accepts.len()])], b"");
    }
    for client in &mut clients {
        let response = client.read().expect_status(200);
        assert!(response.is_whole() && decoded(&response) == prose(50_000).into_bytes());
    }
    assert_eq!(origin.count(), 1);
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
