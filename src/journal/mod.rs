//! What the program says while it runs: lines of text or JSON, written by a thread of their own.
//!
//! The journal is lossy on purpose. A reader of our standard error that is slow, gone or out of disk costs lines, which
//! are counted, and never a request: nothing here waits for the sink, fails or panics.

mod line;
mod queue;

use std::io::Write;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use self::line::Heading;
use self::queue::Queue;
use crate::clock::Timestamp;

/// How much a line matters. A journal keeps its own level and whatever matters more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Something asked for was not done.
    Error,
    /// It was done, but somebody should look.
    Warn,
    /// Starts, stops and changes.
    Info,
    /// What is of use only while looking for a fault.
    Debug,
}

impl Level {
    /// The level's name, as the configuration spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

impl FromStr for Level {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        [Self::Error, Self::Warn, Self::Info, Self::Debug]
            .into_iter()
            .find(|level| level.as_str() == name)
            .ok_or(UnknownName)
    }
}

/// How lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `2026-11-21T05:00:00.123Z INFO  message key=value`
    Text,
    /// One JSON object a line.
    Json,
}

impl FromStr for Format {
    type Err = UnknownName;

    fn from_str(name: &str) -> Result<Self, UnknownName> {
        match name {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(UnknownName),
        }
    }
}

/// The name of no level and no format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownName;

impl std::fmt::Display for UnknownName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("unknown name")
    }
}

impl std::error::Error for UnknownName {}

/// What a field of a line holds.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// Text.
    Str(&'a str),
    /// Text as a peer sent it: every byte that is not visible ASCII is written as `\xNN`.
    Bytes(&'a [u8]),
    /// A number.
    Int(i64),
    /// A time in seconds, to the microsecond.
    Seconds(Duration),
}

/// A handle on the one writer; clones write to the same sink.
#[derive(Clone, Debug)]
pub struct Journal {
    writer: Option<Arc<Writer>>,
}

#[derive(Debug)]
struct Writer {
    /// A [`Format`] and a [`Level`].
    format: AtomicU8,
    level: AtomicU8,
    queue: Arc<Queue>,
}

impl Journal {
    /// A journal that writes lines of `level` and above to `sink`, from a thread of its own.
    pub fn start(format: Format, level: Level, sink: Box<dyn Write + Send>) -> Self {
        let (format, level) = (AtomicU8::new(format as u8), AtomicU8::new(level as u8));
        Self { writer: Some(Arc::new(Writer { format, level, queue: Queue::start(sink) })) }
    }

    /// Writes the lines from now on in this format, and those of `level` and above.
    pub fn adjust(&self, format: Format, level: Level) {
        if let Some(writer) = &self.writer {
            writer.format.store(format as u8, Ordering::Relaxed);
            writer.level.store(level as u8, Ordering::Relaxed);
        }
    }

    /// A journal that writes nothing.
    pub const fn silent() -> Self {
        Self { writer: None }
    }

    /// Whether a line of this level would be written.
    pub fn enabled(&self, level: Level) -> bool {
        self.writer.as_ref().is_some_and(|writer| writer.wants(level))
    }

    /// Writes one line, if its level is enabled.
    pub fn write(
        &self,
        at: Timestamp,
        level: Level,
        message: &str,
        fields: &[(&'static str, Value<'_>)],
    ) {
        if let Some(writer) = &self.writer
            && writer.wants(level)
        {
            writer.line(at, Heading::Message(level, message), fields);
        }
    }

    /// Writes the line of one request, whatever the level.
    pub fn access(&self, at: Timestamp, fields: &[(&'static str, Value<'_>)]) {
        if let Some(writer) = &self.writer {
            writer.line(at, Heading::Access, fields);
        }
    }

    /// How many lines were lost since the start because the sink was slow or failed.
    pub fn dropped(&self) -> u64 {
        self.writer.as_ref().map_or(0, |writer| writer.queue.dropped())
    }

    /// Waits until every line written so far has reached the sink, or until `within` has passed.
    pub fn flush(&self, within: Duration) {
        if let Some(writer) = &self.writer {
            writer.queue.flush(within);
        }
    }
}

impl Writer {
    fn line(&self, at: Timestamp, heading: Heading<'_>, fields: &[(&'static str, Value<'_>)]) {
        let is_json = self.format.load(Ordering::Relaxed) == Format::Json as u8;
        let format = if is_json { Format::Json } else { Format::Text };
        line::with_line(format, at, heading, fields, |line| self.queue.push(line));
    }

    fn wants(&self, level: Level) -> bool {
        level as u8 <= self.level.load(Ordering::Relaxed)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue.close();
    }
}

#[cfg(test)]
mod tests;
