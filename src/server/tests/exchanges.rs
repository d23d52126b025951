//! Requests, responses, and what becomes of the connection between them.

use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::Ordering;

use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;

use super::bench::{AMPLE, Bench, Client, soon};
use crate::body::BodyError;
use crate::server::bind_unix;

#[tokio::test]
async fn a_connection_is_kept_for_the_next_request() {
    let bench = Bench::start(AMPLE);
    let mut client = bench.connect().await;
    for path in ["/one", "/two"] {
        let got = client.got(path).await;
        assert_eq!((got.status, got.content.as_str(), got.closes()), (200, path, false));
    }
    assert_eq!(*bench.record.open.borrow(), 1);
}

#[tokio::test]
async fn a_client_that_asks_to_close_is_closed() {
    let bench = Bench::start(AMPLE);
    let mut client = bench.connect().await;
    client.send("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    assert!(client.answer().await.closes());
    client.is_closed().await;
    bench.record.until_open(0).await;
}

#[tokio::test]
async fn a_client_that_has_said_all_it_has_to_say_gets_its_answer() {
    let bench = Bench::start(AMPLE);
    let mut client = bench.connect().await;
    client.get("/gate").await;
    client.stream.shutdown().await.unwrap();
    soon(bench.site.arrived.notified()).await;
    bench.site.gate.notify_one();
    assert_eq!(client.answer().await.content, "open");
    client.is_closed().await;
}

#[tokio::test]
async fn a_client_that_resets_its_connection_is_let_go_at_once() {
    let bench = Bench::start(AMPLE);
    let next = "GET /next HTTP/1.1\r\nhost: a\r\n\r\n";
    for (behind, finishes) in [("", false), ("", true), (next, false), (next, true)] {
        let mut client = bench.connect().await;
        client.send(format!("GET /gate HTTP/1.1\r\nhost: a\r\n\r\n{behind}")).await;
        soon(bench.site.arrived.notified()).await;
        if finishes {
            client.stream.shutdown().await.unwrap();
        }
        client.stream.set_zero_linger().unwrap();
        drop(client);
        bench.record.until_open(0).await;
    }
    assert_eq!(bench.site.seen(), ["/gate"; 4]);
}

#[tokio::test]
async fn a_client_that_resets_its_connection_is_not_waited_for_with_its_content() {
    let bench = Bench::start(AMPLE);
    let mut client = bench.connect().await;
    client.get("/silence").await;
    client.head().await;
    client.stream.set_zero_linger().unwrap();
    drop(client);
    bench.record.until_open(0).await;
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let bench = Bench::start(AMPLE);
    let mut client = bench.connect().await;
    let paths = ["/1", "/2", "/3", "/4", "/5"];
    client.send(paths.map(|path| format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n")).concat()).await;
    for path in paths {
        assert_eq!(client.answer().await.content, path);
    }
}

#[tokio::test]
async fn nothing_behind_a_malformed_request_is_a_request() {
    let bench = Bench::start(AMPLE);
    let mut client = bench.connect().await;
    let good = |path| format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n");
    let bad = "GET /3 HTTP/1.1\r\nhost: a\r\nname : value\r\n\r\n".to_owned();
    client.send([good("/1"), good("/2"), bad, good("/4"), good("/5")].concat()).await;
    assert_eq!(client.answer().await.content, "/1");
    assert_eq!(client.answer().await.content, "/2");
    let got = client.answer().await;
    assert_eq!((got.status, got.closes()), (400, true));
    client.is_closed().await;
    assert_eq!(bench.site.seen(), ["/1", "/2"]);
    assert_eq!(bench.record.refused(), [(400, "head-malformed")]);
}

#[tokio::test]
async fn what_could_be_read_in_two_ways_is_refused() {
    let table = [
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nhost: a b\r\n\r\n", 400),
        ("GET ftp://a/ HTTP/1.1\r\nhost: a\r\n\r\n", 400),
        ("GET https://a/ HTTP/1.1\r\nhost: a\r\n\r\n", 421),
        ("CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\n", 405),
        ("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: gzip, chunked\r\n\r\n", 501),
        ("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nhost: a\r\nexpect: tea\r\n\r\n", 417),
    ];
    let bench = Bench::start(AMPLE);
    for (request, status) in table {
        let mut client = bench.connect().await;
        client.send(format!("{request}GET /behind HTTP/1.1\r\nhost: a\r\n\r\n")).await;
        let got = client.answer().await;
        assert_eq!((got.status, got.closes()), (status, true), "{request}");
        assert_eq!(got.head.contains("\r\nallow: "), status == 405, "{request}");
        assert_eq!(client.rest().await.0, "", "{request}");
    }
    assert!(bench.site.seen().is_empty());
    assert_eq!(bench.record.refused().len(), table.len());
}

#[tokio::test]
async fn a_head_has_its_limit() {
    let bench = Bench::start(AMPLE);
    let mut client = bench.connect().await;
    client
        .send(format!(
            "GET / HTTP/1.1\r\nhost: a\r\nname: {}\r\n\r\n",
            "x".repeat(AMPLE.request_head)
        ))
        .await;
    assert_eq!(client.answer().await.status, 431);
    assert_eq!(bench.record.refused(), [(431, "head-too-large")]);
}

#[tokio::test]
async fn content_is_asked_for_when_it_is_wanted() {
    let bench = Bench::start(AMPLE);
    let mut client = bench.connect().await;
    client
        .send("POST /echo HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\nexpect: 100-continue\r\n\r\n")
        .await;
    assert_eq!(client.head().await, "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("ping").await;
    let got = client.answer().await;
    assert_eq!((got.content.as_str(), got.closes()), ("ping", false));
    assert_eq!(client.got("/").await.status, 200);
}

#[tokio::test]
async fn content_that_is_not_wanted_is_not_asked_for() {
    let bench = Bench::start(AMPLE);
    let mut client = bench.connect().await;
    client
        .send("POST /busy HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\nexpect: 100-continue\r\n\r\n")
        .await;
    let got = client.answer().await;
    assert_eq!((got.status, got.closes()), (429, true));
    client.is_closed().await;
}

#[tokio::test]
async fn an_answer_given_before_the_content_came_can_be_read() {
    let bench = Bench::start(AMPLE);
    let mut client = bench.connect().await;
    client.send("POST /busy HTTP/1.1\r\nhost: a\r\ncontent-length: 1048576\r\n\r\n").await;
    client.send(vec![b'x'; 1024 * 1024]).await;
    let got = client.answer().await;
    assert_eq!((got.status, got.content.as_str(), got.closes()), (429, "busy", true));
    client.is_closed().await;
    assert_eq!(bench.site.seen(), ["/busy"], "content was taken for a request");
}

#[tokio::test]
async fn trailers_do_not_come_through() {
    let bench = Bench::start(AMPLE);
    let mut client = bench.connect().await;
    let head = "POST /echo HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
    client.send(format!("{head}4\r\nping\r\n0\r\nauthorization: x\r\n\r\n")).await;
    let got = client.answer().await;
    assert_eq!((got.content.as_str(), got.closes()), ("ping", false));
}

#[tokio::test]
async fn content_that_cannot_be_whole_is_an_error() {
    let table = [
        ("content-length: 10\r\n\r\nhalf", BodyError::Truncated),
        ("transfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n", BodyError::Truncated),
        ("transfer-encoding: chunked\r\n\r\n0x4\r\nhalf\r\n0\r\n\r\n", BodyError::Malformed),
        ("transfer-encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\nhalf", BodyError::Malformed),
    ];
    let bench = Bench::start(AMPLE);
    for (request, expected) in table {
        let mut client = bench.connect().await;
        client.send(format!("POST /echo HTTP/1.1\r\nhost: a\r\n{request}")).await;
        client.stream.shutdown().await.unwrap();
        let got = client.answer().await;
        assert_eq!((got.status, got.closes()), (400, true), "{request}");
        client.is_closed().await;
        assert_eq!(*bench.site.upload.lock().unwrap(), Some(expected), "{request}");
    }
}

#[tokio::test]
async fn a_panic_is_one_clients_misfortune() {
    let bench = Bench::start(AMPLE);
    let mut other = bench.connect().await;
    other.get("/gate").await;
    soon(bench.site.arrived.notified()).await;
    let mut client = bench.connect().await;
    for path in ["/panic", "/panic-later"] {
        assert_eq!(client.got(path).await.status, 500, "{path}");
    }
    client.get("/panic-body").await;
    assert!(!client.rest().await.0.ends_with("0\r\n\r\n"), "it looks whole");
    assert_eq!(bench.record.panics.load(Ordering::Relaxed), 3);
    bench.record.until_open(1).await;
    bench.site.gate.notify_one();
    assert_eq!(other.answer().await.content, "open");
}

#[tokio::test]
async fn a_torn_response_does_not_look_whole() {
    let bench = Bench::start(AMPLE);
    let mut client = bench.connect().await;
    client.get("/torn").await;
    assert!(!client.rest().await.0.ends_with("0\r\n\r\n"));

    let mut client = bench.connect().await;
    client.send("GET /torn HTTP/1.0\r\nhost: a\r\n\r\n").await;
    let (_, orderly) = client.rest().await;
    assert!(!orderly, "in HTTP/1.0, an orderly end is the end of the content");
}

#[tokio::test]
async fn a_unix_socket_is_served_too() {
    let path = std::env::temp_dir().join(format!("forebay-{}.sock", std::process::id()));
    drop(bind_unix(&path).unwrap());
    let listener = bind_unix(&path).expect("what is left behind is replaced");
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let _bench = Bench::on(listener.into(), "127.0.0.1:0".parse().unwrap(), AMPLE);
    let mut client = Client::over(UnixStream::connect(&path).await.unwrap());
    assert_eq!(client.got("/here").await.content, "/here");
    assert!(bind_unix(&path).is_err(), "somebody listens there");
    std::fs::remove_file(path).unwrap();
}
