//! What a fleet shares: one Redis, a cluster of them, or the one that Sentinels choose.

use super::{Cluster, Redis, Sentinel};

/// One of the three.
pub(crate) enum Shared {
    One(Redis),
    Cluster(Cluster),
    Sentinel(Sentinel),
}

impl Shared {
    pub(crate) fn one() -> Self {
        Self::One(Redis::start())
    }

    pub(crate) fn cluster() -> Self {
        Self::Cluster(Cluster::start())
    }

    pub(crate) fn sentinel() -> Self {
        Self::Sentinel(Sentinel::start(1))
    }

    /// What stands in `redis.url`.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::One(redis) => redis.url(),
            Self::Cluster(cluster) => cluster.url(),
            Self::Sentinel(sentinel) => sentinel.url(),
        }
    }

    /// All keys that fit the pattern.
    #[track_caller]
    pub(crate) fn keys(&self, pattern: &str) -> Vec<String> {
        let of = |redis: &Redis| -> Vec<String> {
            redis.ask(&["KEYS", pattern]).lines().map(str::to_owned).collect()
        };
        match self {
            Self::One(redis) => of(redis),
            Self::Cluster(cluster) => cluster.nodes().iter().flat_map(of).collect(),
            Self::Sentinel(sentinel) => of(sentinel.master()),
        }
    }

    /// What happens to such a thing in the course of its life and must not be noticed: the slots of `keys` move to other
    /// nodes, another server becomes the master, connections break.
    #[track_caller]
    pub(crate) fn stir(&self, keys: &[&str]) {
        match self {
            Self::One(redis) => redis.cut_off(),
            Self::Cluster(cluster) => keys.iter().for_each(|key| cluster.migrate(key, || ())),
            Self::Sentinel(sentinel) => {
                let mut master = sentinel.master().connect();
                // Which asks the replica how far it is.
                assert_eq!(master.ask(&["SET", "the replica has it all", "1"]), "OK");
                assert_eq!(master.ask(&["WAIT", "1", "10000"]), "1");
                sentinel.fail_over();
            }
        }
    }
}
