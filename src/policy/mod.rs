//! The operator's rules, looked up: which route a request belongs to, and what that route says.
//!
//! A [`Policy`] is built once from checked [`Route`]s and then only read. [`Policy::find`] always has an answer: what no
//! route matches belongs to the fallback. Paths are compared as the bytes they are, never decoded, so that what is
//! matched, keyed and forwarded is the same.

mod bad_pattern;
mod captures;
mod clients;
mod credentials;
mod field_edits;
mod host;
mod host_names;
mod hosts;
mod invalidate;
mod json_key;
mod key_body;
mod location;
mod matcher;
mod pattern;
mod query;
mod refresh;
mod reply;
mod rivals;
mod route;
mod template;

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use http::Method;

use crate::caching::Rules;

pub use bad_pattern::{BadPattern, PatternFault};
pub use captures::Captures;
pub use clients::Clients;
pub use field_edits::{FieldEdit, FieldEdits};
pub use host::HostPattern;
pub use host_names::HostNames;
pub use invalidate::{InvalidateTemplate, Invalidation};
pub use key_body::{BodyForm, KeyBody};
pub use location::Location;
pub use pattern::PathPattern;
pub use query::{BadGlob, NameGlob, QueryRules, Selection};
pub use refresh::{Asked, BadRefreshOn, RefreshOn, RefreshRules};
pub use reply::{Content, Reply};
pub use rivals::{LessSpecific, Rival};
pub use route::{Collapse, Route, Timeouts};
pub use template::{BadTemplate, Template, TemplateFault, Values};

use hosts::Hosts;

/// The routes of one configuration, ready to be looked up.
#[derive(Debug)]
pub struct Policy {
    routes: Vec<Arc<Route>>,
    fallback: Arc<Route>,
    hosts: Hosts,
}

impl Policy {
    /// Makes `routes` ready to be looked up. `fallback` takes what none of them matches; its own host, path and methods
    /// count for nothing, and it captures nothing.
    ///
    /// # Errors
    ///
    /// [`Conflict`] where two routes have the same host, the same path (whatever the captures are called) and a method
    /// in common, because neither could be preferred.
    pub fn new(routes: Vec<Route>, fallback: Route) -> Result<Self, Conflict> {
        let mut hosts = Hosts::default();
        for (index, route) in routes.iter().enumerate() {
            hosts
                .trie(route.host.as_ref())
                .insert(route.path.segments(), &route.methods, index)
                .map_err(|first| Conflict { first, second: index })?;
        }
        Ok(Self {
            routes: routes.into_iter().map(Arc::new).collect(),
            fallback: Arc::new(fallback),
            hosts,
        })
    }

    /// Gives the rules of every route a version: the same for the same rules, in the policy `before` as well, and one from
    /// `fresh` for rules that were not there. To be done before any route is handed out.
    pub fn number_rules(&mut self, before: Option<&Self>, mut fresh: impl FnMut() -> u32) {
        let mut known: Vec<Rules> = Vec::new();
        for rules in before.into_iter().flat_map(Self::all_rules) {
            if !known.contains(rules) {
                known.push(rules.clone());
            }
        }
        for route in self.routes.iter_mut().chain([&mut self.fallback]) {
            let Some(route) = Arc::get_mut(route) else { continue };
            let rules = &mut route.rules;
            let same = known.iter().find(|known| {
                rules.version = known.version;
                rules == *known
            });
            if same.is_none() {
                rules.version = fresh();
                known.push(rules.clone());
            }
        }
    }

    /// The route of a request with this `method`, this `authority` (host and, unless it is the scheme's default, port)
    /// and this `path`, which has no query. Never fails: anything else than a path, `*` for instance, is the fallback's.
    pub fn find(&self, method: &Method, authority: &str, path: &str) -> Found<'_> {
        let matched =
            self.hosts.find(method, authority, path).and_then(|index| self.routes.get(index));
        match matched {
            Some(route) => Found { route, captures: route.path.captures(path).unwrap_or_default() },
            None => Found { route: &self.fallback, captures: Captures::default() },
        }
    }

    /// All routes in the order they were given, without the fallback.
    pub fn routes(&self) -> &[Arc<Route>] {
        &self.routes
    }

    /// The route of whatever no other route matches.
    pub fn fallback(&self) -> &Arc<Route> {
        &self.fallback
    }

    fn all_rules(&self) -> impl Iterator<Item = &Rules> {
        self.routes.iter().chain([&self.fallback]).map(|route| &route.rules)
    }
}

/// What [`Policy::find`] found.
#[derive(Debug)]
pub struct Found<'p> {
    /// The most specific route that matches, or the fallback.
    pub route: &'p Arc<Route>,
    /// What the route's `{name}` and `{*rest}` stand for in this request's path.
    pub captures: Captures,
}

/// Two routes that match the same requests equally well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The position of the earlier route among those given.
    pub first: usize,
    /// The position of the later route among those given.
    pub second: usize,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "route[{}] and route[{}] have the same host and path and a method in common",
            self.first, self.second
        )
    }
}

impl Error for Conflict {}

#[cfg(test)]
mod tests;
