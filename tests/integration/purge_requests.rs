//! PURGE on the public listener, with the operator's token.

use crate::support::{Forebay, Origin, Reply, fresh};

const TOKEN: &str = "[admin]\ntoken = \"right-token-0123456789\"\n";
const RIGHT: (&str, &str) = ("authorization", "Bearer right-token-0123456789");

fn started(config: &str) -> (Origin, Forebay) {
    let origin = Origin::numbering();
    let forebay = Forebay::start(&origin, &format!("{TOKEN}{config}"));
    (origin, forebay)
}

#[track_caller]
fn purges(forebay: &Forebay, target: &str, fields: &[(&str, &str)], matched: u64) {
    let fields = [&[RIGHT], fields].concat();
    let said = forebay.request("PURGE", target, &fields, b"").expect_status(200);
    assert_eq!(said.field("content-type"), Some("application/json"));
    assert_eq!(said.field("cache-control"), Some("no-store"));
    assert_eq!(said.json()["matched"], matched, "{}", said.text());
    let id = said.json()["id"].as_str().unwrap().to_owned();
    let again = forebay.admin().get(&format!("/api/purge/{id}")).expect_status(200).json();
    assert_eq!(again["applied"], true, "{again}");
}

#[test]
fn it_purges_that_url_of_that_host_and_nothing_is_forwarded() {
    let (origin, forebay) = started("");
    let look = |target: &str, host: &str| forebay.get_with(target, &[("host", host)]);
    for (target, host) in [("/a", "app.test"), ("/a?b", "app.test"), ("/a", "other.test")] {
        look(target, host).expect_status(200);
    }
    purges(&forebay, "/a", &[], 1);
    assert_eq!(origin.count(), 3);
    assert!(!look("/a", "app.test").is_reused());
    assert!(look("/a?b", "app.test").is_reused());
    assert!(look("/a", "other.test").is_reused());
}

#[test]
fn it_purges_every_variant_and_identity() {
    let origin = Origin::start(|exchange| {
        let body = exchange.number().to_string();
        exchange.reply(&fresh(body).field("vary", "accept-language"));
    });
    let config =
        format!("{TOKEN}[[route]]\npath = \"/a\"\nidentity = \"header:x-user\"\nttl = \"1h\"\n");
    let forebay = Forebay::start(&origin, &config);
    let get = |language: &str, user: &str| {
        forebay.get_with("/a", &[("accept-language", language), ("x-user", user)])
    };
    let all = [("de", "1"), ("fr", "1"), ("de", "2")];
    for (language, user) in all {
        get(language, user).expect_status(200);
    }
    purges(&forebay, "/a", &[], 3);
    for (language, user) in all {
        assert!(!get(language, user).is_reused(), "{language} {user}");
    }
}

#[test]
fn the_routes_query_rules_are_applied() {
    let (_origin, forebay) = started("[[route]]\npath = \"/a\"\nquery.only = [\"page\"]\n");
    forebay.get("/a?page=1&utm_source=x").expect_status(200);
    purges(&forebay, "/a?utm_source=y&page=1", &[], 1);
    assert!(!forebay.get("/a?page=1").is_reused());
}

#[test]
fn without_a_token_configured_it_is_no_method_of_ours() {
    let origin = Origin::numbering();
    let forebay = Forebay::start(&origin, "");
    forebay.get("/a").expect(200, "1");
    let refused = forebay.request("PURGE", "/a", &[RIGHT], b"").expect_status(405);
    assert!(!refused.field("allow").unwrap().contains("PURGE"));
    forebay.hit("/a").expect(200, "1");
}

#[test]
fn without_the_token_nothing_is_purged() {
    let (origin, forebay) = started("");
    forebay.get("/a").expect(200, "1");
    let refused = forebay.request("PURGE", "/a", &[], b"").expect_status(401);
    assert_eq!(refused.field("www-authenticate"), Some("Bearer"));
    assert_eq!(refused.json()["code"], "token-needed");
    for wrong in [
        "Bearer wrong",
        "Bearer ",
        "Bearer right-token-0123456789x",
        "Basic cmlnaHQtdG9rZW4tMDEyMzQ1Njc4OTo=",
        "right-token-0123456789",
    ] {
        let refused =
            forebay.request("PURGE", "/a", &[("authorization", wrong)], b"").expect_status(401);
        assert_eq!(refused.field("www-authenticate"), Some("Bearer"));
        assert_eq!(refused.json()["code"], "wrong-token", "{wrong}");
    }
    forebay.request("BAN", "/a", &[RIGHT], b"").expect_status(405);
    forebay.hit("/a").expect(200, "1");
    assert_eq!(origin.count(), 1);
}

#[test]
fn the_token_is_in_no_log() {
    let (_origin, forebay) = started("");
    purges(&forebay, "/a", &[], 0);
    forebay.wait_for_log(&["PURGE", "/a", "200"]);
    let wrong = ("authorization", "Bearer guessed-token");
    forebay.request("PURGE", "/b", &[wrong], b"").expect_status(401);
    forebay.wait_for_log(&["PURGE", "/b", "401", "wrong-token"]);
    assert!(!forebay.log_text().contains("right-token"));
    assert!(!forebay.log_text().contains("guessed-token"));
}

#[test]
fn nobody_is_charged_for_it() {
    let (_origin, forebay) =
        started("[rate_limit]\nclient = [\"ip\"]\n[rate_limit.tiers]\nanonymous = [\"1/d\"]\n");
    for _ in 0..3 {
        purges(&forebay, "/a", &[], 0);
    }
    forebay.get("/a").expect_status(200);
}

#[test]
fn it_is_counted_as_a_purge_and_as_a_request() {
    let (_origin, forebay) = started("");
    purges(&forebay, "/a", &[], 0);
    assert_eq!(forebay.metric("forebay_purges_total", &[("kind", "url")]), 1.0);
    let labels = [("method", "other"), ("status", "200"), ("outcome", "respond")];
    assert_eq!(forebay.metric("forebay_requests_total", &labels), 1.0);
}

#[test]
fn another_token_takes_its_place_with_a_reload() {
    let (origin, forebay) = started("");
    forebay.get("/a").expect(200, "1");
    forebay.configure(&origin, "[admin]\ntoken = \"another-token-012345\"\n");
    forebay.admin().request("POST", "/api/reload", &[RIGHT], b"").expect_status(200);
    forebay.request("PURGE", "/a", &[RIGHT], b"").expect_status(401);
    forebay.hit("/a").expect(200, "1");
    let other = ("authorization", "Bearer another-token-012345");
    forebay.request("PURGE", "/a", &[other], b"").expect_status(200);
    forebay.get("/a").expect(200, "2");
}

#[test]
fn what_is_under_way_is_purged_too() {
    let gate = crate::support::Gate::new();
    let origin = Origin::start({
        let gate = gate.clone();
        move |exchange| {
            if exchange.number() == 1 {
                exchange.wait(&gate);
            }
            exchange.reply(&fresh(exchange.number().to_string()));
        }
    });
    let forebay = Forebay::start(&origin, TOKEN);
    let mut client = forebay.connect();
    client.send_request("GET", "/a", &[], b"");
    origin.wait_for(1);
    purges(&forebay, "/a", &[], 0);
    gate.open();
    client.read().expect(200, "1");
    forebay.get("/a").expect(200, "2");
}

#[test]
fn its_content_is_read_by_nobody() {
    let (_origin, forebay) = started("");
    let mut client = forebay.connect();
    client.request("PURGE", "/a", &[RIGHT], &[b'x'; 10_000]).expect_status(200);
    forebay.get("/a").expect_status(200);
}

#[test]
fn a_host_that_is_not_ours_has_nothing_to_purge() {
    let origin = Origin::always(Reply::new(204));
    let forebay = Forebay::start(&origin, &format!("{TOKEN}[server]\nhosts = [\"app.test\"]\n"));
    let fields = [RIGHT, ("host", "other.test")];
    forebay.request("PURGE", "/a", &fields, b"").expect_status(421);
}
