//! Durations, sizes and percentages as people write them: `"1h30m"`, `"64KiB"`, `"25%"`.

use std::fmt;
use std::time::Duration;

/// A part of a whole, exact to four decimals of a percent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Share {
    millionths: u32,
}

impl Share {
    const WHOLE: u32 = 1_000_000;

    /// How many millionths of the whole, a million at most.
    pub const fn millionths(self) -> u32 {
        self.millionths
    }

    /// This part of `whole`, rounded down.
    pub const fn of(self, whole: u64) -> u64 {
        // No part is larger than the whole.
        (whole as u128 * self.millionths as u128 / Self::WHOLE as u128) as u64
    }
}

impl fmt::Display for Share {
    /// As it is written: `25%`, `0.1%`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", f64::from(self.millionths) / 10_000.0)
    }
}

/// Why a text is no quantity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NoQuantity {
    /// Neither a number nor a unit can be made out.
    Form,
    /// A bare number, which with a unit is probably this.
    NoUnit(Option<String>),
    /// A unit nobody knows, or one we spell like this.
    Unit(Option<String>),
    /// More than can be meant.
    TooMuch,
}

/// Durations end where HTTP's do: 2^31 seconds, 68 years.
const LONGEST: u64 = (1 << 31) * 1000;

/// Units of time from the largest, in milliseconds, and how else people write them.
const TIMES: [(&str, u64, &[&str]); 5] = [
    ("d", 86_400_000, &["day", "days"]),
    ("h", 3_600_000, &["hr", "hrs", "hour", "hours"]),
    ("m", 60_000, &["min", "mins", "minute", "minutes"]),
    ("s", 1000, &["sec", "secs", "second", "seconds"]),
    ("ms", 1, &["msec", "msecs", "millis"]),
];

/// `250ms`, `30s`, `5m`, `24h`, `7d`; combined from the largest unit down, as in `1h30m`.
pub(super) fn duration(text: &str) -> Result<Duration, NoQuantity> {
    let mut millis = 0_u64;
    let mut smaller = TIMES.as_slice();
    let mut rest = text;
    loop {
        let (number, unit, after) = leading_quantity(rest)?;
        if unit.is_empty() {
            // In `1h30` minutes are meant.
            let next = if smaller.len() == TIMES.len() {
                Some("s")
            } else {
                smaller.first().map(|(name, ..)| *name)
            };
            return Err(NoQuantity::NoUnit(next.map(|unit| format!("{text}{unit}"))));
        }
        let Some(at) = smaller.iter().position(|(name, ..)| *name == unit) else {
            return Err(if TIMES.iter().any(|(name, ..)| *name == unit) {
                NoQuantity::Form
            } else {
                let meant = TIMES.iter().find(|(.., others)| others.contains(&unit));
                NoQuantity::Unit(meant.map(|(name, ..)| text.replace(unit, name)))
            });
        };
        let (_, size, _) = smaller[at];
        smaller = &smaller[at + 1..];
        millis = number
            .checked_mul(size)
            .and_then(|part| millis.checked_add(part))
            .filter(|sum| *sum <= LONGEST)
            .ok_or(NoQuantity::TooMuch)?;
        rest = after;
        if rest.is_empty() {
            return Ok(Duration::from_millis(millis));
        }
    }
}

/// The duration that a text stands for, as everywhere in the configuration.
///
/// # Errors
/// Says what was expected.
pub fn duration_of(text: &str) -> Result<Duration, String> {
    duration(text).map_err(|_| "expected a duration like \"1s\", \"500ms\" or \"1m\"".to_owned())
}

/// Units of size in bytes, and how else people write them.
const SIZES: [(&str, u64, &[&str]); 9] = [
    ("B", 1, &["b", "bytes", "byte"]),
    ("KiB", 1 << 10, &["K", "k", "Ki", "kib", "KIB"]),
    ("MiB", 1 << 20, &["M", "m", "Mi", "mib", "MIB"]),
    ("GiB", 1 << 30, &["G", "g", "Gi", "gib", "GIB"]),
    ("TiB", 1 << 40, &["T", "t", "Ti", "tib", "TIB"]),
    ("KB", 1000, &["kB", "kb"]),
    ("MB", 1_000_000, &["mB", "mb"]),
    ("GB", 1_000_000_000, &["gB", "gb"]),
    ("TB", 1_000_000_000_000, &["tB", "tb"]),
];

/// `512B`, `64KiB`, `10MiB`, `1GiB`; `KB`, `MB` and `GB` are powers of ten. In bytes.
pub(super) fn size(text: &str) -> Result<u64, NoQuantity> {
    let (number, unit, rest) = leading_quantity(text)?;
    if !rest.is_empty() {
        return Err(NoQuantity::Form);
    }
    if unit.is_empty() {
        return Err(NoQuantity::NoUnit(None));
    }
    let Some((_, bytes, _)) = SIZES.iter().find(|(name, ..)| *name == unit) else {
        let meant = SIZES.iter().find(|(.., others)| others.contains(&unit));
        return Err(NoQuantity::Unit(meant.map(|(name, ..)| format!("{number}{name}"))));
    };
    number.checked_mul(*bytes).filter(|size| *size <= 1 << 53).ok_or(NoQuantity::TooMuch)
}

/// `25%`, `0.1%`: up to four decimals, up to 100 %.
pub(super) fn share(text: &str) -> Result<Share, NoQuantity> {
    let number = text.strip_suffix('%');
    let (whole, decimals) =
        number.unwrap_or(text).split_once('.').unwrap_or((number.unwrap_or(text), "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(decimals) || decimals.len() > 4 {
        return Err(NoQuantity::Form);
    }
    if number.is_none() {
        return Err(NoQuantity::NoUnit(Some(format!("{text}%"))));
    }
    let parse = |digits: &str| digits.parse::<u32>().map_err(|_| NoQuantity::TooMuch);
    parse(whole)?
        .checked_mul(10_000)
        .zip(Some(parse(&format!("{decimals:0<4}"))?))
        .and_then(|(whole, decimals)| whole.checked_add(decimals))
        .filter(|millionths| *millionths <= Share::WHOLE)
        .map(|millionths| Share { millionths })
        .ok_or(NoQuantity::TooMuch)
}

/// The digits at the start of `text`, the letters behind them, and what follows.
fn leading_quantity(text: &str) -> Result<(u64, &str, &str), NoQuantity> {
    let split = |text: &'_ str, stop: fn(char) -> bool| text.find(stop).unwrap_or(text.len());
    let (digits, rest) = text.split_at(split(text, |c| !c.is_ascii_digit()));
    let (unit, rest) = rest.split_at(split(rest, |c| !c.is_ascii_alphabetic()));
    if digits.is_empty() || (unit.is_empty() && !rest.is_empty()) {
        return Err(NoQuantity::Form);
    }
    Ok((digits.parse().map_err(|_| NoQuantity::TooMuch)?, unit, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, millis) in [
            ("0s", 0),
            ("250ms", 250),
            ("30s", 30_000),
            ("5m", 300_000),
            ("24h", 86_400_000),
            ("7d", 604_800_000),
            ("1h30m", 5_400_000),
            ("1d2h3m4s5ms", 93_784_005),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
    }

    #[test]
    fn no_durations() {
        let unit = |meant: &str| NoQuantity::Unit(Some(meant.to_owned()));
        for (text, why) in [
            ("", NoQuantity::Form),
            ("s", NoQuantity::Form),
            ("-1s", NoQuantity::Form),
            ("1.5s", NoQuantity::Form),
            ("5 m", NoQuantity::Form),
            ("30m1h", NoQuantity::Form),
            ("1h1h", NoQuantity::Form),
            ("15", NoQuantity::NoUnit(Some("15s".to_owned()))),
            ("1h30", NoQuantity::NoUnit(Some("1h30m".to_owned()))),
            ("5min", unit("5m")),
            ("1h5min", unit("1h5m")),
            ("2w", NoQuantity::Unit(None)),
            ("24856d", NoQuantity::TooMuch),
            ("99999999999999999999s", NoQuantity::TooMuch),
        ] {
            assert_eq!(duration(text), Err(why), "{text}");
        }
    }

    #[test]
    fn sizes() {
        let unit = |meant: &str| Err(NoQuantity::Unit(Some(meant.to_owned())));
        for (text, bytes) in [
            ("0B", Ok(0)),
            ("512B", Ok(512)),
            ("64KiB", Ok(65_536)),
            ("10MiB", Ok(10_485_760)),
            ("1GiB", Ok(1_073_741_824)),
            ("5MB", Ok(5_000_000)),
            ("64k", unit("64KiB")),
            ("10mb", unit("10MB")),
            ("10XB", Err(NoQuantity::Unit(None))),
            ("1024", Err(NoQuantity::NoUnit(None))),
            ("1KiB1B", Err(NoQuantity::Form)),
            ("1.5GiB", Err(NoQuantity::Form)),
            ("9999999TiB", Err(NoQuantity::TooMuch)),
        ] {
            assert_eq!(size(text), bytes, "{text}");
        }
    }

    #[test]
    fn shares() {
        for (text, expected) in [
            ("25%", Ok(250_000)),
            ("100%", Ok(1_000_000)),
            ("0.1%", Ok(1000)),
            ("0.0001%", Ok(1)),
            ("0%", Ok(0)),
            ("101%", Err(NoQuantity::TooMuch)),
            ("25", Err(NoQuantity::NoUnit(Some("25%".to_owned())))),
            ("%", Err(NoQuantity::Form)),
            ("a%", Err(NoQuantity::Form)),
            ("1.%", Err(NoQuantity::Form)),
            ("0.00001%", Err(NoQuantity::Form)),
        ] {
            assert_eq!(share(text).map(Share::millionths), expected, "{text}");
        }
        assert_eq!(share("0.1%").map(|share| share.to_string()).as_deref(), Ok("0.1%"));
        assert_eq!(share("25%").map(|share| share.of(u64::MAX)), Ok(u64::MAX / 4));
    }
}
