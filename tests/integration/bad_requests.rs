//! (a) What a client may send that two readers could disagree on: refused, or made harmless, before it reaches the origin.

use crate::support::{Forebay, HOST, Origin, fresh, ok};

/// One proxy that refuses all these heads, each on a connection of its own, and forwards none.
#[track_caller]
pub(crate) fn refuses(heads: &[&str], statuses: &[u16], closes: bool) {
    refuses_bytes(&heads.iter().map(|head| head.as_bytes()).collect::<Vec<_>>(), statuses, closes);
}

#[track_caller]
fn refuses_bytes(heads: &[&[u8]], statuses: &[u16], closes: bool) {
    let origin = Origin::always(ok("served"));
    let forebay = Forebay::start(&origin, "");
    for head in heads {
        let mut client = forebay.connect();
        client.send(head);
        let text = String::from_utf8_lossy(head);
        let response = client.try_read().unwrap_or_else(|end| panic!("{end:?} to {text:?}"));
        assert!(statuses.contains(&response.status()), "{} to {text:?}", response.head.start);
        if closes {
            client.expect_closed();
        }
    }
    only_this_arrives(&forebay, &origin);
}

/// The proxy still serves, and until now the origin has heard nothing.
#[track_caller]
fn only_this_arrives(forebay: &Forebay, origin: &Origin) {
    forebay.get("/sentinel").expect_status(200);
    assert_eq!(origin.targets(), ["/sentinel"]);
}

/// A head with one field more than the Host.
fn with_field(line: &str) -> String {
    format!("GET /a HTTP/1.1\r\nHost: {HOST}\r\n{line}\r\n\r\n")
}

#[track_caller]
fn refuses_fields(lines: &[&str], statuses: &[u16], closes: bool) {
    let heads: Vec<String> = lines.iter().map(|line| with_field(line)).collect();
    refuses(&heads.iter().map(String::as_str).collect::<Vec<_>>(), statuses, closes);
}

#[test]
fn a19_a_missing_or_repeated_host_is_refused() {
    refuses(
        &[
            "GET /a HTTP/1.1\r\n\r\n",
            "GET /a HTTP/1.1\r\nHost: a.test\r\nHost: b.test\r\n\r\n",
            "GET /a HTTP/1.1\r\nHost: a.test\r\nHost: a.test\r\n\r\n",
            "GET /a HTTP/1.1\r\nHost:\r\n\r\n",
        ],
        &[400],
        false,
    );
}

#[test]
fn a21_a_malformed_host_is_refused() {
    let hosts = [
        "user@a.test",
        "a.test/b",
        "a b",
        "a\0b",
        "a.test:65536",
        "a.test:80:80",
        "..",
        "[::1].",
        "a.test:8x",
        "a,b",
    ];
    let heads = hosts.map(|host| format!("GET /a HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    refuses(&heads.each_ref().map(String::as_str), &[400], false);
}

#[test]
fn a22_the_authority_of_an_absolute_target_is_the_host_and_the_key() {
    let origin = Origin::start(|exchange| exchange.reply(&fresh(exchange.field("host").unwrap())));
    let forebay = Forebay::start(&origin, "");
    let absolute = forebay.get_with("http://evil.test/a?b", &[("host", "good.test")]);
    absolute.expect(200, "evil.test");
    assert_eq!((origin.last().target(), origin.last().all("host")), ("/a?b", vec!["evil.test"]));
    forebay.get_with("/a?b", &[("host", "good.test")]).expect(200, "good.test");
    forebay.hit_with("/a?b", &[("host", "EVIL.test")]).expect(200, "evil.test");
    assert_eq!(origin.count(), 2);
}

#[test]
fn a23_we_are_no_forward_proxy() {
    refuses(
        &[
            "GET ftp://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
            "GET https://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
        ],
        &[400, 421],
        false,
    );
}

#[test]
fn a23_an_absolute_target_does_not_reach_our_admin_listener() {
    let origin = Origin::always(ok("from the origin"));
    let forebay = Forebay::start(&origin, "");
    let target = format!("http://{}/metrics", forebay.admin_address());
    let response = forebay.get_with(&target, &[("host", &forebay.admin_address().to_string())]);
    assert!(
        response.text() == "from the origin" || matches!(response.status(), 400 | 404 | 421),
        "{}",
        response.text()
    );
}

#[test]
fn a24_a_target_in_no_known_form_is_refused() {
    let lines = ["GET foo", "GET *", "OPTIONS */x", "GET /a b", "GET /a\tb", "GET\t/a", "GET  /a"];
    let heads = lines.map(|line| format!("{line} HTTP/1.1\r\nHost: {HOST}\r\n\r\n"));
    refuses(&heads.each_ref().map(String::as_str), &[400], false);
}

#[test]
fn a24_options_asterisk_is_answered_here() {
    let origin = Origin::always(ok("served"));
    let forebay = Forebay::start(&origin, "");
    let response = forebay.request("OPTIONS", "*", &[], b"");
    assert!(matches!(response.status(), 200 | 204), "{}", response.head.start);
    assert_eq!(origin.count(), 0);
}

#[test]
fn a25_connect_opens_no_tunnel() {
    refuses(&["CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n"], &[405, 501], true);
}

#[test]
fn a26_raw_control_and_eight_bit_bytes_in_the_target_are_refused() {
    refuses_bytes(
        &[
            b"GET /a\0b HTTP/1.1\r\nHost: app.test\r\n\r\n",
            b"GET /a\x01b HTTP/1.1\r\nHost: app.test\r\n\r\n",
            b"GET /a\x7fb HTTP/1.1\r\nHost: app.test\r\n\r\n",
            b"GET /a%00b HTTP/1.1\r\nHost: app.test\r\n\r\n",
            b"GET /a\xc3\xa9 HTTP/1.1\r\nHost: app.test\r\n\r\n",
            b"GET /a?\xff HTTP/1.1\r\nHost: app.test\r\n\r\n",
        ],
        &[400],
        false,
    );
}

#[test]
fn a26_escapes_are_forwarded_as_they_came() {
    let origin = Origin::always(ok("served"));
    let forebay = Forebay::start(&origin, "");
    for target in
        ["/a%0d%0aX-Evil:%201", "/a%c0%af", "/%2e%2e/b", "/a//b/../c", "/a;b=c,d?e=%26&f=+"]
    {
        forebay.get(target).expect(200, "served");
        assert_eq!(origin.last().target(), target);
    }
    assert_eq!(origin.last().field("x-evil"), None);
}

#[test]
fn a26_a_fragment_never_makes_another_request_of_it() {
    let origin = Origin::always(fresh("served"));
    let forebay = Forebay::start(&origin, "");
    let response = forebay.get("/a#frag");
    if response.status() == 200 {
        assert_eq!(origin.last().target(), "/a");
        forebay.hit("/a").expect(200, "served");
    } else {
        response.expect_status(400);
        assert_eq!(origin.count(), 0);
    }
}

#[test]
fn a27_a_malformed_field_name_is_refused() {
    refuses_fields(
        &["X-A : 1", ": 1", "X\u{1}A: 1", "no colon", "X-Ä: 1", "X(A): 1"],
        &[400],
        true,
    );
}

#[test]
fn a28_nul_and_bare_cr_in_a_value_are_refused() {
    refuses_fields(&["X-A: a\0b", "X-A: a\rb", "X-A: a\rX-B: b"], &[400], true);
}

#[test]
fn a29_a_folded_line_is_refused() {
    refuses_fields(&["X-A: a\r\n b", "X-A: a\r\n\tb"], &[400], true);
}

#[test]
fn a30_space_before_the_first_field_is_refused() {
    refuses(
        &[
            "GET /a HTTP/1.1\r\n Host: app.test\r\n\r\n",
            "GET /a HTTP/1.1\r\n Host: app.test\r\nHost: app.test\r\n\r\n",
            "GET /a HTTP/1.1\r\n \r\nHost: app.test\r\n\r\n",
        ],
        &[400],
        true,
    );
}

#[test]
fn a31_names_with_an_underscore_are_not_forwarded() {
    let origin = Origin::always(ok("served"));
    let forebay = Forebay::start(&origin, "");
    for name in ["Content_Length", "Transfer_Encoding", "X_Forwarded_For", "Authorization_"] {
        let response = forebay.get_with("/a", &[(name, "9")]);
        assert!(matches!(response.status(), 200 | 400), "{}", response.head.start);
    }
    for request in origin.requests() {
        assert!(
            !request.head.fields.iter().any(|(name, _)| name.contains('_')),
            "{}",
            request.head.raw
        );
    }
}

#[test]
fn a34_h2c_is_not_upgraded_and_not_forwarded() {
    let origin = Origin::always(ok("served"));
    let forebay = Forebay::start(&origin, "");
    let mut client = forebay.connect();
    let fields = [
        ("connection", "Upgrade, HTTP2-Settings"),
        ("upgrade", "h2c"),
        ("http2-settings", "AAMAAABkAAQAAP__"),
    ];
    client.get_with("/a", &fields).expect(200, "served");
    for name in ["upgrade", "http2-settings"] {
        assert_eq!(origin.last().field(name), None, "{}", origin.last().head.raw);
    }
    client.get("/b").expect(200, "served");
}

#[test]
fn a36_a_get_with_a_body_neither_reads_nor_writes_the_cache() {
    let origin = Origin::start(|exchange| {
        let body = format!(
            "{} {}",
            exchange.number(),
            String::from_utf8_lossy(&exchange.request().content)
        );
        exchange.reply(&fresh(body));
    });
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect(200, "1 ");
    let fat = forebay.request("GET", "/a", &[], b"evil");
    assert!(matches!(fat.text().as_str(), "2 " | "2 evil"), "{}", fat.text());
    forebay.hit("/a").expect(200, "1 ");
    forebay.request("GET", "/b", &[], b"evil").expect_status(200);
    forebay.get("/b").expect(200, "4 ");
    // A chunked one is dropped or comes whole.
    let mut client = forebay.connect();
    client.send(format!("GET /c HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n"));
    let fat = client.read();
    assert!(
        matches!(fat.text().as_str(), "5 " | "5 evil") || fat.status() == 400,
        "{}",
        fat.text()
    );
    let next = forebay.get("/c").text();
    assert!(!next.contains("evil") && !next.starts_with('5'), "{next}");
}

#[test]
fn a36_bodies_of_other_methods_arrive_whole_or_not_at_all() {
    let origin = Origin::always(ok("served"));
    let forebay = Forebay::start(&origin, "");
    for method in ["DELETE", "OPTIONS", "HEAD"] {
        let mut client = forebay.connect();
        client.request(method, "/a", &[], b"body").expect_status(200);
        let request = origin.last();
        assert!(
            request.is_whole() && (request.content == b"body" || request.content.is_empty()),
            "{method}"
        );
        client.get("/next").expect(200, "served");
    }
    assert_eq!(origin.count(), 6);
}

#[test]
fn a38_an_early_refusal_says_no_continue_and_closes() {
    let origin = Origin::always(ok("served"));
    let forebay = Forebay::start(&origin, "[server.limits]\nrequest_body = \"1KiB\"");
    let mut client = forebay.connect();
    client.send_request(
        "POST",
        "/a",
        &[("content-length", "2000"), ("expect", "100-continue")],
        b"",
    );
    let response = client.read().expect_status(413);
    assert!(response.interim.is_empty() && response.says_close(), "{}", response.head.raw);
    client.expect_closed();
    only_this_arrives(&forebay, &origin);
}

#[test]
fn a39_an_unknown_expectation_is_refused() {
    let origin = Origin::always(ok("served"));
    let forebay = Forebay::start(&origin, "");
    forebay.get_with("/a", &[("expect", "foo")]).expect_status(417);
    only_this_arrives(&forebay, &origin);
}

#[test]
fn a40_behind_a_malformed_request_nothing_is_read() {
    let origin = Origin::start(|exchange| exchange.reply(&ok(exchange.target())));
    let forebay = Forebay::start(&origin, "");
    let mut client = forebay.connect();
    let good = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    client.send(format!(
        "{}{}GET /3 HTTP/1.1\r\nHost : {HOST}\r\n\r\n{}{}",
        good("/1"),
        good("/2"),
        good("/4"),
        good("/5")
    ));
    client.read().expect(200, "/1");
    client.read().expect(200, "/2");
    client.read().expect_status(400);
    client.expect_closed();
    forebay.get("/sentinel").expect_status(200);
    assert_eq!(origin.targets(), ["/1", "/2", "/sentinel"]);
}

#[test]
fn a44_a_method_override_never_poisons_a_get() {
    let origin = Origin::start(|exchange| {
        let overridden = ["x-http-method-override", "x-http-method", "x-method-override"]
            .iter()
            .any(|name| exchange.field(name).is_some());
        exchange.reply(&fresh(if overridden { "overridden" } else { "plain" }));
    });
    let forebay = Forebay::start(&origin, "");
    for (name, target) in
        [("X-HTTP-Method-Override", "/a"), ("X-HTTP-Method", "/b"), ("X-Method-Override", "/c")]
    {
        forebay.get_with(target, &[(name, "POST")]).expect_status(200);
        forebay.get(target).expect(200, "plain");
    }
}

#[test]
fn a51_another_protocol_on_a_plain_port_is_refused_and_harms_nothing() {
    let origin = Origin::always(ok("served"));
    let forebay = Forebay::start(
        &origin,
        "[server.limits]\nheader_timeout = \"500ms\"\nidle_timeout = \"500ms\"",
    );
    let hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".as_slice();
    for bytes in [
        hello,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01",
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"\0\0\0\0",
    ] {
        let mut client = forebay.connect();
        client.send(bytes);
        if let Ok(response) = client.try_read() {
            assert!(matches!(response.status(), 400 | 408 | 505), "{}", response.head.start);
        }
        client.expect_closed();
    }
    only_this_arrives(&forebay, &origin);
}

#[test]
fn a52_a_megabyte_of_empty_lines_is_not_read_for_ever() {
    let origin = Origin::always(ok("served"));
    let forebay = Forebay::start(&origin, "");
    let mut client = forebay.connect();
    client.try_send("\r\n".repeat(512 * 1024));
    if let Ok(response) = client.try_read() {
        assert!(matches!(response.status(), 400 | 431), "{}", response.head.start);
    }
    client.expect_closed();
    only_this_arrives(&forebay, &origin);
}
