//! (b) Origins that break off, never answer, or answer twice.

use std::net::TcpListener;

use crate::support::{
    Exchange, Forebay, Gate, Launch, Origin, Reply, ms, ok, stay_silent, unused_address,
};

/// A head without framing, fresh for a minute.
pub(crate) const FRESH: &str = "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n";

/// Two clients get a torn answer, 502 or nothing at all, and each time the origin is asked.
#[track_caller]
pub(crate) fn torn_and_not_stored(script: impl Fn(&mut Exchange<'_>) + Send + Sync + 'static) {
    let origin = Origin::start(script);
    let forebay = Forebay::start(&origin, "[cache]\nerror_ttl = \"0s\"");
    for asked in 1..=2 {
        let mut client = forebay.connect();
        client.send_request("GET", "/a", &[], b"");
        if let Ok(response) = client.try_read() {
            let whole = response.is_whole() && response.status() != 502;
            assert!(!whole, "whole: {}{}", response.head.raw, response.text());
        }
        assert_eq!(origin.count(), asked);
    }
}

#[test]
fn b01_a_body_shorter_than_its_length_is_torn_and_not_stored() {
    torn_and_not_stored(|exchange| {
        exchange.send(format!("{FRESH}Content-Length: 1000\r\n\r\n{}", "x".repeat(400)));
        exchange.close();
    });
}

#[test]
fn b01_the_bytes_before_the_tear_are_passed_on() {
    let read = Gate::new();
    let origin = Origin::start({
        let read = read.clone();
        move |exchange| {
            exchange.send(format!("{FRESH}Content-Length: 1000\r\n\r\n{}", "x".repeat(400)));
            exchange.wait(&read);
            exchange.close();
        }
    });
    let forebay = Forebay::start(&origin, "");
    let mut client = forebay.connect();
    client.send_request("GET", "/a", &[], b"");
    let head = client.read_head();
    assert_eq!((head.word(1), client.read_exactly(400)), ("200", vec![b'x'; 400]));
    read.open();
    client.expect_closed();
}

#[test]
fn b03_chunked_without_a_last_chunk_is_torn_and_not_stored() {
    torn_and_not_stored(|exchange| {
        exchange.send(format!("{FRESH}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"));
        exchange.close();
    });
}

#[test]
fn b04_a_body_delimited_by_the_close_is_delivered_and_stored_when_fresh() {
    let origin = Origin::raw(format!("{FRESH}\r\nhello"));
    let forebay = Forebay::start(&origin, "");
    let first = forebay.get("/a").expect(200, "hello");
    assert_eq!(first.field("content-length"), None, "its length was not known at its head");
    forebay.hit("/a").expect(200, "hello");
    assert_eq!(origin.count(), 1);
}

#[test]
fn b04_a_body_delimited_by_the_close_is_not_stored_without_a_lifetime() {
    let origin = Origin::raw("HTTP/1.1 200 OK\r\n\r\nhello");
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect(200, "hello");
    forebay.get("/a").expect(200, "hello");
    assert_eq!(origin.count(), 2);
}

#[test]
fn b05_a_body_delimited_by_a_reset_is_torn_and_not_stored() {
    torn_and_not_stored(|exchange| {
        exchange.send(format!("{FRESH}\r\nhello"));
        exchange.reset();
    });
}

#[test]
fn b06_a_refused_connection_is_502() {
    let forebay = Launch::new(&format!("http://{}", unused_address()), "").start();
    forebay.get("/a").expect_status(502);
    forebay.request("POST", "/a", &[], b"x").expect_status(502);
}

#[test]
fn b06_a_reset_before_the_status_is_502() {
    let origin = Origin::start(|exchange| exchange.reset());
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect_status(502);
    assert!(origin.count() <= 2);
}

#[test]
fn b06_a_post_is_never_sent_twice() {
    let origin = Origin::start(|exchange| exchange.reset());
    let forebay = Forebay::start(&origin, "");
    forebay.request("POST", "/a", &[], b"x").expect_status(502);
    assert_eq!(origin.count(), 1);
}

#[test]
fn b06_a_reset_behind_the_request_line_is_502() {
    let origin = Origin::start_unread(|exchange| exchange.reset());
    let forebay = Forebay::start(&origin, "");
    let mut client = forebay.connect();
    client.send_request("POST", "/a", &[("content-length", "1000")], b"the beginning");
    client.read().expect_status(502);
    assert_eq!(origin.count(), 1);
}

#[test]
fn b06_a_reset_in_the_middle_of_the_head_is_502_and_not_retried() {
    let origin = Origin::start(|exchange| {
        exchange.send("HTTP/1.1 200 OK\r\nContent-Le");
        exchange.reset();
    });
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect_status(502);
    assert_eq!(origin.count(), 1);
}

#[test]
fn b06_a_reset_behind_the_head_or_in_the_body_tears_the_answer() {
    torn_and_not_stored(|exchange| {
        exchange.send(format!("{FRESH}Content-Length: 10\r\n\r\n"));
        exchange.reset();
    });
    torn_and_not_stored(|exchange| {
        exchange.send(format!("{FRESH}Content-Length: 10\r\n\r\nhello"));
        exchange.reset();
    });
}

/// The first answer is good and its connection stays open; the second request on it is met with a reset.
fn origin_that_drops_reused_connections() -> Origin {
    Origin::start(|exchange| match (exchange.request().connection, exchange.number()) {
        (1, 1) => exchange.reply(&ok("first")),
        (1, _) => exchange.reset(),
        _ => exchange.reply(&ok("second connection")),
    })
}

#[test]
fn b06_a_get_on_a_reused_connection_is_retried_once_on_a_new_one() {
    let origin = origin_that_drops_reused_connections();
    let forebay = Forebay::start(&origin, "");
    let mut client = forebay.connect();
    client.get("/a").expect(200, "first");
    client.get("/b").expect(200, "second connection");
    assert_eq!(origin.targets(), ["/a", "/b", "/b"]);
}

#[test]
fn b06_a_post_on_a_reused_connection_is_not_retried() {
    let origin = origin_that_drops_reused_connections();
    let forebay = Forebay::start(&origin, "");
    let mut client = forebay.connect();
    client.get("/a").expect(200, "first");
    client.request("POST", "/b", &[], b"x").expect_status(502);
    assert_eq!(origin.targets(), ["/a", "/b"]);
}

#[test]
fn b07_a_connect_that_is_never_answered_is_504() {
    // A listener whose queue is full answers no SYN.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&"127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap().into()).unwrap();
    socket.listen(0).unwrap();
    let address = TcpListener::from(socket.try_clone().unwrap()).local_addr().unwrap();
    let mut filling = Vec::new();
    while let Ok(stream) = std::net::TcpStream::connect_timeout(&address, ms(200)) {
        filling.push(stream);
        assert!(filling.len() < 100, "the queue does not fill");
    }
    let forebay =
        Launch::new(&format!("http://{address}"), "[upstream]\nconnect_timeout = \"200ms\"")
            .start();
    forebay.get("/a").expect_status(504);
}

#[test]
fn b08_an_origin_that_never_answers_is_504() {
    let gone = Gate::new();
    let origin = Origin::start({
        let gone = gone.clone();
        move |exchange| {
            if exchange.peer_leaves() {
                gone.open();
            }
        }
    });
    let forebay = Forebay::start(&origin, "[upstream]\nresponse_timeout = \"300ms\"");
    forebay.get("/a").expect_status(504);
    gone.wait();
    assert_eq!(origin.count(), 1);
}

#[test]
fn b08_the_response_timeout_ends_with_the_heads_last_byte_and_not_before() {
    let origin = Origin::start(|exchange| match exchange.target() {
        "/dribble" => {
            for byte in b"HTTP/1.1 200 OK\r\nX-Slow: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n" {
                exchange.send([*byte]);
                stay_silent(ms(25));
            }
        }
        _ => {
            stay_silent(ms(150));
            exchange.reply(&ok("in time"));
        }
    });
    let forebay = Forebay::start(&origin, "[upstream]\nresponse_timeout = \"500ms\"");
    forebay.get("/slow").expect(200, "in time");
    forebay.get("/dribble").expect_status(504);
}

#[test]
fn b30_an_early_refusal_is_passed_on_and_ends_the_connection() {
    let origin = Origin::start_unread(|exchange| {
        exchange.send(
            "HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 8\r\n\r\ntoo much",
        );
        exchange.finish_sending();
        exchange.peer_leaves();
    });
    let forebay = Forebay::start(&origin, "");
    let mut client = forebay.connect();
    client.send_request("POST", "/a", &[("content-length", "5000000")], b"the beginning");
    let response = client.read().expect(413, "too much");
    assert!(response.says_close(), "{}", response.head.raw);
    client.expect_closed();
}

#[test]
fn b32_bytes_on_an_idle_connection_are_never_the_next_answer() {
    let (answered, poisoned) = (Gate::new(), Gate::new());
    let origin = Origin::start({
        let (answered, poisoned) = (answered.clone(), poisoned.clone());
        move |exchange| match exchange.number() {
            1 => {
                exchange.reply(&ok("first"));
                exchange.wait(&answered);
                exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
                poisoned.open();
            }
            _ => exchange.reply(&ok("second")),
        }
    });
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect(200, "first");
    answered.open();
    poisoned.wait();
    forebay.get("/b").expect(200, "second");
    assert_eq!(origin.last().connection, 2);
}

#[test]
fn b34_a_burst_of_5xx_is_bridged_with_a_stale_response() {
    let origin = Origin::start(|exchange| match exchange.number() {
        1 => exchange.reply(
            &ok("good").field("cache-control", "max-age=60, stale-if-error=600").field("age", "70"),
        ),
        number => exchange.reply(&Reply::new([500, 502, 503, 504][number % 4]).content("bad")),
    });
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect(200, "good");
    for _ in 0..4 {
        let response = forebay.get("/a").expect(200, "good");
        assert_eq!(response.field("warning"), None);
        assert_eq!(
            response.cache_parameter("fwd").as_deref(),
            Some("stale"),
            "{}",
            response.cache_status()
        );
    }
    origin.stop();
    forebay.get("/a").expect(200, "good");
}

#[test]
fn b35_a_loop_through_ourselves_is_508() {
    let address = unused_address();
    let behind = Launch::new(&format!("http://{address}"), "").start();
    let upstream = format!("http://{}", behind.address());
    let forebay = Launch::new(&upstream, &format!("[server]\nlisten = [\"{address}\"]")).start();
    forebay.get("/a").expect_status(508);
}
