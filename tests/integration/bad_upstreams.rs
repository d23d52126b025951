//! (b) What an origin may answer that is torn, malformed or too much.

use crate::support::{Forebay, Origin, Reply, fresh, ok};
use crate::torn_upstreams::{FRESH, torn_and_not_stored};

/// The origin answers with these bytes and closes: the client gets 502, the origin is asked at most twice.
#[track_caller]
fn bad_gateway(answers: &[&[u8]]) {
    for answer in answers {
        let origin = Origin::raw(*answer);
        let forebay = Forebay::start(&origin, "[cache]\nerror_ttl = \"0s\"");
        let response = forebay.get("/a");
        let text = String::from_utf8_lossy(&answer[..answer.len().min(80)]).into_owned();
        assert_eq!(response.status(), 502, "to {text:?}: {}", response.head.raw);
        assert!(response.is_whole());
        assert_eq!(origin.count(), 1, "bytes were received: no retry of {text:?}");
    }
}

#[test]
fn b10_heads_beyond_all_measure_are_502_and_cost_little() {
    let long = format!(
        "HTTP/1.1 200 OK\r\nX-Long: {}\r\nContent-Length: 0\r\n\r\n",
        "x".repeat(1024 * 1024)
    );
    let many: String = (0..500).map(|n| format!("X-{n}: {n}\r\n")).collect();
    let many = format!("HTTP/1.1 200 OK\r\n{many}Content-Length: 0\r\n\r\n");
    let huge: String = (0..10_000).map(|n| format!("X-{n}: {}\r\n", "x".repeat(1000))).collect();
    let huge = format!("HTTP/1.1 200 OK\r\n{huge}Content-Length: 0\r\n\r\n");
    for answer in [long, many, huge] {
        let origin = Origin::raw(answer);
        let forebay = Forebay::start(&origin, "");
        forebay.get("/a").expect_status(502);
        assert!(forebay.peak_memory() < 256);
    }
}

#[test]
fn b11_a_malformed_status_line_is_502() {
    bad_gateway(&[
        b"garbage\r\n\r\n",
        b"<html>HTTP/0.9</html>\r\n\r\n",
        b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 99 Low\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 1000 High\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 2xx OK\r\nContent-Length: 0\r\n\r\n",
    ]);
}

#[test]
fn b11_a_status_line_without_a_reason_is_fine() {
    let origin = Origin::raw("HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok");
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect(200, "ok");
}

#[test]
fn b12_a_malformed_chunk_tears_the_answer_and_is_not_stored() {
    for body in [
        "xyz\r\nhello\r\n0\r\n\r\n",
        "5\r\nhelloX\r\n0\r\n\r\n",
        "FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n",
    ] {
        torn_and_not_stored(move |exchange| {
            exchange.send(format!("{FRESH}Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n{body}"));
            exchange.close();
        });
    }
}

#[test]
fn b13_an_invalid_content_length_is_502() {
    bad_gateway(&[
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 4\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n\r\nhello",
    ]);
}

#[test]
fn a_length_that_is_said_twice_is_passed_on_once() {
    for lines in ["Content-Length: 5, 5", "Content-Length: 5\r\nContent-Length: 5"] {
        let origin = Origin::raw(format!("HTTP/1.1 200 OK\r\n{lines}\r\n\r\nhello"));
        let forebay = Forebay::start(&origin, "");
        let response = forebay.get("/a").expect(200, "hello");
        assert_eq!(response.all("content-length"), ["5"]);
    }
}

#[test]
fn a_connection_that_answered_as_http_1_0_is_not_used_again() {
    let origin = Origin::start(|exchange| {
        exchange
            .send("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 6\r\n\r\nserved");
    });
    let forebay = Forebay::start(&origin, "");
    for _ in 0..2 {
        let mut client = forebay.connect();
        let chunked = [("transfer-encoding", "chunked")];
        client.send_request("POST", "/a", &chunked, b"");
        client.send("5\r\nhello\r\n0\r\n\r\n");
        client.read().expect(200, "served");
    }
    assert_eq!(origin.connections(), 2);
    for request in origin.requests() {
        assert_eq!((request.head.word(2), request.content.as_slice()), ("HTTP/1.1", &b"hello"[..]));
    }
}

#[test]
fn b14_chunked_beside_a_length_wins_and_ends_the_connection() {
    let origin = Origin::start(|exchange| match exchange.number() {
        1 => {
            exchange.send(format!("{FRESH}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"));
        }
        _ => exchange.reply(&ok("second")),
    });
    let forebay = Forebay::start(&origin, "[cache]\nerror_ttl = \"0s\"");
    let mut client = forebay.connect();
    let first = client.get("/a");
    if first.status() == 200 {
        assert_eq!(first.text(), "hello");
        assert_ne!(first.field("content-length"), Some("3"), "{}", first.head.raw);
    } else {
        first.expect_status(502);
    }
    client.get("/b").expect(200, "second");
    assert_eq!(origin.last().connection, 2);
}

#[test]
fn b15_a_transfer_encoding_other_than_chunked_is_502() {
    bad_gateway(&[
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: unheard-of, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ]);
}

#[test]
fn b16_http_1_0_with_transfer_encoding_is_502() {
    bad_gateway(&[b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"]);
}

/// The first answer has more bytes behind it than its framing says: nobody may ever be given them.
#[track_caller]
fn nothing_behind_is_read(
    method: &'static str,
    answer: &'static str,
    fields: &[(&str, &str)],
    status: u16,
    body: &str,
) {
    let origin = Origin::start(move |exchange| match exchange.number() {
        1 => {
            exchange.send(answer);
        }
        _ => exchange.reply(&ok("second")),
    });
    let forebay = Forebay::start(&origin, "[cache]\nenabled = false");
    let mut client = forebay.connect();
    let first = client.request(method, "/a", fields, b"");
    assert_eq!(
        (first.status(), first.text().as_str(), first.is_whole()),
        (status, body, true),
        "{}",
        first.head.raw
    );
    client.get("/b").expect(200, "second");
    assert_eq!(origin.last().connection, 2, "the connection was used again");
}

#[test]
fn b17_bytes_behind_the_length_are_dropped_with_their_connection() {
    nothing_behind_is_read(
        "GET",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil",
        &[],
        200,
        "hello",
    );
}

#[test]
fn b18_a_head_request_answered_with_a_body_shifts_nothing() {
    nothing_behind_is_read(
        "HEAD",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        &[],
        200,
        "",
    );
}

#[test]
fn b19_a_204_has_no_body_whatever_it_says() {
    nothing_behind_is_read(
        "GET",
        "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello",
        &[],
        204,
        "",
    );
}

#[test]
fn b19_a_204_goes_out_without_framing_fields() {
    for framing in ["Content-Length: 0", "Transfer-Encoding: chunked"] {
        let origin = Origin::raw(format!("HTTP/1.1 204 No Content\r\n{framing}\r\n\r\n"));
        let forebay = Forebay::start(&origin, "[cache]\nerror_ttl = \"0s\"");
        let response = forebay.get("/a");
        if framing.starts_with("Transfer") && response.status() == 502 {
            continue;
        }
        response.clone().expect(204, "");
        assert_eq!(
            (response.field("content-length"), response.field("transfer-encoding")),
            (None, None)
        );
    }
}

#[test]
fn b19_a_304_has_no_body_whatever_it_says() {
    let conditional = [("if-none-match", "\"x\"")];
    nothing_behind_is_read(
        "GET",
        "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n\r\nhello",
        &conditional,
        304,
        "",
    );
}

#[test]
fn b19_a_205_goes_out_without_a_body() {
    let origin = Origin::always(Reply::new(205).content("hello"));
    let forebay = Forebay::start(&origin, "");
    let mut client = forebay.connect();
    let response = client.get("/a").expect(205, "");
    assert!(matches!(response.field("content-length"), None | Some("0")), "{}", response.head.raw);
    client.get("/b").expect_status(205);
}

#[test]
fn b20_a_304_to_a_request_without_conditions_is_502() {
    let origin = Origin::always(Reply::new(304).field("etag", "\"x\""));
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect_status(502);
}

#[test]
fn b21_a_304_for_another_representation_freshens_nothing() {
    let origin =
        Origin::start(|exchange| match (exchange.number(), exchange.field("if-none-match")) {
            (1, _) => exchange
                .reply(&ok("old").field("cache-control", "max-age=0").field("etag", "\"a\"")),
            (2, Some("\"a\"")) => exchange.reply(
                &Reply::new(304).field("etag", "\"b\"").field("cache-control", "max-age=60"),
            ),
            (_, None) => exchange.reply(&fresh("new").field("etag", "\"b\"")),
            _ => exchange.reply(&Reply::new(400)),
        });
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect(200, "old");
    forebay.get("/a").expect(200, "new");
    assert_eq!(origin.count(), 3);
    forebay.hit("/a").expect(200, "new");
}

#[test]
fn b22_a_304_updates_only_what_it_may() {
    let origin = Origin::start(|exchange| match exchange.number() {
        1 => exchange.reply(
            &ok("hello")
                .field("cache-control", "max-age=0")
                .field("etag", "\"a\"")
                .field("x-version", "1")
                .field("content-type", "text/plain"),
        ),
        _ => {
            exchange.send("HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\nCache-Control: max-age=60\r\nX-Version: 2\r\nContent-Length: 0\r\nContent-Encoding: gzip\r\nSet-Cookie: id=1\r\nContent-Range: bytes 0-1/2\r\n\r\n");
        }
    });
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect(200, "hello");
    forebay.get("/a").expect(200, "hello");
    let hit = forebay.hit("/a").expect(200, "hello");
    assert_eq!(origin.count(), 2);
    assert_eq!(
        (hit.field("x-version"), hit.field("content-length"), hit.field("content-type")),
        (Some("2"), Some("5"), Some("text/plain"))
    );
    assert_eq!(
        (hit.field("content-encoding"), hit.field("set-cookie"), hit.field("content-range")),
        (None, None, None)
    );
}

#[test]
fn b24_a_101_to_a_request_without_upgrade_is_502() {
    let origin = Origin::start(|exchange| {
        exchange.send(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: evil\r\n\r\nbytes",
        );
        exchange.stall();
    });
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect_status(502);
}

#[test]
fn b25_a_206_to_a_request_without_range_is_not_stored() {
    let origin = Origin::always(
        Reply::new(206)
            .field("content-range", "bytes 0-4/10")
            .field("cache-control", "max-age=60")
            .content("hello"),
    );
    let forebay = Forebay::start(&origin, "[cache]\nerror_ttl = \"0s\"");
    for asked in 1..=2 {
        let response = forebay.get("/a");
        assert!(matches!(response.status(), 206 | 502), "{}", response.head.start);
        assert_eq!(origin.count(), asked);
    }
}

#[test]
fn b26_a_206_with_a_wrong_range_is_not_stored() {
    for range in [
        None,
        Some("bytes 5-9/10"),
        Some("bytes 4-0/10"),
        Some("bits 0-4/10"),
        Some("bytes */10"),
        Some("junk"),
    ] {
        let origin = Origin::start(move |exchange| {
            let reply = Reply::new(206)
                .field("cache-control", "max-age=60")
                .field("etag", "\"a\"")
                .content("hello");
            exchange
                .reply(&range.map_or(reply.clone(), |range| reply.field("content-range", range)));
        });
        let forebay = Forebay::start(&origin, "[cache]\nerror_ttl = \"0s\"");
        let partial = forebay.get_with("/a", &[("range", "bytes=0-4")]);
        assert!(matches!(partial.status(), 206 | 502), "{}", partial.head.start);
        let asked = origin.count();
        let whole = forebay.get("/a");
        assert!(origin.count() > asked && !whole.is_reused(), "{range:?}: {}", whole.head.raw);
    }
}

#[test]
fn b27_trailers_of_the_origin_are_dropped() {
    let origin = Origin::start(|exchange| {
        exchange.send(format!("{FRESH}Trailer: X-Trailer\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Trailer: 1\r\nSet-Cookie: id=1\r\nContent-Length: 99\r\n\r\n"));
    });
    let forebay = Forebay::start(&origin, "");
    let mut client = forebay.connect();
    for _ in 0..2 {
        let response = client.get_with("/a", &[("te", "trailers")]).expect(200, "hello");
        assert_eq!(response.trailers, []);
        for name in ["x-trailer", "set-cookie", "trailer"] {
            assert_eq!(response.field(name), None, "{}", response.head.raw);
        }
    }
    assert_eq!(origin.count(), 1);
}

#[test]
fn b28_hop_by_hop_fields_are_neither_passed_nor_stored() {
    let origin = Origin::start(|exchange| {
        exchange.send(format!("{FRESH}Connection: X-Foo, x-bar\r\nX-Foo: 1\r\nX-Bar: 1\r\nKeep-Alive: timeout=5\r\nProxy-Authenticate: Basic\r\nUpgrade: h2c\r\nProxy-Connection: close\r\nX-Kept: 1\r\nContent-Length: 5\r\n\r\nhello"));
    });
    let forebay = Forebay::start(&origin, "");
    for _ in 0..2 {
        let response = forebay.get("/a").expect(200, "hello");
        for name in
            ["x-foo", "x-bar", "keep-alive", "proxy-authenticate", "upgrade", "proxy-connection"]
        {
            assert_eq!(response.field(name), None, "{}", response.head.raw);
        }
        assert_eq!(response.field("x-kept"), Some("1"));
    }
    assert_eq!(origin.count(), 1);
}

#[test]
fn b29_a_malformed_field_is_502() {
    bad_gateway(&[
        b"HTTP/1.1 200 OK\r\nX-A: a\0b\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-A: a\rSet-Cookie: b\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-A: a\r\n folded\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-A : a\r\nContent-Length: 0\r\n\r\n",
    ]);
}

#[test]
fn b36_a_date_in_the_future_makes_no_negative_age() {
    let origin = Origin::always(fresh("hello").field("date", date(3600)));
    let forebay = Forebay::start(&origin, "");
    let first = forebay.get("/a").expect(200, "hello");
    let hit = forebay.hit("/a").expect(200, "hello");
    assert!(hit.age().is_some_and(|age| age < 30), "{}", hit.head.raw);
    assert_eq!(first.field("date"), hit.field("date"));
}

#[test]
fn b36_a_date_in_the_past_is_an_age() {
    let origin = Origin::start(|exchange| {
        let lifetime = if exchange.target() == "/long" { "max-age=7200" } else { "max-age=60" };
        exchange.reply(&ok("hello").field("cache-control", lifetime).field("date", date(-3600)));
    });
    let forebay = Forebay::start(&origin, "");
    forebay.get("/long").expect(200, "hello");
    let hit = forebay.hit("/long").expect(200, "hello");
    assert!(hit.age().is_some_and(|age| (3600..3660).contains(&age)), "{}", hit.head.raw);
    forebay.get("/short").expect(200, "hello");
    forebay.get("/short").expect(200, "hello");
    assert_eq!(origin.count_of("/short"), 2);
}

#[test]
fn b36_a_missing_date_is_added_and_kept() {
    let origin = Origin::always(fresh("hello"));
    let forebay = Forebay::start(&origin, "");
    let first = forebay.get("/a").expect(200, "hello");
    let date = first.field("date").expect("a Date");
    assert!(httpdate::parse_http_date(date).is_ok(), "{date}");
    forebay.hit("/a");
}

#[test]
fn b36_an_invalid_age_makes_nothing_fresher() {
    for (age, may_be_fresh) in [
        ("-1", true),
        ("1.5", true),
        ("a", true),
        ("2147483648", false),
        ("99999999999999999999", false),
        ("61", false),
    ] {
        let origin = Origin::always(fresh("hello").field("age", age));
        let forebay = Forebay::start(&origin, "");
        forebay.get("/a").expect(200, "hello");
        let second = forebay.get("/a").expect(200, "hello");
        assert!(!second.is_reused() || may_be_fresh, "Age: {age}: {}", second.head.raw);
        if second.is_reused() {
            assert_eq!(second.all("age").len(), 1);
            assert!(second.age().is_some(), "{}", second.head.raw);
        }
    }
}

/// The time so many seconds from now.
fn date(seconds: i64) -> String {
    let now = std::time::SystemTime::now();
    let shift = std::time::Duration::from_secs(seconds.unsigned_abs());
    httpdate::fmt_http_date(if seconds < 0 { now - shift } else { now + shift })
}
