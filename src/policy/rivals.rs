//! Which routes a request matches beside the one it belongs to, and in what they are less specific: for people who ask.
//! Requests are looked up in [`super::hosts`].

use std::cmp::Reverse;
use std::fmt;
use std::sync::Arc;

use http::Method;

use super::pattern::Segment;
use super::{HostPattern, Policy, Route};

/// A route that a request matches and does not belong to.
#[derive(Debug)]
pub struct Rival<'p> {
    /// The route.
    pub route: &'p Arc<Route>,
    /// Why another was preferred.
    pub less: LessSpecific,
}

/// In what a route is less specific than another, the first of these that differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LessSpecific {
    /// Its host: no host at all, a wildcard, any port.
    Host,
    /// This segment of its path, from 1.
    Segment(usize),
    /// It names no methods.
    Methods,
}

impl fmt::Display for LessSpecific {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host => f.write_str("its host is less specific"),
            Self::Segment(number) => {
                write!(f, "segment {number} of its path is less specific")
            }
            Self::Methods => f.write_str("it names no methods"),
        }
    }
}

/// How specific a match is; the least is the most specific.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    host: HostRank,
    path: Vec<SegmentRank>,
    every_method: bool,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum HostRank {
    Exact { every_port: bool },
    Wildcard { length: Reverse<usize>, every_port: bool },
    Every,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum SegmentRank {
    Literal,
    Capture,
    Rest,
}

impl Policy {
    /// The other routes that the request matches, the most specific first. Asks every route.
    pub fn rivals(&self, method: &Method, authority: &str, path: &str) -> Vec<Rival<'_>> {
        let found = self.find(method, authority, path).route;
        let Some(best) = rank(found, method, authority, path) else { return Vec::new() };
        let others = self.routes.iter().filter(|route| !Arc::ptr_eq(route, found));
        let mut ranked: Vec<_> = others
            .filter_map(|route| Some((rank(route, method, authority, path)?, route)))
            .collect();
        ranked.sort_by(|(one, _), (other, _)| one.cmp(other));
        ranked
            .into_iter()
            .map(|(rank, route)| Rival { route, less: rank.less_than(&best) })
            .collect()
    }
}

/// How specific the match is, if it is one.
fn rank(route: &Route, method: &Method, authority: &str, path: &str) -> Option<Rank> {
    let matches = (route.methods.is_empty() || route.methods.contains(method))
        && route.host.as_ref().is_none_or(|host| host.matches(authority))
        && route.path.captures(path).is_some();
    matches.then(|| Rank {
        host: route.host.as_ref().map_or(HostRank::Every, host_rank),
        path: route.path.segments().iter().map(segment_rank).collect(),
        every_method: route.methods.is_empty(),
    })
}

impl Rank {
    fn less_than(&self, best: &Self) -> LessSpecific {
        if self.host != best.host {
            return LessSpecific::Host;
        }
        let differing = self.path.iter().zip(&best.path).position(|(one, other)| one != other);
        differing.map_or(LessSpecific::Methods, |at| LessSpecific::Segment(at + 1))
    }
}

fn host_rank(host: &HostPattern) -> HostRank {
    let every_port = host.port().is_none();
    if host.is_wildcard() {
        HostRank::Wildcard { length: Reverse(host.name().len()), every_port }
    } else {
        HostRank::Exact { every_port }
    }
}

const fn segment_rank(segment: &Segment) -> SegmentRank {
    match segment {
        Segment::Literal(_) => SegmentRank::Literal,
        Segment::Capture(_) => SegmentRank::Capture,
        Segment::Rest(_) => SegmentRank::Rest,
    }
}
