//! One Redis, a cluster, and Sentinels: the same holds on each of them, and whatever happens to each in its life.

use crate::support::{
    Cluster, Fleet, Forebay, Gate, HUNDRED, Origin, Sentinel, Shared, eventually, fresh,
    none_failed, read_all,
};

/// The test of each name, on each of the three.
macro_rules! on_each {
    ($($name:ident)*) => {
        mod one {
            $(#[test] fn $name() { super::$name(&super::Shared::one()); })*
        }
        mod cluster {
            $(#[test] fn $name() { super::$name(&super::Shared::cluster()); })*
        }
        mod sentinel {
            $(#[test] fn $name() { super::$name(&super::Shared::sentinel()); })*
        }
    };
}

on_each! {
    what_one_replica_fetched_another_serves
    a_purge_is_made_everywhere
    a_limit_is_exact
    one_request_for_the_whole_fleet
}

/// Every time is so long that it is not over while a test goes on, however busy the machine is.
fn config() -> String {
    let patient = "timeout = \"1s\"\n[cache]\ncollapse_timeout = \"1m\"\n";
    let routes = r#"
        [[route]]
        path = "/limited/{*rest}"

        [[route]]
        path = "/probe"

        [[route]]
        path = "/{*rest}"
        rate_limit = false
        collapse = "fleet"
    "#;
    format!("{patient}{HUNDRED}{routes}")
}

fn replicas(count: usize, shared: &Shared) -> Fleet {
    let fleet = Fleet::start(count, &shared.url(), &config());
    fleet.wait_until_healthy();
    fleet.wait_until_shared();
    fleet
}

/// What may happen to it: where the purges and the stored responses are moves elsewhere. All replicas find it again.
fn stir(fleet: &Fleet, shared: &Shared) {
    let keys = shared.keys("forebay:*");
    let mut slots: Vec<&str> = keys.iter().filter_map(|key| key.split(['{', '}']).nth(1)).collect();
    slots.sort_unstable();
    slots.dedup();
    assert!(slots.contains(&"log"), "{keys:?}");
    let tags: Vec<String> = slots.iter().map(|slot| format!("{{{slot}}}")).collect();
    shared.stir(&tags.iter().map(String::as_str).collect::<Vec<_>>());
    fleet.wait_until_healthy();
    fleet.wait_until_shared();
}

fn what_one_replica_fetched_another_serves(shared: &Shared) {
    let fleet = replicas(2, shared);
    let targets: Vec<String> = (0..20).map(|number| format!("/{number}")).collect();
    let ask = |forebay: &Forebay| -> Vec<String> {
        targets.iter().map(|target| forebay.get(target).expect_status(200).text()).collect()
    };
    let first = ask(&fleet.replicas[0]);
    eventually("all of them are written", || {
        let written = [("result", "written")];
        let written = fleet.replicas[0].metric("forebay_redis_writes_total", &written);
        written >= targets.len() as f64
    });
    fleet.wait_until_shared();
    assert_eq!(ask(&fleet.replicas[1]), first);
    stir(&fleet, shared);
    assert_eq!(ask(&fleet.another()), first);
    let asked: usize = targets.iter().map(|target| fleet.origin.count_of(target)).sum();
    assert_eq!(asked, targets.len());
}

fn a_purge_is_made_everywhere(shared: &Shared) {
    let fleet = replicas(3, shared);
    let targets: Vec<String> = (0..5).map(|number| format!("/{number}")).collect();
    let ask = |replica: usize| -> Vec<String> {
        targets.iter().map(|target| fleet.get(replica, target).expect_status(200).text()).collect()
    };
    for round in 0..3 {
        let before: Vec<String> = (0..3).flat_map(ask).collect();
        let what = [r#"{"tag": "all"}"#, r#"{"prefix": "/"}"#, r#"{"all": true}"#][round];
        fleet.purge_everywhere(round, what);
        let after: Vec<String> = (0..3).flat_map(ask).collect();
        assert!(after.iter().all(|text| !before.contains(text)), "{before:?} {after:?}");
        if round < 2 {
            stir(&fleet, shared);
        }
    }
}

fn a_limit_is_exact(shared: &Shared) {
    let fleet = replicas(3, shared);
    fleet.wait_until_charged();
    let passed = |requests: usize| {
        let asked = (0..requests).map(|number| fleet.get(number % 3, "/limited/a").status());
        asked.filter(|status| *status == 200).count()
    };
    assert_eq!(passed(60), 60);
    stir(&fleet, shared);
    fleet.wait_until_charged();
    assert_eq!(passed(90), 40);
}

fn one_request_for_the_whole_fleet(shared: &Shared) {
    let gate = Gate::new();
    let held = gate.clone();
    let origin = Origin::start(move |exchange| {
        if exchange.target().starts_with("/held") {
            exchange.wait(&held);
        }
        let number = exchange.number().to_string();
        exchange.reply(&fresh(number));
    });
    let fleet = Fleet::before(origin, 3, &shared.url(), &config());
    fleet.wait_until_healthy();
    fleet.wait_until_shared();
    stir(&fleet, shared);
    let mut clients: Vec<_> =
        fleet.replicas.iter().flat_map(|replica| replica.burst(10, "/held")).collect();
    fleet.replicas.iter().for_each(|replica| replica.wait_for_clients(10));
    gate.open();
    let texts: Vec<String> =
        read_all(&mut clients).into_iter().map(|one| one.expect_status(200).text()).collect();
    assert!(texts.iter().all(|text| *text == texts[0]), "{texts:?}");
    assert_eq!(fleet.origin.count_of("/held"), 1);
}

/// The log has gone to the node that gets its slot, and whoever asks the one that has it is sent there for this once. Be
/// that as it may for so long as it lasts: nobody is refused, and nothing is forgotten.
#[test]
fn f16_the_slot_of_the_log_on_its_way() {
    let shared = Shared::cluster();
    let fleet = replicas(2, &shared);
    let before = fleet.get(0, "/a").text();
    assert_eq!(fleet.get(1, "/a").text(), before);
    let Shared::Cluster(cluster) = &shared else { unreachable!() };
    cluster.migrate("{log}", || {
        fleet.replicas[0].purge(r#"{"url": "/a"}"#);
        assert_ne!(fleet.get(0, "/a").expect_status(200).text(), before);
        fleet.get(1, "/b").expect_status(200);
    });
    eventually("the other replica has made the purge too", || {
        fleet.get(1, "/a").expect_status(200).text() != before
    });
    fleet.wait_until_healthy();
    fleet.wait_until_shared();
}

/// A third of all keys is away, and comes back empty.
#[test]
fn f16_a_node_dies_and_returns() {
    let mut cluster = Cluster::start();
    let fleet = Fleet::start(2, &cluster.url(), &config());
    fleet.wait_until_healthy();
    let hot: Vec<String> = (0..10).map(|number| format!("/hot/{number}")).collect();
    fleet.warm(&hot);
    let slot = cluster.ask(&["CLUSTER", "KEYSLOT", "{log}"]);
    let place = cluster.owner(&slot);
    let mix = |number: usize| match number % 2 {
        0 => format!("/hot/{}", number % 10),
        _ => format!("/cold/{number}"),
    };
    let outcomes = fleet.load(mix).during(|| {
        cluster.nodes_mut()[place].kill();
        fleet.wait_until_unavailable();
        cluster.nodes_mut()[place].restart();
        fleet.wait_until_healthy();
        fleet.wait_until_shared();
    });
    none_failed(&outcomes);
}

/// The master dies under load; a failover may lose what it had not passed on yet.
#[test]
fn the_master_dies_and_another_is_chosen() {
    let mut sentinel = Sentinel::start(3);
    let fleet = Fleet::start(2, &sentinel.url(), &config());
    fleet.wait_until_healthy();
    let targets = ["/hot/0".to_owned(), "/hot/1".to_owned()];
    fleet.warm(&targets);
    let mix = |number: usize| match number % 2 {
        0 => format!("/hot/{}", number % 2),
        _ => format!("/cold/{number}"),
    };
    let outcomes = fleet.load(mix).during(|| {
        sentinel.kill_master();
        fleet.wait_until_healthy();
        fleet.wait_until_shared();
        let before = fleet.get(1, "/hot/0").text();
        fleet.purge_everywhere(0, r#"{"url": "/hot/0"}"#);
        assert_ne!(fleet.get(1, "/hot/0").text(), before);
    });
    none_failed(&outcomes);
}
