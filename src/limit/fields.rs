//! What a client is told of its budgets: `RateLimit-Policy` and `RateLimit`, as of draft-ietf-httpapi-ratelimit-headers-10,
//! and `Retry-After` (RFC 9110 §10.2.3).

use bytes::Bytes;
use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::window::{Level, Per, Window};
use super::{Budget, Denied, Permit};
use crate::clock::Timestamp;

static RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
static RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// `RateLimit-Policy`, a List of structured fields (RFC 9651): for each window its quota `q` and its seconds `w`.
pub(super) fn policy(requests: &[Window], forwarded: &[Window]) -> Option<HeaderValue> {
    let item = |budget, window: &Window| {
        let (name, rate) = (name(budget, window), window.rate());
        format!("{name};q={};w={}", rate.count, rate.per.secs())
    };
    let requests = requests.iter().map(|window| item(Budget::Requests, window));
    let forwarded = forwarded.iter().map(|window| item(Budget::Forwarded, window));
    let items: Vec<_> = requests.chain(forwarded).collect();
    HeaderValue::from_str(&items.join(", ")).ok().filter(|_| !items.is_empty())
}

/// The name of a policy, as a String of structured fields.
const fn name(budget: Budget, window: &Window) -> &'static str {
    match (budget, window.rate().per) {
        (Budget::Requests, Per::Second) => "\"second\"",
        (Budget::Requests, Per::Minute) => "\"minute\"",
        (Budget::Requests, Per::Hour) => "\"hour\"",
        (Budget::Requests, Per::Day) => "\"day\"",
        (Budget::Forwarded, Per::Second) => "\"forwarded-second\"",
        (Budget::Forwarded, Per::Minute) => "\"forwarded-minute\"",
        (Budget::Forwarded, Per::Hour) => "\"forwarded-hour\"",
        (Budget::Forwarded, Per::Day) => "\"forwarded-day\"",
    }
}

impl Permit {
    /// Tells the client, behind what the origin tells of its own limits.
    pub fn tell(&self, response: &mut HeaderMap, now: Timestamp) {
        let tier = &self.tier;
        let Some(policy) = &tier.policy else { return };
        let Some(requests) = self.requests.get() else { return };
        let forwarded = self.forwarded_levels(now);
        let mut text = Vec::with_capacity(80);
        push_items(&mut text, Budget::Requests, &tier.requests, &requests.levels);
        push_items(&mut text, Budget::Forwarded, &tier.forwarded, &forwarded);
        response.append(&RATE_LIMIT_POLICY, policy.clone());
        if let Ok(levels) = HeaderValue::from_maybe_shared(Bytes::from(text)) {
            response.append(&RATE_LIMIT, levels);
        }
    }

    /// Says when the request could be made again, or what it needs: on our own refusal of it.
    pub fn tell_denied(&self, denied: Denied, response: &mut HeaderMap) {
        let charged = match denied {
            Denied::Requests => self.requests.get(),
            Denied::Forwarded => self.forwarded.get(),
            // RFC 9110 §11.6.1: "A server generating a 401 (Unauthorized) response MUST send a WWW-Authenticate header
            // field containing at least one challenge."
            Denied::UnknownKey => {
                let challenge = self.challenge.map(HeaderValue::from_static);
                response.extend(challenge.map(|challenge| (WWW_AUTHENTICATE, challenge)));
                None
            }
            Denied::Unavailable => None,
        };
        if let Some(seconds) = charged.and_then(|charged| charged.refused) {
            response.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
    }
}

/// `RateLimit`, a List too: for each window the requests `r` that it has left, and the seconds `t` until it has more.
fn push_items(text: &mut Vec<u8>, budget: Budget, windows: &[Window], levels: &[Level]) {
    for (window, level) in windows.iter().zip(levels) {
        if !text.is_empty() {
            text.extend_from_slice(b", ");
        }
        text.extend_from_slice(name(budget, window).as_bytes());
        text.extend_from_slice(b";r=");
        push_number(text, level.remaining);
        // A window that is whole is never reset.
        if level.reset > 0 {
            text.extend_from_slice(b";t=");
            push_number(text, level.reset);
        }
    }
}

/// A number in decimal digits, without what formatting costs.
fn push_number(text: &mut Vec<u8>, number: u32) {
    let first = text.len();
    let mut rest = number;
    loop {
        text.push(b'0' + (rest % 10) as u8);
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if let Some(digits) = text.get_mut(first..) {
        digits.reverse();
    }
}
