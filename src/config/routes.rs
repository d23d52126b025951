//! All `[[route]]` together: no two of the same name, none that contradicts another.

use std::collections::{BTreeSet, HashMap};

use super::RateLimitSettings;
use super::identity::{NEEDS_JWT, NEEDS_PROXIES, share_client_fields};
use super::nearest::nearest;
use super::problem::Origin;
use super::route::{Defaults, fallback, route};
use super::table::Table;
use crate::identity::Source;
use crate::policy::{InvalidateTemplate, Policy, Route};

/// A route and where it stands.
struct Placed {
    /// `route[2]`
    label: String,
    name: Origin,
    path: Origin,
    identity: Origin,
    invalidates: Origin,
    /// Whether it says anything of identity, were it that there is none.
    says_identity: bool,
    route: Route,
}

/// Reads every route; `None` where two contradict each other, which is reported. `has_jwt`: whether there is a `[jwt]`;
/// `has_proxies`: whether any are trusted; `rate_limit`: by what clients are told apart, beside identities.
pub(super) fn policy(
    root: &Table<'_>,
    defaults: &Defaults<'_>,
    has_jwt: bool,
    has_proxies: bool,
    rate_limit: Option<&RateLimitSettings>,
) -> Option<Policy> {
    let routes = root.tables("route", |table| {
        let route = route(table, defaults)?;
        Some(Placed {
            label: table.name().to_owned(),
            name: table.origin_of("name"),
            path: table.origin_of("path"),
            identity: table.origin_of("identity"),
            says_identity: table.has("identity"),
            invalidates: table.origin_of("invalidates"),
            route,
        })
    });
    let mut routes: Vec<_> = routes.into_iter().flatten().collect();
    for (index, placed) in routes.iter_mut().enumerate() {
        placed.route.index = index;
    }
    refuse_same_names(root, &routes);
    refuse_unknown_names(root, &routes);
    warn_of_routes_within(root, &routes);
    if !has_jwt {
        refuse_tokens(root, &routes);
    }
    if !has_proxies {
        warn_of_claims(root, &routes);
    }
    let mut fallback = fallback(defaults);
    let mut all: Vec<_> = routes.iter_mut().map(|placed| &mut placed.route).collect();
    all.push(&mut fallback);
    let limits = rate_limit.map(|settings| &settings.limits);
    let clients = limits.into_iter().flat_map(|limits| &limits.sources);
    let tier = limits.and_then(|limits| limits.tier.as_ref());
    share_client_fields(&mut all, clients, tier.into_iter());
    without_conflicts(root, routes, fallback)
}

/// The policy, or a report of every pair of routes that contradict each other.
fn without_conflicts(root: &Table<'_>, mut routes: Vec<Placed>, fallback: Route) -> Option<Policy> {
    let mut conflicts = false;
    loop {
        let plain = routes.iter().map(|placed| placed.route.clone()).collect();
        let conflict = match Policy::new(plain, fallback.clone()) {
            Ok(policy) => return (!conflicts).then_some(policy),
            Err(conflict) => conflict,
        };
        conflicts = true;
        let first = routes.get(conflict.first)?.path.clone();
        // The others are compared with the first one only.
        let second = routes.remove(conflict.second);
        let message = format!("the same host, path and methods as the route at {first}");
        root.report(second.path, &format!("{}.path", second.label), message);
    }
}

/// `purge --route` and the metrics tell routes apart by name.
fn refuse_same_names(root: &Table<'_>, routes: &[Placed]) {
    let mut earlier: HashMap<&str, &Placed> = HashMap::new();
    for placed in routes {
        // Where everything is the same, so are the names that are made of it; that is reported as it is.
        if let Some(first) =
            earlier.insert(&placed.route.name, placed).filter(|first| !first.matches_like(placed))
        {
            let message = format!("the same name as the route at {}", first.name);
            root.report(placed.name.clone(), &format!("{}.name", placed.label), message);
        }
    }
}

/// Nobody could verify them. What a route has from `[cache]` was reported there.
fn refuse_tokens(root: &Table<'_>, routes: &[Placed]) {
    for placed in routes.iter().filter(|placed| placed.says_identity) {
        if let Some(Source::Claim(_)) = placed.route.identity {
            root.report(placed.identity.clone(), &format!("{}.identity", placed.label), NEEDS_JWT);
        }
    }
}

/// Nobody is believed who says so.
fn warn_of_claims(root: &Table<'_>, routes: &[Placed]) {
    for placed in routes {
        if let Some(Source::TrustedHeader(_)) = placed.route.identity {
            let key = format!("{}.identity", placed.label);
            root.caution(placed.identity.clone(), &key, NEEDS_PROXIES);
        }
    }
}

/// A route takes its paths out of the wider one that would have had them, and with them what that one says of who asks.
fn warn_of_routes_within(root: &Table<'_>, routes: &[Placed]) {
    for inner in routes {
        let (route, rules) = (&inner.route, &inner.route.rules);
        if !rules.store || rules.shared || route.identity.is_some() || inner.says_identity {
            continue;
        }
        let outer = routes.iter().map(|outer| &outer.route).find(|outer| {
            outer.identity.is_some()
                && outer.path != route.path
                && outer.path.covers(&route.path)
                && (outer.host.is_none() || outer.host == route.host)
        });
        if let Some(outer) = outer {
            let message = format!(
                "is within {:?}, which has an identity, and has none itself: say identity, or shared, or identity = \"\"",
                outer.path.to_string()
            );
            root.caution(inner.path.clone(), &format!("{}.path", inner.label), &message);
        }
    }
}

fn refuse_unknown_names(root: &Table<'_>, routes: &[Placed]) {
    let names: BTreeSet<&str> = routes.iter().map(|placed| &*placed.route.name).collect();
    for placed in routes {
        for invalidate in &placed.route.invalidates {
            if let InvalidateTemplate::Route(name) = invalidate
                && !names.contains(&**name)
            {
                let message = match nearest(name, names.iter().copied()) {
                    Some(meant) => {
                        format!("no route has the name {name:?}; did you mean {meant:?}?")
                    }
                    None => format!("no route has the name {name:?}"),
                };
                root.report(
                    placed.invalidates.clone(),
                    &format!("{}.invalidates", placed.label),
                    message,
                );
            }
        }
    }
}

impl Placed {
    fn matches_like(&self, other: &Self) -> bool {
        let (a, b) = (&self.route, &other.route);
        (&a.host, &a.path, &a.methods) == (&b.host, &b.path, &b.methods)
    }
}
