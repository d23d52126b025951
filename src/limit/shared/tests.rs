//! The script, held against the arithmetic of the windows on a real server.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::*;
use crate::counters::Counters;
use crate::limit::window::{Arrival, Rate};
use crate::redis::testing::{Server, unused_address};
use crate::redis::{Command, Settings};

const SCRIPT: &str = include_str!("../charge.lua");

fn window(count: u32, per: Per, burst: u32) -> Window {
    let number = |number: u32| number.try_into().unwrap();
    Window::new(Rate { count: number(count), per, burst: number(burst) }).unwrap()
}

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(1_000_000_000_000 + millis)
}

/// Runs a script on the key `client`.
fn run(
    server: &Server,
    script: &str,
    windows: &[Window],
    others: &[Window],
    least: u64,
    rest: &[String],
) -> Told {
    let mut command = vec!["EVAL".to_owned(), script.to_owned(), "1".to_owned()];
    command.extend(["client".to_owned(), windows.len().to_string()]);
    for (budget, windows) in [(Budget::Requests, windows), (Budget::Forwarded, others)] {
        for window in windows {
            command.push(field(budget, window.rate().per).to_owned());
            let numbers = [window.interval(), window.capacity(), least];
            command.extend(numbers.map(|number| number.to_string()));
        }
    }
    command.extend_from_slice(rest);
    let command: Vec<_> = command.iter().map(String::as_str).collect();
    let answer = server.ask(&command);
    let items = answer.lines().map(|line| line.parse().unwrap_or_else(|_| panic!("{answer}")));
    let reply = Reply::List(items.map(Reply::Integer).collect());
    Told::of(&reply, windows.len(), others.len()).unwrap()
}

/// The script with the time as two more arguments behind all others, and as an ever lasting key.
fn with_a_clock_of_its_own() -> String {
    let script = SCRIPT
        .replace("redis.call('TIME')", "{table.remove(ARGV, #ARGV - 1), table.remove(ARGV)}")
        .replace("redis.call('PTTL', KEYS[1])", "math.huge");
    assert!(!script.contains("TIME'") && !script.contains("PTTL"));
    script
}

/// Rates, intervals between requests in microseconds, and what is known of elsewhere.
type Case = ((u32, u32, u32), (u32, u32), Vec<(u64, bool)>);

fn cases() -> impl Strategy<Value = Case> {
    let steps = prop::collection::vec((0_u64..900, prop::bool::weighted(0.05)), 1..40);
    ((1_u32..7, 1_u32..12, 1_u32..40), (1_u32..9, 1_u32..4), steps)
}

#[test]
fn the_script_decides_as_the_windows_do() {
    let (server, script) = (Server::start(), with_a_clock_of_its_own());
    let mut runner = TestRunner::new(ProptestConfig::with_cases(40));
    let outcome = runner.run(&cases(), |(counts, bursts, steps)| {
        server.ask(&["FLUSHALL"]);
        let windows = [
            window(counts.0, Per::Second, bursts.0),
            window(counts.1, Per::Minute, counts.1),
            window(counts.2, Per::Day, bursts.1),
        ];
        let (mut arrivals, mut now) = ([Arrival::default(); 3], 0);
        for (step, is_owing) in steps {
            now += step;
            let least = if is_owing { 400_000 } else { 0 };
            let clock = [(1_000_000_000 + now / 1000).to_string(), (now % 1000 * 1000).to_string()];
            let told = run(&server, &script, &windows, &[], least, &clock);
            let owed = Arrival::ahead(at(now), least);
            arrivals = arrivals.map(|arrival| if least > 0 { arrival.max(owed) } else { arrival });
            let each = [0, 1, 2].map(|i| windows[i].charge(arrivals[i], at(now)));
            let wait = each.iter().filter_map(|one| one.err()).max();
            prop_assert_eq!(told.is_charged, wait.is_none());
            if told.is_charged {
                arrivals = each.map(Result::unwrap);
            }
            let charged = told.charged(&windows);
            prop_assert_eq!(charged.refused, wait.map(whole_seconds));
            for i in 0..3 {
                prop_assert_eq!(told.debts[i], arrivals[i].debt(at(now)));
                prop_assert_eq!(charged.levels[i], windows[i].level(arrivals[i], at(now)));
            }
        }
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn a_key_lasts_as_long_as_its_longest_window() {
    let server = Server::start();
    let ttl = || server.ask(&["PTTL", "client"]).parse::<u64>().unwrap();
    let (hour, second) = ([window(10, Per::Hour, 10)], [window(10, Per::Second, 10)]);
    run(&server, SCRIPT, &hour, &[], 0, &[]);
    assert!((300_000..=360_000).contains(&ttl()), "{}", ttl());
    // What a shorter one is charged shortens nothing.
    run(&server, SCRIPT, &second, &[], 0, &[]);
    assert!((300_000..=360_000).contains(&ttl()), "{}", ttl());
    run(&server, SCRIPT, &hour, &second, 0, &[]);
    assert!((600_000..=720_000).contains(&ttl()), "{}", ttl());
}

#[test]
fn what_is_looked_at_is_not_charged() {
    let server = Server::start();
    let (day, none) = ([window(1, Per::Day, 1)], &[][..]);
    let told = run(&server, SCRIPT, none, &day, 0, &[]);
    assert_eq!((told.is_charged, &*told.others), (true, &[0][..]));
    assert_eq!(server.ask(&["EXISTS", "client"]), "0");
    // A used up budget does not keep the other from being charged.
    let owed = day[0].capacity();
    let told = run(&server, SCRIPT, &[window(20, Per::Second, 20)], &day, owed, &[]);
    assert!(!told.is_charged && told.others == [owed]);
    server.ask(&["HDEL", "client", "s"]);
    let told = run(&server, SCRIPT, &[window(20, Per::Second, 20)], &day, 0, &[]);
    assert!(told.is_charged && told.debts == [50_000] && told.others[0] > owed / 2);
}

#[test]
fn what_somebody_else_wrote_is_nothing() {
    let server = Server::start();
    let hour = [window(2, Per::Hour, 2)];
    let fresh = hour[0].interval();
    let first = || run(&server, SCRIPT, &hour, &[], 0, &[]).debts;
    server.ask(&["SET", "client", "a string"]);
    assert_eq!(first(), [fresh]);
    for rubbish in ["", "-1", "x", "nan", "-nan", "inf", "1e300", "0x10", "-9e15"] {
        server.ask(&["HSET", "client", "h", rubbish]);
        assert_eq!(first(), [fresh], "{rubbish}");
    }
}

#[test]
fn the_largest_numbers_are_exact() {
    let server = Server::start();
    let hour = [window(1, Per::Day, 24_000)];
    let owed = hour[0].capacity() - hour[0].interval();
    let told = run(&server, SCRIPT, &hour, &[], owed - 1, &[]);
    assert!(told.is_charged && told.debts == [owed - 1 + hour[0].interval()]);
    let told = run(&server, SCRIPT, &hour, &[], 0, &[]);
    assert!(!told.is_charged && told.debts[0] > owed);
    assert_eq!(told.charged(&hour).refused, Some(86_400));
}

#[test]
fn what_the_script_does_not_say_is_no_answer() {
    let list = |numbers: &[i64]| Reply::List(numbers.iter().copied().map(Reply::Integer).collect());
    for reply in [
        Reply::Nil,
        Reply::Integer(1),
        list(&[]),
        list(&[1]),
        list(&[1, 2]),
        list(&[1, 2, 3, 4]),
        list(&[1, -2, 3]),
        list(&[1, i64::MIN, 3]),
        Reply::List(vec![Reply::Integer(1), Reply::Nil, Reply::Integer(2)]),
    ] {
        assert_eq!(Told::of(&reply, 1, 1), None, "{reply:?}");
    }
    let told = Told::of(&list(&[0, i64::MAX, 3]), 1, 1).unwrap();
    assert_eq!(told.charged(&[window(1, Per::Hour, 1)]).refused, Some(u32::MAX));
}

#[test]
fn names_are_the_same_everywhere_and_nobody_elses() {
    let name = SharedName::named("jwt:sub", b"somebody");
    assert_eq!(name.to_string(), "eb9fc457af55bb9fcb75a29a2c54dc67");
    let address = |text: &str, prefix| SharedName::address(text.parse().unwrap(), prefix);
    let names = [
        name,
        SharedName::named("jwt:su", b"bsomebody"),
        SharedName::named("trusted_header:x-user", b"somebody"),
        SharedName::holder(b"somebody"),
        address("192.0.2.1", 64),
        address("::192.0.2.1", 128),
    ];
    for (n, name) in names.iter().enumerate() {
        assert!(!names[n + 1..].contains(name), "{n}");
    }
    assert_eq!(address("2001:db8::1", 64), address("2001:db8::2", 64));
    assert_ne!(address("2001:db8::1", 128), address("2001:db8::2", 128));
}

/// With whom nobody answers, and three replicas; and a tier of six requests a day and one a second.
fn without_redis(on_failure: OnRedisFailure) -> (Shared, Tier) {
    toward(format!("redis://{}/0", unused_address()), on_failure)
}

/// The same, with a Redis that is there.
fn toward(url: String, on_failure: OnRedisFailure) -> (Shared, Tier) {
    let timeout = Duration::from_millis(20);
    let settings = Settings { url, prefix: "test".to_owned(), timeout, connections: 1 };
    let link = Arc::new(Link::start(settings).unwrap());
    let sharing = Sharing { link, replicas: Arc::new(AtomicUsize::new(3)) };
    let tier = Tier {
        name: "test".into(),
        requests: [window(6, Per::Day, 6)].into(),
        forwarded: [window(1, Per::Second, 1)].into(),
        policy: None,
        counters: Counters::new("test").limit("test"),
    };
    (Shared { sharing, on_failure }, tier)
}

#[tokio::test]
async fn h12_without_redis_it_is_as_the_operator_says() {
    for (on_failure, passing, is_unknown) in [
        (OnRedisFailure::Local, 5, false),
        // A third of it is two requests; of the first of them, a third has been charged before.
        (OnRedisFailure::Share, 1, false),
        (OnRedisFailure::Allow, 10, false),
        (OnRedisFailure::Deny, 0, true),
    ] {
        let (shared, tier) = without_redis(on_failure);
        let limiter = Limiter::default();
        let client = limiter.namer.named("jwt:sub", b"somebody");
        let whom = Whom { name: SharedName::named("jwt:sub", b"somebody"), client, tier: &tier };
        let told = [(Per::Day, tier.requests[0].interval())].into_iter();
        limiter.mirror(client, Budget::Requests, told, at(0));
        let mut passed = 0;
        for _ in 0..10 {
            let clock = Clock::manual(at(0));
            let charged = shared.charge(&limiter, whom, Budget::Requests, &clock).await;
            passed += usize::from(charged.denied(Budget::Requests).is_none());
            assert_eq!(charged.is_unknown, is_unknown, "{on_failure:?}");
        }
        assert_eq!(passed, passing, "{on_failure:?}");
    }
}

#[tokio::test]
async fn who_has_waited_for_redis_is_charged_by_the_time_it_is_then() {
    let server = Server::start();
    let (shared, tier) = toward(server.url(), OnRedisFailure::Local);
    let looked = async || {
        shared.sharing.link.ask(Operation::Limit, Command::new("GET", "nothing")).await.is_ok()
    };
    while !looked().await {
        tokio::task::yield_now().await;
    }
    server.freeze();
    let (limiter, clock) = (Limiter::default(), Clock::manual(at(0)));
    let client = limiter.namer.named("jwt:sub", b"somebody");
    let whom = Whom { name: SharedName::named("jwt:sub", b"somebody"), client, tier: &tier };
    limiter.charge(client, Budget::Forwarded, &tier.forwarded, at(0));
    let waiting = shared.charge(&limiter, whom, Budget::Forwarded, &clock);
    let (charged, ()) = tokio::join!(waiting, async { clock.advance(Duration::from_secs(1)) });
    assert_eq!(charged.denied(Budget::Forwarded), None);
}
