//! Responses in the Redis that replicas share.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{
    Directory, Exchange, Forebay, Gate, Origin, Redis, Reply, Response, eventually, fresh, ok,
    prose, read_all, run,
};

/// The keys of responses.
const VALUES: &str = "forebay:{????????????????????????????????}*";

/// A replica that knows the log, and whose responses reach Redis.
#[track_caller]
fn replica(origin: &Origin, redis: &Redis, more: &str) -> Forebay {
    let forebay = apart(origin, redis, more);
    in_touch(&forebay);
    forebay
}

/// A replica that may not know the log yet.
#[track_caller]
fn apart(origin: &Origin, redis: &Redis, more: &str) -> Forebay {
    let config = format!("[redis]\nurl = \"{}\"\ntimeout = \"2s\"\n{more}", redis.url());
    Forebay::start(origin, &config)
}

/// Waits until it uses what others have stored, and others can use what it stores.
#[track_caller]
fn in_touch(forebay: &Forebay) {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let (asked, wrote) = (lookups(forebay, "miss"), writes(forebay));
    eventually("it is in touch with Redis", || {
        forebay.get(&format!("/in-touch/{}", NEXT.fetch_add(1, Ordering::Relaxed)));
        lookups(forebay, "miss") > asked && writes(forebay) > wrote
    });
}

fn lookups(forebay: &Forebay, result: &str) -> f64 {
    forebay.metric("forebay_cache_lookups_total", &[("tier", "redis"), ("result", result)])
}

fn writes(forebay: &Forebay) -> f64 {
    forebay.metric("forebay_redis_writes_total", &[("result", "written")])
}

/// Waits until a value stands under the key of `target`; the key.
#[track_caller]
fn stored(redis: &Redis, target: &str) -> String {
    let mut found = None;
    eventually("it is stored in Redis", || {
        let keys = redis.ask(&["KEYS", "forebay:{????????????????????????????????}"]);
        found = keys.lines().find(|key| holds(redis, key, target)).map(str::to_owned);
        found.is_some()
    });
    found.unwrap()
}

/// Whether the value under a key is for this target: the whole key stands in it.
fn holds(redis: &Redis, key: &str, target: &str) -> bool {
    let value = redis.ask_bytes(&[b"GET", key.as_bytes()]).unwrap();
    let part = [&(target.len() as u32).to_le_bytes(), target.as_bytes()].concat();
    value.windows(part.len()).any(|window| window == part)
}

#[track_caller]
fn is_from_redis(response: &Response) {
    assert!(response.is_hit(), "{}", response.head.raw);
    assert_eq!(response.cache_parameter("detail").as_deref(), Some("redis"));
}

/// Answers for everything with its own path, and what there was of it before.
fn by_path(reply: impl Fn(&Exchange<'_>) -> Reply + Send + Sync + 'static) -> Origin {
    Origin::start(move |exchange| {
        let reply = match exchange.target().starts_with("/in-touch/") {
            true => fresh("in touch"),
            false => reply(exchange),
        };
        exchange.reply(&reply);
    })
}

#[test]
fn what_one_replica_stores_another_serves_also_after_all_have_restarted() {
    let (redis, origin) = (Redis::start(), by_path(|_| fresh("hello").field("x-odd", "1")));
    let (one, two) = (replica(&origin, &redis, ""), replica(&origin, &redis, ""));
    one.get("/a").expect(200, "hello");
    stored(&redis, "/a");
    let first = two.get("/a").expect(200, "hello");
    is_from_redis(&first);
    assert_eq!(first.field("x-odd"), Some("1"));
    let etag = one.hit("/a").field("etag").map(str::to_owned);
    assert_eq!(first.field("etag"), etag.as_deref(), "one tag for one body, on every replica");
    // From then on memory answers alone.
    let asked = lookups(&two, "hit");
    for _ in 0..3 {
        assert_eq!(two.get("/a").cache_parameter("detail"), None);
    }
    assert_eq!(lookups(&two, "hit"), asked);
    drop((one, two));
    let (one, two) = (replica(&origin, &redis, ""), replica(&origin, &redis, ""));
    for forebay in [&one, &two] {
        is_from_redis(&forebay.get("/a").expect(200, "hello"));
    }
    assert_eq!(origin.count_of("/a"), 1);
}

#[test]
fn each_variant_goes_to_those_who_select_it() {
    let redis = Redis::start();
    let origin = by_path(|exchange| {
        let language = exchange.field("accept-language").unwrap_or("none").to_owned();
        fresh(language).field("vary", "accept-language")
    });
    let (one, two) = (replica(&origin, &redis, ""), replica(&origin, &redis, ""));
    let before = writes(&one);
    for language in ["en", "de"] {
        one.get_with("/a", &[("accept-language", language)]).expect(200, language);
    }
    eventually("both are written", || writes(&one) >= before + 2.0);
    for language in ["de", "en"] {
        is_from_redis(&two.get_with("/a", &[("accept-language", language)]).expect(200, language));
    }
    assert_eq!(origin.count_of("/a"), 2);
    let french = two.get_with("/a", &[("accept-language", "fr")]).expect(200, "fr");
    assert!(!french.is_hit());
}

#[test]
fn every_coding_is_there_for_the_other_replicas_too() {
    for compress in [true, false] {
        let redis = Redis::start();
        let origin = by_path(|_| fresh(prose(20_000)).field("content-type", "text/plain"));
        let more = format!("[cache.redis]\ncompress = {compress}\n");
        let (one, two) = (replica(&origin, &redis, &more), replica(&origin, &redis, &more));
        one.get("/a").expect(200, prose(20_000));
        let key = stored(&redis, "/a");
        let length: usize = redis.ask(&["STRLEN", &key]).parse().unwrap();
        assert_eq!(length < 20_000, compress, "{length}");
        for coding in ["gzip", "br", "identity"] {
            let fields = [("accept-encoding", coding)];
            let response = two.get_with("/a", &fields);
            assert!(response.is_hit());
            assert_eq!(response.field("content-encoding").unwrap_or("identity"), coding);
            assert_eq!(response.decoded(), prose(20_000).as_bytes());
            assert_eq!(response.field("etag"), one.hit_with("/a", &fields).field("etag"));
        }
        assert_eq!(origin.count_of("/a"), 1);
    }
}

#[test]
fn identities_are_kept_apart_in_redis_too() {
    let redis = Redis::start();
    let origin = by_path(|exchange| {
        let who = exchange.field("x-key").map_or("nobody", |key| &key["secret-of-".len()..]);
        ok(who.to_owned()).field("cache-control", "private, max-age=60")
    });
    let more = "[[route]]\npath = \"/me\"\nidentity = \"header:x-key\"\n";
    let (one, two) = (replica(&origin, &redis, more), replica(&origin, &redis, more));
    let (alice, bob) = ([("x-key", "secret-of-alice")], [("x-key", "secret-of-bob")]);
    one.get_with("/me", &alice).expect(200, "alice");
    stored(&redis, "/me");
    is_from_redis(&two.get_with("/me", &alice).expect(200, "alice"));
    assert!(!two.get_with("/me", &bob).expect(200, "bob").is_hit());
    assert!(!two.get("/me").expect(200, "nobody").is_hit());
    for key in redis.ask(&["KEYS", VALUES]).lines() {
        let value = redis.ask_bytes(&[b"GET", key.as_bytes()]).unwrap();
        assert!(!value.windows(9).any(|window| window == b"secret-of"), "{key}");
    }
}

#[test]
fn what_a_client_keeps_to_itself_selects_nothing_in_redis() {
    let redis = Redis::start();
    let origin = by_path(|exchange| {
        let who = exchange.field("cookie").unwrap_or("nobody").to_owned();
        fresh(who).field("cache-control", "public").field("vary", "cookie")
    });
    let one = replica(&origin, &redis, "");
    one.get_with("/a", &[("cookie", "session=sesame")]).expect(200, "session=sesame");
    one.hit_with("/a", &[("cookie", "session=sesame")]);
    in_touch(&one);
    for key in redis.ask(&["KEYS", VALUES]).lines() {
        assert!(!holds(&redis, key, "/a"), "{key}");
    }
}

#[test]
fn ages_are_right_on_every_replica() {
    let redis = Redis::start();
    let origin = by_path(|_| fresh("hello").field("age", "30"));
    let (one, two) = (replica(&origin, &redis, ""), replica(&origin, &redis, ""));
    one.get("/a");
    stored(&redis, "/a");
    let before = one.hit("/a").age().unwrap();
    let here = two.get("/a");
    let after = one.hit("/a").age().unwrap();
    is_from_redis(&here);
    assert!(
        before >= 30 && (before..=after + 1).contains(&here.age().unwrap()),
        "{before} {after}"
    );
    let ttl: i64 = here.cache_parameter("ttl").unwrap().parse().unwrap();
    assert!(ttl <= 60 - before as i64);
}

#[test]
fn f06_to_f08_a_value_that_is_not_as_it_was_written_is_a_miss() {
    let redis = Redis::start();
    let origin = by_path(|exchange| fresh(exchange.target().to_owned()));
    let one = replica(&origin, &redis, "");
    let wrong = |reason: &str, spoil: &dyn Fn(&str, Vec<u8>)| {
        let target = format!("/{reason}");
        one.get(&target).expect(200, &target);
        let key = stored(&redis, &target);
        spoil(&key, redis.ask_bytes(&[b"GET", key.as_bytes()]).unwrap());
        let two = replica(&origin, &redis, "");
        let served = two.get(&target).expect(200, &target);
        assert!(!served.is_hit(), "{reason}: {}", served.cache_status());
        assert_eq!(origin.count_of(&target), 2, "{reason}");
        let metric = "forebay_redis_unreadable_values_total";
        assert_eq!(two.metric(metric, &[("reason", reason)]), 1.0, "{reason}");
        assert_eq!(two.metric(metric, &[]), 1.0, "{reason}");
        assert!(lookups(&two, "miss") >= 1.0);
    };
    let put = |key: &str, value: &[u8]| {
        redis.ask_bytes(&[b"SET", key.as_bytes(), value, b"PX", b"60000"]).unwrap();
    };
    wrong("truncated", &|key, value| put(key, &value[..value.len() - 5]));
    wrong("checksum", &|key, mut value| {
        let middle = value.len() / 2;
        value[middle] ^= 4;
        put(key, &value);
    });
    wrong("other-key", &|key, _| {
        one.get("/another").expect(200, "/another");
        let other = stored(&redis, "/another");
        put(key, &redis.ask_bytes(&[b"GET", other.as_bytes()]).unwrap());
    });
    wrong("newer-version", &|key, mut value| {
        value[5] += 1;
        put(key, &value);
    });
    wrong("older-version", &|key, mut value| {
        value[5] -= 1;
        put(key, &value);
    });
    wrong("wrong-type", &|key, _| {
        redis.ask(&["DEL", key]);
        redis.ask(&["RPUSH", key, "a"]);
    });
    wrong("not-ours", &|key, value| put(key, &vec![b'x'; value.len()]));
    wrong("no-ttl", &|key, _| drop(redis.ask(&["PERSIST", key])));
}

#[test]
fn f09_what_somebody_else_wrote_costs_no_room() {
    let redis = Redis::start();
    let origin = by_path(|_| fresh("hello"));
    let one = replica(&origin, &redis, "");
    one.get("/a").expect(200, "hello");
    let key = stored(&redis, "/a");
    let two = replica(&origin, &redis, "");
    redis.ask(&["DEL", &key]);
    redis.ask(&["SETRANGE", &key, &(64 << 20).to_string(), "x"]);
    let before = two.memory();
    two.get("/a").expect(200, "hello");
    assert_eq!(two.metric("forebay_redis_unreadable_values_total", &[("reason", "not-ours")]), 1.0);
    // What is read of it is no more than the largest value there may be, in the buffers it comes through.
    assert!(two.memory() < before + (32 << 10), "{} KiB more", two.memory() - before);
    eventually("it is replaced", || holds(&redis, &key, "/a"));
}

#[test]
fn f14_what_is_flushed_is_fetched_once() {
    let (redis, gate) = (Redis::start(), Gate::new());
    let held = gate.clone();
    let origin = Origin::start(move |exchange| {
        if exchange.target() == "/a" && exchange.number() > 1 {
            exchange.wait(&held);
        }
        exchange.reply(&fresh("hello"));
    });
    let forebay = apart(&origin, &redis, "[cache.memory]\ncapacity = \"0B\"\n");
    forebay.get("/a").expect(200, "hello");
    redis.ask(&["FLUSHALL"]);
    let before = origin.count_of("/a");
    let mut clients = forebay.burst(50, "/a");
    forebay.wait_for_clients(50);
    gate.open();
    for response in read_all(&mut clients) {
        response.expect(200, "hello");
    }
    assert_eq!(origin.count_of("/a"), before + 1);
}

#[test]
fn redis_alone_stores_where_memory_is_none() {
    let redis = Redis::start();
    let origin = by_path(|_| fresh("hello"));
    let forebay = replica(&origin, &redis, "[cache.memory]\ncapacity = \"0B\"\n");
    forebay.wait_for_log(&["storing in Redis alone"]);
    forebay.get("/a").expect(200, "hello");
    stored(&redis, "/a");
    for _ in 0..3 {
        is_from_redis(&forebay.get("/a").expect(200, "hello"));
    }
    assert_eq!(origin.count_of("/a"), 1);
    assert_eq!(forebay.metric("forebay_stored_responses", &[]), 0.0);
}

#[test]
fn something_stale_is_validated_by_whoever_needs_it() {
    let redis = Redis::start();
    let origin = by_path(|exchange| match exchange.field("if-none-match") {
        Some("\"v1\"") => {
            Reply::new(304).field("etag", "\"v1\"").field("cache-control", "max-age=60")
        }
        _ => fresh("hello").field("etag", "\"v1\"").field("age", "70"),
    });
    let (one, two) = (replica(&origin, &redis, ""), replica(&origin, &redis, ""));
    one.get("/a").expect(200, "hello");
    stored(&redis, "/a");
    let before = writes(&two);
    let validated = two.get("/a").expect(200, "hello");
    assert_eq!(validated.cache_parameter("fwd").as_deref(), Some("stale"));
    assert_eq!(validated.cache_parameter("fwd-status").as_deref(), Some("304"));
    eventually("what was validated is written", || writes(&two) > before);
    // What it found is there for the one that had stored it.
    is_from_redis(&one.get("/a").expect(200, "hello"));
    assert_eq!(origin.count_of("/a"), 2);
}

#[test]
fn something_stale_is_served_while_it_is_validated_and_where_the_origin_fails() {
    let redis = Redis::start();
    let origin = by_path(|exchange| {
        let control = match exchange.target() {
            "/swr" => "max-age=60, stale-while-revalidate=600",
            _ => "max-age=60, stale-if-error=600",
        };
        let stale = ok("old").field("cache-control", control).field("age", "70");
        match (exchange.target(), exchange.field("x-again").is_some()) {
            (_, false) => stale,
            ("/swr", true) => fresh("new"),
            _ => Reply::new(503).content("no"),
        }
    });
    let again = [("x-again", "1")];
    let (one, two) = (replica(&origin, &redis, ""), replica(&origin, &redis, ""));
    for target in ["/swr", "/sie"] {
        one.get(target).expect(200, "old");
        stored(&redis, target);
    }
    let stale = two.get_with("/swr", &again).expect(200, "old");
    assert_eq!(stale.cache_parameter("detail").as_deref(), Some("stale-while-revalidate"));
    assert!(stale.is_hit());
    eventually("it is refreshed", || two.get_with("/swr", &again).text() == "new");
    let instead = two.get_with("/sie", &again).expect(200, "old");
    assert_eq!(instead.cache_parameter("detail").as_deref(), Some("stale-if-error"));
    assert_eq!(instead.cache_parameter("fwd").as_deref(), Some("stale"));
}

#[test]
fn head_and_only_if_cached_find_what_is_stored() {
    let redis = Redis::start();
    let origin = by_path(|_| fresh("hello"));
    let one = replica(&origin, &redis, "");
    for target in ["/head", "/only", "/no-store"] {
        one.get(target).expect(200, "hello");
        stored(&redis, target);
    }
    let two = replica(&origin, &redis, "");
    is_from_redis(&two.request("HEAD", "/head", &[], b"").expect(200, ""));
    is_from_redis(
        &two.get_with("/only", &[("cache-control", "only-if-cached")]).expect(200, "hello"),
    );
    is_from_redis(
        &two.get_with("/no-store", &[("cache-control", "no-store")]).expect(200, "hello"),
    );
    two.get_with("/none", &[("cache-control", "only-if-cached")]).expect_status(504);
    for target in ["/head", "/only", "/no-store"] {
        assert_eq!(origin.count_of(target), 1, "{target}");
    }
    assert_eq!(origin.count_of("/none"), 0);
}

#[test]
fn what_the_origin_takes_back_is_not_found_in_redis() {
    let redis = Redis::start();
    let origin = by_path(|exchange| match exchange.field("if-none-match") {
        Some(_) => ok("for you alone").field("cache-control", "no-store"),
        None => fresh("hello").field("etag", "\"v1\"").field("age", "70"),
    });
    let one = replica(&origin, &redis, "");
    one.get("/a").expect(200, "hello");
    let key = stored(&redis, "/a");
    one.get("/a").expect(200, "for you alone");
    eventually("it is gone", || redis.ask(&["EXISTS", &key]) == "0");
}

#[test]
fn the_answer_to_a_post_is_keyed_by_its_content_in_redis_too() {
    let redis = Redis::start();
    let origin = by_path(|exchange| fresh(exchange.request().content.clone()));
    let more =
        "[[route]]\npath = \"/ask\"\nmethods = [\"POST\"]\nkey_body = \"json\"\nttl = \"1m\"\n";
    let (one, two) = (replica(&origin, &redis, more), replica(&origin, &redis, more));
    let json = [("content-type", "application/json")];
    one.request("POST", "/ask", &json, b"{\"a\":1,\"b\":2}").expect_status(200);
    stored(&redis, "/ask");
    let same = two.request("POST", "/ask", &json, b"{\"b\":2, \"a\":1}");
    is_from_redis(&same.expect(200, "{\"a\":1,\"b\":2}"));
    assert!(!two.request("POST", "/ask", &json, b"{\"a\":2}").expect_status(200).is_hit());
}

#[test]
fn explain_names_the_tiers() {
    let directory = Directory::new();
    let config = "[redis]\n[upstream]\nservers = [\"http://127.0.0.1:1\"]\n";
    for (more, told) in [
        ("", "memory, up to"),
        ("", "Redis, up to 4MiB"),
        ("[cache.redis]\nmax_object = \"64KiB\"\n", "Redis, up to 64KiB"),
    ] {
        let file = directory.file("config.toml", &format!("{config}{more}"));
        let output = run(&["explain", "--config", &file, "GET", "http://a.example/"], &[]);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains(told), "{text}");
    }
}

#[test]
fn nothing_is_kept_in_redis_without_an_end() {
    let redis = Redis::start();
    let origin =
        by_path(|exchange| fresh(exchange.target().to_owned()).field("vary", "accept-language"));
    let one = replica(&origin, &redis, "");
    one.get_with("/a", &[("accept-language", "en")]);
    stored(&redis, "/a");
    for key in redis.ask(&["KEYS", VALUES]).lines() {
        let ttl: i64 = redis.ask(&["PTTL", key]).parse().unwrap();
        assert!((1..=120_000).contains(&ttl), "{key}: {ttl}");
    }
}
