//! What a route does with a request: fields changed, answers of its own, who is let in, how much may be sent.

use std::net::{IpAddr, Ipv4Addr};

use crate::support::{Client, Directory, Forebay, Origin, eventually, fresh, noise, ok};

const EDITS: &str = r#"
    [request_headers]
    set = { "x-all" = "all", "x-both" = "all" }
    remove = ["x-secret", "x-back"]
    [response_headers]
    set = { "x-content-type-options" = "nosniff", "x-both" = "all" }
    add = { "link" = "</all>" }
    remove = ["server", "x-powered-by"]
    [[route]]
    path = "/own/{*rest}"
    request_headers = { set = { "x-both" = "own", "x-back" = "own" }, add = { "x-client" = "own" } }
    response_headers = { set = { "x-both" = "own" }, add = { "link" = "</own>" }, remove = ["etag", "vary", "cache-status", "last-modified"] }
"#;

#[test]
fn fields_that_go_forward_are_changed_for_all_and_then_by_the_route() {
    let origin = Origin::always(fresh("served"));
    let forebay = Forebay::start(&origin, EDITS);
    let fields =
        [("x-secret", "1"), ("x-both", "theirs"), ("x-back", "theirs"), ("x-client", "theirs")];
    // Fetched for all who follow, and forwarded in place.
    for method in ["GET", "POST"] {
        forebay.request(method, "/own/a", &fields, b"").expect(200, "served");
        let request = origin.last();
        assert_eq!(
            ["x-all", "x-both", "x-back", "x-client", "x-secret"].map(|name| request.all(name)),
            [vec!["all"], vec!["own"], vec!["own"], vec!["theirs", "own"], vec![]],
            "{method}"
        );
        forebay.request(method, "/other", &fields, b"").expect(200, "served");
        let request = origin.last();
        assert_eq!(
            ["x-all", "x-both", "x-back", "x-client", "x-secret"].map(|name| request.all(name)),
            [vec!["all"], vec!["all"], vec![], vec!["theirs"], vec![]],
            "{method}"
        );
    }
}

#[test]
fn fields_of_every_answer_are_changed_stored_or_not() {
    let origin = Origin::start(|exchange| {
        let reply = fresh("served").field("server", "app").field("x-powered-by", "app");
        let reply = reply.field("etag", "\"v1\"").field("link", "</app>").field("x-both", "app");
        exchange.reply(&reply.field("last-modified", "Sat, 01 Jan 2000 00:00:00 GMT"));
    });
    let forebay = Forebay::start(&origin, EDITS);
    for (target, both, links) in [
        ("/other", "all", vec!["</app>", "</all>"]),
        ("/own/a", "own", vec!["</app>", "</all>", "</own>"]),
    ] {
        let miss = forebay.get(target).expect(200, "served");
        eventually("it is stored", || {
            let count = origin.count();
            forebay.get(target);
            origin.count() == count
        });
        let unchanged = forebay.get_with(target, &[("if-none-match", "\"v1\"")]).expect(304, "");
        let head = forebay.request("HEAD", target, &[], b"").expect(200, "");
        let written = forebay.request("POST", target, &[], b"").expect(200, "served");
        for response in [miss, forebay.get(target), unchanged, head, written] {
            let has = |name| response.field(name).is_some();
            let raw = &response.head.raw;
            assert_eq!(response.all("x-content-type-options"), ["nosniff"], "{raw}");
            assert_eq!(response.all("x-both"), [both], "{raw}");
            assert_eq!(response.all("link"), links, "{raw}");
            assert!(!has("server") && !has("x-powered-by"), "{raw}");
            assert_eq!(has("etag") && has("cache-status"), target == "/other", "{raw}");
        }
    }
}

#[test]
fn what_clients_are_not_shown_still_works() {
    let origin = Origin::start(|exchange| {
        let language = exchange.field("accept-language").unwrap_or("none").to_owned();
        exchange.reply(
            &ok(language)
                .field("cache-control", "max-age=60")
                .field("vary", "accept-language")
                .field("etag", "\"v1\""),
        );
    });
    let forebay = Forebay::start(&origin, EDITS);
    for _ in 0..2 {
        for language in ["en", "cs"] {
            let fields = [("accept-language", language)];
            let response = forebay.get_with("/own/a", &fields).expect(200, language);
            assert_eq!((response.field("etag"), response.field("vary")), (None, None));
        }
    }
    let fields = [("accept-language", "cs"), ("if-none-match", "\"v1\"")];
    forebay.get_with("/own/a", &fields).expect(304, "");
    assert_eq!(origin.count(), 2);
}

#[test]
fn our_own_errors_have_the_same_fields() {
    let config = format!(
        "{EDITS}\n[server]\nhosts = [\"app.test\"]\n[server.limits]\nrequest_body = \"1KiB\"\n[[route]]\npath = \"/own/denied\"\ndeny = [\"private\"]\nresponse_headers.set = {{ \"x-both\" = \"own\" }}"
    );
    let origin = Origin::always(ok("served"));
    let forebay = Forebay::start(&origin, &config);
    forebay.get("/a").expect(200, "served");
    let own_via = origin.last().field("via").unwrap().to_owned();
    origin.stop();
    let get = |target: &str, field: (&str, &str)| forebay.get_with(target, &[field]);
    let answers = [
        (502, get("/own/a", ("accept", "*/*"))),
        (504, get("/own/a", ("cache-control", "only-if-cached"))),
        (403, get("/own/denied", ("accept", "*/*"))),
        (508, get("/own/a", ("via", &own_via))),
        (413, forebay.request("POST", "/own/a", &[], &noise(2000))),
        (405, forebay.request("TRACE", "/own/a", &[], b"")),
        (421, Client::connect(forebay.address(), "other.test").get("/own/a")),
    ];
    for (status, answer) in answers {
        let answer = answer.expect_status(status);
        let seen = ["x-content-type-options", "x-both"].map(|name| answer.all(name));
        assert_eq!(seen, [["nosniff"], ["own"]], "{}", answer.head.raw);
    }
    // What cannot be read as a request for anything has no route.
    for request in ["GET /a HTTP/1.1\r\n\r\n", "GET /a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"] {
        let mut client = forebay.connect();
        client.send(request);
        let answer = client.read().expect_status(400);
        let seen = ["x-content-type-options", "x-both"].map(|name| answer.all(name));
        assert_eq!(seen, [["nosniff"], ["all"]], "{}", answer.head.raw);
    }
}

#[test]
fn a_route_can_answer_by_itself() {
    let directory = Directory::new();
    let robots = directory.file("robots.txt", "User-agent: *\n");
    let config = format!(
        r#"
        [[route]]
        path = "/robots.txt"
        respond = {{ file = "{robots}" }}
        [[route]]
        path = "/gone/{{*rest}}"
        respond = {{ status = 410 }}
        [[route]]
        path = "/closed/{{*rest}}"
        respond = {{ status = 503, body = "<h1>Back soon</h1>", content_type = "text/html" }}
        response_headers = {{ set = {{ "retry-after" = "600" }} }}
        [[route]]
        path = "/hook"
        methods = ["POST"]
        respond = {{ body = "taken" }}
        "#
    );
    let origin = Origin::always(ok("served"));
    let forebay = Forebay::start(&origin, &config);
    let got = forebay.get("/robots.txt").expect(200, "User-agent: *\n");
    assert_eq!(got.field("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(got.field("cache-status"), None);
    let tag = got.field("etag").unwrap().to_owned();
    let head = forebay.request("HEAD", "/robots.txt", &[], b"").expect(200, "");
    assert_eq!(
        ["content-length", "content-type", "etag"].map(|name| head.field(name)),
        ["content-length", "content-type", "etag"].map(|name| got.field(name))
    );
    forebay.get_with("/robots.txt", &[("if-none-match", &tag)]).expect(304, "");
    forebay.get_with("/robots.txt", &[("if-match", "\"other\"")]).expect_status(412);
    let refused = forebay.request("POST", "/robots.txt", &[], b"x").expect_status(405);
    assert_eq!(refused.field("allow"), Some("GET, HEAD"));
    for method in ["GET", "POST", "DELETE"] {
        forebay.request(method, "/gone/a", &[], b"").expect(410, "");
        let closed = forebay.request(method, "/closed/", &[], b"");
        let closed = closed.expect(503, "<h1>Back soon</h1>");
        assert_eq!(
            (closed.field("content-type"), closed.field("retry-after")),
            (Some("text/html"), Some("600"))
        );
    }
    forebay.request("POST", "/hook", &[], b"an event").expect(200, "taken");
    forebay.get("/hook").expect(200, "served");
    assert_eq!(origin.count(), 1);
    forebay.wait_for_log(&["path=/gone/a", "status=410", "outcome=respond"]);
    let labels = [("route", "/gone/{*rest}"), ("outcome", "respond"), ("status", "410")];
    assert_eq!(forebay.metric("forebay_requests_total", &labels), 3.0);
}

#[test]
fn a_route_can_lead_elsewhere() {
    let config = r#"
        [[route]]
        host = "old.test"
        path = "/{*rest}"
        respond = { status = 308, location = "https://www.example.com/{rest}" }
        [[route]]
        path = "/moved/{*rest}"
        respond = { status = 301, location = "/{rest}" }
        [[route]]
        path = "/secure/{*rest}"
        respond = { location = "https://{host}/{rest}" }
    "#;
    let origin = Origin::always(ok("served"));
    let forebay = Forebay::start(&origin, config);
    for (host, target, status, location) in [
        ("old.test", "/a/b?c=d", 308, "https://www.example.com/a/b?c=d"),
        ("old.test", "/", 308, "https://www.example.com/"),
        (
            "old.test",
            "/%0d%0aSet-Cookie:%20a=b",
            308,
            "https://www.example.com/%0d%0aSet-Cookie:%20a=b",
        ),
        ("old.test", "//evil.test/", 308, "https://www.example.com//evil.test/"),
        ("old.test", "/@evil.test/", 308, "https://www.example.com/@evil.test/"),
        ("a.test", "/moved/a", 301, "/a"),
        ("a.test", "/moved//evil.test", 301, "/.//evil.test"),
        ("a.test", "/moved/%2Fevil.test", 301, "/%2Fevil.test"),
        ("a.test:8443", "/secure/a", 302, "https://a.test:8443/a"),
    ] {
        for method in ["GET", "POST", "HEAD"] {
            let mut client = Client::connect(forebay.address(), host);
            let response = client.request(method, target, &[], b"").expect(status, "");
            assert_eq!(response.field("location"), Some(location), "{method} {host}{target}");
        }
    }
    assert_eq!(origin.count(), 0);
}

#[test]
fn clients_are_let_in_by_their_addresses() {
    let config = r#"
        [[route]]
        path = "/inner/{*rest}"
        allow = ["127.0.0.1", "10.0.0.0/8"]
        [[route]]
        path = "/outer/{*rest}"
        deny = ["127.0.0.1/32"]
        [[route]]
        path = "/both/{*rest}"
        allow = ["private"]
        deny = ["127.0.0.2"]
        [[route]]
        path = "/moved"
        respond = { status = 301, location = "/" }
        deny = ["127.0.0.2"]
    "#;
    let origin = Origin::always(fresh("served"));
    let forebay = Forebay::start(&origin, config);
    let from = |last: u8, target: &str| {
        let client = IpAddr::V4(Ipv4Addr::new(127, 0, 0, last));
        Client::connect_from(client, forebay.address()).get(target)
    };
    // Twice: what is stored is for those alone who are let in.
    for _ in 0..2 {
        for (last, target, admitted) in [
            (1, "/inner/a", true),
            (2, "/inner/a", false),
            (1, "/outer/a", false),
            (2, "/outer/a", true),
            (1, "/both/a", true),
            (2, "/both/a", false),
            (2, "/moved", false),
        ] {
            let response = from(last, target);
            if admitted {
                response.expect(200, "served");
            } else {
                let response = response.expect_status(403);
                assert_eq!(response.json()["code"], "client-address", "{target}");
                assert_eq!(response.field("cache-control"), Some("no-store"));
            }
        }
    }
    from(1, "/moved").expect_status(301);
    assert_eq!(origin.count(), 3);
    // Nobody's word counts but the connection's.
    let claims = [("x-forwarded-for", "127.0.0.1"), ("x-real-ip", "127.0.0.1")];
    let client = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
    Client::connect_from(client, forebay.address())
        .get_with("/inner/a", &claims)
        .expect_status(403);
}

#[test]
fn names_that_are_not_ours_are_misdirected() {
    let config = "[server]\nhosts = [\"app.test\", \"*.app.test\"]\nhealth_path = \"/healthy\"";
    let origin = Origin::always(ok("served"));
    let forebay = Forebay::start(&origin, config);
    let to = |host: &str| Client::connect(forebay.address(), host);
    for host in ["app.test", "APP.test.", "app.test:8080", "a.b.app.test"] {
        to(host).get("/a").expect(200, "served");
    }
    let count = origin.count();
    for host in ["evil.test", "notapp.test", "app.test.evil.test", "127.0.0.1"] {
        let response = to(host).get("/a").expect_status(421);
        assert_eq!(response.json()["code"], "unknown-host");
        to(host).request("OPTIONS", "*", &[], b"").expect_status(421);
        // Who probes knows addresses alone.
        to(host).get("/healthy").expect_status(200);
    }
    to("app.test").get("http://evil.test/a").expect_status(421);
    assert_eq!(origin.count(), count);
}

#[test]
fn probes_are_answered_where_requests_are() {
    let origin = Origin::always(ok("served"));
    let forebay = Forebay::start(&origin, "[server]\nhealth_path = \"/-/healthy\"");
    let healthy = forebay.get("/-/healthy").expect(200, "ready\n");
    assert_eq!(healthy.field("cache-control"), Some("no-store"));
    forebay.get("/-/healthy?x=1").expect(200, "ready\n");
    forebay.request("HEAD", "/-/healthy", &[], b"").expect(200, "");
    assert_eq!(origin.count(), 0);
    assert_eq!(forebay.metric("forebay_requests_total", &[]), 0.0, "they are no traffic");
    forebay.request("POST", "/-/healthy", &[], b"").expect(200, "served");
    forebay.get("/-/healthy/a").expect(200, "served");
    forebay.wait_for_log(&["path=/-/healthy/a"]);
    assert!(!forebay.log_text().contains("method=HEAD"), "{}", forebay.log_text());
}

#[test]
fn a_route_has_a_limit_of_its_own_on_what_is_sent() {
    let config = r#"
        [server.limits]
        request_body = "4KiB"
        [[route]]
        path = "/large/{*rest}"
        request_body = "200KiB"
        [[route]]
        path = "/small"
        request_body = "1KiB"
    "#;
    let origin = Origin::always(ok("served"));
    let forebay = Forebay::start(&origin, config);
    let kib = |count: usize| noise(count * 1024);
    for (target, fits, exceeds) in [("/large/a", 200, 201), ("/small", 1, 2), ("/other", 4, 5)] {
        forebay.request("PUT", target, &[], &kib(fits)).expect(200, "served");
        assert_eq!(origin.last().content, kib(fits));
        let count = origin.count();
        // Refused before it is sent.
        let length = (exceeds * 1024).to_string();
        let mut client = forebay.connect();
        let fields = [("content-length", length.as_str()), ("expect", "100-continue")];
        client.send_request("PUT", target, &fields, b"");
        let refused = client.read().expect_status(413);
        assert!(refused.interim.is_empty() && refused.says_close(), "{}", refused.head.raw);
        client.expect_closed();
        assert_eq!(origin.count(), count, "{target}");
        // Of unknown length.
        let mut client = forebay.connect();
        client.send_request("PUT", target, &[("transfer-encoding", "chunked")], b"");
        let content = kib(exceeds);
        client.try_send(format!("{:x}\r\n", content.len()));
        client.try_send(&content);
        client.try_send("\r\n0\r\n\r\n");
        client.read().expect_status(413);
    }
}
