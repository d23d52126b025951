//! What a replica asks of the log, and what it is answered.

use std::sync::Arc;
use std::time::Duration;

use crate::caching::purge::Selector;
use crate::caching::record::{Nonce, Record};
use crate::caching::stamp::Position;

/// A place in the log, and what stands there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Which log, and the number of a record.
    pub position: Position,
    /// What that record is known by.
    pub nonce: Nonce,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// Which log is there? Make one if there is none, or if it lost what stood at this place.
    Join {
        /// How far it was followed.
        at: Place,
        /// The epoch of a new log.
        epoch: u64,
        /// What its first record is known by.
        nonce: Nonce,
    },
    /// When was each selector last purged?
    Snapshot {
        /// Which log is meant.
        epoch: u64,
        /// The number of the record to begin with.
        from: u64,
        /// The number of the record to end with.
        until: u64,
    },
    /// What came since? All up to this place was applied.
    Sync(Place),
    /// Append these, those that are not there.
    Append(Vec<Arc<Record>>),
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// There is no such log, or it lost what was appended to it.
    Reset,
    /// To [`Question::Join`].
    Joined(Joined),
    /// To [`Question::Snapshot`].
    Snapshot {
        /// Nobody knows any more what was purged before this record.
        horizon: u64,
        /// The numbers of the newest records, what they select, and whether softly; in the order of these numbers.
        newest: Vec<(u64, Selector, bool)>,
        /// Whether there may be more.
        is_full: bool,
    },
    /// To [`Question::Sync`].
    Records {
        /// The number of the newest record there is.
        last: u64,
        /// As in a snapshot.
        horizon: u64,
        /// For how long it is in doubt whether all records are there.
        doubt: Duration,
        /// Whether this replica is waited for before a purge is said to be applied.
        is_noted: bool,
        /// How many replicas live.
        replicas: usize,
        /// What came since, in order, not always all.
        records: Vec<Numbered>,
    },
    /// To [`Question::Append`].
    Logged {
        /// Which log it is.
        epoch: u64,
        /// The numbers of the records, in their order.
        numbers: Vec<u64>,
    },
}

/// What there is to follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Joined {
    /// The oldest record at hand. The first of all selects nothing.
    pub first: Place,
    /// The newest.
    pub last: Place,
    /// How many replicas live.
    pub replicas: usize,
}

/// A record, and the number it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbered {
    /// Its number.
    pub number: u64,
    /// The record.
    pub record: Arc<Record>,
}
