//! Invalidation: by the operator, on the command line, and by writes.

use crate::support::{Forebay, Gate, Origin, Reply, eventually, fresh, ok, run};

const ROUTES: &str = "
[[route]]
name = \"users\"
path = \"/users/{id}\"
tags = [\"user:{id}\", \"lang:{query:lang}\"]
invalidates = [\"tag:user:{id}\", \"prefix:/lists/\"]

[[route]]
name = \"other\"
path = \"/other/{*rest}\"
";

/// What a second look finds: the body, and whether it came from the store.
#[track_caller]
fn look(forebay: &Forebay, target: &str) -> (String, bool) {
    let response = forebay.get(target);
    (response.text(), response.is_reused())
}

/// Fills the store with these; each answer is its ordinal number.
fn stored(config: &str, targets: &[&str]) -> (Origin, Forebay) {
    let origin = Origin::start(|exchange| match exchange.method() {
        "GET" => {
            let body = exchange.number().to_string();
            exchange.reply(&fresh(body));
        }
        _ => exchange.reply(&Reply::new(204)),
    });
    let forebay = Forebay::start(&origin, config);
    for target in targets {
        forebay.get(target).expect_status(200);
        assert!(forebay.get(target).is_reused(), "{target} is stored");
    }
    (origin, forebay)
}

#[track_caller]
fn purges(forebay: &Forebay, what: &str, matched: u64) {
    let response = forebay.purge(what).expect_status(200);
    let said = response.json();
    assert_eq!(said["matched"], matched, "{what}: {said}");
    assert!(!said["id"].is_null(), "{said}");
}

#[track_caller]
fn left(forebay: &Forebay, targets: &[(&str, bool)]) {
    for (target, hit) in targets {
        assert_eq!(look(forebay, target).1, *hit, "{target}");
    }
}

#[test]
fn by_url() {
    let (_origin, forebay) = stored("", &["/a", "/a?b", "/a/b"]);
    purges(&forebay, r#"{"url": "/a"}"#, 1);
    left(&forebay, &[("/a", false), ("/a?b", true), ("/a/b", true)]);
    purges(&forebay, r#"{"url": ["http://app.test/a?b", "/a/b"]}"#, 2);
    left(&forebay, &[("/a", true), ("/a?b", false), ("/a/b", false)]);
}

#[test]
fn by_url_of_one_host_or_of_all() {
    let (_origin, forebay) = stored("", &[]);
    let hosts = ["a.test", "b.test"];
    let fill = || {
        for host in hosts {
            forebay.get_with("/x", &[("host", host)]);
        }
    };
    fill();
    purges(&forebay, r#"{"url": "http://a.test/x"}"#, 1);
    let hit = |host| forebay.get_with("/x", &[("host", host)]).is_reused();
    assert!(!hit("a.test") && hit("b.test"));
    fill();
    purges(&forebay, r#"{"url": "/x"}"#, 2);
    assert!(!hit("a.test") && !hit("b.test"));
}

#[test]
fn by_prefix() {
    let (_origin, forebay) = stored("", &["/a/1", "/a/2?x", "/ab", "/b/a/"]);
    purges(&forebay, r#"{"prefix": "/a/"}"#, 2);
    left(&forebay, &[("/a/1", false), ("/a/2?x", false), ("/ab", true), ("/b/a/", true)]);
}

#[test]
fn by_a_tag_of_the_file() {
    let (_origin, forebay) =
        stored(ROUTES, &["/users/1?lang=de", "/users/2?lang=de", "/users/3?lang=fr", "/other/1"]);
    purges(&forebay, r#"{"tag": "user:1"}"#, 1);
    left(
        &forebay,
        &[("/users/1?lang=de", false), ("/users/2?lang=de", true), ("/users/3?lang=fr", true)],
    );
    purges(&forebay, r#"{"tag": ["lang:de", "lang:xx"]}"#, 2);
    left(
        &forebay,
        &[
            ("/users/1?lang=de", false),
            ("/users/2?lang=de", false),
            ("/users/3?lang=fr", true),
            ("/other/1", true),
        ],
    );
}

#[test]
fn by_a_tag_of_the_response() {
    let origin = Origin::start(|exchange| {
        let reply = fresh(exchange.number().to_string());
        exchange.reply(&match exchange.target() {
            "/key" => reply.field("surrogate-key", "red green"),
            "/tag" => reply.field("cache-tag", "green,blue"),
            _ => reply,
        });
    });
    let forebay = Forebay::start(&origin, "");
    for target in ["/key", "/tag", "/none"] {
        forebay.get(target).expect_status(200);
    }
    purges(&forebay, r#"{"tag": "red"}"#, 1);
    left(&forebay, &[("/key", false), ("/tag", true), ("/none", true)]);
    purges(&forebay, r#"{"tag": "green"}"#, 2);
    left(&forebay, &[("/key", false), ("/tag", false), ("/none", true)]);
}

#[test]
fn by_route() {
    let (_origin, forebay) = stored(ROUTES, &["/users/1", "/other/1", "/other/2", "/elsewhere"]);
    purges(&forebay, r#"{"route": "other"}"#, 2);
    left(
        &forebay,
        &[("/users/1", true), ("/other/1", false), ("/other/2", false), ("/elsewhere", true)],
    );
}

#[test]
fn of_everything() {
    let (_origin, forebay) = stored(ROUTES, &["/users/1", "/other/1", "/elsewhere"]);
    purges(&forebay, r#"{"all": true}"#, 3);
    left(&forebay, &[("/users/1", false), ("/other/1", false), ("/elsewhere", false)]);
}

#[test]
fn a_purge_covers_every_variant() {
    let origin = Origin::start(|exchange| {
        let body = exchange.number().to_string();
        exchange.reply(&fresh(body).field("vary", "accept-language"));
    });
    let forebay = Forebay::start(&origin, "");
    let get = |language: &str| forebay.get_with("/a", &[("accept-language", language)]);
    for language in ["de", "fr", "en"] {
        get(language);
    }
    forebay.purge(r#"{"url": "/a"}"#).expect_status(200);
    for language in ["de", "fr", "en"] {
        assert!(!get(language).is_reused(), "{language}");
    }
}

#[test]
fn a_dry_run_only_counts() {
    let (_origin, forebay) = stored("", &["/a/1", "/a/2"]);
    purges(&forebay, r#"{"prefix": "/a/", "dry_run": true}"#, 2);
    let said = forebay.purge(r#"{"prefix": "/a/", "dry_run": true}"#).expect_status(200).json();
    assert_eq!(said["dry_run"], true, "{said}");
    left(&forebay, &[("/a/1", true), ("/a/2", true)]);
}

#[test]
fn a_soft_purge_has_them_validated() {
    let origin = Origin::start(|exchange| match exchange.field("if-none-match") {
        Some("\"v1\"") => exchange
            .reply(&Reply::new(304).field("etag", "\"v1\"").field("cache-control", "max-age=60")),
        _ => exchange.reply(&fresh("hello").field("etag", "\"v1\"")),
    });
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect(200, "hello");
    purges(&forebay, r#"{"url": "/a", "soft": true}"#, 1);
    forebay.get("/a").expect(200, "hello");
    assert_eq!((origin.count(), origin.last().field("if-none-match")), (2, Some("\"v1\"")));
    forebay.hit("/a").expect(200, "hello");
}

#[test]
fn after_a_soft_purge_the_stored_response_still_bridges_a_failure() {
    let origin =
        Origin::always(ok("hello").field("cache-control", "max-age=60, stale-if-error=600"));
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect(200, "hello");
    forebay.purge(r#"{"url": "/a", "soft": true}"#).expect_status(200);
    origin.stop();
    forebay.get("/a").expect(200, "hello");
}

#[test]
fn after_a_purge_nothing_bridges_a_failure() {
    let origin =
        Origin::always(ok("hello").field("cache-control", "max-age=60, stale-if-error=600"));
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect(200, "hello");
    forebay.purge(r#"{"url": "/a"}"#).expect_status(200);
    origin.stop();
    forebay.get("/a").expect_status(502);
}

/// A fetch is held while `meanwhile` happens; whether its response was stored.
#[track_caller]
fn fetched_before(meanwhile: impl FnOnce(&Forebay), config: &str) -> bool {
    let gate = Gate::new();
    let origin = Origin::start({
        let gate = gate.clone();
        move |exchange| match (exchange.method(), exchange.number()) {
            ("GET", 1) => {
                exchange.wait(&gate);
                exchange.reply(&fresh("before").field("surrogate-key", "red"));
            }
            ("GET", _) => exchange.reply(&fresh("after")),
            _ => exchange.reply(&Reply::new(204)),
        }
    });
    let forebay = Forebay::start(&origin, config);
    let mut client = forebay.connect();
    client.send_request("GET", "/users/1", &[], b"");
    origin.wait_for(1);
    meanwhile(&forebay);
    gate.open();
    client.read().expect(200, "before");
    forebay.get("/users/1").text() == "before"
}

#[test]
fn a_fetch_that_began_before_a_purge_is_not_stored() {
    for what in [
        r#"{"url": "/users/1"}"#,
        r#"{"prefix": "/users/"}"#,
        r#"{"tag": "user:1"}"#,
        r#"{"tag": "red"}"#,
        r#"{"route": "users"}"#,
        r#"{"all": true}"#,
    ] {
        assert!(
            !fetched_before(|forebay| _ = forebay.purge(what).expect_status(200), ROUTES),
            "{what}"
        );
    }
    assert!(fetched_before(
        |forebay| _ = forebay.purge(r#"{"url": "/users/2"}"#).expect_status(200),
        ROUTES
    ));
    assert!(fetched_before(
        |forebay| _ = forebay.purge(r#"{"all": true, "dry_run": true}"#).expect_status(200),
        ROUTES
    ));
}

#[test]
fn a_fetch_that_began_before_a_write_is_not_stored() {
    assert!(!fetched_before(
        |forebay| _ = forebay.request("PUT", "/users/1", &[], b"x").expect_status(204),
        ""
    ));
    assert!(fetched_before(
        |forebay| _ = forebay.request("PUT", "/users/2", &[], b"x").expect_status(204),
        ""
    ));
}

#[test]
fn a_follower_that_came_after_the_purge_gets_what_is_fetched_after_it() {
    let gate = Gate::new();
    let origin = Origin::start({
        let gate = gate.clone();
        move |exchange| match exchange.number() {
            1 => {
                exchange.wait(&gate);
                exchange.reply(&fresh("before"));
            }
            _ => exchange.reply(&fresh("after")),
        }
    });
    let forebay = Forebay::start(&origin, "");
    let mut earlier = forebay.connect();
    earlier.send_request("GET", "/a", &[], b"");
    origin.wait_for(1);
    forebay.purge(r#"{"url": "/a"}"#).expect_status(200);
    let mut later = forebay.connect();
    later.send_request("GET", "/a", &[], b"");
    // It may fetch at once, or when it learns what the flight brings.
    assert!(later.hears_nothing_for(crate::support::ms(1)) || origin.count() == 2);
    gate.open();
    earlier.read().expect(200, "before");
    later.read().expect(200, "after");
}

#[test]
fn a_write_invalidates_what_its_route_says() {
    let (_origin, forebay) =
        stored(ROUTES, &["/users/1?lang=de", "/users/1", "/users/2", "/lists/all", "/other/1"]);
    forebay.request("PUT", "/users/1", &[], b"x").expect_status(204);
    left(
        &forebay,
        &[
            ("/users/1?lang=de", false),
            ("/users/1", false),
            ("/users/2", true),
            ("/lists/all", false),
            ("/other/1", true),
        ],
    );
}

#[test]
fn a_refused_write_invalidates_nothing_the_route_says() {
    let origin = Origin::start(|exchange| match exchange.method() {
        "GET" => exchange.reply(&fresh("hello")),
        _ => exchange.reply(&Reply::new(409)),
    });
    let forebay = Forebay::start(&origin, ROUTES);
    for target in ["/users/1", "/lists/all"] {
        forebay.get(target).expect(200, "hello");
    }
    forebay.request("PUT", "/users/1", &[], b"x").expect_status(409);
    left(&forebay, &[("/users/1", true), ("/lists/all", true)]);
}

#[test]
fn a_write_with_an_unknown_outcome_invalidates_what_its_route_says() {
    let origin = Origin::start(|exchange| match exchange.method() {
        "GET" => exchange.reply(&fresh("hello")),
        _ => exchange.reset(),
    });
    let forebay = Forebay::start(&origin, ROUTES);
    for target in ["/users/1", "/lists/all", "/other/1"] {
        forebay.get(target).expect(200, "hello");
    }
    forebay.request("PUT", "/users/1", &[], b"x").expect_status(502);
    left(&forebay, &[("/users/1", false), ("/lists/all", false), ("/other/1", true)]);
}

#[test]
fn a_write_is_invalidated_for_before_its_answer_leaves() {
    let (_origin, forebay) = stored("", &["/a"]);
    let mut client = forebay.connect();
    for _ in 0..50 {
        client.get("/a");
        client.request("POST", "/a", &[], b"x").expect_status(204);
        assert!(!client.get("/a").is_reused());
    }
}

#[test]
fn a_purge_can_be_looked_up_afterwards() {
    let (_origin, forebay) = stored("", &["/a"]);
    let said = forebay.purge(r#"{"url": "/a"}"#).expect_status(200).json();
    let id = said["id"].as_str().map_or_else(|| said["id"].to_string(), str::to_owned);
    for query in ["", "?wait=1s"] {
        let outcome = forebay.admin().get(&format!("/api/purge/{id}{query}")).expect_status(200);
        assert_eq!(outcome.json(), serde_json::json!({"id": id, "matched": 1, "applied": true}));
    }
    forebay.admin().get(&format!("/api/purge/{id}?wait=soon")).expect_status(400);
    forebay.admin().get("/api/purge/never-made").expect_status(404);
}

#[test]
fn what_selects_nothing_is_refused() {
    let (_origin, forebay) = stored("", &["/a"]);
    for what in [
        "",
        "{}",
        "[]",
        "null",
        r#"{"urls": "/a"}"#,
        r#"{"url": 1}"#,
        r#"{"url": ""}"#,
        r#"{"all": false}"#,
        r#"{"all": "yes"}"#,
        r#"{"url": "ftp://x/"}"#,
        r#"{"tag": []}"#,
        "{",
    ] {
        let status = forebay.purge(what).status();
        assert!(matches!(status, 400 | 422), "{what}: {status}");
    }
    left(&forebay, &[("/a", true)]);
}

#[test]
fn i06_no_pattern_costs_much() {
    let (_origin, forebay) = stored("", &["/a"]);
    let long = format!(r#"{{"prefix": "/{}"}}"#, "x".repeat(1024 * 1024));
    let status = forebay.purge(&long).status();
    assert!(matches!(status, 200 | 400 | 413 | 422), "{status}");
    // A star is a star, and dots are dots.
    purges(&forebay, r#"{"prefix": "/*"}"#, 0);
    purges(&forebay, r#"{"url": "/../a"}"#, 0);
    left(&forebay, &[("/a", true)]);
}

/// `forebay purge` with these arguments: its exit code and output.
fn purge_command(forebay: &Forebay, arguments: &[&str]) -> (Option<i32>, String) {
    let admin = format!("http://{}", forebay.admin_address());
    let output = run(&[&["purge", "--admin", &admin], arguments].concat(), &[]);
    (
        output.status.code(),
        String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr),
    )
}

#[test]
fn the_command_purges() {
    let targets = ["/users/1", "/users/2", "/other/1", "/other/2", "/x/1"];
    let (_origin, forebay) = stored(ROUTES, &targets);
    for (arguments, gone) in [
        (vec!["--url", "/x/1"], "/x/1"),
        (vec!["--url", "http://app.test/x/1"], "/x/1"),
        (vec!["--prefix", "/x/"], "/x/1"),
        (vec!["--tag", "user:1"], "/users/1"),
        (vec!["--tag", "user:2", "--tag", "user:1"], "/users/2"),
        (vec!["--route", "other"], "/other/1"),
        (vec!["--all"], "/other/2"),
    ] {
        eventually("it is stored again", || look(&forebay, gone).1);
        let (code, said) = purge_command(&forebay, &arguments);
        assert_eq!(code, Some(0), "{arguments:?}: {said}");
        assert!(!look(&forebay, gone).1, "{arguments:?}");
    }
}

#[test]
fn the_command_can_be_soft_or_dry() {
    let (_origin, forebay) = stored("", &["/a"]);
    let (code, said) = purge_command(&forebay, &["--all", "--dry-run"]);
    assert!(code == Some(0) && said.contains('1'), "{said}");
    left(&forebay, &[("/a", true)]);
    let (code, said) = purge_command(&forebay, &["--url", "/a", "--soft"]);
    assert_eq!(code, Some(0), "{said}");
    left(&forebay, &[("/a", false)]);
}

#[test]
fn the_command_fails_visibly() {
    let (_origin, forebay) = stored("", &[]);
    for arguments in [vec![], vec!["--url", "/a", "--all"]] {
        assert_eq!(purge_command(&forebay, &arguments).0, Some(2), "{arguments:?}");
    }
    let nobody = format!("http://{}", crate::support::unused_address());
    let output = run(&["purge", "--admin", &nobody, "--all"], &[]);
    assert!(!output.status.success());
    assert!(!output.stderr.is_empty());
}
