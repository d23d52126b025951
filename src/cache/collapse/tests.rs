use std::iter::empty;

use http::HeaderValue;
use http::header::ACCEPT_LANGUAGE;

use super::*;
use crate::caching::key::Keyer;
use crate::upstream;

/// Longer than any test takes.
const LONG: Duration = Duration::from_secs(60);
/// A verdict that is told is told at once.
const SHORT: Duration = Duration::from_millis(20);

struct Bench {
    collapser: Collapser,
    key: Key,
}

impl Bench {
    fn new() -> Self {
        Self {
            collapser: Collapser::default(),
            key: Keyer::default().key("http", "a", "/", empty()),
        }
    }

    fn joining<'a>(&'a self, fields: &'a HeaderMap) -> Joining<'a> {
        Joining {
            key: &self.key,
            fields,
            selecting: None,
            stamp: Stamp::default(),
            wanted: Wanted::Whole,
            may_want_more: true,
            attempt: 0,
            anew: false,
            may_go_forward: true,
            now: Timestamp::default(),
        }
    }

    fn join(&self, fields: &HeaderMap) -> Turn {
        self.collapser.join(&self.joining(fields), |_| true)
    }

    fn lead(&self, fields: &HeaderMap) -> Leader {
        match self.join(fields) {
            Turn::Lead(leader) => leader,
            Turn::Follow(_) => panic!("somebody leads already"),
        }
    }

    fn follow(&self, fields: &HeaderMap) -> Arc<Flight> {
        match self.join(fields) {
            Turn::Follow(flight) => flight,
            Turn::Lead(_) => panic!("nobody leads"),
        }
    }

    fn is_empty(&self) -> bool {
        self.collapser.shards.iter().all(|shard| shard.lock().unwrap().is_empty())
    }
}

fn language(language: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(ACCEPT_LANGUAGE, HeaderValue::from_static(language))])
}

#[tokio::test]
async fn what_is_to_be_fetched_anew_follows_no_flight_that_began_before() {
    let (bench, none) = (Bench::new(), HeaderMap::new());
    let anew = || Joining { anew: true, ..bench.joining(&none) };
    let finds = || bench.collapser.anew(&bench.key, &none, |_| true);
    let older = bench.lead(&none);
    assert!(finds().is_none());
    let Turn::Lead(newer) = bench.collapser.join(&anew(), |_| true) else { panic!("it is older") };
    let Turn::Follow(flight) = bench.collapser.join(&anew(), |_| true) else {
        panic!("it is anew")
    };
    assert!(Arc::ptr_eq(&flight, newer.flight()));
    assert!(finds().is_some_and(|found| Arc::ptr_eq(&found, newer.flight())));
    assert!(Arc::ptr_eq(&bench.follow(&none), newer.flight()), "whoever comes later has the newer");
    let Some(leader) = bench.collapser.succeed(newer.flight(), &bench.joining(&none)) else {
        panic!("nobody else leads anew")
    };
    assert!(leader.flight().anew, "what succeeds it does what it did");
    drop((older, newer, leader));
    assert!(finds().is_none() && bench.is_empty());
}

const GONE: Verdict = Verdict::Failed(Failure::Upstream(upstream::Failure::ConnectionLost));

#[tokio::test]
async fn the_first_leads_all_others_follow_and_are_told_the_same() {
    let (bench, none) = (Bench::new(), HeaderMap::new());
    let leader = bench.lead(&none);
    let flights: Vec<_> = (0..100).map(|_| bench.follow(&none)).collect();
    leader.land(Verdict::Declined(Refusal::Private));
    for flight in flights {
        assert!(matches!(flight.verdict(LONG).await, Some(Verdict::Declined(Refusal::Private))));
    }
    assert!(bench.is_empty(), "a flight that has landed is found no more");
}

#[tokio::test]
async fn a_leader_that_is_dropped_is_lost_and_exactly_one_leads_anew() {
    let (bench, none) = (Bench::new(), HeaderMap::new());
    let leader = bench.lead(&none);
    let flight = bench.follow(&none);
    drop(leader);
    assert!(matches!(flight.verdict(LONG).await, Some(Verdict::Lost)));
    let leads = (0..10).map(|_| bench.join(&none)).collect::<Vec<_>>();
    assert_eq!(leads.iter().filter(|turn| matches!(turn, Turn::Lead(_))).count(), 1);
    drop(leads);
    assert!(bench.is_empty());
}

#[tokio::test]
async fn who_is_told_of_a_head_can_be_joined_until_the_response_is_stored() {
    let (bench, none) = (Bench::new(), HeaderMap::new());
    let leader = bench.lead(&none);
    leader.tell(GONE);
    assert!(matches!(bench.follow(&none).verdict(LONG).await, Some(Verdict::Failed(_))));
    drop(leader);
    assert!(matches!(bench.join(&none), Turn::Lead(_)));
}

#[tokio::test]
async fn once_it_is_known_what_selects_only_those_who_agree_join() {
    let (bench, english, german) = (Bench::new(), language("en"), language("de"));
    let leader = bench.lead(&english);
    assert!(matches!(bench.join(&german), Turn::Follow(_)), "nobody knows yet");
    leader.selected_by(vec![ACCEPT_LANGUAGE], selecting_values(&[ACCEPT_LANGUAGE], &english));
    assert!(matches!(bench.join(&english), Turn::Follow(_)));
    let other = bench.lead(&german);
    // The second flight was begun knowing what selects: a third language does not wait for it.
    assert!(matches!(bench.join(&language("fr")), Turn::Lead(_)));
    assert!(matches!(bench.join(&german), Turn::Follow(_)));
    drop((leader, other));
}

#[tokio::test]
async fn what_selected_the_stored_responses_parts_the_flights_from_the_start() {
    let (bench, english, german) = (Bench::new(), language("en"), language("de"));
    let known = [ACCEPT_LANGUAGE];
    let joining = Joining { selecting: Some(&known), ..bench.joining(&english) };
    let Turn::Lead(_leader) = bench.collapser.join(&joining, |_| true) else { panic!() };
    let joining = Joining { selecting: Some(&known), ..bench.joining(&german) };
    assert!(matches!(bench.collapser.join(&joining, |_| true), Turn::Lead(_)));
}

#[tokio::test]
async fn a_flight_begun_before_a_purge_is_not_joined_after_it() {
    let (bench, none) = (Bench::new(), HeaderMap::new());
    let _leader = bench.lead(&none);
    assert!(matches!(bench.collapser.join(&bench.joining(&none), |_| false), Turn::Lead(_)));
}

#[tokio::test]
async fn of_those_whose_patience_ends_one_leads_and_the_first_answer_serves_all() {
    for successor_is_first in [true, false] {
        let (bench, none) = (Bench::new(), HeaderMap::new());
        let slow = bench.lead(&none);
        let flight = bench.follow(&none);
        assert!(flight.verdict(SHORT).await.is_none(), "nothing told yet");
        let leader = bench.collapser.succeed(&flight, &bench.joining(&none)).unwrap();
        assert!(bench.collapser.succeed(&flight, &bench.joining(&none)).is_none());
        let waiting = tokio::spawn({
            let flight = Arc::clone(&flight);
            async move { flight.verdict(LONG).await }
        });
        let (first, _second) = if successor_is_first { (leader, slow) } else { (slow, leader) };
        first.land(GONE);
        assert!(matches!(waiting.await.unwrap(), Some(Verdict::Failed(_))));
    }
}

#[tokio::test]
async fn who_waits_for_another_replica_leads_anew_itself() {
    let (bench, none) = (Bench::new(), HeaderMap::new());
    let leader = bench.lead(&none);
    let flight = leader.flight();
    assert!(flight.will_lead_anew());
    assert!(bench.collapser.succeed(flight, &bench.joining(&none)).is_none());
    flight.may_be_succeeded();
    let successor = bench.collapser.succeed(flight, &bench.joining(&none)).unwrap();
    assert!(successor.flight().in_haste && !flight.in_haste);
    assert!(!flight.will_lead_anew(), "somebody does already");
}

#[tokio::test]
async fn new_requests_join_the_successor() {
    let (bench, none) = (Bench::new(), HeaderMap::new());
    let slow = bench.lead(&none);
    let flight = bench.follow(&none);
    let leader = bench.collapser.succeed(&flight, &bench.joining(&none)).unwrap();
    assert!(Arc::ptr_eq(&bench.follow(&none), leader.flight()));
    drop(slow);
    assert!(
        Arc::ptr_eq(&bench.follow(&none), leader.flight()),
        "the slow one took only itself away"
    );
}

#[tokio::test]
async fn a_follower_that_leaves_is_no_longer_counted() {
    let (bench, none) = (Bench::new(), HeaderMap::new());
    let leader = bench.lead(&none);
    let flight = bench.follow(&none);
    assert!(flight.verdict(SHORT).await.is_none());
    assert!(!leader.flight().is_followed());
}

#[test]
fn the_oldest_stamp_of_all_that_fly_is_known() {
    let (bench, none) = (Bench::new(), HeaderMap::new());
    assert_eq!(bench.collapser.oldest_stamp(), None);
    let stamped =
        |record| Joining { stamp: Stamp { record, ..Stamp::default() }, ..bench.joining(&none) };
    let Turn::Lead(_new) = bench.collapser.join(&stamped(9), |_| false) else { panic!() };
    let Turn::Lead(_old) = bench.collapser.join(&stamped(3), |_| false) else { panic!() };
    assert_eq!(bench.collapser.oldest_stamp().unwrap().record, 3);
}

#[test]
fn whoever_wants_another_part_than_is_on_its_way_leads_for_all_who_want_any() {
    let (bench, fields) = (Bench::new(), HeaderMap::new());
    let part = |range: &'static str| Wanted::Part(HeaderValue::from_static(range));
    let joining = |wanted| Joining { wanted, ..bench.joining(&fields) };
    let join = |wanted| bench.collapser.join(&joining(wanted), |_| true);
    let Turn::Lead(first) = join(part("bytes=0-1")) else { panic!("nobody led before") };
    assert_eq!(first.flight().wanted, part("bytes=0-1"));
    assert!(matches!(join(part("bytes=0-1")), Turn::Follow(_)));
    let Turn::Lead(second) = join(part("bytes=5-6")) else { panic!("the first brings less") };
    assert_eq!(second.flight().wanted, Wanted::Whole);
    for wanted in [part("bytes=7-8"), Wanted::Whole] {
        let Turn::Follow(flight) = join(wanted) else { panic!("the second brings all") };
        assert!(Arc::ptr_eq(&flight, second.flight()));
    }
}

#[test]
fn where_the_whole_is_too_large_each_part_is_led_by_itself() {
    let (bench, fields) = (Bench::new(), HeaderMap::new());
    let mut leaders = Vec::new();
    for range in ["bytes=0-1", "bytes=5-6"] {
        let wanted = Wanted::Part(HeaderValue::from_static(range));
        let joining =
            Joining { wanted: wanted.clone(), may_want_more: false, ..bench.joining(&fields) };
        let Turn::Lead(leader) = bench.collapser.join(&joining, |_| true) else {
            panic!("{range}: nobody led before")
        };
        assert_eq!(leader.flight().wanted, wanted);
        leaders.push(leader);
    }
}

#[test]
fn who_may_not_go_forward_follows_and_keeps_nobody_waiting() {
    let (bench, none) = (Bench::new(), HeaderMap::new());
    let poor = || Joining { may_go_forward: false, ..bench.joining(&none) };
    let alive = |_: &Flight| true;
    let Turn::Lead(_alone) = bench.collapser.join(&poor(), alive) else { panic!("nobody leads") };
    let turn = bench.collapser.join(&bench.joining(&none), alive);
    let Turn::Lead(leader) = turn else { panic!("follows who may not go forward") };
    let Turn::Follow(flight) = bench.collapser.join(&poor(), alive) else { panic!("leads") };
    assert!(Arc::ptr_eq(&flight, leader.flight()));
}
