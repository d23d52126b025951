//! What is said to those who ask why: of a request nobody made, or of their own.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use http::{HeaderMap, HeaderName, Version};

use super::unasked::Asked;
use super::{Rulebook, Service};
use crate::clock::Stopwatch;
use crate::explain::{self as explaining, Explanation, Matter, Question, explain, explain_unasked};
use crate::identity::Asker;
use crate::semantics::target::effective_target;

/// The field that shows the debug token, and the one that answers it.
pub(super) static DEBUG: HeaderName = HeaderName::from_static("forebay-debug");

impl Service {
    /// What would be done with this request, and, if something is served already (`running`), what is stored for it.
    pub fn explain(&self, question: &Question, running: bool) -> Explanation {
        let (mut parts, peer) = (question.head(), Arc::new(question.peer()));
        let scheme = peer.scheme.as_str();
        let target =
            effective_target(scheme, Version::HTTP_11, &parts.method, &parts.uri, &parts.headers);
        let mut target = match target {
            Ok(target) => target,
            Err(bad) => return Explanation::malformed(bad.status(), bad.reason()),
        };
        let rulebook = self.rulebook.load_full();
        let body = question.body();
        match self.inquire(&rulebook, &mut parts, body, &mut target, &peer, false) {
            Ok((inquiry, body)) => {
                if let Some(rules) = inquiry.key_body() {
                    let _ = at_hand(self.cache.read_content(&inquiry, rules, body));
                }
                let verifier = rulebook.verifier.as_deref();
                let now = self.clock.now();
                let asker = Asker::new(&inquiry.fields, inquiry.client, verifier, now);
                let limits = rulebook.limits_on(&inquiry.route, &question.head());
                explain(&Matter {
                    inquiry: &inquiry,
                    place: limits.map(|limits| limits.place(&asker)),
                    policy: &rulebook.policy,
                    cache: running.then_some(&self.cache),
                    tiers: self.cache.tiers(),
                    response: question.response.as_ref(),
                    now,
                })
            }
            Err(why) => {
                let (rulebook, parts, target, peer) = (&*rulebook, &parts, &target, &*peer);
                let asked = Asked { rulebook, parts, target, peer, watch: Stopwatch::start() };
                let (_, response) = self.unasked(asked, why);
                let (path, query) = target.split();
                let asked = explaining::Asked {
                    method: &parts.method,
                    scheme,
                    authority: &target.authority,
                    path,
                    query,
                };
                explain_unasked(asked, &rulebook.policy, why.as_str(), &response)
            }
        }
    }
}

/// What comes of something that has nothing to wait for.
fn at_hand<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

impl Rulebook {
    /// Whether these fields show the debug token. It is for nobody behind us.
    pub(super) fn takes_debug_token(&self, fields: &mut HeaderMap) -> bool {
        let Some(token) = &self.debug_token else { return false };
        fields.remove(&DEBUG).is_some_and(|given| token.is(given.as_bytes()))
    }
}
