//! (f) What goes wrong with the Redis, under steady load: no client ever sees it, and all is shared again afterwards.

mod access; // it answers, and refuses
mod limits; // what is charged meanwhile
mod line; // what stands between
mod server; // it dies, it freezes, it forgets

use std::collections::BTreeMap;

use crate::support::{Fleet, none_failed};

/// What every replica has here: every request is charged, so that every request asks Redis something.
const CHARGED: &str = r#"
    timeout = "100ms"

    [rate_limit]
    default_tier = "all"

    [rate_limit.tiers]
    all = ["100000/s"]

    [[route]]
    path = "/live/{*rest}"
    cache = false

    [[route]]
    path = "/together/{*rest}"
    collapse = "fleet"
"#;

/// What is asked for: what is in memory; what nobody has asked for, of one replica or of all together; what is not stored.
fn mix(number: usize) -> String {
    match number % 6 {
        0..=2 => format!("/hot/{}", number % 10),
        3 => format!("/cold/{number}"),
        4 => format!("/together/{}", number / 12),
        _ => format!("/live/{number}"),
    }
}

/// What is in memory.
fn hot() -> Vec<String> {
    (0..10).map(|number| format!("/hot/{number}")).collect()
}

/// So many replicas that have their Redis, and share what they fetch.
#[track_caller]
fn fleet(count: usize, url: &str, config: &str) -> Fleet {
    let fleet = Fleet::start(count, url, config);
    fleet.wait_until_healthy();
    fleet.wait_until_shared();
    fleet
}

/// Every request is answered while `fault` happens; afterwards all have their Redis and share what they fetch.
#[track_caller]
fn survives(fleet: &Fleet, fault: impl FnOnce()) -> BTreeMap<u16, usize> {
    fleet.warm(&hot());
    let outcomes = fleet.load(mix).during(|| {
        fault();
        fleet.wait_until_healthy();
        fleet.wait_until_shared();
    });
    let statuses = none_failed(&outcomes);
    assert_eq!(statuses.keys().collect::<Vec<_>>(), [&200], "{statuses:?}");
    statuses
}

/// What is served and done without any Redis: what is in memory, what is not, and a purge, of the replica that is told.
#[track_caller]
fn goes_on_alone(fleet: &Fleet) {
    for (replica, forebay) in fleet.replicas.iter().enumerate() {
        let target = format!("/alone/{replica}");
        let first = forebay.get(&target).expect_status(200).text();
        assert_eq!(forebay.hit(&target).text(), first);
        forebay.purge(&format!(r#"{{"url": "{target}"}}"#));
        assert_ne!(forebay.get(&target).expect_status(200).text(), first, "it is purged here");
    }
}
