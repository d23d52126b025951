//! The README's cookbook: each configuration as it stands there, in front of an application as it was meant for.

use std::fs;

use forebay::config::{self, Environment};
use jsonwebtoken::{EncodingKey, Header, encode};

use crate::support::{Exchange, Forebay, Gate, Launch, Origin, Redis, eventually, fresh, ok};

fn readme() -> String {
    fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap()
}

/// The configuration below that heading.
fn recipe(heading: &str) -> String {
    let readme = readme();
    let (_, section) = readme.split_once(&format!("## {heading}\n")).expect("such a recipe");
    let (_, block) = section.split_once("```toml\n").unwrap();
    block.split_once("```").unwrap().0.to_owned()
}

fn bearer(sub: &str) -> String {
    let claims = serde_json::json!({ "sub": sub, "exp": 4_102_444_800_u64 });
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    format!("Bearer {}", encode(&Header::default(), &claims, &key).unwrap())
}

const SECRET: &str = "a secret of at least thirty-two bytes";

/// What the application makes of a request: who asked, and how often it was asked.
fn tell(exchange: &mut Exchange<'_>) {
    let who = exchange.field("authorization").or(exchange.field("x-api-key")).unwrap_or("nobody");
    let body = format!("{} {} for {who}", exchange.number(), exchange.target());
    exchange.reply(&ok(body));
}

#[test]
fn every_configuration_in_the_readme_is_a_good_one() {
    let readme = readme();
    let blocks: Vec<&str> =
        readme.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(blocks.len() >= 9, "{}", blocks.len());
    let environment: Environment =
        [("JWT_SECRET".to_owned(), SECRET.to_owned())].into_iter().collect();
    for block in blocks {
        let upstream = if block.contains("[upstream]") { "" } else { UPSTREAM };
        let text = format!("{upstream}{block}");
        if let Err(errors) = config::load(&text, "README.md", &environment) {
            panic!("{errors}\nin\n{text}");
        }
    }
}

/// What every configuration begins with.
const UPSTREAM: &str = "[upstream]\nservers = [\"http://127.0.0.1:3000\"]\n";

#[test]
fn a_users_data_which_takes_seconds() {
    let origin = Origin::start(tell);
    let forebay = Forebay::start(&origin, &recipe("A user's data, which takes seconds"));
    let data = |token: &str, query: &str| {
        forebay.get_with(&format!("/api/users/42/data{query}"), &[("authorization", token)])
    };
    let first = data("Bearer one", "").expect_status(200).text();
    assert!(first.contains("Bearer one"), "{first}");
    assert_eq!(data("Bearer one", "").text(), first);
    assert!(data("Bearer two", "").text().contains("Bearer two"));
    // Nobody without a credential gets what is somebody's.
    assert!(forebay.get("/api/users/42/data").text().contains("nobody"));
    let refreshed = data("Bearer one", "?force_refresh=true").text();
    assert_ne!(refreshed, first);
    assert_eq!(data("Bearer one", "").text(), refreshed);
    forebay.purge(r#"{"tag": "user:42"}"#).expect_status(200);
    assert_ne!(data("Bearer one", "").text(), refreshed);
}

#[test]
fn a_profile_that_a_put_invalidates() {
    let origin = Origin::start(tell);
    let recipe = recipe("A profile that a PUT invalidates");
    let forebay = Launch::new(&origin.url(), &recipe).environment("JWT_SECRET", SECRET).start();
    let (anna, ben) = (bearer("anna"), bearer("ben"));
    let profile = |method: &str, token: &str| {
        forebay.request(method, "/api/v1/auth/profile/", &[("authorization", token)], b"")
    };
    let annas = profile("GET", &anna).expect_status(200);
    assert!(annas.text().contains(&anna));
    assert_eq!(annas.field("cache-control"), Some("private, no-cache"));
    assert!(profile("GET", &ben).text().contains(&ben));
    assert_eq!(profile("GET", &anna).text(), annas.text());
    profile("PUT", &anna).expect_status(200);
    assert_ne!(profile("GET", &anna).text(), annas.text(), "it is fetched anew");
    assert!(profile("GET", &ben).text().contains(&ben));
}

#[test]
fn daily_outlooks_in_four_tiers() {
    let origin = Origin::start(tell);
    let forebay = Forebay::start(&origin, &recipe("Daily outlooks in four tiers"));
    let allowed = |key: &str| {
        let mut client = forebay.connect();
        let target = "/api/v2/daily-outlook/7?date=2026-11-21";
        let statuses = (0..600).map(|_| client.get_with(target, &[("x-api-key", key)]).status());
        statuses.filter(|status| *status == 200).count()
    };
    // While these are counted, a window of an hour gives back one at most.
    for (key, tier) in [("key-of-acme", 100), ("key-of-globex", 200), ("key-of-initech", 500)] {
        let passed = allowed(key);
        assert!((tier..=tier + 1).contains(&passed), "{key}: {passed}");
    }
    let passed = allowed("a key nobody knows");
    assert!((50..=51).contains(&passed), "by address: {passed}");
    assert!(origin.count() <= 4 + 51, "one for each key, and what is nobody's is not stored");
}

#[test]
fn a_completion_that_costs_money() {
    let gate = Gate::new();
    let held = gate.clone();
    let origin = Origin::start(move |exchange| {
        exchange.read_content();
        exchange.wait(&held);
        let body = format!("completion {}", exchange.number());
        exchange.reply(&ok(body));
    });
    let forebay = Forebay::start(&origin, &recipe("A completion that costs money"));
    let ask = |body: &str| {
        let mut client = forebay.connect();
        let fields = [("content-type", "application/json")];
        client.send_request("POST", "/api/ai/complete", &fields, body.as_bytes());
        client
    };
    let same = [r#"{"prompt": "hi", "n": 1}"#, r#"{"n":1,"prompt":"h\u0069"}"#];
    let mut clients: Vec<_> = (0..10).map(|i| ask(same[i % 2])).collect();
    forebay.wait_for_clients(10);
    gate.open();
    for client in &mut clients {
        client.read_answer_to("POST").expect(200, "completion 1");
    }
    ask(r#"{"prompt": "hi", "n": 1.0}"#).read_answer_to("POST").expect(200, "completion 2");
    ask(same[0]).read_answer_to("POST").expect(200, "completion 1");
    assert_eq!(origin.count(), 2);
}

#[test]
fn statistics_until_midnight() {
    let origin = Origin::start(|exchange| exchange.reply(&fresh("statistics")));
    let forebay = Forebay::start(&origin, &recipe("Statistics until midnight"));
    forebay.get("/api/stats/daily").expect(200, "statistics");
    let hit = forebay.hit("/api/stats/daily");
    let ttl: i64 = hit.cache_parameter("ttl").unwrap().parse().unwrap();
    // At most the longest day there is, on which the clocks are put back.
    assert!((1..=25 * 3600).contains(&ttl), "{ttl}");
}

#[test]
fn a_fleet() {
    let redis = Redis::start();
    let origin = Origin::start(tell);
    let start = || {
        let launch = Launch::new(&origin.url(), &recipe("A fleet"));
        launch.environment("REDIS_URL", &redis.url()).start()
    };
    let (one, other) = (start(), start());
    for replica in [&one, &other] {
        replica.wait_for_log(&["following the purge log"]);
    }
    let mut number = 0;
    eventually("what one fetched, the other has", || {
        number += 1;
        let report = format!("/reports/{number}");
        let fetched = one.get(&report);
        // There are but twenty requests a second.
        fetched.status() == 200 && other.get(&report).text() == fetched.text()
    });
}
