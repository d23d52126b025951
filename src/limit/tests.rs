//! Who is charged, and what they are told.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::window::{Per, Rate, Window};
use super::*;
use crate::clock::{Clock, Timestamp};
use crate::counters::Counters;
use crate::identity::peer::{Peer, Scheme};
use crate::identity::{Asker, TrustedProxies};

const KEY: &str = "x-api-key";
const NOW: Timestamp = Timestamp::from_secs(1_000_000_000);

fn window(count: u32, per: Per) -> Window {
    let count = count.try_into().unwrap();
    Window::new(Rate { count, per, burst: count }).unwrap()
}

fn tier(name: &str, requests: &[Window], forwarded: &[Window]) -> TierSettings {
    TierSettings {
        name: name.to_owned(),
        requests: requests.to_vec(),
        forwarded: forwarded.to_vec(),
    }
}

fn settings(tiers: Vec<TierSettings>) -> Settings {
    Settings {
        sources: vec!["header:x-api-key".parse().unwrap()],
        deny_unknown: false,
        ipv6_prefix: 64,
        tiers,
        default_tier: 0,
        tier: None,
        on_redis_failure: None,
    }
}

/// An anonymous tier of two requests an hour, and one of four for the keys `gold-1` and `gold-2`.
fn two_tiers() -> Settings {
    let rates = |count| [window(count, Per::Hour)];
    settings(vec![tier("anonymous", &rates(2), &[]), tier("gold", &rates(4), &[])])
}

fn limits(settings: &Settings, limiter: &Arc<Limiter>) -> Limits {
    let clients = [("gold-1", 1), ("gold-2", 1)];
    let counters = Counters::new("test");
    Limits::new(settings, clients.into_iter(), limiter, None, &counters).unwrap()
}

/// A request from an address, with so many lines of the key's field.
fn ask(limits: &Limits, address: &str, keys: &[&str]) -> Permit {
    as_asker(address, keys, |asker| limits.admit(asker, NOW))
}

/// What comes of something that has nothing to wait for.
fn at_hand<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("it waits"),
    }
}

fn as_asker<T>(address: &str, keys: &[&str], then: impl FnOnce(&Asker<'_>) -> T) -> T {
    let name = HeaderName::from_static(KEY);
    let fields: HeaderMap = keys
        .iter()
        .map(|key| (name.clone(), HeaderValue::from_bytes(key.as_bytes()).unwrap()))
        .collect();
    let address: SocketAddr = address.parse().unwrap();
    let peer = Peer::tcp(address, Scheme::Http);
    let client = TrustedProxies::default().client(&peer, &fields);
    then(&Asker::new(&fields, client, None, NOW))
}

/// How many of a client's requests pass, of ten.
fn passing(limits: &Limits, address: &str, keys: &[&str]) -> usize {
    (0..10).filter(|_| ask(limits, address, keys).admission() == Admission::Granted).count()
}

#[test]
fn the_first_that_is_known_is_charged() {
    let limits = limits(&two_tiers(), &Arc::default());
    assert_eq!(passing(&limits, "192.0.2.1:1", &["gold-1"]), 4);
    // Wherever it asks from.
    assert_eq!(passing(&limits, "192.0.2.2:1", &["gold-1"]), 0);
    assert_eq!(passing(&limits, "192.0.2.1:1", &["gold-2"]), 4);
    assert_eq!(passing(&limits, "192.0.2.1:1", &[]), 2);
    assert_eq!(passing(&limits, "192.0.2.1:2", &[]), 0);
    assert_eq!(passing(&limits, "192.0.2.2:1", &[]), 2);
}

#[test]
fn to_ask_where_a_request_would_be_charged_charges_nothing() {
    let limits = limits(&two_tiers(), &Arc::default());
    for _ in 0..10 {
        for (keys, tier, count, named) in [
            (&["gold-1"][..], "gold", 4, true),
            (&["guess"], "anonymous", 2, false),
            (&[], "anonymous", 2, false),
        ] {
            as_asker("192.0.2.1:1", keys, |asker| {
                let place = limits.place(asker);
                assert_eq!((place.tier(), place.named_by.is_some()), (tier, named));
                assert_eq!(place.requests(), [window(count, Per::Hour)]);
                assert!(place.forwarded().is_empty());
            });
        }
    }
    assert_eq!(passing(&limits, "192.0.2.1:1", &["gold-1"]), 4);
    assert_eq!(passing(&limits, "192.0.2.1:1", &[]), 2);
}

#[test]
fn h09_a_key_nobody_listed_has_no_bucket_of_its_own() {
    let long = "k".repeat(30_000);
    let limits = limits(&two_tiers(), &Arc::default());
    let keys: [&[&str]; 7] = [
        &["unknown"],
        &["gold-3"],
        &["GOLD-1"],
        &[""],
        &["gold-1", "gold-1"],
        &["gold-1", "gold-2"],
        &[&long],
    ];
    let passed: usize = keys.iter().map(|keys| passing(&limits, "192.0.2.1:1", keys)).sum();
    assert_eq!(passed, 2, "all of them together have what the address has");
}

#[test]
fn h09_a_key_nobody_listed_is_refused_where_the_operator_says_so() {
    let settings = Settings { deny_unknown: true, ..two_tiers() };
    let limits = limits(&settings, &Arc::default());
    let guesses = |keys| (0..5).map(|_| ask(&limits, "192.0.2.1:1", keys).admission()).collect();
    let denied: Vec<_> = guesses(&["unknown"]);
    // Guesses are charged to the address.
    let [unknown, limited] = [Denied::UnknownKey, Denied::Requests].map(Admission::Denied);
    assert_eq!(denied, [unknown, unknown, limited, limited, limited]);
    // Who has none is anybody; who has a good one is not troubled by others' guesses.
    assert_eq!(ask(&limits, "192.0.2.2:1", &[]).admission(), Admission::Granted);
    assert_eq!(ask(&limits, "192.0.2.1:1", &["gold-1"]).admission(), Admission::Granted);
    let permit = ask(&limits, "192.0.2.2:1", &["gold-1", "gold-1"]);
    let mut fields = HeaderMap::new();
    assert_eq!(permit.admission(), unknown);
    permit.tell_denied(Denied::UnknownKey, &mut fields);
    assert_eq!(fields[WWW_AUTHENTICATE], "ApiKey");
    assert!(!fields.contains_key(RETRY_AFTER));
}

#[test]
fn h08_an_address_is_one_client_however_it_is_written() {
    let limits = limits(&two_tiers(), &Arc::default());
    assert_eq!(passing(&limits, "192.0.2.1:1", &[]), 2);
    assert_eq!(passing(&limits, "[::ffff:192.0.2.1]:1", &[]), 0);
    assert_eq!(passing(&limits, "[::192.0.2.1]:1", &[]), 2);
}

#[test]
fn an_ipv6_network_is_one_client() {
    for (ipv6_prefix, same, other) in [
        (64, "[2001:db8::ffff:ffff:ffff:ffff]:1", "[2001:db8:0:1::1]:1"),
        (128, "[2001:db8::1]:2", "[2001:db8::2]:1"),
        (56, "[2001:db8:0:ff::1]:1", "[2001:db8:0:100::1]:1"),
        (1, "[7fff::1]:1", "[8000::1]:1"),
    ] {
        let limits = limits(&Settings { ipv6_prefix, ..two_tiers() }, &Arc::default());
        assert_eq!(passing(&limits, "[2001:db8::1]:1", &[]), 2);
        assert_eq!(passing(&limits, same, &[]), 0, "/{ipv6_prefix}");
        assert_eq!(passing(&limits, other, &[]), 2, "/{ipv6_prefix}");
    }
}

#[test]
fn h11_other_rules_hold_from_the_next_request_and_refill_nothing() {
    let limiter = Arc::default();
    let hourly = |count| settings(vec![tier("anonymous", &[window(count, Per::Hour)], &[])]);
    let passing = |count| passing(&limits(&hourly(count), &limiter), "192.0.2.1:1", &[]);
    assert_eq!(passing(4), 4);
    for count in [4, 8, 1, 100, 4] {
        assert_eq!(passing(count), 0, "{count} an hour");
    }
}

#[test]
fn h11_a_key_that_is_no_longer_listed_is_anybodys() {
    let limiter = Arc::default();
    let settings = two_tiers();
    assert_eq!(passing(&limits(&settings, &limiter), "192.0.2.1:1", &["gold-1"]), 4);
    let unlisted = Limits::new(&settings, [].into_iter(), &limiter, None, &Counters::new("test"));
    assert_eq!(passing(&unlisted.unwrap(), "192.0.2.1:1", &["gold-1"]), 2);
    // Listed again, it has used what it had used.
    assert_eq!(passing(&limits(&settings, &limiter), "192.0.2.1:1", &["gold-1"]), 0);
}

#[test]
fn to_go_forward_is_charged_once_a_request() {
    let tiers = vec![tier("anonymous", &[], &[window(2, Per::Hour)])];
    let limits = limits(&settings(tiers), &Arc::default());
    let asked: Vec<_> = (0..3).map(|_| ask(&limits, "192.0.2.1:1", &[])).collect();
    for (permit, outcome) in asked.iter().zip([Ok(()), Ok(()), Err(Denied::Forwarded)]) {
        for _ in 0..3 {
            assert_eq!(at_hand(permit.go_forward(&Clock::manual(NOW))), outcome);
        }
    }
}

#[test]
fn a_client_is_told_what_each_window_allows_and_has_left() {
    let tiers = vec![
        tier(
            "anonymous",
            &[window(20, Per::Second), window(500, Per::Hour)],
            &[window(2, Per::Day)],
        ),
        tier("gold", &[], &[]),
    ];
    let limits = limits(&settings(tiers), &Arc::default());
    let told = |permit: &Permit| {
        let mut fields = HeaderMap::new();
        permit.tell(&mut fields, NOW);
        fields
    };
    let permit = ask(&limits, "192.0.2.1:1", &[]);
    assert_eq!(
        told(&permit)["ratelimit-policy"],
        r#""second";q=20;w=1, "hour";q=500;w=3600, "forwarded-day";q=2;w=86400"#
    );
    let before = r#""second";r=19;t=1, "hour";r=499;t=8, "forwarded-day";r=2"#;
    assert_eq!(told(&permit)["ratelimit"], before);
    at_hand(permit.go_forward(&Clock::manual(NOW))).unwrap();
    let after = r#""second";r=19;t=1, "hour";r=499;t=8, "forwarded-day";r=1;t=43200"#;
    assert_eq!(told(&permit)["ratelimit"], after);
    assert!(told(&ask(&limits, "192.0.2.1:1", &["gold-1"])).is_empty());
}

#[test]
fn a_client_is_told_when_to_come_again() {
    let tiers = vec![tier("anonymous", &[window(1, Per::Hour)], &[window(1, Per::Day)])];
    let limits = limits(&settings(tiers), &Arc::default());
    let first = ask(&limits, "192.0.2.1:1", &[]);
    let second = ask(&limits, "192.0.2.1:1", &[]);
    at_hand(first.go_forward(&Clock::manual(NOW))).unwrap();
    let _ = at_hand(second.go_forward(&Clock::manual(NOW)));
    for (denied, seconds) in [(Denied::Requests, "3600"), (Denied::Forwarded, "86400")] {
        let mut fields = HeaderMap::new();
        second.tell_denied(denied, &mut fields);
        assert_eq!(fields[RETRY_AFTER], seconds);
    }
}
