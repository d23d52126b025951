//! What an unknown peer may cost us: each limit fires, and none fires early.

use crate::support::{
    Client, Closing, End, Forebay, Gate, HOST, Origin, ms, noise, ok, stay_silent,
};

fn limits(text: &str) -> (Origin, Forebay) {
    let origin = Origin::start(|exchange| exchange.reply(&ok("served")));
    let forebay = Forebay::start(&origin, &format!("[server.limits]\n{text}"));
    (origin, forebay)
}

/// 408 and the end, or the end alone.
#[track_caller]
fn timed_out(client: &mut Client) {
    if let Ok(response) = client.try_read() {
        response.expect_status(408);
    }
    client.expect_closed();
}

#[test]
fn e02_a_client_that_sends_nothing_is_closed() {
    let (origin, forebay) = limits("header_timeout = \"300ms\"\nidle_timeout = \"300ms\"");
    let mut client = forebay.connect();
    timed_out(&mut client);
    assert_eq!(origin.count(), 0);
}

#[test]
fn e03_a_head_that_stops_is_closed() {
    let (origin, forebay) = limits("header_timeout = \"300ms\"");
    let mut client = forebay.connect();
    client.send("GET /a HTTP/1.1\r\nHost: a.te");
    timed_out(&mut client);
    assert_eq!(origin.count(), 0);
}

#[test]
fn e03_the_header_timeout_is_for_the_whole_head() {
    let (origin, forebay) = limits("header_timeout = \"500ms\"\nidle_timeout = \"60s\"");
    let mut client = forebay.connect();
    client.send("GET /a HTTP/1.1\r\nHost: a.test\r\nX: ");
    // A byte every 50 ms is progress, and still too slow.
    let mut sent = 0;
    while client.try_send("x") && sent < 200 {
        sent += 1;
        stay_silent(ms(50));
    }
    assert!(sent < 200, "ten seconds were given");
    timed_out(&mut client);
    assert_eq!(origin.count(), 0);
}

#[test]
fn e03_a_slow_head_within_the_timeout_is_served() {
    let (_origin, forebay) = limits("header_timeout = \"10s\"\nidle_timeout = \"100ms\"");
    let mut client = forebay.connect();
    for piece in ["GET /a HT", "TP/1.1\r\nHost: ", "a.test\r\n", "\r\n"] {
        client.send(piece);
        stay_silent(ms(200));
    }
    client.read().expect(200, "served");
}

#[test]
fn the_header_timeout_holds_for_later_requests_too() {
    let (origin, forebay) = limits("header_timeout = \"300ms\"\nidle_timeout = \"60s\"");
    let mut client = forebay.connect();
    client.get("/a").expect(200, "served");
    client.send("GET /b HTTP/1.1\r\n");
    timed_out(&mut client);
    assert_eq!(origin.count(), 1);
}

#[test]
fn an_idle_connection_is_closed() {
    let (_origin, forebay) = limits("idle_timeout = \"300ms\"");
    let mut client = forebay.connect();
    client.get("/a").expect(200, "served");
    assert_eq!(client.expect_closed(), Closing::Closed);
}

#[test]
fn an_idle_connection_is_not_closed_by_the_header_timeout() {
    let (_origin, forebay) = limits("header_timeout = \"200ms\"\nidle_timeout = \"60s\"");
    let mut client = forebay.connect();
    for _ in 0..3 {
        client.get("/a").expect(200, "served");
        stay_silent(ms(500));
    }
    client.get("/a").expect(200, "served");
}

#[test]
fn a_working_connection_is_not_idle() {
    let gate = Gate::new();
    let origin = Origin::start({
        let gate = gate.clone();
        move |exchange| {
            exchange.wait(&gate);
            exchange.reply(&ok("served"));
        }
    });
    let forebay = Forebay::start(
        &origin,
        "[server.limits]\nheader_timeout = \"150ms\"\nidle_timeout = \"150ms\"\nstall_timeout = \"150ms\"",
    );
    let mut client = forebay.connect();
    client.send_request("POST", "/a", &[], b"x");
    assert!(client.hears_nothing_for(ms(600)));
    gate.open();
    client.read().expect(200, "served");
}

#[test]
fn e04_an_upload_that_stops_is_ended_on_both_sides() {
    for framing in [
        "Content-Length: 100\r\n\r\nten bytes.",
        "Transfer-Encoding: chunked\r\n\r\na\r\nten bytes.\r\n",
    ] {
        let (origin, forebay) = limits("stall_timeout = \"300ms\"");
        let mut client = forebay.connect();
        client.send(format!("POST /a HTTP/1.1\r\nHost: {HOST}\r\n{framing}"));
        timed_out(&mut client);
        // The connection that was kept busy by it is free again.
        assert_ne!(origin.wait_for_content(0).end, Some(End::Whole));
    }
}

#[test]
fn e04_an_upload_that_goes_on_is_served_however_long_it_takes() {
    let (origin, forebay) =
        limits("stall_timeout = \"600ms\"\nheader_timeout = \"100ms\"\nidle_timeout = \"100ms\"");
    let mut client = forebay.connect();
    client.send_request("POST", "/a", &[("content-length", "20480")], b"");
    let body = noise(20 * 1024);
    for piece in body.chunks(2048) {
        stay_silent(ms(120));
        client.send(piece);
    }
    client.read().expect(200, "served");
    assert!(origin.last().content == body);
}

#[test]
fn e04_an_upload_that_trickles_is_a_stalled_one() {
    let (_origin, forebay) = limits("stall_timeout = \"500ms\"");
    let mut client = forebay.connect();
    client.send_request("POST", "/a", &[("content-length", "1000")], b"");
    let mut sent = 0;
    while client.try_send("x") && sent < 200 {
        sent += 1;
        stay_silent(ms(50));
    }
    assert!(sent < 200, "ten seconds were given");
}

#[test]
fn an_origin_that_takes_its_time_is_no_stalled_upload() {
    let origin = Origin::start(|exchange| {
        stay_silent(ms(700));
        exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfirst");
        stay_silent(ms(700));
        exchange.send("later");
    });
    let forebay = Forebay::start(&origin, "[server.limits]\nstall_timeout = \"200ms\"");
    forebay.request("POST", "/a", &[], b"whole").expect(200, "firstlater");
    forebay.get("/a").expect(200, "firstlater");
}

#[test]
fn e05_a_reader_that_stops_is_ended_on_both_sides() {
    let left = Gate::new();
    let origin = Origin::start({
        let left = left.clone();
        move |exchange| {
            exchange
                .send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 256 * 1024 * 1024));
            let piece = noise(1024 * 1024);
            while exchange.send(&piece) {}
            left.open();
            exchange.close();
        }
    });
    let forebay = Forebay::start(&origin, "[server.limits]\nstall_timeout = \"300ms\"");
    let mut client = Client::connect_narrow(forebay.address());
    client.send_request("GET", "/a", &[], b"");
    let head = client.read_head();
    left.wait();
    assert_ne!(client.read_body(&head).1, End::Whole);
}

#[test]
fn e05_a_stopped_reader_of_a_stored_response_is_ended() {
    let body = noise(8 * 1024 * 1024);
    let origin = Origin::always(crate::support::fresh(body.clone()));
    let forebay = Forebay::start(&origin, "[server.limits]\nstall_timeout = \"300ms\"");
    assert_eq!(forebay.get("/a").body.len(), body.len());
    let mut client = Client::connect_narrow(forebay.address());
    client.send_request("GET", "/a", &[], b"");
    let head = client.read_head();
    assert!(head.field("age").is_some(), "from the store");
    crate::support::eventually("its connection is ended", || {
        forebay.metric("forebay_connections", &[]) < 1.0
    });
    assert_ne!(client.read_body(&head).1, End::Whole);
    assert_eq!(forebay.hit("/a").body.len(), body.len());
}

#[test]
fn e05_a_slow_reader_that_goes_on_gets_everything() {
    let body = noise(4 * 1024 * 1024);
    let origin = Origin::always(ok(body.clone()));
    let forebay = Forebay::start(
        &origin,
        "[server.limits]\nstall_timeout = \"600ms\"\nidle_timeout = \"100ms\"",
    );
    let mut client = Client::connect_narrow(forebay.address());
    client.send_request("GET", "/a", &[], b"");
    client.read_head();
    let mut got = Vec::new();
    while got.len() < body.len() {
        stay_silent(ms(100));
        let more = client.read_exactly((body.len() - got.len()).min(256 * 1024));
        assert!(!more.is_empty(), "torn after {} bytes", got.len());
        got.extend(more);
    }
    assert!(got == body);
}

#[test]
fn e01_more_connections_than_allowed_wait_or_are_turned_away() {
    let (_origin, forebay) = limits("connections = 2");
    let mut first = forebay.connect();
    let mut second = forebay.connect();
    first.get("/1").expect(200, "served");
    second.get("/2").expect(200, "served");
    let mut third = forebay.connect();
    third.try_send(format!("GET /3 HTTP/1.1\r\nHost: {HOST}\r\n\r\n"));
    if !third.hears_nothing_for(ms(300))
        && let Ok(response) = third.try_read()
    {
        response.expect_status(503);
    }
    // The operator is not shut out, and those who are in are served.
    forebay.admin().get("/livez").expect_status(200);
    first.get("/1").expect(200, "served");
    drop(third);
    first.leave();
    crate::support::eventually("a place is free again", || {
        let mut next = forebay.connect();
        next.try_send(format!("GET /4 HTTP/1.1\r\nHost: {HOST}\r\n\r\n"));
        next.try_read().is_ok_and(|response| response.status() == 200)
    });
}

#[test]
fn e01_places_are_given_back_on_every_way_out() {
    let (_origin, forebay) = limits(
        "connections = 4\nheader_timeout = \"100ms\"\nidle_timeout = \"100ms\"\nstall_timeout = \"100ms\"",
    );
    for _ in 0..5 {
        let mut refused = forebay.connect();
        refused.send("nonsense\r\n\r\n");
        let mut slow = forebay.connect();
        slow.send("GET /slow");
        let mut stopped = forebay.connect();
        stopped.send(format!("POST /a HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 9\r\n\r\nx"));
        let mut torn = forebay.connect();
        torn.send("GET / HTTP/1.1\r\n");
        torn.reset();
        timed_out(&mut stopped);
        timed_out(&mut slow);
    }
    crate::support::eventually("nobody is connected", || {
        forebay.metric("forebay_connections", &[]) < 1.0
    });
    let mut clients: Vec<Client> = (0..4).map(|_| forebay.connect()).collect();
    for client in &mut clients {
        client.get("/a").expect(200, "served");
    }
}

/// A request whose head is about so long, in fields of moderate length.
fn head_of(length: usize) -> String {
    let mut head = format!("GET /a HTTP/1.1\r\nHost: {HOST}\r\n");
    let mut number = 0;
    while head.len() + 4 < length {
        let value = "x".repeat((length - head.len()).saturating_sub(12).clamp(1, 2000));
        head.push_str(&format!("X-{number}: {value}\r\n"));
        number += 1;
    }
    head + "\r\n"
}

#[test]
fn a_head_over_the_limit_is_431() {
    for (limit, most) in [("", 32 * 1024), ("request_head = \"16KiB\"", 16 * 1024)] {
        let (origin, forebay) = limits(limit);
        let mut client = forebay.connect();
        client.send(head_of(most - 1024));
        client.read().expect(200, "served");
        let mut client = forebay.connect();
        client.send(head_of(most + 2048));
        client.read().expect_status(431);
        client.expect_closed();
        assert_eq!(origin.count(), 1);
    }
}

#[test]
fn a_target_over_the_limit_is_refused() {
    let (origin, forebay) = limits("");
    let mut client = forebay.connect();
    client.send(format!("GET /{} HTTP/1.1\r\nHost: {HOST}\r\n\r\n", "x".repeat(40 * 1024)));
    let status = client.read().status();
    assert!(matches!(status, 414 | 431), "{status}");
    assert_eq!(origin.count(), 0);
}

#[test]
fn more_than_a_hundred_fields_are_431() {
    let (origin, forebay) = limits("");
    let fields = |count: usize| (1..count).map(|n| format!("X-{n}: {n}\r\n")).collect::<String>();
    let mut client = forebay.connect();
    client.send(format!("GET /a HTTP/1.1\r\nHost: {HOST}\r\n{}\r\n", fields(95)));
    client.read().expect(200, "served");
    client.send(format!("GET /a HTTP/1.1\r\nHost: {HOST}\r\n{}\r\n", fields(102)));
    client.read().expect_status(431);
    client.expect_closed();
    assert_eq!(origin.count(), 1);
}

#[test]
fn the_response_timeout_begins_when_the_request_has_been_sent() {
    let origin = Origin::start(|exchange| exchange.reply(&ok("served")));
    let forebay = Forebay::start(&origin, "[upstream]\nresponse_timeout = \"500ms\"");
    let mut client = forebay.connect();
    client.send_request("POST", "/a", &[("content-length", "20480")], b"");
    for piece in noise(20 * 1024).chunks(2048) {
        stay_silent(ms(150));
        client.send(piece);
    }
    client.read().expect(200, "served");
}

#[test]
fn a_client_that_pauses_in_its_upload_ejects_no_server() {
    let (one, two) = (Origin::always(ok("served")), Origin::always(ok("served")));
    let servers = format!("servers = [\"{}\", \"{}\"]", one.url(), two.url());
    let forebay =
        Forebay::start(&one, &format!("[upstream]\nresponse_timeout = \"100ms\"\n{servers}"));
    for _ in 0..8 {
        let mut client = forebay.connect();
        client.send_request("POST", "/a", &[("content-length", "10")], b"half");
        client.read().expect_status(504);
    }
    assert_eq!(forebay.metric("forebay_upstream_healthy", &[]), 2.0);
}

#[test]
fn a_body_that_stops_coming_from_the_origin_is_torn() {
    let origin = Origin::start(|exchange| {
        exchange.send(
            "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 10\r\n\r\nhello",
        );
        exchange.stall();
    });
    let forebay = Forebay::start(&origin, "[upstream]\nread_timeout = \"300ms\"");
    for asked in 1..=2 {
        let response = forebay.get("/a");
        assert!(!response.is_whole());
        assert_eq!(origin.count(), asked);
    }
}

#[test]
fn a_body_that_comes_slowly_from_the_origin_is_delivered() {
    let origin = Origin::start(|exchange| {
        exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
        for _ in 0..10 {
            stay_silent(ms(120));
            exchange.send("x");
        }
    });
    let forebay = Forebay::start(&origin, "[upstream]\nread_timeout = \"600ms\"");
    forebay.get("/a").expect(200, "xxxxxxxxxx");
}

#[test]
fn an_event_stream_may_be_silent_for_longer() {
    let origin = Origin::start(|exchange| {
        exchange.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n");
        stay_silent(ms(700));
        exchange.send("data: 2\n\n");
        exchange.close();
    });
    let forebay = Forebay::start(
        &origin,
        "[upstream]\nread_timeout = \"200ms\"\n[server.limits]\nstall_timeout = \"200ms\"\nidle_timeout = \"200ms\"",
    );
    forebay.get("/a").expect(200, "data: 1\n\ndata: 2\n\n");
}

#[test]
fn a_routes_response_timeout_is_its_own() {
    let origin = Origin::start(|exchange| {
        stay_silent(ms(500));
        exchange.reply(&ok("served"));
    });
    let forebay = Forebay::start(
        &origin,
        "[upstream]\nresponse_timeout = \"100ms\"\n[[route]]\npath = \"/slow/{*rest}\"\nresponse_timeout = \"15s\"",
    );
    forebay.get("/slow/a").expect(200, "served");
    forebay.get("/other").expect_status(504);
}
