//! (c) Whose answer is whose: keys, poisoning, deception.

use crate::support::{
    Forebay, Launch, Origin, Reply, eventually, fresh, noise, ok, unused_address,
};

#[test]
fn c01_two_hosts_have_two_stored_responses() {
    let origin = Origin::start(|exchange| exchange.reply(&fresh(exchange.field("host").unwrap())));
    let forebay = Forebay::start(&origin, "");
    for _ in 0..2 {
        for host in ["a.test", "b.test", "a.test:8080"] {
            forebay.get_with("/x", &[("host", host)]).expect(200, host);
        }
    }
    assert_eq!(origin.count(), 3);
    // The default port is no other authority.
    forebay.hit_with("/x", &[("host", "A.TEST:80")]).expect(200, "a.test");
}

#[test]
fn c05_no_text_in_one_part_of_the_key_makes_it_another() {
    let origin = Origin::start(|exchange| {
        exchange.reply(&fresh(format!("{} {}", exchange.field("host").unwrap(), exchange.target())))
    });
    let forebay = Forebay::start(&origin, "");
    let requests = [
        ("a.test", "/b/c"),
        ("a.test", "/b%2fc"),
        ("a.test", "/b/c?"),
        ("a.test", "/b/c?d"),
        ("a.test", "/b/c%3Fd"),
        ("a.test", "/b/c__d"),
        ("a.test", "/b/c?d__"),
        ("a.test", "/b/c%0ad"),
        ("a.test", "/B/c"),
        ("a.test", "/b//c"),
        ("a.test", "/b/c/"),
        ("a.test", "/b/./c"),
        ("a", "/test/b/c"),
        ("a.test", "/b/c?x=1&y=2"),
        ("a.test", "/b/c?y=2&x=1"),
    ];
    for _ in 0..2 {
        for (host, target) in requests {
            forebay.get_with(target, &[("host", host)]).expect(200, format!("{host} {target}"));
        }
    }
    assert_eq!(origin.count(), requests.len());
}

#[test]
fn c07_fields_that_are_in_no_key_do_not_reach_the_origin() {
    let names = [
        "X-Forwarded-Host",
        "X-Forwarded-Scheme",
        "X-Forwarded-Port",
        "X-Forwarded-Proto",
        "X-Forwarded-Prefix",
        "X-Host",
        "X-Original-URL",
        "X-Rewrite-URL",
        "X-Original-Host",
        "Forwarded",
        "X-Real-IP",
        "Client-IP",
        "X-Client-IP",
        "True-Client-IP",
        "X-Cluster-Client-IP",
        "CF-Connecting-IP",
        "Fastly-Client-IP",
    ];
    let origin =
        Origin::start(|exchange| exchange.reply(&fresh(exchange.request().head.raw.clone())));
    let forebay = Forebay::start(&origin, "");
    for (n, name) in names.iter().enumerate() {
        let value = if *name == "Forwarded" { "host=evil.test" } else { "evil.test" };
        let poisoned = forebay.get_with(&format!("/{n}"), &[(name, value)]).text();
        assert!(!poisoned.contains("evil"), "{name}: {poisoned}");
        assert!(!forebay.get(&format!("/{n}")).text().contains("evil"));
    }
}

#[test]
fn c08_fields_the_response_does_not_name_are_forwarded_and_select_nothing() {
    let origin = Origin::always(fresh("hello"));
    let forebay = Forebay::start(&origin, "");
    forebay
        .get_with(
            "/a",
            &[("user-agent", "one"), ("accept-language", "de"), ("origin", "http://one.test")],
        )
        .expect(200, "hello");
    let request = origin.last();
    assert_eq!(
        (request.field("user-agent"), request.field("accept-language"), request.field("origin")),
        (Some("one"), Some("de"), Some("http://one.test"))
    );
    forebay
        .hit_with("/a", &[("user-agent", "two"), ("accept-language", "fr")])
        .expect(200, "hello");
}

#[test]
fn c08_fields_the_response_names_select_its_variants() {
    let origin = Origin::start(|exchange| {
        let language = exchange.field("accept-language").unwrap_or("none").to_owned();
        exchange.reply(&fresh(language).field("vary", "Accept-Language"));
    });
    let forebay = Forebay::start(&origin, "");
    for _ in 0..2 {
        for language in ["de", "fr"] {
            forebay.get_with("/a", &[("accept-language", language)]).expect(200, language);
        }
        forebay.get("/a").expect(200, "none");
    }
    assert_eq!(origin.count(), 3);
    // However it is spaced.
    forebay.hit_with("/a", &[("accept-language", "  de  ")]).expect(200, "de");
}

#[test]
fn c08_absent_and_empty_select_differently() {
    let origin = Origin::start(|exchange| {
        let said = format!("{:?}", exchange.field("x-mode"));
        exchange.reply(&fresh(said).field("vary", "x-mode"));
    });
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect(200, "None");
    forebay.get_with("/a", &[("x-mode", "")]).expect(200, "Some(\"\")");
    assert_eq!(origin.count(), 2);
}

#[test]
fn c08_fields_the_file_names_are_in_the_key_and_in_vary() {
    let origin = Origin::start(|exchange| {
        let language = exchange.field("accept-language").unwrap_or("none").to_owned();
        exchange.reply(&fresh(language));
    });
    let forebay = Forebay::start(
        &origin,
        "[[route]]\npath = \"/{*rest}\"\nkey_headers = [\"accept-language\"]",
    );
    for _ in 0..2 {
        for language in ["de", "fr"] {
            let response =
                forebay.get_with("/a", &[("accept-language", language)]).expect(200, language);
            assert!(
                response.all("vary").join(",").to_ascii_lowercase().contains("accept-language"),
                "{}",
                response.head.raw
            );
        }
    }
    assert_eq!(origin.count(), 2);
}

#[test]
fn an_allowed_origin_other_than_any_counts_as_vary_origin() {
    let origin = Origin::start(|exchange| {
        let from = exchange.field("origin").unwrap_or("none").to_owned();
        exchange.reply(&fresh(from.clone()).field("access-control-allow-origin", from));
    });
    let forebay = Forebay::start(&origin, "");
    for _ in 0..2 {
        for from in ["http://one.test", "http://two.test"] {
            let response = forebay.get_with("/a", &[("origin", from)]).expect(200, from);
            assert_eq!(response.field("access-control-allow-origin"), Some(from));
        }
    }
    assert_eq!(origin.count(), 2);
}

#[test]
fn c09_a_personal_page_under_a_static_looking_name_is_not_stored() {
    let origin = Origin::start(|exchange| {
        let whose = exchange.field("cookie").unwrap_or("nobody").to_owned();
        exchange.reply(
            &ok(whose)
                .field("content-type", "text/html")
                .field("last-modified", "Sat, 01 Jan 2000 00:00:00 GMT"),
        );
    });
    let forebay = Forebay::start(&origin, "");
    for target in [
        "/account/x.css",
        "/account;x.css",
        "/account%0a.css",
        "/static/..%2faccount",
        "/account%23x.js",
        "/account.js?x.css",
    ] {
        forebay.get_with(target, &[("cookie", "id=victim")]).expect(200, "id=victim");
        forebay.get(target).expect(200, "nobody");
    }
    // %00 does not even get there.
    forebay.get_with("/account%00.css", &[("cookie", "id=victim")]).expect_status(400);
}

#[test]
fn c10_a_lifetime_from_the_file_is_not_the_responses_permission() {
    let origin = Origin::start(|exchange| {
        let whose = format!("{:?} {:?}", exchange.field("cookie"), exchange.field("authorization"));
        let reply = ok(whose);
        let reply = if exchange.target().ends_with("setting") {
            reply.field("set-cookie", "id=1")
        } else {
            reply
        };
        exchange.reply(&reply);
    });
    let forebay = Forebay::start(&origin, "[[route]]\npath = \"/static/{*rest}\"\nttl = \"1h\"");
    let anonymous = "None None";
    for (n, credential) in
        [("cookie", "id=victim"), ("authorization", "Bearer victim")].iter().enumerate()
    {
        let target = format!("/static/{n}.css");
        assert_ne!(forebay.get_with(&target, &[*credential]).text(), anonymous);
        forebay.get(&target).expect(200, anonymous);
        // What nobody in particular asked for is stored, and still not given to who shows a credential.
        forebay.hit(&target).expect(200, anonymous);
        assert_ne!(forebay.get_with(&target, &[*credential]).text(), anonymous);
    }
    let before = origin.count();
    forebay.get("/static/setting").expect_status(200);
    forebay.get("/static/setting").expect_status(200);
    assert_eq!(origin.count(), before + 2);
}

#[test]
fn c11_an_error_without_a_lifetime_is_not_stored() {
    for config in
        ["", "[cache]\ndefault_ttl = \"1h\"", "[[route]]\npath = \"/{*rest}\"\nttl = \"1h\""]
    {
        let origin = Origin::start(|exchange| {
            let status = exchange.target().trim_start_matches('/').parse().unwrap();
            match exchange.field("x-oversized") {
                Some(_) => exchange.reply(&Reply::new(status).content("bad")),
                None => exchange.reply(&ok("good")),
            }
        });
        let forebay = Forebay::start(&origin, config);
        for status in [400, 401, 403, 406, 408, 413, 421, 429, 431, 500, 502, 503, 504] {
            let target = format!("/{status}");
            forebay.get_with(&target, &[("x-oversized", "x")]).expect(status, "bad");
            forebay.get(&target).expect(200, "good");
        }
    }
}

#[test]
fn c12_an_error_with_a_long_lifetime_is_stored_briefly_or_not_at_all() {
    let origin = Origin::start(|exchange| {
        let status = exchange.target().trim_start_matches('/').parse().unwrap();
        exchange.reply(&Reply::new(status).field("cache-control", "max-age=3600").content("bad"));
    });
    let forebay = Forebay::start(&origin, "");
    let mut client = forebay.connect();
    for status in [400, 403, 405, 414, 500, 502, 503, 504] {
        client.get(&format!("/{status}")).expect(status, "bad");
        let again = client.get(&format!("/{status}")).expect(status, "bad");
        let remaining = again.cache_parameter("ttl").map_or(0, |ttl| ttl.parse::<i64>().unwrap());
        assert!(!again.is_reused() || remaining <= 10, "{}", again.cache_status());
    }
    for status in [404, 410, 451] {
        client.get(&format!("/{status}")).expect(status, "bad");
        let again = client.hit(&format!("/{status}")).expect(status, "bad");
        assert!(
            again.cache_parameter("ttl").is_some_and(|ttl| ttl.parse::<i64>().unwrap() > 3000),
            "{}",
            again.cache_status()
        );
    }
}

#[test]
fn c15_a_range_request_first_does_not_shorten_the_stored_response() {
    let origin = Origin::start(|exchange| match exchange.field("range") {
        Some("bytes=0-0") => exchange.reply(
            &Reply::new(206)
                .field("content-range", "bytes 0-0/5")
                .field("cache-control", "max-age=60")
                .content("h"),
        ),
        _ => exchange.reply(&fresh("hello")),
    });
    let forebay = Forebay::start(&origin, "");
    forebay.get_with("/a", &[("range", "bytes=0-0")]).expect(206, "h");
    forebay.get("/a").expect(200, "hello");
    forebay.hit("/a").expect(200, "hello");
}

#[test]
fn c16_a_conditional_request_first_does_not_poison_the_next() {
    let origin = Origin::start(|exchange| match exchange.field("if-none-match") {
        Some("\"x\"") => exchange
            .reply(&Reply::new(304).field("etag", "\"x\"").field("cache-control", "max-age=60")),
        _ => exchange.reply(&fresh("hello").field("etag", "\"x\"")),
    });
    let forebay = Forebay::start(&origin, "");
    forebay.get_with("/a", &[("if-none-match", "\"x\"")]).expect(304, "");
    forebay.get("/a").expect(200, "hello");
}

/// An origin whose GETs can be stored, and whose other methods answer as told by the test.
fn writable(answer: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Origin {
    Origin::start(move |exchange| match exchange.method() {
        "GET" => {
            let body = exchange.number().to_string();
            exchange.reply(&fresh(body).field("vary", "accept-language"));
        }
        _ => exchange.reply(&answer(exchange.target())),
    })
}

#[test]
fn c18_a_successful_write_invalidates_every_variant() {
    for (method, status) in
        [("POST", 200), ("PUT", 204), ("DELETE", 200), ("PATCH", 303), ("UNHEARD-OF", 200)]
    {
        let origin = writable(move |_| Reply::new(status));
        let forebay = Forebay::start(&origin, "");
        for language in ["de", "fr"] {
            forebay.get_with("/a", &[("accept-language", language)]).expect_status(200);
            forebay.hit_with("/a", &[("accept-language", language)]).expect_status(200);
        }
        forebay.get("/b").expect(200, "3");
        forebay.request(method, "/a", &[], b"").expect_status(status);
        for language in ["de", "fr"] {
            let again = forebay.get_with("/a", &[("accept-language", language)]);
            assert!(!again.is_reused(), "{method} {status}: {}", again.cache_status());
        }
        forebay.hit("/b").expect(200, "3");
    }
}

#[test]
fn c18_a_write_that_fails_invalidates_nothing() {
    for status in [400, 404, 405, 500, 503] {
        let origin = writable(move |_| Reply::new(status));
        let forebay = Forebay::start(&origin, "");
        forebay.get("/a").expect(200, "1");
        forebay.request("POST", "/a", &[], b"").expect_status(status);
        forebay.hit("/a").expect(200, "1");
    }
}

#[test]
fn c18_a_safe_method_invalidates_nothing() {
    let origin = writable(|_| Reply::new(200));
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect(200, "1");
    forebay.request("OPTIONS", "/a", &[], b"").expect_status(200);
    forebay.request("HEAD", "/a", &[], b"").expect_status(200);
    forebay.hit("/a").expect(200, "1");
}

#[test]
fn c18_what_a_write_names_on_the_same_origin_is_invalidated_too() {
    let origin = writable(|_| {
        Reply::new(201)
            .field("location", "/items/7")
            .field("content-location", "http://app.test/items?page=1")
    });
    let forebay = Forebay::start(&origin, "");
    for target in ["/items/7", "/items?page=1", "/items/8"] {
        forebay.get(target).expect_status(200);
    }
    forebay.request("POST", "/items", &[], b"").expect_status(201);
    assert!(!forebay.get("/items/7").is_reused());
    assert!(!forebay.get("/items?page=1").is_reused());
    assert!(forebay.get("/items/8").is_reused());
}

#[test]
fn c19_what_a_write_names_on_another_origin_is_left_alone() {
    let origin = writable(|_| {
        Reply::new(201)
            .field("location", "http://other.test/a")
            .field("content-location", "//other.test/a")
    });
    let forebay = Forebay::start(&origin, "");
    forebay.get_with("/a", &[("host", "other.test")]).expect(200, "1");
    forebay.request("POST", "/items", &[], b"").expect_status(201);
    forebay.hit_with("/a", &[("host", "other.test")]).expect(200, "1");
}

#[test]
fn c20_a_client_cannot_purge() {
    let origin = writable(|_| Reply::new(405));
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect(200, "1");
    for method in ["PURGE", "BAN", "REFRESH"] {
        forebay.request(method, "/a", &[], b"").expect_status(405);
    }
    for field in ["x-purge", "x-http-method-override"] {
        forebay.get_with("/a", &[(field, "PURGE")]).expect_status(200);
    }
    forebay.hit("/a").expect(200, "1");
}

#[test]
fn c21_a_client_cannot_force_a_fetch_by_default() {
    let origin = Origin::numbering();
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect(200, "1");
    for field in [
        ("cache-control", "no-cache"),
        ("cache-control", "max-age=0"),
        ("cache-control", "min-fresh=9999"),
        ("pragma", "no-cache"),
    ] {
        forebay.hit_with("/a", &[field]).expect(200, "1");
    }
    assert_eq!(origin.count(), 1);
}

#[test]
fn c21_only_if_cached_is_never_forwarded() {
    let origin = Origin::numbering();
    let forebay = Forebay::start(&origin, "");
    let only = [("cache-control", "only-if-cached")];
    forebay.get_with("/a", &only).expect_status(504);
    assert_eq!(origin.count(), 0);
    forebay.get("/a").expect(200, "1");
    forebay.hit_with("/a", &only).expect(200, "1");
}

#[test]
fn c21_no_store_in_a_request_is_obeyed() {
    let origin = Origin::numbering();
    let forebay = Forebay::start(&origin, "");
    let response = forebay.get_with("/a", &[("cache-control", "no-store")]).expect(200, "1");
    assert_eq!(response.cache_parameter("stored"), None, "{}", response.cache_status());
    forebay.get("/a").expect(200, "2");
}

#[test]
fn c22_any_number_of_queries_costs_bounded_memory() {
    let body = noise(8 * 1024);
    let origin = Origin::always(fresh(body));
    let forebay =
        Forebay::start(&origin, "[cache.memory]\ncapacity = \"1MiB\"\nmax_object = \"64KiB\"");
    let mut client = forebay.connect();
    for n in 0..1000 {
        client.get(&format!("/a?bust={n}")).expect_status(200);
    }
    eventually("no more is stored than allowed", || {
        forebay.metric("forebay_stored_bytes", &[]) <= 1024.0 * 1024.0
    });
    assert!(forebay.metric("forebay_stored_responses", &[]) < 130.0);
    assert!(forebay.peak_memory() < 128, "{} MiB", forebay.peak_memory());
}

#[test]
fn c26_our_own_errors_echo_nothing_and_are_not_stored() {
    let address = unused_address();
    let forebay = Launch::new(&format!("http://{address}"), "").start();
    for accept in ["application/json", "text/html"] {
        let response = forebay
            .get_with(
                "/secret-path?token=hunter2",
                &[("authorization", "Bearer hunter2"), ("x-secret", "hunter2"), ("accept", accept)],
            )
            .expect_status(502);
        assert!(
            response.field("cache-control").is_some_and(|value| value.contains("no-store")),
            "{}",
            response.head.raw
        );
        for secret in [
            "hunter2",
            "secret-path",
            &address.to_string(),
            &address.port().to_string(),
            "127.0.0.1",
        ] {
            assert!(
                !response.text().contains(secret) && !response.head.raw.contains(secret),
                "{}{}",
                response.head.raw,
                response.text()
            );
        }
    }
}

#[test]
fn a_query_rule_decides_what_is_in_the_key_and_forwarded() {
    let origin = Origin::start(|exchange| exchange.reply(&fresh(exchange.target())));
    let forebay = Forebay::start(
        &origin,
        "[[route]]\npath = \"/ignore\"\nquery = { ignore = [\"utm_*\", \"fbclid\"], sort = true }\n[[route]]\npath = \"/only\"\nquery = { only = [\"page\"] }",
    );
    forebay.get("/ignore?b=2&utm_source=x&a=1&fbclid=y").expect(200, "/ignore?a=1&b=2");
    forebay.hit("/ignore?a=1&b=2&utm_medium=z").expect(200, "/ignore?a=1&b=2");
    forebay.get("/only?page=1&evil=2").expect(200, "/only?page=1");
    forebay.hit("/only?x=3&page=1").expect(200, "/only?page=1");
    assert!(!forebay.get("/only?page=2").is_reused());
}
