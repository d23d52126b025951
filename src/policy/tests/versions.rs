//! Which rules are the same rules in the next configuration.

use std::time::Duration;

use crate::caching::Rules;
use crate::policy::{Policy, Route};

/// Routes `/0`, `/1`... with these lifetimes in seconds, and a fallback without any.
fn policy(ttls: &[u64]) -> Policy {
    let route = |(at, ttl): (usize, &u64)| Route {
        rules: Rules { ttl: Some(Duration::from_secs(*ttl).into()), ..Rules::default() },
        ..Route::new(format!("{at}"), format!("/{at}").parse().unwrap())
    };
    let routes = ttls.iter().enumerate().map(route).collect();
    Policy::new(routes, Route::new("fallback", "/".parse().unwrap())).unwrap()
}

fn versions(policy: &Policy) -> Vec<u32> {
    policy.all_rules().map(|rules| rules.version).collect()
}

#[test]
fn the_same_rules_have_the_same_version_and_no_others_have() {
    let mut last = 0;
    let mut fresh = || {
        last += 1;
        last
    };
    let mut first = policy(&[10, 20, 10]);
    first.number_rules(None, &mut fresh);
    assert_eq!(versions(&first), [1, 2, 1, 3]);
    let mut unchanged = policy(&[10, 20, 10]);
    unchanged.number_rules(Some(&first), &mut fresh);
    assert_eq!(versions(&unchanged), [1, 2, 1, 3]);
    let mut second = policy(&[20, 30]);
    second.number_rules(Some(&unchanged), &mut fresh);
    assert_eq!(versions(&second), [2, 4, 3]);
    // What was stored by version 1 was not judged meanwhile; the number is not used again all the same.
    let mut third = policy(&[10, 20]);
    third.number_rules(Some(&second), &mut fresh);
    assert_eq!(versions(&third), [5, 2, 3]);
}
