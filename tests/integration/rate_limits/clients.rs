//! Who is charged: whoever a token, a cookie or a proxy names.

use serde_json::json;

use super::{KEYS, expect_429, get, remaining, start};
use crate::support::{Forebay, Origin, ok, token};

/// A credential of this subject and plan.
fn bearer(sub: &str, plan: &str) -> String {
    token::bearing(&json!({ "sub": sub, "plan": plan, "exp": token::in_seconds(3600) }))
}

#[test]
fn a_verified_token_names_its_client_and_its_tier() {
    let origin = Origin::start(|exchange| exchange.reply(&ok("hello")));
    let forebay = Forebay::start(
        &origin,
        &format!(
            "{}[rate_limit]\nclient = [\"jwt:sub\"]\ntier = \"jwt:plan\"\n\
             tiers = {{ anonymous = [\"20/d\"], budget = [\"2/d\"], professional = [\"4/d\"] }}",
            token::jwt()
        ),
    );
    let get = |credential: &str| forebay.get_with("/a", &[("authorization", credential)]);
    let (ann, ben) = (bearer("ann", "budget"), bearer("ben", "professional"));
    for left in [1, 0] {
        assert_eq!(remaining(&get(&ann).expect(200, "hello"), "day"), left);
    }
    expect_429(get(&ann), "rate-limited");
    assert_eq!(remaining(&get(&ben).expect(200, "hello"), "day"), 3);
    // Another token of the same client, and of another plan: what is used up is used up.
    expect_429(get(&bearer("ann", "professional")), "rate-limited");
    // Without a plan that we know, as anybody; but as the client that it is.
    assert_eq!(remaining(&get(&bearer("carl", "gold")).expect(200, "hello"), "day"), 19);
    // What is forged names nobody, and is charged to the address.
    for (n, (credential, word)) in token::forged("ben").into_iter().enumerate() {
        let answer = get(&credential).expect(200, "hello");
        assert_eq!(remaining(&answer, "day"), 19 - n as u64, "{word}");
    }
    assert_eq!(remaining(&get(&ben).expect(200, "hello"), "day"), 2);
}

#[test]
fn a_token_that_names_nobody_is_refused_where_the_file_says_so() {
    let origin = Origin::start(|exchange| exchange.reply(&ok("hello")));
    let forebay = Forebay::start(
        &origin,
        &format!(
            "{}[rate_limit]\nclient = [\"jwt:sub\"]\nunknown_key = \"deny\"\ntiers = {{ anonymous = [] }}",
            token::jwt()
        ),
    );
    for (credential, word) in token::forged("ben") {
        let answer = forebay.get_with("/a", &[("authorization", &credential)]);
        assert_eq!(answer.status(), 401, "{word}");
        assert_eq!(answer.field("www-authenticate"), Some("Bearer"));
    }
    assert_eq!(origin.count(), 0);
    forebay.get("/a").expect(200, "hello");
    forebay.get_with("/a", &[("authorization", &token::bearer("ben"))]).expect(200, "hello");
}

#[test]
fn a_cookie_may_hold_the_key() {
    let origin = Origin::start(|exchange| exchange.reply(&ok("hello")));
    let config = KEYS.replace("header:x-api-key", "cookie:key");
    let forebay = Forebay::start(
        &origin,
        &format!("{config}[rate_limit.tiers]\nanonymous = [\"9/d\"]\nsmall = [\"2/d\"]\nfree = []"),
    );
    for (cookie, left) in [
        ("key=key-small", 1),
        ("a=1; key=key-small; b=2", 0),
        ("key=key-other", 1),
        ("key=guess", 8),
        ("key=key-small; key=key-small", 7),
    ] {
        let answer = forebay.get_with("/a", &[("cookie", cookie)]).expect(200, "hello");
        assert_eq!(remaining(&answer, "day"), left, "{cookie}");
    }
}

#[test]
fn what_a_proxy_says_counts_from_trusted_proxies_alone() {
    let origin = Origin::start(|exchange| exchange.reply(&ok("hello")));
    let limits = "[rate_limit]\nclient = [\"trusted_header:x-user\"]\ntier = \"trusted_header:x-plan\"\n\
                  tiers = { anonymous = [\"9/d\"], gold = [\"5/d\"] }";
    let trusting = format!("[server]\ntrusted_proxies = [\"127.0.0.1\"]\n{limits}");
    let gold = [("x-user", "ann"), ("x-plan", "gold"), ("x-forwarded-for", "192.0.2.1")];
    let forebay = Forebay::start(&origin, &trusting);
    for left in [4, 3] {
        let answer = forebay.get_with("/a", &gold).expect(200, "hello");
        assert_eq!(remaining(&answer, "day"), left);
        assert_eq!(origin.last().field("x-plan"), Some("gold"));
    }
    // Without a name, the address that the proxy names is the client.
    for (forwarded_for, left) in [("192.0.2.1", 8), ("192.0.2.2", 8), ("6.6.6.6, 192.0.2.1", 7)] {
        let answer = forebay.get_with("/a", &[("x-forwarded-for", forwarded_for)]);
        assert_eq!(remaining(&answer.expect(200, "hello"), "day"), left, "{forwarded_for}");
    }
    let forebay = Forebay::start(&origin, limits);
    for left in [8, 7] {
        let answer = forebay.get_with("/a", &gold).expect(200, "hello");
        assert_eq!(remaining(&answer, "day"), left);
        let asked = origin.last();
        assert_eq!((asked.field("x-user"), asked.field("x-plan")), (None, None));
    }
}

#[test]
fn an_answer_to_who_shows_a_key_is_not_everybodys() {
    let origin =
        Origin::start(|exchange| exchange.reply(&ok("hello").field("cache-control", "max-age=60")));
    let forebay = start(&origin, "[]", "[]");
    for n in 1..=3 {
        let answer = get(&forebay, "/a", "key-free").expect(200, "hello");
        assert_eq!(answer.cache_parameter("detail").as_deref(), Some("client-field"));
        assert_eq!(origin.count(), n);
    }
    forebay.get("/a").expect(200, "hello");
    assert!(forebay.hit("/a").is_hit());
    assert_eq!(origin.count(), 4);
}
