//! What goes forward, and what does not.

use super::{KEYS, expect_429, fresh, get, remaining, start};
use crate::support::{Client, Forebay, Gate, Origin, ok, read_all};

/// A tier that may have so many requests a day go forward.
fn forwarding(count: usize) -> String {
    format!("{{ forwarded = [\"{count}/d\"] }}")
}

#[test]
fn a_hit_does_not_go_forward() {
    let origin = Origin::start(|exchange| exchange.reply(&fresh("hello")));
    let forebay = start(&origin, "[]", &forwarding(2));
    assert_eq!(remaining(&get(&forebay, "/a", "key-small"), "forwarded-day"), 1);
    for _ in 0..10 {
        let answer = get(&forebay, "/a", "key-small").expect(200, "hello");
        assert!(answer.is_reused());
        assert_eq!(remaining(&answer, "forwarded-day"), 1);
    }
    assert_eq!(remaining(&get(&forebay, "/b", "key-small"), "forwarded-day"), 0);
    let answer = expect_429(get(&forebay, "/c", "key-small"), "forward-limited");
    assert_eq!(remaining(&answer, "forwarded-day"), 0);
    assert!(answer.cache_parameter("fwd").is_none());
    // What is stored is there for it all the same, and what nobody had go forward is no failure that others hear of.
    get(&forebay, "/a", "key-small").expect(200, "hello");
    get(&forebay, "/c", "key-other").expect(200, "hello");
    let labels = [("tier", "small"), ("decision", "forward-limited")];
    assert!((forebay.metric("forebay_rate_limit_decisions_total", &labels) - 1.0).abs() < 0.1);
    assert_eq!(origin.targets(), ["/a", "/b", "/c"]);
}

#[test]
fn followers_do_not_go_forward() {
    let gate = Gate::new();
    let origin = Origin::gated(&gate, |_| fresh("hello"));
    let forebay = start(&origin, "[]", &forwarding(1));
    let mut clients: Vec<Client> = (0..20).map(|_| forebay.connect()).collect();
    for client in &mut clients {
        client.send_request("GET", "/a", &[("x-api-key", "key-small")], b"");
    }
    origin.wait_for(1);
    forebay.wait_for_clients(20);
    gate.open();
    for answer in read_all(&mut clients) {
        answer.expect(200, "hello");
    }
    expect_429(get(&forebay, "/b", "key-small"), "forward-limited");
    assert_eq!(origin.count(), 1);
}

#[test]
fn who_may_not_lead_keeps_nobody_from_leading() {
    let origin = Origin::start(|exchange| exchange.reply(&fresh("hello")));
    let forebay = start(&origin, "[]", &forwarding(1));
    get(&forebay, "/used-up", "key-small").expect(200, "hello");
    for round in 0..20 {
        let target = format!("/{round}");
        let keys = ["key-small", "key-free"];
        let mut clients: Vec<Client> = (0..40).map(|_| forebay.connect()).collect();
        for (client, key) in clients.iter_mut().zip(keys.into_iter().cycle()) {
            client.send_request("GET", &target, &[("x-api-key", key)], b"");
        }
        for (answer, key) in read_all(&mut clients).into_iter().zip(keys.into_iter().cycle()) {
            // Who may not go forward may follow who does.
            if key == "key-free" || answer.status() == 200 {
                answer.expect(200, "hello");
            } else {
                expect_429(answer, "forward-limited");
            }
        }
        assert_eq!(origin.count_of(&target), 1);
    }
}

#[test]
fn what_cannot_be_stored_goes_forward_each_time() {
    let origin = Origin::start(|exchange| exchange.reply(&ok("hello")));
    let forebay = start(&origin, "[]", &forwarding(3));
    let fields = [("x-api-key", "key-small")];
    get(&forebay, "/a", "key-small").expect(200, "hello");
    get(&forebay, "/a", "key-small").expect(200, "hello");
    forebay.request("POST", "/a", &fields, b"content").expect(200, "hello");
    for method in ["GET", "POST", "DELETE", "HEAD"] {
        forebay.request(method, "/a", &fields, b"").expect_status(429);
    }
    assert_eq!(origin.count(), 3);
}

#[test]
fn what_is_served_stale_does_not_go_forward_and_its_refresh_is_nobodys() {
    let stale =
        fresh("hello").field("age", "100").field("cache-control", "stale-while-revalidate=600");
    let origin = Origin::start(move |exchange| exchange.reply(&stale));
    let forebay = start(&origin, "[]", &forwarding(1));
    get(&forebay, "/a", "key-small").expect(200, "hello");
    for _ in 0..10 {
        get(&forebay, "/a", "key-small").expect(200, "hello");
    }
    origin.wait_for(2);
    expect_429(get(&forebay, "/b", "key-small"), "forward-limited");
}

#[test]
fn to_validate_is_to_go_forward_and_no_stale_response_stands_in() {
    let stale = fresh("hello")
        .field("age", "100")
        .field("etag", "\"1\"")
        .field("cache-control", "stale-if-error=600");
    let origin = Origin::start(move |exchange| exchange.reply(&stale));
    let forebay = start(&origin, "[]", &forwarding(2));
    for left in [1, 0] {
        let answer = get(&forebay, "/a", "key-small").expect(200, "hello");
        assert_eq!(remaining(&answer, "forwarded-day"), left);
    }
    expect_429(get(&forebay, "/a", "key-small"), "forward-limited");
    assert_eq!(origin.count(), 2);
}

#[test]
fn who_cannot_afford_a_refresh_gets_what_is_stored_and_keeps_nobody_from_refreshing() {
    let origin = Origin::start(|exchange| {
        let number = exchange.number();
        exchange.reply(&fresh(&number.to_string()));
    });
    let config = "[[route]]\npath = \"/a\"\nrefresh_on = [\"header:x-refresh=1\"]\nrefresh_interval = \"1d\"\n";
    let tiers =
        "[rate_limit.tiers]\nanonymous = []\nfree = []\nsmall = { forwarded = [\"1/d\"] }\n";
    let forebay = Forebay::start(&origin, &format!("{KEYS}{tiers}{config}"));
    let refresh = |key| forebay.get_with("/a", &[("x-api-key", key), ("x-refresh", "1")]);
    get(&forebay, "/a", "key-small").expect(200, "1");
    assert!(forebay.hit("/a").is_hit());
    for _ in 0..3 {
        let answer = refresh("key-small").expect(200, "1");
        assert_eq!(answer.cache_parameter("detail").as_deref(), Some("forward-limited"));
    }
    refresh("key-free").expect(200, "2");
}

#[test]
fn an_answer_that_is_keyed_by_content_is_a_hit_like_any_other() {
    let origin = Origin::start(|exchange| exchange.reply(&fresh("hello")));
    let config =
        "[[route]]\npath = \"/a\"\nmethods = [\"POST\"]\nkey_body = \"bytes\"\nttl = \"1h\"\n";
    let tiers =
        "[rate_limit.tiers]\nanonymous = []\nfree = []\nsmall = { forwarded = [\"1/d\"] }\n";
    let forebay = Forebay::start(&origin, &format!("{KEYS}{tiers}{config}"));
    let mut client = forebay.connect();
    let mut post =
        |content: &[u8]| client.request("POST", "/a", &[("x-api-key", "key-small")], content);
    for _ in 0..3 {
        post(b"asked").expect(200, "hello");
    }
    // Its content has been read: the connection goes on.
    assert!(!expect_429(post(b"another"), "forward-limited").says_close());
    post(b"asked").expect(200, "hello");
    assert_eq!(origin.count(), 1);
}
