//! Leases in a real Redis.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::redis::Settings;
use crate::redis::testing::{PATIENCE, Server};

/// A replica of its own.
fn replica(server: &Server) -> Leases {
    let settings = Settings {
        url: server.url(),
        prefix: "test".to_owned(),
        timeout: Duration::from_millis(500),
        connections: 1,
    };
    Leases::start(Arc::new(Link::start(settings).unwrap()), Arc::default())
}

impl Leases {
    /// Tries until Redis says something, as it does once there is a connection.
    async fn take_when_connected(&self, key: &Bytes) -> Taken {
        loop {
            match self.take(key).await {
                Taken::Unavailable => tokio::time::sleep(Duration::from_millis(5)).await,
                taken => return taken,
            }
        }
    }

    async fn hold(&self, key: &Bytes) -> Lease {
        match self.take_when_connected(key).await {
            Taken::Held(lease) => lease,
            other => panic!("{other:?}"),
        }
    }

    async fn lose(&self, key: &Bytes) -> Wait {
        match self.take_when_connected(key).await {
            Taken::Lost(wait) => wait,
            other => panic!("{other:?}"),
        }
    }

    /// Waits and tries again until the lease is its own.
    async fn hold_some_time(&self, key: &Bytes) -> Lease {
        loop {
            match self.take(key).await {
                Taken::Held(lease) => return lease,
                Taken::Lost(wait) => wait.over(PATIENCE).await,
                Taken::Noted(..) | Taken::Unavailable => tokio::task::yield_now().await,
            }
        }
    }
}

/// Waits until a lease is told of that this replica waits for, so that its subscription is known to stand.
async fn hears(replica: &Leases, server: &Server) {
    let probe = Bytes::from_static(b"probe");
    loop {
        let mut place = Waiting::place(&replica.waiting, &probe);
        server.ask(&["PUBLISH", "test:landed", "probe"]);
        let ended = place.ended.as_mut().unwrap().changed();
        if tokio::time::timeout(Duration::from_millis(20), ended).await.is_ok() {
            return;
        }
    }
}

#[tokio::test]
async fn of_several_one_holds_it_and_the_others_are_woken() {
    let server = Server::start();
    let (one, other) = (replica(&server), replica(&server));
    let key = one.key("abc", "");
    assert_eq!(key, "test:{abc}:lease");
    let lease = one.hold(&key).await;
    let wait = other.lose(&key).await;
    // Another is another's affair.
    drop(other.hold(&one.key("abc", ":x")).await);
    hears(&other, &server).await;
    let mut told = other.lose(&key).await;
    drop(lease);
    let told = told.place.ended.as_mut().unwrap().changed();
    assert!(tokio::time::timeout(PATIENCE, told).await.unwrap().is_err(), "it is told");
    wait.over(PATIENCE).await;
    let lease = other.hold(&key).await;
    drop(one.lose(&key).await);
    drop(lease);
    assert!(one.waiting.is_empty() && other.waiting.is_empty());
    assert_eq!((one.counters.of(LeaseEvent::Held), one.counters.of(LeaseEvent::Lost)), (1, 1));
}

#[tokio::test]
async fn it_is_renewed_for_as_long_as_it_is_held() {
    let server = Server::start();
    let (one, other) = (replica(&server), replica(&server));
    let key = one.key("abc", "");
    let _lease = one.hold(&key).await;
    for _ in 0..3 {
        // Nobody says anything: for a term, if it is not renewed.
        other.lose(&key).await.over(PATIENCE).await;
    }
    drop(other.lose(&key).await);
    assert_eq!(one.counters.of(LeaseEvent::Broken), 0);
}

#[tokio::test]
async fn it_ends_with_its_holder_and_without_a_message() {
    let server = Server::start();
    let (one, other) = (replica(&server), replica(&server));
    let key = one.key("abc", "");
    let lease = one.hold(&key).await;
    let wait = other.lose(&key).await;
    assert!(wait.left <= TERM);
    // It dies.
    lease.renewing.abort();
    drop(other.hold_some_time(&key).await);
    std::mem::forget(lease);
    // And its message is lost.
    let lease = one.hold_some_time(&key).await;
    let wait = other.lose(&key).await;
    lease.renewing.abort();
    server.ask(&["DEL", "test:{abc}:lease"]);
    wait.over(PATIENCE).await;
    drop(other.hold(&key).await);
}

#[tokio::test]
async fn what_is_anothers_is_neither_renewed_nor_given_back() {
    let server = Server::start();
    let one = replica(&server);
    let key = one.key("abc", "");
    let lease = one.hold(&key).await;
    server.ask(&["SET", "test:{abc}:lease", "another's"]);
    let since = tokio::time::Instant::now();
    while one.counters.of(LeaseEvent::Broken) == 0 {
        assert!(since.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(server.ask(&["PTTL", "test:{abc}:lease"]), "-1", "nobody renewed it");
    drop(lease);
    // What is sent behind it is answered behind it.
    drop(one.lose(&key).await);
    assert_eq!(server.ask(&["GET", "test:{abc}:lease"]), "another's");
    // What has no end is given one: nobody waits for ever.
    let left: i64 = server.ask(&["PTTL", "test:{abc}:lease"]).parse().unwrap();
    assert!((1..=1_000).contains(&left), "{left}");
}

#[tokio::test]
async fn a_note_stands_in_its_place_until_it_is_taken_back() {
    let server = Server::start();
    let (one, other) = (replica(&server), replica(&server));
    let key = one.key("abc", "");
    let lease = one.hold(&key).await;
    let wait = other.lose(&key).await;
    lease.note("private", Duration::from_secs(60));
    lease.note("the second", Duration::from_secs(60));
    drop(lease);
    wait.over(PATIENCE).await;
    for replica in [&one, &other] {
        let Taken::Noted(note, left) = replica.take(&key).await else { panic!() };
        assert_eq!(note, "private");
        assert!(left > Duration::from_secs(30) && left <= Duration::from_secs(60));
    }
    other.forget(key.clone());
    let lease = other.hold_some_time(&key).await;
    // A lease is none.
    one.forget(key.clone());
    drop(one.lose(&key).await);
    drop(lease);
}

#[tokio::test]
async fn without_redis_nobody_waits() {
    let mut server = Server::start();
    let one = replica(&server);
    let key = one.key("abc", "");
    drop(one.hold(&key).await);
    server.ask(&["DEL", "test:{abc}:lease"]);
    server.ask(&["LPUSH", "test:{abc}:lease", "x"]);
    assert!(matches!(one.take(&key).await, Taken::Unavailable), "it is no lease");
    server.freeze();
    assert!(matches!(one.take(&key).await, Taken::Unavailable));
    server.thaw();
    server.kill();
    assert!(matches!(one.take(&key).await, Taken::Unavailable));
    assert!(one.waiting.is_empty());
    server.restart();
    let lease = one.hold_some_time(&key).await;
    server.kill();
    // Nobody hears of it.
    drop(lease);
}

#[tokio::test]
async fn places_are_bounded_and_go_with_who_waits() {
    let waiting = Arc::new(Waiting::default());
    let place = |number: usize| Waiting::place(&waiting, &Bytes::from(number.to_string()));
    let mut places: Vec<_> = (0..=10_000).map(place).collect();
    let outside = places.pop().unwrap();
    assert!(outside.ended.is_none());
    outside.wait(Duration::from_millis(1)).over(PATIENCE).await;
    let twice = place(7);
    drop(places);
    assert!(!waiting.is_empty(), "two wait for one");
    drop(twice);
    assert!(waiting.is_empty());
}
