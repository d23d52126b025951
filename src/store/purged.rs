//! What was purged, and since when.
//!
//! A purge is a record with a number. It does not look for what it selects: whatever is used is asked whether a record
//! newer than its stamp selects it, once per response and purge, so that a purge costs the same however much is stored,
//! and what was being fetched when it came is caught like what was stored.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use super::records::{Condemned, Records};
use crate::caching::purge::{Selector, Subject};
use crate::caching::stamp::{Position, Stamp};
use crate::caching::stored::StoredHead;

/// The purges applied so far, by this process's own count.
#[derive(Debug, Default)]
pub struct Purged {
    applied: AtomicU64,
    records: RwLock<Records>,
}

impl Purged {
    /// The number of the last record applied.
    pub fn applied(&self) -> u64 {
        self.applied.load(Ordering::Acquire)
    }

    /// What a fetch that begins now knows, where the log had been applied up to `position` before.
    pub fn stamp(&self, position: Position) -> Stamp {
        Stamp { record: self.applied(), position }
    }

    /// Applies a purge. When it returns, nothing stored or fetched from before is used where a selector covers it.
    pub fn apply(&self, selectors: &[Selector], soft: bool) -> u64 {
        let mut records = self.records.write().unwrap_or_else(PoisonError::into_inner);
        let number = self.applied() + 1;
        records.add(number, selectors, Condemned::by(soft));
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
        let fate = self.records().fate(checked, subject(head), || head.tags());
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
        let covers = |selector: &Selector| {
            selector.covers(subject(head), |tag| head.tags().any(|own| own == tag))
        };
        self.records().none_between(since.record, until, covers)
    }

    /// True when so much has been recorded that going through what is stored, and [`Purged::forget_up_to`], are due.
    pub fn wants_compaction(&self) -> bool {
        self.records().wants_compaction()
    }

    /// Forgets the purges up to `record`. To be called when nothing older than it, that they select, is left anywhere.
    pub fn forget_up_to(&self, record: u64) {
        self.records.write().unwrap_or_else(PoisonError::into_inner).forget_up_to(record);
    }

    fn records(&self) -> RwLockReadGuard<'_, Records> {
        self.records.read().unwrap_or_else(PoisonError::into_inner)
    }
}

fn subject(head: &StoredHead) -> Subject<'_> {
    let resource = head.resource();
    Subject {
        authority: resource.authority,
        path_and_query: resource.path_and_query,
        route: head.route(),
    }
}

#[cfg(test)]
mod tests {
    use std::iter::empty;

    use super::super::records::MAX_SELECTORS;
    use super::super::testing::{Response, head};
    use super::*;
    use crate::caching::key::Keyer;

    /// More selectors than are gone through one by one.
    const MANY: usize = 512;

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
        let before = stored("a", "/", &[], purged.applied());
        purged.apply(&[Selector::All], false);
        let after = stored("a", "/", &[], purged.applied());
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
                for number in 0..MANY {
                    purged.apply(&[Selector::Tag(number.to_string())], false);
                }
                assert_eq!(purged.fate(&old), Some(condemned), "{selector}");
                assert_eq!(purged.fate(&stored("h", "/b", &["u"], 1)), None, "{selector}");
            }
        }
    }

    #[test]
    fn what_is_forgotten_strikes_only_who_was_not_gone_through_and_what_is_not_still_does() {
        let purged = Purged::default();
        purged.apply(&["url:/a".parse().unwrap()], false);
        purged.apply(&["prefix:/b".parse().unwrap()], false);
        purged.forget_up_to(1);
        // So much later that what is recent no longer tells.
        for number in 0..MANY {
            purged.apply(&[Selector::Tag(number.to_string())], false);
        }
        assert_eq!(purged.fate(&stored("h", "/a", &[], 1)), None);
        assert_eq!(purged.fate(&stored("h", "/c", &[], 0)), Some(Condemned::Hard));
        assert_eq!(purged.fate(&stored("h", "/b", &[], 1)), Some(Condemned::Hard));
    }

    #[test]
    fn records_are_bounded_and_what_they_would_have_told_counts_as_purged() {
        let purged = Purged::default();
        let old = stored("h", "/never-purged", &[], 0);
        for number in 0..=MAX_SELECTORS {
            purged.apply(&[Selector::Tag(number.to_string())], false);
        }
        assert!(purged.records().len() <= MAX_SELECTORS);
        assert_eq!(purged.fate(&old), Some(Condemned::Hard));
        assert_eq!(purged.fate(&stored("h", "/new", &[], purged.applied())), None);
    }
}
