//! The promise of the fleet, held against whatever may happen to it: *once a purge was said to be applied, no replica
//! answers a request that comes later with what was fetched before*.
//!
//! Fetches, purges, questions to the log and their answers, losses, restarts and time follow each other in any order. What
//! the replicas do is decided by the real parts; the log is the model that the scripts are held against too. The rules
//! are then broken one by one, and each time something comes back.

mod node;
mod world;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use world::{Op, World};

/// A rule that is not kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Broken {
    #[default]
    Nothing,
    /// What is fetched has the stamp of when it came.
    StampAtLanding,
    /// A value of Redis that is put into memory has the stamp of when that was done.
    StampAfterJudging,
    /// The position is one record ahead of what was applied.
    PositionAhead,
    /// The lease is counted from when the answer came.
    LeaseFromAnswer,
    /// The lease is renewed by every answer, also one that leaves something out.
    LeaseBeforeEnd,
    /// Values are used past the lease.
    ValuesWithoutLease,
    /// Memory is used past the lease.
    MemoryWithoutLease,
    /// What was stored before a loss is trusted.
    TrustAfterLoss,
    /// Nobody heeds what the log has forgotten.
    NoHorizon,
    /// Values of another log are used.
    AnyEpoch,
    /// Purges of one's own that are not logged yet do not strike values.
    PendingForgotten,
    /// Purges of others are not applied to memory.
    NotApplied,
    /// A purge is said to be applied when it is logged.
    AppliedWhenLogged,
    /// A purge is said to be applied when those have it who are known at the time, however new the log is.
    AppliedToTheKnown,
    /// The log is followed though the last record is not there, or is another.
    LossUnheeded,
    /// Whoever had no lease gets one from a log that was put back, before those who know better are heard.
    NoDoubt,
    /// A log that was put back gives numbers again that it gave before.
    NumbersReused,
}

fn ops(most: usize) -> impl Strategy<Value = Vec<Op>> {
    let node = || prop::sample::select(vec![0, 0, 0, 1, 1, 1, 2]);
    let what = || prop::sample::select(vec![0, 0, 0, 1]);
    let by = || prop::sample::select(vec![0, 0, 0, 1, 2, 3, 4]);
    let op = prop_oneof![
        3 => prop::sample::select(vec![1, 900, 2000, 4000, 4000, 6000]).prop_map(Op::Pass),
        12 => (node(), what()).prop_map(|(node, what)| Op::Ask(node, what)),
        4 => node().prop_map(Op::Receive),
        4 => (node(), what()).prop_map(|(node, what)| Op::Store(node, what)),
        2 => (node(), what()).prop_map(|(node, what)| Op::Fetch(node, what)),
        2 => node().prop_map(Op::Land),
        2 => node().prop_map(Op::Write),
        6 => (node(), by(), any::<bool>()).prop_map(|(node, by, soft)| Op::Purge(node, by, soft)),
        3 => node().prop_map(Op::Send),
        3 => node().prop_map(Op::Arrive),
        3 => node().prop_map(Op::Hear),
        10 => node().prop_map(Op::Sync),
        4 => Just(Op::Confirm),
        4 => Just(Op::Settle),
        2 => node().prop_map(Op::Late),
        4 => (node(), by()).prop_map(|(node, by)| Op::Purged(node, by)),
        2 => node().prop_map(Op::Others),
        2 => node().prop_map(Op::Cut),
        2 => node().prop_map(Op::Mend),
        1 => Just(Op::Flush),
        1 => (0..5u8).prop_map(Op::Lose),
        2 => Just(Op::Save),
        2 => Just(Op::Restore),
        2 => node().prop_map(Op::Restart),
    ];
    prop::collection::vec(op, 1..most)
}

/// What goes wrong in a history, with a rule broken. It begins with nothing, or with replicas that have known each other
/// for some time and have something stored.
fn live(broken: Broken, is_warm: bool, ops: &[Op]) -> Result<(), String> {
    let mut world = World::new(broken, is_warm);
    ops.iter().try_for_each(|op| world.take(*op))
}

#[test]
fn nothing_that_was_purged_comes_back() {
    let config = Config { cases: 5000, failure_persistence: None, ..Config::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    TestRunner::new_with_rng(config, rng)
        .run(&(any::<bool>(), ops(60)), |(is_warm, ops)| {
            live(Broken::Nothing, is_warm, &ops).map_err(TestCaseError::fail)
        })
        .unwrap();
}

#[test]
fn every_rule_is_needed() {
    for (broken, ops) in witnesses() {
        assert!(live(broken, true, &ops).is_err(), "nobody misses {broken:?}");
        assert_eq!(live(Broken::Nothing, true, &ops), Ok(()), "{broken:?}");
    }
}

#[test]
fn what_was_logged_is_known_even_where_a_snapshot_passed_it_by() {
    use Op::{Ask, Others, Purge, Receive, Restore, Save, Sync};
    let ops = [
        Purge(1, 0, false),
        Ask(1, 0),
        Save,
        Others(1),
        Restore,
        Sync(1),
        Restore,
        Sync(1),
        Receive(1),
    ];
    assert_eq!(live(Broken::Nothing, true, &ops), Ok(()));
}

/// For each rule a history in which something comes back without it. What is asked for is resource 0, which purge 0 covers.
fn witnesses() -> Vec<(Broken, Vec<Op>)> {
    use Op::{
        Ask, Confirm, Cut, Fetch, Flush, Hear, Land, Late, Lose, Mend, Others, Pass, Purge, Purged,
        Receive, Restart, Restore, Save, Settle, Store, Sync,
    };
    vec![
        (Broken::StampAtLanding, vec![Fetch(0, 0), Purged(0, 0), Land(0), Ask(0, 0)]),
        (
            Broken::StampAfterJudging,
            vec![Restart(1), Sync(1), Ask(1, 0), Purged(0, 0), Sync(1), Receive(1), Ask(1, 0)],
        ),
        (Broken::PositionAhead, vec![Purged(0, 0), Restart(1), Sync(1), Ask(1, 0), Receive(1)]),
        (
            Broken::LeaseFromAnswer,
            vec![
                Late(1),
                Purged(0, 0),
                Sync(2),
                Pass(2000),
                Hear(1),
                Pass(4000),
                Confirm,
                Ask(1, 0),
            ],
        ),
        (
            Broken::LeaseBeforeEnd,
            vec![
                Purged(0, 1),
                Purged(0, 4),
                Purged(0, 0),
                Sync(2),
                Pass(6000),
                Confirm,
                Late(1),
                Hear(1),
                Ask(1, 0),
            ],
        ),
        (
            Broken::ValuesWithoutLease,
            vec![Purged(0, 0), Sync(2), Pass(6000), Confirm, Ask(1, 0), Receive(1)],
        ),
        (Broken::MemoryWithoutLease, vec![Purged(0, 0), Sync(2), Pass(6000), Confirm, Ask(1, 0)]),
        (
            Broken::TrustAfterLoss,
            vec![
                Cut(1),
                Purged(0, 0),
                Sync(2),
                Pass(6000),
                Confirm,
                Flush,
                Mend(1),
                Sync(1),
                Ask(1, 0),
            ],
        ),
        (
            Broken::NoHorizon,
            vec![
                Purged(0, 0),
                Settle,
                Others(0),
                Settle,
                Restart(1),
                Sync(1),
                Ask(1, 0),
                Receive(1),
            ],
        ),
        (
            Broken::AnyEpoch,
            vec![Purged(0, 0), Settle, Lose(0), Restart(1), Sync(1), Ask(1, 0), Receive(1)],
        ),
        (Broken::PendingForgotten, vec![Purge(0, 0, false), Ask(0, 0), Receive(0)]),
        (Broken::NotApplied, vec![Purged(0, 0), Sync(1), Ask(1, 0)]),
        (Broken::AppliedWhenLogged, vec![Purged(0, 0), Confirm, Ask(1, 0)]),
        (
            Broken::AppliedToTheKnown,
            vec![Pass(4000), Settle, Pass(2000), Lose(3), Purged(0, 0), Confirm, Ask(1, 0)],
        ),
        (
            Broken::LossUnheeded,
            vec![
                Save,
                Purged(0, 0),
                Settle,
                Restore,
                Pass(1),
                Sync(0),
                Sync(2),
                Pass(4000),
                Restart(1),
                Sync(1),
                Ask(1, 0),
                Receive(1),
            ],
        ),
        (
            Broken::NoDoubt,
            vec![Save, Purged(0, 0), Settle, Restore, Restart(1), Sync(1), Ask(1, 0), Receive(1)],
        ),
        (
            Broken::NumbersReused,
            vec![
                Save,
                Purged(1, 4),
                Store(1, 0),
                Purge(0, 0, false),
                Ask(0, 0),
                Restore,
                Sync(0),
                Receive(0),
            ],
        ),
    ]
}
