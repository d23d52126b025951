//! Interim responses (RFC 9110 §15.2, RFC 8297): passed on in order, before the final one, and to nobody else.

use crate::support::{Forebay, Gate, HOST, Origin, Version, fresh, noise, ok, read_all};

#[test]
fn hints_pass_before_the_answer() {
    // Forwarded in place, and fetched for whoever asks.
    for config in ["[[route]]\npath = \"/{*rest}\"\ncache = false", ""] {
        let hinted = Gate::new();
        let origin = Origin::start({
            let hinted = hinted.clone();
            move |exchange| {
                exchange.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n");
                exchange.wait(&hinted);
                exchange.reply(&ok("hello"));
            }
        });
        let forebay = Forebay::start(&origin, config);
        let mut client = forebay.connect();
        client.send_request("GET", "/a", &[], b"");
        let hints = client.read_interim();
        assert_eq!((hints.word(1), hints.field("link")), ("103", Some("</a.css>; rel=preload")));
        hinted.open();
        client.read().expect(200, "hello");
    }
}

#[test]
fn hints_wait_for_the_answer_before_them() {
    // Behind what is forwarded, what is fetched for whoever asks, and what is stored.
    let big = noise(8 * 1024 * 1024);
    for (config, stored) in
        [("[[route]]\npath = \"/{*rest}\"\ncache = false", false), ("", false), ("", true)]
    {
        let origin = Origin::start({
            let big = big.clone();
            move |exchange| match exchange.target() {
                "/big" => exchange.reply(&fresh(big.clone())),
                _ => {
                    exchange.send("HTTP/1.1 102 Processing\r\n\r\n");
                    exchange.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n");
                    exchange.reply(&ok("hello"));
                }
            }
        });
        let forebay = Forebay::start(&origin, config);
        if stored {
            forebay.get("/big").expect_status(200);
            forebay.hit("/big").expect_status(200);
        }
        let mut client = forebay.connect();
        for target in ["/big", "/hinted", "/hinted"] {
            client.send_request("GET", target, &[], b"");
        }
        let first = client.read();
        assert!(first.interim.is_empty() && first.is_whole() && first.body == big);
        for _ in 0..2 {
            let response = client.read().expect(200, "hello");
            let words: Vec<_> = response.interim.iter().map(|head| head.word(1)).collect();
            assert_eq!(words, ["102", "103"]);
            assert_eq!(response.interim[1].field("link"), Some("</a.css>"));
        }
    }
}

#[test]
fn hints_are_neither_stored_nor_mixed_into_the_answer() {
    let origin = Origin::start(|exchange| {
        exchange.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nX-Hint: 1\r\n\r\n");
        exchange.reply(&fresh("hello").field("x-answer", "1"));
    });
    let forebay = Forebay::start(&origin, "");
    let mut client = forebay.connect();
    let first = client.get("/a").expect(200, "hello");
    assert_eq!(first.interim.len(), 1);
    assert_eq!(first.interim[0].field("x-answer"), None);
    let hit = client.hit("/a");
    assert!(hit.interim.is_empty());
    for response in [first, hit] {
        let field = |name| response.field(name);
        assert_eq!((field("link"), field("x-hint"), field("x-answer")), (None, None, Some("1")));
    }
}

#[test]
fn an_origin_that_hints_without_end_is_not_passed_on_without_end() {
    let origin = Origin::start(|exchange| {
        exchange.send("HTTP/1.1 103 Early Hints\r\n\r\n".repeat(100));
        exchange.reply(&ok("hello"));
    });
    let forebay = Forebay::start(&origin, "");
    assert_eq!(forebay.get("/a").expect(200, "hello").interim.len(), 16);
}

#[test]
fn hints_are_kept_from_http_1_0() {
    let origin = Origin::start(|exchange| {
        exchange.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n");
        exchange.reply(&ok("hello"));
    });
    let forebay = Forebay::start(&origin, "");
    let mut client = forebay.connect();
    client.send(format!("GET /a HTTP/1.0\r\nHost: {HOST}\r\n\r\n"));
    let response = client.read().expect(200, "hello");
    assert!(response.interim.is_empty());
}

#[test]
fn a_100_is_never_passed_on() {
    // We say it ourselves, when the content is wanted.
    let origin = Origin::start(|exchange| {
        exchange.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n");
        exchange.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n");
        exchange.reply(&ok("hello"));
    });
    let forebay = Forebay::start(&origin, "");
    for method in ["GET", "POST"] {
        let response = forebay.request(method, "/a", &[], b"").expect(200, "hello");
        let words: Vec<_> = response.interim.iter().map(|head| head.word(1)).collect();
        assert_eq!(words, ["102", "103"], "{method}");
    }
}

#[test]
fn hints_are_for_whoever_led_and_the_answer_for_all() {
    let gate = Gate::new();
    let origin = Origin::start({
        let gate = gate.clone();
        move |exchange| {
            exchange.wait(&gate);
            exchange.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n");
            exchange.reply(&fresh("hello"));
        }
    });
    let forebay = Forebay::start(&origin, "");
    let mut clients = forebay.burst(5, "/a");
    origin.wait_for(1);
    forebay.wait_for_clients(5);
    gate.open();
    let responses = read_all(&mut clients);
    assert!(
        responses.iter().all(|response| response.status() == 200 && response.text() == "hello")
    );
    assert_eq!(responses.iter().map(|response| response.interim.len()).sum::<usize>(), 1);
    assert_eq!(origin.count(), 1);
}

#[test]
fn hints_come_before_a_part_and_before_a_304() {
    let origin = Origin::start(|exchange| {
        exchange.send("HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n");
        let version = Version::new("0123456789", "\"v1\"").field("cache-control", "max-age=0");
        let reply = version.answer(exchange);
        exchange.reply(&reply);
    });
    let forebay = Forebay::start(&origin, "");
    for fields in [vec![("range", "bytes=2-4")], vec![], vec![("if-none-match", "\"v1\"")]] {
        let response = forebay.get_with("/a", &fields);
        assert_eq!((response.interim.len(), response.field("link")), (1, None), "{fields:?}");
    }
    assert_eq!(origin.count(), 3);
}
