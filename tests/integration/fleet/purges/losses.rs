//! A Redis that loses what it had: nothing whose purge was applied comes back.

use std::thread;

use super::replicas::{Fleet, PROMPT};
use crate::support::{Redis, eventually};

const TARGETS: [&str; 4] = ["/things/1", "/things/2", "/lists/all", "/other"];

/// A fleet that has stored version 1 of the targets everywhere, Redis included, and then had it purged in several ways.
#[track_caller]
fn purged(redis: Redis, before_the_purge: impl FnOnce(&Fleet)) -> (Fleet, u64) {
    let fleet = Fleet::start_with(redis, 2, PROMPT);
    fleet.store(&TARGETS);
    before_the_purge(&fleet);
    let version = fleet.change();
    fleet.purge(0, r#"{"route": "things"}"#);
    fleet.purge(1, r#"{"url": "/lists/all"}"#);
    fleet.purge(0, r#"{"url": "/other"}"#);
    (fleet, version)
}

/// Nobody serves what is older: not at once, not when all have noticed, nor does somebody new.
#[track_caller]
fn nothing_comes_back(mut fleet: Fleet, version: u64) {
    fleet.serves(version, &TARGETS);
    for replica in 0..fleet.replicas.len() {
        fleet.settle(replica);
    }
    fleet.serves(version, &TARGETS);
    fleet.join();
    fleet.serves(version, &TARGETS);
    // And what is purged from now on is purged.
    let version = fleet.change();
    fleet.purge(2, r#"{"tag": "red"}"#);
    fleet.serves(version, &TARGETS);
}

/// The keys of the log.
fn keys_of_the_log(redis: &Redis) -> Vec<String> {
    let keys = redis.ask(&["KEYS", "forebay:{log}*"]);
    keys.lines().filter(|key| !key.is_empty()).map(str::to_owned).collect()
}

/// How many keys of stored responses there are.
fn keys_of_values(redis: &Redis) -> usize {
    let keys = redis.ask(&["KEYS", "forebay:*"]);
    keys.lines().filter(|key| !key.contains("{log}")).count()
}

#[track_caller]
fn expect_values(redis: &Redis) {
    eventually("they are stored in Redis", || keys_of_values(redis) >= TARGETS.len());
}

#[test]
fn the_keys_of_the_log_deleted_one_by_one() {
    let fleet = Fleet::start(1, PROMPT);
    let keys = keys_of_the_log(&fleet.redis);
    assert!(keys.len() >= 3, "{keys:?}");
    thread::scope(|scope| {
        for key in keys {
            scope.spawn(move || {
                let (fleet, version) = purged(Redis::start(), |_| ());
                assert_eq!(fleet.redis.ask(&["DEL", &key]), "1", "{key}");
                nothing_comes_back(fleet, version);
            });
        }
    });
}

#[test]
fn everything_flushed() {
    let (fleet, version) = purged(Redis::start(), |_| ());
    assert_eq!(fleet.redis.ask(&["FLUSHALL"]), "OK");
    nothing_comes_back(fleet, version);
}

#[test]
fn restarted_empty() {
    let (mut fleet, version) = purged(Redis::start(), |_| ());
    fleet.redis.restart();
    nothing_comes_back(fleet, version);
}

#[test]
fn evicted_to_make_room() {
    let (fleet, version) = purged(Redis::start(), |_| ());
    let least = ["CONFIG", "SET", "maxmemory", "4mb", "maxmemory-policy", "allkeys-lru"];
    assert_eq!(fleet.redis.ask(&least), "OK");
    let value = "x".repeat(10_000);
    for number in 0..1000 {
        fleet.redis.ask(&["SET", &format!("foreign:{number}"), &value]);
    }
    nothing_comes_back(fleet, version);
}

#[test]
fn restored_from_before_the_purge() {
    let (mut fleet, version) = purged(Redis::start(), |fleet| {
        expect_values(&fleet.redis);
        assert_eq!(fleet.redis.ask(&["SAVE"]), "OK");
    });
    fleet.redis.restart();
    assert!(keys_of_values(&fleet.redis) >= TARGETS.len(), "the old values are back");
    nothing_comes_back(fleet, version);
}

#[test]
fn failed_over_to_one_that_lacks_the_last_records() {
    let behind = Redis::start();
    let (mut fleet, version) = purged(Redis::start(), |fleet| {
        expect_values(&fleet.redis);
        let port = fleet.redis.address().port().to_string();
        assert_eq!(behind.ask(&["REPLICAOF", "127.0.0.1", &port]), "OK");
        eventually("it has all", || {
            behind.ask(&["INFO", "replication"]).contains("master_link_status:up")
                && behind.ask(&["DBSIZE"]) == fleet.redis.ask(&["DBSIZE"])
        });
        assert_eq!(behind.ask(&["REPLICAOF", "NO", "ONE"]), "OK");
    });
    for way in &fleet.ways {
        way.lead_to(behind.address());
    }
    fleet.redis = behind;
    nothing_comes_back(fleet, version);
}

#[test]
fn a_log_that_was_lost_while_nobody_ran() {
    let (mut fleet, version) = purged(Redis::start(), |fleet| expect_values(&fleet.redis));
    fleet.replicas.clear();
    fleet.ways.clear();
    for key in keys_of_the_log(&fleet.redis) {
        assert_eq!(fleet.redis.ask(&["DEL", &key]), "1", "{key}");
    }
    assert!(keys_of_values(&fleet.redis) >= TARGETS.len(), "the values are still there");
    fleet.join();
    fleet.serves(version, &TARGETS);
}

#[test]
fn a_purge_that_one_replica_did_not_hear_of_before_the_log_was_lost() {
    let fleet = Fleet::start(2, PROMPT);
    fleet.store(&TARGETS);
    fleet.ways[1].cut();
    let version = fleet.change();
    let said = fleet.purge_by(0, r#"{"tag": "red"}"#).expect_status(200);
    assert_eq!(said.json()["logged"], true);
    assert_eq!(fleet.redis.ask(&["FLUSHALL"]), "OK");
    fleet.ways[1].join();
    // Who knows it says it again, in the new order.
    for replica in 0..2 {
        fleet.settle(replica);
    }
    nothing_comes_back(fleet, version);
}
