//! Short-lived knowledge about keys, bounded in number.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Timestamp;

const SHARDS: usize = 16;
/// What is full is not gone through more often.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// What is known of a key until some moment. Holds at most as much as it was made for: when it is full, what is known
/// no longer is thrown out, and if that is not enough a new fact is not taken in.
#[derive(Debug)]
pub struct Remembered<T> {
    shards: [Mutex<Shard<T>>; SHARDS],
    per_shard: usize,
}

#[derive(Debug)]
struct Shard<T> {
    facts: HashMap<u64, Fact<T>>,
    /// When what was over was last thrown out.
    swept: Timestamp,
}

#[derive(Debug)]
struct Fact<T> {
    until: Timestamp,
    value: T,
}

impl<T: Copy> Remembered<T> {
    /// A memory of at most about `capacity` facts.
    pub fn new(capacity: usize) -> Self {
        let shard = || Shard { facts: HashMap::new(), swept: Timestamp::default() };
        let shards = std::array::from_fn(|_| Mutex::new(shard()));
        Self { shards, per_shard: capacity.div_ceil(SHARDS) }
    }

    /// Remembers `value` for `duration`.
    pub fn remember(&self, key: u64, value: T, duration: Duration, now: Timestamp) {
        if !duration.is_zero() {
            self.shard(key).take_in(
                key,
                Fact { until: now + duration, value },
                self.per_shard,
                now,
            );
        }
    }

    /// Remembers `value` for `duration` where nothing is known; false where something is, or where there is no room. Of
    /// several that claim the same at once, one does. With no duration, all do.
    pub fn claim(&self, key: u64, value: T, duration: Duration, now: Timestamp) -> bool {
        if duration.is_zero() {
            return true;
        }
        let mut shard = self.shard(key);
        let is_known = shard.facts.get(&key).is_some_and(|fact| now < fact.until);
        !is_known && shard.take_in(key, Fact { until: now + duration, value }, self.per_shard, now)
    }

    /// What is known of a key at `now`.
    pub fn recall(&self, key: u64, now: Timestamp) -> Option<T> {
        let shard = self.shard(key);
        shard.facts.get(&key).filter(|fact| now < fact.until).map(|fact| fact.value)
    }

    /// Forgets what was known of a key; whether anything was.
    pub fn forget(&self, key: u64) -> bool {
        self.shard(key).facts.remove(&key).is_some()
    }

    /// Forgets everything.
    pub fn clear(&self) {
        for shard in &self.shards {
            shard.lock().unwrap_or_else(PoisonError::into_inner).facts.clear();
        }
    }

    fn shard(&self, key: u64) -> MutexGuard<'_, Shard<T>> {
        let index = (key >> 32) as usize % SHARDS;
        self.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Shard<T> {
    /// False where there is no room.
    fn take_in(&mut self, key: u64, fact: Fact<T>, most: usize, now: Timestamp) -> bool {
        let Self { facts, swept } = self;
        if facts.len() >= most && !facts.contains_key(&key) {
            if now.saturating_since(*swept) < SWEEP_EVERY {
                return false;
            }
            *swept = now;
            facts.retain(|_, fact| now < fact.until);
            if facts.len() >= most {
                return false;
            }
        }
        facts.insert(key, fact);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn at(secs: u64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    #[test]
    fn a_fact_is_known_until_its_time_is_over() {
        let remembered = Remembered::new(100);
        remembered.remember(7, 'x', MINUTE, at(0));
        assert_eq!(remembered.recall(7, at(59)), Some('x'));
        assert_eq!(remembered.recall(7, at(60)), None);
        assert!(remembered.forget(7) && !remembered.forget(7));
        assert_eq!(remembered.recall(7, at(0)), None);
        remembered.remember(8, 'x', MINUTE, at(0));
        remembered.clear();
        assert_eq!(remembered.recall(8, at(0)), None);
    }

    #[test]
    fn what_is_claimed_is_claimed_by_one_until_its_time_is_over() {
        let remembered = Remembered::new(SHARDS);
        assert!(remembered.claim(7, (), MINUTE, at(0)));
        assert!(!remembered.claim(7, (), MINUTE, at(59)));
        assert!(remembered.claim(7, (), MINUTE, at(60)));
        assert!(!remembered.claim(8, (), MINUTE, at(60)), "there is no room");
        assert!(remembered.claim(8, (), MINUTE, at(120)), "what is over makes room");
        assert!(remembered.claim(8, (), Duration::ZERO, at(120)));
    }

    #[test]
    fn it_never_holds_more_than_it_was_made_for() {
        let remembered = Remembered::new(SHARDS);
        for key in 0..10_000u64 {
            remembered.remember(key << 32, key, MINUTE, at(0));
        }
        let known =
            (0..10_000u64).filter(|key| remembered.recall(key << 32, at(0)).is_some()).count();
        assert_eq!(known, SHARDS);
        remembered.remember(1 << 40, 1, MINUTE, at(61));
        assert_eq!(remembered.recall(1 << 40, at(61)), Some(1), "what is over makes room");
    }
}
