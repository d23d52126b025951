//! One connection, from its first byte to its last.
//!
//! It is a task of its own: first HTTP's, with the deadlines of [`Watch`] around it; then, if there is anything left to do,
//! a tunnel, or the quiet end of a connection whose peer is still sending.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Response, StatusCode, Version};
use hyper::upgrade::OnUpgrade;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::Sleep;

use crate::body::{Body, TunnelEnd};
use crate::clock::Timestamp;
use crate::identity::peer::Peer;
use crate::respond::synthetic::refusal;
use crate::semantics::date;

use super::activity::{Activity, Phase, Snapshot};
use super::exchange::Service;
use super::interim::Slot;
use super::io::{Io, Stream};
use super::socket::Lookout;
use super::speech::{Silence, Speech};
use super::watch::{Due, Overdue, Watch};
use super::workers::Place;
use super::{Common, Conduct, Handler, Limits, tunnel};

/// How long a peer that is still sending is listened to after the last answer.
const LINGER: Duration = Duration::from_secs(2);

/// What the parts of one connection have in common.
pub(super) struct Shared {
    pub(super) activity: Activity,
    pub(super) interim: Slot,
    pub(super) peer: Arc<Peer>,
    pub(super) server: Arc<Common>,
    conduct: Arc<Conduct>,
    /// The last request was made in HTTP/1.0.
    is_old: AtomicBool,
    tunnel: Mutex<Option<(OnUpgrade, TunnelEnd)>>,
}

impl Shared {
    /// What the peer may cost.
    pub(super) fn limits(&self) -> &Limits {
        &self.conduct.settings.limits
    }

    /// The answer to a request whose handler panicked.
    pub(super) fn answer_panic(&self) -> Response<Body> {
        self.server.events.panicked(&self.peer);
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        let mut response = refusal(status, "internal-error", None, false);
        self.server.events.dress(response.headers_mut());
        response
    }

    /// Notes the version of the request that begins.
    pub(super) fn set_version(&self, version: Version) {
        self.is_old.store(version < Version::HTTP_11, Ordering::Relaxed);
    }

    /// Keeps `end` until hyper has written the 101 and lets go of the connection.
    pub(super) fn set_tunnel(&self, promise: OnUpgrade, end: TunnelEnd) {
        *self.tunnel.lock().unwrap_or_else(PoisonError::into_inner) = Some((promise, end));
    }

    fn take_tunnel(&self) -> Option<(OnUpgrade, TunnelEnd)> {
        self.tunnel.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("activity", &self.activity)
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

/// A connection's task. It ends when the connection does, or when a drain cuts it.
pub(super) struct Connection<S: Stream, H: Handler> {
    stage: Stage<S, H>,
    place: Place,
    is_registered: bool,
}

/// What is left of a connection when HTTP is over.
type Sequel = Pin<Box<dyn Future<Output = ()> + Send>>;

// HTTP is what a connection is about: it stays where it is, and what comes after is put aside.
#[allow(clippy::large_enum_variant)]
enum Stage<S: Stream, H: Handler> {
    Http(Http<S, H>),
    Sequel(Sequel),
}

impl<S: Stream, H: Handler> Connection<S, H> {
    pub(super) fn new(stream: S, peer: Peer, handler: H, place: Place) -> Self {
        let server = &place.server;
        let shared = Arc::new(Shared {
            activity: Activity::default(),
            interim: Slot::default(),
            peer: Arc::new(peer),
            server: Arc::clone(server),
            conduct: server.conduct.load_full(),
            is_old: AtomicBool::new(false),
            tunnel: Mutex::new(None),
        });
        let lookout = stream.lookout();
        let io = Io::new(stream, Arc::clone(&shared));
        let service = Service { handler, shared: Arc::clone(&shared) };
        let http = Http {
            speech: Speech::Rests(Silence { io, service }),
            shared,
            lookout,
            watch: Watch::new(),
            timer: Box::pin(tokio::time::sleep(Duration::ZERO)),
            armed: None,
            quiet: None,
        };
        Self { stage: Stage::Http(http), place, is_registered: false }
    }
}

#[cfg(test)]
impl<S: Stream, H: Handler> Connection<S, H> {
    /// True while hyper holds nothing for it.
    pub(super) fn rests(&self) -> bool {
        matches!(&self.stage, Stage::Http(Http { speech: Speech::Rests(_), .. }))
    }
}

impl<S: Stream, H: Handler> Future for Connection<S, H> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if !this.is_registered {
            // Once is enough: the waker of a task is the same throughout.
            this.place.member.wake_by(cx.waker());
            this.is_registered = true;
        }
        if this.place.member.is_cut() {
            if let Stage::Http(http) = &this.stage {
                http.tear();
            }
            return Poll::Ready(());
        }
        loop {
            match &mut this.stage {
                Stage::Sequel(sequel) => return sequel.as_mut().poll(cx),
                Stage::Http(http) => match http.poll(cx, this.place.member.is_draining()) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(None) => return Poll::Ready(()),
                    Poll::Ready(Some(sequel)) => this.stage = Stage::Sequel(sequel),
                },
            }
        }
    }
}

/// The time in which a connection speaks HTTP.
struct Http<S: Stream, H: Handler> {
    speech: Speech<S, H>,
    shared: Arc<Shared>,
    lookout: Lookout,
    watch: Watch,
    /// Set again only when it went off too early or would go off too late, so that most requests do not touch it.
    timer: Pin<Box<Sleep>>,
    /// When the timer goes off.
    armed: Option<Timestamp>,
    /// The exchange, and the bytes written, when the timer last went off during an exchange.
    quiet: Option<(u32, u64)>,
}

impl<S: Stream, H: Handler> Http<S, H> {
    /// Ready when no more HTTP will be spoken, with what is left to do.
    fn poll(&mut self, cx: &mut Context<'_>, draining: bool) -> Poll<Option<Sequel>> {
        let (mut insisted, mut resumed) = (false, false);
        loop {
            let http = &self.shared.conduct.http;
            if let Poll::Ready(ended) = self.speech.poll(http, &self.lookout, cx) {
                return Poll::Ready(self.ended(ended));
            }
            let snapshot = self.shared.activity.snapshot();
            // hyper reads nothing now, so it would not hear of it. Whatever only this client waits for is dropped.
            if snapshot.is_at_work()
                && (self.lookout.poll_lost(cx).is_ready() || self.is_left(snapshot, cx))
            {
                self.tear();
                return Poll::Ready(None);
            }
            let shared = &self.shared;
            match self.watch.look(snapshot, draining, shared.limits(), &shared.server.clock) {
                Due::Never => return Poll::Pending,
                Due::At(at, left) => {
                    if self.is_armed_until(at, left, cx) {
                        return Poll::Pending;
                    }
                }
                Due::Now(Overdue::Stalled) if !insisted => {
                    insisted = true;
                    self.shared.activity.insist();
                }
                Due::Now(Overdue::Silent) => self.rest(),
                // The bytes that keep it are in the socket. The runtime has yet to hear of them, and will wake us.
                Due::Now(Overdue::Drained) if resumed => return Poll::Pending,
                Due::Now(overdue) => match self.overdue(overdue) {
                    Poll::Ready(sequel) => return Poll::Ready(sequel),
                    Poll::Pending => resumed = true,
                },
            }
        }
    }

    /// True when a peer that has said all it will ever say has been sent nothing for an idle timeout, and twice that at
    /// most. It may be waiting for a slow answer; more likely it has gone, and cannot be told from one that waits before
    /// something is sent to it. The timer tells the time, so that no clock is read here.
    fn is_left(&mut self, snapshot: Snapshot, cx: &mut Context<'_>) -> bool {
        while self.timer.as_mut().poll(cx).is_ready() {
            let now = Some((snapshot.exchanges, self.shared.activity.written()));
            if self.quiet == now && self.lookout.has_heard_all() {
                return true;
            }
            self.quiet = now;
            let idle_timeout = self.shared.limits().idle_timeout;
            self.armed = Some(self.shared.server.clock.now() + idle_timeout);
            self.timer.set(tokio::time::sleep(idle_timeout));
        }
        false
    }

    /// Keeps a response that ends here from looking whole. One of unknown length in HTTP/1.0 ends with the connection.
    fn tear(&self) {
        let is_responding = self.shared.activity.snapshot().phase == Phase::Busy;
        if is_responding && self.shared.is_old.load(Ordering::Relaxed) {
            self.lookout.reset_on_close();
        }
    }

    /// Sees to it that the task is woken at `at`, `left` from now, or before. False when that moment has come.
    fn is_armed_until(&mut self, at: Timestamp, left: Duration, cx: &mut Context<'_>) -> bool {
        let now = at - left;
        if self.armed.is_some_and(|armed| now < armed && armed <= at) {
            return true;
        }
        self.armed = Some(at);
        self.timer.set(tokio::time::sleep(left));
        self.timer.as_mut().poll(cx).is_pending()
    }

    /// A deadline has passed. Pending when the connection is to go on.
    fn overdue(&mut self, overdue: Overdue) -> Poll<Option<Sequel>> {
        // A peer that does not take what was written is told no more.
        if self.shared.activity.snapshot().blocked_at.is_some() {
            self.tear();
            return Poll::Ready(None);
        }
        let Some(silence) = self.speech.take_silence() else { return Poll::Ready(None) };
        // The beginning of a request may have come with the request before it.
        let has_begun = overdue == Overdue::Head || silence.io.has_unread();
        match overdue {
            Overdue::Drained if has_begun || silence.io.has_waiting_bytes() => {
                self.speech = Speech::Rests(silence);
                Poll::Pending
            }
            Overdue::Head | Overdue::Idle if has_begun => {
                Poll::Ready(Some(self.time_out(silence.io)))
            }
            _ => Poll::Ready(None),
        }
    }

    /// Has hyper give back what it holds for a connection on which nothing is said.
    fn rest(&mut self) {
        self.speech = self.speech.take_silence().map_or(Speech::Over, Speech::Rests);
    }

    /// Tells the peer that its head took too long.
    fn time_out(&self, io: Io<S>) -> Sequel {
        let Shared { server, peer, .. } = &*self.shared;
        server.events.refused(peer, StatusCode::REQUEST_TIMEOUT, "head-timeout");
        let date = date::format(server.clock.now());
        let answer = format!(
            "HTTP/1.1 408 Request Timeout\r\ndate: {date}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
        );
        Box::pin(linger(io.into_stream(), Some(answer)))
    }

    /// hyper is done with the connection.
    fn ended(&mut self, ended: hyper::Result<()>) -> Option<Sequel> {
        if ended.is_ok()
            && let Some((promise, end)) = self.shared.take_tunnel()
        {
            return Some(Box::pin(tunnel::run(promise, end, self.shared.server.clock.clone())));
        }
        let io = self.speech.take_silence()?.io;
        match ended {
            Err(error) if error.is_parse() => {
                self.note_malformed(&error);
                Some(Box::pin(linger(io.into_stream(), None)))
            }
            Err(error) => {
                if error.is_user() && self.shared.is_old.load(Ordering::Relaxed) {
                    self.lookout.reset_on_close();
                }
                None
            }
            Ok(()) if self.shared.activity.has_unread_body() => {
                Some(Box::pin(linger(io.into_stream(), None)))
            }
            Ok(()) => None,
        }
    }

    /// Reports a head that hyper could not read and has answered itself.
    fn note_malformed(&self, error: &hyper::Error) {
        let (status, reason) = if error.is_parse_too_large() {
            (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "head-too-large")
        } else {
            (StatusCode::BAD_REQUEST, "head-malformed")
        };
        self.shared.server.events.refused(&self.shared.peer, status, reason);
    }
}

/// Ends a connection whose peer may still be sending: says what is left to say, and listens for a while.
///
/// RFC 9112 §9.6: "If a server performs an immediate close of a TCP connection, there is a significant risk that the
/// client will not be able to read the last HTTP response."
async fn linger<S: Stream>(mut stream: S, farewell: Option<String>) {
    let parting = async {
        if let Some(farewell) = farewell {
            stream.write_all(farewell.as_bytes()).await?;
        }
        stream.shutdown().await?;
        let mut discarded = [0; 4096];
        while stream.read(&mut discarded).await? > 0 {}
        std::io::Result::Ok(())
    };
    // However it ends, it has ended.
    let _ = tokio::time::timeout(LINGER, parting).await;
}
