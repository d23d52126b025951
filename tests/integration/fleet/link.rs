//! What is seen of the link to Redis.

use crate::support::{Forebay, Origin, Redis, eventually, fresh};

/// What `/readyz` says of Redis.
fn readiness(forebay: &Forebay) -> String {
    let report = forebay.admin().get("/readyz").expect_status(200).json();
    report["redis"].as_str().unwrap().to_owned()
}

#[test]
fn readiness_and_metrics_and_log_tell_of_redis_and_of_no_password() {
    let mut redis = Redis::start_with(&["--requirepass", "hunter2"]);
    let origin = Origin::always(fresh("hello"));
    let url = redis.url().replace("redis://", "redis://default:hunter2@");
    let forebay = Forebay::start(&origin, &format!("[redis]\nurl = \"{url}\"\n"));
    forebay.wait_for_log(&["sharing with the fleet through redis://127.0.0.1:"]);
    forebay.wait_for_log(&["Redis answers"]);
    assert_eq!(readiness(&forebay), "healthy");
    assert_eq!(forebay.metric("forebay_redis_up", &[]), 1.0);
    redis.kill();
    forebay.wait_for_log(&["Redis does not answer", "unreachable"]);
    assert_eq!(readiness(&forebay), "unavailable");
    assert_eq!(forebay.metric("forebay_redis_up", &[]), 0.0);
    forebay.get("/a").expect(200, "hello");
    redis.restart();
    eventually("Redis is back", || forebay.count_in_log("Redis answers") == 2);
    assert_eq!(readiness(&forebay), "healthy");
    assert!(!forebay.log_text().contains("hunter2"));
}

#[test]
fn f13_a_wrong_password_is_told_of_and_not_shown() {
    let redis = Redis::start_with(&["--requirepass", "right"]);
    let origin = Origin::always(fresh("hello"));
    let url = redis.url().replace("redis://", "redis://:hunter2@");
    let forebay = Forebay::start(&origin, &format!("[redis]\nurl = \"{url}\"\n"));
    forebay.wait_for_log(&["Redis does not answer", "denied"]);
    forebay.get("/a").expect(200, "hello");
    assert_eq!(readiness(&forebay), "unavailable");
    assert!(!forebay.log_text().contains("hunter2"));
}

#[test]
fn without_redis_it_is_disabled() {
    let origin = Origin::always(fresh("hello"));
    let forebay = Forebay::start(&origin, "");
    assert_eq!(readiness(&forebay), "disabled");
}
