//! What goes wrong with Redis, and that it comes back.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use super::*;
use crate::counters::Counters;
use crate::redis::Events;
use crate::redis::testing::unused_address;

const SHORT: Duration = Duration::from_millis(25);
static NOTHING: Script = Script::new("return redis.call('GET', KEYS[1])");

async fn run(link: &Link) -> Result<Reply, Trouble> {
    link.run(Operation::Limit, &NOTHING, &[link.key("a", "")], Vec::new()).await
}

#[tokio::test]
async fn where_nobody_is_nobody_waits() {
    let link = link(format!("redis://{}", unused_address()), FOR_EVER);
    assert_eq!(read(&link, "a").await, Err(Trouble::Unreachable));
    assert_eq!(run(&link).await, Err(Trouble::Unreachable));
    assert!(!link.is_up());
}

#[tokio::test]
async fn who_accepts_and_never_answers_makes_nobody_wait() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let link = link(format!("redis://{}", listener.local_addr().unwrap()), FOR_EVER);
    assert_eq!(read(&link, "a").await, Err(Trouble::Unreachable));
    assert_eq!(run(&link).await, Err(Trouble::Unreachable));
    until(async || read(&link, "a").await == Err(Trouble::Timeout)).await;
}

#[tokio::test]
async fn a_frozen_redis_is_left_alone_and_found_again() {
    let server = Server::start();
    let link = link(server.url(), SHORT);
    until_up(&link).await;
    for by_script in [false, true] {
        let ask = async || if by_script { run(&link).await } else { read(&link, "a").await };
        server.freeze();
        let mut waited = 0;
        loop {
            match ask().await {
                Err(Trouble::Timeout) => waited += 1,
                Err(Trouble::NotAsked) => break,
                other => panic!("{other:?}"),
            }
        }
        // One of them may be the probe's.
        assert!((4..=5).contains(&waited), "{waited} waited");
        for _ in 0..10_000 {
            assert_eq!(ask().await, Err(Trouble::NotAsked));
        }
        assert!(!link.is_up());
        server.thaw();
        until(async || ask().await == Ok(Reply::Nil)).await;
    }
}

#[tokio::test]
async fn a_redis_that_stays_frozen_loses_its_connections_and_gets_new_ones() {
    let server = Server::start();
    let link = link(server.url(), SHORT);
    until_up(&link).await;
    server.freeze();
    // More than any socket holds: whoever writes it would wait for ever.
    let value = Bytes::from(vec![0; 32 << 20]);
    let write = Command::new("SET", "large").with(value);
    assert_eq!(link.ask(Operation::Write, write).await, Err(Trouble::Timeout));
    let is_lost = async || link.core.values.lines.iter().any(|line| line.client().is_none());
    until(is_lost).await;
    server.thaw();
    until_up(&link).await;
    assert_eq!(server.ask(&["EXISTS", "large"]), "0");
}

#[tokio::test]
async fn a_killed_redis_is_missed_at_once_and_found_again() {
    let mut server = Server::start();
    let link = link(server.url(), FOR_EVER);
    until_up(&link).await;
    for _ in 0..3 {
        server.kill();
        until(async || read(&link, "a").await.is_err()).await;
        server.restart();
        until_up(&link).await;
    }
}

#[tokio::test]
async fn what_is_under_way_when_redis_dies_is_told_at_once_and_not_sent_again() {
    let mut server = Server::start();
    let link = link(server.url(), FOR_EVER);
    until_up(&link).await;
    server.freeze();
    let incr = link.ask(Operation::Limit, Command::new("INCR", "n"));
    let kill = async { server.kill() };
    let (outcome, ()) = tokio::join!(incr, kill);
    assert_eq!(outcome, Err(Trouble::Unreachable));
    server.restart();
    until_up(&link).await;
    assert_eq!(server.ask(&["GET", "n"]), "(nil)");
}

#[tokio::test]
async fn who_speaks_something_else_is_none() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().map(Result::unwrap) {
            let mut stream = stream;
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let link = link(format!("redis://{address}"), FOR_EVER);
    until(async || read(&link, "a").await == Err(Trouble::Malformed)).await;
}

#[tokio::test]
async fn credentials_may_become_right_and_wrong_again() {
    let server = Server::start_with(&["--requirepass", "first"]);
    let link = link(server.url().replace("redis://", "redis://:second@"), FOR_EVER);
    until(async || read(&link, "a").await == Err(Trouble::Denied)).await;
    server.ask_as("first", &["CONFIG", "SET", "requirepass", "second"]);
    until_up(&link).await;
    server.ask_as("second", &["CONFIG", "SET", "requirepass", "third"]);
    server.ask_as("third", &["CLIENT", "KILL", "TYPE", "normal"]);
    until(async || read(&link, "a").await == Err(Trouble::Denied)).await;
    server.ask_as("third", &["CONFIG", "SET", "requirepass", "second"]);
    until_up(&link).await;
}

#[tokio::test]
async fn a_full_redis_is_read_and_not_written_to() {
    let server = Server::start();
    let link = linked(&server).await;
    server.ask(&["SET", "a", "one"]);
    server.ask(&["CONFIG", "SET", "maxmemory", "1"]);
    refuses_writes(&link, Trouble::Full).await;
    server.ask(&["CONFIG", "SET", "maxmemory", "0"]);
    until(async || link.ask(Operation::Write, set("b", "two")).await.is_ok()).await;
}

#[tokio::test]
async fn a_replica_is_read_and_not_written_to() {
    let server = Server::start();
    let link = linked(&server).await;
    server.ask(&["SET", "a", "one"]);
    server.ask(&["REPLICAOF", "127.0.0.1", "1"]);
    refuses_writes(&link, Trouble::ReadOnly).await;
    server.ask(&["REPLICAOF", "NO", "ONE"]);
    until(async || link.ask(Operation::Write, set("b", "two")).await.is_ok()).await;
}

async fn refuses_writes(link: &Link, trouble: Trouble) {
    let write = async || link.ask(Operation::Write, set("b", "two")).await;
    assert_eq!(write().await, Err(trouble));
    until(async || write().await == Err(Trouble::NotAsked)).await;
    for _ in 0..20 {
        assert_eq!(read(link, "a").await, Ok(bytes("one")));
    }
    until(async || write().await == Err(trouble)).await;
}

#[tokio::test]
async fn too_many_clients_are_too_many_until_they_are_not() {
    let server = Server::start();
    server.ask(&["CONFIG", "SET", "maxclients", "1"]);
    let link = link(server.url(), FOR_EVER);
    // The first line to come has the only place.
    until(async || server.try_ask(&["PING"]).is_some_and(|answer| answer.contains("max number")))
        .await;
    drop(link);
    until(async || {
        server.try_ask(&["CONFIG", "SET", "maxclients", "100"]).as_deref() == Some("OK")
    })
    .await;
    let link = super::link(server.url(), FOR_EVER);
    until_up(&link).await;
}

/// Writes down what it is told.
#[derive(Default)]
struct Told(Mutex<Vec<Option<Trouble>>>);

impl Events for Told {
    fn lost(&self, why: Trouble) {
        self.0.lock().unwrap().push(Some(why));
    }

    fn found(&self) {
        self.0.lock().unwrap().push(None);
    }
}

#[tokio::test]
async fn those_around_are_told_once_and_everything_is_counted() {
    let mut server = Server::start();
    let told = Arc::new(Told::default());
    let metrics = Counters::new("0");
    let around = Around {
        events: Arc::clone(&told) as Arc<dyn Events>,
        counters: Some(metrics.redis(&Operation::names())),
        ..Around::default()
    };
    let link = link_within(server.url(), PATIENCE, around);
    let shows = |line: &str| metrics.encode().lines().any(|shown| shown == line);
    let times = async |count| until(async || told.0.lock().unwrap().len() == count).await;
    times(1).await;
    assert!(shows("forebay_redis_up 1"));
    server.kill();
    times(2).await;
    assert!(shows("forebay_redis_up 0"));
    assert_eq!(read(&link, "a").await, Err(Trouble::Unreachable));
    assert!(shows(r#"forebay_redis_errors_total{operation="read",reason="unreachable"} 1"#));
    server.restart();
    times(3).await;
    until_up(&link).await;
    assert_eq!(*told.0.lock().unwrap(), [None, Some(Trouble::Unreachable), None]);
    let text = metrics.encode();
    assert!(
        text.contains(r#"forebay_redis_duration_seconds_count{operation="limit"} 1"#),
        "{text}"
    );
}
