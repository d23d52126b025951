//! Connections that speak something else after an upgrade.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::net::TcpStream;

use super::bench::{AMPLE, Bench, Client, soon};

/// Opens the tunnel at `path`, and sends `first` right behind the request.
async fn open(bench: &Bench, path: &str, first: &str) -> (Client<TcpStream>, DuplexStream) {
    let mut client = bench.connect().await;
    let head =
        format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n");
    client.send(format!("{head}{first}")).await;
    let head = client.head().await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    let far = bench.site.tunnel.lock().unwrap().take().unwrap();
    (client, far)
}

async fn reads(stream: &mut DuplexStream, expected: &str) {
    let mut bytes = vec![0; expected.len()];
    soon(stream.read_exact(&mut bytes)).await.unwrap();
    assert_eq!(bytes, expected.as_bytes());
}

#[tokio::test]
async fn bytes_go_both_ways_until_both_sides_are_done() {
    let bench = Bench::start(AMPLE);
    let (mut client, mut far) = open(&bench, "/tunnel", "early ").await;
    client.send("ping").await;
    reads(&mut far, "early ping").await;

    client.stream.shutdown().await.unwrap();
    assert_eq!(soon(far.read(&mut [0; 1])).await.unwrap(), 0, "one side's end is passed on");
    far.write_all(b"pong").await.unwrap();
    drop(far);
    assert_eq!(client.rest().await, ("pong".to_owned(), true));
    soon(bench.site.tunnel_ended.notified()).await;
    bench.record.until_open(0).await;
}

#[tokio::test]
async fn a_tunnel_in_which_nothing_moves_is_closed() {
    let bench = Bench::start(AMPLE);
    let (mut client, mut far) = open(&bench, "/upgrade", "").await;
    // Longer, in all, than the time for which it may be idle.
    for _ in 0..8 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        client.send("x").await;
        reads(&mut far, "x").await;
    }
    client.is_closed().await;
    soon(bench.site.tunnel_ended.notified()).await;
}

#[tokio::test]
async fn a_tunnel_is_part_of_what_a_drain_waits_for() {
    let bench = Bench::start(AMPLE);
    let (mut client, mut far) = open(&bench, "/tunnel", "").await;
    bench.drain.start();
    client.send("still here").await;
    reads(&mut far, "still here").await;
    assert!(!soon(bench.drain.within(Duration::from_millis(100))).await);
    soon(bench.site.tunnel_ended.notified()).await;
    client.is_closed().await;
}

#[tokio::test]
async fn an_upgrade_nobody_asked_for_is_not_made() {
    let bench = Bench::start(AMPLE);
    let mut client = bench.connect().await;
    assert_eq!(client.got("/tunnel").await.status, 502);
    soon(bench.site.tunnel_ended.notified()).await;
}
