//! Who may ask what. Whoever can reach a loopback port includes every web page in a browser on the same machine.

use std::net::IpAddr;

use http::header::{FORWARDED, HOST, ORIGIN, VIA};
use http::request::Parts;
use http::uri::Authority;
use http::{HeaderMap, Method};

use crate::identity::peer::Peer;
use crate::identity::shared_secret::{SharedSecret, bearer};

/// The rules of one admin listener.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// What `Authorization: Bearer` must carry, from anywhere but loopback and for whatever changes something. Without
    /// one, nobody but loopback is answered.
    pub token: Option<SharedSecret>,
    /// Paths that anybody may read.
    pub open: Vec<String>,
}

/// How far a request may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grant {
    /// It is told everything it asks for.
    Full,
    /// It may read this open path, and no detail.
    Open,
}

/// Why a request is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Denied {
    /// A web page of another site asks.
    CrossSite,
    /// The host is a name we do not have: somebody's DNS may point it at loopback.
    ForeignHost,
    /// A token is needed.
    NoToken,
    /// The token is not ours.
    WrongToken,
    /// There is no token that would help: it comes from outside and none is configured.
    Outside,
}

impl Access {
    /// How far the request with this head may go.
    pub(super) fn grant(&self, head: &Parts, peer: &Peer) -> Result<Grant, Denied> {
        match self.authenticate(head, peer) {
            Ok(()) => Ok(Grant::Full),
            Err(_) if self.is_open(head) => Ok(Grant::Open),
            Err(denied) => Err(denied),
        }
    }

    fn is_open(&self, head: &Parts) -> bool {
        is_read(&head.method) && self.open.iter().any(|path| path == head.uri.path())
    }

    fn authenticate(&self, head: &Parts, peer: &Peer) -> Result<(), Denied> {
        if is_cross_site(&head.headers) {
            return Err(Denied::CrossSite);
        }
        match (bearer(&head.headers), &self.token) {
            (Some(given), Some(token)) if token.is(given) => return Ok(()),
            (Some(_), Some(_)) => return Err(Denied::WrongToken),
            _ => {}
        }
        // Whoever opened our Unix socket was allowed to by its file's mode.
        if peer.is_unix() {
            return Ok(());
        }
        let is_local = peer.address.ip().is_loopback() && !is_forwarded(&head.headers);
        if !is_local {
            return Err(if self.token.is_some() { Denied::NoToken } else { Denied::Outside });
        }
        if !is_own_host(head) {
            return Err(Denied::ForeignHost);
        }
        if self.token.is_some() && !is_read(&head.method) {
            return Err(Denied::NoToken);
        }
        Ok(())
    }
}

fn is_read(method: &Method) -> bool {
    method == Method::GET || method == Method::HEAD
}

/// A browser says of itself when a page of another origin makes it ask.
fn is_cross_site(fields: &HeaderMap) -> bool {
    let host = fields.get(HOST).map(|host| host.as_bytes());
    let foreign_origin = fields.get_all(ORIGIN).iter().any(|origin| {
        let origin = origin.as_bytes();
        origin.strip_prefix(b"http://").or(origin.strip_prefix(b"https://")) != host
    });
    let foreign_site = |site: &http::HeaderValue| site != "same-origin" && site != "none";
    foreign_origin || fields.get_all("sec-fetch-site").iter().any(foreign_site)
}

/// A proxy on this machine asks on somebody else's behalf; whose address the socket has says nothing.
fn is_forwarded(fields: &HeaderMap) -> bool {
    fields.contains_key(FORWARDED)
        || fields.contains_key(VIA)
        || fields.contains_key("x-forwarded-for")
}

/// Only a name can be pointed elsewhere; an address is the one that was dialled.
fn is_own_host(head: &Parts) -> bool {
    let mut hosts = head.headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let Ok(host) = Authority::try_from(host.as_bytes()) else { return false };
    let name = host.host();
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name.eq_ignore_ascii_case("localhost") || address.parse::<IpAddr>().is_ok()
}
