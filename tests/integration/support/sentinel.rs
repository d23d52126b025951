//! A Redis of a test's own that Sentinels watch over.

use super::{Redis, eventually};

/// A master, its replica, and those who make the one into the other when it fails.
pub(crate) struct Sentinel {
    servers: Vec<Redis>,
    sentinels: Vec<Redis>,
}

/// What the Sentinels call it.
const NAME: &str = "main";

impl Sentinel {
    /// With so many Sentinels, of which most have to agree.
    #[track_caller]
    pub(crate) fn start(sentinels: usize) -> Self {
        let at_once = ["--repl-diskless-sync-delay", "0"];
        let master = Redis::start_with(&at_once);
        let port = master.address().port().to_string();
        let of = ["--replicaof", "127.0.0.1", &port];
        let replica = Redis::start_with(&[&at_once[..], &of].concat());
        eventually("the replica follows", || replica.info("master_link_status") == "up");
        let quorum = sentinels / 2 + 1;
        let file = format!(
            "sentinel monitor {NAME} 127.0.0.1 {port} {quorum}\n\
             sentinel down-after-milliseconds {NAME} 500\n\
             sentinel failover-timeout {NAME} 3000\n"
        );
        let sentinels = (0..sentinels).map(|_| Redis::start_from(&file, &["--sentinel"])).collect();
        let all = Self { servers: vec![master, replica], sentinels };
        eventually("the Sentinels know of the replica and of each other", || {
            let others = format!("num-other-sentinels\n{}\n", all.sentinels.len() - 1);
            all.sentinels.iter().all(|sentinel| {
                sentinel.ask(&["SENTINEL", "REPLICAS", NAME]).contains("master-link-status\nok")
                    && sentinel.ask(&["SENTINEL", "MASTER", NAME]).contains(&others)
            })
        });
        all
    }

    /// What stands in `redis.url`.
    pub(crate) fn url(&self) -> String {
        let [first, others @ ..] = self.sentinels.as_slice() else { unreachable!("there is one") };
        let others: String =
            others.iter().map(|sentinel| format!("&node={}", sentinel.address())).collect();
        format!("redis-sentinel://{}/0?sentinelServiceName={NAME}{others}", first.address())
    }

    /// Whom the Sentinels call the master.
    #[track_caller]
    pub(crate) fn master(&self) -> &Redis {
        &self.servers[self.place_of_master()]
    }

    fn place_of_master(&self) -> usize {
        let said = self.sentinels[0].ask(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME]);
        let port: u16 = said.lines().last().unwrap().parse().unwrap();
        self.servers.iter().position(|server| server.address().port() == port).unwrap()
    }

    /// Has them make the replica the master. Returns when it is, and the other follows it.
    #[track_caller]
    pub(crate) fn fail_over(&self) {
        let before = self.place_of_master();
        self.sentinels[0].expect_ok(&["SENTINEL", "FAILOVER", NAME]);
        self.wait_for_another(before);
        eventually("the old master follows", || self.servers[before].info("role") == "slave");
    }

    /// Kills the master. Returns when the replica is the master.
    #[track_caller]
    pub(crate) fn kill_master(&mut self) {
        let before = self.place_of_master();
        self.servers[before].kill();
        self.wait_for_another(before);
    }

    #[track_caller]
    fn wait_for_another(&self, before: usize) {
        eventually("another is the master", || {
            let place = self.place_of_master();
            place != before && self.servers[place].info("role") == "master"
        });
    }
}
