//! Sockets in, for any handler: accepting, limits on what a peer may cost, tunnels, and ending without losing a request.
//!
//! hyper reads and writes HTTP. What it leaves open is decided here: how long a peer may be silent ([`Limits`]), which
//! requests could be read in two ways and are refused, and how a connection ends.

mod accept;
mod activity;
mod connection;
mod drain;
mod exchange;
mod interim;
mod io;
mod listener;
mod socket;
mod speech;
#[cfg(test)]
mod tests;
mod tunnel;
mod upload;
mod watch;
mod workers;

pub use listener::{Listener, bind, bind_unix};

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use http::{HeaderMap, Request, StatusCode};
use hyper::server::conn::http1;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use crate::body::{Answer, Body};
use crate::clock::Clock;
use crate::identity::peer::Peer;
use crate::semantics::target::Target;

use drain::Drain;
use workers::Workers;

/// What answers requests, each told what it is for; the answer to one that asks for an upgrade may be a 101 that carries a [`Tunnel`](crate::body::Tunnel) there.
pub trait Handler:
    Fn(Request<Body>, Target, &Arc<Peer>) -> Answer + Clone + Send + Sync + Unpin + 'static
{
}

impl<H: Fn(Request<Body>, Target, &Arc<Peer>) -> Answer + Clone + Send + Sync + Unpin + 'static>
    Handler for H
{
}

/// How a server is run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What a peer may cost.
    pub limits: Limits,
    /// How long a drain waits for what was begun.
    pub drain_timeout: Duration,
}

/// What an unknown peer may cost.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections at once. More wait to be accepted.
    pub connections: usize,
    /// For a whole head, from its first byte, and for the first byte of a new connection.
    pub header_timeout: Duration,
    /// Between requests.
    pub idle_timeout: Duration,
    /// In which an upload, or a reader, has to move a kibibyte.
    pub stall_timeout: Duration,
    /// Bytes of a request's head.
    pub request_head: usize,
}

/// What whoever runs a server is told. Called from within the server, so that none of these may block.
pub trait Events: Send + Sync + 'static {
    /// A connection was accepted.
    fn opened(&self) {}

    /// A connection has ended.
    fn closed(&self) {}

    /// A request was refused before a handler saw it; `reason` is a word in kebab-case.
    fn refused(&self, _peer: &Peer, _status: StatusCode, _reason: &'static str) {}

    /// Gives the response that the server itself makes what every response has.
    fn dress(&self, _fields: &mut HeaderMap) {}

    /// A handler panicked; its client got a 500, or, if it was the response's body that did, half a response.
    fn panicked(&self, _peer: &Peer) {}

    /// Accepting failed for want of something, most likely open files; told once a second at most.
    fn accept_failed(&self, _error: &std::io::Error) {}
}

/// Tells nobody.
impl Events for () {}

/// A server: accepts connections, and has them served by its workers. Clones are the same server.
#[derive(Clone)]
pub struct Server<H> {
    handler: H,
    common: Arc<Common>,
}

/// What all connections of a server have in common.
struct Common {
    conduct: ArcSwap<Conduct>,
    clock: Clock,
    events: Arc<dyn Events>,
    drain: Drain,
    slots: Arc<Semaphore>,
    workers: Workers,
}

/// How connections are conducted. Each keeps to what held when it was accepted.
struct Conduct {
    settings: Settings,
    http: http1::Builder,
}

impl Conduct {
    fn new(settings: Settings) -> Self {
        Self { http: http(&settings.limits), settings }
    }
}

impl<H: Handler> Server<H> {
    /// A server that has `handler` answer, and spawns each connection on whichever of `workers` has the fewest.
    pub fn new(
        handler: H,
        settings: Settings,
        clock: Clock,
        events: Arc<dyn Events>,
        workers: Vec<Handle>,
    ) -> Self {
        let slots =
            Arc::new(Semaphore::new(settings.limits.connections.min(Semaphore::MAX_PERMITS)));
        let conduct = ArcSwap::from_pointee(Conduct::new(settings));
        let workers = Workers::new(workers);
        let drain = Drain::new();
        Self { handler, common: Arc::new(Common { conduct, clock, events, drain, slots, workers }) }
    }

    /// Has the connections accepted from now on treated by these `settings`. How many there may be at once stays as it is.
    pub fn adopt(&self, settings: Settings) {
        self.common.conduct.store(Arc::new(Conduct::new(settings)));
    }

    /// Accepts connections until the server drains. May be called for several listeners.
    ///
    /// # Errors
    ///
    /// The listener cannot be watched by the runtime this runs on.
    pub async fn serve(&self, listener: impl Into<Listener>) -> std::io::Result<()> {
        accept::run(&self.handler, &self.common, listener.into()).await
    }

    /// Drains: every request whose first byte has arrived is answered, what takes longer than the drain timeout is cut.
    /// False if anything had to be.
    pub async fn drain(&self) -> bool {
        let drain_timeout = self.common.conduct.load().settings.drain_timeout;
        self.common.drain.within(drain_timeout).await
    }
}

impl<H> fmt::Debug for Server<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("settings", &self.common.conduct.load().settings)
            .finish_non_exhaustive()
    }
}

/// hyper, set up. Never with `pipeline_flush`, which takes away the back-pressure of a client that does not read; and
/// without `max_headers`, whose default of 100 it parses without allocating.
fn http(limits: &Limits) -> http1::Builder {
    const BUFFER: usize = 64 * 1024;
    let mut http = http1::Builder::new();
    http.keep_alive(true)
        // A client that has said all it has to say, like `nc -N`, still gets its answer.
        .half_close(true)
        // Time is kept in `watch`: hyper would set up a timer for every request.
        .header_read_timeout(None)
        .max_header_size(limits.request_head)
        .max_buf_size(BUFFER.max(limits.request_head));
    http
}
