//! One connection to a server. The one user of hyper's client.
//!
//! Nobody polls a connection but the request that uses it: no task of its own, no channel, no wake-up on the way from
//! the upstream's socket to the client's. While it is idle nobody polls it at all; what happened to it meanwhile is
//! found out when it is taken out of the pool, by looking into the socket.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use http::{HeaderMap, Request, Response, StatusCode};
pub(super) use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use super::attempt::Unanswered;
use super::failure::Failure;
use super::socket::{Socket, SocketState};
use super::stream::Stream;
use crate::body::{Body, Duplex};
use crate::clock::Timestamp;

/// The longest response head, in bytes.
const MAX_HEAD: usize = 64 * 1024;
const MAX_FIELDS: usize = 100;

type Driver = Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>;

/// A connection with nothing under way on it.
pub(super) struct Connection {
    sender: http1::SendRequest<Body>,
    /// hyper's half of it: reads and writes, and knows nothing of us. `None` once it has ended.
    driver: Option<Driver>,
    socket: Arc<SocketState>,
    /// True once it has carried an exchange: the server may close it at any moment.
    pub(super) reused: bool,
    /// When it became idle.
    pub(super) idle_since: Timestamp,
}

impl Connection {
    /// HTTP on an established `stream`.
    pub(super) async fn open(stream: Stream, now: Timestamp) -> Result<Self, Failure> {
        let state = Arc::new(SocketState::default());
        let socket = TokioIo::new(Socket { stream, state: Arc::clone(&state) });
        let handshake = http1::Builder::new()
            .max_buf_size(MAX_HEAD)
            .max_headers(MAX_FIELDS)
            .handshake(socket)
            .await
            .map_err(|_| Failure::ConnectFailed)?;
        let (sender, driver) = handshake;
        Ok(Self {
            sender,
            driver: Some(Box::pin(driver.with_upgrades())),
            socket: state,
            reused: false,
            idle_since: now,
        })
    }

    /// True when the server has neither closed it nor sent anything unasked: looks into the socket itself, because the
    /// reactor may not have heard of it yet.
    pub(super) fn is_sound(&mut self) -> bool {
        self.socket.probe.store(true, Ordering::Relaxed);
        let ended = poll_driver(&mut self.driver, &mut Context::from_waker(Waker::noop()));
        self.socket.probe.store(false, Ordering::Relaxed);
        !ended && self.sender.is_ready()
    }

    /// Sends `request` and waits for the response's head, as long as the server is not silent for `timeout`: while the
    /// request is still being taken, it is not.
    pub(super) async fn exchange(
        mut self,
        request: Request<Body>,
        timeout: Duration,
    ) -> Result<(Response<Incoming>, Self), Unanswered> {
        self.socket.heard.store(false, Ordering::Relaxed);
        let answer = {
            let mut sending = std::pin::pin!(self.sender.try_send_request(request));
            let mut timer = std::pin::pin!(tokio::time::sleep(timeout));
            let mut taken = self.socket.taken.load(Ordering::Relaxed);
            let (driver, socket) = (&mut self.driver, &self.socket);
            poll_fn(|cx| {
                if let Poll::Ready(answer) = sending.as_mut().poll(cx) {
                    return Poll::Ready(Some(answer));
                }
                // The answer may have come with this very poll. Once the driver has ended there is one: if it was too
                // late for the request, the request itself.
                poll_driver(driver, cx);
                if let Poll::Ready(answer) = sending.as_mut().poll(cx) {
                    return Poll::Ready(Some(answer));
                }
                while timer.as_mut().poll(cx).is_ready() {
                    let now_taken = socket.taken.load(Ordering::Relaxed);
                    if taken == now_taken {
                        return Poll::Ready(None);
                    }
                    taken = now_taken;
                    timer.set(tokio::time::sleep(timeout));
                }
                Poll::Pending
            })
            .await
        };
        let Some(answer) = answer else {
            return Err(Unanswered::after_sending(Failure::ResponseTimeout));
        };
        match answer {
            Ok(response) => Ok((response, self)),
            Err(mut error) => {
                let unsent = error.take_message().map(Box::new);
                let silent = !self.socket.heard.load(Ordering::Relaxed);
                Err(Unanswered {
                    failure: failure_of(error.error()),
                    silent,
                    reused: self.reused,
                    unsent,
                })
            }
        }
    }

    /// Gives the connection over to whatever the 101 in `response` switched to.
    pub(super) async fn upgrade(
        self,
        response: &mut Response<Incoming>,
    ) -> Result<Box<dyn Duplex>, Failure> {
        let upgraded = hyper::upgrade::on(response);
        let Self { sender, driver, .. } = self;
        if let Some(driver) = driver {
            tokio::spawn(async move {
                // Ends by itself as soon as the connection is handed over.
                let _held = sender;
                let _ = driver.await;
            });
        }
        let upgraded = upgraded.await.map_err(|_| Failure::BadResponse)?;
        Ok(Box::new(TokioIo::new(upgraded)))
    }

    /// Lets hyper read and write what it can; how that ends is seen through the request or the body.
    pub(super) fn drive(&mut self, cx: &mut Context<'_>) {
        poll_driver(&mut self.driver, cx);
    }

    /// True when the last exchange is over in both directions and another may begin.
    pub(super) fn is_free(&mut self, cx: &mut Context<'_>) -> bool {
        for _ in 0..2 {
            if poll_driver(&mut self.driver, cx) {
                return false;
            }
            if let Poll::Ready(ready) = self.sender.poll_ready(cx) {
                return ready.is_ok();
            }
        }
        false
    }
}

/// Lets hyper read and write what it can. True once it has ended; it is dropped then, and with it what it still holds.
fn poll_driver(driver: &mut Option<Driver>, cx: &mut Context<'_>) -> bool {
    if driver.as_mut().is_some_and(|driver| driver.as_mut().poll(cx).is_ready()) {
        *driver = None;
    }
    driver.is_none()
}

/// What a failure of hyper's client means to us.
fn failure_of(error: &hyper::Error) -> Failure {
    if error.is_parse() || error.is_parse_status() || error.is_parse_too_large() {
        Failure::BadResponse
    } else {
        Failure::ConnectionLost
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("reused", &self.reused).finish_non_exhaustive()
    }
}

/// Calls `then` for each interim response to this request.
pub(super) fn on_interim(
    request: &mut Request<Body>,
    then: impl Fn(StatusCode, &HeaderMap) + Send + Sync + 'static,
) {
    hyper::ext::on_informational(request, move |interim| then(interim.status(), interim.headers()));
}

/// True for a response that has no content, whatever comes behind its head, and whose Content-Length, if any, speaks of
/// nothing (RFC 9110 §8.6, §15.3.5, §15.3.6).
pub(super) fn never_has_content(status: StatusCode) -> bool {
    matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT)
        || status.is_informational()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    #[tokio::test]
    async fn a_request_that_was_not_taken_comes_back() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let now = Timestamp::from_secs(1);
        let mut connection = Connection::open(Stream::Tcp(stream), now).await.unwrap();
        let driver = connection.driver.take();
        let ended = poll_fn(move |_| {
            let _held = &driver;
            Poll::Ready(Ok(()))
        });
        connection.driver = Some(Box::pin(ended));
        let request = Request::new(Body::from(Bytes::from_static(b"content")));
        let Err(unanswered) = connection.exchange(request, Duration::MAX).await else {
            panic!("nobody answers");
        };
        assert!(unanswered.unsent.is_some());
    }
}
