//! POST that only reads: stored by what its content says, and forwarded as it came.

use crate::support::{
    Client, Closing, Exchange, Forebay, Gate, Origin, Reply, Response, fresh, ok, read_all,
};

/// A route as an endpoint for completions has it; `more` is added to it.
fn completions(more: &str) -> String {
    format!(
        r#"
        [[route]]
        path = "/api/ai/complete"
        methods = ["POST"]
        ttl = "24h"
        key_body = "json"
        {more}
        "#
    )
}

const TARGET: &str = "/api/ai/complete";
const JSON: (&str, &str) = ("content-type", "application/json");

/// An origin that answers with its request's ordinal number and content, and says nothing of lifetimes.
fn echoing() -> Origin {
    Origin::start(|exchange| exchange.reply(&ok(echo(exchange))))
}

fn echo(exchange: &Exchange<'_>) -> String {
    let content = String::from_utf8_lossy(&exchange.request().content).into_owned();
    format!("{} {content}", exchange.number())
}

#[track_caller]
fn post(forebay: &Forebay, content: &str) -> Response {
    forebay.request("POST", TARGET, &[JSON], content.as_bytes())
}

/// POST until the answer is from the store; each must be reused.
#[track_caller]
fn hit(forebay: &Forebay, content: &str) -> Response {
    let mut response = post(forebay, content);
    while !response.is_hit() {
        assert!(response.is_reused(), "not reused: {}", response.head.raw);
        response = post(forebay, content);
    }
    response
}

#[test]
fn a_completion_is_stored_by_what_its_prompt_says_and_forwarded_as_it_came() {
    let origin = echoing();
    let forebay = Forebay::start(&origin, &completions(""));
    let prompt = "{ \"prompt\": \"h\\u00e9\",\r\n  \"max\": 1 }";
    let first = post(&forebay, prompt).expect(200, format!("1 {prompt}"));
    assert_eq!(
        (first.cache_parameter("fwd").as_deref(), first.cache_parameter("stored").as_deref()),
        (Some("uri-miss"), Some("")),
        "{}",
        first.head.raw
    );
    let asked = origin.last();
    assert_eq!((asked.method(), asked.all("content-length").len()), ("POST", 1));
    assert_eq!(asked.field("content-length"), Some(prompt.len().to_string().as_str()));
    for same in [prompt, "{\"max\":1,\"prompt\":\"hé\"}", "{\"prompt\":\"\\u0068é\",\"max\":1}"] {
        hit(&forebay, same).expect(200, format!("1 {prompt}"));
    }
    for (number, other) in (2..).zip([
        "{\"max\":1.0,\"prompt\":\"hé\"}",
        "{\"max\":\"1\",\"prompt\":\"hé\"}",
        "{\"max\":1,\"prompt\":\"Hé\"}",
        "{\"max\":1,\"prompt\":\"he\\u0301\"}",
        "{\"max\":1,\"prompt\":\"hé\",\"n\":null}",
    ]) {
        post(&forebay, other).expect(200, format!("{number} {other}"));
        hit(&forebay, other);
    }
    assert_eq!(origin.count(), 6);
}

#[test]
fn method_type_and_place_are_in_the_key_too() {
    let origin = echoing();
    let everything = completions("").replace("methods = [\"POST\"]", "");
    let forebay = Forebay::start(&origin, &everything);
    post(&forebay, "{}").expect(200, "1 {}");
    let plain = ("content-type", "text/plain");
    forebay.request("POST", TARGET, &[plain], b"{}").expect(200, "2 {}");
    forebay.request("POST", TARGET, &[], b"{}").expect(200, "3 {}");
    forebay.request("POST", TARGET, &[JSON, ("host", "other.test")], b"{}").expect(200, "4 {}");
    forebay.request("POST", &format!("{TARGET}?a=1"), &[JSON], b"{}").expect(200, "5 {}");
    forebay.get(TARGET).expect(200, "6 ");
    forebay.hit(TARGET).expect(200, "6 ");
    hit(&forebay, "{}").expect(200, "1 {}");
    // Nothing else is ever stored.
    for method in ["PUT", "PATCH", "DELETE", "QUERY"] {
        for _ in 0..2 {
            let response = forebay.request(method, "/api/ai/other", &[JSON], b"{}");
            assert!(!response.is_reused(), "{method}: {}", response.head.raw);
        }
    }
    assert_eq!(origin.count(), 14);
}

#[test]
fn by_bytes_every_byte_counts() {
    let origin = echoing();
    let forebay = Forebay::start(&origin, &completions("").replace("json", "bytes"));
    for (content, body) in
        [("{}", "1 {}"), ("{ }", "2 { }"), ("{}", "1 {}"), ("a=1", "3 a=1"), ("", "4 "), ("", "4 ")]
    {
        post(&forebay, content).expect(200, body);
    }
    let gzip = [JSON, ("content-encoding", "gzip")];
    for _ in 0..2 {
        forebay.request("POST", TARGET, &gzip, b"{}").expect(200, "5 {}");
    }
    assert_eq!(origin.count(), 5);
    assert_eq!(origin.requests()[3].field("content-length"), Some("0"));
}

#[test]
fn many_that_ask_the_same_are_one_fetch() {
    let gate = Gate::new();
    let origin = Origin::gated(&gate, |exchange| ok(echo(exchange)));
    let forebay = Forebay::start(&origin, &completions(""));
    let mut clients: Vec<Client> = (0..20).map(|_| forebay.connect()).collect();
    for (index, client) in clients.iter_mut().enumerate() {
        let content = ["{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}"][index % 2];
        client.send_request("POST", TARGET, &[JSON], content.as_bytes());
        origin.wait_for(1);
    }
    forebay.wait_for_clients(20);
    gate.open();
    for response in read_all(&mut clients) {
        response.expect(200, "1 {\"a\":1,\"b\":2}");
    }
    assert_eq!(origin.count(), 1);
}

#[test]
fn what_has_no_key_is_forwarded_whole_and_not_stored() {
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(100));
    let deep = "[".repeat(65) + &"]".repeat(65);
    let coded = [JSON, ("content-encoding", "gzip")];
    let conditional = [JSON, ("if-none-match", "\"a\"")];
    let overridden = [JSON, ("x-http-method-override", "DELETE")];
    let json = [JSON];
    for (fields, content, detail) in [
        (&json[..], "{\"a\":1,", "body-not-json"),
        (&json, "a=1", "body-not-json"),
        (&json, "", "body-not-json"),
        (&json, "{\"a\":1,\"\\u0061\":2}", "body-ambiguous"),
        (&json, &deep, "body-too-deep"),
        (&json, &long, "body-too-long"),
        (&coded[..], "{}", "body-coded"),
        (&conditional, "{}", "conditional"),
        (&overridden, "{}", "method-override"),
    ] {
        let origin = echoing();
        let limit = if detail == "body-too-deep" { "1KiB" } else { "100B" };
        let forebay =
            Forebay::start(&origin, &completions(&format!("key_body_limit = \"{limit}\"")));
        for number in 1..=2 {
            let response = forebay.request("POST", TARGET, fields, content.as_bytes());
            let response = response.expect(200, format!("{number} {content}"));
            assert_eq!(response.cache_parameter("detail").as_deref(), Some(detail));
        }
        let counted = forebay.metric("forebay_not_stored_total", &[("reason", detail)]);
        assert!((counted - 2.0).abs() < 0.1, "{detail}: {counted}");
    }
}

#[test]
fn what_grows_too_long_passes_as_it_comes() {
    let seen = Gate::new();
    let origin = Origin::start_unread({
        let seen = seen.clone();
        move |exchange| {
            let mut content = exchange.read_some();
            seen.open();
            while !content.ends_with(b"0\r\n\r\n") {
                content.extend(exchange.read_some());
            }
            exchange.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
            let sent: Vec<u8> = content.into_iter().filter(u8::is_ascii_lowercase).collect();
            assert_eq!(String::from_utf8(sent).unwrap(), "abcdefghijklmn");
            exchange.close();
        }
    });
    let forebay = Forebay::start(&origin, &completions("key_body_limit = \"8B\""));
    let mut client = forebay.connect();
    client.send_request("POST", TARGET, &[("transfer-encoding", "chunked")], b"");
    client.send("4\r\nabcd\r\n");
    client.send("6\r\nefghij\r\n");
    seen.wait();
    client.send("4\r\nklmn\r\n0\r\n\r\n");
    let response = client.read().expect(200, "ok");
    assert_eq!(response.cache_parameter("detail").as_deref(), Some("body-too-long"));
}

#[test]
fn a_client_that_waits_for_100_gets_it_and_then_its_answer() {
    let origin = Origin::start_unread(|exchange| {
        if exchange.field("expect").is_some() {
            exchange.send("HTTP/1.1 100 Continue\r\n\r\n");
        }
        exchange.read_content();
        exchange.reply(&ok(echo(exchange)));
    });
    let forebay = Forebay::start(&origin, &completions("key_body_limit = \"8B\""));
    // Short, and read here; announced as longer than is read, and asked for by the origin.
    for (content, expected) in [("{}", false), ("{\"a\":\"long\"}", true)] {
        let mut client = forebay.connect();
        let length = content.len().to_string();
        let fields = [JSON, ("content-length", length.as_str()), ("expect", "100-continue")];
        client.send_request("POST", TARGET, &fields, b"");
        assert_eq!(client.read_interim().word(1), "100");
        client.send(content);
        client.read().expect_status(200);
        assert_eq!(origin.last().field("expect").is_some(), expected);
        assert_eq!(origin.last().content, content.as_bytes());
    }
    hit(&forebay, "{}").expect(200, "1 {}");
}

#[test]
fn a41_content_that_does_not_come_whole_is_not_forwarded() {
    let origin = echoing();
    let config = completions("key_body_limit = \"1MiB\"")
        + "[server.limits]\nstall_timeout = \"300ms\"\nrequest_body = \"1KiB\"\n";
    let forebay = Forebay::start(&origin, &config);
    let mut torn = forebay.connect();
    torn.send_request("POST", TARGET, &[JSON, ("content-length", "10")], b"{}");
    torn.finish_sending();
    if let Ok(response) = torn.try_read() {
        response.expect_status(400);
    }
    let mut stalled = forebay.connect();
    stalled.send_request("POST", TARGET, &[JSON, ("content-length", "10")], b"{}");
    assert!(stalled.read().expect_status(408).says_close());
    let mut grown = forebay.connect();
    grown.send_request("POST", TARGET, &[JSON, ("transfer-encoding", "chunked")], b"");
    grown.send(format!("400\r\n{}\r\n1\r\n \r\n", " ".repeat(1024)));
    assert!(grown.read().expect_status(413).says_close());
    let mut malformed = forebay.connect();
    malformed.send_request("POST", TARGET, &[JSON, ("transfer-encoding", "chunked")], b"");
    malformed.send("2\r\n{}\r\nx\r\n");
    malformed.read().expect_status(400);
    assert_eq!(malformed.expect_closed(), Closing::Closed);
    post(&forebay, "{}").expect(200, "1 {}");
}

#[test]
fn e16_what_its_client_left_is_stored_all_the_same() {
    let gate = Gate::new();
    let origin = Origin::gated(&gate, |exchange| ok(echo(exchange)));
    let forebay = Forebay::start(&origin, &completions(""));
    let mut client = forebay.connect();
    client.send_request("POST", TARGET, &[JSON], b"{}");
    origin.wait_for(1);
    client.reset();
    forebay.wait_for_log(&["client-left"]);
    gate.open();
    hit(&forebay, "{}").expect(200, "1 {}");
    assert_eq!(origin.count(), 1);
}

#[test]
fn it_invalidates_nothing_and_is_invalidated_by_what_writes() {
    let origin = echoing();
    let forebay = Forebay::start(
        &origin,
        &(completions("") + "[[route]]\npath = \"/{*rest}\"\ndefault_ttl = \"1h\"\n"),
    );
    forebay.get(TARGET).expect(200, "1 ");
    post(&forebay, "{}").expect(200, "2 {}");
    post(&forebay, "[]").expect(200, "3 []");
    post(&forebay, "not JSON").expect(200, "4 not JSON");
    forebay.hit(TARGET).expect(200, "1 ");
    hit(&forebay, "{}").expect(200, "2 {}");
    hit(&forebay, "[]").expect(200, "3 []");
    forebay.request("PUT", TARGET, &[], b"x").expect_status(200);
    forebay.get(TARGET).expect(200, "6 ");
    post(&forebay, "{}").expect(200, "7 {}");
    post(&forebay, "[]").expect(200, "8 []");
}

#[test]
fn a_purge_covers_every_content() {
    let config = completions("tags = [\"ai\"]\nquery.ignore = [\"utm_*\"]");
    for what in
        [r#"{"url": "/api/ai/complete?utm_a=1"}"#, r#"{"tag": "ai"}"#, r#"{"prefix": "/api/"}"#]
    {
        let origin = echoing();
        let forebay = Forebay::start(&origin, &config);
        for (number, content) in (1..).zip(["{}", "[]"]) {
            post(&forebay, content).expect(200, format!("{number} {content}"));
            hit(&forebay, content);
        }
        assert_eq!(forebay.purge(what).json()["matched"], 2, "{what}");
        post(&forebay, "{}").expect(200, "3 {}");
    }
    let origin = echoing();
    let forebay = Forebay::start(&origin, &config);
    post(&forebay, "{}").expect(200, "1 {}");
    let named = r#"{"url": "http://app.test/api/ai/complete?utm_a=1"}"#;
    hit(&forebay, "{}");
    assert_eq!(forebay.purge(named).json()["matched"], 1);
}

/// A response that has been stale for ten seconds when it arrives.
fn stale(exchange: &Exchange<'_>, directives: &str) -> Reply {
    ok(echo(exchange))
        .field("cache-control", format!("max-age=60{directives}"))
        .field("age", "70")
        .field("etag", "\"v1\"")
}

#[test]
fn a_stale_one_is_fetched_anew_and_never_validated() {
    let origin = Origin::start(|exchange| match exchange.number() {
        1 => exchange.reply(&stale(exchange, "")),
        _ => exchange.reply(&fresh(echo(exchange))),
    });
    let forebay = Forebay::start(&origin, &completions("").replace("ttl = \"24h\"", ""));
    post(&forebay, "{}").expect(200, "1 {}");
    let anew = post(&forebay, "{ }").expect(200, "2 { }");
    assert_eq!(anew.cache_parameter("fwd").as_deref(), Some("stale"));
    assert_eq!(origin.last().field("if-none-match"), None);
    hit(&forebay, "{}").expect(200, "2 { }");
}

#[test]
fn a_stale_one_is_served_while_it_is_fetched_and_when_that_fails() {
    let origin = Origin::start(|exchange| match exchange.number() {
        1 => exchange.reply(&stale(exchange, ", stale-while-revalidate=600")),
        _ => exchange.reply(&fresh(echo(exchange))),
    });
    let route = completions("").replace("ttl = \"24h\"", "");
    let forebay = Forebay::start(&origin, &route);
    post(&forebay, "{}").expect(200, "1 {}");
    let served = post(&forebay, "{ }").expect(200, "1 {}");
    assert_eq!(served.cache_parameter("detail").as_deref(), Some("stale-while-revalidate"));
    origin.wait_for(2);
    crate::support::eventually("it is fetched", || post(&forebay, "{}").text() == "2 { }");
    assert_eq!((origin.last().method(), origin.last().field("if-none-match")), ("POST", None));

    let origin = Origin::start(|exchange| match exchange.number() {
        1 => exchange.reply(&stale(exchange, ", stale-if-error=600")),
        _ => exchange.reply(&Reply::new(503)),
    });
    let forebay = Forebay::start(&origin, &route);
    post(&forebay, "{}").expect(200, "1 {}");
    let served = post(&forebay, "{}").expect(200, "1 {}");
    assert_eq!(served.cache_parameter("detail").as_deref(), Some("stale-if-error"));
}

#[test]
fn b06_one_that_may_have_been_received_is_not_sent_again() {
    let origin = Origin::start(|exchange| match exchange.number() {
        1 => exchange.reply(&ok("kept alive")),
        _ => exchange.close(),
    });
    let forebay = Forebay::start(&origin, &completions(""));
    post(&forebay, "[]").expect(200, "kept alive");
    post(&forebay, "{}").expect_status(502);
    assert_eq!(origin.count(), 2);
}

#[test]
fn what_may_not_be_stored_is_not() {
    let cases: [(Reply, &[(&str, &str)]); 5] = [
        (fresh("x").field("set-cookie", "id=1"), &[JSON]),
        (ok("x").field("cache-control", "no-store"), &[JSON]),
        (ok("x").field("cache-control", "no-cache").field("etag", "\"a\""), &[JSON]),
        (ok("x"), &[JSON, ("authorization", "Bearer a")]),
        (Reply::new(500).content("x"), &[JSON]),
    ];
    for (reply, fields) in cases {
        let origin = Origin::always(reply);
        let forebay = Forebay::start(&origin, &completions(""));
        for _ in 0..2 {
            let response = forebay.request("POST", TARGET, fields, b"{}");
            assert!(!response.is_reused(), "{}", response.head.raw);
        }
        assert_eq!(origin.count(), 2);
    }
}

#[test]
fn its_variants_refreshes_and_parts_are_as_of_any_other() {
    let origin = Origin::start(|exchange| {
        let language = exchange.field("accept-language").unwrap_or("none");
        let body = format!("{} {language}", exchange.number());
        exchange.reply(&ok(body).field("vary", "accept-language"));
    });
    let config = completions("refresh_on = [\"header:x-refresh=1\"]\nrefresh_interval = \"0s\"");
    let forebay = Forebay::start(&origin, &config);
    let ask = |fields: &[(&str, &str)]| {
        forebay.request("POST", TARGET, &[&[JSON], fields].concat(), b"{}")
    };
    ask(&[("accept-language", "de")]).expect(200, "1 de");
    ask(&[("accept-language", "fr")]).expect(200, "2 fr");
    ask(&[("accept-language", "de")]).expect(200, "1 de");
    ask(&[("accept-language", "de"), ("x-refresh", "1")]).expect(200, "3 de");
    assert_eq!(origin.last().content, b"{}");
    let part = ask(&[("accept-language", "de"), ("range", "bytes=0-0")]).expect(200, "3 de");
    assert!(part.is_reused() && part.field("etag").is_none(), "{}", part.head.raw);
}
