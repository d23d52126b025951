//! What a request is: its route, its key, where it would go.

use std::borrow::Cow;
use std::cell::LazyCell;
use std::sync::{Arc, OnceLock};

use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http::request::Parts;
use http::uri::PathAndQuery;

use super::kept_apart::key_parts;
use super::refused::Refused;
use super::unasked::Unasked;
use super::{Rulebook, Service};
use crate::body::{Body, Limited};
use crate::cache::Inquiry;
use crate::caching::storability::Credentials;
use crate::identity::forwarded::strip_claims;
use crate::identity::peer::Peer;
use crate::identity::{Asker, Identity};
use crate::semantics::present::Present;
use crate::semantics::target::{Form, Target};
use crate::semantics::{connection, expect, fields};

impl Service {
    /// Takes a request apart. Its fields and its authority go into the inquiry; the rest stays, for the line in the log.
    /// `is_charged`: its client is held to its limits, and pays.
    pub(super) fn inquire(
        &self,
        rulebook: &Rulebook,
        parts: &mut Parts,
        body: Body,
        target: &mut Target,
        peer: &Arc<Peer>,
        is_charged: bool,
    ) -> Result<(Arc<Inquiry>, Body), Unasked> {
        if rulebook.is_probe(&parts.method, target) {
            return Err(Unasked::Probe);
        }
        if !rulebook.hosts.contain(&target.authority) {
            return Err(Refused::HOST.into());
        }
        if target.form == Form::Asterisk {
            return Err(Refused::OPTIONS.into());
        }
        // The first would reveal fields that only the origin should see; the others are the operator's alone.
        match parts.method.as_str() {
            "PURGE" if rulebook.token.is_some() => return Err(Unasked::Purge),
            "TRACE" | "PURGE" | "BAN" => return Err(Refused::METHOD.into()),
            _ => {}
        }
        let mut present = Present::among(&parts.headers);
        if present.any(Present::VIA) && self.cache.via().has_seen(&parts.headers) {
            return Err(Refused::LOOP.into());
        }
        let expects_continue = present.any(Present::EXPECT)
            && expect::expectation(parts.version, &parts.headers).unwrap_or(false);
        let mut upgrade = None;
        if present.any(Present::HOP_BY_HOP) {
            upgrade = connection::upgrade(parts.version, &parts.headers).cloned();
            connection::strip_hop_by_hop(&mut parts.headers);
        }
        if present.any(Present::UNDERSCORED) {
            fields::remove_underscored(&mut parts.headers);
        }
        if present.any(Present::HOP_BY_HOP | Present::UNDERSCORED) {
            present = Present::among(&parts.headers);
        }
        let client = rulebook.proxies.client(peer, &parts.headers);
        strip_claims(&mut parts.headers, &rulebook.policy.fallback().proxy_claims, &client);

        let asked = target.path_and_query.clone();
        let found = rulebook.policy.find(&parts.method, &target.authority, asked.path());
        let (route, captures) = (Arc::clone(found.route), found.captures);
        if route.clients.as_ref().is_some_and(|clients| !clients.admit(client.address)) {
            return Err(Refused::CLIENT.into());
        }
        if route.respond.is_some() {
            return Err(Unasked::Declared);
        }
        let request_body = route.request_body.unwrap_or(rulebook.request_body);
        let has_length = present.any(Present::CONTENT_LENGTH);
        let content_length = if has_length { content_length(&parts.headers) } else { None };
        if content_length.is_some_and(|length| length > request_body) {
            return Err(Refused::TOO_LARGE.into());
        }
        let keyed = match asked.query().map(|_| route.query.apply(asked.as_str())) {
            None | Some(Cow::Borrowed(_)) => asked.clone(),
            Some(Cow::Owned(keyed)) => {
                PathAndQuery::try_from(keyed).map_err(|_| Refused::TARGET)?
            }
        };
        let refresh = match route.refresh.asked(asked.query().unwrap_or(""), &parts.headers) {
            Some(how) => Some(
                PathAndQuery::try_from(&*how.target(keyed.as_str()))
                    .map_err(|_| Refused::TARGET)?,
            ),
            None => None,
        };
        let asker = LazyCell::new(|| {
            let verifier = rulebook.verifier.as_deref();
            Asker::new(&parts.headers, client, verifier, self.clock.now())
        });
        let identity =
            route.identity.as_ref().map_or(Identity::Unasked, |name| Identity::of(&asker, name));
        let limits = rulebook.limits_on(&route, parts).filter(|_| is_charged);
        let permit = limits.map(|limits| limits.admit(&asker, self.clock.now()));
        let key_parts = key_parts(&route, &parts.headers, &identity);
        let key = self.cache.keyer().key(
            client.scheme.as_str(),
            &target.authority,
            keyed.as_str(),
            key_parts.iter().map(Option::as_deref),
        );
        let (counters, upstream) = rulebook.parts_of(&route);
        let has_content = !body.is_at_hand();
        let body = if has_content { Body::stream(Limited::new(body, request_body)) } else { body };
        let mut inquiry = Inquiry {
            method: parts.method.clone(),
            fields: std::mem::take(&mut parts.headers),
            present,
            authority: std::mem::take(&mut target.authority),
            asked,
            target: keyed,
            refresh,
            resource_key: key,
            reading: OnceLock::new(),
            has_content,
            content_length,
            expects_continue,
            upgrade,
            interim: OnceLock::new(),
            client,
            identity,
            credentials: Credentials::default(),
            permit,
            route,
            captures,
            counters,
            upstream,
        };
        let may_be_stored = || inquiry.lookup_refusal().is_none() || inquiry.key_body().is_some();
        if !inquiry.route.ignore_cookies.is_empty() && may_be_stored() {
            inquiry.route.strip_ignored_cookies(&mut inquiry.fields);
        }
        inquiry.credentials = inquiry.route.credentials(&inquiry.fields);
        Ok((Arc::new(inquiry), body))
    }
}

/// The length the client announced; the server has refused whatever is not one number.
fn content_length(fields: &HeaderMap) -> Option<u64> {
    fields.get(CONTENT_LENGTH)?.to_str().ok()?.trim().parse().ok()
}
