//! Requests for one thing that arrive together become one.
//!
//! A *flight* is a fetch under way. It is found by its key and, once it is known what selects the response, by the
//! values of the selecting fields. Whoever finds none leads one; whoever finds one follows it and is told a verdict.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use http::{HeaderMap, HeaderName, StatusCode};
use tokio::sync::watch;

use super::wanted::Wanted;
use super::{Arriving, Failure};
use crate::caching::key::Key;
use crate::caching::stamp::Stamp;
use crate::caching::storability::Refusal;
use crate::caching::stored::StoredResponse;
use crate::caching::vary::selecting_values;
use crate::clock::Timestamp;

const SHARDS: usize = 64;

/// What followers are told.
#[derive(Clone, Debug)]
pub(super) enum Verdict {
    /// Nothing yet.
    Pending,
    /// The head has come; the body can be read as it comes.
    Arriving(Arc<Arriving>),
    /// There is a stored response.
    Stored(Arc<StoredResponse>, Origin),
    /// The origin answered with this error: a stale response has to do where there is one.
    OriginFailed(StatusCode),
    /// The response is nobody's but the leader's: everybody goes forward alone.
    Declined(Refusal),
    /// There is no response.
    Failed(Failure),
    /// The leader may not go forward after all: everybody asks again.
    Withdrawn,
    /// The leader is gone: one of the followers leads anew.
    Lost,
}

/// How a flight came by a stored response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// It had been stored meanwhile.
    Met,
    /// It was stored in the second tier.
    Second,
    /// Another replica fetched it meanwhile.
    Fleet,
    /// It was fetched, and has been stored since.
    Fetched,
    /// The origin said that it is still good.
    Validated,
}

/// A fetch under way.
#[derive(Debug)]
pub(super) struct Flight {
    key: Key,
    pub(super) stamp: Stamp,
    /// What it asks for.
    pub(super) wanted: Wanted,
    /// How many fetches for the same requests failed before this one.
    pub(super) attempt: u8,
    pub(super) started: Timestamp,
    /// Whether it fetches what is stored, because it was asked to.
    pub(super) anew: bool,
    /// Whether it succeeds one that took too long.
    pub(super) in_haste: bool,
    selecting: OnceLock<Selecting>,
    verdict: watch::Sender<Verdict>,
    /// Taken by whoever leads anew when this one takes too long.
    succeeded: AtomicBool,
    successor: OnceLock<Arc<Self>>,
    /// What the second tier had, to be validated.
    brought: OnceLock<Arc<StoredResponse>>,
    followers: AtomicUsize,
}

/// What selects the response a flight is for.
#[derive(Clone, Debug)]
struct Selecting {
    names: Vec<HeaderName>,
    values: Vec<u8>,
}

impl Flight {
    /// Whether it may bring what a request with these fields selects. Where nobody knows yet: yes.
    fn may_fit(&self, request: &HeaderMap) -> bool {
        self.selecting
            .get()
            .is_none_or(|selecting| selecting_values(&selecting.names, request) == selecting.values)
    }

    /// Whether what it asks for is what a request wants, or may be more.
    fn brings(&self, wanted: &Wanted) -> bool {
        self.wanted == Wanted::Whole || self.wanted == *wanted || self.arriving().is_some()
    }

    /// Waits for the verdict, of this flight or of the one that succeeded it, for `patience` at most.
    pub(super) async fn verdict(&self, patience: Duration) -> Option<Verdict> {
        self.followers.fetch_add(1, Ordering::Relaxed);
        let _follower = Follower(&self.followers);
        tokio::time::timeout(patience, self.told()).await.ok()
    }

    async fn told(&self) -> Verdict {
        let mut own = self.verdict.subscribe();
        loop {
            if let Some(successor) = self.successor.get() {
                let mut theirs = successor.verdict.subscribe();
                return tokio::select! {
                    verdict = told(&mut own) => verdict,
                    verdict = told(&mut theirs) => verdict,
                };
            }
            let verdict = own.borrow_and_update().clone();
            if !matches!(verdict, Verdict::Pending) {
                return verdict;
            }
            if own.changed().await.is_err() {
                return Verdict::Lost;
            }
        }
    }

    /// The response whose head has come, while its body is on its way.
    pub(super) fn arriving(&self) -> Option<Arc<Arriving>> {
        match &*self.verdict.borrow() {
            Verdict::Arriving(arriving) => Some(Arc::clone(arriving)),
            _ => None,
        }
    }

    /// What the second tier had, to be validated.
    pub(super) fn brought(&self) -> Option<&Arc<StoredResponse>> {
        self.brought.get()
    }

    /// Notes what the second tier had.
    pub(super) fn bring(&self, response: &Arc<StoredResponse>) {
        let _ = self.brought.set(Arc::clone(response));
    }

    /// What selects the response, where that is known and the key alone does not.
    pub(super) fn selected_by(&self) -> Option<Vec<u8>> {
        let selecting = self.selecting.get().filter(|selecting| !selecting.names.is_empty())?;
        let mut selected = Vec::new();
        for name in &selecting.names {
            selected.extend_from_slice(name.as_str().as_bytes());
            selected.push(b'\n');
        }
        selected.extend_from_slice(&selecting.values);
        Some(selected)
    }

    /// While its leader waits for the fetch of another replica nobody else leads anew: the leader will. False where
    /// somebody has begun to.
    pub(super) fn will_lead_anew(&self) -> bool {
        !self.succeeded.swap(true, Ordering::AcqRel)
    }

    /// Its leader waits no longer: a follower may lead anew.
    pub(super) fn may_be_succeeded(&self) {
        self.succeeded.store(false, Ordering::Release);
    }

    /// True when somebody waits for the verdict.
    pub(super) fn is_followed(&self) -> bool {
        self.followers.load(Ordering::Relaxed) > 0
    }
}

/// Waits until `verdict` is no longer pending.
async fn told(verdict: &mut watch::Receiver<Verdict>) -> Verdict {
    match verdict.wait_for(|verdict| !matches!(verdict, Verdict::Pending)).await {
        Ok(verdict) => verdict.clone(),
        Err(_) => Verdict::Lost,
    }
}

struct Follower<'f>(&'f AtomicUsize);

impl Drop for Follower<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a request for which nothing usable is stored has to do.
pub(super) enum Turn {
    /// Lead: fetch, for itself and for whoever follows.
    Lead(Leader),
    /// Follow a flight.
    Follow(Arc<Flight>),
}

/// What a request brings to a join.
pub(super) struct Joining<'a> {
    pub(super) key: &'a Key,
    pub(super) fields: &'a HeaderMap,
    /// The fields that selected the responses stored so far.
    pub(super) selecting: Option<&'a [HeaderName]>,
    /// What it has to ask for.
    pub(super) wanted: Wanted,
    /// Whether it may ask for the whole instead.
    pub(super) may_want_more: bool,
    /// What a fetch that begins now would know of purges.
    pub(super) stamp: Stamp,
    /// How many fetches on this request's behalf failed.
    pub(super) attempt: u8,
    /// Whether what is stored is to be fetched all the same.
    pub(super) anew: bool,
    /// False where its client has used up what may go forward for it: it may follow, and keeps nobody waiting for a fetch
    /// that it cannot make.
    pub(super) may_go_forward: bool,
    pub(super) now: Timestamp,
}

/// The flights under way.
#[derive(Debug)]
pub(super) struct Collapser {
    shards: Arc<[Shard; SHARDS]>,
    /// How many fetches are under way with each stamp, found or not.
    stamps: Arc<Mutex<BTreeMap<Stamp, usize>>>,
}

type Shard = Mutex<HashMap<u64, Vec<Arc<Flight>>>>;

impl Default for Collapser {
    fn default() -> Self {
        Self { shards: Arc::new(std::array::from_fn(|_| Mutex::default())), stamps: Arc::default() }
    }
}

impl Collapser {
    /// Joins a flight that may fit and that `is_alive`, or leads one that later requests find.
    pub(super) fn join(&self, joining: &Joining<'_>, is_alive: impl Fn(&Flight) -> bool) -> Turn {
        let mut shard = lock(&self.shards, joining.key);
        let flights = shard.entry(joining.key.hash()).or_default();
        let fitting = flights.iter().find(|flight| {
            flight.key == *joining.key
                && flight.brings(&joining.wanted)
                && flight.may_fit(joining.fields)
                // One that began before somebody asked for what is stored anew brings what is no newer.
                && (flight.anew || !joining.anew)
                && is_alive(flight)
        });
        if let Some(flight) = fitting {
            return Turn::Follow(Arc::clone(flight));
        }
        if !joining.may_go_forward {
            return Turn::Lead(self.alone(joining));
        }
        // What a flight for the same key turned out to be selected by will select this one too.
        let known = flights
            .iter()
            .filter(|flight| flight.key == *joining.key)
            .find_map(|flight| flight.selecting.get());
        let names = joining.selecting.or(known.map(|selecting| selecting.names.as_slice()));
        // A part of it is on its way to somebody else: it is in demand.
        let in_demand = joining.may_want_more
            && flights
                .iter()
                .any(|other| other.key == *joining.key && matches!(other.wanted, Wanted::Part(_)));
        let wanted = if in_demand { Wanted::Whole } else { joining.wanted.clone() };
        let flight = new_flight(joining, names, wanted, false);
        // Whoever comes later follows the newer.
        let place = if joining.anew { 0 } else { flights.len() };
        flights.insert(place, Arc::clone(&flight));
        Turn::Lead(self.leader(flight, Some(Arc::clone(&self.shards))))
    }

    /// The flight under way that fetches anew what is stored for this key, that may fit and that `is_alive`.
    pub(super) fn anew(
        &self,
        key: &Key,
        fields: &HeaderMap,
        is_alive: impl Fn(&Flight) -> bool,
    ) -> Option<Arc<Flight>> {
        let shard = lock(&self.shards, key);
        let fitting = shard.get(&key.hash())?.iter().find(|flight| {
            flight.anew && flight.key == *key && flight.may_fit(fields) && is_alive(flight)
        });
        fitting.cloned()
    }

    /// Leads a flight that nobody finds.
    pub(super) fn alone(&self, joining: &Joining<'_>) -> Leader {
        self.leader(new_flight(joining, joining.selecting, joining.wanted.clone(), false), None)
    }

    /// Leads anew in the place of a flight that takes too long; `None` for everybody but the first to ask.
    pub(super) fn succeed(&self, slow: &Arc<Flight>, joining: &Joining<'_>) -> Option<Leader> {
        if slow.succeeded.swap(true, Ordering::AcqRel) {
            return None;
        }
        let names = slow.selecting.get().map(|selecting| selecting.names.as_slice());
        let joining = Joining { anew: slow.anew, wanted: slow.wanted.clone(), ..*joining };
        let flight = new_flight(&joining, names, joining.wanted.clone(), true);
        let mut shard = lock(&self.shards, joining.key);
        let flights = shard.entry(joining.key.hash()).or_default();
        flights.retain(|other| !Arc::ptr_eq(other, slow));
        flights.push(Arc::clone(&flight));
        drop(shard);
        let _ = slow.successor.set(Arc::clone(&flight));
        // Wakes its followers, who then wait for both.
        slow.verdict.send_modify(|_| {});
        Some(self.leader(flight, Some(Arc::clone(&self.shards))))
    }

    /// The oldest stamp of any fetch under way.
    pub(super) fn oldest_stamp(&self) -> Option<Stamp> {
        let stamps = self.stamps.lock().unwrap_or_else(PoisonError::into_inner);
        stamps.first_key_value().map(|(stamp, _)| *stamp)
    }

    fn leader(&self, flight: Arc<Flight>, shards: Option<Arc<[Shard; SHARDS]>>) -> Leader {
        let mut stamps = self.stamps.lock().unwrap_or_else(PoisonError::into_inner);
        *stamps.entry(flight.stamp).or_default() += 1;
        Leader { flight, shards, stamps: Arc::clone(&self.stamps) }
    }
}

fn new_flight(
    joining: &Joining<'_>,
    names: Option<&[HeaderName]>,
    wanted: Wanted,
    in_haste: bool,
) -> Arc<Flight> {
    let selecting = OnceLock::new();
    if let Some(names) = names {
        let values = selecting_values(names, joining.fields);
        let _ = selecting.set(Selecting { names: names.to_vec(), values });
    }
    Arc::new(Flight {
        key: joining.key.clone(),
        stamp: joining.stamp,
        wanted,
        attempt: joining.attempt,
        started: joining.now,
        anew: joining.anew,
        in_haste,
        selecting,
        verdict: watch::Sender::new(Verdict::Pending),
        succeeded: AtomicBool::new(false),
        successor: OnceLock::new(),
        brought: OnceLock::new(),
        followers: AtomicUsize::new(0),
    })
}

/// The duty to bring a flight to its end. Dropped without a word, it loses the flight, and one follower leads anew.
pub(super) struct Leader {
    flight: Arc<Flight>,
    /// Where the flight is found, if it is.
    shards: Option<Arc<[Shard; SHARDS]>>,
    stamps: Arc<Mutex<BTreeMap<Stamp, usize>>>,
}

impl Leader {
    pub(super) const fn flight(&self) -> &Arc<Flight> {
        &self.flight
    }

    /// Whether others find the flight.
    pub(super) const fn is_found(&self) -> bool {
        self.shards.is_some()
    }

    /// Tells the followers. The flight is still found, so that later requests follow too.
    pub(super) fn tell(&self, verdict: Verdict) {
        self.flight.verdict.send_replace(verdict);
    }

    /// Notes what selects the response, so that only requests that agree join from now on.
    pub(super) fn selected_by(&self, names: Vec<HeaderName>, values: Vec<u8>) {
        let _ = self.flight.selecting.set(Selecting { names, values });
    }

    /// Tells the followers, with nobody to join any more.
    pub(super) fn land(mut self, verdict: Verdict) {
        self.remove();
        self.tell(verdict);
    }

    /// Takes the flight, and no other, out of those that are found.
    fn remove(&mut self) {
        let Some(shards) = self.shards.take() else { return };
        let mut shard = lock(&shards, &self.flight.key);
        let hash = self.flight.key.hash();
        if let Some(flights) = shard.get_mut(&hash) {
            flights.retain(|other| !Arc::ptr_eq(other, &self.flight));
            if flights.is_empty() {
                shard.remove(&hash);
            }
        }
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        self.remove();
        let mut stamps = self.stamps.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut count) = stamps.entry(self.flight.stamp) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
        drop(stamps);
        self.flight.verdict.send_if_modified(|verdict| {
            let pending = matches!(verdict, Verdict::Pending);
            if pending {
                *verdict = Verdict::Lost;
            }
            pending
        });
    }
}

fn lock<'s>(
    shards: &'s [Shard; SHARDS],
    key: &Key,
) -> MutexGuard<'s, HashMap<u64, Vec<Arc<Flight>>>> {
    let index = key.hash() as usize % SHARDS;
    shards[index].lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
