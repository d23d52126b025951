//! What is charged while things go wrong.

use crate::support::{Fleet, HUNDRED, Manner, Redis, Relay};

/// So many replicas whose Redis is always awaited, and decides.
fn fleet(count: usize, url: &str) -> Fleet {
    let fleet = Fleet::start(count, url, &format!("timeout = \"2s\"\n{HUNDRED}"));
    fleet.wait_until_healthy();
    fleet.wait_until_charged();
    fleet
}

/// How many of so many requests pass, of one replica after the other.
fn passed(fleet: &Fleet, requests: usize) -> usize {
    let replicas = fleet.replicas.len();
    let statuses = (0..requests).map(|number| fleet.get(number % replicas, "/a").status());
    statuses.filter(|status| *status == 200).count()
}

#[test]
fn f12_scripts_that_redis_forgot_are_told_again() {
    let redis = Redis::start();
    let fleet = fleet(2, &redis.url());
    let degraded = fleet.metric("forebay_rate_limit_degraded_total", &[]);
    let mut all = passed(&fleet, 60);
    for _ in 0..3 {
        redis.expect_ok(&["SCRIPT", "FLUSH", "SYNC"]);
        all += passed(&fleet, 30);
    }
    assert_eq!(all, 100);
    let decided_here = fleet.metric("forebay_rate_limit_degraded_total", &[]) - degraded;
    assert_eq!(decided_here, 0.0, "Redis decided on every one of them");
}

/// What broke off after it was asked is asked no second time.
#[test]
fn f20_nothing_is_charged_twice() {
    let redis = Redis::start();
    let relay = Relay::to(redis.address());
    let fleet = fleet(1, &relay.redis_url());
    assert_eq!(passed(&fleet, 50), 50);
    relay.set(Manner::Swallow);
    assert_eq!(passed(&fleet, 1), 1);
    relay.join();
    fleet.wait_until_charged();
    let rest = passed(&fleet, 60);
    assert!((49..=50).contains(&rest), "{rest}");
}
