//! Several replicas in front of one origin, with the Redis they share.

use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Forebay, Load, Origin, Response, eventually, fresh};

/// Replicas of one configuration. The origin gives everything a minute, the tag `all`, and the number of its request as
/// content.
pub(crate) struct Fleet {
    pub(crate) origin: Origin,
    pub(crate) replicas: Vec<Forebay>,
    config: String,
}

/// A hundred requests for everybody, of which none comes back while they are counted; and any number for `probe`.
pub(crate) const HUNDRED: &str = r#"
    [rate_limit]
    client = ["header:x-api-key", "ip"]
    default_tier = "hundred"

    [rate_limit.tiers]
    hundred = ["100/d"]
    any = ["100000/s"]

    [rate_limit.clients]
    probe = "any"
"#;

impl Fleet {
    /// So many replicas. `config` goes on where `url` was said: with other keys of `[redis]`, then other tables.
    #[track_caller]
    pub(crate) fn start(count: usize, url: &str, config: &str) -> Self {
        let origin = Origin::start(|exchange| {
            let number = exchange.number().to_string();
            exchange.reply(&fresh(number).field("surrogate-key", "all"));
        });
        Self::before(origin, count, url, config)
    }

    /// The same in front of another origin.
    #[track_caller]
    pub(crate) fn before(origin: Origin, count: usize, url: &str, config: &str) -> Self {
        let config = format!("[redis]\nurl = \"{url}\"\n{config}");
        let replicas = (0..count).map(|_| Forebay::start(&origin, &config)).collect();
        Self { origin, replicas, config }
    }

    /// GET from that replica.
    #[track_caller]
    pub(crate) fn get(&self, replica: usize, target: &str) -> Response {
        self.replicas[replica].get(target)
    }

    /// Waits until every replica has its Redis, and knows of every purge.
    #[track_caller]
    pub(crate) fn wait_until_healthy(&self) {
        eventually("every replica has its Redis", || self.replicas.iter().all(has_its_redis));
    }

    /// One more, which has nothing in memory.
    #[track_caller]
    pub(crate) fn another(&self) -> Forebay {
        let another = Forebay::start(&self.origin, &self.config);
        eventually("it has its Redis", || has_its_redis(&another));
        another
    }

    /// Waits until no replica says that its Redis is well.
    #[track_caller]
    pub(crate) fn wait_until_unavailable(&self) {
        eventually("no replica has its Redis", || {
            self.replicas.iter().all(|replica| redis_of(replica) == "unavailable")
        });
    }

    /// Waits until what one replica fetches, another serves from Redis.
    #[track_caller]
    pub(crate) fn wait_until_shared(&self) {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let before: RefCell<Option<(String, String)>> = RefCell::default();
        eventually("what one replica fetches, another has from Redis", || {
            let target = format!("/shared/{}", NEXT.fetch_add(1, Ordering::Relaxed));
            let (first, last) = (&self.replicas[0], self.replicas.last().unwrap());
            let number = first.get(&target).expect_status(200).text();
            // That which was fetched before this one: it has had a while to be written.
            let before = before.replace(Some((target, number)));
            before.is_some_and(|(target, number)| last.get(&target).text() == number)
        });
    }

    /// Has every replica serve these from memory.
    #[track_caller]
    pub(crate) fn warm(&self, targets: &[String]) {
        for replica in &self.replicas {
            for target in targets {
                replica.get(target).expect_status(200);
                replica.hit(target);
            }
        }
    }

    /// Waits until every replica of [`HUNDRED`] has Redis decide.
    #[track_caller]
    pub(crate) fn wait_until_charged(&self) {
        let degraded = || self.metric("forebay_rate_limit_degraded_total", &[]);
        eventually("Redis decides", || {
            let before = degraded();
            for replica in &self.replicas {
                // One for each connection, and some more.
                for _ in 0..8 {
                    replica.get_with("/probe", &[("x-api-key", "probe")]).expect_status(200);
                }
            }
            degraded() == before
        });
    }

    /// Tells that replica to purge, and waits until all have: also where it takes Redis a while to take it.
    #[track_caller]
    pub(crate) fn purge_everywhere(&self, replica: usize, what: &str) {
        let told = self.replicas[replica].purge(what);
        assert!([200, 503].contains(&told.status()), "{told:?}");
        let told = told.json();
        let target = format!("/api/purge/{}?wait=10s", told["id"].as_str().unwrap());
        eventually("the purge is applied", || {
            let told = self.replicas[replica].admin().get(&target).expect_status(200).json();
            told["applied"] == true
        });
    }

    /// The sum of a metric over all replicas.
    #[track_caller]
    pub(crate) fn metric(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.replicas.iter().map(|replica| replica.metric(name, labels)).sum()
    }

    /// Load on all of them.
    pub(crate) fn load<'a>(&'a self, target: impl Fn(usize) -> String + Sync + 'a) -> Load<'a> {
        Load::on(&self.replicas, target)
    }
}

/// Whether a replica says that its Redis is well, and that it knows of every purge.
#[track_caller]
fn has_its_redis(replica: &Forebay) -> bool {
    redis_of(replica) == "healthy" && replica.metric("forebay_fleet_synced", &[]) == 1.0
}

/// What a replica says of its Redis.
#[track_caller]
fn redis_of(replica: &Forebay) -> String {
    let report = replica.admin().get("/readyz").expect_status(200).json();
    report["redis"].as_str().unwrap_or_default().to_owned()
}
