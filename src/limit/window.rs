//! The generic cell rate algorithm (GCRA): how many requests fit, told from one number a bucket.
//!
//! That number is the *theoretical arrival time*: when the bucket will be whole again if nothing more is charged. Each
//! request moves it by the interval at which the rate lets one through; it may be ahead of the present by as many
//! intervals as the burst has. So there is no edge between two windows at which twice the rate would pass.
//!
//! A charge is time, and time is what it costs in any tier: an arrival time means the same to whatever rate looks at it
//! next. Who has used up an hour's requests has used up the hour, however many of them the next tier allows.

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use crate::clock::Timestamp;

/// The unit of a rate. A client has one bucket for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Per {
    /// A second.
    Second,
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// 24 hours.
    Day,
}

impl Per {
    /// How many units there are, and so how many windows a budget can have.
    pub const COUNT: usize = Self::Day as usize + 1;

    /// Its length in seconds.
    pub const fn secs(self) -> u32 {
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3600,
            Self::Day => 86_400,
        }
    }

    /// The unit as it is written in a rate.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Second => "s",
            Self::Minute => "min",
            Self::Hour => "h",
            Self::Day => "d",
        }
    }

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Second => "second",
            Self::Minute => "minute",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }
}

/// So many requests per unit, and so many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Requests per unit.
    pub count: NonZeroU32,
    /// The unit.
    pub per: Per,
    /// Requests at once.
    pub burst: NonZeroU32,
}

/// A rate, ready to be held. Times are microseconds, the finest that Redis counts without loss: no rate comes to more than a
/// million a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    rate: Rate,
    /// What one request costs.
    interval: u64,
    /// What can be spent at once.
    capacity: u64,
}

const MICROS: u64 = 1_000_000;

/// When a bucket will be whole again, in microseconds since the Unix epoch. One nobody has charged is whole already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arrival(u64);

/// How much a bucket has left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Level {
    /// Requests that would pass now.
    pub remaining: u32,
    /// Seconds, rounded up: until the bucket is whole, or if nothing remains, until one request would pass.
    pub reset: u32,
}

impl Window {
    /// The window of a rate; `None` where the burst is so large that it would take decades to be whole again.
    pub fn new(rate: Rate) -> Option<Self> {
        const LONGEST: u64 = (1 << 31) * MICROS;
        let period = u64::from(rate.per.secs()) * MICROS;
        // Rounded up: in no window does more pass than was said.
        let interval = period.div_ceil(u64::from(rate.count.get()));
        let capacity = interval.checked_mul(u64::from(rate.burst.get()))?;
        (capacity <= LONGEST).then_some(Self { rate, interval, capacity })
    }

    /// What was said.
    pub const fn rate(&self) -> Rate {
        self.rate
    }

    /// What one request costs, in microseconds.
    pub(super) const fn interval(&self) -> u64 {
        self.interval
    }

    /// What can be spent at once, in microseconds.
    pub(super) const fn capacity(&self) -> u64 {
        self.capacity
    }

    /// One of `count` equal parts of it, which together let no more pass: but one request at once each may.
    pub(super) fn divided(&self, count: u64) -> Self {
        let interval = self.interval.saturating_mul(count.max(1));
        let burst = (self.capacity / interval).max(1);
        Self { interval, capacity: interval.saturating_mul(burst), ..*self }
    }

    /// When the bucket is whole again if a request is charged now.
    ///
    /// # Errors
    ///
    /// How long until one would pass, where none does.
    pub fn charge(&self, arrival: Arrival, now: Timestamp) -> Result<Arrival, Duration> {
        let debt = arrival.debt(now);
        match self.wait(debt) {
            Duration::ZERO => Ok(Arrival::ahead(now, debt.saturating_add(self.interval))),
            wait => Err(wait),
        }
    }

    /// How long until a request would pass, where a bucket is so many microseconds from being whole.
    pub(super) const fn wait(&self, debt: u64) -> Duration {
        Duration::from_micros(debt.saturating_add(self.interval).saturating_sub(self.capacity))
    }

    /// How much is left.
    pub fn level(&self, arrival: Arrival, now: Timestamp) -> Level {
        self.level_at(arrival.debt(now))
    }

    /// How much is left of a bucket that is so many microseconds from being whole.
    pub(super) fn level_at(&self, debt: u64) -> Level {
        let remaining = self.capacity.saturating_sub(debt) / self.interval;
        let reset = match remaining {
            0 => debt.saturating_add(self.interval).saturating_sub(self.capacity),
            _ => debt,
        };
        Level {
            remaining: u32::try_from(remaining).unwrap_or(u32::MAX),
            reset: whole_seconds(Duration::from_micros(reset)),
        }
    }
}

impl fmt::Display for Rate {
    /// As it is written: `50/h`, `50/h burst 10`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { count, per, burst } = self;
        write!(f, "{count}/{}", per.unit())?;
        if burst == count { Ok(()) } else { write!(f, " burst {burst}") }
    }
}

impl Arrival {
    /// So many microseconds after the Unix epoch.
    pub(super) const fn at(since_epoch: u64) -> Self {
        Self(since_epoch)
    }

    /// Microseconds since the Unix epoch.
    pub(super) const fn since_epoch(self) -> u64 {
        self.0
    }

    /// When a bucket is whole again that is `debt` microseconds from it.
    pub(super) const fn ahead(now: Timestamp, debt: u64) -> Self {
        Self(micros(now).saturating_add(debt))
    }

    /// How far from being whole it is, in microseconds.
    pub(super) const fn debt(self, now: Timestamp) -> u64 {
        self.0.saturating_sub(micros(now))
    }

    /// True when the bucket is whole: there is nothing to be remembered of it.
    pub const fn is_past(self, now: Timestamp) -> bool {
        self.0 <= micros(now)
    }
}

/// Seconds, rounded up.
pub(super) fn whole_seconds(duration: Duration) -> u32 {
    let partial = u64::from(duration.subsec_nanos() > 0);
    u32::try_from(duration.as_secs().saturating_add(partial)).unwrap_or(u32::MAX)
}

const fn micros(now: Timestamp) -> u64 {
    now.as_millis().saturating_mul(1000)
}

#[cfg(test)]
mod tests;
