//! It dies, it freezes, it forgets.

use super::{CHARGED, fleet, goes_on_alone, survives};
use crate::support::{Fleet, Redis, eventually, ms, stay_silent};

#[test]
fn f02_killed_and_restarted_empty() {
    let mut redis = Redis::start();
    let fleet = fleet(2, &redis.url(), CHARGED);
    survives(&fleet, || {
        redis.kill();
        fleet.wait_until_unavailable();
        goes_on_alone(&fleet);
        redis.restart();
    });
}

#[test]
fn f02_killed_at_once_after_every_return() {
    let mut redis = Redis::start();
    let fleet = fleet(2, &redis.url(), CHARGED);
    survives(&fleet, || {
        for _ in 0..5 {
            redis.restart();
        }
    });
}

/// A purge that is made while there is no log is made everywhere once there is one. (What is served without word of the
/// log goes for no other reason than this.)
#[test]
fn f02_what_is_purged_meanwhile_is_purged_everywhere_afterwards() {
    let mut redis = Redis::start();
    let fleet = fleet(2, &redis.url(), "on_unsynced = \"serve\"\n");
    let targets = ["/a".to_owned()];
    fleet.warm(&targets);
    let before = fleet.get(1, "/a").text();
    redis.kill();
    fleet.wait_until_unavailable();
    fleet.replicas[0].purge(r#"{"url": "/a"}"#);
    assert_ne!(fleet.get(0, "/a").text(), before);
    redis.restart();
    eventually("the other replica does not serve it any more", || {
        fleet.get(1, "/a").expect_status(200).text() != before
    });
}

#[test]
fn f03_frozen_for_three_seconds() {
    let redis = Redis::start();
    let fleet = fleet(2, &redis.url(), CHARGED);
    survives(&fleet, || {
        redis.freeze();
        fleet.wait_until_unavailable();
        goes_on_alone(&fleet);
        stay_silent(ms(3000));
        redis.thaw();
    });
}

/// Whoever asked Redis anything would wait for a minute, which is longer than any client here does.
#[test]
fn f03_a_hit_never_waits_for_redis() {
    let redis = Redis::start();
    let fleet = fleet(2, &redis.url(), "timeout = \"1m\"\nmax_unsynced = \"10m\"\n");
    let targets: Vec<String> = (0..20).map(|number| format!("/{number}")).collect();
    fleet.warm(&targets);
    redis.freeze();
    for forebay in &fleet.replicas {
        let mut client = forebay.connect();
        for target in &targets {
            assert!(client.get(target).expect_status(200).is_hit());
        }
    }
}

#[test]
fn f14_flushed() {
    let redis = Redis::start();
    let fleet = fleet(2, &redis.url(), CHARGED);
    let asked = |target: &str| fleet.origin.count_of(target);
    let mut before = 0;
    survives(&fleet, || {
        before = (0..10).map(|number| asked(&format!("/hot/{number}"))).sum();
        redis.expect_ok(&["FLUSHALL"]);
    });
    // Nobody knows whether there was a purge among what was lost: each asks anew, once, or once more if it began too early.
    let after: usize = (0..10).map(|number| asked(&format!("/hot/{number}"))).sum();
    assert!(after - before <= 10 * 2 * 2, "{before} {after}");
}

#[test]
fn f10_full() {
    let redis = Redis::start_with(&["--maxmemory", "16mb"]);
    let fleet = fleet(2, &redis.url(), CHARGED);
    let mut fillers = 0;
    let mut fill = |bytes: usize| {
        let filler = "x".repeat(bytes);
        while redis.ask(&["SET", &format!("filler:{fillers}"), &filler]) == "OK" {
            fillers += 1;
        }
    };
    survives(&fleet, || {
        fill(256 * 1024);
        eventually("a write is refused", || {
            // What asking for room has itself taken is room again.
            fill(64);
            fleet.get(0, &format!("/full/{}", fleet.origin.count()));
            // That of a response, or of what a client is charged: after the first, none is tried for a while.
            fleet.metric("forebay_redis_errors_total", &[("reason", "full")]) > 0.0
        });
        goes_on_alone(&fleet);
        redis.expect_ok(&["CONFIG", "SET", "maxmemory", "64mb"]);
    });
}

/// What it has, it goes on to give.
#[test]
fn f10_full_and_read_all_the_same() {
    let redis = Redis::start();
    let fleet = fleet(1, &redis.url(), "max_unsynced = \"10m\"\n");
    let newcomer = fleet.another();
    let first = fleet.get(0, "/a").text();
    fleet.wait_until_shared();
    redis.expect_ok(&["CONFIG", "SET", "maxmemory", "1"]);
    assert_eq!(newcomer.get("/a").text(), first);
    assert_eq!(fleet.origin.count_of("/a"), 1);
}

#[test]
fn f19_asleep() {
    let redis = Redis::start_with(&["--enable-debug-command", "yes"]);
    let fleet = fleet(2, &redis.url(), CHARGED);
    survives(&fleet, || {
        redis.expect_ok(&["DEBUG", "SLEEP", "2"]);
    });
}

#[test]
fn f01_nobody_there_then_somebody() {
    let mut redis = Redis::start();
    redis.kill();
    let fleet = Fleet::start(2, &redis.url(), CHARGED);
    goes_on_alone(&fleet);
    redis.restart();
    fleet.wait_until_healthy();
    fleet.wait_until_shared();
}
