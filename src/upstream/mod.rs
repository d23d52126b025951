//! Origin servers: who they are, how a request gets to one of them, and what comes back.

mod addresses;
mod alarm;
mod attempt;
mod checks;
mod connection;
mod content;
mod dial;
mod expect;
mod failure;
mod head;
mod health;
mod hearing;
mod request;
mod response_body;
mod sending;
mod server;
mod server_address;
mod settings;
mod stream;
mod tls;
mod upgraded;
mod watch;

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Response};

use crate::body::{Body, Interim};
use crate::clock::{Clock, Timestamp};
use crate::counters::UpstreamCounters;

use attempt::Attempts;
use checks::Checks;
use server::Server;
use tls::Tls;
use watch::Watch;

pub use failure::Failure;
pub use health::HealthSettings;
pub use request::{PSEUDONYM, Via, outgoing_fields};
pub use server_address::ServerAddress;
pub use settings::{HostField, Settings, Timeouts};
pub use tls::TlsFault;
pub use watch::Events;

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
    watch: Arc<Watch>,
    checks: Mutex<Checks>,
}

impl Upstream {
    /// An upstream with no connection made yet. Begins to check its servers where `settings` say so: to be called within a
    /// runtime. Ends with the last request that uses it.
    pub fn start(
        name: &str,
        settings: Settings,
        clock: Clock,
        counters: Arc<UpstreamCounters>,
        events: Arc<dyn Events>,
    ) -> Arc<Self> {
        let (tls, is_alone) =
            (Tls::new(settings.authorities.as_ref()), settings.servers.len() == 1);
        counters.servers(settings.servers.iter().map(ToString::to_string));
        let server = |address: &ServerAddress| {
            counters.healthy(&address.to_string(), true);
            Arc::new(Server::new(address.clone(), &tls, settings.max_connections, is_alone))
        };
        let servers: Vec<_> = settings.servers.iter().map(server).collect();
        let watch = Arc::new(Watch { upstream: name.into(), counters, events });
        let host = match &settings.host {
            HostField::Name(host) => Some(host),
            HostField::Client | HostField::Server => None,
        };
        let checks = Checks::start(&settings.health, &servers, host, &watch, &clock);
        let checks = Mutex::new(checks);
        Arc::new(Self { settings, servers, turn: AtomicUsize::new(0), clock, watch, checks })
    }

    /// What the configuration calls it.
    pub fn name(&self) -> &str {
        &self.watch.upstream
    }

    /// What it was made from: where that is the same again, so is the upstream.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What holds where a route does not say otherwise.
    pub const fn timeouts(&self) -> Timeouts {
        self.settings.timeouts
    }

    /// Each server and whether it is healthy.
    pub fn servers(&self) -> Vec<(String, bool)> {
        let now = self.clock.now();
        self.servers
            .iter()
            .map(|server| (server.address.to_string(), server.is_well(now)))
            .collect()
    }

    /// Gives way to `successor`, if the configuration has another of this name: the requests under way are its last, no
    /// connection is kept for more, its servers are no longer checked, and the metrics forget those that are its alone.
    pub fn retire(&self, successor: Option<&Self>) {
        drop(std::mem::take(&mut *self.checks.lock().unwrap_or_else(PoisonError::into_inner)));
        self.servers.iter().for_each(|server| server.retire());
        if successor.is_none() {
            self.watch.counters.servers(std::iter::empty());
        }
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
        let queue_timeout = forward.timeouts.queue;
        let mut attempts = Attempts::new(forward);
        let outcome = self.send(&mut attempts, queue_timeout).await;
        let counters = &self.watch.counters;
        match &outcome {
            Ok(forwarded) => {
                counters.request(Some(forwarded.response.status().as_u16()));
                counters.duration(forwarded.response_time.saturating_since(began));
            }
            Err(_) => counters.request(None),
        }
        outcome
    }

    async fn send(
        &self,
        attempts: &mut Attempts,
        queue_timeout: Duration,
    ) -> Result<Forwarded, Failure> {
        let mut tried = Vec::new();
        let mut fresh = false;
        loop {
            let server = self.choose(&tried)?;
            let permit = server.admit(queue_timeout).await?;
            let mut unanswered = match attempts.make(self, server, permit, fresh).await {
                Ok(forwarded) => return Ok(forwarded),
                Err(unanswered) => unanswered,
            };
            // An idle connection that was closed under our hands tells nothing of its server: the next is a new one.
            if unanswered.reused && !fresh {
                fresh = true;
            } else {
                tried.push(server.address.clone());
            }
            if tried.len() == self.servers.len() || !attempts.again(&mut unanswered) {
                return Err(unanswered.failure);
            }
        }
    }

    /// The least busy server that has not been tried; one that is not well only when there is no other.
    fn choose(&self, tried: &[ServerAddress]) -> Result<&Arc<Server>, Failure> {
        if let [only] = self.servers.as_slice() {
            return Ok(only);
        }
        let now = self.clock.now();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        (0..self.servers.len())
            .filter_map(|offset| self.servers.get(turn.wrapping_add(offset) % self.servers.len()))
            .min_by_key(|server| {
                (tried.contains(&server.address), !server.is_well(now), server.load())
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
            write!(f, "{}{}", if index == 0 { "" } else { ", " }, server.address)?;
        }
        Ok(())
    }
}
