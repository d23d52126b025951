//! The other replicas: those that share one Redis, and behave like one cache.
//!
//! What they share is a *log* of purges, in one order: [`Log`]. Each of them follows it ([`Follower`], which decides what to
//! ask next and what an answer means, and neither waits nor knows Redis) and purges what the log says ([`Replica`]).

mod follower;
mod history;
pub mod leases;
mod log;
mod question;
mod receipt;
mod replica;
mod wire;

#[cfg(test)]
pub(crate) mod simulated;
#[cfg(test)]
mod tests;

pub use follower::{Follower, Met};
pub use leases::{Lease, Leases, Taken};
pub use log::{Events, Log};
pub use question::{Answer, Joined, Numbered, Place, Question};
pub use receipt::Receipt;
pub use replica::Replica;
