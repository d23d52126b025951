//! The log as a model: what the scripts do, without a Redis.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use super::question::{Answer, Joined, Numbered, Place, Question};
use crate::caching::record::{self, Nonce, Record};
use crate::caching::stamp::Position;

const GIVEN_UP: u64 = 300_000;
const SLACK: u64 = 1000;
pub(crate) const DOUBT: u64 = 3000;
const GAP: u64 = 1 << 20;

/// The keys of the log. Times are in milliseconds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Simulated {
    pub(crate) log: Option<Head>,
    pub(crate) records: Option<BTreeMap<u64, (Arc<Record>, u64)>>,
    pub(crate) selectors: Option<BTreeMap<String, u64>>,
    pub(crate) replicas: Option<BTreeMap<String, Report>>,
    pub(crate) nonces: BTreeMap<Nonce, u64>,
    /// Which server it is.
    pub(crate) run: Nonce,
    pub(crate) most_records: usize,
    pub(crate) most_selectors: usize,
    /// Selectors of a snapshot told at once.
    pub(crate) page: usize,
    /// Breaks a rule: lost numbers are given again.
    pub(crate) reuses_numbers: bool,
    /// Records told at once.
    pub(crate) most_told: usize,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    epoch: u64,
    last: u64,
    horizon: u64,
    since: u64,
    doubt: u64,
    run: Nonce,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Report {
    last: u64,
    seen: u64,
    unsynced: u64,
}

impl Simulated {
    pub(crate) fn new(most_records: usize, most_selectors: usize) -> Self {
        Self { most_records, most_selectors, page: 1000, most_told: 256, ..Self::default() }
    }

    pub(crate) fn answer(
        &mut self,
        who: &str,
        unsynced: Duration,
        question: &Question,
        now: u64,
    ) -> Answer {
        let unsynced = u64::try_from(unsynced.as_millis()).unwrap();
        self.heed_move(now);
        match question {
            Question::Join { at, epoch, nonce } => {
                self.join(at, *epoch, *nonce, who, unsynced, now)
            }
            Question::Snapshot { epoch, from, until } => self.snapshot(*epoch, *from, *until),
            Question::Sync(at) => self.sync(at, who, unsynced, now),
            Question::Append(records) => self.append(records, now),
        }
    }

    /// Whether nobody uses any more what a record purged.
    pub(crate) fn is_applied(&mut self, at: Place, unsynced: Duration, now: u64) -> Option<bool> {
        let unsynced = u64::try_from(unsynced.as_millis()).unwrap();
        self.heed_move(now);
        let head = self.intact().filter(|head| head.epoch == at.position.epoch)?;
        let (found, appended) = self.records.as_ref()?.get(&at.position.record)?;
        if found.nonce != at.nonce {
            return None;
        }
        let age = now - appended;
        let is_over = age >= unsynced + SLACK;
        if *appended < head.since + unsynced + SLACK && !is_over {
            return Some(false);
        }
        let Some(replicas) = &self.replicas else { return Some(is_over) };
        Some(
            replicas
                .values()
                .all(|report| report.last >= at.position.record || age >= report.unsynced + SLACK),
        )
    }

    /// The replicas that are waited for.
    pub(crate) fn noted(&self) -> BTreeSet<String> {
        self.replicas.iter().flatten().map(|(id, _)| id.clone()).collect()
    }

    pub(crate) fn has(&self, nonce: Nonce) -> bool {
        self.records.iter().flatten().any(|(_, (record, _))| record.nonce == nonce)
    }

    /// It seems to be another server than before.
    pub(crate) fn moved(&mut self) {
        if let Some(log) = &mut self.log {
            log.run = Nonce::default();
        }
    }

    /// Breaks a rule: as if every replica had been known for ever.
    pub(crate) fn know_all(&mut self) {
        if let Some(log) = &mut self.log {
            log.since = 0;
        }
    }

    /// Breaks a rule: the last record up to this place, if it is one of this log.
    pub(crate) fn nearest(&self, place: Position) -> Option<Place> {
        let epoch = self.intact().filter(|head| head.epoch == place.epoch)?.epoch;
        let (record, (found, _)) = self.records.as_ref()?.range(..=place.record).next_back()?;
        let position = Position { epoch, record: *record };
        Some(Place { position, nonce: found.nonce })
    }

    fn intact(&self) -> Option<Head> {
        let head = self.log?;
        self.selectors.as_ref()?;
        let newest = *self.records.as_ref()?.last_key_value()?.0;
        (newest == head.last).then_some(head)
    }

    fn nonce_of(&self, number: u64) -> Option<Nonce> {
        self.records.as_ref()?.get(&number).map(|(record, _)| record.nonce)
    }

    fn first(&self) -> Option<u64> {
        self.records.as_ref()?.first_key_value().map(|(number, _)| *number)
    }

    fn report(&mut self, who: &str, last: u64, unsynced: u64, now: u64) -> usize {
        let is_new = self.replicas.is_none();
        let replicas = self.replicas.get_or_insert_default();
        replicas.insert(who.to_owned(), Report { last, seen: now, unsynced });
        let before = replicas.len();
        replicas.retain(|_, report| now - report.seen < GIVEN_UP);
        let living =
            replicas.values().filter(|report| now - report.seen <= report.unsynced + SLACK).count();
        if let Some(log) = self.log.as_mut().filter(|_| is_new || replicas.len() < before) {
            log.since = now;
        }
        living
    }

    /// If this is another server than before, the numbers that may have been lost are not given again.
    fn heed_move(&mut self, now: u64) {
        let run = self.run;
        if self.intact().is_some_and(|head| head.run != run)
            && let (Some(log), Some(records)) = (&mut self.log, &mut self.records)
        {
            if self.reuses_numbers {
                *log = Head { run, doubt: now, ..*log };
                return;
            }
            *log = Head { last: log.last + GAP, run, doubt: now, ..*log };
            let nothing = Record { nonce: run, selectors: Vec::new(), soft: false };
            records.insert(log.last, (Arc::new(nothing), now));
        }
    }

    fn join(
        &mut self,
        at: &Place,
        epoch: u64,
        nonce: Nonce,
        who: &str,
        unsynced: u64,
        now: u64,
    ) -> Answer {
        let mut head = self.intact();
        if head.is_some_and(|head| head.epoch == at.position.epoch)
            && self.first() <= Some(at.position.record)
            && self.nonce_of(at.position.record) != Some(at.nonce)
        {
            head = None;
        }
        if head.is_none() {
            let genesis = Arc::new(Record { nonce, selectors: Vec::new(), soft: false });
            self.records = Some(BTreeMap::from([(1, (genesis, now))]));
            self.selectors = Some(BTreeMap::from([("g".to_owned(), 1)]));
            self.replicas = None;
            self.nonces.clear();
            self.log =
                Some(Head { epoch, last: 1, horizon: 0, since: now, doubt: 0, run: self.run });
        }
        let head = self.log.unwrap();
        let replicas = self.report(who, 0, unsynced, now);
        let place = |record| Place {
            position: Position { epoch: head.epoch, record },
            nonce: self.nonce_of(record).unwrap(),
        };
        Answer::Joined(Joined {
            first: place(self.first().unwrap()),
            last: place(head.last),
            replicas,
        })
    }

    fn snapshot(&self, epoch: u64, from: u64, until: u64) -> Answer {
        let Some(head) = self.intact().filter(|head| head.epoch == epoch) else {
            return Answer::Reset;
        };
        let members = self.selectors.iter().flatten();
        let mut found: Vec<_> =
            members.filter(|(_, number)| (from..=until).contains(number)).collect();
        found.sort_by_key(|(member, number)| (**number, member.as_str()));
        found.truncate(self.page);
        let is_full = found.len() >= self.page;
        let newest = found.into_iter().filter_map(|(member, number)| {
            let (kind, selector) = member.split_once(':')?;
            Some((*number, record::selector(selector), kind == "s"))
        });
        Answer::Snapshot { horizon: head.horizon, newest: newest.collect(), is_full }
    }

    fn sync(&mut self, at: &Place, who: &str, unsynced: u64, now: u64) -> Answer {
        let Position { epoch, record } = at.position;
        let head = self.intact().filter(|head| head.epoch == epoch);
        let Some(head) = head.filter(|_| self.nonce_of(record) == Some(at.nonce)) else {
            return Answer::Reset;
        };
        let replicas = self.report(who, record, unsynced, now);
        let since = self.records.as_ref().unwrap().range(record + 1..);
        let records = since
            .map(|(number, (record, _))| Numbered { number: *number, record: Arc::clone(record) })
            .take(self.most_told)
            .collect();
        Answer::Records {
            last: head.last,
            horizon: head.horizon,
            doubt: Duration::from_millis((head.doubt + DOUBT).saturating_sub(now)),
            is_noted: true,
            replicas,
            records,
        }
    }

    fn append(&mut self, appended: &[Arc<Record>], now: u64) -> Answer {
        let Some(head) = self.intact() else { return Answer::Reset };
        let mut last = head.last;
        let mut horizon = head.horizon;
        let (records, selectors) =
            (self.records.as_mut().unwrap(), self.selectors.as_mut().unwrap());
        let mut numbers = Vec::new();
        for record in appended {
            if let Some(number) = self.nonces.get(&record.nonce) {
                numbers.push(*number);
                continue;
            }
            last += 1;
            records.insert(last, (Arc::clone(record), now));
            for selector in &record.selectors {
                let kind = if record.soft { "s" } else { "h" };
                selectors.insert(format!("{kind}:{selector}"), last);
            }
            self.nonces.insert(record.nonce, last);
            numbers.push(last);
        }
        while records.len() > self.most_records {
            records.pop_first();
        }
        while selectors.len() > self.most_selectors {
            let oldest =
                selectors.iter().min_by_key(|(member, number)| (**number, member.as_str()));
            let (member, number) =
                oldest.map(|(member, number)| (member.clone(), *number)).unwrap();
            horizon = number;
            selectors.remove(&member);
        }
        self.log = Some(Head { last, horizon, ..head });
        Answer::Logged { epoch: head.epoch, numbers }
    }
}
