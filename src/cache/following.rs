//! The cache as one that follows the log of its fleet.

use std::sync::Arc;

use super::Cache;
use crate::caching::purge::Selector;
use crate::caching::record::{Nonce, Record};
use crate::clock::Timestamp;
use crate::fleet::Replica;

/// A cache that follows the log.
#[derive(Debug)]
pub struct Following(pub Arc<Cache>);

impl Replica for Following {
    fn begin(&self, epoch: u64) {
        self.0.synced.begin(epoch);
    }

    fn enter(&self, number: u64, record: &Record, is_known: bool) {
        let Self(cache) = self;
        cache.synced.enter(number, record, is_known, || {
            cache.purged.apply(&record.selectors, record.soft);
        });
        cache.compact_if_due();
    }

    fn enter_older(&self, until: u64, newest: Vec<(u64, Selector, bool)>) {
        let Self(cache) = self;
        let some = |soft| {
            let some = newest.iter().filter(move |(.., is_soft)| *is_soft == soft);
            some.map(|(_, selector, _)| selector.clone()).collect::<Vec<_>>()
        };
        let purges = [(some(true), true), (some(false), false)];
        cache.synced.enter_older(until, newest, || {
            for (selectors, soft) in purges {
                cache.purged.apply(&selectors, soft);
            }
        });
        cache.compact_if_due();
    }

    fn reach(&self, record: u64) {
        self.0.synced.reach(record);
    }

    fn forget_before(&self, record: u64) {
        self.0.synced.forget_before(record);
    }

    fn lose(&self) {
        self.0.synced.lose();
    }

    fn distrust(&self, now: Timestamp) {
        self.0.synced.distrust(now);
    }

    fn renew(&self, asked: Timestamp) {
        self.0.synced.renew(asked);
    }

    fn unlogged(&self, most: usize) -> Vec<Arc<Record>> {
        self.0.synced.unlogged(most)
    }

    fn is_synced(&self, now: Timestamp) -> bool {
        self.0.synced.is_current(now)
    }

    fn settle(&self, nonce: Nonce) {
        self.0.synced.settle(nonce);
    }
}
