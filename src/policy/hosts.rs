//! Which routes are asked for a host, and in which order: its own, those of the nearest wildcard above it and the ones
//! above that, those of every host; on each of these steps, those for its port before those for every port.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::iter;

use http::Method;

use super::host::{HostPattern, ports_of, split_authority};
use super::matcher::Trie;

/// The paths of every host pattern.
#[derive(Debug, Default)]
pub(super) struct Hosts {
    exact: HashMap<Box<str>, Ports>,
    /// By what stands behind the `*.`.
    wildcard: HashMap<Box<str>, Ports>,
    /// The length of the longest key of `wildcard`: nothing longer is looked up, however long a host a client sends.
    longest_wildcard: usize,
    every: Trie,
}

/// The paths of one host pattern, by port.
#[derive(Debug, Default)]
struct Ports {
    named: BTreeMap<u16, Trie>,
    every: Trie,
}

impl Hosts {
    /// The paths of the routes with this `host`, to add one to.
    pub(super) fn trie(&mut self, host: Option<&HostPattern>) -> &mut Trie {
        let Some(host) = host else { return &mut self.every };
        let by_name = if host.is_wildcard() {
            self.longest_wildcard = self.longest_wildcard.max(host.name().len());
            &mut self.wildcard
        } else {
            &mut self.exact
        };
        let ports = by_name.entry(host.name().into()).or_default();
        match host.port() {
            Some(port) => ports.named.entry(port).or_default(),
            None => &mut ports.every,
        }
    }

    /// The most specific route for `authority`, `path` and `method`.
    pub(super) fn find(&self, method: &Method, authority: &str, path: &str) -> Option<usize> {
        if self.exact.is_empty() && self.wildcard.is_empty() {
            return self.every.find(method, path);
        }
        let (name, port) = split_authority(authority);
        let name = lower_case(name);
        let wildcards = self.domains_above(&name).filter_map(|domain| self.wildcard.get(domain));
        self.exact
            .get(&*name)
            .into_iter()
            .chain(wildcards)
            .flat_map(|ports| ports.tries(port))
            .chain(iter::once(&self.every))
            .find_map(|trie| trie.find(method, path))
    }

    /// What may stand behind the `*.` of a wildcard that matches `name`, the longest first.
    fn domains_above<'a>(&self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let longest = self.longest_wildcard;
        name.match_indices('.')
            .filter(|(dot, _)| *dot > 0)
            .filter_map(|(dot, _)| name.get(dot + 1..))
            .filter(move |domain| domain.len() <= longest)
    }
}

impl Ports {
    fn tries(&self, port: Option<u16>) -> impl Iterator<Item = &Trie> {
        let named = ports_of(port).filter_map(|port| self.named.get(&port));
        named.chain(iter::once(&self.every))
    }
}

fn lower_case(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}
