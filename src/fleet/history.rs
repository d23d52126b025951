//! What was applied here lately: known when it is met again, and appended again if it was lost.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::caching::record::{Nonce, Record};
use crate::clock::Timestamp;

/// For how long.
const KEPT: Duration = Duration::from_secs(3600);
/// How many records at the most.
const MOST: usize = 8192;
/// Bytes of their selectors at the most.
const MOST_BYTES: usize = 4 << 20;

/// The records applied here in the last hour, not all of them where there were very many.
#[derive(Debug, Default)]
pub(super) struct History {
    known: HashMap<Nonce, Known>,
    /// In the order they were applied.
    order: VecDeque<Nonce>,
    bytes: usize,
}

#[derive(Debug)]
struct Known {
    record: Arc<Record>,
    applied: Timestamp,
    /// The log that it was last seen in.
    epoch: u64,
}

impl History {
    /// Notes that a record was met in a log. Whether it was known before.
    pub(super) fn meet(&mut self, record: &Arc<Record>, epoch: u64, now: Timestamp) -> bool {
        if let Some(known) = self.known.get_mut(&record.nonce) {
            known.epoch = epoch;
            return true;
        }
        self.bytes += record.len();
        self.order.push_back(record.nonce);
        let known = Known { record: Arc::clone(record), applied: now, epoch };
        self.known.insert(record.nonce, known);
        while self.order.len() > MOST || self.bytes > MOST_BYTES || self.is_outdated(now) {
            self.forget_oldest();
        }
        false
    }

    /// Those that were not met in this log, in their order.
    pub(super) fn not_in(&self, epoch: u64) -> VecDeque<Arc<Record>> {
        let known = self.order.iter().filter_map(|nonce| self.known.get(nonce));
        known.filter(|known| known.epoch != epoch).map(|known| Arc::clone(&known.record)).collect()
    }

    fn is_outdated(&self, now: Timestamp) -> bool {
        let oldest = self.order.front().and_then(|nonce| self.known.get(nonce));
        oldest.is_some_and(|known| now.saturating_since(known.applied) > KEPT)
    }

    fn forget_oldest(&mut self) {
        let oldest = self.order.pop_front().and_then(|nonce| self.known.remove(&nonce));
        if let Some(known) = oldest {
            self.bytes = self.bytes.saturating_sub(known.record.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_met_twice_is_known() {
        let mut history = History::default();
        let record = Arc::new(Record::of_everything(false));
        let now = Timestamp::from_secs(1);
        assert!(!history.meet(&record, 1, now));
        assert!(history.meet(&record, 2, now));
        assert_eq!(history.not_in(2).len(), 0);
        assert_eq!(history.not_in(3), [record]);
    }

    #[test]
    fn what_is_older_than_an_hour_is_forgotten() {
        let mut history = History::default();
        let now = Timestamp::from_secs(1);
        history.meet(&Arc::new(Record::of_everything(false)), 1, now);
        history.meet(&Arc::new(Record::of_everything(false)), 1, now + KEPT);
        assert_eq!(history.not_in(2).len(), 2);
        let later = now + KEPT + Duration::from_secs(1);
        history.meet(&Arc::new(Record::of_everything(false)), 1, later);
        assert_eq!(history.not_in(2).len(), 2);
    }

    #[test]
    fn it_is_bounded() {
        let mut history = History::default();
        for _ in 0..2 * MOST {
            history.meet(&Arc::new(Record::of_everything(false)), 1, Timestamp::default());
        }
        assert_eq!((history.not_in(2).len(), history.known.len()), (MOST, MOST));
    }
}
