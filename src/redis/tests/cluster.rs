//! Several nodes: a cluster whose slots move, a primary that gives way to another.

use super::*;
use crate::redis::testing::unused_address;

const SLOTS: [&str; 2] = ["0 8191", "8192 16383"];
/// In the slot 15495, of the second node.
const KEY: &str = "a";
const SLOT: &str = "15495";

/// Two nodes that know each other and share the slots.
async fn cluster() -> [Server; 2] {
    let buses = [(); 2].map(|()| unused_address().port().to_string());
    let node =
        |bus: &String| Server::start_with(&["--cluster-enabled", "yes", "--cluster-port", bus]);
    let nodes = buses.each_ref().map(node);
    for (node, slots) in nodes.iter().zip(SLOTS) {
        let (first, last) = slots.split_once(' ').unwrap();
        assert_eq!(node.ask(&["CLUSTER", "ADDSLOTSRANGE", first, last]), "OK");
    }
    nodes[1].ask(&["CLUSTER", "SET-CONFIG-EPOCH", "2"]);
    let port = nodes[1].address().port().to_string();
    assert_eq!(nodes[0].ask(&["CLUSTER", "MEET", "127.0.0.1", &port, &buses[1]]), "OK");
    for node in &nodes {
        until(async || {
            let info = node.ask(&["CLUSTER", "INFO"]);
            info.contains("cluster_state:ok") && info.contains("cluster_size:2")
        })
        .await;
    }
    nodes
}

async fn append(link: &Link, key: &'static str) -> Result<Reply, Trouble> {
    static SCRIPT: Script = Script::new("return redis.call('APPEND', KEYS[1], ARGV[1])");
    link.run(Operation::Limit, &SCRIPT, &[key.into()], vec!["x".into()]).await
}

#[tokio::test]
async fn f16_every_node_is_asked_for_what_it_has_while_a_slot_moves() {
    let nodes = cluster().await;
    let [from, to] = [&nodes[1], &nodes[0]];
    let url = format!("redis-cluster://{}", nodes[0].address());
    let link = link(url, PATIENCE);
    until(async || link.ask(Operation::Write, set(KEY, "x")).await.is_ok()).await;
    until(async || link.ask(Operation::Limit, get("b")).await.is_ok()).await;
    assert_eq!(append(&link, KEY).await, Ok(Reply::Integer(2)), "unknown to the second node");
    assert_eq!(append(&link, "b").await, Ok(Reply::Integer(1)), "unknown to the first");
    assert_eq!(from.ask(&["GET", KEY]), "xx");
    assert_eq!(to.ask(&["GET", "b"]), "x");

    let id = |node: &Server| node.ask(&["CLUSTER", "MYID"]);
    let set_slot = |node: &Server, how: &str, other: &Server| {
        assert_eq!(node.ask(&["CLUSTER", "SETSLOT", SLOT, how, &id(other)]), "OK");
    };
    set_slot(to, "IMPORTING", from);
    set_slot(from, "MIGRATING", to);
    assert_eq!(read(&link, KEY).await, Ok(bytes("xx")), "it has not moved yet");
    let port = to.address().port().to_string();
    assert_eq!(from.ask(&["MIGRATE", "127.0.0.1", &port, KEY, "0", "5000"]), "OK");
    for _ in 0..20 {
        assert_eq!(read(&link, KEY).await, Err(Trouble::Refused), "ASK");
        assert_eq!(read(&link, "b").await, Ok(bytes("x")));
    }
    set_slot(to, "NODE", to);
    set_slot(from, "NODE", to);
    assert_eq!(append(&link, KEY).await, Ok(Reply::Integer(3)), "MOVED");
    assert_eq!(append(&link, KEY).await, Ok(Reply::Integer(4)), "followed");
    assert_eq!(to.ask(&["GET", KEY]), "xxxx");
}

#[tokio::test]
async fn a_sentinel_tells_who_is_the_primary_and_who_is_it_next() {
    let [mut first, second] = [Server::start(), Server::start()];
    let port = |server: &Server| server.address().port().to_string();
    assert_eq!(second.ask(&["REPLICAOF", "127.0.0.1", &port(&first)]), "OK");
    let replicated =
        async || second.ask(&["INFO", "replication"]).contains("master_link_status:up");
    until(replicated).await;
    let sentinel = Server::start_sentinel(&format!(
        "sentinel monitor primary 127.0.0.1 {} 1\n\
         sentinel down-after-milliseconds primary 200\n\
         sentinel failover-timeout primary 2000\n",
        port(&first)
    ));
    let url = format!("redis-sentinel://{}?sentinelServiceName=primary", sentinel.address());
    let link = link(url, PATIENCE);
    until(async || link.ask(Operation::Write, set("a", "one")).await.is_ok()).await;
    assert_eq!(first.ask(&["GET", "a"]), "one");
    until(async || sentinel.ask(&["SENTINEL", "REPLICAS", "primary"]).contains(&port(&second)))
        .await;
    first.kill();
    until(async || link.ask(Operation::Write, set("a", "two")).await == Ok(bytes("OK"))).await;
    assert_eq!(second.ask(&["GET", "a"]), "two");
    // Of a script that the new primary does not know.
    until(async || append(&link, "a").await == Ok(Reply::Integer(4))).await;
}
