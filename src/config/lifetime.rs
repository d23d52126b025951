//! A route's `ttl`: so long, or until a time of day.

use super::kinds::duration;
use super::nearest::nearest;
use super::value::Value;
use super::wrong::Wrong;
use crate::caching::rules::Lifetime;
use crate::caching::{BadWallTime, WallTime};

/// `"15m"`, or `"until 00:00 Europe/Prague"`.
pub(super) fn lifetime(value: &Value<'_>) -> Result<Lifetime, Wrong> {
    match value.string("") {
        Ok(text) if text.starts_with("until") => until(&text).map(Lifetime::Until),
        _ => duration(value).map(Lifetime::For),
    }
}

fn until(text: &str) -> Result<WallTime, Wrong> {
    const WHAT: &str = "a time and its time zone like \"until 00:00 Europe/Prague\"";
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let ["until", time, zone] = words.as_slice() else { return Err(Wrong::expected(WHAT)) };
    WallTime::new(time, zone).map_err(|bad| {
        let (wrong, meant) = match bad {
            BadWallTime::Time => {
                (time, meant_time(time).map(|time| format!("until {time} {zone}")))
            }
            BadWallTime::Zone => {
                (zone, meant_zone(zone).map(|zone| format!("until {time} {zone}")))
            }
        };
        let wrong = Wrong::expected(WHAT).at(text.find(wrong).unwrap_or_default());
        match meant {
            Some(meant) => wrong.meant_text(&meant),
            None => wrong,
        }
    })
}

/// `0:00`, `24:00` and `00:00:00` as they are written here.
fn meant_time(time: &str) -> Option<String> {
    let mut parts = time.split(':').map(|part| part.parse::<u8>().ok());
    let (hours, minutes) = (parts.next()??, parts.next().unwrap_or(Some(0))?);
    let seconds = parts.next().unwrap_or(Some(0))?;
    (hours <= 24 && minutes < 60 && seconds == 0 && (hours < 24 || minutes == 0))
        .then(|| format!("{:02}:{minutes:02}", hours % 24))
}

/// The zone of the city of that name, else the one that is spelt most alike.
fn meant_zone(zone: &str) -> Option<String> {
    let zones = WallTime::zones();
    let city = |zone: &str| zone.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    let lower: Vec<String> = zones.iter().map(|zone| zone.to_ascii_lowercase()).collect();
    let of_city = zones.iter().position(|known| city(known) == city(zone));
    let alike = || {
        let nearest = nearest(zone, lower.iter().map(String::as_str))?;
        lower.iter().position(|known| known == nearest)
    };
    of_city.or_else(alike).and_then(|index| zones.get(index).cloned())
}
