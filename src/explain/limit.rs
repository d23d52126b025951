//! How much the client may ask for.

use super::{Explanation, Matter};
use crate::limit::OnRedisFailure;
use crate::limit::window::{Rate, Window};

pub(super) fn explain(matter: &Matter<'_>, explanation: &mut Explanation) {
    if !matter.inquiry.route.rate_limit {
        return explanation.say("limit", "none: rate_limit = false");
    }
    let Some(place) = matter.place else { return };
    let named_by = match place.named_by {
        Some(source) => format!("by {source}"),
        None => "by its address".to_owned(),
    };
    explanation.say("limit", format!("tier {}, the client being known {named_by}", place.tier()));
    for (budget, windows) in [("requests", place.requests()), ("forwarded", place.forwarded())] {
        if !windows.is_empty() {
            let windows: Vec<_> = windows.iter().map(written).collect();
            explanation.say("limit", format!("{budget} {}", windows.join(", ")));
        }
    }
    let is_limited = !(place.requests().is_empty() && place.forwarded().is_empty());
    if let Some(on_failure) = place.on_redis_failure().filter(|_| is_limited) {
        let line = format!("shared by the fleet; without Redis {}", without_redis(on_failure));
        explanation.say("limit", line);
    }
    if let Some(challenge) = place.challenge {
        let line = format!("refused all the same: what it shows by {challenge} names nobody");
        explanation.say("limit", line);
    }
}

const fn without_redis(on_failure: OnRedisFailure) -> &'static str {
    match on_failure {
        OnRedisFailure::Local => "each replica has the whole of it",
        OnRedisFailure::Share => "each replica has its share of it",
        OnRedisFailure::Allow => "there is none",
        OnRedisFailure::Deny => "whoever is limited is refused",
    }
}

/// As in the configuration.
fn written(window: &Window) -> String {
    let Rate { count, per, burst } = window.rate();
    let burst = if burst == count { String::new() } else { format!(" burst {burst}") };
    format!("{count}/{}{burst}", per.unit())
}
