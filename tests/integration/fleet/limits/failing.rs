//! What becomes of limits while Redis does not answer, and afterwards.

use super::{config, degraded, passes, passing, wait_until_shared};
use crate::support::{Forebay, Origin, Redis, eventually, fresh};

/// A replica that waits for Redis but shortly. `more`: lines of `[rate_limit]`.
fn start(origin: &Origin, redis: &Redis, anonymous: &str, more: &str) -> Forebay {
    let forebay = Forebay::start(origin, &config(redis, "250ms", anonymous, more));
    wait_until_shared(&forebay);
    forebay
}

#[test]
fn h12_without_redis_each_replica_goes_on_from_what_it_saw() {
    let origin = Origin::always(fresh("hello"));
    let mut redis = Redis::start();
    let [here, there, late] =
        [(); 3].map(|()| start(&origin, &redis, r#"["10/d"]"#, "on_redis_failure = \"local\""));
    assert_eq!((passing(&there, 3), passing(&here, 3)), (3, 3));
    redis.kill();
    // Six were charged when this one asked last, three when that one did, and of this one nobody has asked yet.
    assert_eq!(passing(&here, 12), 4);
    assert_eq!(passing(&there, 12), 7);
    assert_eq!(passing(&late, 12), 10);
    assert!(degraded(&here) >= 12.0);
}

#[test]
fn h13_back_again_redis_learns_what_was_used_meanwhile_and_nothing_twice() {
    let origin = Origin::always(fresh("hello"));
    let mut redis = Redis::start();
    let [here, there] = [(); 2].map(|()| start(&origin, &redis, r#"["10/d"]"#, ""));
    assert_eq!(passing(&here, 3), 3);
    redis.kill();
    assert_eq!((passing(&here, 4), passing(&there, 2)), (4, 2));
    // It comes back empty.
    redis.restart();
    wait_until_shared(&here);
    wait_until_shared(&there);
    // The seven of this one are more than the two of that one, and are not added to them.
    assert_eq!(passing(&here, 1), 1);
    assert_eq!(passing(&there, 1), 1);
    assert_eq!(passing(&here, 20), 1);
    assert_eq!(passing(&there, 20), 0);
}

#[test]
fn h13_who_was_refused_meanwhile_is_refused_by_all() {
    let origin = Origin::always(fresh("hello"));
    let mut redis = Redis::start();
    let [here, there] = [(); 2].map(|()| start(&origin, &redis, r#"["4/d"]"#, ""));
    redis.kill();
    assert_eq!(passing(&here, 6), 4);
    redis.restart();
    wait_until_shared(&here);
    wait_until_shared(&there);
    assert_eq!(passing(&here, 1), 0);
    assert_eq!(passing(&there, 1), 0);
}

#[test]
fn h12_what_is_done_without_redis_is_the_operators_choice_and_a_reload_changes_it() {
    let origin = Origin::always(fresh("hello"));
    let mut redis = Redis::start();
    let (tier, on) = (r#"["3/d"]"#, |what: &str| format!("on_redis_failure = \"{what}\""));
    let forebay = start(&origin, &redis, tier, &on("deny"));
    forebay.get("/a").expect(200, "hello");
    redis.kill();
    let fetched = origin.count();
    for target in ["/a", "/b"] {
        let answer = forebay.get(target).expect_status(503);
        assert_eq!(answer.json()["code"], "limits-unavailable");
        assert_eq!(answer.field("retry-after"), Some("1"));
        assert_eq!(answer.field("cache-control"), Some("no-store"));
        assert_eq!(answer.cache_parameter("detail").as_deref(), Some("limits-unavailable"));
    }
    assert_eq!(origin.count(), fetched);
    let labels = [("tier", "anonymous"), ("decision", "unavailable")];
    assert!((forebay.metric("forebay_rate_limit_decisions_total", &labels) - 2.0).abs() < 0.5);

    let take_up = |what: &str| {
        forebay.configure(&origin, &config(&redis, "250ms", tier, &on(what)));
        forebay.reload().expect_status(200);
    };
    take_up("allow");
    assert_eq!(passing(&forebay, 6), 6);
    // One was charged while Redis was there.
    take_up("local");
    assert_eq!(passing(&forebay, 6), 2);
    // Alone, its share is all there is.
    take_up("share");
    assert_eq!(passing(&forebay, 6), 0);
    take_up("deny");
    forebay.get("/a").expect_status(503);
}

#[test]
fn h12_what_would_go_forward_is_refused_where_nobody_can_say_and_hits_are_not() {
    let origin = Origin::always(fresh("hello"));
    let mut redis = Redis::start();
    let tier = r#"{ forwarded = ["5/d"] }"#;
    let forebay = start(&origin, &redis, tier, "on_redis_failure = \"deny\"");
    forebay.get("/a").expect(200, "hello");
    redis.kill();
    assert_eq!(forebay.get("/b").expect_status(503).json()["code"], "limits-unavailable");
    assert!(forebay.hit("/a").is_hit());
    assert_eq!(origin.count_of("/b"), 0);
}

#[test]
fn f19_a_redis_that_stands_still_costs_a_client_nothing_but_time() {
    let origin = Origin::always(fresh("hello"));
    let redis = Redis::start();
    let forebay = start(&origin, &redis, r#"["8/d"]"#, "");
    assert_eq!(passing(&forebay, 2), 2);
    redis.freeze();
    assert_eq!(passing(&forebay, 3), 3);
    redis.thaw();
    wait_until_shared(&forebay);
    // What it was asked while it stood still it may have charged, too: that is the same three.
    assert_eq!(passing(&forebay, 20), 3);
}

#[test]
fn what_stands_in_the_place_of_a_client_is_replaced() {
    let origin = Origin::always(fresh("hello"));
    let redis = Redis::start();
    let forebay = start(&origin, &redis, r#"["8/d"]"#, "");
    assert_eq!(passing(&forebay, 2), 2);
    let keys = redis.ask(&["KEYS", "forebay:{l:*"]);
    for key in keys.lines() {
        redis.ask(&["SET", key, "something else"]);
    }
    let before = degraded(&forebay);
    eventually("it is a hash again", || {
        passes(&forebay.get("/a"));
        keys.lines().any(|key| redis.ask(&["TYPE", key]) == "hash")
    });
    assert!((degraded(&forebay) - before).abs() < 0.5);
}

#[test]
fn without_room_for_more_limits_hold_here() {
    let origin = Origin::always(fresh("hello"));
    let redis = Redis::start();
    let forebay = start(&origin, &redis, r#"["8/d"]"#, "");
    assert_eq!(passing(&forebay, 2), 2);
    redis.ask(&["CONFIG", "SET", "maxmemory", "1"]);
    assert_eq!(passing(&forebay, 3), 3);
    assert!(degraded(&forebay) >= 3.0);
    redis.ask(&["CONFIG", "SET", "maxmemory", "0"]);
    wait_until_shared(&forebay);
    assert_eq!(passing(&forebay, 20), 3);
}
