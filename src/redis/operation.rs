//! What Redis is asked for.

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

impl Operation {
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

    pub(super) const fn lane(self) -> Lane {
        match self {
            Self::Read | Self::Write => Lane::Values,
            Self::Limit => Lane::Limits,
            Self::Sync | Self::Append | Self::Receipt | Self::Lease | Self::Probe => Lane::Log,
        }
    }
}
