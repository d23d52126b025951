//! What the server tells of its connections, counted and written down.

use std::io;
use std::sync::Arc;

use http::{Method, StatusCode};

use crate::clock::Clock;
use crate::counters::{Counters, Outcome, RouteCounters};
use crate::identity::peer::Peer;
use crate::journal::{Journal, Level, Value};
use crate::server::Events;

pub(super) struct Observer {
    counters: Arc<Counters>,
    /// Requests that never got as far as a route.
    unrouted: Arc<RouteCounters>,
    journal: Journal,
    clock: Clock,
}

impl Observer {
    pub(super) fn new(counters: &Arc<Counters>, journal: &Journal, clock: &Clock) -> Self {
        let unrouted = counters.route("none");
        Self {
            counters: Arc::clone(counters),
            unrouted,
            journal: journal.clone(),
            clock: clock.clone(),
        }
    }
}

impl Events for Observer {
    fn opened(&self) {
        self.counters.connection_opened();
    }

    fn closed(&self) {
        self.counters.connection_closed();
    }

    fn refused(&self, peer: &Peer, status: StatusCode, reason: &'static str) {
        let unknown = Method::CONNECT;
        self.unrouted.request(
            &unknown,
            status.as_u16(),
            Outcome::Refused,
            std::time::Duration::ZERO,
        );
        let client = peer.address.ip().to_string();
        let fields = [
            ("client", Value::Str(&client)),
            ("status", Value::Int(i64::from(status.as_u16()))),
            ("outcome", Value::Str(Outcome::Refused.as_str())),
            ("error", Value::Str(reason)),
        ];
        self.journal.access(self.clock.now(), &fields);
    }

    fn panicked(&self, peer: &Peer) {
        let client = peer.address.ip().to_string();
        self.journal.write(
            self.clock.now(),
            Level::Error,
            "a handler panicked",
            &[("client", Value::Str(&client))],
        );
    }

    fn accept_failed(&self, error: &io::Error) {
        let message = format!("cannot accept a connection: {error}");
        self.journal.write(self.clock.now(), Level::Error, &message, &[]);
    }
}
