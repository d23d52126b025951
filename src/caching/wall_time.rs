//! A time of day in a time zone, and when it comes next. The one user of jiff; its zones are compiled in.

use std::fmt;

use jiff::civil::{Date, Time};
use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};

use crate::clock::Timestamp;

/// What the clocks of a time zone show at one moment of most days: `00:00 Europe/Prague`.
#[derive(Clone, PartialEq, Eq)]
pub struct WallTime {
    time: Time,
    zone: TimeZone,
}

/// Which part of a wall time cannot be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadWallTime {
    /// No time from `00:00` to `23:59`.
    Time,
    /// No time zone of that name.
    Zone,
}

impl WallTime {
    /// The time `HH:MM` in the zone with this IANA name, in whatever case.
    ///
    /// # Errors
    ///
    /// [`BadWallTime`], the first thing that is wrong.
    pub fn new(time: &str, zone: &str) -> Result<Self, BadWallTime> {
        let time = parse_time(time).ok_or(BadWallTime::Time)?;
        let zone = TimeZoneDatabase::bundled().get(zone).map_err(|_| BadWallTime::Zone)?;
        Ok(Self { time, zone })
    }

    /// The first moment after `now` at which the zone's clocks show this time.
    ///
    /// On a day on which they skip it, that is the first moment after the gap. On a day on which they show it twice, it is
    /// each of the two in turn. `None` only where `now` is thousands of years away.
    pub fn next_after(&self, now: Timestamp) -> Option<Timestamp> {
        let now = jiff::Timestamp::from_millisecond(i64::try_from(now.as_millis()).ok()?).ok()?;
        let today = self.zone.to_datetime(now).date();
        // Where clocks are set back over midnight, a moment of yesterday's is still to come; where a whole day is left out,
        // there is none of tomorrow's.
        let days = std::iter::successors(today.yesterday().ok(), |day| day.tomorrow().ok()).take(4);
        let next = days.flat_map(|day| self.moments(day)).filter(|moment| *moment > now).min()?;
        u64::try_from(next.as_millisecond()).ok().map(Timestamp::from_millis)
    }

    /// The names of all zones.
    pub fn zones() -> Vec<String> {
        TimeZoneDatabase::bundled().available().map(|name| name.as_str().to_owned()).collect()
    }

    /// When the clocks show this time on one date.
    fn moments(&self, date: Date) -> impl Iterator<Item = jiff::Timestamp> {
        let shown = date.to_datetime(self.time);
        let moments = match self.zone.to_ambiguous_timestamp(shown).offset() {
            AmbiguousOffset::Unambiguous { offset } => [offset.to_timestamp(shown).ok(), None],
            AmbiguousOffset::Fold { before, after } => {
                [before.to_timestamp(shown).ok(), after.to_timestamp(shown).ok()]
            }
            // By the offset that holds behind the gap, the time that is skipped lies before it.
            AmbiguousOffset::Gap { after, .. } => {
                let before_it = after.to_timestamp(shown).ok();
                let end = before_it.and_then(|moment| self.zone.following(moment).next());
                [end.map(|transition| transition.timestamp()), None]
            }
        };
        moments.into_iter().flatten()
    }
}

fn parse_time(text: &str) -> Option<Time> {
    let digits = |part: &str| {
        (part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit()))
            .then(|| part.parse().ok())
            .flatten()
    };
    let (hours, minutes) = text.split_once(':')?;
    Time::new(digits(hours)?, digits(minutes)?, 0, 0).ok()
}

impl fmt::Display for WallTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let zone = self.zone.iana_name().unwrap_or("UTC");
        write!(f, "{:02}:{:02} {zone}", self.time.hour(), self.time.minute())
    }
}

impl fmt::Debug for WallTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WallTime({self})")
    }
}

#[cfg(test)]
mod tests;
