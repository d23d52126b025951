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

    /// Whether every purge is known that may have been said to be applied.
    pub fn is_leased(&self, now: Timestamp) -> bool {
        now.as_millis() < self.lease.load(Ordering::Acquire)
    }

    fn read(&self) -> Option<RwLockReadGuard<'_, Known>> {
        Some(self.known.as_ref()?.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write(&self) -> Option<RwLockWriteGuard<'_, Known>> {
        Some(self.known.as_ref()?.write().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNSYNCED: Duration = Duration::from_secs(5);
    const SUBJECT: Subject<'_> = Subject { authority: "h", path_and_query: "/a", route: "r" };

    fn at(secs: u64) -> Timestamp {
        Timestamp::from_secs(1_000_000 + secs)
    }

    fn record(selector: &str, soft: bool) -> Record {
        Record::of(&[selector.parse().unwrap()], soft).remove(0)
    }

    fn judged(synced: &Synced, epoch: u64, record: u64) -> Judged {
        synced.judge(Position { epoch, record }, SUBJECT, || ["t"].into_iter())
    }

    fn replica() -> Synced {
        let synced = Synced::in_a_fleet(UNSYNCED, false);
        synced.begin(7);
        synced.reach(1);
        synced
    }

    #[test]
    fn who_is_alone_trusts_everything_and_has_nothing_of_redis() {
        let synced = Synced::alone();
        assert!(synced.trusts(Timestamp::default(), at(0)) && !synced.is_current(at(0)));
        assert_eq!(synced.position(), Position::default());
        assert_eq!(judged(&synced, 0, 0), Judged::Dead);
    }

    #[test]
    fn past_the_lease_a_response_is_used_within_max_unsynced_of_its_own_fetch() {
        for (serve, late) in [(false, false), (true, true)] {
            let synced = Synced::in_a_fleet(UNSYNCED, serve);
            synced.renew(at(100));
            for (asked, request, is_trusted) in [
                (0, 104, true),
                (0, 105, late),
                (100, 104, true),
                (101, 105, true),
                (101, 106, late),
                (200, 204, true),
                (200, 205, late),
            ] {
                assert_eq!(synced.trusts(at(asked), at(request)), is_trusted, "{asked} {request}");
            }
            assert!(synced.is_current(at(104)) && !synced.is_current(at(105)));
        }
    }

    #[test]
    fn after_a_loss_what_was_asked_for_before_is_unsynchronised_in_spite_of_the_lease() {
        let synced = Synced::in_a_fleet(UNSYNCED, false);
        synced.distrust(at(100));
        synced.renew(at(100));
        for (asked, request, is_trusted) in
            [(90, 101, false), (100, 104, true), (99, 104, false), (101, 104, true)]
        {
            assert_eq!(synced.trusts(at(asked), at(request)), is_trusted, "{asked} {request}");
        }
    }

    #[test]
    fn a_value_is_judged_by_the_log_it_comes_from() {
        let synced = replica();
        assert_eq!(judged(&synced, 7, 1), Judged::Alive);
        // Of another log, of none, and of a part that is not known here.
        for (epoch, record) in [(8, 1), (0, 0), (7, 2)] {
            assert_eq!(judged(&synced, epoch, record), Judged::Dead);
        }
        for (number, selector, soft, struck) in [
            (2, "tag:other", false, Judged::Alive),
            (3, "tag:t", true, Judged::Soft),
            (4, "url:/a", false, Judged::Dead),
        ] {
            synced.enter(number, &record(selector, soft), false, || ());
            synced.reach(number);
            assert_eq!(judged(&synced, 7, 1), struck, "{selector}");
            assert_eq!(judged(&synced, 7, number), Judged::Alive, "{selector}");
        }
        synced.forget_before(6);
        synced.reach(6);
        assert_eq!((judged(&synced, 7, 5), judged(&synced, 7, 6)), (Judged::Dead, Judged::Alive));
        synced.lose();
        assert_eq!(judged(&synced, 7, 4), Judged::Dead);
    }

    #[test]
    fn a_purge_that_is_not_logged_yet_strikes_every_value_it_covers() {
        let synced = replica();
        let own = record("tag:t", false);
        synced.purge(vec![own.clone()], || ());
        assert_eq!(judged(&synced, 7, 1), Judged::Dead);
        synced.enter(2, &own, false, || panic!("it was applied when it was made"));
        synced.reach(2);
        assert_eq!((judged(&synced, 7, 1), judged(&synced, 7, 2)), (Judged::Dead, Judged::Alive));
        assert_eq!(synced.pending(), 0);
    }

    #[test]
    fn records_of_others_are_applied_once() {
        let (synced, mut applied) = (replica(), 0);
        for (number, is_known) in [(2, false), (3, true)] {
            synced.enter(number, &record("all", false), is_known, || applied += 1);
        }
        assert_eq!(applied, 1);
    }

    #[test]
    fn purges_that_wait_are_bounded_and_become_one_of_everything() {
        for soft in [true, false] {
            let synced = replica();
            for number in 0..=MOST_PENDING {
                synced.purge(vec![record(&format!("url:/{number}"), soft)], || ());
            }
            let waiting = synced.unlogged(10);
            assert_eq!(waiting.len(), 1);
            assert_eq!((&waiting[0].selectors[..], waiting[0].soft), (&[Selector::All][..], soft));
        }
    }

    #[test]
    fn what_is_handed_out_at_once_is_bounded() {
        let synced = replica();
        for _ in 0..MOST_PENDING / 2 {
            synced.purge(vec![record(&format!("tag:{}", "t".repeat(2000)), true)], || ());
        }
        let some = synced.unlogged(usize::MAX);
        assert!(some.iter().map(|record| record.len()).sum::<usize>() <= BATCH_BYTES);
        assert!(!some.is_empty() && some.len() < synced.pending());
    }
}
