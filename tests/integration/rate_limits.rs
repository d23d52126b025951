//! (h) How much each client may ask for, and what it is told.

mod clients;
mod forwarded;

use std::time::Instant;

use crate::support::{Forebay, Gate, Origin, Reply, Response, eventually, ok, read_all};

/// 200 with this content, fresh for a minute, for everybody: a key is a credential.
fn fresh(content: &str) -> Reply {
    ok(content).field("cache-control", "public, max-age=60")
}

const KEYS: &str = r#"
[rate_limit]
client = ["header:x-api-key", "ip"]
[rate_limit.clients]
"key-small" = "small"
"key-other" = "small"
"key-free" = "free"
"#;

/// With keys for two clients of the tier `small` and one of `free`.
fn start(origin: &Origin, anonymous: &str, small: &str) -> Forebay {
    let tiers = format!("[rate_limit.tiers]\nanonymous = {anonymous}\nsmall = {small}\nfree = []");
    Forebay::start(origin, &format!("{KEYS}{tiers}"))
}

fn get(forebay: &Forebay, target: &str, key: &str) -> Response {
    forebay.get_with(target, &[("x-api-key", key)])
}

/// `r` of one of the windows that `RateLimit` names.
#[track_caller]
fn remaining(response: &Response, window: &str) -> u64 {
    let items = response.all("ratelimit").join(", ");
    let of_window =
        items.split(", ").find_map(|item| item.strip_prefix(&format!("\"{window}\";r=")));
    let digits = of_window.unwrap_or_else(|| panic!("no {window} in {items}"));
    digits.split(';').next().unwrap_or_default().parse().unwrap()
}

#[track_caller]
fn expect_429(response: Response, word: &str) -> Response {
    let response = response.expect_status(429);
    assert_eq!(response.json()["code"], word);
    assert_eq!(response.field("cache-control"), Some("no-store"));
    let seconds: u64 = response.field("retry-after").unwrap().parse().unwrap();
    assert!((1..=86_400).contains(&seconds), "{seconds}");
    response
}

#[test]
fn h04_of_a_thousand_requests_at_once_as_many_pass_as_the_windows_allow() {
    let origin = Origin::start(|exchange| exchange.reply(&fresh("hello")));
    let forebay = start(&origin, r#"["500/h", "20/s"]"#, "[]");
    get(&forebay, "/a", "key-free").expect(200, "hello");
    let began = Instant::now();
    let answers = read_all(&mut forebay.burst(1000, "/a"));
    let seconds = began.elapsed().as_secs() + 1;
    let passed: Vec<_> = answers.iter().filter(|answer| answer.status() == 200).collect();
    let count = passed.len() as u64;
    assert!((20..=20 + 20 * seconds).contains(&count), "{count} in {seconds} s");
    assert!(answers.iter().all(|answer| matches!(answer.status(), 200 | 429)));
    // The hour has been charged for those that passed, and for none that the second refused.
    let left = passed.iter().map(|answer| remaining(answer, "hour")).min().unwrap();
    assert!((500 - count..=500 - count + seconds / 7 + 1).contains(&left), "{left} {count}");
    assert_eq!(origin.count(), 1);
}

#[test]
fn h04_of_a_thousand_requests_at_once_one_gets_the_last_token() {
    let origin = Origin::start(|exchange| exchange.reply(&fresh("hello")));
    let forebay = start(&origin, r#"["1/d"]"#, "[]");
    let answers = read_all(&mut forebay.burst(1000, "/a"));
    let count = |status| answers.iter().filter(|answer| answer.status() == status).count();
    assert_eq!((count(200), count(429)), (1, 999));
    let decided = |decision| {
        let labels = [("tier", "anonymous"), ("decision", decision)];
        forebay.metric("forebay_rate_limit_decisions_total", &labels) as u64
    };
    assert_eq!((decided("allowed"), decided("limited")), (1, 999));
}

#[test]
fn h02_rejected_requests_are_not_counted() {
    let origin = Origin::start(|exchange| exchange.reply(&fresh("hello")));
    let forebay = start(&origin, r#"["3/h"]"#, "[]");
    for left in [2, 1, 0] {
        let answer = forebay.get("/a").expect(200, "hello");
        assert_eq!(remaining(&answer, "hour"), left);
        assert_eq!(answer.field("ratelimit-policy"), Some("\"hour\";q=3;w=3600"));
    }
    for _ in 0..50 {
        let answer = expect_429(forebay.get("/a"), "rate-limited");
        assert_eq!(remaining(&answer, "hour"), 0);
        let seconds: u64 = answer.field("retry-after").unwrap().parse().unwrap();
        assert!((1100..=1200).contains(&seconds), "{seconds}");
        assert_eq!(answer.cache_parameter("detail").as_deref(), Some("rate-limited"));
    }
}

#[test]
fn h09_a_key_nobody_listed_is_charged_to_the_address_and_never_shown() {
    let origin = Origin::start(|exchange| exchange.reply(&fresh("hello")));
    let forebay = start(&origin, r#"["6/d"]"#, r#"["1/d"]"#);
    let long = "k".repeat(20_000);
    let guesses: [&[(&str, &str)]; 6] = [
        &[],
        &[("x-api-key", "guess-1")],
        &[("x-api-key", "Key-Small")],
        &[("x-api-key", "")],
        &[("x-api-key", "key-small"), ("x-api-key", "key-small")],
        &[("x-api-key", &long)],
    ];
    for (n, fields) in guesses.into_iter().enumerate() {
        let answer = forebay.get_with("/a", fields).expect(200, "hello");
        assert_eq!(remaining(&answer, "day"), 5 - n as u64, "{n}");
    }
    for n in 0..50 {
        let guess = format!("guess-{n}");
        expect_429(get(&forebay, "/a", &guess), "rate-limited");
    }
    assert_eq!(remaining(&get(&forebay, "/a", "key-small").expect(200, "hello"), "day"), 0);
    // A megabyte of key is no head that we read.
    let mut client = forebay.connect();
    let _ = client.try_send(format!("GET /a HTTP/1.1\r\nx-api-key: {}", "k".repeat(1 << 20)));
    if let Ok(answer) = client.try_read() {
        answer.expect_status(431);
    }
    forebay.wait_for_log(&["/a", "error=rate-limited"]);
    let metrics = forebay.admin().get("/metrics").text();
    for secret in ["guess-", "key-small", "Key-Small", "kkkk"] {
        assert!(!forebay.log_text().contains(secret) && !metrics.contains(secret), "{secret}");
    }
}

#[test]
fn h09_a_key_nobody_listed_is_refused_where_the_file_says_so() {
    let origin = Origin::start(|exchange| exchange.reply(&fresh("hello")));
    let keys = KEYS.replace("[rate_limit.clients]", "unknown_key = \"deny\"\n[rate_limit.clients]");
    let tiers = "[rate_limit.tiers]\nanonymous = [\"4/d\"]\nsmall = []\nfree = []";
    let forebay = Forebay::start(&origin, &format!("{keys}{tiers}"));
    for fields in
        [&[("x-api-key", "guess")][..], &[("x-api-key", "")], &[("x-api-key", "key-free"); 2]]
    {
        let answer = forebay.get_with("/a", fields).expect_status(401);
        assert_eq!(answer.json()["code"], "unknown-key");
        assert_eq!(answer.field("www-authenticate"), Some("ApiKey"));
        assert_eq!(answer.field("cache-control"), Some("no-store"));
    }
    assert_eq!(origin.count(), 0);
    // Guessing has cost the address as much as asking would have.
    forebay.get("/a").expect(200, "hello");
    expect_429(get(&forebay, "/a", "guess"), "rate-limited");
    get(&forebay, "/a", "key-free").expect(200, "hello");
}

#[test]
fn h06_what_anybody_may_write_is_no_address() {
    let origin = Origin::start(|exchange| exchange.reply(&fresh("hello")));
    let forebay = start(&origin, r#"["1/d"]"#, "[]");
    forebay.get("/a").expect(200, "hello");
    for fields in [
        ("x-forwarded-for", "1.2.3.4"),
        ("x-forwarded-for", ", ,"),
        ("forwarded", "for=1.2.3.4"),
        ("x-real-ip", "1.2.3.4"),
    ] {
        expect_429(forebay.get_with("/a", &[fields]), "rate-limited");
    }
}

#[test]
fn h17_a_client_that_leaves_has_been_charged_once() {
    let gate = Gate::new();
    let origin = Origin::gated(&gate, |_| fresh("hello"));
    let forebay = start(&origin, "[]", r#"{ requests = ["5/d"], forwarded = ["5/d"] }"#);
    for (n, target) in ["/a", "/b"].into_iter().enumerate() {
        let mut client = forebay.connect();
        client.send_request("GET", target, &[("x-api-key", "key-small")], b"");
        origin.wait_for(n + 1);
        client.reset();
    }
    eventually("both clients are gone", || forebay.metric("forebay_connections", &[]) < 0.5);
    gate.open();
    let answer = get(&forebay, "/c", "key-small").expect(200, "hello");
    assert_eq!((remaining(&answer, "day"), remaining(&answer, "forwarded-day")), (2, 2));
}

#[test]
fn h19_a_429_is_nobody_elses() {
    let origin = Origin::start(|exchange| exchange.reply(&fresh("hello")));
    let forebay = start(&origin, "[]", r#"{ requests = ["2/d"], forwarded = ["1/d"] }"#);
    get(&forebay, "/a", "key-small").expect(200, "hello");
    expect_429(get(&forebay, "/b", "key-small"), "forward-limited");
    expect_429(get(&forebay, "/a", "key-small"), "rate-limited");
    get(&forebay, "/b", "key-other").expect(200, "hello");
    assert!(forebay.hit("/b").is_hit());
    let browser = [("x-api-key", "key-small"), ("accept", "text/html")];
    let answer =
        forebay.get_with("/b", &browser).expect(429, "429 Too Many Requests (rate-limited)\n");
    assert_eq!(answer.field("cache-control"), Some("no-store"));
    assert_eq!(origin.targets(), ["/a", "/b"]);
}

#[test]
fn what_is_not_charged() {
    let origin = Origin::start(|exchange| exchange.reply(&ok("hello")));
    let forebay = Forebay::start(
        &origin,
        "[rate_limit.tiers]\nanonymous = [\"2/d\"]\n[[route]]\npath = \"/free\"\nrate_limit = false",
    );
    let preflight = [("origin", "https://a.test"), ("access-control-request-method", "PUT")];
    for _ in 0..3 {
        let answer = forebay.request("OPTIONS", "/a", &preflight, b"").expect(200, "hello");
        assert_eq!(answer.field("ratelimit"), None);
        let answer = forebay.get("/free").expect(200, "hello");
        assert_eq!((answer.field("ratelimit"), answer.field("ratelimit-policy")), (None, None));
        forebay.admin().get("/readyz").expect_status(200);
    }
    forebay.request("OPTIONS", "/a", &preflight[..1], b"").expect(200, "hello");
    forebay.get("/a").expect(200, "hello");
    expect_429(forebay.get("/a"), "rate-limited");
    forebay.request("OPTIONS", "/a", &preflight, b"").expect(200, "hello");
}

#[test]
fn nobody_is_limited_where_it_is_switched_off() {
    let origin = Origin::start(|exchange| exchange.reply(&ok("hello")));
    let forebay =
        Forebay::start(&origin, "[rate_limit]\nenabled = false\ntiers.anonymous = [\"1/d\"]");
    for _ in 0..3 {
        assert_eq!(forebay.get("/a").expect(200, "hello").field("ratelimit"), None);
    }
}

#[test]
fn content_that_nobody_reads_ends_the_connection() {
    let origin = Origin::start(|exchange| exchange.reply(&ok("hello")));
    let forebay = start(&origin, r#"["1/d"]"#, "[]");
    let mut client = forebay.connect();
    client.request("POST", "/a", &[], b"content").expect(200, "hello");
    let answer = expect_429(client.request("POST", "/a", &[], b"content"), "rate-limited");
    assert!(answer.says_close());
    client.expect_closed();
    assert_eq!(origin.count(), 1);
    // Without content the connection goes on.
    let mut client = forebay.connect();
    for _ in 0..3 {
        assert!(!expect_429(client.get("/a"), "rate-limited").says_close());
    }
    forebay.wait_for_log(&["status=429", "outcome=refused", "route=default", "error=rate-limited"]);
}

#[test]
fn a_429_has_the_fields_that_every_answer_has() {
    let origin = Origin::start(|exchange| exchange.reply(&ok("hello")));
    let forebay = Forebay::start(
        &origin,
        "[rate_limit.tiers]\nanonymous = [\"1/d\"]\n[response_headers]\nset = { \"x-all\" = \"1\" }\n\
         [[route]]\npath = \"/a\"\nresponse_headers = { set = { \"x-route\" = \"2\" } }",
    );
    forebay.get("/a").expect(200, "hello");
    let answer = expect_429(forebay.get("/a"), "rate-limited");
    assert_eq!((answer.field("x-all"), answer.field("x-route")), (Some("1"), Some("2")));
    let labels = [("route", "/a"), ("status", "429"), ("outcome", "refused")];
    assert!((forebay.metric("forebay_requests_total", &labels) - 1.0).abs() < 0.1);
}

#[test]
fn what_the_origin_says_of_its_own_limits_stays_with_its_answer() {
    let reply = fresh("hello")
        .field("ratelimit", "\"origin\";r=7")
        .field("ratelimit-policy", "\"origin\";q=9");
    let origin = Origin::start(move |exchange| {
        let reply = reply.clone();
        exchange.reply(&if exchange.target() == "/post" {
            reply.field("cache-control", "no-store")
        } else {
            reply
        });
    });
    let forebay = start(&origin, r#"["50/h"]"#, "[]");
    let answer = forebay.request("POST", "/post", &[], b"x").expect(200, "hello");
    assert_eq!(answer.all("ratelimit"), ["\"origin\";r=7", "\"hour\";r=49;t=72"]);
    assert_eq!(answer.all("ratelimit-policy"), ["\"origin\";q=9", "\"hour\";q=50;w=3600"]);
    forebay.get("/a").expect(200, "hello");
    let hit = forebay.hit("/a");
    assert_eq!(hit.all("ratelimit-policy"), ["\"hour\";q=50;w=3600"]);
    assert_eq!(hit.all("ratelimit").len(), 1);
}

#[test]
fn h11_a_reload_applies_to_the_next_request_and_refills_nothing() {
    let origin = Origin::start(|exchange| exchange.reply(&ok("hello")));
    let unwatched = "[server]\nwatch = false\n";
    let config = |anonymous: &str, small: &str| {
        format!(
            "{unwatched}{KEYS}[rate_limit.tiers]\nanonymous = [{anonymous}]\nsmall = [{small}]\nfree = []"
        )
    };
    let forebay = Forebay::start(&origin, &config("\"4/d\"", "\"10/d\""));
    let reload = |text: &str| {
        forebay.configure(&origin, text);
        forebay.reload().expect_status(200);
    };
    let small = || get(&forebay, "/a", "key-small");
    for left in [3, 2, 1, 0] {
        assert_eq!(remaining(&forebay.get("/a").expect(200, "hello"), "day"), left);
    }
    for left in [9, 8, 7, 6, 5] {
        assert_eq!(remaining(&small().expect(200, "hello"), "day"), left);
    }
    // What is used up stays used up, and what is half used is half used of whatever there is now.
    for (day, left) in [(100, 49), (4, 0), (10, 1)] {
        reload(&config(&format!("\"{day}/d\""), &format!("\"{day}/d\"")));
        expect_429(forebay.get("/a"), "rate-limited");
        let answer = small();
        assert_eq!(remaining(&answer, "day"), left, "{day}");
        assert_eq!(answer.field("ratelimit-policy"), Some(&*format!("\"day\";q={day};w=86400")));
    }
    // Out of the tiers, out of the list of clients, and back.
    reload(unwatched);
    for _ in 0..3 {
        assert_eq!(small().expect(200, "hello").field("ratelimit"), None);
        forebay.get("/a").expect(200, "hello");
    }
    reload(&config("\"4/d\"", "\"10/d\""));
    expect_429(forebay.get("/a"), "rate-limited");
    assert_eq!(remaining(&get(&forebay, "/a", "key-other").expect(200, "hello"), "day"), 9);
    // A file that is wrong changes nothing.
    forebay.configure(&origin, &config("\"4/day\"", ""));
    forebay.reload();
    expect_429(forebay.get("/a"), "rate-limited");
}
