//! Looking up agrees with asking every route in turn, which is written here from the texts of the patterns alone.

use std::cmp::Reverse;

use http::Method;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::policy::{Policy, Route};

/// A route as it might be written.
#[derive(Clone, Debug)]
struct Written {
    host: &'static str,
    path: String,
    methods: Vec<&'static str>,
}

/// How specific a match is; the least is the most specific.
type Rank = (HostRank, Vec<SegmentRank>, bool);

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum HostRank {
    Exact { any_port: bool },
    Wildcard { length: Reverse<usize>, any_port: bool },
    Every,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum SegmentRank {
    Literal,
    Capture,
    Rest,
}

impl Written {
    fn route(&self, name: usize) -> Route {
        let mut route = Route::new(name.to_string(), self.path.parse().unwrap());
        route.host = (!self.host.is_empty()).then(|| self.host.parse().unwrap());
        route.methods = self.methods.iter().map(|method| method.parse().unwrap()).collect();
        route
    }

    fn rank(&self, method: &str, host: &str, path: &str) -> Option<Rank> {
        let matched = self.methods.is_empty() || self.methods.contains(&method);
        matched.then_some(())?;
        Some((self.host_rank(host)?, self.path_rank(path)?, self.methods.is_empty()))
    }

    fn host_rank(&self, host: &str) -> Option<HostRank> {
        if self.host.is_empty() {
            return Some(HostRank::Every);
        }
        let any_port = !self.host.contains(':');
        let host = if any_port { host.split(':').next()? } else { host };
        match self.host.strip_prefix('*') {
            Some(suffix) => {
                let length = Reverse(suffix.split(':').next()?.len());
                host.ends_with(suffix).then_some(HostRank::Wildcard { length, any_port })
            }
            None => (host == self.host).then_some(HostRank::Exact { any_port }),
        }
    }

    fn path_rank(&self, path: &str) -> Option<Vec<SegmentRank>> {
        let mut ranks = Vec::new();
        let mut segments = path.split('/');
        for pattern in self.path.split('/') {
            let segment = segments.next()?;
            ranks.push(match pattern {
                _ if pattern.starts_with("{*") => {
                    ranks.push(SegmentRank::Rest);
                    return Some(ranks);
                }
                _ if pattern.starts_with('{') && !segment.is_empty() => SegmentRank::Capture,
                _ if pattern == segment => SegmentRank::Literal,
                _ => return None,
            });
        }
        segments.next().is_none().then_some(ranks)
    }

    /// Everything that tells one route from another, so that routes that differ in it are in no conflict.
    fn shape(&self) -> (&str, Vec<&str>) {
        let segments = self.path.split('/').map(|segment| match segment {
            _ if segment.starts_with("{*") => "{*",
            _ if segment.starts_with('{') => "{",
            _ => segment,
        });
        (self.host, segments.collect())
    }

    fn conflicts_with(&self, other: &Self) -> bool {
        let overlap = match (self.methods.is_empty(), other.methods.is_empty()) {
            (true, true) => true,
            (false, false) => self.methods.iter().any(|method| other.methods.contains(method)),
            _ => false,
        };
        overlap && self.shape() == other.shape()
    }
}

fn written() -> impl Strategy<Value = Written> {
    let host = select(vec!["", "", "", "a.x", "b.a.x", "a.x:8080", "*.x", "*.a.x", "*.x:8080"]);
    let segments = prop::collection::vec(select(vec!["a", "b", "{}", "{}", ""]), 0..4);
    let last = select(vec!["", "", "a", "{*rest}", "{last}"]);
    (host, segments, last, subsequence(vec!["GET", "POST", "PUT"], 0..3)).prop_map(
        |(host, segments, last, methods)| {
            let mut path = String::new();
            for (number, segment) in segments.into_iter().enumerate() {
                path.push('/');
                path.push_str(&segment.replace("{}", &format!("{{name{number}}}")));
            }
            path.push('/');
            path.push_str(last);
            Written { host, path, methods }
        },
    )
}

fn request() -> impl Strategy<Value = (&'static str, &'static str, String)> {
    let host =
        select(vec!["a.x", "a.x:8080", "b.a.x", "b.a.x:8080", "c.b.a.x", "q.x:8080", "x", "y", ""]);
    let path = prop::collection::vec(select(vec!["a", "b", "c", ""]), 0..6).prop_map(|segments| {
        segments.iter().fold(String::new(), |path, segment| path + "/" + segment)
    });
    (select(vec!["GET", "POST", "PUT", "DELETE"]), host, path)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn looking_up_finds_what_asking_every_route_finds(
        candidates in prop::collection::vec(written(), 0..24),
        requests in prop::collection::vec(request(), 16),
    ) {
        let mut written: Vec<Written> = Vec::new();
        for candidate in candidates {
            if !written.iter().any(|known| known.conflicts_with(&candidate)) {
                written.push(candidate);
            }
        }
        let routes = written.iter().enumerate().map(|(name, route)| route.route(name)).collect();
        let policy = Policy::new(routes, Route::new("fallback", "/".parse().unwrap())).unwrap();
        for (method, host, path) in requests {
            let ranked = written.iter().enumerate().filter_map(|(name, route)| {
                Some((route.rank(method, host, &path)?, name.to_string()))
            });
            let mut ranked: Vec<_> = ranked.collect();
            ranked.sort();
            let mut expected = ranked.into_iter().map(|(_, name)| name);
            let first = expected.next().unwrap_or("fallback".to_owned());
            let method: Method = method.parse().unwrap();
            let found = policy.find(&method, host, &path);
            prop_assert_eq!(&*found.route.name, first, "{} {}{} among {:?}", method, host, path, written);
            let rivals = policy.rivals(&method, host, &path);
            let rivals: Vec<_> = rivals.iter().map(|rival| rival.route.name.to_string()).collect();
            prop_assert_eq!(rivals, expected.collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_conflict_is_found_exactly_where_there_is_one(written in prop::collection::vec(written(), 0..12)) {
        let expected = written.iter().enumerate().find(|(second, route)| {
            written.iter().take(*second).any(|first| first.conflicts_with(route))
        });
        let routes = written.iter().enumerate().map(|(name, route)| route.route(name)).collect();
        let conflict = Policy::new(routes, Route::new("fallback", "/".parse().unwrap())).err();
        prop_assert_eq!(conflict.map(|conflict| conflict.second), expected.map(|(second, _)| second));
        if let Some(conflict) = conflict {
            let first = written.get(conflict.first).unwrap();
            prop_assert!(first.conflicts_with(written.get(conflict.second).unwrap()));
        }
    }

    #[test]
    fn no_request_makes_looking_up_panic(
        written in written(),
        method in select(vec![Method::GET, Method::OPTIONS]),
        authority in "\\PC{0,8}|[a.x:8*\\[\\]\u{e9}]{0,10}",
        path in "\\PC{0,8}|[/ab\u{e9}]{0,10}",
    ) {
        let policy = Policy::new(vec![written.route(0)], Route::new("fallback", "/".parse().unwrap())).unwrap();
        policy.find(&method, &authority, &path);
    }
}
