//! Purges while the very response that they name is being fetched, or is between the tiers.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::replicas::{Fleet, PROMPT, selectors};
use crate::support::{Client, Gate, Origin, Redis};

/// Where the origin stops in its answer until a gate opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    BeforeItsHead,
    InMidBody,
}

/// How long the origin's bodies are: the version, and zeros before it.
const LENGTH: usize = 60_000;

/// A fleet whose origin can be held.
struct Bench {
    fleet: Fleet,
    /// What the next request of a target waits for.
    gates: Arc<Mutex<HashMap<String, (Held, Gate)>>>,
}

impl Bench {
    #[track_caller]
    fn start() -> Self {
        let (version, gates) = (Arc::new(AtomicU64::new(1)), Arc::new(Mutex::default()));
        let (said, waiting): (_, Arc<Mutex<HashMap<_, _>>>) =
            (Arc::clone(&version), Arc::clone(&gates));
        let origin = Origin::start(move |exchange| {
            let body = format!("{:0LENGTH$}", said.load(Ordering::SeqCst));
            let (first, rest) = body.split_at(LENGTH / 2);
            let held: Option<(Held, Gate)> = waiting.lock().unwrap().remove(exchange.target());
            let wait = |at: Held| {
                if let Some((_, gate)) = held.as_ref().filter(|(held, _)| *held == at) {
                    gate.wait();
                }
            };
            wait(Held::BeforeItsHead);
            exchange.send(format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\nCache-Control: max-age=60\r\n\
                 Surrogate-Key: red\r\n\r\n{first}"
            ));
            wait(Held::InMidBody);
            exchange.send(rest);
        });
        let fleet = Fleet::in_front_of(origin, Redis::start(), 2, PROMPT);
        Self { fleet: Fleet { version, ..fleet }, gates }
    }

    /// A fetch by a replica that stops; who asked, and what lets it go on.
    #[track_caller]
    fn fetch(&self, replica: usize, target: &str, held: Held) -> (Client, Gate) {
        let gate = Gate::new();
        self.gates.lock().unwrap().insert(target.to_owned(), (held, gate.clone()));
        let before = self.fleet.origin.count();
        let mut client = self.fleet.replicas[replica].connect();
        client.send_request("GET", target, &[], b"");
        self.fleet.origin.wait_for(before + 1);
        if held == Held::InMidBody {
            client.read_head();
            client.read_exactly(LENGTH / 2);
        }
        (client, gate)
    }
}

/// Lets a fetch end, and reads the rest of it for the one who asked first.
fn end(mut client: Client, gate: &Gate, held: Held) {
    gate.open();
    match held {
        Held::BeforeItsHead => assert!(client.read().expect_status(200).is_whole()),
        Held::InMidBody => assert_eq!(client.read_exactly(LENGTH / 2).len(), LENGTH / 2),
    }
}

/// Every way a fetch can be held, be it by who purges or by another.
const ALL: [(Held, usize, usize); 4] = [
    (Held::BeforeItsHead, 0, 0),
    (Held::BeforeItsHead, 0, 1),
    (Held::InMidBody, 0, 0),
    (Held::InMidBody, 0, 1),
];

#[test]
fn what_was_being_fetched_when_it_was_purged_is_served_to_nobody_who_asks_later() {
    let bench = Bench::start();
    for (number, (held, fetcher, purger)) in (0..).zip(ALL) {
        for selector in 0..6 {
            let id = format!("{number}-{selector}");
            let target = format!("/things/{id}");
            let (client, gate) = bench.fetch(fetcher, &target, held);
            let version = bench.fleet.change();
            bench.fleet.purge(purger, &selectors(&id)[selector]);
            end(client, &gate, held);
            // Of memory, of Redis, or of the origin: as it comes.
            for _ in 0..2 {
                bench.fleet.serves(version, &[&target]);
            }
        }
    }
}

#[test]
fn who_asks_while_the_old_body_is_still_arriving_gets_the_new_one() {
    let bench = Bench::start();
    for purger in [0, 1] {
        let target = format!("/things/{purger}");
        let (client, gate) = bench.fetch(0, &target, Held::InMidBody);
        let version = bench.fleet.change();
        bench.fleet.purge(purger, r#"{"tag": "red"}"#);
        bench.fleet.serves(version, &[&target]);
        end(client, &gate, Held::InMidBody);
        bench.fleet.serves(version, &[&target]);
    }
}

#[test]
fn what_is_in_redis_and_not_in_memory_is_purged_too() {
    let fleet = Fleet::start(2, PROMPT);
    for purger in [0, 1] {
        let target = format!("/things/{purger}");
        fleet.look(0, &target);
        let version = fleet.change();
        fleet.purge(purger, &format!(r#"{{"url": "{target}"}}"#));
        assert_eq!(fleet.look(1, &target), version);
        assert_eq!(fleet.look(0, &target), version);
    }
}

#[test]
fn a_replica_that_starts_after_a_purge_serves_nothing_from_before_it() {
    let mut fleet = Fleet::start(1, PROMPT);
    for number in 0..6 {
        let (id, target) = (number.to_string(), format!("/things/{number}"));
        fleet.store(&[&target]);
        let version = fleet.change();
        fleet.purge(0, &selectors(&id)[number]);
        fleet.join();
        let new = fleet.replicas.len() - 1;
        assert_eq!(fleet.look(new, &target), version, "{target}");
    }
}

#[test]
fn a_restarted_replica_has_forgotten_no_purge() {
    let mut fleet = Fleet::start(1, PROMPT);
    fleet.store(&["/things/1", "/other"]);
    let version = fleet.change();
    fleet.purge(0, r#"{"route": "things"}"#);
    let mut stopped = fleet.replicas.remove(0);
    fleet.ways.remove(0);
    stopped.signal("TERM");
    assert!(stopped.wait_exit().success());
    fleet.join();
    assert_eq!(fleet.look(0, "/things/1"), version);
}
