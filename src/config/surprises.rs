//! What is in order, and may surprise whoever wrote it all the same.

use super::table::Table;
use crate::policy::{InvalidateTemplate, Route};

/// Fields that nearly every client, or every request, has a value of its own for.
const OF_EACH_CLIENT: [&str; 8] = [
    "accept",
    "referer",
    "sec-ch-ua",
    "traceparent",
    "user-agent",
    "x-correlation-id",
    "x-real-ip",
    "x-trace-id",
];

/// Says so of a route.
pub(super) fn warn(table: &Table<'_>, route: &Route) {
    warn_of_invalidates(table, route);
    // Of what has no effect that is said.
    if !route.rules.store || route.respond.is_some() {
        return;
    }
    if table.has("ttl") && route.path.matches_everything() {
        let message = "holds for all that the app answers with success, whatever it says of itself; \
                       default_ttl holds where it says nothing";
        table.warn("ttl", message);
    }
    if route.rules.shared && route.path.matches_everything() {
        table.warn("shared", "one answer for everybody, on every path of the app");
    }
    if table.has("ttl") && table.has("default_ttl") {
        table.warn("default_ttl", "has no effect beside ttl");
    }
    if table.has("tags") {
        let names = route.tags.iter().flat_map(|tag| tag.parameters());
        for name in names.filter(|name| !route.query.keeps(name)) {
            let message = format!(
                "{{query:{name}}} is not in the key: what is stored has the tag of whoever asked first"
            );
            table.warn("tags", &message);
        }
    }
    if table.has("key_headers") {
        let names = route.key_headers.iter().map(|name| name.as_str());
        for name in names.filter(|name| OF_EACH_CLIENT.contains(name)) {
            let message = format!(
                "nearly every client has its own {name}, and so stored responses that serve nobody else"
            );
            table.warn("key_headers", &message);
        }
    }
}

fn warn_of_invalidates(table: &Table<'_>, route: &Route) {
    let everything = |template: &InvalidateTemplate| match template {
        InvalidateTemplate::Prefix(prefix) => prefix.literal() == Some("/"),
        _ => false,
    };
    if table.has("invalidates") && route.invalidates.iter().any(everything) {
        table.warn("invalidates", "prefix:/ is all that is stored for the request's host");
    }
}
