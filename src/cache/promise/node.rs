//! One replica: the real parts, put together as the cache does.

use std::collections::{BTreeMap, VecDeque};
use std::iter::empty;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{HeaderMap, StatusCode};

use super::Broken;
use crate::caching::freshness::Exchange;
use crate::caching::key::Keyer;
use crate::caching::purge::{Selector, Subject};
use crate::caching::record::{Nonce, Record};
use crate::caching::rules::Rules;
use crate::caching::stamp::{Position, Stamp};
use crate::caching::stored::{HeadParts, StoredHead};
use crate::caching::terms::terms;
use crate::clock::Timestamp;
use crate::fleet::{Answer, Follower, Question, Replica};
use crate::store::{Judged, Purged, Synced};

pub(super) const UNSYNCED: Duration = Duration::from_secs(5);
/// The path and the tag of each resource.
pub(super) const RESOURCES: [(&str, &str); 2] = [("/a", "x"), ("/b", "y")];

/// What was fetched.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) head: StoredHead,
    /// The step at which the fetch began.
    pub(super) began: u64,
    pub(super) asked: u64,
    /// Whether it came from the origin to this replica.
    pub(super) is_own: bool,
}

/// A fetch under way.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) what: usize,
    pub(super) stamp: Stamp,
    pub(super) began: u64,
    pub(super) asked: u64,
}

/// What stands in Redis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value {
    pub(super) position: Position,
    pub(super) began: u64,
    pub(super) asked: u64,
}

/// A value that is being read.
#[derive(Debug)]
pub(super) struct Read {
    what: usize,
    value: Value,
    stamp: Stamp,
    is_alive: bool,
    step: u64,
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) id: String,
    pub(super) follower: Follower,
    pub(super) local: Local,
    pub(super) memory: [Option<Response>; 2],
    pub(super) flights: VecDeque<Flight>,
    pub(super) reads: VecDeque<Read>,
    pub(super) writes: VecDeque<(usize, Value)>,
    pub(super) asked: Option<(Question, u64)>,
    pub(super) told: Option<Answer>,
    pub(super) is_cut: bool,
    /// When it last heard of the log.
    pub(super) heard: u64,
}

/// What the log is applied to.
#[derive(Debug)]
pub(super) struct Local {
    pub(super) synced: Synced,
    pub(super) purged: Purged,
    /// What was applied here, by its nonce.
    pub(super) applied: Mutex<BTreeMap<Nonce, u64>>,
    /// Own purges that nobody heeds until they are logged, where that rule is broken.
    hidden: Mutex<Vec<Arc<Record>>>,
    /// The present step.
    pub(super) step: AtomicU64,
    broken: Broken,
}

impl Node {
    pub(super) fn new(id: String, broken: Broken) -> Self {
        Self {
            id,
            follower: Follower::default(),
            local: Local {
                synced: Synced::in_a_fleet(UNSYNCED, false),
                purged: Purged::default(),
                applied: Mutex::default(),
                hidden: Mutex::default(),
                step: AtomicU64::new(0),
                broken,
            },
            memory: [const { None }; 2],
            flights: VecDeque::new(),
            reads: VecDeque::new(),
            writes: VecDeque::new(),
            asked: None,
            told: None,
            is_cut: false,
            heard: 0,
        }
    }

    /// What memory has for a request.
    pub(super) fn lookup(&self, what: usize, now: u64) -> Option<&Response> {
        let Local { synced, purged, broken, .. } = &self.local;
        let response = self.memory[what].as_ref()?;
        let asked = response.head.terms().exchange.request_time;
        let is_trusted = synced.trusts(asked, time(now)) || *broken == Broken::MemoryWithoutLease;
        (is_trusted && purged.fate(&response.head).is_none()).then_some(response)
    }

    /// A value of Redis is on its way to a request.
    pub(super) fn read(&mut self, what: usize, value: Value, now: u64, step: u64) {
        let is_alive = self.is_alive(what, value, now);
        self.reads.push_back(Read { what, value, stamp: self.stamp(), is_alive, step });
    }

    /// The value has come; when it was asked for, and whether it may be used.
    pub(super) fn receive(&mut self, now: u64) -> Option<(usize, u64)> {
        let Read { what, value, stamp, is_alive, step } = self.reads.pop_front()?;
        let (stamp, is_alive) = match self.local.broken {
            Broken::StampAfterJudging => (self.stamp(), is_alive),
            _ => (stamp, self.is_alive(what, value, now)),
        };
        let Value { position, began, asked } = value;
        let head = head(what, Stamp { position, ..stamp }, asked);
        if is_alive {
            self.memory[what] = Some(Response { head, began, asked, is_own: false });
        }
        is_alive.then_some((what, step))
    }

    fn is_alive(&self, what: usize, value: Value, now: u64) -> bool {
        let Local { synced, broken, .. } = &self.local;
        if !synced.is_current(time(now)) && *broken != Broken::ValuesWithoutLease {
            return false;
        }
        let mut position = value.position;
        if *broken == Broken::AnyEpoch {
            let ours = synced.position();
            position = Position { epoch: ours.epoch, record: position.record.min(ours.record) };
        }
        let (path, tag) = RESOURCES[what];
        let subject = Subject { authority: "h", path_and_query: path, route: "r" };
        synced.judge(position, subject, || [tag].into_iter()) == Judged::Alive
    }

    /// What a fetch that begins now knows.
    pub(super) fn stamp(&self) -> Stamp {
        let position = self.local.synced.position();
        self.local.purged.stamp(position)
    }

    /// The oldest fetch has come to its end. Whether it was stored.
    pub(super) fn land(&mut self) {
        let Some(Flight { what, mut stamp, began, asked }) = self.flights.pop_front() else {
            return;
        };
        if self.local.broken == Broken::StampAtLanding {
            stamp = self.stamp();
        }
        let head = head(what, stamp, asked);
        if self.local.purged.fate(&head).is_some() {
            return;
        }
        let is_newer = self.memory[what].as_ref().is_none_or(|stored| stored.asked <= asked);
        if is_newer {
            self.memory[what] = Some(Response { head, began, asked, is_own: true });
        }
        self.writes.push_back((what, Value { position: stamp.position, began, asked }));
    }

    /// What the follower wants to ask.
    pub(super) fn question(&mut self, is_due: bool, now: u64) -> bool {
        if self.asked.is_none() {
            let question = self.follower.question(is_due, &self.local);
            self.asked = question.map(|question| (question, now));
        }
        self.asked.is_some()
    }
}

impl Local {
    fn note(&self, nonce: Nonce) {
        let step = self.step.load(Ordering::Relaxed);
        self.applied.lock().unwrap().entry(nonce).or_insert(step);
    }

    pub(super) fn purge(&self, records: Vec<Record>) {
        records.iter().for_each(|record| self.note(record.nonce));
        let [record] = &records[..] else { panic!("one record") };
        let (selectors, soft) = (record.selectors.clone(), record.soft);
        if self.broken == Broken::PendingForgotten {
            self.purged.apply(&selectors, soft);
            self.hidden.lock().unwrap().extend(records.into_iter().map(Arc::new));
        } else {
            self.synced.purge(records, || self.purged.apply(&selectors, soft));
        }
    }
}

impl Replica for Local {
    fn begin(&self, epoch: u64) {
        self.synced.begin(epoch);
    }

    fn enter(&self, number: u64, record: &Record, is_known: bool) {
        self.note(record.nonce);
        let hidden = &mut *self.hidden.lock().unwrap();
        let is_known = is_known || hidden.iter().any(|own| own.nonce == record.nonce);
        hidden.retain(|own| own.nonce != record.nonce);
        self.synced.enter(number, record, is_known, || {
            if self.broken != Broken::NotApplied {
                self.purged.apply(&record.selectors, record.soft);
            }
        });
    }

    fn enter_older(&self, until: u64, newest: Vec<(u64, Selector, bool)>) {
        let mut newest = newest;
        if self.broken == Broken::NoHorizon {
            newest.retain(|(_, selector, _)| *selector != Selector::All);
        }
        let selectors: Vec<_> = newest.iter().map(|(_, selector, _)| selector.clone()).collect();
        self.synced.enter_older(until, newest, || {
            self.purged.apply(&selectors, false);
        });
    }

    fn reach(&self, record: u64) {
        let ahead = u64::from(self.broken == Broken::PositionAhead);
        self.synced.reach(record + ahead);
    }

    fn forget_before(&self, record: u64) {
        if self.broken != Broken::NoHorizon {
            self.synced.forget_before(record);
        }
    }

    fn lose(&self) {
        self.synced.lose();
    }

    fn distrust(&self, now: Timestamp) {
        if self.broken != Broken::TrustAfterLoss {
            self.synced.distrust(now);
        }
    }

    fn renew(&self, asked: Timestamp) {
        self.synced.renew(asked);
    }

    fn unlogged(&self, most: usize) -> Vec<Arc<Record>> {
        let hidden = self.hidden.lock().unwrap();
        if hidden.is_empty() { self.synced.unlogged(most) } else { hidden.clone() }
    }

    fn settle(&self, nonce: Nonce) {
        self.hidden.lock().unwrap().retain(|own| own.nonce != nonce);
        self.synced.settle(nonce);
    }

    fn is_synced(&self, now: Timestamp) -> bool {
        self.synced.is_current(now)
    }
}

pub(super) const fn time(millis: u64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn head(what: usize, stamp: Stamp, asked: u64) -> StoredHead {
    let (path, tag) = RESOURCES[what];
    let key = Keyer::default().key("http", "h", path, empty());
    let fields = HeaderMap::new();
    let exchange = Exchange { request_time: time(asked), response_time: time(asked) };
    StoredHead::new(&HeadParts {
        key: &key,
        route: "r",
        tags: &[tag.to_owned()],
        selecting: &[],
        selecting_values: &[],
        status: StatusCode::OK,
        fields: &fields,
        terms: terms(StatusCode::OK, &fields, &Rules::default(), exchange),
        stamp,
    })
}
