//! The server on loopback, in front of a small site, talked to over raw sockets.

mod bench;
mod drain;
mod exchanges;
mod limits;
mod silence;
mod tunnels;
