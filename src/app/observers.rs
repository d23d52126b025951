//! What the server tells of its connections, and an upstream of its servers, counted and written down.

use std::io;
use std::sync::Arc;

use http::{HeaderMap, Method, StatusCode};

use crate::clock::Clock;
use crate::counters::{Counters, Outcome, RouteCounters};
use crate::identity::peer::Peer;
use crate::journal::{Journal, Level, Value};
use crate::redis::{self, Trouble};
use crate::server;
use crate::service::Service;
use crate::upstream::{self, ServerAddress};

pub(super) struct Observer {
    counters: Arc<Counters>,
    /// Requests that never got as far as a route.
    unrouted: Arc<RouteCounters>,
    service: Arc<Service>,
}

impl Observer {
    pub(super) fn new(counters: &Arc<Counters>, service: &Arc<Service>) -> Self {
        let unrouted = counters.route("none");
        Self { counters: Arc::clone(counters), unrouted, service: Arc::clone(service) }
    }
}

impl server::Events for Observer {
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
        self.service.journal.access(self.service.clock.now(), &fields);
    }

    fn panicked(&self, peer: &Peer) {
        let client = peer.address.ip().to_string();
        let fields = [("client", Value::Str(&client))];
        self.write(Level::Error, "a handler panicked", &fields);
    }

    fn accept_failed(&self, error: &io::Error) {
        let message = format!("cannot accept a connection: {error}");
        self.write(Level::Error, &message, &[]);
    }

    fn dress(&self, fields: &mut HeaderMap) {
        self.service.rulebook.load().policy.fallback().response_fields.apply(fields);
    }
}

impl Observer {
    fn write(&self, level: Level, message: &str, fields: &[(&'static str, Value<'_>)]) {
        self.service.journal.write(self.service.clock.now(), level, message, fields);
    }
}

/// Writes down how servers of upstreams do, and Redis.
pub(super) struct Reporter {
    journal: Journal,
    clock: Clock,
}

impl Reporter {
    pub(super) fn new(journal: &Journal, clock: &Clock) -> Self {
        Self { journal: journal.clone(), clock: clock.clone() }
    }
}

impl upstream::Events for Reporter {
    fn server_changed(&self, upstream: &str, server: &ServerAddress, healthy: bool, why: &str) {
        let (level, message) = match healthy {
            true => (Level::Info, "a server is healthy again"),
            false => (Level::Warn, "a server is unhealthy"),
        };
        let server = server.to_string();
        let fields = [
            ("upstream", Value::Str(upstream)),
            ("server", Value::Str(&server)),
            ("reason", Value::Str(why)),
        ];
        self.journal.write(self.clock.now(), level, message, &fields);
    }
}

impl redis::Events for Reporter {
    fn lost(&self, why: Trouble) {
        let fields = [("reason", Value::Str(why.as_str()))];
        let message = "Redis does not answer; going on without it";
        self.journal.write(self.clock.now(), Level::Warn, message, &fields);
    }

    fn found(&self) {
        self.journal.write(self.clock.now(), Level::Info, "Redis answers", &[]);
    }
}
