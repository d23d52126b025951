//! Whom a connection's other end speaks for: itself, unless it is a proxy that the operator trusts.

use std::net::{IpAddr, SocketAddr};

use http::header::{HeaderMap, HeaderName};

use super::networks::Networks;
use super::peer::{Peer, Scheme};
use crate::semantics::fields;

static X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The proxies that are believed, and where they say for whom they ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedProxies {
    /// Their addresses.
    pub networks: Networks,
    /// The one field in which they name the client's address, each behind what it was told.
    pub field: HeaderName,
}

/// Whoever a request is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Client {
    /// Their address; never one that was mapped into IPv6.
    pub address: IpAddr,
    /// The scheme they used.
    pub scheme: Scheme,
    /// Whether a trusted proxy speaks for them.
    pub by_proxy: bool,
}

impl TrustedProxies {
    /// Proxies with these addresses, who name the client's in `field`, or else in X-Forwarded-For.
    pub fn new(networks: Networks, field: Option<HeaderName>) -> Self {
        let field = field.unwrap_or(HeaderName::from_static("x-forwarded-for"));
        Self { networks, field }
    }

    /// The client of a request with these fields, which came from `peer`.
    pub fn client(&self, peer: &Peer, fields: &HeaderMap) -> Client {
        let address = peer.address.ip().to_canonical();
        if self.networks.is_empty() || !self.networks.contains(address) {
            return Client { address, scheme: peer.scheme, by_proxy: false };
        }
        Client {
            address: self.address_behind(address, fields),
            scheme: reported_scheme(fields).unwrap_or(peer.scheme),
            by_proxy: true,
        }
    }

    /// Each proxy adds whom it heard from at the right. From there leftwards all are believed up to the first that is no
    /// proxy of ours; whatever is left of that one, anybody may have written. What cannot be read ends the walk: nobody
    /// knows who wrote it.
    fn address_behind(&self, peer: IpAddr, fields: &HeaderMap) -> IpAddr {
        let mut address = peer;
        let lines = fields.get_all(&self.field).into_iter().rev();
        for entry in lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b',')) {
            let Some(named) = named_address(entry) else { break };
            address = named;
            if !self.networks.contains(address) {
                break;
            }
        }
        address
    }
}

impl Default for TrustedProxies {
    /// None.
    fn default() -> Self {
        Self::new(Networks::default(), None)
    }
}

/// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:4711`. A zone means nothing to anybody
/// but the machine that wrote it.
fn named_address(entry: &[u8]) -> Option<IpAddr> {
    let text = str::from_utf8(entry).ok()?.trim_ascii();
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok().map(IpAddr::V6);
    let with_port = || match text.parse().ok()? {
        SocketAddr::V6(address) if address.scope_id() != 0 => None,
        address => Some(address.ip()),
    };
    let address = text.parse().ok().or_else(bracketed).or_else(with_port)?;
    Some(address.to_canonical())
}

/// What a proxy says of the connection that the client made to it. Several values would be several proxies' words.
fn reported_scheme(fields: &HeaderMap) -> Option<Scheme> {
    let reported = fields::single(fields, &X_FORWARDED_PROTO).ok()??;
    [Scheme::Http, Scheme::Https]
        .into_iter()
        .find(|scheme| reported.trim_ascii().eq_ignore_ascii_case(scheme.as_str()))
}

/// Takes out the fields in which proxies say who asks, unless a trusted one sent them.
pub fn strip_claims(fields: &mut HeaderMap, claims: &[HeaderName], client: &Client) {
    if !client.by_proxy {
        for name in claims {
            fields.remove(name);
        }
    }
}

#[cfg(test)]
mod tests;
