//! (d) What is stored, for how long, and what of it is told again.

use crate::support::{Forebay, Origin, Reply, eventually, fresh, noise, ok, prose};

/// Whether a second GET of what the origin answers like this comes from the store.
#[track_caller]
fn is_reused(reply: Reply, config: &str, fields: &[(&str, &str)]) -> bool {
    let origin = Origin::always(reply);
    let forebay = Forebay::start(&origin, config);
    let first = forebay.get_with("/a", fields);
    let second = forebay.get_with("/a", fields);
    assert_eq!((first.status(), &first.body), (second.status(), &second.body));
    assert_eq!(
        second.is_reused(),
        origin.count() == 1,
        "Cache-Status and what the origin saw differ: {}",
        second.cache_status()
    );
    second.is_reused()
}

#[track_caller]
fn reused(reply: Reply) {
    assert!(is_reused(reply.clone(), "", &[]), "{reply:?}");
}

#[track_caller]
fn not_reused(reply: Reply) {
    assert!(!is_reused(reply.clone(), "", &[]), "{reply:?}");
}

fn with_cache_control(value: &str) -> Reply {
    ok("hello").field("cache-control", value)
}

#[test]
fn an_explicit_lifetime_is_enough() {
    reused(with_cache_control("max-age=60"));
    reused(with_cache_control("public, max-age=60"));
    reused(with_cache_control("s-maxage=60"));
    reused(with_cache_control("MAX-AGE=60"));
}

#[test]
fn without_a_lifetime_nothing_is_stored() {
    not_reused(ok("hello"));
    not_reused(ok("hello").field("last-modified", "Sat, 01 Jan 2000 00:00:00 GMT"));
    not_reused(ok("hello").field("etag", "\"a\""));
    not_reused(with_cache_control("public"));
}

#[test]
fn no_store_and_private_are_not_stored() {
    for value in ["no-store", "no-store, max-age=60", "private", "private, max-age=60"] {
        not_reused(with_cache_control(value));
    }
    for value in ["no-store", "private"] {
        let reply = with_cache_control(value);
        assert!(
            !is_reused(reply, "[[route]]\npath = \"/{*rest}\"\nttl = \"1h\"", &[]),
            "ttl overrides {value}"
        );
    }
}

#[test]
fn d01_a_response_that_sets_a_cookie_is_not_stored() {
    let origin = Origin::start(|exchange| {
        let cookie = format!("id={}", exchange.number());
        exchange.reply(&fresh("hello").field("set-cookie", cookie));
    });
    let forebay = Forebay::start(&origin, "");
    for cookie in ["id=1", "id=2"] {
        let response = forebay.get("/a").expect(200, "hello");
        assert_eq!(response.all("set-cookie"), [cookie]);
        assert_eq!(response.cache_parameter("stored"), None);
    }
}

#[test]
fn d02_the_answer_to_a_credential_is_neither_stored_nor_shared() {
    let origin = Origin::start(|exchange| {
        let whose = exchange.field("authorization").unwrap_or("nobody").to_owned();
        exchange.reply(&fresh(whose));
    });
    let forebay = Forebay::start(&origin, "");
    for whose in ["Bearer a", "Bearer b", "Bearer a"] {
        forebay.get_with("/a", &[("authorization", whose)]).expect(200, whose);
    }
    forebay.get("/a").expect(200, "nobody");
    forebay.hit("/a").expect(200, "nobody");
    // What is stored for nobody is not for who shows a credential (RFC 9111 §3.5).
    forebay.get_with("/a", &[("authorization", "Bearer a")]).expect(200, "Bearer a");
}

#[test]
fn d02_the_response_itself_may_permit_it() {
    for value in ["public, max-age=60", "s-maxage=60", "must-revalidate, max-age=60"] {
        assert!(
            is_reused(with_cache_control(value), "", &[("authorization", "Bearer a")]),
            "{value}"
        );
    }
}

#[test]
fn a_cookie_in_the_request_needs_a_lifetime_of_the_responses_own() {
    let cookie = [("cookie", "id=1")];
    assert!(is_reused(with_cache_control("max-age=60"), "", &cookie));
    assert!(is_reused(ok("hello").field("expires", "Fri, 31 Dec 2100 00:00:00 GMT"), "", &cookie));
    assert!(!is_reused(ok("hello"), "[cache]\ndefault_ttl = \"1h\"", &cookie));
    assert!(!is_reused(ok("hello"), "[[route]]\npath = \"/{*rest}\"\nttl = \"1h\"", &cookie));
    assert!(is_reused(ok("hello"), "[cache]\ndefault_ttl = \"1h\"", &[]));
}

#[test]
fn d06_no_cache_is_validated_each_time() {
    let origin = Origin::start(|exchange| match exchange.field("if-none-match") {
        Some("\"a\"") => exchange.reply(
            &Reply::new(304).field("etag", "\"a\"").field("cache-control", "no-cache, max-age=60"),
        ),
        _ => exchange.reply(&with_cache_control("no-cache, max-age=60").field("etag", "\"a\"")),
    });
    let forebay = Forebay::start(&origin, "");
    for asked in 1..=3 {
        forebay.get("/a").expect(200, "hello");
        assert_eq!(origin.count(), asked);
    }
    not_reused(with_cache_control("no-cache"));
}

#[test]
fn d07_s_maxage_beats_max_age() {
    not_reused(with_cache_control("max-age=60, s-maxage=0"));
    reused(with_cache_control("s-maxage=60, max-age=0"));
}

#[test]
fn d08_an_invalid_lifetime_is_stale() {
    for value in ["max-age=-1", "max-age=abc", "max-age=60.5", "max-age="] {
        not_reused(with_cache_control(value));
    }
}

#[test]
fn d08_a_quoted_or_overflowing_lifetime_is_understood() {
    for value in [
        "max-age=\"60\"",
        "max-age=2147483648",
        "max-age=9223372036854775808",
        "max-age=99999999999999999999999",
    ] {
        reused(with_cache_control(value));
    }
}

#[test]
fn d08_of_two_lifetimes_the_smallest_counts() {
    not_reused(with_cache_control("max-age=60, max-age=0"));
    not_reused(with_cache_control("max-age=0").field("cache-control", "max-age=60"));
}

#[test]
fn d09_expires_counts_against_date_and_yields_to_max_age() {
    let (past, future) = ("Sat, 01 Jan 2000 00:00:00 GMT", "Fri, 31 Dec 2100 00:00:00 GMT");
    reused(ok("hello").field("expires", future));
    for expires in [past, "0", "-1", "soon", ""] {
        not_reused(ok("hello").field("expires", expires));
    }
    reused(fresh("hello").field("expires", past));
    not_reused(with_cache_control("max-age=0").field("expires", future));
    // An hour's lifetime, of which an Age of two has passed.
    let now = std::time::SystemTime::now();
    let date = httpdate::fmt_http_date(now);
    let later = httpdate::fmt_http_date(now + std::time::Duration::from_secs(3600));
    reused(ok("hello").field("date", date.clone()).field("expires", later.clone()));
    not_reused(ok("hello").field("date", date).field("expires", later).field("age", "7200"));
}

#[test]
fn d11_vary_any_is_never_reused() {
    for value in ["*", "*, Accept", "Accept, *", ", *"] {
        not_reused(fresh("hello").field("vary", value));
    }
    not_reused(fresh("hello").field("vary", "Accept").field("vary", "*"));
    assert!(!is_reused(
        fresh("hello").field("vary", "*"),
        "[[route]]\npath = \"/{*rest}\"\nttl = \"1h\"",
        &[]
    ));
}

#[test]
fn d12_accept_encoding_makes_no_more_variants_than_there_are_codings() {
    let origin = Origin::always(
        fresh(prose(5000)).field("content-type", "text/plain").field("vary", "Accept-Encoding"),
    );
    let forebay = Forebay::start(&origin, "");
    let cases = [
        ("gzip", "gzip"),
        ("x-gzip", "gzip"),
        ("br", "br"),
        ("gzip, deflate, br, zstd", "br"),
        ("gzip, br;q=0.5", "gzip"),
        ("gzip;q=0.5, *;q=0", "gzip"),
        ("gzip;q=0, *", "br"),
        ("gzip;q=0", "identity"),
        ("identity", "identity"),
        ("deflate", "identity"),
        ("", "identity"),
    ];
    for (accept, coding) in cases {
        let coded = || forebay.get_with("/a", &[("accept-encoding", accept)]).expect_status(200);
        // A content coding may be made behind the first answer.
        eventually(&format!("{coding} for {accept:?}"), || {
            coded().field("content-encoding").unwrap_or("identity") == coding
        });
    }
    forebay.get("/a").expect(200, prose(5000));
    assert_eq!(origin.count(), 1);
}

#[test]
fn d13_no_response_has_unboundedly_many_variants() {
    let origin = Origin::start(|exchange| {
        let agent = exchange.field("user-agent").unwrap_or_default().to_owned();
        exchange.reply(&fresh(agent).field("vary", "User-Agent"));
    });
    let forebay = Forebay::start(&origin, "");
    let mut client = forebay.connect();
    for n in 0..200 {
        let agent = format!("agent/{n}");
        client.get_with("/a", &[("user-agent", &agent)]).expect(200, &agent);
    }
    let before = origin.count();
    assert_eq!(before, 200);
    let mut hits = 0;
    for n in 0..200 {
        let agent = format!("agent/{n}");
        hits += usize::from(
            client.get_with("/a", &[("user-agent", &agent)]).expect(200, &agent).is_reused(),
        );
    }
    assert!(hits <= 32, "{hits} variants were kept");
}

#[test]
fn d17_must_understand_decides_with_the_status() {
    reused(
        Reply::new(200)
            .field("cache-control", "must-understand, no-store, max-age=60")
            .content("hello"),
    );
    not_reused(
        Reply::new(299)
            .field("cache-control", "must-understand, no-store, max-age=60")
            .content("hello"),
    );
    not_reused(
        Reply::new(299).field("cache-control", "must-understand, max-age=60").content("hello"),
    );
}

#[test]
fn d19_a_response_over_the_limit_streams_by() {
    let body = noise(200 * 1024);
    for chunked in [false, true] {
        let reply = fresh(body.clone());
        let origin = Origin::always(if chunked { reply.chunked() } else { reply });
        let forebay = Forebay::start(&origin, "[cache.memory]\nmax_object = \"64KiB\"");
        for asked in 1..=3 {
            let response = forebay.get("/a");
            assert!(response.is_whole() && response.body == body);
            assert_eq!(origin.count(), asked);
        }
    }
}

#[test]
fn d19_a_response_within_the_limit_is_stored() {
    let origin = Origin::always(fresh(noise(48 * 1024)).chunked());
    let forebay = Forebay::start(&origin, "[cache.memory]\nmax_object = \"64KiB\"");
    forebay.get("/a").expect_status(200);
    forebay.hit("/a").expect_status(200);
}

#[test]
fn d21_a_hit_has_an_age_and_keeps_its_date() {
    let date = httpdate::fmt_http_date(std::time::SystemTime::now());
    let origin = Origin::always(
        ok("hello")
            .field("cache-control", "max-age=600")
            .field("date", date.clone())
            .field("age", "100")
            .field("via", "1.1 behind"),
    );
    let forebay = Forebay::start(&origin, "");
    let first = forebay.get("/a").expect(200, "hello");
    assert_eq!(first.field("date"), Some(date.as_str()));
    let hit = forebay.hit("/a").expect(200, "hello");
    assert_eq!(
        (hit.all("date"), hit.all("via").join(", ").as_str()),
        (vec![date.as_str()], "1.1 behind, 1.1 forebay")
    );
    assert_eq!(hit.all("age").len(), 1);
    assert!(hit.age().is_some_and(|age| (100..130).contains(&age)));
    eventually("its age grows", || forebay.hit("/a").age() > hit.age());
}

#[test]
fn fields_of_one_exchange_are_not_told_again() {
    let once = [
        ("ratelimit-limit", "10"),
        ("ratelimit", "r=1"),
        ("x-ratelimit-remaining", "9"),
        ("x-request-id", "abc"),
        ("server-timing", "db;dur=1"),
        ("traceparent", "00-1"),
    ];
    let reply = once.iter().fold(fresh("hello").field("x-kept", "1"), |reply, (name, value)| {
        reply.field(name, *value)
    });
    let origin = Origin::always(reply);
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect(200, "hello");
    let hit = forebay.hit("/a").expect(200, "hello");
    assert_eq!(hit.field("x-kept"), Some("1"));
    for (name, value) in once {
        assert_ne!(hit.field(name), Some(value), "{}", hit.head.raw);
    }
}

#[test]
fn the_field_that_is_meant_for_us_governs_us() {
    reused(with_cache_control("no-store").field("cdn-cache-control", "max-age=60"));
    not_reused(with_cache_control("max-age=60").field("cdn-cache-control", "no-store"));
    not_reused(
        with_cache_control("max-age=60")
            .field("cdn-cache-control", "max-age=60")
            .field("forebay-cache-control", "no-store"),
    );
    reused(
        with_cache_control("no-store")
            .field("cdn-cache-control", "no-store")
            .field("forebay-cache-control", "max-age=60"),
    );
}

#[test]
fn cache_control_goes_out_as_it_came() {
    let value = "public,max-age=60 , stale-while-revalidate=5";
    let origin = Origin::always(with_cache_control(value));
    let forebay = Forebay::start(&origin, "[[route]]\npath = \"/{*rest}\"\nttl = \"1h\"");
    for _ in 0..2 {
        assert_eq!(forebay.get("/a").expect(200, "hello").all("cache-control"), [value]);
    }
    assert_eq!(origin.count(), 1);
}

#[test]
fn a_routes_ttl_replaces_the_responses_lifetime() {
    let route = "[[route]]\npath = \"/{*rest}\"\nttl = \"1h\"";
    for status in [200, 203, 300, 301, 308] {
        assert!(
            is_reused(
                Reply::new(status)
                    .field("cache-control", "max-age=0")
                    .field("location", "/b")
                    .content("x"),
                route,
                &[]
            ),
            "{status}"
        );
    }
    assert!(is_reused(ok("x").field("expires", "0"), route, &[]));
    for status in [302, 307, 404, 410, 500] {
        assert!(
            !is_reused(Reply::new(status).field("location", "/b").content("x"), route, &[]),
            "{status}"
        );
    }
    // Shorter, too.
    let origin = Origin::always(with_cache_control("max-age=3600"));
    let forebay = Forebay::start(&origin, "[[route]]\npath = \"/{*rest}\"\nttl = \"50s\"");
    forebay.get("/a").expect(200, "hello");
    let ttl = forebay.hit("/a").cache_parameter("ttl").unwrap();
    assert!(ttl.parse::<i64>().unwrap() <= 50, "{ttl}");
}

#[test]
fn a_default_ttl_fills_in_and_replaces_nothing() {
    let config = "[cache]\ndefault_ttl = \"1h\"";
    assert!(is_reused(ok("x"), config, &[]));
    assert!(!is_reused(with_cache_control("max-age=0"), config, &[]));
    assert!(!is_reused(ok("x").field("expires", "0"), config, &[]));
    assert!(!is_reused(with_cache_control("no-store"), config, &[]));
    let routed =
        "[cache]\ndefault_ttl = \"1h\"\n[[route]]\npath = \"/{*rest}\"\ndefault_ttl = \"0s\"";
    assert!(!is_reused(ok("x"), routed, &[]));
}

#[test]
fn a_lifetime_by_status_counts_and_the_exact_one_beats_its_class() {
    let route = "[[route]]\npath = \"/{*rest}\"\nttl_by_status = { 404 = \"30s\", 4xx = \"0s\", 301 = \"1h\", 5xx = \"20s\", 503 = \"0s\" }";
    for (status, expected) in
        [(404, true), (403, false), (301, true), (500, true), (502, true), (503, false)]
    {
        let reply = Reply::new(status).field("location", "/b").content("x");
        assert_eq!(is_reused(reply, route, &[]), expected, "{status}");
    }
}

#[test]
fn a_route_without_cache_stores_nothing() {
    assert!(!is_reused(fresh("x"), "[[route]]\npath = \"/{*rest}\"\ncache = false", &[]));
    assert!(!is_reused(fresh("x"), "[cache]\nenabled = false", &[]));
}

#[test]
fn an_event_stream_is_never_stored() {
    not_reused(fresh("data: 1\n\n").field("content-type", "text/event-stream"));
    assert!(!is_reused(
        ok("data: 1\n\n").field("content-type", "text/event-stream; charset=utf-8"),
        "[[route]]\npath = \"/{*rest}\"\nttl = \"1h\"",
        &[]
    ));
}

#[test]
fn a_heuristic_lifetime_is_used_only_where_the_file_says_so() {
    let old = || {
        ok("hello")
            .field("last-modified", "Sat, 01 Jan 2000 00:00:00 GMT")
            .field("date", httpdate::fmt_http_date(std::time::SystemTime::now()))
    };
    assert!(!is_reused(old(), "", &[]));
    assert!(is_reused(old(), "[cache]\nheuristic = true", &[]));
}

#[test]
fn only_gets_are_stored() {
    let origin = Origin::start(|exchange| {
        let body = format!("{} {}", exchange.method(), exchange.number());
        exchange.reply(&fresh(body));
    });
    let forebay = Forebay::start(&origin, "");
    for (method, number) in
        [("POST", 1), ("POST", 2), ("OPTIONS", 3), ("OPTIONS", 4), ("REPORT", 5), ("REPORT", 6)]
    {
        forebay.request(method, "/a", &[], b"").expect(200, format!("{method} {number}"));
    }
    forebay.get("/a").expect(200, "GET 7");
}
