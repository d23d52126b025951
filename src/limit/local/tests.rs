use std::sync::Barrier;
use std::sync::atomic::AtomicU32;
use std::thread;

use proptest::prelude::*;

use super::*;
use crate::limit::window::{Rate, Window};

fn window(count: u32, per: Per) -> Window {
    let count = count.try_into().unwrap();
    Window::new(Rate { count, per, burst: count }).unwrap()
}

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(1_000_000_000_000 + millis)
}

fn passes(limiter: &Limiter, client: Client, windows: &[Window], now: Timestamp) -> bool {
    limiter.charge(client, Budget::Requests, windows, now).refused.is_none()
}

fn buckets(limiter: &Limiter) -> usize {
    let of = |shard: &Mutex<Shard>| {
        let shard = lock(shard);
        shard.young.len() + shard.old.len()
    };
    limiter.shards.iter().map(of).sum()
}

/// A thousand requests at the same moment, by eight threads; how many pass.
fn thousand_at_once(limiter: &Limiter, windows: &[Window], now: Timestamp) -> u32 {
    let client = limiter.namer.named("jwt:sub", b"somebody");
    let (passed, start) = (AtomicU32::new(0), Barrier::new(8));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                start.wait();
                for _ in 0..125 {
                    let one = u32::from(passes(limiter, client, windows, now));
                    passed.fetch_add(one, Ordering::Relaxed);
                }
            });
        }
    });
    passed.into_inner()
}

#[test]
fn h04_of_a_thousand_at_once_exactly_as_many_pass_as_there_is_room_for() {
    let limiter = Limiter::default();
    let windows = [window(500, Per::Hour), window(20, Per::Second)];
    let client = limiter.namer.named("jwt:sub", b"somebody");
    assert_eq!(thousand_at_once(&limiter, &windows, at(0)), 20);
    // The 980 refused have not paid to the hour, which would have let them pass.
    let levels = limiter.levels(client, Budget::Requests, &windows, at(0));
    assert_eq!((levels[0].remaining, levels[1].remaining), (480, 0));
    // Each second of the next 24 lets 20 more pass, until the hour has had 500 and what 24 s added to it.
    let passed: Vec<_> =
        (1..=26).map(|second| thousand_at_once(&limiter, &windows, at(second * 1000))).collect();
    assert_eq!(passed[..24], [20; 24]);
    assert_eq!(20 + passed.iter().sum::<u32>(), 500 + 26_000 / 7_200);
}

#[test]
fn h04_of_a_thousand_at_once_one_gets_the_last_token() {
    let limiter = Limiter::default();
    assert_eq!(thousand_at_once(&limiter, &[window(1, Per::Day)], at(0)), 1);
    assert_eq!(thousand_at_once(&limiter, &[window(1, Per::Day)], at(86_399_999)), 0);
    assert_eq!(thousand_at_once(&limiter, &[window(1, Per::Day)], at(86_400_000)), 1);
}

#[test]
fn h02_who_is_refused_does_not_pay_for_it() {
    let limiter = Limiter::default();
    let client = limiter.namer.named("jwt:sub", b"somebody");
    let windows = [window(2, Per::Second)];
    assert!(passes(&limiter, client, &windows, at(0)) && passes(&limiter, client, &windows, at(0)));
    for millis in 0..500 {
        assert!(!passes(&limiter, client, &windows, at(millis)));
    }
    assert!(passes(&limiter, client, &windows, at(500)));
}

#[test]
fn the_longest_wait_is_told() {
    let limiter = Limiter::default();
    let client = limiter.namer.named("jwt:sub", b"somebody");
    let windows = [window(1, Per::Second), window(1, Per::Hour), window(2, Per::Minute)];
    assert_eq!(limiter.charge(client, Budget::Requests, &windows, at(0)).refused, None);
    let charged = limiter.charge(client, Budget::Requests, &windows, at(1));
    assert_eq!(charged.refused, Some(3600));
    assert_eq!(charged.levels.map(|level| level.remaining), [0, 0, 1, 0]);
}

#[test]
fn budgets_and_units_are_buckets_of_their_own() {
    let limiter = Limiter::default();
    let client = limiter.namer.named("jwt:sub", b"somebody");
    for per in [Per::Second, Per::Minute, Per::Hour, Per::Day] {
        for budget in [Budget::Requests, Budget::Forwarded] {
            let windows = [window(1, per)];
            assert_eq!(limiter.charge(client, budget, &windows, at(0)).refused, None);
            assert!(limiter.charge(client, budget, &windows, at(0)).refused.is_some());
        }
    }
}

#[test]
fn h14_however_many_come_by_few_are_kept_and_those_who_ask_stay_limited() {
    let limiter = Limiter::with_generations_of(50);
    let most = SHARDS * 2 * 50;
    let windows = [window(2, Per::Hour)];
    let honest = limiter.namer.named("jwt:sub", b"honest");
    assert!(passes(&limiter, honest, &windows, at(0)) && passes(&limiter, honest, &windows, at(0)));
    for n in 0..100_000_u32 {
        let flood = limiter.namer.address(std::net::IpAddr::from(n.to_be_bytes()), 64);
        assert!(passes(&limiter, flood, &windows, at(1)));
        if n % 1000 == 0 {
            assert!(!passes(&limiter, honest, &windows, at(1)), "{n}");
            assert!(buckets(&limiter) <= most);
        }
    }
    assert!(buckets(&limiter) > most / 2 && buckets(&limiter) <= most);
}

#[test]
fn of_a_million_clients_all_buckets_are_kept() {
    let limiter = Limiter::default();
    let windows = [window(1, Per::Day)];
    let client = |n: u32| limiter.namer.address(std::net::IpAddr::from(n.to_be_bytes()), 64);
    assert!((0..1_000_000).all(|n| passes(&limiter, client(n), &windows, at(0))));
    assert_eq!(buckets(&limiter), 1_000_000);
    assert!((0..1_000_000).step_by(997).all(|n| !passes(&limiter, client(n), &windows, at(1))));
}

#[test]
fn what_is_whole_again_is_forgotten_and_nothing_else() {
    let limiter = Limiter::default();
    let client = |n: u32| limiter.namer.address(std::net::IpAddr::from(n.to_be_bytes()), 64);
    for n in 0..1000 {
        assert!(passes(&limiter, client(n), &[window(1, Per::Second)], at(0)));
        assert!(passes(&limiter, client(n), &[window(1, Per::Minute)], at(0)));
    }
    let sweep = |now| (0..SHARDS).for_each(|_| limiter.sweep(now));
    for (millis, left) in [(999, 2000), (1000, 1000), (59_999, 1000), (60_000, 0)] {
        sweep(at(millis));
        assert_eq!(buckets(&limiter), left, "{millis}");
    }
}

#[test]
fn nothing_is_kept_of_who_has_used_nothing() {
    let limiter = Limiter::default();
    let client = limiter.namer.named("jwt:sub", b"somebody");
    assert_eq!(limiter.charge(client, Budget::Requests, &[], at(0)), Charged::default());
    let levels = limiter.levels(client, Budget::Requests, &[window(5, Per::Hour)], at(0));
    assert_eq!(levels[0], Level { remaining: 5, reset: 0 });
    assert_eq!(buckets(&limiter), 0);
}

#[test]
fn what_redis_says_is_kept_and_what_is_charged_here_is_known_until_redis_knows() {
    let limiter = Limiter::default();
    let client = limiter.namer.named("jwt:sub", b"somebody");
    let windows = [window(4, Per::Hour), window(2, Per::Minute)];
    let (quarter, half) = (900_000_000, 30_000_000);
    let mirror = |hour, minute| {
        let told = [(Per::Hour, hour), (Per::Minute, minute)].into_iter();
        limiter.mirror(client, Budget::Requests, told, at(0));
    };
    let left =
        || limiter.levels(client, Budget::Requests, &windows, at(0)).map(|level| level.remaining);
    let untold = || limiter.untold(client, Budget::Requests, &windows, at(0));
    mirror(2 * quarter, half);
    assert_eq!((left(), untold()), ([2, 1, 0, 0], [0; 4]));
    assert!(passes(&limiter, client, &windows, at(0)));
    assert_eq!((left(), untold()), ([1, 0, 0, 0], [3 * quarter, 2 * half, 0, 0]));
    // Who is refused has not been charged.
    mirror(3 * quarter, 2 * half);
    assert!(!passes(&limiter, client, &windows, at(0)));
    assert_eq!((left(), untold()), ([1, 0, 0, 0], [0; 4]));
    // Redis has the last word, and of what is whole nothing is kept.
    mirror(quarter, 0);
    assert_eq!((left(), buckets(&limiter)), ([3, 2, 0, 0], 1));
    mirror(0, 0);
    assert_eq!((left(), buckets(&limiter)), ([4, 2, 0, 0], 0));
}

#[test]
fn h14_what_redis_says_of_however_many_takes_no_more_room() {
    let limiter = Limiter::with_generations_of(50);
    for n in 0..100_000_u32 {
        let client = limiter.namer.address(std::net::IpAddr::from(n.to_be_bytes()), 64);
        let told = [(Per::Second, 1), (Per::Day, 1)].into_iter();
        limiter.mirror(client, Budget::Requests, told, at(0));
    }
    assert!(buckets(&limiter) <= SHARDS * 2 * 50);
}

proptest! {
    /// Several windows together pass what each of them would, and are charged all or none.
    #[test]
    fn all_windows_are_charged_or_none(
        counts in (1_u32..6, 1_u32..12, 1_u32..20),
        steps in prop::collection::vec(0_u64..700, 1..200),
    ) {
        let limiter = Limiter::default();
        let client = limiter.namer.named("jwt:sub", b"somebody");
        let windows = [window(counts.0, Per::Second), window(counts.1, Per::Minute), window(counts.2, Per::Hour)];
        let (mut arrivals, mut now) = ([Arrival::default(); 3], 0);
        for step in steps {
            now += step;
            let each: Vec<_> = windows.iter().zip(arrivals).map(|(window, arrival)| window.charge(arrival, at(now))).collect();
            let all = each.iter().all(Result::is_ok);
            if all {
                arrivals = [0, 1, 2].map(|i| *each[i].as_ref().unwrap());
            }
            prop_assert_eq!(passes(&limiter, client, &windows, at(now)), all);
            let levels = limiter.levels(client, Budget::Requests, &windows, at(now));
            for i in 0..3 {
                prop_assert_eq!(levels[i], windows[i].level(arrivals[i], at(now)));
            }
        }
    }
}
