//! Who asks, as far as it matters. Nobody's name or secret is shown.

use super::{Explanation, Matter};
use crate::identity::Identity;

pub(super) fn explain(matter: &Matter<'_>, explanation: &mut Explanation) {
    let inquiry = matter.inquiry;
    if inquiry.client.by_proxy {
        explanation
            .say("client", format!("{}, for whom a trusted proxy asks", inquiry.client.address));
    }
    if let Some(source) = &inquiry.route.identity {
        let line = match &inquiry.identity {
            Identity::Known { .. } => format!("known by {source}"),
            Identity::Unknown(Some(bad)) => {
                format!("unknown: {source} does not count: {}", bad.as_str())
            }
            Identity::Unknown(None) | Identity::Unasked => format!("unknown: there is no {source}"),
        };
        explanation.say("identity", line);
    }
    let carried = [
        (inquiry.credentials.authorization, "Authorization"),
        (inquiry.credentials.cookie, "a cookie"),
        (inquiry.credentials.client_field, "a field that names a client"),
    ];
    for (_, what) in carried.iter().filter(|(carries, _)| *carries) {
        let shared = if inquiry.route.rules.shared { ", and all share one answer" } else { "" };
        explanation.say("credential", format!("{what}, which the key does not keep apart{shared}"));
    }
}
