//! What is no longer fresh: validated, freshened, or served all the same where that is allowed.

use crate::support::{Exchange, Forebay, Gate, Origin, Reply, eventually, ok};

/// A response that was fresh for a minute and has been stale for `age - 60` seconds when it arrives.
fn stale(body: &str, age: u64, directives: &str) -> Reply {
    ok(body).field("cache-control", format!("max-age=60{directives}")).field("age", age.to_string())
}

/// `first` to the first request, `then` to all others.
fn first_then(first: Reply, then: impl Fn(&mut Exchange<'_>) + Send + Sync + 'static) -> Origin {
    Origin::start(move |exchange| match exchange.number() {
        1 => exchange.reply(&first),
        _ => then(exchange),
    })
}

#[test]
fn a_stale_response_is_validated_with_the_origins_tag() {
    let origin = first_then(
        stale("hello", 70, "")
            .field("etag", "\"v1\"")
            .field("last-modified", "Sat, 01 Jan 2000 00:00:00 GMT"),
        |exchange| {
            exchange.reply(
                &Reply::new(304).field("etag", "\"v1\"").field("cache-control", "max-age=600"),
            );
        },
    );
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect(200, "hello");
    let validated = forebay.get("/a").expect(200, "hello");
    assert_eq!(
        (origin.last().field("if-none-match"), origin.last().field("if-modified-since")),
        (Some("\"v1\""), Some("Sat, 01 Jan 2000 00:00:00 GMT"))
    );
    assert_eq!(
        (
            validated.cache_parameter("fwd").as_deref(),
            validated.cache_parameter("fwd-status").as_deref()
        ),
        (Some("stale"), Some("304")),
        "{}",
        validated.cache_status()
    );
    let hit = forebay.hit("/a").expect(200, "hello");
    assert!(hit.age().is_some_and(|age| age < 30), "freshened: {}", hit.head.raw);
    assert_eq!(hit.field("cache-control"), Some("max-age=600"));
    assert_eq!(origin.count(), 2);
}

#[test]
fn a_stale_response_is_replaced_by_a_new_one() {
    let origin = first_then(stale("old", 70, "").field("etag", "\"v1\""), |exchange| {
        exchange.reply(&ok("new").field("cache-control", "max-age=60").field("etag", "\"v2\""));
    });
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect(200, "old");
    forebay.get("/a").expect(200, "new");
    let hit = forebay.hit("/a").expect(200, "new");
    assert_eq!((hit.field("etag"), origin.count()), (Some("\"v2\""), 2));
}

#[test]
fn what_becomes_stale_by_time_is_asked_for_again() {
    let origin = first_then(stale("old", 58, ""), |exchange| {
        exchange.reply(&ok("new").field("cache-control", "max-age=600"))
    });
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect(200, "old");
    forebay.hit("/a").expect(200, "old");
    eventually("it is stale", || forebay.get("/a").text() == "new");
    forebay.hit("/a").expect(200, "new");
    assert_eq!(origin.count(), 2);
}

#[test]
fn the_clients_own_condition_is_answered_from_the_validated_response() {
    let origin = first_then(stale("hello", 70, "").field("etag", "\"v1\""), |exchange| {
        exchange
            .reply(&Reply::new(304).field("etag", "\"v1\"").field("cache-control", "max-age=60"));
    });
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect(200, "hello");
    forebay.get_with("/a", &[("if-none-match", "\"other\"")]).expect(200, "hello");
    assert_eq!(origin.last().field("if-none-match"), Some("\"v1\""), "ours, not the client's");
    forebay.get_with("/a", &[("if-none-match", "\"v1\"")]).expect(304, "");
    assert_eq!(origin.count(), 2);
}

#[test]
fn many_clients_are_validated_for_with_one_request() {
    let gate = Gate::new();
    let origin = first_then(stale("hello", 70, "").field("etag", "\"v1\""), {
        let gate = gate.clone();
        move |exchange| {
            exchange.wait(&gate);
            exchange.reply(
                &Reply::new(304).field("etag", "\"v1\"").field("cache-control", "max-age=60"),
            );
        }
    });
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect(200, "hello");
    let mut clients = forebay.burst(20, "/a");
    origin.wait_for(2);
    gate.open();
    for client in &mut clients {
        client.read().expect(200, "hello");
    }
    assert_eq!(origin.count(), 2);
}

#[test]
fn stale_while_revalidate_serves_at_once_and_fetches_once_behind() {
    let gate = Gate::new();
    let origin = first_then(stale("old", 70, ", stale-while-revalidate=600"), {
        let gate = gate.clone();
        move |exchange| {
            exchange.wait(&gate);
            exchange.reply(&ok("new").field("cache-control", "max-age=60"));
        }
    });
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect(200, "old");
    // The origin answers nobody until the gate opens.
    for _ in 0..5 {
        let served = forebay.hit("/a").expect(200, "old");
        assert!(served.age().is_some_and(|age| age >= 70), "{}", served.head.raw);
        assert!(
            served.cache_parameter("ttl").is_some_and(|ttl| ttl.starts_with('-')),
            "{}",
            served.cache_status()
        );
    }
    for client in &mut forebay.burst(20, "/a") {
        client.read().expect(200, "old");
    }
    origin.wait_for(2);
    gate.open();
    eventually("the new one is there", || forebay.get("/a").text() == "new");
    assert_eq!(origin.count(), 2);
}

#[test]
fn stale_while_revalidate_ends_with_its_window() {
    let origin = first_then(stale("old", 100, ", stale-while-revalidate=30"), |exchange| {
        exchange.reply(&ok("new").field("cache-control", "max-age=60"))
    });
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect(200, "old");
    forebay.get("/a").expect(200, "new");
}

#[test]
fn a_background_fetch_that_fails_leaves_the_stale_response_and_is_tried_again() {
    let origin = first_then(stale("old", 70, ", stale-while-revalidate=600"), |exchange| {
        match exchange.number() {
            2 => {
                exchange.send("HTTP/1.1 garbage\r\n\r\n");
                exchange.close();
            }
            _ => exchange.reply(&ok("new").field("cache-control", "max-age=60")),
        }
    });
    let forebay = Forebay::start(&origin, "[cache]\nerror_ttl = \"0s\"");
    forebay.get("/a").expect(200, "old");
    forebay.get("/a").expect(200, "old");
    eventually("it is fetched at last", || {
        let response = forebay.get("/a");
        assert_eq!(response.status(), 200);
        response.text() == "new"
    });
}

#[test]
fn the_files_stale_windows_replace_or_fill_in() {
    // A route's window replaces the response's; that of [cache] fills in where it says nothing.
    let cases = [
        (
            "[[route]]\npath = \"/{*rest}\"\nstale_while_revalidate = \"10m\"",
            ", stale-while-revalidate=1",
            true,
        ),
        (
            "[[route]]\npath = \"/{*rest}\"\nstale_while_revalidate = \"0s\"",
            ", stale-while-revalidate=600",
            false,
        ),
        ("[cache]\nstale_while_revalidate = \"10m\"", "", true),
        ("[cache]\nstale_while_revalidate = \"10m\"", ", stale-while-revalidate=1", false),
    ];
    for (config, directives, served_stale) in cases {
        let origin = first_then(stale("old", 70, directives), |exchange| {
            exchange.reply(&ok("new").field("cache-control", "max-age=60"))
        });
        let forebay = Forebay::start(&origin, config);
        forebay.get("/a").expect(200, "old");
        assert_eq!(forebay.get("/a").text() == "old", served_stale, "{config} {directives}");
    }
}

type Failure = fn(&mut Exchange<'_>);

#[test]
fn stale_if_error_covers_every_way_to_fail() {
    let failures: [(&str, Failure); 6] = [
        ("500", |exchange| exchange.reply(&Reply::new(500).content("bad"))),
        ("502", |exchange| exchange.reply(&Reply::new(502).content("bad"))),
        ("503", |exchange| exchange.reply(&Reply::new(503).content("bad"))),
        ("504", |exchange| exchange.reply(&Reply::new(504).content("bad"))),
        ("no answer", |exchange| exchange.reset()),
        ("too late", |exchange| exchange.stall()),
    ];
    for (name, fail) in failures {
        let origin = first_then(stale("good", 70, ", stale-if-error=600"), fail);
        let forebay = Forebay::start(&origin, "[upstream]\nresponse_timeout = \"300ms\"");
        forebay.get("/a").expect(200, "good");
        let served = forebay.get("/a");
        assert_eq!(
            (served.status(), served.text().as_str()),
            (200, "good"),
            "{name}: {}",
            served.head.raw
        );
        assert!(served.age().is_some_and(|age| age >= 70));
    }
}

#[test]
fn stale_if_error_covers_a_dead_origin() {
    let origin = Origin::always(stale("good", 70, ""));
    let forebay =
        Forebay::start(&origin, "[[route]]\npath = \"/{*rest}\"\nstale_if_error = \"1d\"");
    forebay.get("/a").expect(200, "good");
    origin.stop();
    for _ in 0..3 {
        forebay.get("/a").expect(200, "good");
    }
    forebay.get("/b").expect_status(502);
}

#[test]
fn stale_if_error_ends_with_its_window() {
    let origin = first_then(stale("good", 100, ", stale-if-error=30"), |exchange| {
        exchange.reply(&Reply::new(503).content("bad"))
    });
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect(200, "good");
    forebay.get("/a").expect(503, "bad");
}

#[test]
fn an_answer_that_is_no_failure_is_the_answer() {
    for status in [404, 403, 501] {
        let origin = first_then(stale("good", 70, ", stale-if-error=600"), move |exchange| {
            exchange.reply(&Reply::new(status).content("it is gone"))
        });
        let forebay = Forebay::start(&origin, "");
        forebay.get("/a").expect(200, "good");
        forebay.get("/a").expect(status, "it is gone");
    }
}

#[test]
fn without_permission_nothing_stale_is_served() {
    let origin = first_then(stale("good", 70, ""), |exchange| {
        exchange.reply(&Reply::new(503).content("bad"))
    });
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect(200, "good");
    forebay.get("/a").expect(503, "bad");
    // And what could not be validated is still there when the origin is well again.
    let origin =
        first_then(stale("good", 70, "").field("etag", "\"v1\""), |exchange| {
            match exchange.number() {
                2 => exchange.reply(&Reply::new(503).content("bad")),
                _ => exchange.reply(
                    &Reply::new(304).field("etag", "\"v1\"").field("cache-control", "max-age=60"),
                ),
            }
        });
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect(200, "good");
    forebay.get("/a").expect(503, "bad");
    forebay.get("/a").expect(200, "good");
}

#[test]
fn d10_must_revalidate_forbids_everything_stale() {
    for directive in ["must-revalidate", "proxy-revalidate", "no-cache"] {
        let directives = format!(", {directive}, stale-if-error=600, stale-while-revalidate=600");
        let origin = Origin::always(stale("good", 70, &directives).field("etag", "\"v1\""));
        let forebay =
            Forebay::start(&origin, "[cache]\nstale_if_error = \"1h\"\nerror_ttl = \"0s\"");
        forebay.get("/a").expect(200, "good");
        origin.stop();
        // RFC 9111 §5.2.2.2 asks for 504; a refused connection may as well be 502.
        let refused = forebay.get("/a");
        assert!(matches!(refused.status(), 502 | 504), "{directive}: {}", refused.head.raw);
    }
}

#[test]
fn d10_must_revalidate_is_504_when_the_origin_cannot_be_asked() {
    let origin = first_then(
        stale("good", 70, ", must-revalidate, stale-if-error=600").field("etag", "\"v1\""),
        |exchange| exchange.stall(),
    );
    let forebay = Forebay::start(&origin, "[upstream]\nresponse_timeout = \"300ms\"");
    forebay.get("/a").expect(200, "good");
    forebay.get("/a").expect_status(504);
}

#[test]
fn a_torn_validation_does_not_replace_what_is_stored() {
    let origin =
        first_then(stale("good", 70, ", stale-if-error=600").field("etag", "\"v1\""), |exchange| {
            exchange.send(
                "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 100\r\n\r\npart",
            );
            exchange.close();
        });
    let forebay = Forebay::start(&origin, "[cache]\nerror_ttl = \"0s\"");
    forebay.get("/a").expect(200, "good");
    let mut client = forebay.connect();
    client.send_request("GET", "/a", &[], b"");
    if let Ok(torn) = client.try_read() {
        assert!(!torn.is_whole() || torn.text() == "good", "{}", torn.text());
    }
    origin.stop();
    forebay.get("/a").expect(200, "good");
}

#[test]
fn a_validation_that_ends_in_no_store_forgets_what_was_stored() {
    let origin =
        first_then(stale("old", 70, ", stale-if-error=600").field("etag", "\"v1\""), |exchange| {
            match exchange.number() {
                2 => exchange.reply(&ok("secret").field("cache-control", "no-store")),
                _ => exchange.reply(&Reply::new(503).content("bad")),
            }
        });
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect(200, "old");
    forebay.get("/a").expect(200, "secret");
    let after = forebay.get("/a");
    assert_ne!(after.text(), "secret");
}

#[test]
fn a_304_without_fields_freshens_with_the_stored_lifetime() {
    let origin = first_then(stale("hello", 70, "").field("etag", "\"v1\""), |exchange| {
        exchange.send("HTTP/1.1 304 Not Modified\r\n\r\n");
    });
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect(200, "hello");
    forebay.get("/a").expect(200, "hello");
    let hit = forebay.get("/a").expect(200, "hello");
    // RFC 9111 §4.3.4: what the 304 does not give is kept, and its Age belonged to the old exchange.
    assert!(hit.is_reused() || origin.count() == 3, "{}", hit.cache_status());
}
