//! A server with a small site behind it, and a client that shows every byte.

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::{Body as _, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};

use crate::body::{Answer, Body, BodyError, Tunnel, TunnelEnd};
use crate::clock::{Clock, Timestamp};
use crate::identity::peer::Peer;
use crate::semantics::target::Target;
use crate::server::{Drain, Events, Limits, Listener, Server, Settings, bind};

/// Longer than anything takes that does not hang.
const PATIENCE: Duration = Duration::from_secs(30);

/// The length of `/big`: more than the sockets in between hold.
pub(super) const BIG: u64 = 64 * 1024 * 1024;

/// Limits nobody reaches.
pub(super) const AMPLE: Limits = Limits {
    connections: 100,
    header_timeout: PATIENCE,
    idle_timeout: PATIENCE,
    stall_timeout: PATIENCE,
    request_head: 32 * 1024,
};

/// Waits for `future`, but not for ever.
pub(super) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it never happened")
}

/// Tells how long something took.
pub(super) struct Stopwatch(Clock, Timestamp);

impl Stopwatch {
    pub(super) fn start() -> Self {
        let clock = Clock::system();
        let started = clock.now();
        Self(clock, started)
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.0.now().saturating_since(self.1)
    }
}

/// A server, what it told, and what it serves.
pub(super) struct Bench {
    pub(super) address: SocketAddr,
    pub(super) site: Arc<Site>,
    pub(super) record: Arc<Record>,
    pub(super) drain: Drain,
}

impl Bench {
    pub(super) fn start(limits: Limits) -> Self {
        let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        Self::on(listener.into(), address, limits)
    }

    pub(super) fn on(listener: Listener, address: SocketAddr, limits: Limits) -> Self {
        let site = Arc::new(Site::default());
        let record = Arc::new(Record::default());
        let served = Arc::clone(&site);
        let server = Server::new(
            move |request: Request<Body>, _: Target, _: &Arc<Peer>| served.answer(request),
            Settings { limits, drain_timeout: PATIENCE },
            Clock::system(),
            Arc::clone(&record) as Arc<dyn Events>,
            vec![Handle::current()],
        );
        let drain = server.common.drain.clone();
        tokio::spawn(async move { server.serve(listener).await.unwrap() });
        Self { address, site, record, drain }
    }

    pub(super) async fn connect(&self) -> Client<TcpStream> {
        Client::over(TcpStream::connect(self.address).await.unwrap())
    }
}

/// What a server told.
pub(super) struct Record {
    /// How many connections there are.
    pub(super) open: watch::Sender<usize>,
    pub(super) refused: Mutex<Vec<(u16, &'static str)>>,
    pub(super) panics: AtomicUsize,
}

impl Record {
    pub(super) fn refused(&self) -> Vec<(u16, &'static str)> {
        self.refused.lock().unwrap().clone()
    }

    /// Waits until there are `count` connections.
    pub(super) async fn until_open(&self, count: usize) {
        soon(self.open.subscribe().wait_for(|open| *open == count)).await.unwrap();
    }
}

impl Default for Record {
    fn default() -> Self {
        Self { open: watch::Sender::new(0), refused: Mutex::default(), panics: AtomicUsize::new(0) }
    }
}

impl Events for Record {
    fn opened(&self) {
        self.open.send_modify(|open| *open += 1);
    }

    fn closed(&self) {
        self.open.send_modify(|open| *open -= 1);
    }

    fn refused(&self, _: &Peer, status: StatusCode, reason: &'static str) {
        self.refused.lock().unwrap().push((status.as_u16(), reason));
    }

    fn panicked(&self, _: &Peer) {
        self.panics.fetch_add(1, Ordering::Relaxed);
    }
}

/// What is served, by path.
#[derive(Default)]
pub(super) struct Site {
    seen: Mutex<Vec<String>>,
    /// `/gate` waits for it.
    pub(super) gate: Notify,
    /// `/gate` was asked for.
    pub(super) arrived: Notify,
    /// The last upload's error.
    pub(super) upload: Mutex<Option<BodyError>>,
    /// The other end of the last tunnel.
    pub(super) tunnel: Mutex<Option<DuplexStream>>,
    /// A tunnel's guard was dropped.
    pub(super) tunnel_ended: Arc<Notify>,
}

impl Site {
    /// The paths that were asked for.
    pub(super) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    fn answer(self: &Arc<Self>, request: Request<Body>) -> Answer {
        let path = request.uri().path().to_owned();
        self.seen.lock().unwrap().push(path.clone());
        let site = Arc::clone(self);
        match path.as_str() {
            "/panic" => panic!("as asked"),
            "/panic-later" => Answer::later(async { panic!("as asked") }),
            "/panic-body" => Answer::now(Response::new(Body::stream(Panicking))),
            "/torn" => Answer::now(Response::new(Body::stream(Torn(true)))),
            "/silence" => Answer::now(Response::new(Body::stream(Silence))),
            "/big" => Answer::now(Response::new(Body::stream(Zeros(BIG)))),
            "/busy" => {
                // `request` is dropped here, its content unread.
                let mut response = Response::new(Body::from(Bytes::from_static(b"busy")));
                *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
                Answer::now(response)
            }
            "/gate" => Answer::later(async move {
                site.arrived.notify_one();
                site.gate.notified().await;
                Response::new(Body::from(Bytes::from_static(b"open")))
            }),
            "/echo" => Answer::later(async move { site.echo(request.into_body()).await }),
            "/upgrade" => Answer::now(site.upgrade(Duration::from_millis(600))),
            "/tunnel" => Answer::now(site.upgrade(PATIENCE)),
            _ => Answer::now(Response::new(Body::from(Bytes::from(path)))),
        }
    }

    async fn echo(&self, mut body: Body) -> Response<Body> {
        let mut content = Vec::new();
        loop {
            match std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
                None => return Response::new(Body::from(Bytes::from(content))),
                Some(Ok(frame)) => {
                    content.extend_from_slice(&frame.into_data().expect("trailers came through"))
                }
                Some(Err(error)) => {
                    *self.upload.lock().unwrap() = Some(error);
                    let mut response = Response::new(Body::Empty);
                    *response.status_mut() = match error {
                        BodyError::Stalled => StatusCode::REQUEST_TIMEOUT,
                        _ => StatusCode::BAD_REQUEST,
                    };
                    return response;
                }
            }
        }
    }

    fn upgrade(&self, idle_timeout: Duration) -> Response<Body> {
        struct Guard(Arc<Notify>);
        impl Drop for Guard {
            fn drop(&mut self) {
                self.0.notify_one();
            }
        }
        let (ours, upstream) = duplex(1024);
        *self.tunnel.lock().unwrap() = Some(ours);
        let guard = Box::new(Guard(Arc::clone(&self.tunnel_ended)));
        let mut response = Response::new(Body::Empty);
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        response.headers_mut().insert("connection", HeaderValue::from_static("upgrade"));
        response.headers_mut().insert("upgrade", HeaderValue::from_static("echo"));
        let end = TunnelEnd { upstream: Box::new(upstream), idle_timeout, guard };
        response.extensions_mut().insert(Tunnel::new(end));
        response
    }
}

/// So many zeros.
struct Zeros(u64);

impl http_body::Body for Zeros {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        static ZEROS: [u8; 65_536] = [0; 65_536];
        if self.0 == 0 {
            return Poll::Ready(None);
        }
        self.0 -= ZEROS.len() as u64;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&ZEROS)))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0)
    }
}

/// Some content, of unknown length, and no end.
struct Torn(bool);

impl http_body::Body for Torn {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Poll::Ready(Some(if std::mem::take(&mut self.0) {
            Ok(Frame::data(Bytes::from_static(b"half a")))
        } else {
            Err(BodyError::Truncated)
        }))
    }
}

/// A body that never comes.
struct Silence;

impl http_body::Body for Silence {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Poll::Pending
    }
}

/// A body that does not know what it does.
struct Panicking;

impl http_body::Body for Panicking {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        panic!("as asked")
    }
}

/// What a client got.
#[derive(Debug)]
pub(super) struct Got {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) content: String,
}

impl Got {
    /// True when the response says that it is the last.
    pub(super) fn closes(&self) -> bool {
        self.head.to_ascii_lowercase().contains("\r\nconnection: close")
    }
}

/// A raw client.
pub(super) struct Client<S> {
    pub(super) stream: S,
    received: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub(super) fn over(stream: S) -> Self {
        Self { stream, received: Vec::new() }
    }

    pub(super) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        soon(self.stream.write_all(bytes.as_ref())).await.unwrap();
    }

    /// Sends a GET.
    pub(super) async fn get(&mut self, path: &str) {
        self.send(format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n")).await;
    }

    /// Sends a GET and reads its answer.
    pub(super) async fn got(&mut self, path: &str) -> Got {
        self.get(path).await;
        self.answer().await
    }

    /// Reads a response with a Content-Length.
    pub(super) async fn answer(&mut self) -> Got {
        let head = self.head().await;
        let length = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "))
            .map_or(0, |length| length.parse().unwrap());
        while self.received.len() < length {
            assert!(self.more().await > 0, "closed in the content after {head}");
        }
        let content = String::from_utf8(self.received.drain(..length).collect()).unwrap();
        Got { status: head[9..12].parse().unwrap(), head, content }
    }

    /// Reads a response's head.
    pub(super) async fn head(&mut self) -> String {
        loop {
            if let Some(end) = self.received.windows(4).position(|four| four == b"\r\n\r\n") {
                return String::from_utf8(self.received.drain(..end + 4).collect()).unwrap();
            }
            assert!(
                self.more().await > 0,
                "closed in a head: {:?}",
                String::from_utf8_lossy(&self.received)
            );
        }
    }

    /// Reads on to the end of the stream: what came, and whether the end was an orderly one.
    pub(super) async fn rest(&mut self) -> (String, bool) {
        let orderly = loop {
            let mut buffer = [0; 4096];
            match soon(self.stream.read(&mut buffer)).await {
                Ok(0) => break true,
                Ok(count) => self.received.extend_from_slice(&buffer[..count]),
                Err(_) => break false,
            }
        };
        (String::from_utf8(std::mem::take(&mut self.received)).unwrap(), orderly)
    }

    /// What has come and was not asked for yet.
    pub(super) fn received(&self) -> &[u8] {
        &self.received
    }

    /// Waits for the end of the stream, before which nothing comes.
    pub(super) async fn is_closed(&mut self) {
        assert_eq!(self.rest().await, (String::new(), true));
    }

    async fn more(&mut self) -> usize {
        soon(self.stream.read_buf(&mut self.received)).await.unwrap()
    }
}
