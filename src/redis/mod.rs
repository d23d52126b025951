//! The one link to Redis: every deadline is ours, and nobody waits for a Redis that does not answer.
//!
//! [`Link`] is all that others see: they ask it a [`Command`] or have it run a [`Script`], on behalf of an
//! [`Operation`], and get a [`Reply`] or [`Trouble`] within the configured time. Its client library stays in here.

mod command;
mod link;
mod operation;
mod reply;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use self::command::{Command, Script};
pub use self::link::{Link, Message};
pub use self::operation::Operation;
pub use self::reply::{Reply, Trouble};

use std::time::Duration;

/// `[redis]`, as the link needs it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where it is: a URL, with credentials if it needs any.
    pub url: String,
    /// What every key begins with.
    pub prefix: String,
    /// How long any answer is awaited.
    pub timeout: Duration,
    /// Connections for values, and as many for limits.
    pub connections: usize,
}
