//! The only reader of the time. Everything else is told what time it is.
//!
//! A [`Timestamp`] is wall time when the program started plus the monotonic time that has passed since, so that a wall
//! clock set forward or back makes no stored response fresher or staler.

use std::ops::{Add, Sub};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

/// A moment, in milliseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The moment `millis` milliseconds after the Unix epoch.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// The moment `secs` seconds after the Unix epoch.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since the Unix epoch.
    pub const fn as_secs(self) -> u64 {
        self.0 / 1000
    }

    /// The time from `earlier` to this moment; zero if `earlier` is later.
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(millis(duration)))
    }
}

/// Where the time comes from: the system, or a test's hand.
#[derive(Clone, Debug)]
pub enum Clock {
    /// Wall time at the start plus monotonic time since.
    System {
        /// The monotonic moment at which the clock was made.
        started: Instant,
        /// What the wall clock said then.
        wall: Timestamp,
    },
    /// Stands still until it is moved.
    Manual(Arc<AtomicU64>),
}

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        let since_epoch =
            SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self::System { started: Instant::now(), wall: Timestamp::default() + since_epoch }
    }

    /// A clock that stands at `at`.
    pub fn manual(at: Timestamp) -> Self {
        Self::Manual(Arc::new(AtomicU64::new(at.as_millis())))
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System { started, wall } => *wall + started.elapsed(),
            Self::Manual(millis) => Timestamp(millis.load(Ordering::Acquire)),
        }
    }

    /// The moment at which `watch` was started, without another look at the system's clock.
    pub fn when_started(&self, watch: Stopwatch) -> Timestamp {
        match self {
            Self::System { started, wall } => *wall + watch.0.saturating_duration_since(*started),
            Self::Manual(_) => self.now(),
        }
    }

    /// Moves a manual clock forward; the system's clock takes no notice.
    pub fn advance(&self, by: Duration) {
        if let Self::Manual(at) = self {
            at.fetch_add(millis(by), Ordering::AcqRel);
        }
    }
}

/// Measures how long something takes, finer than a [`Timestamp`] tells.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Begins to measure.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// The time since it was started.
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// A duration in whole milliseconds, 2^64 - 1 at most.
fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        let start = Timestamp::from_millis(5);
        assert_eq!(start - Duration::from_secs(1), Timestamp::default());
        assert_eq!(start + Duration::MAX, Timestamp::from_millis(u64::MAX));
        assert_eq!(start.saturating_since(Timestamp::from_secs(1)), Duration::ZERO);
    }

    #[test]
    fn the_systems_clock_knows_when_a_stopwatch_was_started() {
        let clock = Clock::system();
        let before = clock.now();
        let watch = Stopwatch::start();
        let after = clock.now();
        assert!((before..=after).contains(&clock.when_started(watch)));
    }

    #[test]
    fn a_manual_clock_moves_only_by_hand() {
        let clock = Clock::manual(Timestamp::from_secs(10));
        let other = clock.clone();
        clock.advance(Duration::from_secs(5));
        assert_eq!(other.now(), Timestamp::from_secs(15));
    }
}
