//! Replicas that share a Redis, in front of an origin whose responses tell their version.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::support::{Forebay, Origin, Redis, Relay, Reply, Response, eventually, fresh};

/// `max_unsynced` where purges are to be applied everywhere soon: also those right after the log was made, when it is not
/// known yet who else there is.
pub(super) const PROMPT: &str = "2s";
/// The same where replicas are to learn of purges from the log and from nothing else.
pub(super) const LONG: &str = "10m";

/// The operator's token, for PURGE.
pub(super) const RIGHT: (&str, &str) = ("authorization", "Bearer right-token-0123456789");

const ROUTES: &str = "
[[route]]
name = \"things\"
path = \"/things/{id}\"
tags = [\"thing:{id}\"]
invalidates = [\"tag:thing:{id}\", \"prefix:/lists/\"]
";

/// Every way to name `/things/{id}` but all there is.
pub(super) fn selectors(id: &str) -> Vec<String> {
    vec![
        format!(r#"{{"url": "/things/{id}"}}"#),
        format!(r#"{{"url": "http://app.test/things/{id}"}}"#),
        format!(r#"{{"tag": ["thing:{id}", "other"]}}"#),
        r#"{"prefix": "/things/"}"#.to_owned(),
        r#"{"tag": "red"}"#.to_owned(),
        r#"{"route": "things"}"#.to_owned(),
    ]
}

/// A Redis, replicas that share it, each on a way of its own, and the origin.
pub(super) struct Fleet {
    pub(super) replicas: Vec<Forebay>,
    pub(super) ways: Vec<Relay>,
    pub(super) origin: Origin,
    pub(super) redis: Redis,
    pub(super) version: Arc<AtomicU64>,
    pub(super) max_unsynced: &'static str,
}

impl Fleet {
    #[track_caller]
    pub(super) fn start(replicas: usize, max_unsynced: &'static str) -> Self {
        Self::start_with(Redis::start(), replicas, max_unsynced)
    }

    #[track_caller]
    pub(super) fn start_with(redis: Redis, replicas: usize, max_unsynced: &'static str) -> Self {
        let version = Arc::new(AtomicU64::new(1));
        let said = Arc::clone(&version);
        let origin = Origin::start(move |exchange| {
            let reply = match exchange.method() {
                "GET" => {
                    fresh(said.load(Ordering::SeqCst).to_string()).field("surrogate-key", "red")
                }
                _ => Reply::new(204),
            };
            exchange.reply(&reply);
        });
        Self { version, ..Self::in_front_of(origin, redis, replicas, max_unsynced) }
    }

    #[track_caller]
    pub(super) fn in_front_of(
        origin: Origin,
        redis: Redis,
        replicas: usize,
        max_unsynced: &'static str,
    ) -> Self {
        let version = Arc::new(AtomicU64::new(1));
        let (none, ways) = (Vec::new(), Vec::new());
        let mut fleet = Self { replicas: none, ways, origin, redis, version, max_unsynced };
        for _ in 0..replicas {
            fleet.join();
        }
        fleet
    }

    /// One more replica; it has heard of the log when this returns.
    #[track_caller]
    pub(super) fn join(&mut self) {
        let way = Relay::to(self.redis.address());
        let (url, max_unsynced) = (way.redis_url(), self.max_unsynced);
        let config = format!(
            "[redis]\nurl = \"{url}\"\ntimeout = \"1s\"\nmax_unsynced = \"{max_unsynced}\"\n\
             [admin]\ntoken = \"right-token-0123456789\"\n{ROUTES}"
        );
        self.replicas.push(Forebay::start(&self.origin, &config));
        self.ways.push(way);
        self.settle(self.replicas.len() - 1);
    }

    /// Waits until a replica takes part in the log: purges of its are logged, and, where that is soon, applied.
    #[track_caller]
    pub(super) fn settle(&self, replica: usize) {
        eventually("it takes part", || {
            let said = self.purge_by(replica, r#"{"tag": "nobody-has-this"}"#);
            said.status() == 200 && (self.max_unsynced == LONG || self.is_applied(replica, &said))
        });
    }

    /// The origin changes: what it says from now on is of the version returned.
    pub(super) fn change(&self) -> u64 {
        self.version.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// The version that a replica serves.
    #[track_caller]
    pub(super) fn look(&self, replica: usize, target: &str) -> u64 {
        version_of(&self.replicas[replica].get(target))
    }

    /// Has every replica store these.
    #[track_caller]
    pub(super) fn store(&self, targets: &[&str]) {
        for replica in &self.replicas {
            for target in targets {
                replica.get(target).expect_status(200);
                replica.hit(target);
            }
        }
    }

    /// POST /api/purge with the token.
    #[track_caller]
    pub(super) fn purge_by(&self, replica: usize, what: &str) -> Response {
        let fields = [RIGHT, ("content-type", "application/json")];
        self.replicas[replica].admin().request("POST", "/api/purge", &fields, what.as_bytes())
    }

    /// Purges by a replica, and waits until that was applied by all.
    #[track_caller]
    pub(super) fn purge(&self, replica: usize, what: &str) {
        let said = self.purge_by(replica, what).expect_status(200);
        assert_eq!(said.json()["logged"], true, "{}", said.text());
        assert!(self.is_applied(replica, &said), "{what} was never applied");
    }

    /// Whether what a replica said it had purged was applied by all before too long.
    pub(super) fn is_applied(&self, replica: usize, said: &Response) -> bool {
        let path = format!("/api/purge/{}?wait=15s", id(said));
        self.replicas[replica].admin().get(&path).expect_status(200).json()["applied"] == true
    }

    /// What becomes of a purge, without waiting for it.
    pub(super) fn outcome(&self, replica: usize, said: &Response) -> serde_json::Value {
        let path = format!("/api/purge/{}", id(said));
        self.replicas[replica].admin().get(&path).expect_status(200).json()
    }

    /// Every replica serves this version of all of these.
    #[track_caller]
    pub(super) fn serves(&self, version: u64, targets: &[&str]) {
        for replica in 0..self.replicas.len() {
            for target in targets {
                assert_eq!(self.look(replica, target), version, "replica {replica}: {target}");
            }
        }
    }
}

/// The version that stands at the end of a response.
#[track_caller]
pub(super) fn version_of(response: &Response) -> u64 {
    assert_eq!(response.status(), 200, "{}", response.head.raw);
    assert!(response.is_whole(), "{}", response.head.raw);
    response.text().parse().unwrap()
}

#[track_caller]
pub(super) fn id(said: &Response) -> String {
    said.json()["id"].as_str().unwrap().to_owned()
}
