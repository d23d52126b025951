//! Who is told how servers are doing.

use std::fmt;
use std::sync::Arc;

use super::server::Server;
use super::server_address::ServerAddress;
use crate::clock::Timestamp;
use crate::counters::UpstreamCounters;

/// What an upstream tells of its servers as it happens.
pub trait Events: Send + Sync + 'static {
    /// A server is healthy from now on, or is not any more; `why` is a kebab-case word.
    fn server_changed(&self, upstream: &str, server: &ServerAddress, healthy: bool, why: &str) {
        let _ = (upstream, server, healthy, why);
    }
}

impl Events for () {}

/// Tells the metrics and the log of every change, and of nothing twice.
pub(super) struct Watch {
    pub(super) upstream: Arc<str>,
    pub(super) counters: Arc<UpstreamCounters>,
    pub(super) events: Arc<dyn Events>,
}

impl Watch {
    /// To be called when something happened to a server, which is `why`.
    pub(super) fn look(&self, server: &Server, why: &dyn fmt::Display, now: Timestamp) {
        server.announce(now, |healthy| {
            self.counters.healthy(&server.address.to_string(), healthy);
            let why = why.to_string();
            self.events.server_changed(&self.upstream, &server.address, healthy, &why);
        });
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("upstream", &self.upstream).finish_non_exhaustive()
    }
}
