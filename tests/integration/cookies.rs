//! Cookies: in the key, no credential, not stored. And what else a route may say of whose its answers are.

use crate::support::{Exchange, Forebay, Origin, Reply, Response, fresh, ok};

/// Answers with the Cookie it was shown.
fn told(exchange: &Exchange<'_>) -> Reply {
    ok(exchange.field("cookie").unwrap_or("none"))
}

fn telling_cookies(control: &'static str) -> Origin {
    Origin::start(move |exchange| {
        let reply = told(exchange);
        exchange.reply(&if control.is_empty() {
            reply
        } else {
            reply.field("cache-control", control)
        });
    })
}

fn cookie(value: &str) -> [(&'static str, &str); 1] {
    [("cookie", value)]
}

fn route(keys: &str) -> String {
    format!("[[route]]\npath = \"/{{*rest}}\"\nttl = \"1h\"\n{keys}\n")
}

fn has(response: &Response, name: &str, member: &str) -> bool {
    response.all(name).join(",").to_ascii_lowercase().split(',').any(|has| has.trim() == member)
}

#[test]
fn each_session_has_stored_responses_of_its_own() {
    let origin = telling_cookies("");
    let forebay = Forebay::start(&origin, &route("identity = \"cookie:session\""));
    for _ in 0..2 {
        for session in ["session=a", "session=b"] {
            let response = forebay.get_with("/a", &cookie(session)).expect(200, session);
            assert!(has(&response, "vary", "cookie"), "{}", response.head.raw);
            assert!(has(&response, "cache-control", "private"), "{}", response.head.raw);
            assert!(!response.head.raw.contains("session="), "{}", response.head.raw);
        }
    }
    assert_eq!(origin.count(), 2);
    for (value, word) in [
        ("other=a", "no-identity"),
        ("session=a; session=a", "identity-repeated"),
        ("session=a; session =b", "identity-repeated"),
        ("session=", "identity-empty"),
        ("SESSION=a", "no-identity"),
    ] {
        let response = forebay.get_with("/a", &cookie(value)).expect(200, value);
        assert_eq!(response.cache_parameter("detail").as_deref(), Some(word), "{value}");
    }
    let two_lines = [("cookie", "session=a"), ("cookie", "session=b")];
    assert!(!forebay.get_with("/a", &two_lines).is_reused());
}

#[test]
fn another_cookie_beside_the_identity_is_a_credential_of_its_own() {
    let origin = telling_cookies("");
    let forebay = Forebay::start(
        &origin,
        &route(
            "identity = \"cookie:session\"\nignore_cookies = [\"_ga*\"]\nkey_cookies = [\"locale\"]",
        ),
    );
    for (value, stored) in [
        ("session=a; cart=1", false),
        ("session=a; _ga=1", true),
        ("session=a; locale=de", true),
        ("locale=de; cart=1; session=a", false),
    ] {
        let first = forebay.get_with("/a", &cookie(value)).expect_status(200);
        let detail = first.cache_parameter("detail");
        assert_eq!(detail.as_deref() != Some("cookie"), stored, "{value}: {detail:?}");
        assert_eq!(forebay.get_with("/a", &cookie(value)).is_reused(), stored, "{value}");
    }
    forebay.wait_for_log(&["a credential are not stored", "because=cookie"]);
}

#[test]
fn ignored_cookies_are_no_credential_and_do_not_go_where_answers_may_be_stored() {
    let origin = telling_cookies("");
    let config = "[cache]\nignore_cookies = [\"_ga*\", \"_gid\"]\ndefault_ttl = \"1h\"\n\
                  [[route]]\npath = \"/never/{*rest}\"\ncache = false\n\
                  [[route]]\npath = \"/own/{*rest}\"\nignore_cookies = []\n";
    let forebay = Forebay::start(&origin, config);
    forebay.get_with("/a", &cookie("_ga=1; _gid=2")).expect(200, "none");
    forebay.hit_with("/a", &cookie("_ga=3; _gat_x=1")).expect(200, "none");
    forebay.hit("/a").expect(200, "none");
    // What is left is one still.
    forebay.get_with("/a", &cookie("_ga=1; id=1; _gid=2;x=y")).expect(200, "id=1; x=y");
    let again = forebay.get_with("/a", &cookie("id=1")).expect(200, "id=1");
    assert_eq!(again.cache_parameter("detail").as_deref(), Some("cookie"));
    // Where nothing is stored, they go.
    forebay.get_with("/never/a", &cookie("_ga=1; id=1")).expect(200, "_ga=1; id=1");
    forebay.request("POST", "/a", &cookie("_ga=1"), b"x").expect(200, "_ga=1");
    forebay.get_with("/own/a", &cookie("_ga=1")).expect(200, "_ga=1");
    assert!(!forebay.get_with("/own/a", &cookie("_ga=1")).is_reused());
}

#[test]
fn a_vary_on_cookie_sees_what_the_origin_sees() {
    let origin = Origin::start(|exchange| {
        exchange.reply(
            &told(exchange).field("vary", "cookie").field("cache-control", "public, max-age=60"),
        );
    });
    let forebay = Forebay::start(&origin, "[cache]\nignore_cookies = [\"_ga\"]\n");
    forebay.get_with("/a", &cookie("_ga=1; theme=dark")).expect(200, "theme=dark");
    forebay.hit_with("/a", &cookie("theme=dark; _ga=2")).expect(200, "theme=dark");
    forebay.get_with("/a", &cookie("theme=light; _ga=2")).expect(200, "theme=light");
}

#[test]
fn cookies_in_the_key_keep_answers_apart() {
    let origin = telling_cookies("");
    let forebay = Forebay::start(&origin, &route("key_cookies = [\"locale\", \"theme\"]"));
    let values = [
        "locale=de",
        "locale=fr",
        "theme=de",
        "locale=de; theme=de",
        "locale=",
        "locale=de; locale=fr",
    ];
    for _ in 0..2 {
        for value in values {
            let response = forebay.get_with("/a", &cookie(value)).expect(200, value);
            assert!(has(&response, "vary", "cookie"), "{}", response.head.raw);
            assert!(!has(&response, "cache-control", "private"), "{}", response.head.raw);
        }
        forebay.get("/a").expect(200, "none");
    }
    assert_eq!(origin.count(), values.len() + 1);
    // However they are spaced, and whatever stands first.
    forebay.hit_with("/a", &cookie("theme=de;  locale=de")).expect(200, "locale=de; theme=de");
    // Another cookie is a credential.
    let other = forebay.get_with("/a", &cookie("locale=de; id=1")).expect(200, "locale=de; id=1");
    assert_eq!(other.cache_parameter("detail").as_deref(), Some("cookie"));
}

#[test]
fn d01_a_response_is_stored_without_its_cookie_where_the_file_says_so() {
    let origin = Origin::start(|exchange| {
        exchange.reply(&fresh(exchange.number().to_string()).field("set-cookie", "id=1; Path=/"));
    });
    let config = "[cache]\nstrip_set_cookie = true\n[[route]]\npath = \"/own/{*rest}\"\nstrip_set_cookie = false\n";
    let forebay = Forebay::start(&origin, config);
    let first = forebay.get("/a").expect(200, "1");
    assert_eq!(first.field("set-cookie"), None);
    assert_eq!(forebay.hit("/a").expect(200, "1").field("set-cookie"), None);
    for number in ["2", "3"] {
        let own = forebay.get("/own/a").expect(200, number);
        assert_eq!(own.field("set-cookie"), Some("id=1; Path=/"));
        assert_eq!(own.cache_parameter("detail").as_deref(), Some("set-cookie"));
    }
    // An answer to somebody's login is passed on as it is.
    let post = forebay.request("POST", "/login", &[], b"x").expect_status(200);
    assert_eq!(post.field("set-cookie"), Some("id=1; Path=/"));
}

#[test]
fn a_shared_answer_is_everybodys_whoever_asks() {
    let origin = Origin::start(|exchange| {
        let whose = format!("{:?} {:?}", exchange.field("authorization"), exchange.field("cookie"));
        exchange.reply(&ok(whose).field("vary", "x-mode"));
    });
    let forebay = Forebay::start(&origin, &route("shared = true"));
    let first = forebay.get_with("/a", &[("authorization", "Bearer x")]).expect_status(200);
    for fields in [&[][..], &[("authorization", "Bearer y")], &[("cookie", "id=1")]] {
        forebay.hit_with("/a", fields).expect(200, first.text());
    }
    assert!(!forebay.get_with("/a", &[("x-mode", "b")]).is_hit());
}

#[test]
fn an_override_does_what_a_ttl_does_not() {
    let origin = Origin::start(|exchange| {
        let control = exchange.target().split('/').nth(2).unwrap_or_default().to_owned();
        exchange.reply(&ok(exchange.number().to_string()).field("cache-control", control));
    });
    let all = "[\"no-cache\", \"must-revalidate\", \"private\", \"no-store\"]";
    let config = "[[route]]\npath = \"/plain/{*rest}\"\nttl = \"1h\"\n".to_owned()
        + "[[route]]\npath = \"/some/{*rest}\"\nttl = \"1h\"\noverride = [\"no-cache\"]\n"
        + &format!(
            "[[route]]\npath = \"/all/{{*rest}}\"\nttl = \"1h\"\nshared = true\noverride = {all}\n"
        );
    let forebay = Forebay::start(&origin, &config);
    for (control, routes) in [
        ("no-cache", ["/some", "/all"].as_slice()),
        ("private", &["/all"]),
        ("no-store", &["/all"]),
        ("private,no-cache,no-store,must-revalidate", &["/all"]),
        ("max-age=0", &["/plain", "/some", "/all"]),
    ] {
        for route in ["/plain", "/some", "/all"] {
            let target = format!("{route}/{control}");
            let first = forebay.get(&target).expect_status(200);
            let second = forebay.get(&target).expect_status(200);
            assert_eq!(second.is_reused(), routes.contains(&route), "{target} {}", second.head.raw);
            // It goes out as it came.
            assert_eq!(first.field("cache-control"), Some(control));
        }
    }
}

#[test]
fn clients_are_told_what_the_file_says() {
    let origin = Origin::start(|exchange| {
        let reply = ok("hello").field("expires", "Sat, 01 Jan 2000 00:00:00 GMT");
        exchange.reply(&match exchange.target() {
            "/stored" => reply.field("cache-control", "max-age=60").field("etag", "\"v\""),
            "/never" => reply.field("cache-control", "no-store"),
            "/error" => Reply::new(500).content("hello").field("cache-control", "no-cache"),
            "/missing" => Reply::new(404).content("hello").field("cache-control", "max-age=1"),
            _ => reply.field("cache-control", "private, max-age=60"),
        });
    });
    let config = "[cache]\nclient_cache_control = \"no-cache, private\"\n\
                  [[route]]\npath = \"/own\"\nclient_cache_control = \"private, max-age=5\"\n";
    let forebay = Forebay::start(&origin, config);
    for (target, status, expected) in [
        ("/stored", 200, "no-cache, private"),
        ("/private", 200, "no-cache, private"),
        ("/own", 200, "private, max-age=5"),
        // Neither is made to be kept.
        ("/never", 200, "no-store"),
        ("/error", 500, "no-cache"),
        ("/missing", 404, "no-cache, private"),
    ] {
        for _ in 0..2 {
            let response = forebay.get(target).expect(status, "hello");
            assert_eq!(response.all("cache-control"), [expected], "{target}");
            assert_eq!(response.field("expires").is_some(), target == "/never", "{target}");
        }
    }
    let not_modified = forebay.get_with("/stored", &[("if-none-match", "\"v\"")]).expect(304, "");
    assert_eq!(not_modified.all("cache-control"), ["no-cache, private"]);
    let failed = forebay.get_with("/stored", &[("if-match", "\"w\"")]).expect(412, "");
    assert_eq!(failed.all("cache-control"), ["no-store"]);
    let post = forebay.request("POST", "/stored", &[], b"x").expect(200, "hello");
    assert_eq!(post.all("cache-control"), ["max-age=60"]);
}
