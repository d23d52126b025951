//! What would become of its response.

use http::header::{CACHE_CONTROL, SET_COOKIE};
use http::{HeaderMap, HeaderValue, StatusCode};

use super::words::{Size, Span, given_by, printable};
use super::{Explanation, Matter};
use crate::cache::Tiers;
use crate::caching::freshness::{Exchange, LifetimeSource};
use crate::caching::rules::{Lifetime, Rules};
use crate::caching::storability::{Storability, storability};
use crate::caching::terms::{Terms, terms};

/// A response that applications give.
struct Usual {
    name: &'static str,
    status: StatusCode,
    cache_control: Option<&'static str>,
    sets_cookie: bool,
}

impl Usual {
    const fn plain(name: &'static str, status: StatusCode) -> Self {
        Self { name, status, cache_control: None, sets_cookie: false }
    }

    const fn that_says(cache_control: &'static str) -> Self {
        let plain = Self::plain(cache_control, StatusCode::OK);
        Self { cache_control: Some(cache_control), ..plain }
    }

    fn fields(&self) -> HeaderMap {
        let mut fields = HeaderMap::new();
        if let Some(cache_control) = self.cache_control {
            fields.insert(CACHE_CONTROL, HeaderValue::from_static(cache_control));
        }
        if self.sets_cookie {
            fields.insert(SET_COOKIE, HeaderValue::from_static("name=value"));
        }
        fields
    }
}

const USUAL: [Usual; 7] = [
    Usual::plain("a plain 200", StatusCode::OK),
    Usual::that_says("max-age=60"),
    Usual::that_says("public, max-age=60"),
    Usual::that_says("private, max-age=60"),
    Usual { name: "Set-Cookie, max-age=60", sets_cookie: true, ..Usual::that_says("max-age=60") },
    Usual::plain("a plain 404", StatusCode::NOT_FOUND),
    Usual::plain("a plain 500", StatusCode::INTERNAL_SERVER_ERROR),
];

pub(super) fn explain(matter: &Matter<'_>, explanation: &mut Explanation) {
    let inquiry = matter.inquiry;
    if let Some(refusal) = inquiry.lookup_refusal().or_else(|| inquiry.refusal()) {
        return explanation.say("response", format!("not stored: {}", refusal.as_str()));
    }
    if let Some(told) = &inquiry.route.client_cache_control {
        let told = printable(told.as_bytes());
        explanation.say("clients", format!("are told Cache-Control: {told}"));
    }
    match matter.response {
        Some((status, fields)) => {
            explanation.say("response", judged(matter, *status, fields));
        }
        None => {
            // What comes to the same is said together.
            let mut outcomes: Vec<(Vec<&str>, String)> = Vec::new();
            for usual in USUAL {
                let judged = judged(matter, usual.status, &usual.fields());
                match outcomes.iter_mut().find(|(_, outcome)| *outcome == judged) {
                    Some((names, _)) => names.push(usual.name),
                    None => outcomes.push((vec![usual.name], judged)),
                }
            }
            for (names, outcome) in outcomes {
                explanation.say("response", format!("{}: {outcome}", names.join("; ")));
            }
        }
    }
    if let Tiers { memory, redis: Some(redis) } = matter.tiers {
        if let Some(memory) = memory {
            explanation.say("tiers", format!("memory, up to {}", Size(memory)));
        }
        explanation.say("tiers", format!("Redis, up to {}", Size(redis)));
    }
    let identity = inquiry.identity_text();
    let values = inquiry.values(identity.as_deref());
    for tag in inquiry.route.tags.iter().filter_map(|tag| tag.expand_tag(values)) {
        explanation.say("tags", printable(tag.as_bytes()));
    }
}

/// What would become of this response.
fn judged(matter: &Matter<'_>, status: StatusCode, fields: &HeaderMap) -> String {
    let Matter { inquiry, now, .. } = matter;
    let rules = &inquiry.route.rules;
    if status == StatusCode::PARTIAL_CONTENT {
        let whole = judged(matter, StatusCode::OK, fields);
        return format!("where it is the part that was asked for, as the whole: {whole}");
    }
    match storability(inquiry.facts(), status, fields, rules) {
        Storability::Refuse(refusal) => format!("not stored: {}", refusal.as_str()),
        Storability::Store => {
            let exchange = Exchange { request_time: *now, response_time: *now };
            let without = if rules.strip_set_cookie && fields.contains_key(SET_COOKIE) {
                ", without Set-Cookie"
            } else {
                ""
            };
            described(&terms(status, fields, rules, exchange), rules) + without
        }
    }
}

fn described(terms: &Terms, rules: &Rules) -> String {
    let by = given_by(terms.lifetime.source);
    let mut text = match &rules.ttl {
        Some(Lifetime::Until(time)) if terms.lifetime.source == LifetimeSource::OperatorUntil => {
            format!("stored, fresh until {time} by {by}")
        }
        _ => format!("stored, fresh for {} by {by}", Span(terms.lifetime.duration)),
    };
    if terms.no_cache {
        return format!("{text}, validated each time: no-cache");
    }
    if terms.must_revalidate {
        return format!("{text}, never stale: must-revalidate");
    }
    for (window, when) in [
        (terms.stale_while_revalidate, "while it is validated"),
        (terms.stale_if_error, "when the app fails"),
    ] {
        if !window.is_zero() {
            text.push_str(&format!(", {} more {when}", Span(window)));
        }
    }
    text
}
