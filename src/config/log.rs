//! `[log]`: what is written to standard error.

use std::time::Duration;

use super::Share;
use super::kinds::{boolean, duration_or_none, one_of, share};
use super::table::Table;
use super::value::Value;
use super::wrong::Wrong;

/// `[log]`.
#[derive(Clone, Debug, PartialEq)]
pub struct LogSettings {
    /// The least severe level that is written.
    pub level: LogLevel,
    /// How a line looks.
    pub format: LogFormat,
    /// Which requests get a line.
    pub access: AccessLog,
    /// Whether access lines show query strings.
    pub query: bool,
    /// Requests that take longer than this get a line whatever `access` says; `None`: none do.
    pub slow: Option<Duration>,
}

/// How severe a line must be to be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// What needs a hand.
    Error,
    /// What may need one soon.
    Warn,
    /// Starts, stops, reloads.
    #[default]
    Info,
    /// What helps to find a fault.
    Debug,
}

/// How a line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Which requests get a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccessLog {
    /// Every one.
    #[default]
    All,
    /// Those that failed.
    Errors,
    /// None.
    Off,
    /// A random sample, and those that failed.
    Sample(Share),
}

impl LogSettings {
    pub(super) fn read(table: &Table<'_>) -> Self {
        Self {
            level: table.get("level", "info", one_of(&LEVELS)),
            format: table.get("format", "text", one_of(&FORMATS)),
            access: table.get("access", "all", access),
            query: table.get("query", "false", boolean),
            slow: table.get("slow", "0s", duration_or_none),
        }
    }
}

const LEVELS: [(&str, LogLevel); 4] = [
    ("error", LogLevel::Error),
    ("warn", LogLevel::Warn),
    ("info", LogLevel::Info),
    ("debug", LogLevel::Debug),
];

const FORMATS: [(&str, LogFormat); 2] = [("text", LogFormat::Text), ("json", LogFormat::Json)];

fn access(value: &Value<'_>) -> Result<AccessLog, Wrong> {
    const WHAT: &str = "\"all\", \"errors\", \"off\" or a percentage like \"1%\"";
    match &*value.string(WHAT)? {
        "all" => Ok(AccessLog::All),
        "errors" => Ok(AccessLog::Errors),
        "off" => Ok(AccessLog::Off),
        text => {
            let share = share(value, WHAT).map(AccessLog::Sample);
            share.map_err(|wrong| wrong.meant_one_of(text, ["all", "errors", "off"]))
        }
    }
}
