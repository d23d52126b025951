//! Peers that cost more than they should.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use super::bench::{AMPLE, BIG, Bench, Client, Stopwatch, soon};
use crate::body::BodyError;
use crate::server::Limits;

const SHORT: Duration = Duration::from_millis(600);
/// A part of [`SHORT`].
const STEP: Duration = Duration::from_millis(60);

#[tokio::test]
async fn a_head_that_does_not_end_is_cut() {
    let bench = Bench::start(Limits { header_timeout: SHORT, ..AMPLE });
    let mut client = bench.connect().await;
    client.send("GET / HTTP/1.1\r\nhost:").await;
    let began = Stopwatch::start();
    let got = client.answer().await;
    assert_eq!((got.status, got.closes()), (408, true));
    assert!(began.elapsed() >= SHORT - STEP);
    client.is_closed().await;
    assert_eq!(bench.record.refused(), [(408, "head-timeout")]);
}

#[tokio::test]
async fn a_head_that_comes_in_drops_has_no_more_time_than_any() {
    let bench = Bench::start(Limits { header_timeout: SHORT, ..AMPLE });
    let mut client = bench.connect().await;
    assert_eq!(client.got("/first").await.status, 200);
    client.send("GET / HTTP/1.1\r\nname: ").await;
    let (mut reading, mut writing) = client.stream.split();
    let dribble = async {
        loop {
            tokio::time::sleep(STEP).await;
            if writing.write_all(b"x").await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    let mut answer = [0; 12];
    tokio::select! {
        read = soon(reading.read_exact(&mut answer)) => assert_eq!(read.unwrap(), answer.len()),
        () = dribble => {}
    }
    assert_eq!(&answer, b"HTTP/1.1 408");
}

#[tokio::test]
async fn the_beginning_of_a_request_may_come_with_another() {
    let bench = Bench::start(Limits { idle_timeout: SHORT, ..AMPLE });
    let mut client = bench.connect().await;
    client.send("GET /1 HTTP/1.1\r\nhost: a\r\n\r\nGET /2 HTTP/1.1\r\n").await;
    assert_eq!(client.answer().await.content, "/1");
    assert_eq!(client.answer().await.status, 408);
}

#[tokio::test]
async fn a_peer_that_says_nothing_is_told_nothing() {
    let bench = Bench::start(Limits { header_timeout: SHORT, ..AMPLE });
    let began = Stopwatch::start();
    bench.connect().await.is_closed().await;
    assert!(began.elapsed() >= SHORT - STEP);
    assert!(bench.record.refused().is_empty());
}

#[tokio::test]
async fn an_idle_connection_is_closed_in_its_own_time() {
    let bench = Bench::start(Limits { header_timeout: SHORT, idle_timeout: 2 * SHORT, ..AMPLE });
    let mut client = bench.connect().await;
    assert_eq!(client.got("/").await.status, 200);
    let began = Stopwatch::start();
    client.is_closed().await;
    assert!(began.elapsed() >= 2 * SHORT - STEP);
}

#[tokio::test]
async fn a_handler_has_all_the_time_it_wants() {
    let bench = Bench::start(Limits {
        header_timeout: STEP,
        idle_timeout: STEP,
        stall_timeout: STEP,
        ..AMPLE
    });
    let mut client = bench.connect().await;
    client.get("/gate").await;
    soon(bench.site.arrived.notified()).await;
    tokio::time::sleep(2 * SHORT).await;
    bench.site.gate.notify_one();
    assert_eq!(client.answer().await.content, "open");
}

#[tokio::test]
async fn a_reader_that_stops_is_cut() {
    let bench = Bench::start(Limits { stall_timeout: SHORT, ..AMPLE });
    let mut client = bench.connect().await;
    let began = Stopwatch::start();
    client.get("/big").await;
    bench.record.until_open(1).await;
    bench.record.until_open(0).await;
    let took = began.elapsed();
    assert!((SHORT..4 * SHORT).contains(&took), "{took:?}");
}

#[tokio::test]
async fn an_answer_in_http_1_0_that_is_cut_does_not_look_whole() {
    let bench = Bench::start(Limits { stall_timeout: SHORT, ..AMPLE });
    let mut stalling = bench.connect().await;
    stalling.send("GET /big HTTP/1.0\r\nhost: a\r\n\r\n").await;
    bench.record.until_open(1).await;
    bench.record.until_open(0).await;
    assert!(!stalling.rest().await.1);

    let mut draining = bench.connect().await;
    draining.send("GET /silence HTTP/1.0\r\nhost: a\r\n\r\n").await;
    draining.head().await;
    bench.drain.cut();
    assert!(!draining.rest().await.1);
}

#[tokio::test]
async fn a_peer_that_has_said_all_and_is_told_nothing_has_gone() {
    let bench = Bench::start(Limits { idle_timeout: SHORT, ..AMPLE });
    let mut waiting = bench.connect().await;
    waiting.get("/silence").await;
    let mut gone = bench.connect().await;
    gone.get("/silence").await;
    gone.head().await;
    let began = Stopwatch::start();
    gone.stream.shutdown().await.unwrap();
    bench.record.until_open(1).await;
    assert!(began.elapsed() >= SHORT / 2, "it may be waiting");
    waiting.head().await;
}

#[tokio::test]
async fn a_peer_that_has_said_all_is_answered() {
    let bench = Bench::start(Limits { idle_timeout: SHORT, ..AMPLE });
    let mut client = bench.connect().await;
    client.get("/gate").await;
    client.stream.shutdown().await.unwrap();
    soon(bench.site.arrived.notified()).await;
    tokio::time::sleep(SHORT / 2).await;
    bench.site.gate.notify_one();
    assert_eq!(client.answer().await.content, "open");
}

#[tokio::test]
async fn a_reader_that_is_slow_but_steady_gets_it_all() {
    let bench = Bench::start(Limits { stall_timeout: SHORT, ..AMPLE });
    // Little room on this side, so that the rest lies in the server's kernel, which reports room only in large pieces.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(64 * 1024).unwrap();
    let mut client = Client::over(socket.connect(bench.address).await.unwrap());
    client.get("/big").await;
    client.head().await;
    let began = Stopwatch::start();
    let mut received = client.received().len() as u64;
    while received < BIG {
        let is_slow = began.elapsed() < 4 * SHORT;
        if is_slow {
            tokio::time::sleep(STEP).await;
        }
        let mut buffer = vec![0; if is_slow { 32 * 1024 } else { 1024 * 1024 }];
        let count = soon(client.stream.read(&mut buffer)).await.unwrap();
        assert!(count > 0, "cut after {received} bytes");
        received += count as u64;
    }
}

#[tokio::test]
async fn an_upload_that_stops_fails() {
    let bench = Bench::start(Limits { stall_timeout: SHORT, ..AMPLE });
    let mut client = bench.connect().await;
    client.send("POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhalf").await;
    let began = Stopwatch::start();
    let got = client.answer().await;
    assert!(began.elapsed() >= SHORT - STEP);
    assert_eq!((got.status, got.closes()), (408, true));
    assert_eq!(*bench.site.upload.lock().unwrap(), Some(BodyError::Stalled));
    client.is_closed().await;
}

#[tokio::test]
async fn an_upload_in_drops_fails() {
    let bench = Bench::start(Limits { stall_timeout: SHORT, ..AMPLE });
    let mut client = bench.connect().await;
    client.send("POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\n").await;
    for _ in 0..40 {
        client.send("x").await;
        tokio::time::sleep(STEP / 2).await;
    }
    assert_eq!(client.answer().await.status, 408);
}

#[tokio::test]
async fn an_upload_that_is_slow_but_steady_is_taken() {
    let bench = Bench::start(Limits { stall_timeout: SHORT, ..AMPLE });
    let mut client = bench.connect().await;
    client.send("POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 40960\r\n\r\n").await;
    for _ in 0..20 {
        tokio::time::sleep(STEP).await;
        client.send([b'x'; 2048]).await;
    }
    let got = client.answer().await;
    assert_eq!((got.status, got.content.len(), got.closes()), (200, 40960, false));
}

#[tokio::test]
async fn more_connections_than_there_are_places_wait() {
    let bench = Bench::start(Limits { connections: 1, ..AMPLE });
    let mut first = bench.connect().await;
    assert_eq!(first.got("/first").await.status, 200);
    let mut second = bench.connect().await;
    second.get("/second").await;
    assert_eq!(first.got("/first").await.status, 200);
    assert_eq!(bench.site.seen(), ["/first", "/first"]);
    drop(first);
    assert_eq!(second.answer().await.content, "/second");
    drop(second);
    bench.record.until_open(0).await;
}
