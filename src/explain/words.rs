//! How things are written.

use std::fmt;
use std::time::Duration;

use crate::caching::freshness::LifetimeSource;

/// A time as the configuration has it: `1h30m`, `250ms`, `0s`.
pub(super) struct Span(pub(super) Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3600, "h"), (60, "m"), (1, "s")];
        let (mut secs, millis) = (self.0.as_secs(), self.0.subsec_millis());
        if self.0 < Duration::from_millis(1) {
            return f.write_str("0s");
        }
        for (unit, name) in UNITS {
            if secs >= unit {
                write!(f, "{}{name}", secs / unit)?;
                secs %= unit;
            }
        }
        if millis > 0 { write!(f, "{millis}ms") } else { Ok(()) }
    }
}

/// A size as the configuration has it, in the largest unit that it is a multiple of.
pub(super) struct Size(pub(super) u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
        match UNITS.iter().find(|(unit, _)| self.0 > 0 && self.0.is_multiple_of(*unit)) {
            Some((unit, name)) => write!(f, "{}{name}", self.0 / unit),
            None => write!(f, "{}B", self.0),
        }
    }
}

/// What a peer sent, without what could end the line or drive a terminal.
pub(super) fn printable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for byte in bytes {
        match byte {
            b' '..=b'~' => text.push(char::from(*byte)),
            _ => text.push_str(&format!("\\x{byte:02x}")),
        }
    }
    text
}

/// The key or field that gives a lifetime.
pub(super) const fn given_by(source: LifetimeSource) -> &'static str {
    match source {
        LifetimeSource::OperatorStatus => "ttl_by_status",
        LifetimeSource::Operator | LifetimeSource::OperatorUntil => "ttl",
        LifetimeSource::OperatorDefault => "default_ttl",
        LifetimeSource::Heuristic => "heuristic, from Last-Modified",
        LifetimeSource::SMaxAge => "its s-maxage",
        LifetimeSource::MaxAge => "its max-age",
        LifetimeSource::Expires => "its Expires",
        LifetimeSource::None => "nothing",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_they_are_read() {
        for (millis, text) in [
            (0, "0s"),
            (250, "250ms"),
            (1500, "1s500ms"),
            (60_000, "1m"),
            (5_400_000, "1h30m"),
            (90_061_000, "1d1h1m1s"),
        ] {
            assert_eq!(Span(Duration::from_millis(millis)).to_string(), text);
        }
        assert_eq!(Span(Duration::from_nanos(1)).to_string(), "0s");
    }

    #[test]
    fn sizes_are_written_as_they_are_read() {
        for (bytes, text) in
            [(0, "0B"), (1, "1B"), (4 << 20, "4MiB"), (1 << 30, "1GiB"), (1 << 11, "2KiB")]
        {
            assert_eq!(Size(bytes).to_string(), text);
        }
    }

    #[test]
    fn nothing_of_a_peer_drives_the_terminal() {
        assert_eq!(printable(b"a\n\x1b[31m\xc3\xa4"), "a\\x0a\\x1b[31m\\xc3\\xa4");
    }
}
