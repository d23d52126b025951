//! The link against real servers, and against what is none.

mod cluster;
mod faults;
mod places;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::{Builder, Handle, Runtime};

use super::testing::{PATIENCE, Server};
use super::{Around, Command, Link, Operation, Reply, Script, Settings, Trouble};

/// Longer than any test waits: whoever waits for it is found out.
const FOR_EVER: Duration = Duration::from_secs(3600);

fn link(url: String, timeout: Duration) -> Link {
    link_within(url, timeout, Around::default())
}

fn link_within(url: String, timeout: Duration, around: Around) -> Link {
    let settings = Settings { url, prefix: "test".to_owned(), timeout, connections: 2 };
    Link::start_within(settings, around).unwrap()
}

/// A link that is connected, to `server`. Its answers may take as long as this machine needs.
async fn linked(server: &Server) -> Link {
    let link = link(server.url(), PATIENCE);
    until_up(&link).await;
    link
}

/// Until every connection has answered.
async fn until_up(link: &Link) {
    let values = &link.core.values.lines;
    until(async || values.iter().all(|line| line.client().is_some())).await;
    for operation in [Operation::Read, Operation::Read, Operation::Limit, Operation::Lease] {
        until(async || link.ask(operation, get("nothing")).await == Ok(Reply::Nil)).await;
    }
}

async fn until(condition: impl AsyncFn() -> bool) {
    let met = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(PATIENCE, met).await.expect("it comes about");
}

fn get(key: &'static str) -> Command {
    Command::new("GET", key)
}

fn set(key: &'static str, value: &'static str) -> Command {
    Command::new("SET", key).with(value)
}

fn bytes(text: &'static str) -> Reply {
    Reply::Bytes(Bytes::from_static(text.as_bytes()))
}

async fn read(link: &Link, key: &'static str) -> Result<Reply, Trouble> {
    link.ask(Operation::Read, get(key)).await
}

#[tokio::test]
async fn commands_are_answered_with_what_there_is() {
    let server = Server::start();
    let link = linked(&server).await;
    let key = link.key("a", ":b");
    assert_eq!(key, "test:{a}:b");
    let on = |name, arguments: &[&'static str]| {
        let command = Command::new(name, key.clone());
        arguments.iter().fold(command, |command, argument| command.with(*argument))
    };
    for (command, reply) in [
        (on("GET", &[]), Reply::Nil),
        (on("SET", &["1"]), bytes("OK")),
        (on("GET", &[]), bytes("1")),
        (on("INCR", &[]), Reply::Integer(2)),
        (on("DEL", &[]), Reply::Integer(1)),
        (on("RPUSH", &["x", "y"]), Reply::Integer(2)),
        (on("LRANGE", &["0", "-1"]), Reply::List(vec![bytes("x"), bytes("y")])),
    ] {
        assert_eq!(link.ask(Operation::Write, command).await, Ok(reply));
    }
    let binary: &[u8] = b"\0\xff\r\n$-1\r\n";
    let write = Command::new("SET", "binary").with(binary);
    link.ask(Operation::Write, write).await.unwrap();
    assert_eq!(read(&link, "binary").await, Ok(Reply::Bytes(binary.into())));
}

#[tokio::test]
async fn a_script_is_run_whether_or_not_the_server_knows_it() {
    static SCRIPT: Script = Script::new("return {redis.call('INCRBY', KEYS[1], ARGV[1]), #KEYS}");
    let mut server = Server::start();
    let link = linked(&server).await;
    let run = async || {
        let keys = [link.key("n", ""), link.key("n", ":2")];
        link.run(Operation::Limit, &SCRIPT, &keys, vec!["5".into()]).await
    };
    let counted = |count| Ok(Reply::List(vec![Reply::Integer(count), Reply::Integer(2)]));
    assert_eq!(run().await, counted(5), "unknown at first");
    assert_eq!(run().await, counted(10), "known");
    server.ask(&["SCRIPT", "FLUSH"]);
    assert_eq!(run().await, counted(15), "forgotten");
    server.restart();
    until(async || run().await.is_ok()).await;
    assert_eq!(run().await, counted(10), "another server");
}

#[tokio::test]
async fn a_trouble_of_one_key_or_command_is_its_own() {
    let server = Server::start();
    let link = linked(&server).await;
    server.ask(&["RPUSH", "list", "x"]);
    for _ in 0..20 {
        assert_eq!(read(&link, "list").await, Err(Trouble::WrongType));
        let nonsense = link.ask(Operation::Read, Command::new("NONSENSE", "list")).await;
        assert_eq!(nonsense, Err(Trouble::Refused));
    }
    assert_eq!(read(&link, "nothing").await, Ok(Reply::Nil));
    assert!(link.is_up());
}

#[tokio::test]
async fn messages_are_heard_after_every_new_connection() {
    let mut server = Server::start();
    server.kill();
    let link = link(server.url(), PATIENCE);
    let mut received = link.subscribe("log").await;
    let mut other = link.subscribe("landed").await;
    for round in ["first", "second"] {
        server.restart();
        until(async || server.ask(&["PUBSUB", "NUMSUB", "test:landed"]) == "test:landed\n1").await;
        assert_eq!(server.ask(&["PUBLISH", "test:log", round]), "1");
        assert_eq!(server.ask(&["PUBLISH", "elsewhere", round]), "0");
        let message = received.recv().await.unwrap();
        assert_eq!((&*message.channel, message.payload), ("log", Bytes::from(round)));
        assert_eq!(other.recv().await.unwrap().channel, "log");
    }
}

#[tokio::test]
async fn a_late_answer_is_nobody_elses() {
    let server = Server::start();
    let link = link(server.url(), Duration::from_millis(100));
    until_up(&link).await;
    server.ask(&["MSET", "a", "one", "b", "two"]);
    for _ in 0..3 {
        server.freeze();
        assert_eq!(read(&link, "a").await, Err(Trouble::Timeout));
        server.thaw();
        until(async || match read(&link, "b").await {
            Ok(reply) => reply == bytes("two") || panic!("{reply:?}"),
            Err(_) => false,
        })
        .await;
    }
}

#[tokio::test]
async fn whoever_has_a_connection_of_its_own_asks_over_it() {
    let server = Server::start();
    let worker = || Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let workers = [worker(), worker()];
    let runtimes = workers.each_ref().map(|worker| worker.handle().clone());
    let around = Around { runtimes: runtimes.to_vec(), ..Around::default() };
    let link = Arc::new(link_within(server.url(), PATIENCE, around));
    until_up(&link).await;
    let asked = async |link: Arc<Link>| {
        let mut connections = HashSet::new();
        for _ in 0..10 {
            let id = link.ask(Operation::Read, Command::new("CLIENT", "ID")).await;
            connections.insert(format!("{id:?}"));
        }
        connections
    };
    let there = async |of: &Handle| of.spawn(asked(Arc::clone(&link))).await.unwrap();
    let (first, second) = (there(&runtimes[0]).await, there(&runtimes[1]).await);
    assert_eq!((first.len(), second.len()), (1, 1), "{first:?} {second:?}");
    assert!(first.is_disjoint(&second));
    assert_eq!(asked(Arc::clone(&link)).await, &first | &second, "who has none takes turns");
    workers.into_iter().for_each(Runtime::shutdown_background);
}
