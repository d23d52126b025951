//! The link against real servers.

use std::time::Duration;

use super::testing::Server;
use super::{Command, Link, Operation, Reply, Settings};

fn settings(url: String) -> Settings {
    let timeout = Duration::from_millis(250);
    Settings { url, prefix: "test".to_owned(), timeout, connections: 2 }
}

#[tokio::test]
async fn what_is_written_is_read() {
    let server = Server::start();
    let link = Link::start(settings(server.url())).unwrap();
    let key = link.key("a", ":b");
    let write = Command::new("SET", key.clone()).with("value");
    while link.ask(Operation::Write, write.clone()).await.is_err() {}
    assert_eq!(server.ask(&["GET", "test:{a}:b"]), "value");
    let read = link.ask(Operation::Read, Command::new("GET", key)).await;
    assert_eq!(read, Ok(Reply::Bytes("value".into())));
    assert!(server.directory().is_dir());
}
