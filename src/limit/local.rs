//! The buckets of this process.
//!
//! Both generations of a shard hold so many buckets at most. What is used is in the younger one, or is moved there; when
//! that is full it becomes the older one, and what stood there unused is forgotten. So the buckets of those who ask
//! most recently stay, whatever many others come by. Buckets that are whole again are no different from none and are
//! swept out now and then.
//!
//! Where the fleet shares its limits, what Redis said last of a bucket is kept here too, so that nobody begins anew when
//! Redis is lost; and what is then charged here is known for what Redis has yet to be told.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::client::{Client, Namer};
use super::window::{Arrival, Level, Per, Window, whole_seconds};
use super::{Budget, Denied};
use crate::clock::Timestamp;

const SHARDS: usize = 64;
/// Buckets in a generation: as many as a hash table of 2^14 places holds. With all generations full, 1.8 million
/// buckets are kept in 36 MB.
const GENERATION: usize = (1 << 14) / 8 * 7;

/// How much every client has used. There is one, whatever the rules are: what has been charged outlives them.
#[derive(Debug)]
pub struct Limiter {
    pub(super) namer: Namer,
    shards: [Mutex<Shard>; SHARDS],
    generation: usize,
    next_swept: AtomicUsize,
}

impl Default for Limiter {
    fn default() -> Self {
        Self::with_generations_of(GENERATION)
    }
}

#[derive(Debug, Default)]
struct Shard {
    young: Buckets,
    old: Buckets,
}

/// The buckets by [`Client::bucket`], which is a hash already.
type Buckets = HashMap<u64, Kept, BuildHasherDefault<AsItIs>>;

/// A bucket: when it will be whole again, and in the lowest bit whether Redis said so.
#[derive(Clone, Copy, Debug, Default)]
struct Kept(u64);

impl Kept {
    const fn ours(arrival: Arrival) -> Self {
        Self(arrival.since_epoch() << 1)
    }

    const fn told(arrival: Arrival) -> Self {
        Self(arrival.since_epoch() << 1 | 1)
    }

    const fn arrival(self) -> Arrival {
        Arrival::at(self.0 >> 1)
    }

    const fn is_ours(self) -> bool {
        self.0 & 1 == 0
    }
}

/// What a charge came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Charged {
    /// What the windows have left, in their order.
    pub(super) levels: [Level; Per::COUNT],
    /// Where it was refused, the seconds until it would be accepted, rounded up.
    pub(super) refused: Option<u32>,
    /// Nobody could say, and whom nobody can say it of is refused.
    pub(super) is_unknown: bool,
}

impl Charged {
    /// Why it was refused, if it was: a charge to this budget.
    pub(super) const fn denied(&self, budget: Budget) -> Option<Denied> {
        match (self.refused, budget) {
            _ if self.is_unknown => Some(Denied::Unavailable),
            (None, _) => None,
            (Some(_), Budget::Requests) => Some(Denied::Requests),
            (Some(_), Budget::Forwarded) => Some(Denied::Forwarded),
        }
    }
}

impl Limiter {
    /// With so many buckets in each generation of a shard.
    fn with_generations_of(generation: usize) -> Self {
        Self {
            namer: Namer::default(),
            shards: std::array::from_fn(|_| Mutex::default()),
            generation,
            next_swept: AtomicUsize::default(),
        }
    }

    /// Charges a request to all `windows` of a client's budget, or to none where one of them is used up.
    pub(super) fn charge(
        &self,
        client: Client,
        budget: Budget,
        windows: &[Window],
        now: Timestamp,
    ) -> Charged {
        if windows.is_empty() {
            return Charged::default();
        }
        let mut shard = self.shard(client);
        let mut kept = [Kept::default(); Per::COUNT];
        let mut after = [Kept::default(); Per::COUNT];
        let mut wait = Duration::ZERO;
        for ((window, before), after) in windows.iter().zip(&mut kept).zip(&mut after) {
            *before = shard.take(client.bucket(budget, window.rate().per));
            match window.charge(before.arrival(), now) {
                Ok(arrival) => *after = Kept::ours(arrival),
                Err(longer) => wait = wait.max(longer),
            }
        }
        let refused = (!wait.is_zero()).then(|| whole_seconds(wait));
        let kept = if refused.is_some() { kept } else { after };
        shard.make_room(windows.len(), self.generation);
        let mut charged = Charged { refused, ..Charged::default() };
        for ((window, kept), level) in windows.iter().zip(kept).zip(&mut charged.levels) {
            *level = window.level(kept.arrival(), now);
            if !kept.arrival().is_past(now) {
                shard.young.insert(client.bucket(budget, window.rate().per), kept);
            }
        }
        charged
    }

    /// How far each window's bucket is from being whole, in microseconds, as far as it was charged here and Redis does not
    /// know.
    pub(super) fn untold(
        &self,
        client: Client,
        budget: Budget,
        windows: &[Window],
        now: Timestamp,
    ) -> [u64; Per::COUNT] {
        let mut debts = [0; Per::COUNT];
        let shard = self.shard(client);
        for (window, debt) in windows.iter().zip(&mut debts) {
            let kept = shard.get(client.bucket(budget, window.rate().per));
            if kept.is_ours() {
                *debt = kept.arrival().debt(now);
            }
        }
        debts
    }

    /// Keeps what Redis says of each window: that its bucket is so many microseconds from being whole.
    pub(super) fn mirror(
        &self,
        client: Client,
        budget: Budget,
        told: impl ExactSizeIterator<Item = (Per, u64)>,
        now: Timestamp,
    ) {
        let mut shard = self.shard(client);
        shard.make_room(told.len(), self.generation);
        for (per, debt) in told {
            let bucket = client.bucket(budget, per);
            shard.old.remove(&bucket);
            match debt {
                0 => shard.young.remove(&bucket),
                _ => shard.young.insert(bucket, Kept::told(Arrival::ahead(now, debt))),
            };
        }
    }

    /// What the windows of a client's budget have left.
    pub(super) fn levels(
        &self,
        client: Client,
        budget: Budget,
        windows: &[Window],
        now: Timestamp,
    ) -> [Level; Per::COUNT] {
        let mut levels = [Level::default(); Per::COUNT];
        if windows.is_empty() {
            return levels;
        }
        let shard = self.shard(client);
        for (window, level) in windows.iter().zip(&mut levels) {
            let kept = shard.get(client.bucket(budget, window.rate().per));
            *level = window.level(kept.arrival(), now);
        }
        levels
    }

    /// Forgets the buckets of the next shard that are whole again.
    pub(super) fn sweep(&self, now: Timestamp) {
        let next = self.next_swept.fetch_add(1, Ordering::Relaxed) % SHARDS;
        let Some(shard) = self.shards.get(next) else { return };
        let mut shard = lock(shard);
        let Shard { young, old } = &mut *shard;
        for buckets in [young, old] {
            buckets.retain(|_, kept| !kept.arrival().is_past(now));
            if buckets.len() < buckets.capacity() / 4 {
                buckets.shrink_to_fit();
            }
        }
    }

    fn shard(&self, client: Client) -> MutexGuard<'_, Shard> {
        lock(&self.shards[client.place(SHARDS)])
    }
}

impl Shard {
    fn get(&self, bucket: u64) -> Kept {
        let kept = self.young.get(&bucket).or_else(|| self.old.get(&bucket));
        kept.copied().unwrap_or_default()
    }

    /// The same, taken out of where it might be forgotten.
    fn take(&mut self, bucket: u64) -> Kept {
        let young = self.young.get(&bucket).copied();
        young.or_else(|| self.old.remove(&bucket)).unwrap_or_default()
    }

    /// Lets the younger generation become the older one where so many more buckets would not fit into it.
    fn make_room(&mut self, count: usize, generation: usize) {
        if self.young.len() + count > generation {
            self.old = std::mem::take(&mut self.young);
        }
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The hash of what is a hash.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
}

#[cfg(test)]
mod tests;
