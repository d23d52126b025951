//! Ending without losing a request.

use std::time::Duration;

use tokio::net::TcpStream;

use super::bench::{AMPLE, Bench, soon};

#[tokio::test]
async fn what_is_in_flight_is_answered_and_the_idle_are_closed() {
    let bench = Bench::start(AMPLE);
    let mut idle = bench.connect().await;
    assert!(!idle.got("/").await.closes());
    let mut busy = bench.connect().await;
    busy.get("/gate").await;
    soon(bench.site.arrived.notified()).await;

    bench.drain.start();
    idle.is_closed().await;
    bench.site.gate.notify_one();
    let got = busy.answer().await;
    assert_eq!((got.content.as_str(), got.closes()), ("open", true));
    busy.is_closed().await;
    soon(bench.drain.finished()).await;
    assert_eq!(*bench.record.open.borrow(), 0);
    assert!(TcpStream::connect(bench.address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_request_that_was_on_its_way_is_answered() {
    let bench = Bench::start(AMPLE);
    let mut begun = bench.connect().await;
    begun.send("GET /begun HTTP/1.1\r\nhost:").await;
    let mut idle = bench.connect().await;
    assert_eq!(idle.got("/").await.status, 200);

    // Both are connected as far as the kernel is concerned; the server has not heard of the second.
    bench.record.until_open(2).await;
    let mut queued = bench.connect().await;
    bench.drain.start();
    queued.get("/queued").await;
    let got = queued.answer().await;
    assert_eq!((got.content.as_str(), got.closes()), ("/queued", true));
    let got = idle.got("/idle").await;
    assert_eq!((got.content.as_str(), got.closes()), ("/idle", true));
    begun.send(" a\r\n\r\n").await;
    let got = begun.answer().await;
    assert_eq!((got.content.as_str(), got.closes()), ("/begun", true));
    soon(bench.drain.finished()).await;
}

#[tokio::test]
async fn a_request_that_had_begun_behind_another_is_answered() {
    let bench = Bench::start(AMPLE);
    let mut client = bench.connect().await;
    client.send("GET /1 HTTP/1.1\r\nhost: a\r\n\r\nGET /2 HTTP/1.1\r\n").await;
    assert_eq!(client.answer().await.content, "/1");
    let mut idle = bench.connect().await;
    assert_eq!(idle.got("/").await.status, 200);
    bench.drain.start();
    // Once this one has been closed as idle, the other one could have been.
    idle.is_closed().await;
    client.send("host: a\r\n\r\n").await;
    assert_eq!(client.answer().await.content, "/2");
    soon(bench.drain.finished()).await;
}

#[tokio::test]
async fn traffic_loses_nothing_to_a_drain() {
    let bench = Bench::start(AMPLE);
    let address = bench.address;
    let clients: Vec<_> = (0..20)
        .map(|_| {
            tokio::spawn(async move {
                let mut answered = 0;
                // Until nobody listens any more.
                while let Ok(stream) = TcpStream::connect(address).await {
                    let mut client = super::bench::Client::over(stream);
                    for _ in 0..10 {
                        let got = client.got("/traffic").await;
                        assert_eq!(got.content, "/traffic");
                        answered += 1;
                        if got.closes() {
                            break;
                        }
                    }
                }
                answered
            })
        })
        .collect();
    soon(bench.record.open.subscribe().wait_for(|open| *open >= 10)).await.unwrap();
    assert!(soon(bench.drain.within(Duration::from_secs(20))).await);
    let mut answered = 0;
    for client in clients {
        answered += soon(client).await.unwrap();
    }
    assert_eq!(bench.site.seen().len(), answered);
}

#[tokio::test]
async fn what_takes_too_long_is_cut() {
    let bench = Bench::start(AMPLE);
    let mut stuck = bench.connect().await;
    stuck.get("/gate").await;
    soon(bench.site.arrived.notified()).await;
    let mut reader = bench.connect().await;
    reader.get("/big").await;
    reader.head().await;
    assert!(!soon(bench.drain.within(Duration::from_millis(100))).await);
    assert_eq!(*bench.record.open.borrow(), 0);
    assert_eq!(stuck.rest().await.0, "");
}
