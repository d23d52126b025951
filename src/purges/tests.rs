use std::sync::atomic::AtomicU32;

use super::*;
use crate::caching::purge::Selector;
use crate::clock::Timestamp;

/// In the log or not; applied once it was asked so often.
#[derive(Debug)]
struct Fleet {
    logged: bool,
    applied_after: u32,
    asked: AtomicU32,
}

fn fleet(logged: bool, applied_after: u32) -> Arc<Fleet> {
    Arc::new(Fleet { logged, applied_after, asked: AtomicU32::new(0) })
}

impl Receipt for Arc<Fleet> {
    fn is_logged(&self, _: Duration) -> Pin<Box<dyn Future<Output = bool> + Send + '_>> {
        Box::pin(async { self.logged })
    }

    fn is_applied(&self) -> Pin<Box<dyn Future<Output = bool> + Send + '_>> {
        Box::pin(async { self.asked.fetch_add(1, Ordering::Relaxed) >= self.applied_after })
    }
}

fn purges() -> Purges {
    let clock = Clock::manual(Timestamp::from_secs(1));
    Purges::new(&Counters::new("1"), &Journal::silent(), &clock)
}

fn of_all(dry_run: bool) -> Purge {
    Purge { selectors: vec![Selector::All], soft: false, dry_run }
}

fn run<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

fn said(response: Response<Body>) -> (u16, serde_json::Value) {
    let status = response.status().as_u16();
    let Body::Whole(content) = response.into_body() else { panic!("content at hand") };
    let mut value: serde_json::Value = serde_json::from_slice(&content).unwrap();
    assert!(value.as_object_mut().unwrap().remove("id").is_some());
    (status, value)
}

/// One that has struck so many.
fn counted(
    purges: &Purges,
    dry_run: bool,
    receipt: Option<Box<dyn Receipt>>,
    matched: u64,
) -> Done {
    let done = purges.add(dry_run, receipt);
    purges.counted(&of_all(dry_run), &done, matched);
    done
}

fn answer(dry_run: bool, receipt: Option<Box<dyn Receipt>>) -> (u16, serde_json::Value) {
    let purges = purges();
    let done = counted(&purges, dry_run, receipt, 7);
    said(run(purges.answer(&done)))
}

#[test]
fn a_machine_alone_has_purged_when_it_answers() {
    assert_eq!(answer(false, None), (200, serde_json::json!({"matched": 7})));
    let done = counted(&purges(), false, None, 7);
    let outcome = said(run(done.outcome(Duration::ZERO)));
    assert_eq!(outcome, (200, serde_json::json!({"matched": 7, "applied": true})));
}

#[test]
fn what_is_only_counted_says_so() {
    assert_eq!(answer(true, None), (200, serde_json::json!({"matched": 7, "dry_run": true})));
}

#[test]
fn what_the_log_has_is_said_to_be_in_it_and_what_it_has_not_is_no_success() {
    let logged = answer(false, Some(Box::new(fleet(true, 0))));
    assert_eq!(logged, (200, serde_json::json!({"matched": 7, "logged": true})));
    let (status, said) = answer(false, Some(Box::new(fleet(false, 0))));
    assert_eq!(status, 503);
    assert_eq!(said["code"], "not-logged");
    assert_eq!(said["matched"], 7);
    assert_eq!(said["logged"], false);
    assert!(said["detail"].as_str().unwrap().starts_with("purged here"));
}

#[test]
fn it_is_asked_again_until_all_have_applied_it_or_the_time_is_over() {
    let expected =
        |applied| (200, serde_json::json!({"matched": 7, "logged": true, "applied": applied}));
    for (after, within, applied) in [
        (0, Duration::ZERO, true),
        (1, Duration::ZERO, false),
        (1, Duration::from_secs(20), true),
        (8, Duration::from_secs(20), true),
        (u32::MAX, Duration::from_millis(20), false),
    ] {
        let fleet = fleet(true, after);
        let done = counted(&purges(), false, Some(Box::new(Arc::clone(&fleet))), 7);
        assert_eq!(said(run(done.outcome(within))), expected(applied), "{after} {within:?}");
    }
}

#[test]
fn redis_is_not_asked_without_pause() {
    let fleet = fleet(true, u32::MAX);
    let done = counted(&purges(), false, Some(Box::new(Arc::clone(&fleet))), 7);
    let (_, said) = said(run(done.outcome(Duration::from_millis(300))));
    assert_eq!(said["applied"], false);
    // Each pause is twice as long as the one before.
    assert!((2..=10).contains(&fleet.asked.load(Ordering::Relaxed)));
}

#[test]
fn what_was_applied_is_not_asked_about_again() {
    let fleet = fleet(true, 0);
    let done = counted(&purges(), false, Some(Box::new(Arc::clone(&fleet))), 7);
    for _ in 0..3 {
        assert_eq!(said(run(done.outcome(Duration::ZERO))).1["applied"], true);
    }
    assert_eq!(fleet.asked.load(Ordering::Relaxed), 1);
}

#[test]
fn the_last_purges_are_remembered_and_no_two_are_one() {
    let purges = purges();
    let ids: Vec<String> =
        (0..=REMEMBERED).map(|_| counted(&purges, false, None, 1).0.id.clone()).collect();
    assert!(purges.find(&ids[0]).is_none());
    assert!(ids[1..].iter().all(|id| purges.find(id).is_some_and(|done| done.0.id == *id)));
    let other = counted(&self::purges(), false, None, 1);
    assert!(purges.find(&other.0.id).is_none(), "a replica's are its own");
}

#[test]
fn a_fleet_is_not_kept_waiting_for_the_count() {
    let purges = purges();
    let done = purges.add(false, Some(Box::new(fleet(true, 0))));
    let (status, counting) = said(run(purges.answer(&done)));
    assert_eq!((status, &counting["matched"]), (200, &serde_json::Value::Null));
    purges.counted(&of_all(false), &done, 7);
    assert_eq!(said(run(done.outcome(Duration::ZERO))).1["matched"], 7);
}
