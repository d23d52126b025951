//! What is said about a request: fields, log lines, metrics, probes, our own errors.

use crate::support::{Forebay, Gate, Launch, Origin, Reply, eventually, fresh, ok, unused_address};

#[test]
fn cache_status_tells_a_miss_from_a_hit() {
    let origin = Origin::always(fresh("hello"));
    let forebay = Forebay::start(&origin, "");
    let miss = forebay.get("/a");
    assert_eq!(miss.cache_status(), "forebay; fwd=uri-miss; fwd-status=200; stored");
    let hit = forebay.get("/a");
    let status = hit.cache_status();
    assert!(status == "forebay; hit; ttl=60" || status == "forebay; hit; ttl=59", "{status}");
    assert_eq!((miss.field("age"), hit.field("age").is_some()), (None, true));
}

#[test]
fn cache_status_says_why_a_request_went_forward() {
    let origin = Origin::start(|exchange| match exchange.target() {
        "/vary" => {
            let language = exchange.field("accept-language").unwrap_or("none").to_owned();
            exchange.reply(&fresh(language).field("vary", "accept-language"));
        }
        "/stale" => exchange.reply(
            &ok("x")
                .field("cache-control", "max-age=60")
                .field("age", "70")
                .field("etag", "\"v1\""),
        ),
        "/private" => exchange.reply(&ok("x").field("cache-control", "private")),
        "/404" => exchange.reply(&Reply::new(404).content("x")),
        _ => exchange.reply(&fresh("x")),
    });
    let forebay = Forebay::start(&origin, "[[route]]\npath = \"/bypass\"\ncache = false");
    let fwd = |method: &str, target: &str, fields: &[(&str, &str)]| {
        let response = forebay.request(method, target, fields, b"");
        let parameter = |name| response.cache_parameter(name).unwrap_or_default();
        (parameter("fwd"), parameter("fwd-status"), response.cache_parameter("stored").is_some())
    };
    let said = |fwd: &str, status: &str, stored: bool| (fwd.to_owned(), status.to_owned(), stored);
    assert_eq!(fwd("POST", "/a", &[]), said("method", "200", false));
    assert_eq!(fwd("GET", "/bypass", &[]), said("bypass", "200", false));
    assert_eq!(fwd("GET", "/404", &[]), said("uri-miss", "404", false));
    assert_eq!(fwd("GET", "/private", &[]), said("uri-miss", "200", false));
    assert_eq!(fwd("GET", "/vary", &[("accept-language", "de")]), said("uri-miss", "200", true));
    assert_eq!(fwd("GET", "/vary", &[("accept-language", "fr")]), said("vary-miss", "200", true));
    assert_eq!(fwd("GET", "/stale", &[]).0, "uri-miss");
    assert_eq!(fwd("GET", "/stale", &[]).0, "stale");
}

#[test]
fn cache_status_says_why_nothing_was_stored() {
    let origin = Origin::start(|exchange| match exchange.target() {
        "/no-store" => exchange.reply(&ok("x").field("cache-control", "no-store")),
        "/private" => exchange.reply(&ok("x").field("cache-control", "private")),
        "/cookie" => exchange.reply(&fresh("x").field("set-cookie", "id=1")),
        "/vary" => exchange.reply(&fresh("x").field("vary", "*")),
        _ => exchange.reply(&ok("x")),
    });
    let forebay = Forebay::start(&origin, "");
    let mut details: Vec<String> = Vec::new();
    for target in ["/no-store", "/private", "/cookie", "/vary", "/nothing"] {
        let response = forebay.get(target);
        let detail = response
            .cache_parameter("detail")
            .unwrap_or_else(|| panic!("{target}: {}", response.cache_status()));
        assert!(detail.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{detail}");
        assert!(!details.contains(&detail), "{detail} again for {target}");
        details.push(detail);
    }
}

#[test]
fn our_member_of_cache_status_comes_after_the_origins() {
    let origin = Origin::always(fresh("x").field("cache-status", "behind; hit; ttl=5"));
    let forebay = Forebay::start(&origin, "");
    for _ in 0..2 {
        let response = forebay.get("/a");
        let all = response.all("cache-status").join(", ");
        assert!(all.starts_with("behind; hit; ttl=5, forebay; "), "{all}");
        assert_eq!(all.matches("forebay").count(), 1, "{all}");
    }
}

/// The fields of an access line.
fn pairs(line: &str) -> Vec<(String, String)> {
    let rest = line.split_once("ACCESS ").expect("an access line").1;
    let mut pairs = Vec::new();
    let mut chars = rest.chars().peekable();
    while chars.peek().is_some() {
        let name: String = chars.by_ref().take_while(|letter| *letter != '=').collect();
        let mut value = String::new();
        if chars.peek() == Some(&'"') {
            chars.next();
            while let Some(letter) = chars.next() {
                match letter {
                    '"' => break,
                    '\\' => value.extend(['\\', chars.next().unwrap()]),
                    _ => value.push(letter),
                }
            }
            chars.next();
        } else {
            value = chars.by_ref().take_while(|letter| *letter != ' ').collect();
        }
        pairs.push((name, value));
    }
    pairs
}

#[test]
fn each_request_has_one_line_in_the_log() {
    let origin = Origin::always(fresh("hello"));
    let forebay =
        Forebay::start(&origin, "[[route]]\nname = \"things\"\npath = \"/things/{*rest}\"");
    forebay.get("/things/1").expect(200, "hello");
    forebay.get("/things/1").expect(200, "hello");
    forebay.request("POST", "/other", &[], b"x").expect(200, "hello");
    let expected = [
        ("GET", "/things/1", "miss", "things"),
        ("GET", "/things/1", "hit", "things"),
        ("POST", "/other", "bypass", ""),
    ];
    eventually("all are written", || forebay.log_text().matches("ACCESS").count() == 3);
    for (line, (method, path, outcome, route)) in
        forebay.log_text().lines().filter(|line| line.contains("ACCESS")).zip(expected)
    {
        let pairs = pairs(line);
        let get = |name: &str| {
            pairs.iter().find(|(pair, _)| pair == name).map_or("", |(_, value)| value.as_str())
        };
        assert_eq!(
            (
                get("client"),
                get("method"),
                get("host"),
                get("path"),
                get("status"),
                get("bytes"),
                get("outcome")
            ),
            ("127.0.0.1", method, "app.test", path, "200", "5", outcome),
            "{line}"
        );
        assert!(get("duration").parse::<f64>().is_ok_and(|seconds| seconds < 20.0), "{line}");
        assert!(route.is_empty() || get("route") == route, "{line}");
        assert_eq!(get("cache").contains("hit"), outcome == "hit", "{line}");
    }
}

#[test]
fn the_log_may_be_json() {
    let origin = Origin::always(fresh("hello"));
    let forebay = Forebay::start(&origin, "[log]\nformat = \"json\"");
    forebay.get("/a").expect(200, "hello");
    let line = forebay.wait_for_log(&["\"/a\""]);
    for line in forebay.log_text().lines() {
        let parsed: serde_json::Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(parsed.is_object());
    }
    let access: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(
        (&access["method"], &access["path"], &access["status"], &access["outcome"]),
        (&"GET".into(), &"/a".into(), &200.into(), &"miss".into()),
        "{line}"
    );
    assert!(access["duration"].is_number() && access["bytes"] == 5, "{line}");
}

#[test]
fn i12_nothing_in_a_request_can_forge_a_log_line() {
    let origin = Origin::always(ok("x"));
    for format in ["text", "json"] {
        let forebay =
            Forebay::start(&origin, &format!("[log]\nformat = \"{format}\"\nquery = true"));
        let agent = ("user-agent", "\" status=500");
        forebay
            .get_with("/a%0aFORGED%1b[31m'status=500?status=500&c='d'", &[agent])
            .expect_status(200);
        forebay.get("/end").expect_status(200);
        forebay.wait_for_log(&["/end"]);
        let log = forebay.log_text();
        assert!(
            !log.lines().any(|line| line.starts_with("FORGED")) && !log.contains('\u{1b}'),
            "{log}"
        );
        if format == "json" {
            assert!(
                log.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()),
                "{log}"
            );
        } else {
            let line = forebay.wait_for_log(&["ACCESS", "/a"]);
            assert_eq!(
                pairs(&line).iter().filter(|(name, _)| name == "status").count(),
                1,
                "{line}"
            );
        }
    }
}

#[test]
fn queries_are_kept_out_of_the_log_unless_asked_for() {
    let origin = Origin::always(ok("x"));
    for (config, shown) in [("", false), ("[log]\nquery = true", true)] {
        let forebay = Forebay::start(&origin, config);
        forebay.get("/a?token=hunter2").expect_status(200);
        forebay.get("/end").expect_status(200);
        forebay.wait_for_log(&["/end"]);
        assert_eq!(forebay.log_text().contains("hunter2"), shown);
    }
}

#[test]
fn credentials_are_never_in_the_log() {
    let origin = Origin::always(ok("x"));
    let forebay = Forebay::start(&origin, "[log]\nlevel = \"debug\"\nquery = true");
    forebay
        .get_with(
            "/a",
            &[
                ("authorization", "Bearer hunter2"),
                ("cookie", "id=hunter2"),
                ("x-api-key", "hunter2"),
            ],
        )
        .expect_status(200);
    forebay.get("/end").expect_status(200);
    forebay.wait_for_log(&["/end"]);
    assert!(!forebay.log_text().contains("hunter2"));
}

#[test]
fn the_access_log_can_be_narrowed() {
    let origin = Origin::start(|exchange| match exchange.target() {
        "/bad" => exchange.reply(&Reply::new(500)),
        _ => exchange.reply(&ok("x")),
    });
    for (access, good, bad) in [("all", true, true), ("errors", false, true), ("off", false, false)]
    {
        let mut forebay = Forebay::start(&origin, &format!("[log]\naccess = \"{access}\""));
        forebay.get("/good").expect_status(200);
        forebay.get("/bad").expect_status(500);
        // Everything is written before the process ends.
        forebay.signal("TERM");
        forebay.wait_exit();
        eventually("the log is read to its end", || forebay.log_is_broken());
        let log = forebay.log_text();
        let has =
            |path: &str| log.lines().any(|line| line.contains("ACCESS") && line.contains(path));
        assert_eq!((has("path=/good"), has("path=/bad")), (good, bad), "{access}: {log}");
    }
}

#[test]
fn an_error_word_is_in_the_answer_and_in_the_log() {
    let forebay = Launch::new(&format!("http://{}", unused_address()), "").start();
    let response = forebay.get("/a").expect_status(502);
    assert_eq!(response.field("content-type"), Some("application/problem+json"));
    let problem = response.json();
    assert_eq!(problem["status"], 502);
    let word = problem["code"].as_str().expect("a code").to_owned();
    let line = forebay.wait_for_log(&["ACCESS", "path=/a"]);
    assert!(line.contains(&format!("error={word}")), "{line}");
}

#[test]
fn a_browser_is_told_in_text() {
    let forebay = Launch::new(&format!("http://{}", unused_address()), "").start();
    let response = forebay
        .get_with("/a", &[("accept", "text/html,application/xhtml+xml,*/*;q=0.8")])
        .expect_status(502);
    assert!(
        response.field("content-type").is_some_and(|kind| kind.starts_with("text/plain")),
        "{}",
        response.head.raw
    );
    assert!(response.field("cache-control").is_some_and(|value| value.contains("no-store")));
    assert!(!response.body.is_empty());
}

#[test]
fn each_metric_of_the_contract_is_there() {
    let origin = Origin::start(|exchange| match exchange.target() {
        "/private" => exchange.reply(&ok("x").field("cache-control", "private")),
        _ => exchange.reply(&fresh("hello")),
    });
    let forebay =
        Forebay::start(&origin, "[[route]]\nname = \"things\"\npath = \"/things/{*rest}\"");
    forebay.get("/things/1").expect_status(200);
    forebay.get("/things/1").expect_status(200);
    forebay.get("/private").expect_status(200);
    forebay.purge(r#"{"url": "/x"}"#).expect_status(200);
    let text = forebay.admin().get("/metrics").expect_status(200).text();
    for name in [
        "forebay_requests_total",
        "forebay_request_duration_seconds_bucket",
        "forebay_request_duration_seconds_count",
        "forebay_cache_lookups_total",
        "forebay_not_stored_total",
        "forebay_stored_bytes",
        "forebay_stored_responses",
        "forebay_evictions_total",
        "forebay_purges_total",
        "forebay_upstream_requests_total",
        "forebay_upstream_duration_seconds_count",
        "forebay_connections",
        "forebay_config_last_reload_successful",
        "forebay_build_info",
        "process_resident_memory_bytes",
        "process_cpu_seconds_total",
        "process_open_fds",
        "process_start_time_seconds",
    ] {
        assert!(
            text.lines().any(|line| line
                .strip_prefix(name)
                .is_some_and(|rest| rest.starts_with(['{', ' ']))),
            "no {name} in\n{text}"
        );
    }
    let is = |value: f64, expected: f64| (value - expected).abs() < 0.5;
    assert!(
        is(
            forebay.metric(
                "forebay_requests_total",
                &[("route", "things"), ("method", "GET"), ("status", "200"), ("outcome", "hit")]
            ),
            1.0
        ),
        "{text}"
    );
    assert!(
        is(
            forebay.metric("forebay_requests_total", &[("route", "things"), ("outcome", "miss")]),
            1.0
        ),
        "{text}"
    );
    assert!(
        is(
            forebay.metric(
                "forebay_request_duration_seconds_count",
                &[("route", "things"), ("outcome", "hit")]
            ),
            1.0
        ),
        "{text}"
    );
    assert!(
        is(forebay.metric("forebay_not_stored_total", &[("reason", "private")]), 1.0),
        "{text}"
    );
    // The store counts behind the answers.
    eventually("it is counted", || is(forebay.metric("forebay_stored_responses", &[]), 1.0));
    assert!(forebay.metric("forebay_stored_bytes", &[]) > 5.0);
    assert!(is(forebay.metric("forebay_purges_total", &[("kind", "url")]), 1.0), "{text}");
    assert!(
        is(forebay.metric("forebay_upstream_requests_total", &[("status", "200")]), 2.0),
        "{text}"
    );
}

#[test]
fn i08_no_label_comes_from_a_client() {
    let origin = Origin::always(ok("x"));
    let forebay = Forebay::start(&origin, "");
    for n in 0..20 {
        let host = format!("host-{n}.test");
        forebay
            .request(
                &format!("METHOD{n}"),
                &format!("/path-{n}?query-{n}"),
                &[("host", &host), ("user-agent", "agent-x"), ("x-api-key", "key-x")],
                b"",
            )
            .expect_status(200);
    }
    let text = forebay.admin().get("/metrics").text();
    for word in ["METHOD", "path-", "query-", "host-", "agent-x", "key-x"] {
        assert!(!text.contains(word), "{word} in {text}");
    }
    assert!((forebay.metric("forebay_requests_total", &[("method", "other")]) - 20.0).abs() < 0.5);
}

#[test]
fn the_gauges_return_to_where_they_were() {
    let gate = Gate::new();
    let origin = Origin::start({
        let gate = gate.clone();
        move |exchange| {
            exchange.wait(&gate);
            exchange.reply(&fresh("hello"));
        }
    });
    let forebay = Forebay::start(&origin, "");
    let mut clients = forebay.burst(10, "/a");
    origin.wait_for(1);
    eventually("all are counted", || {
        (forebay.metric("forebay_connections", &[]) - 10.0).abs() < 0.5
    });
    gate.open();
    for client in &mut clients {
        client.read().expect(200, "hello");
    }
    drop(clients);
    eventually("none is counted", || forebay.metric("forebay_connections", &[]) < 0.5);
}

#[test]
fn the_probes_answer() {
    let origin = Origin::always(ok("x"));
    let forebay = Forebay::start(&origin, "");
    forebay.admin().get("/livez").expect_status(200);
    let ready = forebay.admin().get("/readyz").expect_status(200);
    assert!(ready.json().is_object());
    forebay.admin().request("HEAD", "/livez", &[], b"").expect_status(200);
    // A dead upstream never makes us unready.
    origin.stop();
    forebay.get("/a").expect_status(502);
    forebay.admin().get("/readyz").expect_status(200);
}
