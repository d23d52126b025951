//! How a replica follows the log: what it asks next, and what an answer means.
//!
//! It *joins*: it learns which log there is, and is waited for from then on. It then applies what the log has, from its
//! first record or, where the oldest are gone, from a *snapshot* of what each selector was last purged by. From there on it
//! *syncs*. An answer that leaves nothing out renews its lease, from when it was asked for. When the log turns out to be
//! lost the replica joins again: what it had stored is not trusted any more, and what it has applied in the last hour, and
//! the new log does not have, is appended again.

use std::collections::VecDeque;
use std::sync::Arc;

use super::history::History;
use super::question::{Answer, Joined, Numbered, Place, Question};
use super::replica::Replica;
use crate::caching::purge::Selector;
use crate::caching::record::{Nonce, Record};
use crate::caching::stamp::Position;
use crate::clock::Timestamp;

/// Records that are appended at once.
const BATCH: usize = 64;

/// A replica's way along the log.
#[derive(Debug, Default)]
pub struct Follower {
    /// What was applied last.
    at: Place,
    stage: Stage,
    history: History,
    /// What is to be appended again.
    again: VecDeque<Arc<Record>>,
    /// Whether the log has not been applied as a whole since it was joined.
    is_new: bool,
    /// Whether there is more to be had, or to be reported.
    is_behind: bool,
}

#[derive(Clone, Copy, Debug, Default)]
enum Stage {
    #[default]
    Joining,
    /// What each selector was last purged by is on its way: from the record of this number on, up to this place.
    Copying(u64, Place),
    Following,
}

/// What came of an answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Met {
    /// Records that the log has, in this epoch.
    pub logged: Vec<(Nonce, Position)>,
    /// Whether the log that was followed is lost.
    pub is_loss: bool,
    /// How many replicas live, if that was told.
    pub replicas: Option<usize>,
}

impl Follower {
    /// What to ask next. `is_due`: the log has not been asked for some time, or has something new. `None`: nothing until
    /// then.
    pub fn question(&self, is_due: bool, replica: &dyn Replica) -> Option<Question> {
        match self.stage {
            Stage::Joining => {
                let epoch = fastrand::u64(1..);
                Some(Question::Join { at: self.at, epoch, nonce: Nonce::random() })
            }
            Stage::Copying(from, Place { position, .. }) => {
                Some(Question::Snapshot { epoch: position.epoch, from, until: position.record })
            }
            // What is to be appended again is, once it is known what the log has.
            Stage::Following if is_due || self.is_behind || self.is_new => {
                Some(Question::Sync(self.at))
            }
            Stage::Following => {
                let mut records: Vec<_> = self.again.iter().take(BATCH).cloned().collect();
                if records.is_empty() {
                    records = replica.unlogged(BATCH);
                }
                (!records.is_empty()).then_some(Question::Append(records))
            }
        }
    }

    /// Does what the answer to a question means, that was asked at `asked`.
    pub fn answered(
        &mut self,
        question: &Question,
        answer: Answer,
        asked: Timestamp,
        now: Timestamp,
        replica: &dyn Replica,
    ) -> Met {
        match (question, answer) {
            (Question::Join { .. }, Answer::Joined(joined)) => self.join(joined, replica),
            (Question::Snapshot { until, .. }, Answer::Snapshot { horizon, newest, is_full }) => {
                self.copy(*until, horizon, newest, is_full, replica)
            }
            (
                Question::Sync(_),
                Answer::Records { last, horizon, doubt, is_noted, replicas, records },
            ) => {
                let logged = self.apply(records, now, replica);
                replica.forget_before(horizon);
                // For who is not waited for, a purge may be said to be applied at any time. And who had no lease when the
                // log lost records may have missed just those.
                let is_sure = doubt.is_zero() || replica.is_synced(now);
                if last == self.at.position.record {
                    self.caught_up(now, replica);
                    if is_noted && is_sure {
                        replica.renew(asked);
                    }
                }
                Met { logged, replicas: Some(replicas), ..Met::default() }
            }
            (Question::Append(records), Answer::Logged { epoch, numbers }) => {
                self.logged(records, epoch, numbers, now, replica)
            }
            (_, Answer::Reset) => self.reset(replica),
            // The answer to another question: none.
            _ => Met::default(),
        }
    }

    fn join(&mut self, joined: Joined, replica: &dyn Replica) -> Met {
        let Joined { first, last, replicas } = joined;
        replica.begin(first.position.epoch);
        self.is_new = true;
        if first.position.record == 1 {
            self.at = first;
            replica.reach(1);
            self.stage = Stage::Following;
        } else {
            self.at = Place { position: Position { record: 0, ..first.position }, ..first };
            self.stage = Stage::Copying(0, last);
        }
        Met { replicas: Some(replicas), ..Met::default() }
    }

    fn copy(
        &mut self,
        until: u64,
        horizon: u64,
        newest: Vec<(u64, Selector, bool)>,
        is_full: bool,
        replica: &dyn Replica,
    ) -> Met {
        let Stage::Copying(from, last) = self.stage else { return Met::default() };
        // What begins a page may have ended the one before; the selectors of one record are fewer than a page has.
        let told = newest.last().map_or(from, |(number, ..)| *number);
        let next = if told > from { told } else { from.saturating_add(1) };
        replica.enter_older(until, newest);
        if is_full && next <= until {
            self.stage = Stage::Copying(next, last);
            return Met::default();
        }
        if horizon > 0 {
            replica.enter_older(until, vec![(horizon, Selector::All, false)]);
            replica.forget_before(horizon);
        }
        replica.reach(until);
        self.at = last;
        self.stage = Stage::Following;
        Met::default()
    }

    fn apply(
        &mut self,
        records: Vec<Numbered>,
        now: Timestamp,
        replica: &dyn Replica,
    ) -> Vec<(Nonce, Position)> {
        let epoch = self.at.position.epoch;
        let mut logged = Vec::with_capacity(records.len());
        self.is_behind = !records.is_empty();
        for Numbered { number, record } in records {
            let position = Position { epoch, record: number };
            if position <= self.at.position {
                continue;
            }
            let is_known = self.history.meet(&record, epoch, now);
            replica.enter(number, &record, is_known);
            self.at = Place { position, nonce: record.nonce };
            logged.push((record.nonce, position));
        }
        // Not before all of it is applied: whoever begins to fetch then knows all of it.
        replica.reach(self.at.position.record);
        logged
    }

    /// Everything that the log had when it was asked has been applied.
    fn caught_up(&mut self, now: Timestamp, replica: &dyn Replica) {
        if self.is_new {
            self.is_new = false;
            self.again = self.history.not_in(self.at.position.epoch);
            // What the last log had, and nobody but those who lost it knew, may concern it.
            replica.distrust(now);
        }
    }

    fn logged(
        &mut self,
        records: &[Arc<Record>],
        epoch: u64,
        numbers: Vec<u64>,
        now: Timestamp,
        replica: &dyn Replica,
    ) -> Met {
        let ours = self.at.position;
        let mut logged = Vec::with_capacity(records.len());
        for (record, number) in records.iter().zip(numbers) {
            if self.again.front().is_some_and(|first| first.nonce == record.nonce) {
                self.again.pop_front();
            }
            // It was applied here, and may be lost before it is told.
            self.history.meet(record, epoch, now);
            // It was there before, and was passed by.
            if epoch == ours.epoch && number <= ours.record {
                replica.settle(record.nonce);
            }
            logged.push((record.nonce, Position { epoch, record: number }));
        }
        self.is_behind = true;
        Met { logged, ..Met::default() }
    }

    fn reset(&mut self, replica: &dyn Replica) -> Met {
        replica.lose();
        self.stage = Stage::Joining;
        self.again.clear();
        let is_loss = self.at.position.epoch != 0;
        Met { is_loss, ..Met::default() }
    }
}
