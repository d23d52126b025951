//! Which route it is, why no other, and where it leads.

use std::sync::Arc;

use http::Method;

use super::words::{Span, printable};
use super::{Asked, Explanation};
use crate::cache::Inquiry;
use crate::policy::{Collapse, Policy, Route};

pub(super) fn explain(asked: Asked<'_>, policy: &Policy, explanation: &mut Explanation) {
    let Asked { method, scheme, authority, path, query } = asked;
    let mark = if query.is_empty() { "" } else { "?" };
    let url = printable(format!("{scheme}://{authority}{path}{mark}{query}").as_bytes());
    explanation.say("request", format!("{method} {url}"));
    let found = policy.find(method, authority, path);
    if Arc::ptr_eq(found.route, policy.fallback()) {
        explanation.say("route", format!("{}: no [[route]] matches", found.route.name));
    } else {
        explanation.say("route", described(found.route));
    }
    for rival in policy.rivals(method, authority, path) {
        explanation.say("route", format!("not {}: {}", described(rival.route), rival.less));
    }
    for (index, name) in found.route.path.capture_names().enumerate() {
        if let Some(value) = found.captures.get(index, path) {
            explanation.say("captures", format!("{name} = {}", printable(value.as_bytes())));
        }
    }
}

pub(super) fn explain_forwarding(inquiry: &Inquiry, explanation: &mut Explanation) {
    let timeouts = inquiry.timeouts();
    let upstream = &inquiry.upstream;
    explanation.say("upstream", format!("{}: {upstream}", upstream.name()));
    explanation.say(
        "upstream",
        format!(
            "within {} to connect, {} to respond, {} between bytes",
            Span(timeouts.connect),
            Span(timeouts.response),
            Span(timeouts.read)
        ),
    );
    match inquiry.route.collapse {
        Collapse::Never => explanation.say("upstream", "each request goes to it by itself"),
        Collapse::Here => {}
        Collapse::Fleet => {
            explanation
                .say("upstream", "one replica of the fleet at a time asks it for the same thing");
        }
    }
    if !inquiry.is_read() {
        explanation.say("invalidates", "its own URL, on success or where nobody knows");
        for selector in inquiry.invalidates() {
            explanation.say("invalidates", printable(selector.to_string().as_bytes()));
        }
    }
}

/// Its name, and what it matches where the name does not say it.
fn described(route: &Route) -> String {
    let methods: Vec<_> = route.methods.iter().map(Method::as_str).collect();
    let host = route.host.as_ref().map(ToString::to_string).unwrap_or_default();
    let pattern = format!("{} {host}{}", methods.join(","), route.path);
    let pattern = pattern.trim_start();
    if pattern == &*route.name { pattern.to_owned() } else { format!("{} ({pattern})", route.name) }
}
