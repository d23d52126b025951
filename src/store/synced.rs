//! Whether a replica knows every purge of its fleet, and what that makes of what is stored.
//!
//! A replica *serves on a lease*: each answer of the log says that it knows all that had been appended when it asked, and
//! is good for `max_unsynced` from then on. Nobody says of a purge that it was applied everywhere before the lease of
//! whoever has not applied it is over. Past the lease, and after the log was lost, a stored response is *unsynchronised*:
//! it is used within `max_unsynced` of its own fetch, and validated before it is used later.
//!
//! The log has numbers of its own. [`Purged`](super::Purged) knows purges by this process's count, which is what responses
//! in memory are held against; here they are known by the log's, which is what values of Redis are held against.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use super::records::{Condemned, Records};
use crate::caching::purge::{Selector, Subject};
use crate::caching::record::{Nonce, Record};
use crate::caching::stamp::Position;
use crate::clock::Timestamp;

/// Purges that wait for the log at the most; past it they become one of everything.
const MOST_PENDING: usize = 1024;
/// Bytes of their selectors at the most.
const MOST_PENDING_BYTES: usize = 1 << 20;
/// Bytes of selectors that are handed out at once.
const BATCH_BYTES: usize = 256 << 10;

/// What is to be thought of a value that another replica may have written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    /// Nothing known here strikes it.
    Alive,
    /// To be validated before it is used.
    Soft,
    /// Not to be used here. Another replica may know better: it is no reason to delete it.
    Dead,
}

/// What a replica knows of its fleet's purges.
#[derive(Debug)]
pub struct Synced {
    max_unsynced: Duration,
    /// Whether what is unsynchronised is used all the same.
    serves: bool,
    /// Until when every purge is known, in milliseconds.
    lease: AtomicU64,
    /// What was asked for earlier, in milliseconds, is unsynchronised even so.
    trusted_since: AtomicU64,
    /// `None`: there is no fleet.
    known: Option<RwLock<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    /// How far the log was applied here.
    position: Position,
    /// The purges of the log, by its numbers.
    log: Records,
    /// Those applied here that the log does not have yet, in their order.
    pending: VecDeque<Arc<Record>>,
    pending_bytes: usize,
}

impl Known {
    /// Takes a purge out of those that wait to be logged; false if it is none of them.
    fn settle(&mut self, nonce: Nonce) -> bool {
        let own = self.pending.iter().position(|pending| pending.nonce == nonce);
        let own = own.and_then(|own| self.pending.remove(own));
        self.pending_bytes -= own.as_ref().map_or(0, |own| own.len());
        own.is_some()
    }
}

impl Synced {
    /// A machine that shares with nobody: it knows all there is to know.
    pub const fn alone() -> Self {
        Self {
            max_unsynced: Duration::ZERO,
            serves: true,
            lease: AtomicU64::new(u64::MAX),
            trusted_since: AtomicU64::new(0),
            known: None,
        }
    }

    /// A replica that has heard of no log yet. `serve`: what is unsynchronised is used all the same.
    pub fn in_a_fleet(max_unsynced: Duration, serve: bool) -> Self {
        Self {
            max_unsynced,
            serves: serve,
            lease: AtomicU64::new(0),
            known: Some(RwLock::default()),
            ..Self::alone()
        }
    }

    /// How far the log was applied here; no place at all while it is not known which log there is.
    pub fn position(&self) -> Position {
        self.read().map(|known| known.position).unwrap_or_default()
    }

    /// Whether every purge is known that the log had `max_unsynced` ago. To be asked before [`Synced::judge`] is, and
    /// nothing of Redis to be used where it is not so.
    pub fn is_current(&self, now: Timestamp) -> bool {
        self.known.is_some() && self.is_leased(now)
    }

    /// Whether a response in memory may be used without more ado for a request that came `at` that moment; the exchange
    /// that brought it, or validated it, began when it was `asked`. To be asked before what was purged is looked at:
    /// who finds the lease renewed then finds all that it was renewed for.
    pub fn trusts(&self, asked: Timestamp, at: Timestamp) -> bool {
        let is_known = asked.as_millis() >= self.trusted_since.load(Ordering::Acquire);
        self.is_leased(at) && is_known || self.serves || at < asked + self.max_unsynced
    }

    /// What is known here of a value that was fetched when the log had been applied up to `position` there. Its stamp here
    /// is to be taken before.
    pub fn judge<'t, T: Iterator<Item = &'t str>>(
        &self,
        position: Position,
        subject: Subject<'_>,
        tags: impl Fn() -> T,
    ) -> Judged {
        let Some(known) = self.read() else { return Judged::Dead };
        let ours = known.position;
        // Of a log that there is not, or of a part of it that was lost, or that is not known here yet.
        if position.epoch == 0 || position.epoch != ours.epoch || position.record > ours.record {
            return Judged::Dead;
        }
        let covers =
            |selector: &Selector| selector.covers(subject, |tag| tags().any(|own| own == tag));
        let pending = known.pending.iter().filter(|record| record.selectors.iter().any(covers));
        let pending = pending.map(|record| Condemned::by(record.soft)).max();
        match pending.max(known.log.fate(position.record, subject, &tags)) {
            None => Judged::Alive,
            Some(Condemned::Soft) => Judged::Soft,
            Some(Condemned::Hard) => Judged::Dead,
        }
    }

    /// Has a purge of this replica's own applied by `apply`, in one with noting that the log does not have its records yet.
    pub fn purge<T>(&self, records: Vec<Record>, apply: impl FnOnce() -> T) -> T {
        let Some(mut known) = self.write() else { return apply() };
        for record in records {
            known.pending_bytes += record.len();
            known.pending.push_back(Arc::new(record));
        }
        if known.pending.len() > MOST_PENDING || known.pending_bytes > MOST_PENDING_BYTES {
            let soft = known.pending.iter().all(|record| record.soft);
            let everything = Record::of_everything(soft);
            known.pending_bytes = everything.len();
            known.pending = VecDeque::from([Arc::new(everything)]);
        }
        apply()
    }

    /// The oldest purges applied here that the log does not have yet.
    pub fn unlogged(&self, most: usize) -> Vec<Arc<Record>> {
        let Some(known) = self.read() else { return Vec::new() };
        let mut bytes = 0;
        let some = known.pending.iter().take(most).take_while(|record| {
            bytes += record.len();
            bytes <= BATCH_BYTES.max(record.len())
        });
        some.cloned().collect()
    }

    /// How many purges applied here the log does not have yet.
    pub fn pending(&self) -> usize {
        self.read().map_or(0, |known| known.pending.len())
    }

    /// The log has one of them, and it was entered.
    pub fn settle(&self, nonce: Nonce) {
        if let Some(mut known) = self.write() {
            known.settle(nonce);
        }
    }

    /// Begins with a log of which nothing is known yet.
    pub fn begin(&self, epoch: u64) {
        if let Some(mut known) = self.write() {
            known.position = Position { epoch, record: 0 };
            known.log = Records::default();
        }
    }

    /// Takes notice of a record of the log, the one after the last, and has it applied by `apply` unless it was applied here
    /// before: because it `is_known`, or is one of our own.
    pub fn enter(&self, number: u64, record: &Record, is_known: bool, apply: impl FnOnce()) {
        let Some(mut known) = self.write() else { return };
        known.log.add(number, &record.selectors, Condemned::by(record.soft));
        let is_own = known.settle(record.nonce);
        if !is_own && !is_known {
            apply();
        }
    }

    /// Takes notice of what is left of the log's records up to `until`: for each selector the newest. Has them applied by
    /// `apply`.
    pub fn enter_older(
        &self,
        until: u64,
        newest: impl IntoIterator<Item = (u64, Selector, bool)>,
        apply: impl FnOnce(),
    ) {
        let Some(mut known) = self.write() else { return };
        let newest: Vec<_> = newest
            .into_iter()
            .map(|(number, selector, soft)| (number, selector, Condemned::by(soft)))
            .collect();
        known.log.add_older(until, &newest);
        apply();
    }

    /// Every record of the log up to this one has been entered.
    pub fn reach(&self, record: u64) {
        if let Some(mut known) = self.write() {
            known.position.record = record;
        }
    }

    /// The log has forgotten who was purged before this record.
    pub fn forget_before(&self, record: u64) {
        if let Some(mut known) = self.write() {
            known.log.raise_horizon(record);
        }
    }

    /// There is another log than the one that was followed, or none. What Redis has is of no use until it is known which.
    pub fn lose(&self) {
        if let Some(mut known) = self.write() {
            known.position = Position::default();
            known.log = Records::default();
        }
    }

    /// Whatever was asked for until `now` is unsynchronised: purges that concern it may be lost.
    pub fn distrust(&self, now: Timestamp) {
        self.trusted_since.fetch_max(now.as_millis().saturating_add(1), Ordering::AcqRel);
    }

    /// Every record that the log had when it was asked, at `asked`, has been entered.
    pub fn renew(&self, asked: Timestamp) {
        self.lease.fetch_max((asked + self.max_unsynced).as_millis(), Ordering::AcqRel);
    }

    fn is_leased(&self, now: Timestamp) -> bool {
        now.as_millis() < self.lease.load(Ordering::Acquire)
    }

    fn read(&self) -> Option<RwLockReadGuard<'_, Known>> {
        Some(self.known.as_ref()?.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self) -> Option<RwLockWriteGuard<'_, Known>> {
        Some(self.known.as_ref()?.write().unwrap_or_else(PoisonError::into_inner))
    }
}
