//! All `[[route]]` together: no two of the same name, none that contradicts another.

use std::collections::{BTreeSet, HashMap};

use super::nearest::nearest;
use super::problem::Origin;
use super::route::{Defaults, fallback, route};
use super::table::Table;
use crate::policy::{InvalidateTemplate, Policy, Route};

/// A route and where it stands.
struct Placed {
    /// `route[2]`
    label: String,
    name: Origin,
    path: Origin,
    invalidates: Origin,
    route: Route,
}

/// Reads every route; `None` where two contradict each other, which is reported.
pub(super) fn policy(root: &Table<'_>, defaults: &Defaults<'_>) -> Option<Policy> {
    let routes = root.tables("route", |table| {
        let route = route(table, defaults)?;
        Some(Placed {
            label: table.name().to_owned(),
            name: table.origin_of("name"),
            path: table.origin_of("path"),
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
    without_conflicts(root, routes, fallback(defaults))
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
