//! Whether Redis is worth asking: pure, and told what time it is.

use std::time::Duration;

use super::{Operation, Trouble};
use crate::clock::Timestamp;

/// Troubles in a row after which nobody waits for Redis.
const MOST_TROUBLES: u32 = 5;
/// Troubles further apart than this are not in a row.
const IN_A_ROW: Duration = Duration::from_secs(1);
/// How long nothing is written after a write was refused.
const WITHOUT_WRITES: Duration = Duration::from_secs(1);

/// Remembers how Redis has been doing. While the breaker is open, only [`Operation::Probe`] and what no client waits for
/// is let through; an answered probe closes it. It has a second contact, for writes alone: that one opens by a single
/// refusal and closes by itself.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    in_a_row: u32,
    last: Timestamp,
    is_open: bool,
    no_writes_before: Timestamp,
}

impl Breaker {
    /// Whether this may be asked.
    pub(super) fn lets(&self, operation: Operation, now: Timestamp) -> bool {
        let awaited = !self.is_open || !operation.is_awaited();
        awaited && (!operation.only_writes() || now >= self.no_writes_before)
    }

    /// Whether clients' requests go without Redis.
    pub(super) const fn is_open(&self) -> bool {
        self.is_open
    }

    /// Takes note of what came of it.
    pub(super) fn learn(&mut self, operation: Operation, trouble: Option<Trouble>, now: Timestamp) {
        match trouble {
            Some(Trouble::NotAsked) => {}
            Some(
                Trouble::Timeout | Trouble::Unreachable | Trouble::Denied | Trouble::Malformed,
            ) => {
                let begins = now.saturating_since(self.last) > IN_A_ROW;
                self.in_a_row = if begins { 1 } else { self.in_a_row.saturating_add(1) };
                self.last = now;
                self.is_open |= self.in_a_row >= MOST_TROUBLES;
            }
            Some(Trouble::Full | Trouble::ReadOnly) if operation.only_writes() => {
                self.no_writes_before = now + WITHOUT_WRITES;
                self.answered(operation);
            }
            // What is wrong with a key or a command is no sign that Redis does not answer.
            None | Some(_) => self.answered(operation),
        }
    }

    fn answered(&mut self, operation: Operation) {
        match operation {
            Operation::Probe => (self.is_open, self.in_a_row) = (false, 0),
            // What may take longer is no sign that clients would be answered in time.
            _ if operation.is_awaited() => self.in_a_row = 0,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(millis: u64) -> Timestamp {
        Timestamp::from_millis(1_000_000 + millis)
    }

    /// A breaker that learnt this of reads.
    fn after(history: &[(u64, Option<Trouble>)]) -> Breaker {
        let mut breaker = Breaker::default();
        for &(time, trouble) in history {
            breaker.learn(Operation::Read, trouble, at(time));
        }
        breaker
    }

    fn open() -> Breaker {
        after(&[(0, Some(Trouble::Timeout)); 5])
    }

    #[test]
    fn five_troubles_in_a_row_open_it() {
        use Trouble::{
            Denied, Full, Malformed, NotAsked, Refused, Timeout, Unreachable, WrongType,
        };
        let row = |trouble, count| vec![(0, Some(trouble)); count];
        let with = |other| {
            let mut row = row(Timeout, 5);
            row.insert(4, (0, other));
            row
        };
        for (name, history, is_open) in [
            ("four", row(Timeout, 4), false),
            ("five", row(Timeout, 5), true),
            ("unreachable", row(Unreachable, 5), true),
            ("denied", row(Denied, 5), true),
            ("malformed", row(Malformed, 5), true),
            ("of a key alone", row(WrongType, 50), false),
            ("of a command alone", row(Refused, 50), false),
            ("of writes alone", row(Full, 50), false),
            ("an answer between", with(None), false),
            ("an error between is an answer", with(Some(WrongType)), false),
            ("not asking between is none", with(Some(NotAsked)), true),
            (
                "each a second after the other",
                (0..9).map(|n| (n * 1000, Some(Timeout))).collect(),
                true,
            ),
            ("further apart", (0..9).map(|n| (n * 1001, Some(Timeout))).collect(), false),
        ] {
            assert_eq!(after(&history).is_open(), is_open, "{name}");
        }
    }

    #[test]
    fn while_it_is_open_no_client_waits() {
        let breaker = open();
        for (operation, is_let) in [
            (Operation::Read, false),
            (Operation::Write, false),
            (Operation::Lease, false),
            (Operation::Limit, false),
            (Operation::Sync, true),
            (Operation::Append, true),
            (Operation::Receipt, true),
            (Operation::Probe, true),
        ] {
            assert_eq!(breaker.lets(operation, at(60_000)), is_let, "{operation:?}");
            assert!(Breaker::default().lets(operation, at(0)), "{operation:?}");
        }
    }

    #[test]
    fn only_a_probe_that_is_answered_closes_it() {
        for (operation, trouble, is_open) in [
            (Operation::Probe, None, false),
            (Operation::Probe, Some(Trouble::Timeout), true),
            (Operation::Probe, Some(Trouble::NotAsked), true),
            // Asked before it opened, or with more time than a client has.
            (Operation::Read, None, true),
            (Operation::Sync, None, true),
        ] {
            let mut breaker = open();
            breaker.learn(operation, trouble, at(500));
            assert_eq!(breaker.is_open(), is_open, "{operation:?} {trouble:?}");
        }
    }

    #[test]
    fn it_opens_again_only_after_as_many_troubles_as_before() {
        let mut breaker = open();
        breaker.learn(Operation::Probe, None, at(10));
        for count in 1..=5 {
            assert!(!breaker.is_open(), "{count}");
            breaker.learn(Operation::Read, Some(Trouble::Timeout), at(20));
        }
        assert!(breaker.is_open());
    }

    #[test]
    fn a_refused_write_stops_writes_for_a_second_and_nothing_else() {
        for (operation, trouble, lets_writes) in [
            (Operation::Write, Trouble::Full, false),
            (Operation::Write, Trouble::ReadOnly, false),
            (Operation::Limit, Trouble::Full, false),
            (Operation::Write, Trouble::WrongType, true),
            // The log has to know, whatever came of other writes, and tells nothing of them.
            (Operation::Sync, Trouble::Full, true),
        ] {
            let mut breaker = Breaker::default();
            breaker.learn(operation, Some(trouble), at(0));
            for writing in [Operation::Write, Operation::Limit, Operation::Lease] {
                assert_eq!(breaker.lets(writing, at(999)), lets_writes, "{operation:?} {trouble}");
                assert!(breaker.lets(writing, at(1000)), "{operation:?} {trouble}");
            }
            assert!(breaker.lets(Operation::Read, at(0)), "{operation:?} {trouble}");
            assert!(breaker.lets(Operation::Append, at(0)), "{operation:?} {trouble}");
        }
    }
}
