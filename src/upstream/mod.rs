//! Origin servers: who they are, how a request gets to one of them, and what comes back.

mod addresses;
mod attempt;
mod connection;
mod expect;
mod failure;
mod request;
mod response_body;
mod server;
mod socket;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Response};

use crate::body::{Body, Interim};
use crate::clock::{Clock, Timestamp};
use crate::counters::UpstreamCounters;

use attempt::{Attempts, Unanswered};
use server::Server;

pub use failure::Failure;
pub use request::{PSEUDONYM, Via, outgoing_fields};
pub use server::ServerAddress;

/// An upstream as configured.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its servers, one at least.
    pub servers: Vec<ServerAddress>,
    /// The Host they see.
    pub host: HostField,
    /// How long things may take, where the route does not say.
    pub timeouts: Timeouts,
    /// Connections in use at once, for each server.
    pub max_connections: usize,
    /// Idle connections that are kept for each server.
    pub idle_connections: usize,
    /// How long an idle connection is kept.
    pub idle_timeout: Duration,
}

/// The Host field that the servers see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostField {
    /// The client's.
    Client,
    /// The server's own name.
    Server,
    /// This one.
    Name(HeaderValue),
}

/// How long the parts of an exchange may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// To an established connection.
    pub connect: Duration,
    /// To the last byte of the response's head.
    pub response: Duration,
    /// Between two reads of the response's body.
    pub read: Duration,
    /// To a free connection, where all are in use.
    pub queue: Duration,
    /// Without a byte in either direction of an upgraded connection.
    pub upgrade_idle: Duration,
}

/// A request on its way to the upstream.
#[derive(Debug)]
pub struct Forward {
    /// The method.
    pub method: Method,
    /// The request target in origin form.
    pub target: PathAndQuery,
    /// The fields, made by [`outgoing_fields`].
    pub fields: HeaderMap,
    /// The content.
    pub body: Body,
    /// The content's length, where it is known.
    pub content_length: Option<u64>,
    /// Whether the client waits for a 100 before it sends its content.
    pub expects_continue: bool,
    /// What the client asks the connection to be switched to.
    pub upgrade: Option<HeaderValue>,
    /// Where interim responses go.
    pub interim: Option<Interim>,
    /// What the route waits for.
    pub timeouts: Timeouts,
}

/// A response from the upstream: its final head, stripped of what concerned the connection it came on, and its body as
/// it comes.
#[derive(Debug)]
pub struct Forwarded {
    /// The response.
    pub response: Response<Body>,
    /// When the request was sent.
    pub request_time: Timestamp,
    /// When the head had come.
    pub response_time: Timestamp,
    /// True when the end of the connection is the only sign that the body is whole.
    pub until_close: bool,
}

/// A group of servers that answer alike.
#[derive(Debug)]
pub struct Upstream {
    settings: Settings,
    servers: Vec<Arc<Server>>,
    /// Where the search for the least busy server begins.
    turn: AtomicUsize,
    clock: Clock,
    counters: Arc<UpstreamCounters>,
}

impl Upstream {
    /// An upstream with no connection made yet.
    pub fn new(settings: Settings, clock: Clock, counters: Arc<UpstreamCounters>) -> Self {
        let servers: Vec<_> = settings
            .servers
            .iter()
            .map(|address| Arc::new(Server::new(address.clone(), settings.max_connections)))
            .collect();
        counters.servers(servers.iter().map(|server| server.address.to_string()));
        for server in &servers {
            counters.healthy(&server.address.to_string(), true);
        }
        Self { settings, servers, turn: AtomicUsize::new(0), clock, counters }
    }

    /// What holds where a route does not say otherwise.
    pub const fn timeouts(&self) -> Timeouts {
        self.settings.timeouts
    }

    /// Each server and whether it is used.
    pub fn servers(&self) -> Vec<(String, bool)> {
        let now = self.clock.now();
        self.servers
            .iter()
            .map(|server| {
                let used = self.servers.len() == 1 || !server.is_ejected(now);
                (server.address.to_string(), used)
            })
            .collect()
    }

    /// Closes idle connections whose time is over or that are too many; to be called once a second or so.
    pub fn close_outworn(&self) {
        for server in &self.servers {
            let Settings { idle_connections, idle_timeout, .. } = self.settings;
            server.close_outworn(idle_connections, idle_timeout, self.clock.now());
        }
    }

    /// Sends a request to a server and waits for the response's head.
    ///
    /// Sent a second time only where that is safe: to a server that never got it, or, if it is idempotent and without
    /// content, when the connection was lost before a byte of the response came (RFC 9110 §9.2.2).
    ///
    /// # Errors
    /// [`Failure`], with nothing of a response received.
    pub async fn forward(&self, forward: Forward) -> Result<Forwarded, Failure> {
        let began = self.clock.now();
        let outcome = self.send(forward).await;
        let took = self.clock.now().saturating_since(began);
        self.counters
            .request(outcome.as_ref().ok().map(|forwarded| forwarded.response.status().as_u16()));
        if outcome.is_ok() {
            self.counters.duration(took);
        }
        outcome
    }

    async fn send(&self, forward: Forward) -> Result<Forwarded, Failure> {
        let queue_timeout = forward.timeouts.queue;
        let mut attempts = Attempts::new(forward);
        let mut tried = Vec::new();
        let mut fresh = false;
        loop {
            let server = self.choose(&tried)?;
            let permit = server.admit(queue_timeout).await?;
            let Unanswered { failure, silent, reused, unsent } =
                match attempts.make(self, server, permit, fresh).await {
                    Ok(forwarded) => return Ok(forwarded),
                    Err(unanswered) => unanswered,
                };
            // Nothing sent, or nothing heard of what may be sent twice.
            let again = match unsent {
                Some(request) => Some(*request),
                None if silent && failure == Failure::ConnectionLost => attempts.take_spare(),
                None => None,
            };
            // An idle connection that was closed under our hands tells nothing of its server: the next is a new one.
            if reused && !fresh {
                fresh = true;
            } else {
                tried.push(server.address.clone());
            }
            match again {
                Some(request) if tried.len() < self.servers.len() => attempts.again(request),
                _ => return Err(failure),
            }
        }
    }

    /// The least busy server that has not been tried; ejected ones only when there is no other.
    fn choose(&self, tried: &[ServerAddress]) -> Result<&Arc<Server>, Failure> {
        if let [only] = self.servers.as_slice() {
            return Ok(only);
        }
        let now = self.clock.now();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        (0..self.servers.len())
            .filter_map(|offset| self.servers.get(turn.wrapping_add(offset) % self.servers.len()))
            .min_by_key(|server| {
                (tried.contains(&server.address), server.is_ejected(now), server.load())
            })
            .ok_or(Failure::Unresolved)
    }
}

/// True for server-sent events, which are silent for as long as nothing happens.
pub fn is_event_stream(fields: &HeaderMap) -> bool {
    let content_type = fields.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    content_type.get(..17).is_some_and(|kind| kind.eq_ignore_ascii_case(b"text/event-stream"))
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, server) in self.servers.iter().enumerate() {
            write!(f, "{}http://{}", if index == 0 { "" } else { ", " }, server.address)?;
        }
        Ok(())
    }
}
