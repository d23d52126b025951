//! The scripts on a real server, held against the model of them.

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::question::{Answer, Place, Question};
use super::simulated::Simulated;
use super::wire::Wire;
use crate::caching::record::{Nonce, Record};
use crate::caching::stamp::Position;
use crate::redis::testing::{PATIENCE, Server};
use crate::redis::{Link, Settings};

const UNSYNCED: Duration = Duration::from_secs(650);
const KEYS: [&str; 5] = ["", ":records", ":selectors", ":replicas", ":nonces"];

#[derive(Clone, Debug)]
enum Step {
    Join(usize),
    /// Steps back by so many places, or so many beyond.
    Sync(usize, i64),
    Append(Vec<(u8, bool)>),
    Again,
    Snapshot,
    Receipt,
    Lose(usize),
    Trim(u8),
    Flush,
    /// It seems to be another server.
    Move,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..3usize).prop_map(Step::Join),
        6 => (0..3usize, -2..2i64).prop_map(|(who, by)| Step::Sync(who, by)),
        6 => prop::collection::vec((0..9u8, any::<bool>()), 1..4).prop_map(Step::Append),
        1 => Just(Step::Again),
        2 => Just(Step::Snapshot),
        2 => Just(Step::Receipt),
        1 => (0..KEYS.len()).prop_map(Step::Lose),
        1 => (1..4u8).prop_map(Step::Trim),
        1 => Just(Step::Flush),
        1 => Just(Step::Move),
    ];
    prop::collection::vec(step, 1..40)
}

/// The same log twice.
struct Twice {
    server: Server,
    wires: Vec<Wire>,
    model: Simulated,
    /// What each replica knows.
    at: Vec<Place>,
    appended: Vec<Arc<Record>>,
}

impl Twice {
    async fn ask(&mut self, who: usize, question: &Question) -> Answer {
        let mut real = self.wires[who].ask(question).await.unwrap();
        let model = self.model.answer(&who.to_string(), UNSYNCED, question, 1_000_000);
        // The clock of the model stands still.
        if let (Answer::Records { doubt, .. }, Answer::Records { doubt: longest, .. }) =
            (&mut real, &model)
        {
            assert!(*doubt <= *longest);
            *doubt = *longest;
        }
        assert_eq!(real, model, "{question:?}");
        real
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Join(who) => {
                let (at, epoch, nonce) = (self.at[who], fastrand::u64(1..), Nonce::random());
                let question = Question::Join { at, epoch, nonce };
                if let Answer::Joined(joined) = self.ask(who, &question).await {
                    self.at[who] = joined.first;
                }
            }
            Step::Sync(who, by) => {
                let mut at = self.at[who];
                at.position.record = at.position.record.saturating_add_signed(by);
                if let Answer::Records { records, .. } = self.ask(who, &Question::Sync(at)).await
                    && let Some(newest) = records.last()
                {
                    let position = Position { record: newest.number, ..at.position };
                    self.at[who] = Place { position, nonce: newest.record.nonce };
                }
            }
            Step::Append(purges) => {
                self.appended = purges
                    .iter()
                    .map(|(tag, soft)| {
                        let selectors = [format!("tag:{tag}"), format!("url:/{tag}?a")];
                        let selectors = selectors.map(|text| text.parse().unwrap()).to_vec();
                        Arc::new(Record { nonce: Nonce::random(), selectors, soft: *soft })
                    })
                    .collect();
                self.append().await;
            }
            Step::Again if !self.appended.is_empty() => self.append().await,
            Step::Again => {}
            Step::Snapshot => {
                let epoch = self.at[0].position.epoch;
                self.ask(0, &Question::Snapshot { epoch, from: 0, until: u64::MAX >> 12 }).await;
            }
            Step::Receipt => {
                for place in self.at.clone() {
                    let real = self.wires[0].is_applied(place).await.unwrap();
                    assert_eq!(real, self.model.is_applied(place, UNSYNCED, 1_000_000));
                }
            }
            Step::Lose(key) => {
                self.server.ask(&["DEL", &format!("t:{{log}}{}", KEYS[key])]);
                match key {
                    0 => self.model.log = None,
                    1 => self.model.records = None,
                    2 => self.model.selectors = None,
                    3 => self.model.replicas = None,
                    _ => self.model.nonces.clear(),
                }
            }
            Step::Trim(left) => {
                self.server.ask(&["XTRIM", "t:{log}:records", "MAXLEN", &left.to_string()]);
                while let Some(records) = &mut self.model.records
                    && records.len() > left.into()
                {
                    records.pop_first();
                }
            }
            Step::Flush => {
                self.server.ask(&["FLUSHALL"]);
                let Simulated { most_records, most_selectors, .. } = self.model;
                let run = self.server.ask(&["INFO", "server"]);
                let run = run.split("run_id:").nth(1).unwrap()[..32].parse().unwrap();
                self.model = Simulated { run, ..Simulated::new(most_records, most_selectors) };
            }
            Step::Move => {
                if self.model.log.is_some() {
                    self.server.ask(&["HSET", "t:{log}", "run", "another"]);
                    self.model.moved();
                }
            }
        }
    }

    async fn append(&mut self) {
        self.ask(0, &Question::Append(self.appended.clone())).await;
    }
}

async fn wires(server: &Server) -> Vec<Wire> {
    let timeout = Duration::from_secs(10);
    let settings = Settings { url: server.url(), prefix: "t".to_owned(), timeout, connections: 1 };
    let link = Arc::new(Link::start(settings).unwrap());
    let wire = |who: usize| {
        let mut wire = Wire::new(Arc::clone(&link), who.to_string(), UNSYNCED);
        wire.most_selectors = 10;
        wire
    };
    let wires: Vec<Wire> = (0..3).map(wire).collect();
    let connected = async {
        while wires[0].is_applied(Place::default()).await.is_err() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, connected).await.unwrap();
    wires
}

#[test]
fn the_scripts_do_what_the_model_says() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let server = Server::start();
    let wires = runtime.block_on(wires(&server));
    let model = Simulated::new(usize::MAX, 10);
    let twice = Twice { server, wires, model, at: Vec::new(), appended: Vec::new() };
    let twice = std::cell::RefCell::new(twice);
    let config = Config { cases: 150, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, deterministic())
        .run(&steps(), |steps| {
            let mut twice = twice.borrow_mut();
            twice.at = vec![Place::default(); 3];
            twice.appended.clear();
            runtime.block_on(async {
                twice.take(Step::Flush).await;
                for step in steps {
                    twice.take(step).await;
                }
            });
            Ok(())
        })
        .unwrap();
}

fn deterministic() -> proptest::test_runner::TestRng {
    proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha)
}
