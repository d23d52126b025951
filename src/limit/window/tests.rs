use proptest::prelude::*;

use super::*;

fn rate(count: u32, per: Per, burst: u32) -> Rate {
    let number = |number| NonZeroU32::new(number).unwrap();
    Rate { count: number(count), per, burst: number(burst) }
}

fn window(count: u32, per: Per, burst: u32) -> Window {
    Window::new(rate(count, per, burst)).unwrap()
}

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(1_000_000_000_000 + millis)
}

/// A bucket of which so many requests have been charged at once.
fn used(window: &Window, requests: u32, now: Timestamp) -> Arrival {
    (0..requests).fold(Arrival::default(), |arrival, _| window.charge(arrival, now).unwrap())
}

#[test]
fn a_burst_passes_at_once_and_then_one_each_interval() {
    for (window, burst, interval) in [
        (window(20, Per::Second, 20), 20, 50),
        (window(50, Per::Hour, 50), 50, 72_000),
        (window(500, Per::Hour, 500), 500, 7_200),
        (window(50, Per::Hour, 10), 10, 72_000),
        (window(10, Per::Second, 100), 100, 100),
        (window(1, Per::Day, 1), 1, 86_400_000),
        (window(100, Per::Minute, 1), 1, 600),
    ] {
        let mut arrival = used(&window, burst, at(0));
        assert_eq!(window.charge(arrival, at(0)), Err(Duration::from_millis(interval)));
        for nth in 1..=3 {
            let just_before = window.charge(arrival, at(nth * interval - 1));
            assert_eq!(just_before, Err(Duration::from_millis(1)), "{window:?}");
            arrival = window.charge(arrival, at(nth * interval)).unwrap();
            assert!(window.charge(arrival, at(nth * interval)).is_err(), "{window:?}");
        }
    }
}

#[test]
fn at_no_edge_between_two_windows_does_twice_the_rate_pass() {
    let window = window(20, Per::Second, 20);
    let arrival = used(&window, 20, at(999));
    // A counter that begins anew each second would let twenty more pass here.
    assert!(window.charge(arrival, at(1000)).is_err());
    assert_eq!(window.level(arrival, at(1999)).remaining, 20);
}

#[test]
fn an_interval_that_no_clock_shows_is_not_rounded_in_the_clients_favour() {
    let window = window(3, Per::Second, 1);
    let arrival = used(&window, 1, at(0));
    assert!(window.charge(arrival, at(333)).is_err());
    assert!(window.charge(arrival, at(334)).is_ok());
}

#[test]
fn so_many_intervals_are_never_shorter_than_their_unit() {
    for (count, per) in [(3, Per::Second), (7, Per::Minute), (700_000_007, Per::Second)] {
        let period = u64::from(per.secs()) * MICROS;
        assert!(window(count, per, 1).interval * u64::from(count) >= period, "{count}");
    }
}

#[test]
fn what_is_left_and_when_there_is_more() {
    let fifty = window(50, Per::Hour, 50);
    for (requests, millis, remaining, reset) in [
        (0, 0, 50, 0),
        (1, 0, 49, 72),
        (1, 1, 49, 72),
        (1, 71_999, 49, 1),
        (1, 72_000, 50, 0),
        (49, 0, 1, 49 * 72),
        (50, 0, 0, 72),
        (50, 1_001, 0, 71),
        (50, 72_000, 1, 49 * 72),
        (50, 3_600_000, 50, 0),
        (50, u64::MAX / 4_000_000, 50, 0),
    ] {
        let arrival = used(&fifty, requests, at(0));
        let level = Level { remaining, reset };
        assert_eq!(fifty.level(arrival, at(millis)), level, "{requests} {millis}");
    }
}

#[test]
fn another_rate_finds_as_much_used_up_as_the_one_before_left() {
    let (fifty, two_hundred) = (window(50, Per::Hour, 50), window(200, Per::Hour, 200));
    let ten = window(50, Per::Hour, 10);
    for (before, requests, after, remaining) in [
        (fifty, 0, two_hundred, 200),
        (fifty, 25, two_hundred, 100),
        (fifty, 50, two_hundred, 0),
        (two_hundred, 100, fifty, 25),
        (two_hundred, 200, fifty, 0),
        (fifty, 50, ten, 0),
        (ten, 10, fifty, 40),
    ] {
        let arrival = used(&before, requests, at(0));
        assert_eq!(after.level(arrival, at(0)).remaining, remaining, "{before:?} {after:?}");
    }
    // And it refills at its own pace at once.
    let arrival = used(&fifty, 50, at(0));
    assert!(two_hundred.charge(arrival, at(17_999)).is_err());
    assert!(two_hundred.charge(arrival, at(18_000)).is_ok());
}

#[test]
fn changing_to_and_fro_refills_nothing() {
    let tiers = [window(50, Per::Hour, 50), window(200, Per::Hour, 200), window(50, Per::Hour, 10)];
    let mut arrival = used(&tiers[1], 200, at(0));
    for tier in tiers.iter().cycle().take(30) {
        assert!(tier.charge(arrival, at(0)).is_err());
        arrival = tier.charge(arrival, at(0)).unwrap_or(arrival);
    }
    assert_eq!(tiers[1].level(arrival, at(0)).remaining, 0);
}

#[test]
fn the_parts_of_a_window_let_pass_no_more_than_it_does() {
    for (of, count, burst, interval) in [
        (window(20, Per::Second, 20), 1, 20, 50),
        (window(20, Per::Second, 20), 0, 20, 50),
        (window(20, Per::Second, 20), 3, 6, 150),
        (window(50, Per::Hour, 10), 4, 2, 288_000),
        (window(50, Per::Hour, 10), 11, 1, 792_000),
        (window(10, Per::Second, 100), 8, 12, 800),
    ] {
        let part = of.divided(count);
        let arrival = used(&part, burst, at(0));
        assert_eq!(part.charge(arrival, at(0)), Err(Duration::from_millis(interval)), "{of:?}");
        assert!(part.charge(arrival, at(interval)).is_ok(), "{of:?}");
    }
    assert!(window(1, Per::Day, 1).divided(u64::MAX).charge(Arrival::default(), at(0)).is_ok());
}

#[test]
fn a_bucket_that_is_never_whole_again_is_none() {
    assert!(Window::new(rate(1, Per::Day, 24_000)).is_some());
    assert!(Window::new(rate(1, Per::Day, 25_000)).is_none());
    assert!(Window::new(rate(1, Per::Day, u32::MAX)).is_none());
    assert!(Window::new(rate(u32::MAX, Per::Second, u32::MAX)).is_some());
}

#[test]
fn the_end_of_time_is_no_end_of_the_arithmetic() {
    let window = window(1, Per::Second, 1);
    for now in [Timestamp::default(), Timestamp::from_millis(u64::MAX)] {
        let arrival = window.charge(Arrival::default(), now).unwrap();
        let _ = window.charge(arrival, now);
        assert!(window.level(arrival, now).remaining <= 1);
    }
}

/// The same as tokens: a bucket of `burst`, filled by `count` in each period, as exact fractions.
struct Tokens {
    rate: Rate,
    /// In tokens times the period's milliseconds.
    level: u64,
    at: u64,
}

impl Tokens {
    fn full(rate: Rate) -> Self {
        Self { rate, level: u64::from(rate.burst.get()) * Self::period(rate), at: 0 }
    }

    fn period(rate: Rate) -> u64 {
        u64::from(rate.per.secs()) * 1000
    }

    fn take(&mut self, now: u64) -> bool {
        let full = u64::from(self.rate.burst.get()) * Self::period(self.rate);
        let more = (now - self.at) * u64::from(self.rate.count.get());
        self.level = (self.level + more).min(full);
        self.at = now;
        let left = self.level.checked_sub(Self::period(self.rate));
        self.level = left.unwrap_or(self.level);
        left.is_some()
    }
}

fn per() -> impl Strategy<Value = Per> {
    prop::sample::select(vec![Per::Second, Per::Minute, Per::Hour, Per::Day])
}

proptest! {
    /// Where the interval is a whole number of microseconds, requests pass exactly when there is a token.
    #[test]
    fn what_passes_is_what_a_bucket_of_tokens_lets_pass(
        count in prop::sample::select(vec![1_u32, 2, 3, 4, 5, 8, 10, 16, 20, 50, 100, 125, 500, 1000]),
        per in per(),
        burst in 1_u32..30,
        steps in prop::collection::vec((0_u32..4, 0_u64..2000), 1..200),
    ) {
        let rate = rate(count, per, burst);
        prop_assume!((u64::from(per.secs()) * MICROS).is_multiple_of(u64::from(count)));
        let window = Window::new(rate).unwrap();
        let (mut tokens, mut arrival, mut now) = (Tokens::full(rate), Arrival::default(), 0);
        for (intervals, millis) in steps {
            now += u64::from(intervals) * window.interval / 2_000 + millis * window.interval / 1_000_000;
            let charged = window.charge(arrival, at(now));
            prop_assert_eq!(charged.is_ok(), tokens.take(now));
            arrival = charged.unwrap_or(arrival);
        }
    }

    /// Whatever the rate, no stretch of time sees more than the burst and what the rate adds in it.
    #[test]
    fn no_stretch_of_time_sees_more_than_it_may(
        count in 1_u32..5000,
        per in per(),
        burst in 1_u32..20,
        steps in prop::collection::vec(0_u64..3000, 1..150),
    ) {
        let window = window(count, per, burst);
        let (mut arrival, mut now, mut passed) = (Arrival::default(), 0, Vec::new());
        for step in steps {
            now += step * window.interval / 1_000_000;
            if let Ok(next) = window.charge(arrival, at(now)) {
                arrival = next;
                passed.push(now);
            }
        }
        let period = u64::from(per.secs()) * 1000;
        for (i, from) in passed.iter().enumerate() {
            for (j, to) in passed.iter().enumerate().skip(i) {
                let seen = (j - i + 1) as u64;
                prop_assert!((seen - seen.min(u64::from(burst))) * period <= (to - from) * u64::from(count));
            }
        }
    }
}
