//! The one link to Redis: every deadline is ours, and nobody waits for a Redis that does not answer.
//!
//! [`Link`] is all that others see: they ask it a [`Command`] or have it run a [`Script`], on behalf of an
//! [`Operation`], and get a [`Reply`] or [`Trouble`] within the configured time. Its client library stays in here, and
//! does as little as it can: it speaks to one Redis, cluster or Sentinel until the connection is lost. Making the next
//! connection, giving up one that is silent, and leaving Redis alone while it does not answer are done here.
//!
//! ```text
//! ask ─► breaker ── open ────────► Trouble::NotAsked
//!          │
//!          └► lane ─► line ── not connected ─► why
//!                      │
//!                      └► an answer, an error, or Trouble::Timeout ─► breaker learns ─► line is doubted
//!                                                                        ▲
//!                                                     watch: PING every half second
//! ```

mod address;
mod answer;
mod breaker;
mod command;
mod line;
mod link;
mod listener;
mod operation;
mod options;
mod reply;
mod watch;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use self::address::{Address, BadAddress};
pub use self::command::{Command, Script};
pub use self::link::Link;
pub use self::listener::Message;
pub use self::operation::Operation;
pub use self::reply::{Reply, Trouble};
pub use self::watch::Events;

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use crate::clock::Clock;
use crate::counters::RedisCounters;
use crate::trust::Authorities;

/// `[redis]`, as the link needs it.
#[derive(Clone)]
pub struct Settings {
    /// Where it is: a URL as [`Address`] takes it, with credentials if it needs any.
    pub url: String,
    /// What every key begins with.
    pub prefix: String,
    /// How long any answer is awaited.
    pub timeout: Duration,
    /// Connections for values, and as many for limits.
    pub connections: usize,
}

/// What is around the link.
pub struct Around {
    /// Tells it the time.
    pub clock: Clock,
    /// Is told what becomes of it.
    pub events: Arc<dyn Events>,
    /// Where it is counted.
    pub counters: Option<Arc<RedisCounters>>,
    /// Who vouches for servers that speak TLS.
    pub authorities: Option<Authorities>,
    /// Where requests are served, each a thread of its own: connections for values and limits are driven there in turn, so
    /// that most requests are answered without waking another thread. None: where the link is started.
    pub runtimes: Vec<Handle>,
}

impl Default for Around {
    /// Nobody listens, and nobody is believed.
    fn default() -> Self {
        Self {
            clock: Clock::system(),
            events: Arc::new(()),
            counters: None,
            authorities: None,
            runtimes: Vec::new(),
        }
    }
}
