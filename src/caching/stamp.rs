//! What was known of purges when something began.

/// The newest purge that had been applied when a fetch began. A response stays alive while no purge that came later
/// selects it, whenever it is stored or served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    /// Which log the record belongs to; always 0 on a machine that is alone.
    pub epoch: u64,
    /// The number of the last record applied.
    pub record: u64,
}
