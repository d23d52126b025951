//! Connections on which nothing is said, driven by hand.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use tokio::net::UnixStream;
use tokio::runtime::Handle;

use super::bench::{AMPLE, Client, Record, soon};
use crate::body::{Answer, Body};
use crate::clock::{Clock, Timestamp};
use crate::identity::peer::Peer;
use crate::semantics::target::Target;
use crate::server::connection::Connection;
use crate::server::io::Stream;
use crate::server::socket::Socket;
use crate::server::workers::Place;
use crate::server::{Handler, Server, Settings};

/// Longer than it takes a silent connection to rest.
const SILENCE: Duration = Duration::from_secs(2);

fn echo(request: Request<Body>, _: Target, _: &Arc<Peer>) -> Answer {
    Answer::now(Response::new(Body::from(Bytes::from(request.uri().path().to_owned()))))
}

/// Has `connection` go as far as it can now.
async fn advance<S: Stream, H: Handler>(connection: &mut Connection<S, H>) {
    let ended = poll_fn(|cx| Poll::Ready(Pin::new(&mut *connection).poll(cx).is_ready())).await;
    assert!(!ended);
}

#[tokio::test]
async fn a_silent_connection_rests_until_it_is_spoken_to() {
    let clock = Clock::manual(Timestamp::from_secs(1000));
    let settings = Settings { limits: AMPLE, drain_timeout: SILENCE };
    let events = Arc::new(Record::default());
    let server = Server::new(echo, settings, clock.clone(), events, vec![Handle::current()]);
    let place = Place::new(&server.common, server.common.workers.seat().unwrap(), None);
    let (ours, theirs) = UnixStream::pair().unwrap();
    let mut connection = Connection::new(Socket::new(ours), Peer::unix(), echo, place);
    let mut client = Client::over(theirs);
    advance(&mut connection).await;
    assert!(connection.rests(), "nothing was said yet");

    for (path, behind, rests) in [
        ("/1", "", true),
        ("/2", "\r\n", true),
        ("/3", "GET /4 HTTP/1.1\r\n", false),
        ("/4", "", true),
    ] {
        let head = if path == "/4" { "" } else { &format!("GET {path} HTTP/1.1\r\n") };
        client.send(format!("{head}host: a\r\n\r\n{behind}")).await;
        tokio::select! {
            () = &mut connection => panic!("it ended"),
            got = client.answer() => assert_eq!(got.content, path),
        }
        advance(&mut connection).await;
        assert!(!connection.rests(), "{path}: it may be spoken to at once");
        clock.advance(SILENCE);
        advance(&mut connection).await;
        assert_eq!(connection.rests(), rests, "{path}: but is not");
    }

    drop(client);
    soon(connection).await;
}
