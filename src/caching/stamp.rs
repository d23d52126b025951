//! What was known of purges when something began.

/// What had been applied here when a fetch began. A response stays alive while no purge that was applied later selects it,
/// whenever it is stored or served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    /// The number of the last purge applied here, by this process's own count.
    pub record: u64,
    /// How far the log of the fleet had been applied: what other replicas can make something of.
    pub position: Position,
}

/// A place in the fleet's log of purges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Which log it is; 0: none, as of a machine that is alone, or before it was first read.
    pub epoch: u64,
    /// The number of the last record applied.
    pub record: u64,
}
