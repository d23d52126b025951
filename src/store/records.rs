//! Purges by their numbers, and what those after some number do to a response.

use std::collections::VecDeque;

use super::index::Index;
use crate::caching::purge::{Selector, Subject};

/// Selectors of the last records that are gone through one by one.
const RECENT: usize = 256;
/// So many selectors more than after the last compaction, and another is due.
const COMPACT_AFTER: usize = 4096;
/// Selectors kept at the most; past it the older half is forgotten, and whatever is older than that counts as purged.
pub(super) const MAX_SELECTORS: usize = 65_536;
/// Bytes that their texts may have together.
const MAX_BYTES: usize = 16 << 20;

/// How a purge strikes what it selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Condemned {
    /// To be validated before it is used again.
    Soft,
    /// Never to be used again.
    Hard,
}

impl Condemned {
    /// What a purge makes of what it selects.
    pub(super) const fn by(soft: bool) -> Self {
        if soft { Self::Soft } else { Self::Hard }
    }
}

/// The newest purges of each selector.
#[derive(Debug, Default)]
pub(super) struct Records {
    /// The last ones, without a gap.
    recent: VecDeque<Record>,
    /// How many selectors these have.
    recent_selectors: usize,
    /// Every record newer than this one is among the recent.
    recent_since: u64,
    /// All of them, by what they select.
    index: Index,
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

impl Records {
    /// Notes the newest record.
    pub(super) fn add(&mut self, number: u64, selectors: &[Selector], condemned: Condemned) {
        for selector in selectors {
            self.index.note(selector, number, condemned);
        }
        self.recent.push_back(Record { number, selectors: selectors.to_vec(), condemned });
        self.recent_selectors += selectors.len();
        while self.recent_selectors > RECENT
            && let Some(oldest) = self.recent.pop_front()
        {
            self.recent_selectors -= oldest.selectors.len();
            self.recent_since = oldest.number;
        }
        self.bound();
    }

    /// Notes records of which the newest alone are known by their selectors, and of which the last is `until`.
    pub(super) fn add_older(&mut self, until: u64, newest: &[(u64, Selector, Condemned)]) {
        for (number, selector, condemned) in newest {
            self.index.note(selector, *number, *condemned);
        }
        self.recent.clear();
        self.recent_selectors = 0;
        self.recent_since = self.recent_since.max(until);
        self.bound();
    }

    /// What the records newer than `since` do to `subject`.
    pub(super) fn fate<'t, T: Iterator<Item = &'t str>>(
        &self,
        since: u64,
        subject: Subject<'_>,
        tags: impl Fn() -> T,
    ) -> Option<Condemned> {
        if since < self.horizon {
            return Some(Condemned::Hard);
        }
        if since < self.recent_since {
            return self.index.newest(subject, tags()).strikes(since);
        }
        let covers =
            |selector: &Selector| selector.covers(subject, |tag| tags().any(|own| own == tag));
        let newer = self.recent.iter().rev().take_while(|record| record.number > since);
        let striking = newer.filter(|record| record.selectors.iter().any(covers));
        striking.map(|record| record.condemned).max()
    }

    /// True when no record between `since` and `until`, neither of them counted, covers anything.
    pub(super) fn none_between(
        &self,
        since: u64,
        until: u64,
        covers: impl Fn(&Selector) -> bool,
    ) -> bool {
        let between = |record: &&Record| record.number > since && record.number < until;
        since >= self.recent_since
            && !self
                .recent
                .iter()
                .filter(between)
                .any(|record| record.selectors.iter().any(&covers))
    }

    /// Whatever is older than this record is gone.
    pub(super) fn raise_horizon(&mut self, record: u64) {
        self.horizon = self.horizon.max(record);
    }

    /// True when so much was noted since the last compaction that another is due.
    pub(super) fn wants_compaction(&self) -> bool {
        self.index.len() > self.compacted + COMPACT_AFTER
    }

    /// Forgets the records up to this one.
    pub(super) fn forget_up_to(&mut self, record: u64) {
        self.index.forget_up_to(record);
        // Whoever still holds something older was not gone through.
        self.raise_horizon(record);
        self.compacted = self.index.len();
    }

    /// How many selectors are kept.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    fn bound(&mut self) {
        while self.index.len() > MAX_SELECTORS || self.index.bytes() > MAX_BYTES {
            let median = self.index.median();
            self.index.forget_up_to(median);
            self.raise_horizon(median);
        }
    }
}
