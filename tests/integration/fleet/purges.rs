//! What several replicas forget together.

mod command;
mod losses;
mod replicas;
mod under_way;

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::support::{Client, Forebay, Origin, Redis, Relay, Reply, eventually, fresh};

use replicas::{Fleet, LONG, PROMPT, id, selectors, version_of};

#[test]
fn what_one_replica_purges_all_purge() {
    let fleet = Fleet::start(3, PROMPT);
    for what in selectors("1").into_iter().chain([r#"{"all": true}"#.to_owned()]) {
        fleet.store(&["/things/1"]);
        let version = fleet.change();
        fleet.purge(1, &what);
        fleet.serves(version, &["/things/1"]);
    }
}

#[test]
fn what_no_purge_names_stays() {
    let fleet = Fleet::start(2, LONG);
    fleet.store(&["/things/1", "/other", "/canary"]);
    let version = fleet.change();
    let what = r#"{"tag": "thing:2", "url": ["/things/1?x", "/canary"], "route": "other", "prefix": "/o/"}"#;
    fleet.purge_by(0, what).expect_status(200);
    eventually("the other has learnt of it", || fleet.look(1, "/canary") == version);
    fleet.serves(1, &["/things/1", "/other"]);
}

/// The promise, as clients see it: a request that is sent once `applied` was answered gets nothing older.
#[test]
fn under_load_no_replica_serves_what_was_purged_to_a_later_request() {
    let fleet = Fleet::start(3, PROMPT);
    let targets: Vec<String> = (0..300).map(|number| format!("/things/{number}")).collect();
    for replica in &fleet.replicas {
        let mut client = replica.connect();
        for target in &targets {
            client.get(target).expect_status(200);
        }
    }
    // Nobody may get less than this from now on. u64::MAX ends the load.
    let (least, served) = (AtomicU64::new(1), AtomicU64::new(0));
    thread::scope(|scope| {
        let ask = |replica: &Forebay| ask_on_and_on(replica.connect(), &targets, &least, &served);
        let load: Vec<_> =
            fleet.replicas.iter().map(|replica| scope.spawn(move || ask(replica))).collect();
        for round in 0..10 {
            let version = fleet.change();
            fleet.purge(round % 3, r#"{"tag": "red"}"#);
            least.store(version, Ordering::SeqCst);
            let before = served.load(Ordering::SeqCst);
            eventually("they ask on", || served.load(Ordering::SeqCst) > before + 30);
        }
        least.store(u64::MAX, Ordering::SeqCst);
        load.into_iter().for_each(|load| load.join().unwrap());
    });
}

/// Asks for one after the other until it is told to end.
fn ask_on_and_on(mut client: Client, targets: &[String], least: &AtomicU64, served: &AtomicU64) {
    for target in targets.iter().cycle() {
        let known = least.load(Ordering::SeqCst);
        if known == u64::MAX {
            return;
        }
        let version = version_of(&client.get(target));
        assert!(version >= known, "{target}: {version} after {known}");
        served.fetch_add(1, Ordering::SeqCst);
    }
}

/// Redis out of a replica's reach, in either way.
const LOST: [fn(&Relay); 2] = [Relay::cut, Relay::hold];

#[test]
fn what_a_replica_that_is_cut_off_has_is_purged_once_its_lease_is_over() {
    for lose in LOST {
        let fleet = Fleet::start(3, PROMPT);
        fleet.store(&["/things/1", "/things/2"]);
        lose(&fleet.ways[2]);
        let version = fleet.change();
        // Its lease and a second more, from the record on; however late the first question comes.
        let said = fleet.purge_by(0, r#"{"tag": "red"}"#).expect_status(200);
        assert_eq!(said.json()["logged"], true);
        assert!(fleet.is_applied(0, &said), "it is waited for no longer than that");
        fleet.serves(version, &["/things/1", "/things/2"]);

        fleet.ways[2].join();
        fleet.settle(2);
        let version = fleet.change();
        fleet.purge(2, r#"{"tag": "red"}"#);
        fleet.serves(version, &["/things/1", "/things/2"]);
    }
}

#[test]
fn who_is_cut_off_is_waited_for() {
    let fleet = Fleet::start(2, LONG);
    fleet.store(&["/things/1"]);
    fleet.ways[1].cut();
    fleet.change();
    let said = fleet.purge_by(0, r#"{"tag": "red"}"#).expect_status(200);
    // It may serve what it has for minutes, and does.
    assert_eq!(fleet.look(1, "/things/1"), 1);
    assert_eq!(fleet.outcome(0, &said)["applied"], false);
    assert_eq!(fleet.outcome(0, &said)["logged"], true);
}

#[test]
fn who_stops_in_order_is_waited_for_no_longer() {
    let mut fleet = Fleet::start(3, "8s");
    fleet.replicas[2].signal("TERM");
    assert!(fleet.replicas[2].wait_exit().success());
    let said = fleet.purge_by(0, r#"{"tag": "red"}"#).expect_status(200);
    // Sooner than its lease could be over.
    let path = format!("/api/purge/{}?wait=6s", id(&said));
    assert_eq!(fleet.replicas[0].admin().get(&path).json()["applied"], true);
}

#[test]
fn who_is_killed_is_waited_for_until_its_lease_is_over() {
    let mut fleet = Fleet::start(2, PROMPT);
    fleet.replicas[1].signal("KILL");
    fleet.replicas[1].wait_exit();
    fleet.purge(0, r#"{"tag": "red"}"#);
}

#[test]
fn with_redis_away_it_is_purged_here_and_elsewhere_as_soon_as_redis_is_back() {
    for lose in LOST {
        let fleet = Fleet::start(2, LONG);
        fleet.store(&["/things/1"]);
        lose(&fleet.ways[0]);
        let version = fleet.change();
        let said = fleet.purge_by(0, r#"{"tag": "red"}"#).expect_status(503);
        assert_eq!(said.field("content-type"), Some("application/problem+json"));
        let told = said.json();
        assert_eq!((&told["code"], &told["logged"]), (&"not-logged".into(), &false.into()));
        assert_eq!(told["matched"], 1, "{told}");
        assert_eq!(fleet.look(0, "/things/1"), version);
        assert_eq!(fleet.outcome(0, &said)["applied"], false);
        // The other is not cut off, and has no reason to ask anybody.
        assert_eq!(fleet.look(1, "/things/1"), 1);

        fleet.ways[0].join();
        eventually("it is in the log", || fleet.outcome(0, &said)["logged"] == true);
        eventually("the other has learnt of it", || fleet.look(1, "/things/1") == version);
    }
}

#[test]
fn many_purges_that_waited_for_redis_are_all_learnt_of() {
    let fleet = Fleet::start(2, LONG);
    let targets: Vec<String> = (0..20).map(|number| format!("/things/{number}")).collect();
    let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
    fleet.store(&targets);
    fleet.ways[0].cut();
    let version = fleet.change();
    for target in &targets {
        fleet.replicas[0].request("DELETE", target, &[], b"").expect_status(204);
    }
    fleet.ways[0].join();
    for target in targets {
        eventually("the other has learnt of it", || fleet.look(1, target) == version);
    }
}

#[test]
fn a_write_by_one_replica_invalidates_on_all() {
    let fleet = Fleet::start(2, LONG);
    for (method, target, gone) in [
        ("PUT", "/things/1", ["/things/1", "/lists/all"]),
        ("DELETE", "/other", ["/other", "/other"]),
        ("POST", "/things/2", ["/things/2", "/lists/some"]),
    ] {
        fleet.store(&gone);
        let version = fleet.change();
        fleet.replicas[0].request(method, target, &[], b"").expect_status(204);
        for target in gone {
            assert_eq!(fleet.look(0, target), version, "done here before the answer left");
            eventually("the other has learnt of it", || fleet.look(1, target) == version);
        }
    }
}

#[test]
fn a_soft_purge_has_all_replicas_validate() {
    let origin = Origin::start(|exchange| match exchange.field("if-none-match") {
        Some(etag) => {
            let unchanged = Reply::new(304).field("cache-control", "max-age=60");
            exchange.reply(&unchanged.field("etag", etag));
        }
        None => exchange.reply(&fresh("1").field("etag", "\"v1\"")),
    });
    let fleet = Fleet::in_front_of(origin, Redis::start(), 2, LONG);
    fleet.store(&["/a"]);
    let validated = || {
        let requests = fleet.origin.requests();
        requests.iter().filter(|request| request.field("if-none-match").is_some()).count()
    };
    assert_eq!(validated(), 0);
    fleet.purge_by(0, r#"{"url": "/a", "soft": true}"#).expect_status(200);
    eventually("the other one asks, and keeps what it has", || {
        fleet.replicas[1].get("/a").expect(200, "1");
        validated() == 1
    });
    fleet.replicas[1].hit("/a").expect(200, "1");
    assert_eq!(validated(), 1);
}

#[test]
fn a_dry_run_is_nobody_elses_business() {
    let fleet = Fleet::start(2, LONG);
    fleet.store(&["/things/1", "/canary"]);
    let version = fleet.change();
    let said = fleet.purge_by(0, r#"{"all": true, "dry_run": true}"#).expect_status(200);
    let told = said.json();
    assert_eq!((&told["matched"], &told["dry_run"]), (&2.into(), &true.into()));
    assert!(told["logged"].is_null(), "{told}");
    fleet.purge_by(0, r#"{"url": "/canary"}"#).expect_status(200);
    eventually("the other has learnt of it", || fleet.look(1, "/canary") == version);
    fleet.serves(1, &["/things/1"]);
}

#[test]
fn a_purge_request_is_a_purge_of_the_fleet() {
    let fleet = Fleet::start(2, LONG);
    fleet.store(&["/a"]);
    let version = fleet.change();
    let said = fleet.replicas[0].request("PURGE", "/a", &[replicas::RIGHT], b"").expect_status(200);
    assert_eq!((&said.json()["matched"], &said.json()["logged"]), (&1.into(), &true.into()));
    assert_eq!(fleet.outcome(0, &said)["logged"], true);
    eventually("the other has learnt of it", || fleet.look(1, "/a") == version);
    fleet.ways[0].cut();
    fleet.replicas[0].request("PURGE", "/a", &[replicas::RIGHT], b"").expect_status(503);
}

#[test]
fn no_two_purges_of_a_fleet_have_one_identifier() {
    let fleet = Fleet::start(2, LONG);
    let purge = |number: usize| fleet.purge_by(number % 2, r#"{"tag": "red"}"#);
    let mut ids: Vec<String> = (0..40).map(|number| id(&purge(number))).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 40);
}
