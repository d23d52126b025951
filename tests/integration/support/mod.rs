//! The test bench: the real program, a scripted origin behind it, a raw client before it.

mod client;
mod cluster;
mod file;
mod fleet;
mod forebay;
mod gate;
mod load;
mod origin;
mod redis;
mod relay;
mod reply;
mod secured;
mod sentinel;
mod shared;
pub(crate) mod token;
mod unix;
mod wire;

use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

pub(crate) use client::{Client, Closing, Response};
pub(crate) use cluster::Cluster;
pub(crate) use file::{Version, changing, file, part};
pub(crate) use fleet::{Fleet, HUNDRED};
pub(crate) use forebay::{Directory, Forebay, Launch, run};
pub(crate) use gate::Gate;
pub(crate) use load::{Load, none_failed};
pub(crate) use origin::{Exchange, Origin, Request};
pub(crate) use redis::Redis;
pub(crate) use relay::{Manner, Relay};
pub(crate) use reply::{Reply, fresh, ok};
pub(crate) use secured::{Authority, Certificate, Handshake, Manners, Secured};
pub(crate) use sentinel::Sentinel;
pub(crate) use shared::Shared;
pub(crate) use unix::listen_on;
pub(crate) use wire::{End, Framing, Head};

/// How long anything may take before a test calls it missing. Long, because the machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The Host of every request whose test does not say otherwise.
pub(crate) const HOST: &str = "app.test";

/// Polls until `condition` holds; panics with `what` when it does not within [`PATIENCE`].
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A pause that *is* the stimulus: a peer that does nothing for so long. Never a way to await something.
pub(crate) fn stay_silent(for_so_long: Duration) {
    std::thread::sleep(for_so_long);
}

/// The next answer of each.
#[track_caller]
pub(crate) fn read_all(clients: &mut [Client]) -> Vec<Response> {
    clients.iter_mut().map(Client::read).collect()
}

/// Milliseconds.
pub(crate) const fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// An address on which nobody listens.
pub(crate) fn unused_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Bytes that do not repeat in any way a proxy could fall into step with.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// Text that a coder can make much smaller.
pub(crate) fn prose(length: usize) -> String {
    "The pool of water held ready in front of a power station, just upstream of it. "
        .chars()
        .cycle()
        .take(length)
        .collect()
}
