//! What Redis is asked for.

use std::time::Duration;

/// What a command is for: the label it is measured by, and which connections it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// A stored response is looked for.
    Read,
    /// A stored response is written.
    Write,
    /// The purge log is read, and reported on.
    Sync,
    /// A purge is appended to the log.
    Append,
    /// It is asked who has applied a purge.
    Receipt,
    /// The right to fetch for the fleet is taken, kept or given back.
    Lease,
    /// A request is charged to its client.
    Limit,
    /// It is asked whether it answers at all.
    Probe,
}

/// Connections that do not hold each other up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    /// Those that large values go through.
    Values,
    /// Those that requests wait for before they are answered.
    Limits,
    /// The one of the log.
    Log,
}

/// How long those answers are awaited at least that no client waits for.
const UNHURRIED: Duration = Duration::from_millis(250);

impl Operation {
    const ALL: [Self; 8] = [
        Self::Read,
        Self::Write,
        Self::Sync,
        Self::Append,
        Self::Receipt,
        Self::Lease,
        Self::Limit,
        Self::Probe,
    ];

    /// The names of all, for the counters.
    pub fn names() -> [&'static str; 8] {
        Self::ALL.map(Self::as_str)
    }

    /// The operation's name in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Sync => "sync",
            Self::Append => "append",
            Self::Receipt => "receipt",
            Self::Lease => "lease",
            Self::Limit => "limit",
            Self::Probe => "probe",
        }
    }

    /// How long its answer is awaited, where clients wait for `timeout`. A probe is to find out whether Redis answers
    /// them in time; whatever runs beside requests has [`UNHURRIED`].
    pub(super) fn patience(self, timeout: Duration) -> Duration {
        match self {
            Self::Read | Self::Limit | Self::Lease | Self::Probe => timeout,
            Self::Write | Self::Sync | Self::Append | Self::Receipt => timeout.max(UNHURRIED),
        }
    }

    /// Whether it is done for a request, so that it is left where Redis does not answer. The log goes on asking.
    pub(super) const fn is_awaited(self) -> bool {
        matches!(self, Self::Read | Self::Write | Self::Lease | Self::Limit)
    }

    /// Whether it is left while Redis refuses writes.
    pub(super) const fn only_writes(self) -> bool {
        matches!(self, Self::Write | Self::Lease | Self::Limit)
    }

    pub(super) const fn lane(self) -> Lane {
        match self {
            Self::Read | Self::Write => Lane::Values,
            Self::Limit => Lane::Limits,
            Self::Sync | Self::Append | Self::Receipt | Self::Lease | Self::Probe => Lane::Log,
        }
    }
}
