//! The other end of a connection: what the socket itself says.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The scheme a connection was opened with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// In clear.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// `http` or `https`, as a URI has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// Whoever opened a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The address the connection came from; an IPv4 address that was mapped into IPv6 is given as IPv4, so that one
    /// client is one client on either kind of listener. That of a Unix socket is loopback, port 0.
    pub address: SocketAddr,
    /// The scheme of the connection.
    pub scheme: Scheme,
    is_unix: bool,
}

impl Peer {
    /// The peer of a TCP connection.
    pub const fn tcp(address: SocketAddr, scheme: Scheme) -> Self {
        let address = SocketAddr::new(address.ip().to_canonical(), address.port());
        Self { address, scheme, is_unix: false }
    }

    /// The peer of a connection over a Unix socket. It has no address; whoever opened the socket was allowed to by its
    /// file's mode.
    pub const fn unix() -> Self {
        let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
        Self { address, scheme: Scheme::Http, is_unix: true }
    }

    /// True when the connection came over a Unix socket. Its address does not tell: a TCP segment can be made to come
    /// from port 0.
    pub const fn is_unix(&self) -> bool {
        self.is_unix
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapped_address_is_the_address_that_was_mapped() {
        let mapped = Peer::tcp("[::ffff:192.0.2.1]:4711".parse().unwrap(), Scheme::Http);
        assert_eq!(mapped, Peer::tcp("192.0.2.1:4711".parse().unwrap(), Scheme::Http));
    }

    #[test]
    fn no_address_passes_for_a_unix_socket() {
        assert!(Peer::unix().is_unix());
        assert!(!Peer::tcp("192.0.2.1:0".parse().unwrap(), Scheme::Http).is_unix());
        assert!(!Peer::tcp(Peer::unix().address, Scheme::Http).is_unix());
    }
}
