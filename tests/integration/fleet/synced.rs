//! What a replica does that hears nothing of the purge log, or finds it lost.

use std::time::{Duration, Instant};

use crate::support::{Forebay, Origin, Redis, Reply, eventually, ok};

const UNSYNCED: Duration = Duration::from_millis(800);

/// One replica of the fleet that shares this Redis.
fn replica(origin: &Origin, url: &str, more: &str) -> Forebay {
    let unsynced = UNSYNCED.as_millis();
    let redis = format!(
        "[redis]\nurl = \"{url}\"\ntimeout = \"200ms\"\nmax_unsynced = \"{unsynced}ms\"\n{more}"
    );
    let forebay = Forebay::start(origin, &redis);
    is_synced(&forebay, true);
    forebay
}

#[track_caller]
fn is_synced(forebay: &Forebay, wanted: bool) {
    let wanted = f64::from(u8::from(wanted));
    eventually("it is synchronised, or no longer", || {
        forebay.metric("forebay_fleet_synced", &[]) == wanted
    });
}

/// Answers whatever is asked, and says that it is still good to who has it.
fn validating() -> Origin {
    Origin::start(|exchange| {
        let reply = match exchange.field("if-none-match") {
            Some(_) => Reply::new(304),
            None => ok("hello"),
        };
        exchange.reply(&reply.field("etag", "\"1\"").field("cache-control", "max-age=600"));
    })
}

/// What a replica has stored of it by now.
#[track_caller]
fn stored(forebay: &Forebay, target: &str) -> String {
    forebay.get(target).expect_status(200);
    forebay.hit(target).text()
}

/// Waits until what was fetched before is older than what is used unsynchronised.
fn is_validated(forebay: &Forebay, target: &str) {
    eventually("it is validated", || {
        let response = forebay.get(target).expect_status(200);
        response.cache_parameter("detail").as_deref() == Some("unsynced")
            || response.cache_status().contains("fwd=stale")
    });
}

#[test]
fn a_purge_on_one_replica_reaches_the_others() {
    let (origin, redis) = (Origin::numbering(), Redis::start());
    let replicas = [0; 3].map(|_| replica(&origin, &redis.url(), ""));
    let before = replicas.each_ref().map(|replica| stored(replica, "/a"));
    replicas[0].purge(r#"{"url": "/a"}"#).expect_status(200);
    assert_ne!(replicas[0].get("/a").text(), before[0]);
    for (replica, before) in replicas.iter().zip(before).skip(1) {
        eventually("it is purged everywhere", || replica.get("/a").text() != before);
    }
    eventually("all are known", || {
        replicas.iter().all(|replica| replica.metric("forebay_fleet_replicas", &[]) == 3.0)
    });
}

#[test]
fn a_write_through_one_replica_reaches_the_others() {
    let (origin, redis) = (Origin::numbering(), Redis::start());
    let [one, other] = [0; 2].map(|_| replica(&origin, &redis.url(), ""));
    let before = stored(&other, "/a");
    one.request("DELETE", "/a", &[], b"").expect_status(200);
    eventually("it is purged there", || other.get("/a").text() != before);
}

#[test]
fn with_redis_frozen_what_is_stored_is_validated_once_in_a_while() {
    let (origin, redis) = (validating(), Redis::start());
    let forebay = replica(&origin, &redis.url(), "");
    stored(&forebay, "/a");
    redis.freeze();
    is_synced(&forebay, false);
    is_validated(&forebay, "/a");
    let (before, began) = (origin.count(), Instant::now());
    for _ in 0..20 {
        for mut client in forebay.burst(5, "/a") {
            client.read().expect(200, "hello");
        }
    }
    let periods = began.elapsed().as_millis() / UNSYNCED.as_millis();
    let validations = origin.count() - before;
    assert!(validations as u128 <= periods + 1, "{validations} in {periods}");
    redis.thaw();
    is_synced(&forebay, true);
    // Nothing was missed: what is stored is as good as ever.
    let count = origin.count();
    forebay.hit("/a");
    assert_eq!(origin.count(), count);
}

#[test]
fn with_on_unsynced_serve_nothing_is_validated() {
    let (origin, redis) = (validating(), Redis::start());
    let forebay = replica(&origin, &redis.url(), "on_unsynced = \"serve\"\n");
    stored(&forebay, "/a");
    redis.freeze();
    is_synced(&forebay, false);
    let count = origin.count();
    let began = Instant::now();
    while began.elapsed() < 2 * UNSYNCED {
        forebay.hit("/a");
    }
    assert_eq!(origin.count(), count);
    redis.thaw();
}

#[test]
fn what_cannot_be_validated_is_no_worse_than_stale() {
    for (stale_if_error, status) in [("0s", 502), ("1h", 200)] {
        let (origin, redis) = (validating(), Redis::start());
        let route =
            format!("[[route]]\npath = \"/{{*rest}}\"\nstale_if_error = \"{stale_if_error}\"\n");
        let forebay = replica(&origin, &redis.url(), &route);
        stored(&forebay, "/a");
        redis.freeze();
        is_synced(&forebay, false);
        origin.stop();
        eventually("it cannot be validated", || {
            let response = forebay.get("/a");
            response.status() == status
                && response.cache_parameter("detail").as_deref() != Some("hit")
                && !response.is_hit()
        });
        redis.thaw();
        is_synced(&forebay, true);
        // All is known again, and it has been fresh all the time.
        forebay.hit("/a");
    }
}

#[test]
fn when_the_log_is_lost_what_was_stored_is_validated() {
    let (origin, redis) = (validating(), Redis::start());
    let forebay = replica(&origin, &redis.url(), "");
    for (losses, lost) in [":records", ":selectors", "", "all"].iter().enumerate() {
        let target = format!("/{losses}");
        stored(&forebay, &target);
        match *lost {
            "all" => redis.ask(&["FLUSHALL"]),
            key => redis.ask(&["DEL", &format!("forebay:{{log}}{key}")]),
        };
        let wanted = losses as f64 + 1.0;
        eventually("it is noticed", || {
            forebay.metric("forebay_fleet_log_losses_total", &[]) >= wanted
        });
        is_synced(&forebay, true);
        is_validated(&forebay, &target);
        // Validated since: good for as long as it is fresh.
        let count = origin.count();
        forebay.hit(&target);
        assert_eq!(origin.count(), count);
    }
    forebay.wait_for_log(&["the purge log in Redis was lost"]);
}

#[test]
fn a_replica_that_is_cut_off_serves_nothing_that_was_purged() {
    let (origin, redis) = (Origin::numbering(), Redis::start());
    let door = ["on", "nopass", "~*", "&*", "+@all"];
    redis.ask(&[&["ACL", "SETUSER", "other"], &door[..]].concat());
    let url = redis.url();
    let theirs = url.replace("redis://", "redis://other:any@");
    let [one, other] = [url, theirs].map(|url| replica(&origin, &url, ""));
    let before = stored(&other, "/a");
    redis.ask(&["ACL", "SETUSER", "other", "off"]);
    redis.ask(&["CLIENT", "KILL", "USER", "other"]);
    one.purge(r#"{"url": "/a"}"#).expect_status(200);
    is_synced(&other, false);
    eventually("it is validated", || other.get("/a").text() != before);
    redis.ask(&["ACL", "SETUSER", "other", "on"]);
    is_synced(&other, true);
    assert_ne!(other.get("/a").text(), before);
}

#[test]
fn purges_made_while_redis_is_away_are_logged_when_it_is_back() {
    let (origin, mut redis) = (Origin::numbering(), Redis::start());
    let [one, other] = [0; 2].map(|_| replica(&origin, &redis.url(), ""));
    let before = stored(&other, "/a");
    redis.kill();
    is_synced(&one, false);
    one.purge(r#"{"url": "/a"}"#).expect_status(503);
    assert_eq!(one.metric("forebay_fleet_pending_purges", &[]), 1.0);
    redis.restart();
    for replica in [&one, &other] {
        is_synced(replica, true);
    }
    eventually("it is purged there", || other.get("/a").text() != before);
    eventually("it is logged", || one.metric("forebay_fleet_pending_purges", &[]) == 0.0);
}

#[test]
fn who_stops_in_order_is_no_longer_waited_for() {
    let (origin, redis) = (Origin::numbering(), Redis::start());
    let [_one, mut other] = [0; 2].map(|_| replica(&origin, &redis.url(), ""));
    let noted = || redis.ask(&["HLEN", "forebay:{log}:replicas"]);
    assert_eq!(noted(), "2");
    other.signal("TERM");
    assert!(other.wait_exit().success());
    assert_eq!(noted(), "1");
}
