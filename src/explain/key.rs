//! What it is stored under.

use http::HeaderName;
use http::header::{AUTHORIZATION, COOKIE};

use super::words::{Span, printable};
use super::{Explanation, Matter};
use crate::caching::key;
use crate::identity::cookies::all_values;
use crate::policy::BodyForm;

pub(super) fn explain(matter: &Matter<'_>, explanation: &mut Explanation) {
    let inquiry = matter.inquiry;
    explanation.say("key", shown(inquiry.key().as_bytes()));
    let (asked, keyed) = (inquiry.asked.query(), inquiry.target.query());
    let parameters = |query: Option<&str>| {
        let parameters = query.unwrap_or_default().split('&');
        parameters.map(str::to_owned).collect::<Vec<_>>()
    };
    let kept = parameters(keyed);
    let forwarded = parameters(inquiry.forwarded_target().query());
    for left_out in
        parameters(asked).into_iter().filter(|one| !one.is_empty() && !kept.contains(one))
    {
        let and =
            if forwarded.contains(&left_out) { "" } else { ", which is not forwarded either" };
        explanation.say("key", format!("without {}{and}", printable(left_out.as_bytes())));
    }
    if let Some(rules) = inquiry.key_body() {
        let what = match rules.form {
            BodyForm::Bytes => "every byte of its content",
            BodyForm::Json => "what its content says as JSON",
        };
        explanation.say("key", format!("with {what}, at most {} bytes", rules.limit));
    }
    if inquiry.asks_anew() {
        let interval = Span(inquiry.route.refresh.interval);
        let target = inquiry.forwarded_target();
        let target = printable(target.as_str().as_bytes());
        let line = format!("asked for, as {target}, at most once in {interval} for this key");
        explanation.say("refresh", line);
    }
    for name in &inquiry.route.key_headers {
        let values: Vec<_> = inquiry.fields.get_all(name).iter().collect();
        let value = match values.as_slice() {
            [] => "absent".to_owned(),
            _ if is_secret(name) || inquiry.route.client_fields.contains(name) => {
                "given, not shown".to_owned()
            }
            values => {
                let values: Vec<_> =
                    values.iter().map(|value| printable(value.as_bytes())).collect();
                values.join(", ")
            }
        };
        explanation.say("key", format!("with {name}: {value}"));
    }
    if inquiry.identity.is_known() {
        explanation.say("key", "with who asks");
    }
    for name in &inquiry.route.key_cookies {
        let is_there = all_values(&inquiry.fields, name).is_some();
        let what = if is_there { "given, not shown" } else { "absent" };
        explanation.say("key", format!("with the cookie {name}: {what}"));
    }
}

/// Where the resource of a key is.
pub(super) fn shown(key: &[u8]) -> String {
    let key::Parts { scheme, authority, path_and_query } = key::parts(key);
    printable(format!("{scheme}://{authority}{path_and_query}").as_bytes())
}

fn is_secret(name: &HeaderName) -> bool {
    [AUTHORIZATION, COOKIE].contains(name)
}
