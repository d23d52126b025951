//! Rates as people write them: `"20/s"`, `"50/h burst 10"`.

use std::num::NonZeroU32;

use super::value::Value;
use super::wrong::Wrong;
use crate::limit::window::{Per, Rate, Window};

/// The units, and how else people write them.
const UNITS: [(Per, &[&str]); Per::COUNT] = [
    (Per::Second, &["sec", "second", "seconds"]),
    (Per::Minute, &["m", "mins", "minute", "minutes"]),
    (Per::Hour, &["hr", "hour", "hours"]),
    (Per::Day, &["day", "days"]),
];

/// What a bucket can hold: no more is ever counted.
const MOST: u32 = 1_000_000_000;

/// Rates that must all hold, no two of them of the same unit.
pub(super) fn windows(value: &Value<'_>) -> Result<Vec<Window>, Wrong> {
    let windows = value.items("rates like \"50/h\"", window)?;
    let twice = windows.iter().enumerate().find_map(|(i, window)| {
        let per = window.rate().per;
        let earlier = windows.get(..i)?.iter().any(|earlier| earlier.rate().per == per);
        earlier.then_some(per)
    });
    match twice {
        Some(per) => Err(Wrong::because(format!("two rates per {} stand here", per.as_str()))),
        None => Ok(windows),
    }
}

fn window(value: &Value<'_>) -> Result<Window, Wrong> {
    const WHAT: &str = "a rate like \"50/h\", \"20/s\" or \"50/h burst 10\"";
    let rate = rate(&value.string(WHAT)?).map_err(|meant| {
        let wrong = Wrong::expected(WHAT);
        match meant {
            Some(meant) => wrong.meant_text(&meant),
            None => wrong,
        }
    })?;
    Window::new(rate).ok_or_else(|| Wrong::because("so large a burst is never whole again"))
}

/// A rate, or what was probably meant.
fn rate(text: &str) -> Result<Rate, Option<String>> {
    let (rate, burst) = match text.split_once(" burst ") {
        Some((rate, burst)) => (rate, Some(burst)),
        None => (text, None),
    };
    let (count, unit) = rate.split_once('/').ok_or(None)?;
    let Some((per, _)) = UNITS.iter().find(|(per, _)| per.unit() == unit) else {
        let meant = UNITS.iter().find(|(_, others)| others.contains(&unit));
        return Err(meant.filter(|_| number(count).is_some()).map(|(per, _)| {
            let burst = burst.map(|burst| format!(" burst {burst}")).unwrap_or_default();
            format!("{count}/{}{burst}", per.unit())
        }));
    };
    let count = number(count).ok_or(None)?;
    let burst = burst.map_or(Some(count), number).ok_or(None)?;
    Ok(Rate { count, per: *per, burst })
}

fn number(digits: &str) -> Option<NonZeroU32> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|number: &NonZeroU32| plain && number.get() <= MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates() {
        let rate_of = |count, per, burst| {
            let number = |number| NonZeroU32::new(number).unwrap();
            Ok(Rate { count: number(count), per, burst: number(burst) })
        };
        for (text, expected) in [
            ("20/s", rate_of(20, Per::Second, 20)),
            ("100/min", rate_of(100, Per::Minute, 100)),
            ("50/h", rate_of(50, Per::Hour, 50)),
            ("1000/d", rate_of(1000, Per::Day, 1000)),
            ("50/h burst 10", rate_of(50, Per::Hour, 10)),
            ("10/s burst 100", rate_of(10, Per::Second, 100)),
        ] {
            assert_eq!(rate(text), expected, "{text}");
            assert_eq!(rate(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn no_rates() {
        for (text, meant) in [
            ("", None),
            ("50", None),
            ("50/", None),
            ("/h", None),
            ("0/h", None),
            ("-1/h", None),
            ("+1/h", None),
            ("1.5/h", None),
            ("50 / h", None),
            ("50/h burst 0", None),
            ("50/h burst", None),
            ("50/h  burst 10", None),
            ("1000000001/d", None),
            ("99999999999/d", None),
            ("50/w", None),
            ("x/m", None),
            ("100/m", Some("100/min")),
            ("50/hour", Some("50/h")),
            ("50/hour burst 10", Some("50/h burst 10")),
        ] {
            assert_eq!(rate(text), Err(meant.map(str::to_owned)), "{text}");
        }
    }
}
