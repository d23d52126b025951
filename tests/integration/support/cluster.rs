//! A Redis Cluster of a test's own.

use super::{Redis, eventually, unused_address};

/// Three masters that have all slots between them, and no replicas.
pub(crate) struct Cluster {
    nodes: Vec<Redis>,
}

/// A third of the slots each.
const RANGES: [(u16, u16); 3] = [(0, 5460), (5461, 10922), (10923, 16383)];

impl Cluster {
    #[track_caller]
    pub(crate) fn start() -> Self {
        let nodes = RANGES.map(|_| {
            let bus = unused_address().port().to_string();
            let timeout = ["--cluster-node-timeout", "2000"];
            Redis::start_with(
                &[&["--cluster-enabled", "yes", "--cluster-port", &bus], &timeout[..]].concat(),
            )
        });
        for (place, (node, (first, last))) in nodes.iter().zip(RANGES).enumerate() {
            node.expect_ok(&["CLUSTER", "SET-CONFIG-EPOCH", &(place + 1).to_string()]);
            let (first, last) = (first.to_string(), last.to_string());
            node.expect_ok(&["CLUSTER", "ADDSLOTSRANGE", &first, &last]);
        }
        for node in &nodes[1..] {
            let port = node.address().port().to_string();
            let bus = node.ask(&["CONFIG", "GET", "cluster-port"]);
            let bus = bus.lines().last().unwrap();
            nodes[0].expect_ok(&["CLUSTER", "MEET", "127.0.0.1", &port, bus]);
        }
        let cluster = Self { nodes: nodes.into() };
        eventually("all nodes know all slots", || {
            cluster.nodes.iter().all(|node| {
                let said = node.ask(&["CLUSTER", "INFO"]);
                said.contains("cluster_state:ok") && said.contains("cluster_known_nodes:3")
            })
        });
        cluster
    }

    /// What stands in `redis.url`.
    pub(crate) fn url(&self) -> String {
        let [first, others @ ..] = self.nodes.as_slice() else { unreachable!("it has three") };
        let others: Vec<String> =
            others.iter().map(|node| format!("node={}", node.address())).collect();
        format!("redis-cluster://{}?{}", first.address(), others.join("&"))
    }

    pub(crate) fn nodes(&self) -> &[Redis] {
        &self.nodes
    }

    pub(crate) fn nodes_mut(&mut self) -> &mut [Redis] {
        &mut self.nodes
    }

    /// Asks the command of the node that has its key.
    #[track_caller]
    pub(crate) fn ask(&self, command: &[&str]) -> String {
        let answers = self.nodes.iter().map(|node| node.ask(command));
        let moved = |answer: &String| answer.starts_with("-MOVED") || answer.starts_with("-ASK");
        answers.into_iter().find(|answer| !moved(answer)).expect("one of them has it")
    }

    /// The place of the node that has this slot.
    #[track_caller]
    pub(crate) fn owner(&self, slot: &str) -> usize {
        let owns = |node: &Redis| owner_by(node, slot) == node.ask(&["CLUSTER", "MYID"]);
        self.nodes.iter().position(owns).expect("somebody has it")
    }

    /// Moves the slot of `key` to another node, with all that is in it. `meanwhile` happens when its keys have moved, and
    /// the slot has not: whoever asks for them is told to ask the other node.
    #[track_caller]
    pub(crate) fn migrate(&self, key: &str, meanwhile: impl FnOnce()) {
        let slot = self.nodes[0].ask(&["CLUSTER", "KEYSLOT", key]);
        let from = self.owner(&slot);
        let (from, to) = (&self.nodes[from], &self.nodes[(from + 1) % self.nodes.len()]);
        let (from_id, to_id) = (from.ask(&["CLUSTER", "MYID"]), to.ask(&["CLUSTER", "MYID"]));
        to.expect_ok(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id]);
        from.expect_ok(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id]);
        let port = to.address().port().to_string();
        let move_keys = || {
            loop {
                let keys = from.ask(&["CLUSTER", "GETKEYSINSLOT", &slot, "100"]);
                if keys.is_empty() {
                    break;
                }
                let mut command = vec!["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
                command.extend(keys.lines());
                let answer = from.ask(&command);
                assert!(answer == "OK" || answer == "NOKEY", "{answer}");
            }
        };
        move_keys();
        meanwhile();
        move_keys();
        for node in [to, from].into_iter().chain(&self.nodes) {
            node.expect_ok(&["CLUSTER", "SETSLOT", &slot, "NODE", &to_id]);
        }
        // Whoever does not know yet how new this is believes what he hears of the time before, which is still on its way.
        eventually("all nodes know where the slot is", || {
            let epochs = epochs_by(&self.nodes[0]);
            self.nodes
                .iter()
                .all(|node| owner_by(node, &slot) == to_id && epochs_by(node) == epochs)
        });
    }
}

/// Each node's id and the epoch of its configuration, as far as `node` knows.
fn epochs_by(node: &Redis) -> Vec<(String, String)> {
    let said = node.ask(&["CLUSTER", "NODES"]);
    let words = said.lines().map(|line| line.split(' ').map(str::to_owned).collect::<Vec<_>>());
    let mut epochs: Vec<_> = words.map(|words| (words[0].clone(), words[6].clone())).collect();
    epochs.sort();
    epochs
}

/// The id of the node that, as far as `node` knows, has this slot to itself; nothing if there is none.
fn owner_by(node: &Redis, slot: &str) -> String {
    let slot: u16 = slot.parse().unwrap();
    let said = node.ask(&["CLUSTER", "NODES"]);
    // `[slot->-node]` and `[slot-<-node]` are on their way.
    let is_moving = said.contains(&format!("[{slot}-"));
    let has = |line: &&str| {
        line.split(' ').skip(8).any(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            matches!((first.parse(), last.parse()), (Ok(a), Ok(b)) if (a..=b).contains(&slot))
        })
    };
    let owner = said.lines().find(has).filter(|_| !is_moving);
    owner.and_then(|line| line.split(' ').next()).unwrap_or_default().to_owned()
}
