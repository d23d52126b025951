//! What was purged, and since when.
//!
//! A purge is a record with a number. It does not look for what it selects: whatever is used is asked whether a record
//! newer than its stamp selects it, once per response and purge, so that a purge costs the same however much is stored,
//! and what was being fetched when it came is caught like what was stored.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use crate::caching::purge::{Selector, Subject};
use crate::caching::stamp::Stamp;
use crate::caching::stored::StoredHead;

/// Records that are gone through one by one: who was looked at since is asked about those behind alone.
const RECENT: usize = 256;
/// So many selectors more than after the last compaction, and another is due.
const COMPACT_AFTER: usize = 4096;
/// Selectors kept at the most; past it the older half is forgotten, and whatever is older than that counts as purged.
const MAX_SELECTORS: usize = 65_536;

/// How a purge strikes what it selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Condemned {
    /// To be validated before it is used again.
    Soft,
    /// Never to be used again.
    Hard,
}

/// The purges applied so far.
#[derive(Debug, Default)]
pub struct Purged {
    applied: AtomicU64,
    records: RwLock<Records>,
}

#[derive(Debug, Default)]
struct Records {
    /// The last ones, without a gap.
    recent: VecDeque<Record>,
    /// For each selector the numbers of its newest purges.
    of: HashMap<Selector, Newest>,
    /// Whatever is older than this record is gone: those that would have told are.
    horizon: u64,
    /// How many selectors the last compaction left.
    compacted: usize,
}

#[derive(Debug)]
struct Record {
    number: u64,
    selectors: Vec<Selector>,
    condemned: Condemned,
}

#[derive(Clone, Copy, Debug, Default)]
struct Newest {
    hard: u64,
    soft: u64,
}

impl Purged {
    /// The number of the last record applied.
    pub fn applied(&self) -> u64 {
        self.applied.load(Ordering::Acquire)
    }

    /// What a fetch that begins now knows.
    pub fn stamp(&self) -> Stamp {
        Stamp { record: self.applied(), ..Stamp::default() }
    }

    /// Applies a purge. When it returns, nothing stored or fetched from before is used where a selector covers it.
    pub fn apply(&self, selectors: &[Selector], soft: bool) -> u64 {
        let mut records = self.records.write().unwrap_or_else(PoisonError::into_inner);
        let number = self.applied() + 1;
        for selector in selectors {
            let newest = records.of.entry(selector.clone()).or_default();
            if soft {
                newest.soft = number;
            } else {
                newest.hard = number;
            }
        }
        let condemned = if soft { Condemned::Soft } else { Condemned::Hard };
        records.recent.push_back(Record { number, selectors: selectors.to_vec(), condemned });
        if records.recent.len() > RECENT {
            records.recent.pop_front();
        }
        if records.of.len() > MAX_SELECTORS {
            records.forget_older_half();
        }
        self.applied.store(number, Ordering::Release);
        number
    }

    /// What has become of a stored response since its fetch began. One comparison where nothing was purged since it was
    /// last asked.
    pub fn fate(&self, head: &StoredHead) -> Option<Condemned> {
        let applied = self.applied();
        let checked = head.checked();
        if checked == applied {
            return None;
        }
        let resource = head.resource();
        let subject = Subject {
            authority: resource.authority,
            path_and_query: resource.path_and_query,
            route: head.route(),
        };
        let fate = self.records().fate(checked, subject, || head.tags());
        if fate.is_none() {
            head.set_checked(applied);
        }
        fate
    }

    /// What a purge newer than `since` does to a resource whose tags are not known yet.
    pub fn fate_since(&self, since: Stamp, subject: Subject<'_>) -> Option<Condemned> {
        if since.record >= self.applied() {
            return None;
        }
        self.records().fate(since.record, subject, std::iter::empty)
    }

    /// True when no purge between `since` and the record `until`, neither of them counted, strikes a response.
    pub fn spared(&self, head: &StoredHead, since: Stamp, until: u64) -> bool {
        let resource = head.resource();
        let subject = Subject {
            authority: resource.authority,
            path_and_query: resource.path_and_query,
            route: head.route(),
        };
        let records = self.records();
        let covers =
            |selector: &Selector| selector.covers(subject, |tag| head.tags().any(|own| own == tag));
        let between = |record: &&Record| record.number > since.record && record.number < until;
        let is_known =
            records.recent.front().is_none_or(|oldest| oldest.number <= since.record + 1);
        is_known
            && !records
                .recent
                .iter()
                .filter(between)
                .any(|record| record.selectors.iter().any(covers))
    }

    /// True when so much has been recorded that going through what is stored, and [`Purged::forget_up_to`], are due.
    pub fn wants_compaction(&self) -> bool {
        let records = self.records();
        records.of.len() > records.compacted + COMPACT_AFTER
    }

    /// Forgets the purges up to `record`. To be called when nothing older than it, that they select, is left anywhere.
    pub fn forget_up_to(&self, record: u64) {
        let mut records = self.records.write().unwrap_or_else(PoisonError::into_inner);
        records.forget_up_to(record);
        records.compacted = records.of.len();
    }

    fn records(&self) -> RwLockReadGuard<'_, Records> {
        self.records.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Records {
    /// What the records newer than `since` do to `subject`.
    fn fate<'t, T: Iterator<Item = &'t str>>(
        &self,
        since: u64,
        subject: Subject<'_>,
        tags: impl Fn() -> T,
    ) -> Option<Condemned> {
        if since < self.horizon {
            return Some(Condemned::Hard);
        }
        let covers =
            |selector: &Selector| selector.covers(subject, |tag| tags().any(|own| own == tag));
        if self.recent.front().is_none_or(|oldest| oldest.number <= since + 1) {
            let newer = self.recent.iter().rev().take_while(|record| record.number > since);
            let striking = newer.filter(|record| record.selectors.iter().any(covers));
            return striking.map(|record| record.condemned).max();
        }
        let striking = self
            .of
            .iter()
            .filter_map(|(selector, newest)| Some((selector, newest.strikes(since)?)));
        striking.filter(|(selector, _)| covers(selector)).map(|(_, condemned)| condemned).max()
    }

    fn forget_up_to(&mut self, record: u64) {
        self.of.retain(|_, newest| newest.hard.max(newest.soft) > record);
    }

    fn forget_older_half(&mut self) {
        let mut numbers: Vec<u64> =
            self.of.values().map(|newest| newest.hard.max(newest.soft)).collect();
        let half = numbers.len() / 2;
        let (_, median, _) = numbers.select_nth_unstable(half);
        let median = *median;
        self.forget_up_to(median);
        self.horizon = self.horizon.max(median);
    }
}

impl Newest {
    const fn strikes(self, since: u64) -> Option<Condemned> {
        if self.hard > since {
            Some(Condemned::Hard)
        } else if self.soft > since {
            Some(Condemned::Soft)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::iter::empty;

    use super::super::testing::{Response, head};
    use super::*;
    use crate::caching::key::Keyer;

    fn stored(authority: &str, target: &str, tags: &[&str], record: u64) -> StoredHead {
        let key = Keyer::default().key("http", authority, target, empty());
        head(&key, &Response { tags, record, ..Response::default() })
    }

    fn fate(selector: &str) -> Option<Condemned> {
        let purged = Purged::default();
        purged.apply(&[selector.parse().unwrap()], false);
        purged.fate(&stored("a.example", "/x/y?z=1", &["t", "u"], 0))
    }

    #[test]
    fn a_purge_strikes_what_its_selector_covers_and_nothing_else() {
        for (selector, struck) in [
            ("url:/x/y?z=1", true),
            ("url:http://a.example/x/y?z=1", true),
            ("url:http://b.example/x/y?z=1", false),
            ("url:/x/y", false),
            ("prefix:/x/", true),
            ("prefix:http://a.example/x", true),
            ("prefix:http://b.example/x", false),
            ("prefix:/y", false),
            ("tag:u", true),
            ("tag:v", false),
            ("route:news", true),
            ("route:old", false),
            ("all", true),
        ] {
            assert_eq!(fate(selector).is_some(), struck, "{selector}");
        }
    }

    #[test]
    fn what_was_fetched_after_a_purge_is_alive() {
        let purged = Purged::default();
        let before = stored("a", "/", &[], purged.stamp().record);
        purged.apply(&[Selector::All], false);
        let after = stored("a", "/", &[], purged.stamp().record);
        assert_eq!(purged.fate(&before), Some(Condemned::Hard));
        assert_eq!(purged.fate(&after), None);
    }

    #[test]
    fn a_soft_purge_asks_for_validation_and_a_hard_one_before_or_after_it_is_stronger() {
        let purged = Purged::default();
        let head = stored("a", "/", &["t"], 0);
        purged.apply(&[Selector::Tag("t".to_owned())], true);
        assert_eq!(purged.fate(&head), Some(Condemned::Soft));
        purged.apply(&[Selector::All], false);
        assert_eq!(purged.fate(&head), Some(Condemned::Hard));
        purged.apply(&[Selector::All], true);
        assert_eq!(purged.fate(&head), Some(Condemned::Hard));
    }

    #[test]
    fn who_survived_a_purge_is_not_asked_about_it_again() {
        let purged = Purged::default();
        let head = stored("a", "/", &[], 0);
        purged.apply(&[Selector::Tag("other".to_owned())], false);
        assert_eq!(purged.fate(&head), None);
        assert_eq!(head.checked(), 1);
    }

    #[test]
    fn a_purge_strikes_however_long_ago_it_was() {
        for selector in ["url:/a", "prefix:/a", "tag:t", "route:news", "all"] {
            for (soft, condemned) in [(false, Condemned::Hard), (true, Condemned::Soft)] {
                let purged = Purged::default();
                let old = stored("h", "/a", &["t"], 0);
                purged.apply(&[selector.parse().unwrap()], soft);
                for number in 0..2 * RECENT {
                    purged.apply(&[Selector::Tag(number.to_string())], false);
                }
                assert_eq!(purged.fate(&old), Some(condemned), "{selector}");
                assert_eq!(purged.fate(&stored("h", "/b", &["u"], 1)), None, "{selector}");
            }
        }
    }

    #[test]
    fn what_is_forgotten_strikes_no_more_and_what_is_not_still_does() {
        let purged = Purged::default();
        purged.apply(&["url:/a".parse().unwrap()], false);
        purged.apply(&["prefix:/b".parse().unwrap()], false);
        purged.forget_up_to(1);
        // So much later that what is recent no longer tells.
        for number in 0..RECENT {
            purged.apply(&[Selector::Tag(number.to_string())], false);
        }
        assert_eq!(purged.fate(&stored("h", "/a", &[], 0)), None);
        assert_eq!(purged.fate(&stored("h", "/b", &[], 0)), Some(Condemned::Hard));
    }

    #[test]
    fn records_are_bounded_and_what_they_would_have_told_counts_as_purged() {
        let purged = Purged::default();
        let old = stored("h", "/never-purged", &[], 0);
        for number in 0..=MAX_SELECTORS {
            purged.apply(&[Selector::Tag(number.to_string())], false);
        }
        assert!(purged.records().of.len() <= MAX_SELECTORS);
        assert_eq!(purged.fate(&old), Some(Condemned::Hard));
        assert_eq!(purged.fate(&stored("h", "/new", &[], purged.applied())), None);
    }
}
