//! Requests as the origin sees them, and which origin sees them.

use crate::support::{
    Forebay, Gate, HOST, Launch, Origin, Reply, eventually, ms, ok, unused_address,
};

#[test]
fn the_origin_sees_the_clients_host() {
    let origin = Origin::always(ok("served"));
    let forebay = Forebay::start(&origin, "");
    forebay.get_with("/a", &[("host", "www.example.com:8080")]).expect_status(200);
    assert_eq!(origin.last().all("host"), ["www.example.com:8080"]);
}

#[test]
fn the_origin_sees_its_own_host_where_the_file_says_so() {
    let origin = Origin::always(ok("served"));
    let forebay = Forebay::start(&origin, "[upstream]\nhost = \"upstream\"");
    forebay.get("/a").expect_status(200);
    assert_eq!(origin.last().all("host"), [origin.authority()]);
    let forebay = Forebay::start(&origin, "[upstream]\nhost = \"app.internal\"");
    forebay.get("/a").expect_status(200);
    assert_eq!(origin.last().all("host"), ["app.internal"]);
    assert_eq!(origin.last().all("x-forwarded-host"), [HOST]);
}

#[test]
fn forwarded_fields_are_ours_alone() {
    let origin = Origin::always(ok("served"));
    let forebay = Forebay::start(&origin, "");
    forebay
        .get_with(
            "/a",
            &[
                ("x-forwarded-for", "1.2.3.4"),
                ("X-Forwarded-For", "5.6.7.8"),
                ("x-forwarded-proto", "https"),
                ("x-forwarded-host", "evil.test"),
            ],
        )
        .expect_status(200);
    let request = origin.last();
    assert_eq!(
        (
            request.all("x-forwarded-for"),
            request.all("x-forwarded-proto"),
            request.all("x-forwarded-host")
        ),
        (vec!["127.0.0.1"], vec!["http"], vec![HOST])
    );
}

#[test]
fn via_names_us_in_both_directions() {
    let origin = Origin::always(ok("served").field("via", "1.1 behind"));
    let forebay = Forebay::start(&origin, "");
    let response = forebay.get_with("/a", &[("via", "1.0 before")]);
    let via = origin.last().all("via").join(", ");
    assert!(via.starts_with("1.0 before, 1.1 forebay"), "{via}");
    assert_eq!(response.all("via").join(", "), "1.1 behind, 1.1 forebay");
}

#[test]
fn a_request_id_is_kept_or_made() {
    let origin = Origin::always(ok("served"));
    let forebay = Forebay::start(&origin, "");
    forebay.get_with("/a", &[("x-request-id", "abc-123")]).expect_status(200);
    assert_eq!(origin.last().all("x-request-id"), ["abc-123"]);
    let mut made = Vec::new();
    for _ in 0..2 {
        forebay.get("/a").expect_status(200);
        made.push(origin.last().field("x-request-id").expect("one was made").to_owned());
    }
    assert!(made[0] != made[1] && made.iter().all(|id| id.len() >= 16), "{made:?}");
}

#[test]
fn a_traceparent_is_kept_or_made() {
    let origin = Origin::always(ok("served"));
    let forebay = Forebay::start(&origin, "");
    let trace = "0af7651916cd43dd8448eb211c80319c";
    forebay
        .get_with(
            "/a",
            &[("traceparent", &format!("00-{trace}-b7ad6b7169203331-01")), ("tracestate", "x=1")],
        )
        .expect_status(200);
    let kept = origin.last().field("traceparent").unwrap().to_owned();
    assert!(kept.starts_with(&format!("00-{trace}-")) && kept.ends_with("-01"), "{kept}");
    assert_eq!(origin.last().field("tracestate"), Some("x=1"));
    forebay.get("/a").expect_status(200);
    let made = origin.last().field("traceparent").expect("one was made").to_owned();
    let parts: Vec<usize> = made
        .split('-')
        .map(|part| part.bytes().filter(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')).count())
        .collect();
    assert_eq!(parts, [2, 32, 16, 2], "{made}");
    assert!(!made.contains(trace));
}

#[test]
fn hop_by_hop_fields_of_a_request_end_here() {
    let origin = Origin::always(ok("served"));
    let forebay = Forebay::start(&origin, "");
    let fields = [
        ("connection", "X-Foo, keep-alive"),
        ("x-foo", "1"),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("te", "trailers"),
        ("trailer", "X-Bar"),
        ("upgrade", "foo"),
        ("proxy-authorization", "Basic eDp5"),
        ("x-kept", "1"),
    ];
    forebay.get_with("/a", &fields).expect_status(200);
    let request = origin.last();
    for name in [
        "x-foo",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "upgrade",
        "proxy-authorization",
    ] {
        assert_eq!(request.field(name), None, "{}", request.head.raw);
    }
    assert_eq!(request.field("x-kept"), Some("1"));
}

#[test]
fn naming_an_end_to_end_field_in_connection_cannot_undo_our_own() {
    let origin = Origin::always(ok("served"));
    let forebay = Forebay::start(&origin, "");
    forebay
        .get_with("/a", &[("connection", "close, X-Forwarded-For, X-Forwarded-Host, Host, Via")])
        .expect_status(200);
    let request = origin.last();
    assert_eq!(
        (request.all("x-forwarded-for"), request.all("host")),
        (vec!["127.0.0.1"], vec![HOST])
    );
    assert!(
        request.field("via").is_some_and(|via| via.starts_with("1.1 forebay")),
        "{}",
        request.head.raw
    );
}

#[test]
fn end_to_end_fields_pass_as_they_came() {
    let origin = Origin::always(
        Reply::new(207)
            .field("x-twice", "1")
            .field("x-twice", "2")
            .field("set-cookie", "a=1")
            .field("set-cookie", "b=2")
            .field("server", "app")
            .content("x"),
    );
    let forebay = Forebay::start(&origin, "");
    let fields = [
        ("x-twice", "1"),
        ("x-twice", "2"),
        ("cookie", "a=1; b=2"),
        ("authorization", "Bearer x"),
        ("user-agent", "test/1"),
        ("accept", "text/*;q=0.5, */*"),
        ("x-empty", ""),
    ];
    let response = forebay.request("REPORT", "/A/%7euser?b=1&a=2", &fields, b"").expect(207, "x");
    let request = origin.last();
    assert_eq!((request.method(), request.target()), ("REPORT", "/A/%7euser?b=1&a=2"));
    assert_eq!(request.all("x-twice"), ["1", "2"]);
    for (name, value) in &fields[2..] {
        assert_eq!(request.field(name), Some(*value));
    }
    assert_eq!(
        (response.all("x-twice"), response.all("set-cookie"), response.field("server")),
        (vec!["1", "2"], vec!["a=1", "b=2"], Some("app"))
    );
}

#[test]
fn an_upstream_connection_is_used_again() {
    let origin = Origin::always(ok("served"));
    let forebay = Forebay::start(&origin, "[server]\nthreads = 1");
    for target in ["/1", "/2", "/3"] {
        forebay.get(target).expect_status(200);
    }
    assert_eq!(origin.connections(), 1);
}

#[test]
fn an_origin_that_says_close_is_believed() {
    let origin = Origin::always(ok("served").field("connection", "close"));
    let forebay = Forebay::start(&origin, "");
    let mut client = forebay.connect();
    client.get("/1").expect(200, "served");
    client.get("/2").expect(200, "served");
    assert_eq!(origin.last().connection, 2);
}

#[test]
fn an_idle_upstream_connection_is_closed_after_its_timeout() {
    let left = Gate::new();
    let origin = Origin::start({
        let left = left.clone();
        move |exchange| {
            exchange.reply(&ok("served"));
            if exchange.peer_leaves() {
                left.open();
            }
        }
    });
    let forebay = Forebay::start(&origin, "[upstream]\nidle_timeout = \"200ms\"");
    forebay.get("/a").expect_status(200);
    left.wait();
}

/// Two servers of one upstream.
fn pair(first: &Origin, second: &Origin, more: &str) -> Launch {
    Launch::new(
        &first.url(),
        &format!("[upstream]\nservers = [\"{}\", \"{}\"]\n{more}", first.url(), second.url()),
    )
}

#[test]
fn the_server_with_the_fewest_requests_is_chosen() {
    let gate = Gate::new();
    let stalling = || {
        let gate = gate.clone();
        Origin::start(move |exchange| {
            if exchange.target() == "/held" {
                exchange.wait(&gate);
            }
            exchange.reply(&ok("served"));
        })
    };
    let (one, two) = (stalling(), stalling());
    let forebay = pair(&one, &two, "").start();
    let mut held = forebay.connect();
    held.send_request("POST", "/held", &[], b"");
    eventually("one server holds it", || one.count() + two.count() == 1);
    let (busy, free) = if one.count() == 1 { (&one, &two) } else { (&two, &one) };
    for n in 0..4 {
        forebay.get(&format!("/{n}")).expect(200, "served");
    }
    assert_eq!((busy.count(), free.count()), (1, 4));
    gate.open();
    held.read().expect(200, "served");
}

#[test]
fn a_request_that_could_not_be_sent_goes_to_another_server() {
    let origin = Origin::always(ok("served"));
    let config = format!("[upstream]\nservers = [\"http://{}\", \"{{origin}}\"]", unused_address());
    let forebay = Forebay::start(&origin, &config);
    for n in 0..6 {
        forebay.get(&format!("/{n}")).expect(200, "served");
        forebay.request("POST", "/p", &[], b"x").expect(200, "served");
    }
    assert_eq!(origin.count(), 12);
}

/// An origin that holds "/held" until the gate opens, behind one connection.
fn one_at_a_time(gate: &Gate, queue_timeout: &str) -> (Origin, Forebay) {
    let origin = Origin::start({
        let gate = gate.clone();
        move |exchange| {
            if exchange.target() == "/held" {
                exchange.wait(&gate);
            }
            exchange.reply(&ok("served"));
        }
    });
    let forebay = Forebay::start(
        &origin,
        &format!(
            "[upstream]\nmax_connections = 1\nqueue_timeout = \"{queue_timeout}\"\n[cache]\nerror_ttl = \"0s\""
        ),
    );
    (origin, forebay)
}

#[test]
fn who_waits_too_long_for_a_connection_is_shed_with_503() {
    let gate = Gate::new();
    let (origin, forebay) = one_at_a_time(&gate, "200ms");
    let mut held = forebay.connect();
    held.send_request("GET", "/held", &[], b"");
    origin.wait_for(1);
    let shed = forebay.get("/shed").expect_status(503);
    assert!(
        shed.field("retry-after").is_some_and(|value| value.parse::<u32>().is_ok()),
        "{}",
        shed.head.raw
    );
    gate.open();
    held.read().expect(200, "served");
    forebay.get("/after").expect(200, "served");
    assert_eq!(origin.targets(), ["/held", "/after"]);
}

#[test]
fn who_waits_less_is_served() {
    let gate = Gate::new();
    let (origin, forebay) = one_at_a_time(&gate, "15s");
    let mut held = forebay.connect();
    held.send_request("GET", "/held", &[], b"");
    origin.wait_for(1);
    let mut waiting = forebay.connect();
    waiting.send_request("GET", "/waiting", &[], b"");
    assert!(waiting.hears_nothing_for(ms(200)));
    assert_eq!(origin.count(), 1);
    gate.open();
    held.read().expect(200, "served");
    waiting.read().expect(200, "served");
}

#[test]
fn a_waiting_client_that_leaves_gives_its_place_away() {
    let gate = Gate::new();
    let (origin, forebay) = one_at_a_time(&gate, "15s");
    let mut held = forebay.connect();
    held.send_request("GET", "/held", &[], b"");
    origin.wait_for(1);
    let mut leaving = forebay.connect();
    leaving.send_request("POST", "/leaving", &[], b"");
    forebay.wait_for_clients(2);
    let mut staying = forebay.connect();
    staying.send_request("POST", "/staying", &[], b"");
    leaving.reset();
    assert!(staying.hears_nothing_for(ms(200)));
    gate.open();
    held.read().expect(200, "served");
    staying.read().expect(200, "served");
    assert_eq!(origin.targets(), ["/held", "/staying"]);
}

#[test]
fn our_own_error_answers_the_same_key_for_a_while() {
    let origin = Origin::start(|exchange| exchange.reset());
    let forebay = Forebay::start(&origin, "[cache]\nerror_ttl = \"60s\"");
    forebay.get("/a").expect_status(502);
    let asked = origin.count();
    forebay.get("/a").expect_status(502);
    assert_eq!(origin.count(), asked);
    forebay.get("/b").expect_status(502);
    assert!(origin.count() > asked, "another key is another matter");
    let asked = origin.count();
    forebay.request("POST", "/a", &[], b"x").expect_status(502);
    assert_eq!(origin.count(), asked + 1, "a POST is forwarded");
}

#[test]
fn our_own_error_is_not_remembered_where_the_file_says_so() {
    let origin = Origin::start(|exchange| match exchange.number() {
        1 => {
            exchange.send("HTTP/1.1 garbage\r\n\r\n");
            exchange.close();
        }
        _ => exchange.reply(&ok("recovered")),
    });
    let forebay = Forebay::start(&origin, "[cache]\nerror_ttl = \"0s\"");
    forebay.get("/a").expect_status(502);
    forebay.get("/a").expect(200, "recovered");
}

#[test]
fn an_error_of_the_origin_is_its_own_answer() {
    let origin = Origin::always(Reply::new(503).field("retry-after", "7").content("down"));
    let forebay = Forebay::start(&origin, "");
    for asked in 1..=2 {
        let response = forebay.get("/a").expect(503, "down");
        assert_eq!((response.field("retry-after"), origin.count()), (Some("7"), asked));
    }
}

#[test]
fn a_client_that_leaves_ends_what_only_it_waited_for() {
    let left = Gate::new();
    let origin = Origin::start({
        let left = left.clone();
        move |exchange| {
            if exchange.peer_leaves() {
                left.open();
            }
        }
    });
    let forebay = Forebay::start(&origin, "");
    let mut client = forebay.connect();
    client.send_request("POST", "/a", &[], b"x");
    origin.wait_for(1);
    client.reset();
    left.wait();
}
