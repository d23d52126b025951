//! One test for each thing that went wrong once, named after it.

use crate::support::{
    Client, Forebay, Gate, Origin, Reply, eventually, fresh, ms, ok, read_all, stay_silent,
};

/// Stale on arrival, and to be served so for an hour while it is validated.
fn stale_while_revalidate(body: &str) -> Reply {
    ok(body)
        .field("cache-control", "max-age=60, stale-while-revalidate=3600")
        .field("age", "61")
        .field("etag", "\"v1\"")
}

#[test]
fn a_head_request_in_the_stale_window_evicted_the_page() {
    for directive in [None, Some(("cache-control", "no-store"))] {
        let origin = Origin::always(stale_while_revalidate("page"));
        let forebay = Forebay::start(&origin, "");
        forebay.get("/a").expect(200, "page");
        match directive {
            None => forebay.connect().request("HEAD", "/a", &[], b"").expect_status(200),
            Some(field) => forebay.get_with("/a", &[field]).expect(200, "page"),
        };
        // Whatever that request began has ended when a later one for another page has been answered.
        forebay.get("/other").expect_status(200);
        assert!(forebay.get("/a").expect(200, "page").is_reused(), "{directive:?}");
    }
}

#[test]
fn a_write_guarded_by_our_own_tag_went_out_unguarded() {
    let origin = Origin::always(fresh("page"));
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect(200, "page");
    let tag = forebay.hit("/a").field("etag").unwrap().to_owned();
    forebay.connect().request("PUT", "/a", &[("if-match", &tag)], b"new");
    assert_eq!(origin.last().field("if-match"), Some(tag.as_str()));
}

#[test]
fn the_second_line_of_a_key_header_was_not_in_the_key() {
    let origin = Origin::start(|exchange| {
        let last = exchange.request().all("x-tenant").last().copied().unwrap_or("none").to_owned();
        exchange.reply(&fresh(last));
    });
    let forebay =
        Forebay::start(&origin, "[[route]]\npath = \"/{*rest}\"\nkey_headers = [\"x-tenant\"]");
    forebay.get_with("/a", &[("x-tenant", "a"), ("x-tenant", "evil")]).expect(200, "evil");
    forebay.get_with("/a", &[("x-tenant", "a")]).expect(200, "a");
}

#[test]
fn a_304_that_changed_vary_was_stored_for_everybody() {
    let origin =
        Origin::start(|exchange| match (exchange.number(), exchange.field("if-none-match")) {
            (1, _) => exchange.reply(
                &ok("page")
                    .field("cache-control", "max-age=60")
                    .field("age", "61")
                    .field("etag", "\"v1\""),
            ),
            (_, Some(_)) => exchange.reply(
                &Reply::new(304)
                    .field("etag", "\"v1\"")
                    .field("cache-control", "max-age=60")
                    .field("vary", "origin")
                    .field("access-control-allow-origin", "https://a.test"),
            ),
            (_, None) => {
                let whose = exchange.field("origin").unwrap_or("none").to_owned();
                exchange.reply(&fresh(whose.clone()).field("vary", "origin"));
            }
        });
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect(200, "page");
    forebay.get_with("/a", &[("origin", "https://a.test")]).expect(200, "https://a.test");
    forebay.get_with("/a", &[("origin", "https://b.test")]).expect(200, "https://b.test");
}

#[test]
fn a_deleted_page_was_served_stale_as_long_as_the_window_was_open() {
    let origin = Origin::start(|exchange| match exchange.number() {
        1 => exchange.reply(&stale_while_revalidate("page")),
        _ => exchange.reply(&Reply::new(404).content("gone")),
    });
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect(200, "page");
    eventually("the page is gone", || forebay.get("/a").status() == 404);
    forebay.get("/a").expect(404, "gone");
}

#[test]
fn an_origin_that_answers_503_got_the_whole_herd() {
    let gate = Gate::new();
    let origin = Origin::gated(&gate, |_| Reply::new(503).content("busy"));
    let forebay = Forebay::start(&origin, "");
    let mut clients = forebay.burst(20, "/a");
    origin.wait_for(1);
    forebay.wait_for_clients(20);
    gate.open();
    for response in read_all(&mut clients) {
        assert!(matches!(response.status(), 502 | 503), "{}", response.head.raw);
    }
    assert_eq!(origin.count(), 2, "the first, and one that tried again");
}

#[test]
fn what_was_asked_for_earlier_replaced_what_was_asked_for_later() {
    let (slow, quick) = (Gate::new(), Gate::new());
    let origin = Origin::start({
        let (slow, quick) = (slow.clone(), quick.clone());
        move |exchange| match exchange.number() {
            1 => {
                exchange.wait(&slow);
                exchange.reply(&fresh("old"));
            }
            _ => {
                exchange.wait(&quick);
                exchange.reply(&fresh("new"));
            }
        }
    });
    let forebay = Forebay::start(&origin, "[cache]\ncollapse_timeout = \"100ms\"");
    let mut first = forebay.connect();
    first.send_request("GET", "/a", &[], b"");
    origin.wait_for(1);
    let mut second = forebay.connect();
    second.send_request("GET", "/a", &[], b"");
    // Its patience ends, and it asks for itself.
    origin.wait_for(2);
    quick.open();
    second.read().expect(200, "new");
    slow.open();
    first.read().expect(200, "old");
    forebay.get("/other").expect_status(200);
    forebay.hit("/a").expect(200, "new");
}

#[test]
fn one_users_failure_answered_others() {
    let gate = Gate::new();
    let origin = Origin::start({
        let gate = gate.clone();
        move |exchange| match exchange.field("authorization") {
            Some("Bearer a") => {
                exchange.wait(&gate);
                exchange.reset();
            }
            _ => exchange.reply(&ok("mine").field("cache-control", "private")),
        }
    });
    let forebay = Forebay::start(&origin, "[cache]\nerror_ttl = \"60s\"");
    gate.open();
    forebay.get_with("/me", &[("authorization", "Bearer a")]).expect_status(502);
    forebay.get("/me").expect(200, "mine");
}

#[test]
fn our_412_and_416_could_be_stored_by_a_cache_in_front() {
    let origin = Origin::always(fresh("page").field("etag", "\"v1\""));
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect(200, "page");
    forebay.hit("/a");
    for (field, status) in [(("if-match", "\"other\""), 412), (("range", "bytes=100-"), 416)] {
        let refused = forebay.get_with("/a", &[field]).expect_status(status);
        assert_eq!(refused.field("cache-control"), Some("no-store"));
        assert_eq!(refused.field("etag"), None);
    }
}

#[test]
fn a_response_too_large_to_store_was_learnt_anew_by_every_burst() {
    let origin = Origin::always(fresh(vec![b'x'; 20_000]).chunked());
    let forebay = Forebay::start(&origin, "[cache.memory]\nmax_object = \"10KiB\"");
    forebay.get("/a").expect_status(200);
    eventually("it is remembered", || {
        let response = forebay.get("/a").expect_status(200);
        response.cache_parameter("detail").as_deref() == Some("too-large")
    });
    for _ in 0..3 {
        let response = forebay.get("/a").expect_status(200);
        assert_eq!(response.cache_parameter("detail").as_deref(), Some("too-large"));
    }
}

#[test]
fn a_client_that_left_before_its_answer_left_no_line() {
    let gate = Gate::new();
    let origin = Origin::gated(&gate, |_| ok("late"));
    let forebay = Forebay::start(&origin, "");
    let mut leaving: Client = forebay.connect();
    leaving.send_request("POST", "/leaving", &[], b"");
    origin.wait_for(1);
    leaving.reset();
    forebay.wait_for_log(&["path=/leaving", "status=499", "error=client-left"]);
}

#[test]
fn a_body_was_lost_on_a_connection_that_had_answered_in_http_1_0() {
    let origin = Origin::start(|exchange| match exchange.number() {
        1 => {
            exchange
                .send("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok");
        }
        _ => {
            exchange.read_content();
            exchange.reply(&ok("got it"));
        }
    });
    let forebay = Forebay::start(&origin, "");
    forebay.get("/first").expect(200, "ok");
    let mut client = forebay.connect();
    client.send("POST /second HTTP/1.1\r\nHost: app.test\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n");
    client.read().expect(200, "got it");
    assert_eq!(origin.wait_for_content(1).content, b"body");
}

#[test]
fn an_upload_longer_than_response_timeout_was_cut_off() {
    let origin = Origin::start(|exchange| {
        exchange.read_content();
        exchange.reply(&ok("got it"));
    });
    let forebay = Forebay::start(&origin, "[upstream]\nresponse_timeout = \"400ms\"");
    let mut client = forebay.connect();
    client.send("POST /a HTTP/1.1\r\nHost: app.test\r\nContent-Length: 10\r\n\r\n");
    for _ in 0..10 {
        client.send("x");
        stay_silent(ms(100));
    }
    client.read().expect(200, "got it");
}

#[test]
fn every_websocket_logged_a_panic() {
    let origin = Origin::start(|exchange| {
        exchange.send(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n",
        );
        let heard = exchange.read_some();
        exchange.send(heard);
        exchange.close();
    });
    let forebay = Forebay::start(&origin, "");
    let mut client = forebay.connect();
    client.send_request("GET", "/a", &[("connection", "upgrade"), ("upgrade", "echo")], b"");
    assert_eq!(client.read_head().word(1), "101");
    client.send("hello");
    assert_eq!(client.read_exactly(5), b"hello");
    client.expect_closed();
    forebay.get("/b");
    assert!(!forebay.log_text().contains("ERROR"), "{}", forebay.log_text());
}

#[test]
fn the_origins_repeated_length_reached_the_client() {
    let origin = Origin::raw("HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok");
    let forebay = Forebay::start(&origin, "");
    let response = forebay.get("/a");
    assert!(
        response.status() == 502 || response.all("content-length") == ["2"],
        "{}",
        response.head.raw
    );
}
