//! (h) Limits that the replicas share: what a client is charged anywhere counts everywhere, and Redis may come and go.

mod failing;

use std::thread;
use std::time::{Duration, Instant};

use crate::support::{Forebay, Origin, Redis, Response, eventually, fresh, read_all};

/// So many replicas that share `redis`, each with a connection to it. `anonymous`: the tier of those who show no key. Whoever
/// shows `key-7f3a` is another client of the same tier; nothing limits the `prober`.
fn replicas(count: usize, origin: &Origin, redis: &Redis, anonymous: &str) -> Vec<Forebay> {
    let config = config(redis, "5s", anonymous, "");
    let replicas: Vec<_> = (0..count).map(|_| Forebay::start(origin, &config)).collect();
    replicas.iter().for_each(wait_until_shared);
    replicas
}

fn config(redis: &Redis, timeout: &str, anonymous: &str, more: &str) -> String {
    format!(
        "[server]\nwatch = false\n[redis]\nurl = \"{}\"\ntimeout = \"{timeout}\"\n\
         [rate_limit]\nclient = [\"header:x-api-key\", \"ip\"]\n{more}\n\
         [rate_limit.tiers]\nanonymous = {anonymous}\nprobes = [\"1000000/s\"]\n\
         [rate_limit.clients]\n\"key-7f3a\" = \"anonymous\"\n\"prober\" = \"probes\"\n",
        redis.url()
    )
}

/// Waits until Redis is what decides, over whichever of its connections it is asked.
#[track_caller]
fn wait_until_shared(forebay: &Forebay) {
    const CONNECTIONS: usize = 4;
    eventually("Redis decides", || {
        let before = degraded(forebay);
        for _ in 0..2 * CONNECTIONS {
            forebay.get_with("/probed", &[("x-api-key", "prober")]);
        }
        (degraded(forebay) - before).abs() < 0.5
    });
}

/// How often it was decided without Redis.
fn degraded(forebay: &Forebay) -> f64 {
    forebay.metric("forebay_rate_limit_degraded_total", &[])
}

/// The same of each: what it is until Redis first answers counts too.
fn degraded_each(replicas: &[Forebay]) -> Vec<f64> {
    replicas.iter().map(degraded).collect()
}

/// How many of so many requests pass, one after the other; the others are refused with 429.
#[track_caller]
fn passing(forebay: &Forebay, count: usize) -> usize {
    let mut client = forebay.connect();
    (0..count).filter(|_| passes(&client.get("/a"))).count()
}

#[track_caller]
fn passes(response: &Response) -> bool {
    match response.status() {
        200 => true,
        429 => {
            let seconds: u64 = response.field("retry-after").unwrap().parse().unwrap();
            assert!((1..=86_400).contains(&seconds), "{seconds}");
            false
        }
        status => panic!("{status}"),
    }
}

/// The time by the clock of Redis.
fn time(redis: &Redis) -> Duration {
    let answer = redis.ask(&["TIME"]);
    let (seconds, micros) = answer.split_once('\n').unwrap();
    Duration::from_secs(seconds.parse().unwrap()) + Duration::from_micros(micros.parse().unwrap())
}

/// So many requests at once, then one each `interval`: how many pass in this time.
fn allowed(at_once: u32, interval: Duration, time: Duration) -> usize {
    let more = time.as_micros() / interval.as_micros();
    at_once as usize + more as usize
}

#[test]
fn h20_of_six_hundred_requests_to_three_replicas_a_hundred_pass() {
    let origin = Origin::always(fresh("hello"));
    let redis = Redis::start();
    let replicas = replicas(3, &origin, &redis, r#"["100/h"]"#);
    let degraded_before = degraded_each(&replicas);
    let began = time(&redis);
    let mut bursts: Vec<_> = replicas.iter().map(|replica| replica.burst(200, "/a")).collect();
    let answers: Vec<_> = bursts.iter_mut().flat_map(|burst| read_all(burst)).collect();
    let took = time(&redis) - began;
    let passed = answers.iter().filter(|answer| passes(answer)).count();
    let interval = Duration::from_secs(36);
    assert!((100..=allowed(100, interval, took)).contains(&passed), "{passed} in {took:?}");
    assert_eq!(degraded_each(&replicas), degraded_before);
}

#[test]
fn h20_hammering_three_replicas_for_five_seconds_gets_what_the_rate_allows() {
    let origin = Origin::always(fresh("hello"));
    let redis = Redis::start();
    let replicas = replicas(3, &origin, &redis, r#"["20/s"]"#);
    let degraded_before = degraded_each(&replicas);
    let before = time(&redis);
    let first = usize::from(passes(&replicas[0].get("/a")));
    let begun = time(&redis);
    let hammered: usize = thread::scope(|scope| {
        let hammer = |forebay: &Forebay| {
            let (mut client, until) = (forebay.connect(), Instant::now() + Duration::from_secs(5));
            let mut passed = 0;
            while Instant::now() < until {
                passed += usize::from(passes(&client.get("/a")));
            }
            passed
        };
        let hammering: Vec<_> =
            replicas.iter().map(|replica| scope.spawn(move || hammer(replica))).collect();
        hammering.into_iter().map(|hammer| hammer.join().unwrap()).sum()
    });
    // Nothing is left at the end: what the time allowed was used.
    let ending = time(&redis);
    let mut client = replicas[0].connect();
    let last = std::iter::from_fn(|| passes(&client.get("/a")).then_some(())).count();
    let ended = time(&redis);
    let interval = Duration::from_millis(50);
    let (least, most) =
        (allowed(20, interval, ending - begun), allowed(20, interval, ended - before));
    let passed = first + hammered + last;
    assert!((least..=most).contains(&passed), "{passed}, not {least} to {most}");
    assert_eq!(degraded_each(&replicas), degraded_before);
}

#[test]
fn all_windows_are_charged_together_or_none_and_told_as_the_fleet_has_them() {
    let origin = Origin::always(fresh("hello"));
    let redis = Redis::start();
    let replicas = replicas(2, &origin, &redis, r#"["9/d", "5/h"]"#);
    let told = |forebay: &Forebay| forebay.get("/a").field("ratelimit").unwrap().to_owned();
    for (n, left) in [(0, (8, 4)), (1, (7, 3)), (0, (6, 2)), (1, (5, 1)), (0, (4, 0))] {
        let (day, hour) = left;
        let levels = told(&replicas[n]);
        assert!(levels.starts_with(&format!("\"day\";r={day};t=")), "{levels}");
        assert!(levels.contains(&format!("\"hour\";r={hour};t=")), "{levels}");
    }
    // Whom the hour refuses has not paid for the day.
    for forebay in [&replicas[1], &replicas[0], &replicas[1]] {
        let answer = forebay.get("/a").expect_status(429);
        assert_eq!(answer.json()["code"], "rate-limited");
        let seconds: u64 = answer.field("retry-after").unwrap().parse().unwrap();
        assert!((600..=720).contains(&seconds), "{seconds}");
        assert!(answer.field("ratelimit").unwrap().starts_with("\"day\";r=4;t="));
        assert_eq!(
            answer.field("ratelimit-policy"),
            Some("\"day\";q=9;w=86400, \"hour\";q=5;w=3600")
        );
    }
}

#[test]
fn a_limited_hit_does_not_go_to_the_origin() {
    let origin = Origin::always(fresh("hello"));
    let redis = Redis::start();
    let replicas = replicas(1, &origin, &redis, r#"["3/d"]"#);
    assert_eq!(passing(&replicas[0], 20), 3);
    assert_eq!(origin.count_of("/a"), 1);
    let limited = replicas[0].metric(
        "forebay_rate_limit_decisions_total",
        &[("tier", "anonymous"), ("decision", "limited")],
    );
    assert!((limited - 17.0).abs() < 0.5, "{limited}");
}

#[test]
fn what_goes_forward_is_shared_too_and_hits_cost_nothing_of_it() {
    let origin = Origin::always(fresh("hello"));
    let redis = Redis::start();
    let replicas = replicas(2, &origin, &redis, r#"{ requests = ["90/d"], forwarded = ["3/d"] }"#);
    let [here, there] = &replicas[..] else { unreachable!() };
    for (forebay, target) in [(here, "/1"), (there, "/2"), (here, "/3")] {
        forebay.get(target).expect(200, "hello");
    }
    for (forebay, target) in [(there, "/4"), (here, "/5")] {
        let answer = forebay.get(target).expect_status(429);
        assert_eq!(answer.json()["code"], "forward-limited");
        assert!(answer.field("retry-after").is_some());
    }
    // Who has only looked in knows what is left, too.
    let answer = there.hit("/2");
    let levels = answer.field("ratelimit").unwrap();
    assert!(levels.contains("\"forwarded-day\";r=0;t="), "{levels}");
    for target in ["/1", "/3"] {
        here.hit(target);
    }
    assert_eq!(["/4", "/5"].map(|target| origin.count_of(target)), [0, 0]);
}

#[test]
fn who_a_client_is_stands_nowhere_in_redis_and_nothing_stays_there() {
    let origin = Origin::always(fresh("hello"));
    let redis = Redis::start();
    let replicas = replicas(1, &origin, &redis, r#"["3/h"]"#);
    redis.ask(&["FLUSHALL"]);
    replicas[0].get("/a").expect_status(200);
    replicas[0].get_with("/a", &[("x-api-key", "key-7f3a")]).expect_status(200);
    let keys = redis.ask(&["KEYS", "forebay:{l:*"]);
    assert_eq!(keys.lines().count(), 2, "{keys}");
    for key in keys.lines() {
        let name = key.strip_prefix("forebay:{l:").and_then(|rest| rest.strip_suffix('}')).unwrap();
        assert!(name.len() == 32 && name.chars().all(|digit| digit.is_ascii_hexdigit()), "{name}");
        let ttl: u64 = redis.ask(&["PTTL", key]).parse().unwrap();
        assert!((1_000_000..=1_200_000).contains(&ttl), "{ttl}");
        assert_eq!(redis.ask(&["HKEYS", key]), "h");
    }
}

#[test]
fn who_asks_why_is_told_that_limits_are_shared() {
    let origin = Origin::always(fresh("hello"));
    let config = config(&Redis::start(), "5s", "[\"3/h\"]", "on_redis_failure = \"share\"");
    let forebay = Forebay::start(&origin, &config);
    let told = forebay.admin().get("/api/explain?url=/a").expect_status(200).text();
    assert!(
        told.contains("shared by the fleet; without Redis each replica has its share"),
        "{told}"
    );
}

#[test]
fn f12_scripts_may_be_forgotten() {
    let origin = Origin::always(fresh("hello"));
    let redis = Redis::start();
    let replicas = replicas(1, &origin, &redis, r#"["6/d"]"#);
    let degraded_before = degraded_each(&replicas);
    assert_eq!(passing(&replicas[0], 2), 2);
    redis.ask(&["SCRIPT", "FLUSH"]);
    assert_eq!(passing(&replicas[0], 2), 2);
    redis.ask(&["SCRIPT", "FLUSH"]);
    assert_eq!(passing(&replicas[0], 10), 2);
    assert_eq!(degraded_each(&replicas), degraded_before);
}

#[test]
fn f14_flushed_limits_begin_anew_once() {
    let origin = Origin::always(fresh("hello"));
    let redis = Redis::start();
    let replicas = replicas(2, &origin, &redis, r#"["4/d"]"#);
    for _ in 0..2 {
        assert_eq!(passing(&replicas[0], 3) + passing(&replicas[1], 20), 4);
        assert_eq!(passing(&replicas[0], 20), 0);
        redis.ask(&["FLUSHALL"]);
    }
}
