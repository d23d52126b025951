//! Three replicas, the log, what else is in Redis, and the judge.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Broken;
use super::node::{Flight, Node, RESOURCES, UNSYNCED, Value, time};
use crate::caching::purge::{Selector, Subject};
use crate::caching::record::{Nonce, Record};
use crate::caching::stamp::Position;
use crate::fleet::simulated::{DOUBT, Simulated};
use crate::fleet::{Answer, Place, Question};

/// What happens.
#[derive(Clone, Copy, Debug)]
pub(super) enum Op {
    /// So many milliseconds pass.
    Pass(u64),
    /// Somebody asks a replica for a resource.
    Ask(usize, usize),
    /// A replica fetches a resource, and stores it wherever it can.
    Store(usize, usize),
    /// A replica begins to fetch a resource, whatever it has.
    Fetch(usize, usize),
    /// A value of Redis comes to a replica.
    Receive(usize),
    /// A fetch of a replica comes to its end.
    Land(usize),
    /// A replica writes to Redis what it stored.
    Write(usize),
    /// A replica is told to purge.
    Purge(usize, u8, bool),
    /// A replica asks the log.
    Send(usize),
    /// The log is reached by it.
    Arrive(usize),
    /// Its answer comes.
    Hear(usize),
    /// All of this, until there is nothing more to be asked.
    Sync(usize),
    /// A replica has asked the log, and the answer is on its way.
    Late(usize),
    /// A replica is told to purge, and the log is told.
    Purged(usize, u8),
    /// The same with much that is little asked for.
    Others(usize),
    /// Everybody hears of everything.
    Settle,
    /// It is asked which purges were applied.
    Confirm,
    /// A replica is cut off from Redis.
    Cut(usize),
    /// And no more.
    Mend(usize),
    /// Redis forgets everything.
    Flush,
    /// Redis forgets a key of the log.
    Lose(u8),
    /// Redis saves all it has.
    Save,
    /// Redis goes back to that.
    Restore,
    /// A replica dies, and another takes its place.
    Restart(usize),
}

struct Purge {
    nonce: Nonce,
    selector: Selector,
    /// The step at which it was asked for.
    issued: u64,
    place: Option<Place>,
    /// Once it was said to be applied: at which step, and the replicas that Redis knew then.
    applied: Option<(u64, BTreeSet<String>)>,
}

pub(super) struct World {
    broken: Broken,
    now: u64,
    step: u64,
    nodes: Vec<Node>,
    started: usize,
    log: Simulated,
    values: [Option<Value>; 2],
    /// When Redis was put back to what it once had.
    restored: u64,
    saved: Option<(Simulated, [Option<Value>; 2])>,
    purges: Vec<Purge>,
}

impl World {
    pub(super) fn new(broken: Broken, is_warm: bool) -> Self {
        let node = |id: usize| Node::new(id.to_string(), broken);
        let mut world = Self {
            broken,
            now: 1_000_000,
            step: 0,
            nodes: (0..3).map(node).collect(),
            started: 3,
            log: empty(Nonce::default()),
            restored: 0,
            values: [None; 2],
            saved: None,
            purges: Vec::new(),
        };
        world.log.reuses_numbers = broken == Broken::NumbersReused;
        if is_warm {
            // So long ago that all replicas are known, and each has something.
            (0..3).for_each(|node| world.sync(node));
            world.now += 10_000;
            for node in 0..3 {
                world.sync(node);
                world.store(node, 0);
            }
        }
        world
    }

    pub(super) fn take(&mut self, op: Op) -> Result<(), String> {
        self.step += 1;
        for node in &self.nodes {
            node.local.step.store(self.step, Ordering::Relaxed);
        }
        match op {
            Op::Pass(millis) => self.now += millis,
            Op::Ask(node, what) => return self.ask(node, what),
            Op::Land(node) => self.nodes[node].land(),
            Op::Receive(index) => {
                if let Some((what, asked)) = self.nodes[index].receive(self.now) {
                    return self.check(index, what, asked);
                }
            }
            Op::Fetch(node, what) => self.fetch(node, what),
            Op::Write(node) => self.write(node),
            Op::Purge(node, by, soft) => self.purge(node, by, soft),
            Op::Send(node) => {
                self.nodes[node].question(true, self.now);
            }
            Op::Arrive(node) => self.arrive(node),
            Op::Hear(node) => self.hear(node),
            Op::Sync(node) => self.sync(node),
            Op::Store(node, what) => self.store(node, what),
            Op::Late(node) => {
                self.nodes[node].question(true, self.now);
                self.arrive(node);
            }
            Op::Purged(node, by) => {
                self.purge(node, by, false);
                self.sync(node);
            }
            Op::Others(node) => {
                for (by, soft) in [(1, false), (1, true), (4, false), (4, true)] {
                    self.purge(node, by, soft);
                }
                self.sync(node);
            }
            Op::Settle => {
                for node in [0, 1, 2, 0] {
                    self.sync(node);
                }
                self.confirm();
            }
            Op::Confirm => self.confirm(),
            Op::Cut(node) => {
                let node = &mut self.nodes[node];
                node.is_cut = true;
                (node.asked, node.told) = (None, None);
            }
            Op::Mend(node) => self.nodes[node].is_cut = false,
            Op::Flush => {
                self.log = empty(self.log.run);
                self.values = [None; 2];
            }
            Op::Lose(key) => match key {
                0 => self.log.log = None,
                1 => self.log.records = None,
                2 => self.log.selectors = None,
                3 => self.log.replicas = None,
                _ => self.log.nonces.clear(),
            },
            Op::Save => self.saved = Some((self.log.clone(), self.values)),
            Op::Restore => {
                if let Some((log, _)) = &self.saved {
                    // The values may be on another server, that has them still.
                    self.log = Simulated { run: Nonce::random(), ..log.clone() };
                    self.restored = self.now;
                }
            }
            Op::Restart(node) => {
                self.nodes[node] = Node::new(self.started.to_string(), self.broken);
                self.started += 1;
            }
        }
        Ok(())
    }

    fn ask(&mut self, index: usize, what: usize) -> Result<(), String> {
        let (now, step) = (self.now, self.step);
        let node = &mut self.nodes[index];
        if node.lookup(what, now).is_some() {
            return self.check(index, what, step);
        }
        if let Some(value) = self.values[what].filter(|_| !node.is_cut) {
            node.read(what, value, now, step);
            return Ok(());
        }
        self.fetch(index, what);
        Ok(())
    }

    fn store(&mut self, index: usize, what: usize) {
        let node = &mut self.nodes[index];
        node.flights.clear();
        node.writes.clear();
        self.fetch(index, what);
        self.nodes[index].land();
        self.write(index);
    }

    fn sync(&mut self, node: usize) {
        let mut is_due = true;
        for _ in 0..60 {
            if self.nodes[node].is_cut || !self.nodes[node].question(is_due, self.now) {
                break;
            }
            is_due = false;
            self.arrive(node);
            self.hear(node);
        }
    }

    fn fetch(&mut self, index: usize, what: usize) {
        let node = &mut self.nodes[index];
        let flight = Flight { what, stamp: node.stamp(), began: self.step, asked: self.now };
        node.flights.push_back(flight);
    }

    /// Whether what a replica has may be the answer to a request that came at that step.
    fn check(&self, index: usize, what: usize, asked: u64) -> Result<(), String> {
        let node = &self.nodes[index];
        let Some(response) = &node.memory[what] else { return Ok(()) };
        let (path, tag) = RESOURCES[what];
        let subject = Subject { authority: "h", path_and_query: path, route: "r" };
        for purge in &self.purges {
            let is_meant = purge.selector.covers(subject, |wanted| wanted == tag);
            if !is_meant || response.began >= purge.issued {
                continue;
            }
            let here = node.local.applied.lock().unwrap().get(&purge.nonce).copied();
            if here.is_some_and(|here| here < asked) {
                return Err(format!("{path} of {}: purged on {}", response.began, node.id));
            }
            let Some((since, noted)) = &purge.applied else { continue };
            if *since > asked {
                continue;
            }
            // Nobody waits for who was not heard of.
            let is_unheard = !noted.contains(&node.id)
                && response.is_own
                && time(self.now) < time(response.asked) + UNSYNCED;
            // Who knew of it is gone, or for all that anybody knows.
            let knows = |node: &Node| {
                let is_late = self.now >= self.restored + DOUBT && node.heard <= self.restored;
                let is_back = self.restored > 0 && is_late;
                let is_heard = !node.is_cut && !is_back;
                is_heard && node.local.applied.lock().unwrap().contains_key(&purge.nonce)
            };
            let is_lost = !self.log.has(purge.nonce) && !self.nodes.iter().any(knows);
            if !is_unheard && !is_lost {
                return Err(format!(
                    "{path} of {} from {} is purged by {}",
                    response.began, node.id, purge.selector
                ));
            }
        }
        Ok(())
    }

    fn write(&mut self, node: usize) {
        let node = &mut self.nodes[node];
        let Some((what, value)) = node.writes.pop_front() else { return };
        // Fenced, as the script does it: what is there is newer.
        let is_newer = self.values[what].is_some_and(|there| {
            there.position.epoch == value.position.epoch && there.position > value.position
        });
        if !node.is_cut && !is_newer && value.position.epoch != 0 {
            self.values[what] = Some(value);
        }
    }

    fn purge(&mut self, node: usize, by: u8, soft: bool) {
        let selector: Selector =
            ["tag:x", "tag:y", "url:/a", "prefix:/", "url:/other"][by as usize].parse().unwrap();
        let records = Record::of(std::slice::from_ref(&selector), soft);
        let nonce = records[0].nonce;
        self.nodes[node].local.purge(records);
        let issued = self.step;
        self.purges.push(Purge { nonce, selector, issued, place: None, applied: None });
    }

    fn arrive(&mut self, node: usize) {
        let node = &mut self.nodes[node];
        let Some((question, _)) = node.asked.as_ref().filter(|_| !node.is_cut) else { return };
        if node.told.is_none() {
            let mut question = question.clone();
            if self.broken == Broken::LossUnheeded {
                blindfold(&mut question, &self.log);
            }
            node.told = Some(self.log.answer(&node.id, UNSYNCED, &question, self.now));
        }
    }

    fn hear(&mut self, node: usize) {
        let node = &mut self.nodes[node];
        let Some(mut answer) = node.told.take() else { return };
        let Some((question, mut asked)) = node.asked.take() else { return };
        node.heard = self.now;
        if self.broken == Broken::LeaseFromAnswer {
            asked = self.now;
        }
        if let (Broken::NoDoubt, Answer::Records { doubt, .. }) = (self.broken, &mut answer) {
            *doubt = Duration::ZERO;
        }
        if self.broken == Broken::LeaseBeforeEnd && answer != Answer::Reset {
            node.local.synced.renew(time(asked));
        }
        let (asked, now) = (time(asked), time(self.now));
        let met = node.follower.answered(&question, answer, asked, now, &node.local);
        let logged: HashMap<Nonce, Position> = met.logged.into_iter().collect();
        for purge in &mut self.purges {
            if let Some(position) = logged.get(&purge.nonce) {
                purge.place = Some(Place { position: *position, nonce: purge.nonce });
            }
        }
    }

    fn confirm(&mut self) {
        for purge in &mut self.purges {
            let Some(place) = purge.place.filter(|_| purge.applied.is_none()) else { continue };
            let is_applied = match self.broken {
                Broken::AppliedWhenLogged => Some(true),
                Broken::AppliedToTheKnown => {
                    let mut log = self.log.clone();
                    log.know_all();
                    log.is_applied(place, UNSYNCED, self.now)
                }
                _ => self.log.is_applied(place, UNSYNCED, self.now),
            };
            if is_applied == Some(true) {
                purge.applied = Some((self.step, self.log.noted()));
            }
        }
    }
}

/// A log that is short enough to forget.
fn empty(run: Nonce) -> Simulated {
    Simulated { run, page: 2, most_told: 2, ..Simulated::new(4, 3) }
}

/// Has a replica go on as if nothing were lost.
fn blindfold(question: &mut Question, log: &Simulated) {
    if let Question::Sync(at) | Question::Join { at, .. } = question
        && let Some(nearest) = log.nearest(at.position)
    {
        *at = nearest;
    }
}
