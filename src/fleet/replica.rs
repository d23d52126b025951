//! What follows a log.

use std::sync::Arc;

use crate::caching::purge::Selector;
use crate::caching::record::{Nonce, Record};
use crate::clock::Timestamp;

/// What a log is applied to: what is stored here, and what is known of purges.
pub trait Replica: Send + Sync {
    /// Begins with a log of which nothing is known yet.
    fn begin(&self, epoch: u64);

    /// Takes notice of the next record, and purges what it selects unless it `is_known` to have been applied here, or is
    /// one of this replica's own that waited to be logged.
    fn enter(&self, number: u64, record: &Record, is_known: bool);

    /// Takes notice of records up to `until` of which the newest alone are known, by each selector, soft or not; and purges
    /// what they select.
    fn enter_older(&self, until: u64, newest: Vec<(u64, Selector, bool)>);

    /// Every record up to this one was entered.
    fn reach(&self, record: u64);

    /// Nobody knows any more what was purged before this record.
    fn forget_before(&self, record: u64);

    /// The log that was followed is lost.
    fn lose(&self);

    /// Purges that concern what was fetched before `now` may have been lost.
    fn distrust(&self, now: Timestamp);

    /// All that the log had when it was asked, at `asked`, was entered.
    fn renew(&self, asked: Timestamp);

    /// The oldest purges done here that the log does not have, some of them.
    fn unlogged(&self, most: usize) -> Vec<Arc<Record>>;

    /// Whether all that the log had a while ago was entered.
    fn is_synced(&self, now: Timestamp) -> bool;

    /// The log has this one of them, and it was entered.
    fn settle(&self, nonce: Nonce);
}
