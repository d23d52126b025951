//! Content in both directions: framed anew, streamed, whole or visibly torn.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{
    Client, End, Forebay, Gate, HOST, Launch, Origin, Reply, eventually, fresh, ms, noise, ok,
    stay_silent, unused_address,
};

const MIB: usize = 1024 * 1024;

#[test]
fn a_length_stays_a_length() {
    let origin = Origin::always(ok("hello"));
    let forebay = Forebay::start(&origin, "");
    let response = forebay.get("/a").expect(200, "hello");
    assert_eq!(
        (response.all("content-length"), response.field("transfer-encoding")),
        (vec!["5"], None)
    );
}

#[test]
fn chunks_stay_chunks_for_http_1_1() {
    let origin = Origin::always(ok("hello").chunked());
    let forebay = Forebay::start(&origin, "");
    let mut client = forebay.connect();
    for _ in 0..2 {
        let response = client.get("/a").expect(200, "hello");
        assert_eq!(
            (response.field("content-length"), response.all("transfer-encoding")),
            (None, vec!["chunked"])
        );
    }
}

#[test]
fn chunks_are_undone_for_http_1_0() {
    let origin = Origin::always(ok("hello").chunked());
    let forebay = Forebay::start(&origin, "");
    let mut client = forebay.connect();
    client.send(format!("GET /a HTTP/1.0\r\nHost: {HOST}\r\n\r\n"));
    let response = client.read().expect(200, "hello");
    assert_eq!(response.field("transfer-encoding"), None, "{}", response.head.raw);
    client.expect_closed();
}

#[test]
fn an_http_1_0_client_may_keep_its_connection_for_a_known_length() {
    let origin = Origin::always(ok("hello"));
    let forebay = Forebay::start(&origin, "");
    let mut client = forebay.connect();
    for _ in 0..2 {
        client.send(format!("GET /a HTTP/1.0\r\nHost: {HOST}\r\nConnection: keep-alive\r\n\r\n"));
        client.read().expect(200, "hello");
    }
}

#[test]
fn a_request_without_a_body_goes_out_without_framing() {
    let origin = Origin::always(ok("hello"));
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect_status(200);
    let request = origin.last();
    assert_eq!(
        (request.field("content-length"), request.field("transfer-encoding")),
        (None, None),
        "{}",
        request.head.raw
    );
    forebay.request("POST", "/a", &[("content-length", "0")], b"").expect_status(200);
    let request = origin.last();
    assert_eq!(
        (request.field("content-length").unwrap_or("0"), request.field("transfer-encoding")),
        ("0", None)
    );
}

#[test]
fn an_uploads_framing_is_kept() {
    let origin = Origin::always(ok("hello"));
    let forebay = Forebay::start(&origin, "");
    forebay.request("PUT", "/a", &[], b"known").expect_status(200);
    let request = origin.last();
    assert_eq!(
        (request.all("content-length"), request.field("transfer-encoding")),
        (vec!["5"], None)
    );
    let mut client = forebay.connect();
    client.send(format!("PUT /a HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: Chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n"));
    client.read().expect_status(200);
    let request = origin.last();
    assert_eq!(
        (request.field("content-length"), request.all("transfer-encoding")),
        (None, vec!["chunked"])
    );
    assert_eq!(request.content, b"abcde");
}

#[test]
fn a_big_download_passes_whole_in_little_memory() {
    let piece = Arc::new(noise(MIB));
    let origin = Origin::start({
        let piece = Arc::clone(&piece);
        move |exchange| {
            let framing = if exchange.target() == "/chunked" {
                "Transfer-Encoding: chunked".to_owned()
            } else {
                format!("Content-Length: {}", 128 * MIB)
            };
            exchange.send(format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n"));
            for _ in 0..128 {
                if exchange.target() == "/chunked" {
                    exchange.send("100000\r\n");
                    exchange.send(&*piece);
                    exchange.send("\r\n");
                } else {
                    exchange.send(&*piece);
                }
            }
            if exchange.target() == "/chunked" {
                exchange.send("0\r\n\r\n");
            }
        }
    });
    let forebay = Forebay::start(&origin, "");
    for target in ["/known", "/chunked"] {
        let response = forebay.get(target);
        assert_eq!(
            (response.status(), response.end, response.body.len()),
            (200, End::Whole, 128 * MIB)
        );
        assert!(response.body.chunks(MIB).all(|got| got == &piece[..]));
    }
    assert!(forebay.peak_memory() < 100, "{} MiB", forebay.peak_memory());
}

#[test]
fn a_big_upload_passes_whole_in_little_memory() {
    let origin = Origin::always(ok("thanks"));
    let forebay = Forebay::start(&origin, "[server.limits]\nrequest_body = \"100MiB\"");
    let body = noise(64 * MIB);
    forebay.request("POST", "/known", &[], &body).expect(200, "thanks");
    assert!(origin.last().content == body);
    let mut client = forebay.connect();
    client.send(format!(
        "POST /chunked HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n"
    ));
    for piece in body.chunks(MIB) {
        client.send(format!("{:x}\r\n", piece.len()));
        client.send(piece);
        client.send("\r\n");
    }
    client.send("0\r\n\r\n");
    client.read().expect(200, "thanks");
    assert!(origin.last().content == body);
    assert!(forebay.peak_memory() < 100, "{} MiB", forebay.peak_memory());
}

#[test]
fn a_reader_that_stops_holds_the_origin_back() {
    let sent = Arc::new(AtomicUsize::new(0));
    let origin = Origin::start({
        let sent = Arc::clone(&sent);
        move |exchange| {
            exchange.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 256 * MIB));
            let piece = vec![b'x'; MIB];
            while sent.load(Ordering::SeqCst) < 256 && exchange.send(&piece) {
                sent.fetch_add(1, Ordering::SeqCst);
            }
        }
    });
    let forebay = Forebay::start(&origin, "");
    let mut client = Client::connect_narrow(forebay.address());
    client.send_request("GET", "/a", &[], b"");
    let head = client.read_head();
    // The origin comes to a stop by itself, long before the end.
    let mut before = usize::MAX;
    eventually("the origin is held back", || {
        stay_silent(ms(300));
        let now = sent.load(Ordering::SeqCst);
        std::mem::replace(&mut before, now) == now
    });
    assert!(sent.load(Ordering::SeqCst) < 64, "{} MiB were taken", sent.load(Ordering::SeqCst));
    assert!(forebay.peak_memory() < 100, "{} MiB", forebay.peak_memory());
    let (body, end) = client.read_body(&head);
    assert_eq!((body.len(), end), (256 * MIB, End::Whole));
}

#[test]
fn each_event_of_a_stream_passes_at_once() {
    let (read_first, read_second) = (Gate::new(), Gate::new());
    let origin = Origin::start({
        let (read_first, read_second) = (read_first.clone(), read_second.clone());
        move |exchange| {
            exchange.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n");
            exchange.send("9\r\ndata: 1\n\n\r\n");
            exchange.wait(&read_first);
            exchange.send("9\r\ndata: 2\n\n\r\n");
            exchange.wait(&read_second);
            exchange.send("0\r\n\r\n");
        }
    });
    let forebay = Forebay::start(&origin, "");
    let mut client = forebay.connect();
    client.send_request("GET", "/events", &[("accept-encoding", "gzip, br")], b"");
    let head = client.read_head();
    assert_eq!(
        (head.field("content-type"), head.field("content-encoding")),
        (Some("text/event-stream"), None)
    );
    assert_eq!(client.read_chunk(), b"data: 1\n\n");
    read_first.open();
    assert_eq!(client.read_chunk(), b"data: 2\n\n");
    read_second.open();
    assert_eq!(client.read_chunk(), b"");
}

#[test]
fn a_storable_answer_passes_at_once_too() {
    let read_first = Gate::new();
    let origin = Origin::start({
        let read_first = read_first.clone();
        move |exchange| {
            exchange.send("HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
            exchange.wait(&read_first);
            exchange.send("6\r\nsecond\r\n0\r\n\r\n");
        }
    });
    let forebay = Forebay::start(&origin, "");
    let mut client = forebay.connect();
    client.send_request("GET", "/a", &[], b"");
    client.read_head();
    assert_eq!(client.read_chunk(), b"first");
    read_first.open();
    assert_eq!(client.read_chunk(), b"second");
}

#[test]
fn an_upload_passes_as_it_comes() {
    let seen = Gate::new();
    let origin = Origin::start_unread({
        let seen = seen.clone();
        move |exchange| {
            let first = exchange.read_some();
            if first.starts_with(b"first") {
                seen.open();
            }
            // The rest, five bytes of "later" behind "first".
            let mut later = first;
            while later.len() < 10 {
                later.extend(exchange.read_some());
            }
            exchange.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 10\r\n\r\n");
            exchange.send(later);
            exchange.close();
        }
    });
    let forebay = Forebay::start(&origin, "");
    let mut client = forebay.connect();
    client.send_request("POST", "/a", &[("content-length", "10")], b"first");
    seen.wait();
    client.send("later");
    client.read().expect(200, "firstlater");
}

#[test]
fn a_client_that_waits_for_100_gets_it_and_then_its_answer() {
    for origin_says_continue in [true, false] {
        let origin = Origin::start_unread(move |exchange| {
            if origin_says_continue {
                exchange.send("HTTP/1.1 100 Continue\r\n\r\n");
            }
            exchange.read_content();
            let body = exchange.request().content.clone();
            exchange.reply(&ok(body));
        });
        let forebay = Forebay::start(&origin, "");
        let mut client = forebay.connect();
        client.send_request(
            "POST",
            "/a",
            &[("content-length", "5"), ("expect", "100-continue")],
            b"",
        );
        assert_eq!(client.read_interim().word(1), "100");
        client.send("hello");
        client.read().expect(200, "hello");
        client.get("/next").expect_status(200);
    }
}

#[test]
fn a_refused_expectation_gets_no_100() {
    let origin = Origin::start_unread(|exchange| {
        exchange.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno");
        exchange.close();
    });
    let forebay = Forebay::start(&origin, "");
    let mut client = forebay.connect();
    client.send_request("POST", "/a", &[("content-length", "5"), ("expect", "100-continue")], b"");
    let response = client.read().expect(403, "no");
    assert!(response.interim.is_empty() && response.says_close(), "{}", response.head.raw);
    client.expect_closed();
}

#[test]
fn a_body_sent_without_awaiting_100_is_taken() {
    let origin = Origin::start(|exchange| exchange.reply(&ok(exchange.request().content.clone())));
    let forebay = Forebay::start(&origin, "");
    let response = forebay.request("POST", "/a", &[("expect", "100-continue")], b"hello");
    response.expect(200, "hello");
}

#[test]
fn head_goes_forward_as_head_and_has_no_body() {
    let origin = Origin::always(ok("hello"));
    let forebay = Forebay::start(&origin, "");
    let mut client = forebay.connect();
    let response = client.request("HEAD", "/a", &[], b"").expect(200, "");
    assert_eq!((origin.last().method(), response.field("content-length")), ("HEAD", Some("5")));
    // Not one byte of a body followed.
    client.get("/b").expect(200, "hello");
}

#[test]
fn a_head_of_an_error_has_no_body_either() {
    let forebay = Launch::new(&format!("http://{}", unused_address()), "").start();
    let mut client = forebay.connect();
    client.request("HEAD", "/a", &[], b"").expect(502, "");
    assert!(!client.get("/b").expect_status(502).body.is_empty());
}

#[test]
fn a_204_stays_empty() {
    let origin = Origin::always(Reply::new(204));
    let forebay = Forebay::start(&origin, "");
    let mut client = forebay.connect();
    for _ in 0..2 {
        let response = client.get("/a").expect(204, "");
        assert_eq!(
            (response.field("content-length"), response.field("transfer-encoding")),
            (None, None)
        );
    }
}

#[test]
fn a_declared_body_over_the_limit_is_413_and_not_forwarded() {
    let origin = Origin::always(ok("served"));
    let forebay = Forebay::start(&origin, "[server.limits]\nrequest_body = \"1KiB\"");
    let mut client = forebay.connect();
    client.send_request("POST", "/a", &[("content-length", "1025")], b"the beginning");
    let response = client.read().expect_status(413);
    assert!(response.says_close());
    client.expect_closed();
    forebay.request("POST", "/fits", &[], &noise(1024)).expect(200, "served");
    assert_eq!(origin.targets(), ["/fits"]);
}

#[test]
fn a_chunked_body_that_grows_over_the_limit_is_413_and_aborted() {
    let origin = Origin::always(ok("served"));
    let forebay = Forebay::start(&origin, "[server.limits]\nrequest_body = \"1KiB\"");
    let mut client = forebay.connect();
    client.send(format!("POST /a HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n"));
    for _ in 0..5 {
        client.try_send(format!("100\r\n{}\r\n", "x".repeat(256)));
    }
    client.read().expect_status(413);
    client.expect_closed();
    forebay.get("/sentinel").expect_status(200);
    assert!(
        !origin.requests().iter().any(|request| request.target() == "/a" && request.is_whole())
    );
}

#[test]
fn an_unread_upload_is_never_taken_for_the_next_request() {
    // A hit, or any early answer, leaves the body on the connection.
    let origin = Origin::start_unread(|exchange| match exchange.method() {
        "GET" => exchange.reply(&fresh("stored")),
        _ => exchange.reply(&ok("early")),
    });
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect(200, "stored");
    let smuggled = format!("GET /smuggled HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    let mut client = forebay.connect();
    client.send_request("GET", "/a", &[("content-length", "100000")], smuggled.as_bytes());
    while client.try_read().is_ok() {}
    forebay.get("/sentinel").expect_status(200);
    assert_eq!(origin.count_of("/smuggled"), 0);
}

#[test]
fn a_request_coding_is_passed_through_untouched() {
    let origin = Origin::always(ok("served"));
    let forebay = Forebay::start(&origin, "");
    let body = noise(1000);
    forebay.request("POST", "/a", &[("content-encoding", "gzip")], &body).expect_status(200);
    assert_eq!(
        (origin.last().content, origin.last().field("content-encoding")),
        (body, Some("gzip"))
    );
}

#[test]
fn a_whole_reading_client_may_have_closed_its_side() {
    let origin = Origin::always(ok("hello"));
    let forebay = Forebay::start(&origin, "");
    let mut client = forebay.connect();
    client.send_request("GET", "/a", &[], b"");
    client.finish_sending();
    client.read().expect(200, "hello");
    client.expect_closed();
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let origin = Origin::start(|exchange| {
        if exchange.target() == "/1" {
            stay_silent(ms(100));
        }
        exchange.reply(&ok(exchange.target()));
    });
    let forebay = Forebay::start(&origin, "");
    let mut client = forebay.connect();
    for target in ["/1", "/2", "/3"] {
        client.send_request("GET", target, &[], b"");
    }
    for target in ["/1", "/2", "/3"] {
        client.read().expect(200, target);
    }
}
