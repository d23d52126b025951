//! What there is for it now.

use super::words::{Span, given_by, printable};
use super::{Explanation, Matter};
use crate::cache::Peek;

pub(super) fn explain(matter: &Matter<'_>, explanation: &mut Explanation) {
    let Matter { inquiry, cache, now, .. } = matter;
    if let Some(refusal) = inquiry.lookup_refusal() {
        let refusal = refusal.as_str();
        return explanation.say("stored", format!("nothing is looked up for it: {refusal}"));
    }
    let Some(cache) = cache else { return };
    let Peek { found, response, variants, unstorable } = cache.peek(inquiry);
    explanation.say("stored", found);
    if let Some(response) = response {
        let head = response.head();
        let terms = head.terms_by(&inquiry.route.rules);
        explanation.say(
            "stored",
            format!(
                "{} with {} of {} bytes, age {}, ttl {} ({})",
                head.status().as_u16(),
                response.body().len(),
                response.complete_length(),
                terms.current_age(*now).as_secs(),
                terms.ttl(*now),
                given_by(terms.lifetime.source),
            ),
        );
        let stale = terms.stale_while_revalidate.max(terms.stale_if_error);
        let left = (terms.lifetime.duration + stale).saturating_sub(terms.current_age(*now));
        if !stale.is_zero() && !terms.must_revalidate {
            explanation.say("stored", format!("may be served for {} yet, stale too", Span(left)));
        }
        let selecting: Vec<_> = head.selecting().map(|name| name.to_string()).collect();
        if !selecting.is_empty() {
            explanation
                .say("stored", format!("one of {variants}, selected by {}", selecting.join(", ")));
        }
        for tag in head.tags() {
            explanation.say("stored", format!("tag {}", printable(tag.as_bytes())));
        }
    }
    if let Some(refusal) = unstorable {
        let line = format!("its last response was not: {}; not waited for", refusal.as_str());
        explanation.say("stored", line);
    }
}
