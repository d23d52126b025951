//! It answers, and refuses.

use std::time::Instant;

use super::{CHARGED, fleet, goes_on_alone, survives};
use crate::support::{Redis, eventually, ms, stay_silent, unused_address};

/// As after a failover that nobody told of.
#[test]
fn f11_a_replica_that_takes_no_writes() {
    let redis = Redis::start();
    let fleet = fleet(2, &redis.url(), CHARGED);
    let master = unused_address().port().to_string();
    survives(&fleet, || {
        redis.expect_ok(&["REPLICAOF", "127.0.0.1", &master]);
        eventually("a write is refused", || {
            let refused = ("reason", "read-only");
            fleet.get(0, &format!("/read-only/{}", fleet.origin.count()));
            fleet.metric("forebay_redis_errors_total", &[refused]) > 0.0
        });
        goes_on_alone(&fleet);
        redis.expect_ok(&["REPLICAOF", "NO", "ONE"]);
    });
}

#[test]
fn f13_another_password() {
    let redis = Redis::start();
    redis.change_password("before-7f3a");
    let fleet = fleet(2, &redis.url(), CHARGED);
    survives(&fleet, || {
        redis.change_password("after-91c4");
        fleet.wait_until_unavailable();
        let (counted, since) = (redis.info("total_connections_received"), Instant::now());
        goes_on_alone(&fleet);
        eventually("it says what is wrong", || {
            let denied = ("reason", "denied");
            fleet.metric("forebay_redis_errors_total", &[denied]) > 0.0
        });
        stay_silent(ms(1000));
        let number = |text: &str| text.parse::<u128>().unwrap();
        let tried = number(&redis.info("total_connections_received")) - number(&counted);
        // Each of twenty connections at most every 50 ms.
        let most = 20 * (since.elapsed().as_millis() / 50 + 3);
        assert!(tried <= most, "{tried} attempts, {most} at most");
        redis.change_password("before-7f3a");
    });
    for forebay in &fleet.replicas {
        let mut admin = forebay.admin();
        let said = [forebay.log_text(), admin.get("/readyz").text(), admin.get("/metrics").text()];
        assert!(said.iter().all(|text| !text.contains("7f3a")), "{said:?}");
    }
}

#[test]
fn f17_connections_that_are_ended_when_idle() {
    let redis = Redis::start_with(&["--timeout", "1"]);
    let fleet = fleet(2, &redis.url(), "");
    // Long enough for each to be ended.
    stay_silent(ms(2500));
    survives(&fleet, || redis.cut_off());
}

#[test]
fn f17_too_many_clients() {
    let redis = Redis::start();
    let fleet = fleet(2, &redis.url(), CHARGED);
    let mut session = redis.connect();
    survives(&fleet, || {
        assert_eq!(session.ask(&["CONFIG", "SET", "maxclients", "2"]), "OK");
        session.ask(&["CLIENT", "KILL", "TYPE", "normal"]);
        session.ask(&["CLIENT", "KILL", "TYPE", "pubsub"]);
        goes_on_alone(&fleet);
        assert_eq!(session.ask(&["CONFIG", "SET", "maxclients", "1000"]), "OK");
    });
}
