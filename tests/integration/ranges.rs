//! Parts of a representation (RFC 9110 §14), cut from what is stored.

use crate::support::{Forebay, Gate, Origin, Reply, fresh, noise, prose};

#[test]
fn ranges_are_cut_from_the_stored_response() {
    let origin = Origin::always(
        fresh("0123456789").field("etag", "\"v1\"").field("content-type", "text/plain"),
    );
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect(200, "0123456789");
    for (range, part, content_range) in [
        ("bytes=0-0", "0", "bytes 0-0/10"),
        ("bytes=2-4", "234", "bytes 2-4/10"),
        ("bytes=7-", "789", "bytes 7-9/10"),
        ("bytes=-3", "789", "bytes 7-9/10"),
        ("bytes=-99", "0123456789", "bytes 0-9/10"),
        ("bytes=5-99", "56789", "bytes 5-9/10"),
        ("Bytes=2-4", "234", "bytes 2-4/10"),
    ] {
        let response = forebay.get_with("/a", &[("range", range)]).expect(206, part);
        assert_eq!(
            (response.field("content-range"), response.field("etag")),
            (Some(content_range), Some("\"v1\""))
        );
        assert_eq!(response.field("content-length"), Some(part.len().to_string().as_str()));
    }
    for range in ["bytes=4-2", "bytes=x", "bits=0-1", "bytes=", "bytes 0-1"] {
        forebay.get_with("/a", &[("range", range)]).expect(200, "0123456789");
    }
    assert_eq!(origin.count(), 1);
}

#[test]
fn a_range_beyond_the_end_is_416() {
    let origin = Origin::always(fresh("0123456789"));
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect(200, "0123456789");
    for range in ["bytes=10-", "bytes=99-100", "bytes=-0"] {
        let response = forebay.get_with("/a", &[("range", range)]).expect_status(416);
        assert_eq!(response.field("content-range"), Some("bytes */10"), "{range}");
    }
    forebay.hit("/a").expect(200, "0123456789");
}

#[test]
fn several_ranges_are_several_parts() {
    let origin = Origin::always(fresh("0123456789").field("content-type", "text/x-digits"));
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect(200, "0123456789");
    let response = forebay.get_with("/a", &[("range", "bytes=0-1, 5-6")]).expect_status(206);
    let kind = response.field("content-type").unwrap().to_owned();
    let boundary = kind
        .strip_prefix("multipart/byteranges; boundary=")
        .unwrap_or_else(|| panic!("{kind}"))
        .trim_matches('"');
    let text = response.text();
    let parts: Vec<&str> = text.split(&format!("--{boundary}")).collect();
    assert_eq!(parts.len(), 4, "{text}");
    for (part, content_range, body) in
        [(parts[1], "bytes 0-1/10", "01"), (parts[2], "bytes 5-6/10", "56")]
    {
        let (head, content) = part.split_once("\r\n\r\n").unwrap();
        let head = head.to_ascii_lowercase();
        assert!(
            head.contains(&format!("content-range: {content_range}"))
                && head.contains("content-type: text/x-digits"),
            "{head}"
        );
        assert_eq!(content.trim_end_matches("\r\n"), body);
    }
    assert!(parts[3].starts_with("--"));
    assert_eq!(response.field("content-range"), None);
    assert_eq!(response.field("content-length"), Some(response.body.len().to_string().as_str()));
}

#[test]
fn several_ranges_of_what_is_not_stored_yet_are_several_parts() {
    let gate = Gate::new();
    let origin = Origin::start({
        let gate = gate.clone();
        move |exchange| {
            exchange
                .send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 30\r\n\r\n");
            exchange.send("0123456789abcde");
            exchange.wait(&gate);
            exchange.send("fghijklmnopqrst");
        }
    });
    let forebay = Forebay::start(&origin, "");
    let mut client = forebay.connect();
    client.send_request("GET", "/a", &[("range", "bytes=2-3,8-10,-4")], b"");
    let head = client.read_head();
    assert_eq!((head.word(1), head.field("content-range")), ("206", None));
    let length: usize = head.field("content-length").unwrap().parse().unwrap();
    let boundary = head.field("content-type").unwrap().split_once("boundary=").unwrap().1;
    let part = |range: &str, content: &str| {
        format!("\r\n--{boundary}\r\nContent-Range: bytes {range}/30\r\n\r\n{content}")
    };
    // What has come is there before the rest.
    let first = part("2-3", "23") + &part("8-10", "89a");
    assert_eq!(String::from_utf8(client.read_exactly(first.len())).unwrap(), first);
    gate.open();
    let last = part("26-29", "qrst") + &format!("\r\n--{boundary}--\r\n");
    assert_eq!(first.len() + last.len(), length);
    assert_eq!(String::from_utf8(client.read_exactly(last.len())).unwrap(), last);
    forebay.hit("/a").expect(200, "0123456789abcdefghijklmnopqrst");
    assert_eq!((origin.count(), origin.last().field("range")), (1, None));
}

#[test]
fn several_ranges_of_what_is_not_stored_yet_in_whatever_form() {
    for (ranges, status, content) in [
        // They touch, and are one.
        ("bytes=0-1,2-3", "206", "0123"),
        ("bytes=0-4,-7", "206", "0123456789"),
        // One of them is beyond the end.
        ("bytes=2-3,20-", "206", "23"),
        // What comes last is asked for first.
        ("bytes=8-9,0-1", "200", "0123456789"),
        ("bytes=20-,30-40", "416", ""),
    ] {
        let gate = Gate::new();
        let origin = Origin::start({
            let gate = gate.clone();
            move |exchange| {
                exchange.send(
                    "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 10\r\n\r\n",
                );
                exchange.wait(&gate);
                exchange.send("0123456789");
            }
        });
        let forebay = Forebay::start(&origin, "");
        let mut client = forebay.connect();
        client.send_request("GET", "/a", &[("range", ranges)], b"");
        let head = client.read_head();
        assert_eq!(head.word(1), status, "{ranges}");
        if status == "416" {
            assert_eq!(head.field("content-range"), Some("bytes */10"));
        }
        gate.open();
        assert_eq!(String::from_utf8(client.read_exactly(content.len())).unwrap(), content);
        forebay.hit("/a").expect(200, "0123456789");
        assert_eq!(origin.count(), 1, "{ranges}");
    }
}

#[test]
fn parts_of_what_came_whole_are_parts_in_any_order() {
    let origin = Origin::always(fresh("0123456789"));
    let forebay = Forebay::start(&origin, "");
    let parts = forebay.get_with("/a", &[("range", "bytes=8-9,0-1")]).expect_status(206);
    let kind = parts.field("content-type").unwrap();
    assert!(kind.starts_with("multipart/byteranges"), "{kind}");
    assert_eq!(parts.field("age"), None);
}

#[test]
fn parts_are_cut_from_identity_for_whoever_accepts_codings() {
    let text = prose(5000);
    let origin = Origin::always(
        fresh(text.clone()).field("etag", "\"v1\"").field("content-type", "text/plain"),
    );
    let forebay = Forebay::start(&origin, "");
    // Of what is not stored yet, and of what is.
    for _ in 0..2 {
        let fields = [("range", "bytes=0-9"), ("accept-encoding", "gzip, br")];
        let part = forebay.get_with("/a", &fields).expect(206, &text[..10]);
        assert_eq!((part.field("content-encoding"), part.field("etag")), (None, Some("\"v1\"")));
        assert_eq!(part.field("vary"), Some("accept-encoding"));
        forebay.get_with("/a", &[("accept-encoding", "gzip")]).expect_status(200);
    }
    // What it has is a part of a coding, of which it gets no more parts.
    for (tag, status) in [("\"v1;gzip\"", 200), ("\"v1\"", 206)] {
        let fields = [("range", "bytes=0-9"), ("accept-encoding", "gzip"), ("if-range", tag)];
        forebay.get_with("/a", &fields).expect_status(status);
    }
    assert_eq!(origin.count(), 1);
}

#[test]
fn a_digest_of_the_whole_content_is_not_said_of_a_part() {
    let origin = Origin::always(
        fresh("0123456789")
            .field("content-digest", "sha-256=:AAAA:")
            .field("content-md5", "AAAA")
            .field("repr-digest", "sha-256=:BBBB:"),
    );
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect(200, "0123456789");
    assert!(forebay.hit("/a").field("content-digest").is_some());
    for range in ["bytes=0-1", "bytes=0-1,5-6"] {
        let part = forebay.get_with("/a", &[("range", range)]).expect_status(206);
        let field = |name| part.field(name);
        assert_eq!((field("content-digest"), field("content-md5")), (None, None));
        assert_eq!(field("repr-digest"), Some("sha-256=:BBBB:"), "{range}");
    }
}

#[test]
fn ranges_are_for_get() {
    let origin = Origin::always(fresh("0123456789"));
    let forebay = Forebay::start(&origin, "");
    // Before there is anything stored, and after.
    for _ in 0..2 {
        let head = forebay.request("HEAD", "/a", &[("range", "bytes=0-1")], b"");
        assert_eq!((head.status(), head.field("content-length")), (200, Some("10")));
        assert_eq!(head.field("content-range"), None);
        forebay.get("/a").expect(200, "0123456789");
    }
}

#[test]
fn an_abuse_of_ranges_is_answered_whole_or_once() {
    let origin = Origin::always(fresh(noise(10_000)));
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect_status(200);
    let many: Vec<String> = (0..200).map(|n| format!("{n}-{n}")).collect();
    let overlapping: Vec<String> = (0..16).map(|_| "0-".to_owned()).collect();
    for ranges in [many, overlapping] {
        let response = forebay.get_with("/a", &[("range", &format!("bytes={}", ranges.join(",")))]);
        assert!(
            matches!(response.status(), 200 | 206) && response.body.len() <= 11_000,
            "{} with {} bytes",
            response.status(),
            response.body.len()
        );
    }
}

#[test]
fn if_range_decides_between_part_and_whole() {
    let modified = "Sat, 01 Jan 2000 00:00:00 GMT";
    let origin = Origin::always(
        fresh("0123456789").field("etag", "\"v1\"").field("last-modified", modified),
    );
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect(200, "0123456789");
    for (condition, status) in [
        ("\"v1\"", 206),
        ("\"v2\"", 200),
        ("W/\"v1\"", 200),
        (modified, 206),
        ("Sun, 02 Jan 2000 00:00:00 GMT", 200),
    ] {
        forebay
            .get_with("/a", &[("range", "bytes=0-0"), ("if-range", condition)])
            .expect_status(status);
    }
    // Conditions come before ranges.
    forebay.get_with("/a", &[("range", "bytes=0-0"), ("if-none-match", "\"v1\"")]).expect(304, "");
    forebay.get_with("/a", &[("range", "bytes=99-"), ("if-match", "\"v2\"")]).expect_status(412);
}

#[test]
fn a_range_of_what_is_not_stored_yet_is_right() {
    let origin = Origin::start(|exchange| match exchange.field("range") {
        Some("bytes=2-4") => exchange.reply(
            &Reply::new(206)
                .field("content-range", "bytes 2-4/10")
                .field("cache-control", "max-age=60")
                .content("234"),
        ),
        _ => exchange.reply(&fresh("0123456789")),
    });
    let forebay = Forebay::start(&origin, "");
    let response = forebay.get_with("/a", &[("range", "bytes=2-4")]).expect(206, "234");
    assert_eq!(response.field("content-range"), Some("bytes 2-4/10"));
}

#[test]
fn a_range_of_what_is_too_large_to_store_goes_forward() {
    let whole = noise(200 * 1024);
    let origin = Origin::start({
        let whole = whole.clone();
        move |exchange| match exchange.field("range") {
            Some("bytes=1000-1999") => exchange.reply(
                &Reply::new(206)
                    .field("content-range", "bytes 1000-1999/204800")
                    .field("cache-control", "max-age=60")
                    .content(&whole[1000..2000]),
            ),
            _ => exchange.reply(&fresh(whole.clone())),
        }
    });
    let forebay = Forebay::start(&origin, "[cache.memory]\nmax_object = \"64KiB\"");
    for _ in 0..3 {
        let response = forebay.get_with("/a", &[("range", "bytes=1000-1999")]);
        assert_eq!((response.status(), &response.body[..]), (206, &whole[1000..2000]));
    }
    assert_eq!(origin.last().field("range"), Some("bytes=1000-1999"));
}
