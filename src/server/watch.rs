//! What a peer may cost us in time: one connection's deadlines, worked out from what it is doing and the time it is.

use std::time::Duration;

use crate::clock::{Clock, Timestamp};

use super::Limits;
use super::activity::{Phase, Snapshot};

/// A peer that takes less than this in a stall timeout has stalled, however regularly it takes a little.
pub(super) const PROGRESS: u64 = 1024;

/// How long a connection must have been idle to be closed while draining: time for a request that was on its way.
const GRACE: Duration = Duration::from_secs(1);

/// How long nothing is said on a connection before it rests: long for who comes back at once, short for everybody else.
const REST: Duration = Duration::from_secs(1);

/// One connection's deadlines.
#[derive(Debug)]
pub(super) struct Watch {
    /// What was seen last, and since when it has been so.
    seen: Option<(Phase, u32)>,
    since: Timestamp,
    /// It was said since then that nothing is said.
    rests: bool,
    draining_since: Option<Timestamp>,
    blocked: Option<Blocked>,
}

/// A write that waits for room.
#[derive(Clone, Copy, Debug)]
struct Blocked {
    since: Timestamp,
    /// Bytes written by then.
    written: u64,
}

/// When to look again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// When something happens.
    Never,
    /// Then, at the latest, that much after now.
    At(Timestamp, Duration),
    /// Now something must be done.
    Now(Overdue),
}

/// A deadline that has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Overdue {
    /// Nothing has been said for a while. That costs nobody the connection, and is told once.
    Silent,
    /// No request came.
    Idle,
    /// No request came although it was time to leave.
    Drained,
    /// A head is not whole yet.
    Head,
    /// The peer does not take what is written.
    Stalled,
}

impl Watch {
    pub(super) const fn new() -> Self {
        let since = Timestamp::from_millis(0);
        Self { seen: None, since, rests: false, draining_since: None, blocked: None }
    }

    /// Compares what the connection is doing with its limits. A connection that waits for a handler has none, and the
    /// clock is not read for it.
    pub(super) fn look(
        &mut self,
        snapshot: Snapshot,
        draining: bool,
        limits: &Limits,
        clock: &Clock,
    ) -> Due {
        let seen = (snapshot.phase, snapshot.exchanges);
        if snapshot.is_at_work() {
            self.seen = Some(seen);
            self.blocked = None;
            return Due::Never;
        }
        let now = clock.now();
        if self.seen != Some(seen) {
            self.seen = Some(seen);
            self.since = now;
            self.rests = false;
        }
        if draining && self.draining_since.is_none() {
            self.draining_since = Some(now);
        }
        let waiting = self.waiting(snapshot.phase, limits);
        let writing = self.writing(snapshot.blocked_at, limits, now);
        match waiting.into_iter().chain(writing).min_by_key(|(at, _)| *at) {
            None => Due::Never,
            Some((at, overdue)) if at <= now => {
                self.rests |= overdue == Overdue::Silent;
                Due::Now(overdue)
            }
            Some((at, _)) => Due::At(at, at.saturating_since(now)),
        }
    }

    /// The limit on waiting for a request.
    fn waiting(&self, phase: Phase, limits: &Limits) -> Option<(Timestamp, Overdue)> {
        let limit = match phase {
            Phase::Busy => return None,
            Phase::Head => return Some((self.since + limits.header_timeout, Overdue::Head)),
            // Who opens a connection has something to say; who has been served may come back.
            Phase::Fresh => limits.header_timeout.min(limits.idle_timeout),
            Phase::Idle => limits.idle_timeout,
        };
        let idle = (self.since + limit, Overdue::Idle);
        let drained =
            self.draining_since.map(|start| (start.max(self.since) + GRACE, Overdue::Drained));
        let may_rest = phase == Phase::Idle && !self.rests;
        let silent = may_rest.then(|| (self.since + REST, Overdue::Silent));
        drained.into_iter().chain([idle]).chain(silent).min_by_key(|(at, _)| *at)
    }

    /// The limit on waiting for room to write.
    fn writing(
        &mut self,
        blocked_at: Option<u64>,
        limits: &Limits,
        now: Timestamp,
    ) -> Option<(Timestamp, Overdue)> {
        let blocked = blocked_at.map(|written| match self.blocked {
            Some(blocked) if written.wrapping_sub(blocked.written) < PROGRESS => blocked,
            _ => Blocked { since: now, written },
        });
        self.blocked = blocked;
        blocked.map(|blocked| (blocked.since + limits.stall_timeout, Overdue::Stalled))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        connections: 1,
        header_timeout: Duration::from_secs(10),
        idle_timeout: Duration::from_secs(75),
        stall_timeout: Duration::from_secs(30),
        request_head: 32 * 1024,
    };

    struct Bench {
        watch: Watch,
        clock: Clock,
        draining: bool,
    }

    impl Bench {
        fn new() -> Self {
            Self {
                watch: Watch::new(),
                clock: Clock::manual(Timestamp::from_secs(1000)),
                draining: false,
            }
        }

        fn look(&mut self, phase: Phase, exchanges: u32, blocked_at: Option<u64>) -> Due {
            let snapshot = Snapshot { phase, exchanges, blocked_at };
            self.watch.look(snapshot, self.draining, &LIMITS, &self.clock)
        }

        fn after(&self, secs: u64) {
            self.clock.advance(Duration::from_secs(secs));
        }
    }

    fn at(at: u64, left: u64) -> Due {
        Due::At(Timestamp::from_secs(at), Duration::from_secs(left))
    }

    #[test]
    fn a_head_has_its_time_in_total() {
        let mut bench = Bench::new();
        assert_eq!(bench.look(Phase::Fresh, 0, None), at(1010, 10));
        bench.after(9);
        assert_eq!(bench.look(Phase::Head, 0, None), at(1019, 10), "from its first byte");
        bench.after(9);
        assert_eq!(bench.look(Phase::Head, 0, None), at(1019, 1), "another byte buys no time");
        bench.after(1);
        assert_eq!(bench.look(Phase::Head, 0, None), Due::Now(Overdue::Head));
    }

    #[test]
    fn idleness_is_counted_anew_after_each_exchange() {
        let mut bench = Bench::new();
        bench.look(Phase::Idle, 1, None);
        bench.after(50);
        assert_eq!(bench.look(Phase::Idle, 1, None), Due::Now(Overdue::Silent));
        assert_eq!(bench.look(Phase::Idle, 1, None), at(1075, 25));
        bench.look(Phase::Idle, 2, None);
        bench.after(74);
        bench.look(Phase::Idle, 2, None);
        assert_eq!(bench.look(Phase::Idle, 2, None), at(1125, 1));
        bench.after(1);
        assert_eq!(bench.look(Phase::Idle, 2, None), Due::Now(Overdue::Idle));
    }

    #[test]
    fn a_connection_rests_once_in_each_silence() {
        let mut bench = Bench::new();
        assert_eq!(bench.look(Phase::Fresh, 0, None), at(1010, 10), "it has not begun");
        assert_eq!(bench.look(Phase::Idle, 1, None), at(1001, 1));
        bench.after(1);
        assert_eq!(bench.look(Phase::Idle, 1, None), Due::Now(Overdue::Silent));
        assert_eq!(bench.look(Phase::Idle, 1, None), at(1075, 74), "until it is closed");
        assert_eq!(bench.look(Phase::Head, 1, None), at(1011, 10));
        bench.after(1);
        assert_eq!(bench.look(Phase::Idle, 2, None), at(1003, 1));
        bench.after(1);
        assert_eq!(bench.look(Phase::Idle, 2, None), Due::Now(Overdue::Silent));
    }

    #[test]
    fn a_handler_takes_the_time_it_takes() {
        let mut bench = Bench::new();
        bench.after(100_000);
        assert_eq!(bench.look(Phase::Busy, 1, None), Due::Never);
    }

    #[test]
    fn a_reader_has_to_take_a_kibibyte_in_time() {
        let mut bench = Bench::new();
        assert_eq!(bench.look(Phase::Busy, 1, Some(0)), at(1030, 30));
        bench.after(20);
        assert_eq!(bench.look(Phase::Busy, 1, Some(1023)), at(1030, 10));
        assert_eq!(bench.look(Phase::Busy, 1, Some(1024)), at(1050, 30));
        bench.after(30);
        assert_eq!(bench.look(Phase::Busy, 1, Some(1030)), Due::Now(Overdue::Stalled));
        assert_eq!(bench.look(Phase::Busy, 1, None), Due::Never, "room was found");
        assert_eq!(bench.look(Phase::Busy, 1, Some(1030)), at(1080, 30));
    }

    #[test]
    fn a_draining_server_waits_a_moment_for_the_idle() {
        let mut bench = Bench::new();
        bench.look(Phase::Idle, 1, None);
        bench.after(10);
        assert_eq!(bench.look(Phase::Idle, 1, None), Due::Now(Overdue::Silent));
        bench.draining = true;
        assert_eq!(bench.look(Phase::Idle, 1, None), at(1011, 1));
        assert_eq!(
            bench.look(Phase::Head, 1, None),
            at(1020, 10),
            "what was begun has its full time"
        );
        assert_eq!(bench.look(Phase::Idle, 2, None), at(1011, 1));
        bench.after(1);
        assert_eq!(bench.look(Phase::Idle, 2, None), Due::Now(Overdue::Drained));
    }
}
