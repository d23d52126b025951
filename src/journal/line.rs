//! One line, as text or JSON. No byte of a peer's reaches the sink that could end the line or drive a terminal.

use std::cell::RefCell;
use std::fmt::{self, Write};

use super::{Format, Level, Value};
use crate::clock::Timestamp;

/// What a line begins with.
#[derive(Clone, Copy)]
pub(super) enum Heading<'a> {
    Message(Level, &'a str),
    Access,
}

/// Formats a line, line end included, in a buffer that the thread keeps, and hands it to `write`.
pub(super) fn with_line(
    format: Format,
    at: Timestamp,
    heading: Heading<'_>,
    fields: &[(&'static str, Value<'_>)],
    write: impl FnOnce(&[u8]),
) {
    thread_local! {
        static LINE: RefCell<String> = const { RefCell::new(String::new()) };
    }
    // A thread on its way out has no buffer any more, one that panics may be using it; no line is worth a panic.
    let _ = LINE.try_with(|line| {
        let Ok(mut line) = line.try_borrow_mut() else { return };
        line.clear();
        let formatted = match format {
            Format::Text => text(&mut line, at, heading, fields),
            Format::Json => json(&mut line, at, heading, fields),
        };
        if formatted.is_ok() {
            line.push('\n');
            write(line.as_bytes());
        }
        line.shrink_to(4096);
    });
}

fn text(
    line: &mut String,
    at: Timestamp,
    heading: Heading<'_>,
    fields: &[(&'static str, Value<'_>)],
) -> fmt::Result {
    time(line, at)?;
    match heading {
        Heading::Access => line.push_str(" ACCESS"),
        Heading::Message(level, message) => {
            let level = match level {
                Level::Error => " ERROR ",
                Level::Warn => " WARN  ",
                Level::Info => " INFO  ",
                Level::Debug => " DEBUG ",
            };
            line.push_str(level);
            for char in message.chars() {
                if is_harmless(char) {
                    line.push(char)
                } else {
                    write!(line, "{}", char.escape_unicode())?
                }
            }
        }
    }
    for (name, value) in fields {
        line.push(' ');
        line.push_str(name);
        line.push('=');
        match *value {
            Value::Str(value) if is_plain(value.as_bytes()) => line.push_str(value),
            Value::Str(value) => {
                line.push('"');
                for char in value.chars() {
                    match char {
                        '"' | '\\' => line.extend(['\\', char]),
                        char if is_harmless(char) => line.push(char),
                        char => write!(line, "{}", char.escape_unicode())?,
                    }
                }
                line.push('"');
            }
            Value::Bytes(value) => match str::from_utf8(value) {
                Ok(value) if is_plain(value.as_bytes()) => line.push_str(value),
                _ => write!(line, "\"{}\"", value.escape_ascii())?,
            },
            Value::Int(value) => write!(line, "{value}")?,
            Value::Seconds(value) => write!(line, "{:.6}", value.as_secs_f64())?,
        }
    }
    Ok(())
}

fn json(
    line: &mut String,
    at: Timestamp,
    heading: Heading<'_>,
    fields: &[(&'static str, Value<'_>)],
) -> fmt::Result {
    let (level, message) = match heading {
        Heading::Message(level, message) => (level, message),
        Heading::Access => (Level::Info, "access"),
    };
    line.push_str("{\"time\":\"");
    time(line, at)?;
    write!(line, "\",\"level\":\"{}\",\"message\":", level.as_str())?;
    json_string(line, message.chars())?;
    for (name, value) in fields {
        write!(line, ",\"{name}\":")?;
        match *value {
            Value::Str(value) => json_string(line, value.chars())?,
            Value::Bytes(value) => json_string(line, value.escape_ascii().map(char::from))?,
            Value::Int(value) => write!(line, "{value}")?,
            Value::Seconds(value) => write!(line, "{:.6}", value.as_secs_f64())?,
        }
    }
    line.push('}');
    Ok(())
}

fn json_string(line: &mut String, chars: impl Iterator<Item = char>) -> fmt::Result {
    line.push('"');
    for char in chars {
        match char {
            '"' | '\\' => line.extend(['\\', char]),
            char if is_harmless(char) => line.push(char),
            char => {
                for unit in char.encode_utf16(&mut [0; 2]) {
                    write!(line, "\\u{unit:04x}")?;
                }
            }
        }
    }
    line.push('"');
    Ok(())
}

/// Whether a value can stand in a line of text without quotes.
fn is_plain(value: &[u8]) -> bool {
    !value.is_empty()
        && value.iter().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'='))
}

/// Neither a control character nor one that makes the text around it read otherwise than it is.
fn is_harmless(char: char) -> bool {
    !char.is_control()
        && !matches!(char, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The moment in UTC, in the form of RFC 3339, to the millisecond.
fn time(line: &mut String, at: Timestamp) -> fmt::Result {
    let millis = at.as_millis() % 1000;
    let secs = at.as_secs();
    let (year, month, day) = date(secs / 86_400);
    let (hour, minute, second) = (secs / 3600 % 24, secs / 60 % 60, secs % 60);
    write!(line, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

/// Year, month and day of the Gregorian calendar, so many days after 1970-01-01.
fn date(days: u64) -> (u64, u64, u64) {
    // Counted from 0000-03-01, so that the leap day is the last of its year.
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + carry, month, day)
}
