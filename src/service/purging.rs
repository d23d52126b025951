//! What an operator's purge means under the routes there are.

use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use http::{Method, Response, StatusCode};
use tokio::sync::oneshot;

use super::refused::Refused;
use super::unasked::Asked;
use super::{Rulebook, Service};
use crate::body::{Answer, Body};
use crate::cache::Purging;
use crate::caching::purge::{Purge, Selector};
use crate::clock::Stopwatch;
use crate::counters::Outcome;
use crate::identity::peer::Peer;
use crate::identity::shared_secret::bearer;
use crate::policy::Policy;
use crate::purges::{Done, Receipt};
use crate::respond::synthetic::refusal;
use crate::semantics::target::Target;

/// Wrong tokens are answered one after the other, each after this long, so that guessing is slow.
const WRONG_TOKEN_DELAY: Duration = Duration::from_millis(100);

impl Service {
    /// Carries out a purge, and tells of it: `tell` as soon as nothing it covers is used any more, and then counts what it
    /// struck. Goes through all of memory: not for a thread that serves requests.
    pub fn purge(&self, asked: Purge, tell: impl FnOnce(Done)) {
        let rulebook = self.rulebook.load_full();
        let policy = &rulebook.policy;
        let selectors = asked.selectors.iter().cloned();
        let selectors = selectors.flat_map(|selector| as_keyed(policy, selector)).collect();
        let purge = Purge { selectors, ..asked };
        let purging = (!purge.dry_run).then(|| self.cache.purge(&purge));
        let (number, receipt) = match purging {
            Some(Purging { number, receipt }) => (Some(number), receipt),
            None => (None, None),
        };
        let receipt = receipt.map(|receipt| Box::new(receipt) as Box<dyn Receipt>);
        let done = self.purges.add(purge.dry_run, receipt);
        tell(done.clone());
        let matched = self.cache.count(&purge, number);
        self.purges.counted(&Purge { selectors: asked.selectors, ..purge }, &done, matched);
    }

    /// The same on a thread that may take its time. `None`: it came to no end.
    pub async fn purge_aside(self: &Arc<Self>, purge: Purge) -> Option<Done> {
        let (service, (tell, told)) = (Arc::clone(self), oneshot::channel());
        tokio::task::spawn_blocking(move || {
            service.purge(purge, |done| {
                // Whoever asked may have left.
                let _ = tell.send(done);
            });
        });
        told.await.ok()
    }

    /// Answers `PURGE /path`: with the operator's token it purges what GET of it would be answered with, of every scheme,
    /// variant and identity.
    pub(super) fn purge_asked(
        self: Arc<Self>,
        parts: Parts,
        target: Target,
        peer: Arc<Peer>,
        watch: Stopwatch,
    ) -> Answer {
        let rulebook = self.rulebook.load_full();
        Answer::later(async move {
            let asked =
                Asked { rulebook: &rulebook, parts: &parts, target: &target, peer: &peer, watch };
            if let Err(refused) = rulebook.may_purge(&parts) {
                if refused.word() == Refused::WRONG_TOKEN.word() {
                    let _turn = self.wrong_tokens.lock().await;
                    tokio::time::sleep(WRONG_TOKEN_DELAY).await;
                }
                return self.answer_unasked(asked, refused.into());
            }
            let (response, word) = Arc::clone(&self).purge_url(&target).await;
            let (path, _) = target.split();
            let route = rulebook.policy.find(&parts.method, &target.authority, path).route;
            self.account_unasked(asked, route, response, Outcome::Respond, word)
        })
    }

    /// The response, and the word for what went wrong.
    async fn purge_url(self: Arc<Self>, target: &Target) -> (Response<Body>, Option<&'static str>) {
        let selector = Selector::Url {
            authority: Some(target.authority.clone()),
            path_and_query: target.path_and_query.to_string(),
        };
        let purge = Purge { selectors: vec![selector], soft: false, dry_run: false };
        match self.purge_aside(purge).await {
            Some(done) => (self.purges.answer(&done).await, None),
            None => {
                let (status, word) = (StatusCode::INTERNAL_SERVER_ERROR, "internal-error");
                (refusal(status, word, None, false), Some(word))
            }
        }
    }
}

impl Rulebook {
    /// Whether a request shows the operator's token.
    fn may_purge(&self, parts: &Parts) -> Result<(), Refused> {
        match (bearer(&parts.headers), &self.token) {
            (_, None) => Err(Refused::METHOD),
            (None, _) => Err(Refused::NO_TOKEN),
            (Some(given), Some(token)) if token.is(given) => Ok(()),
            (Some(_), Some(_)) => Err(Refused::WRONG_TOKEN),
        }
    }
}

/// The operator names what clients ask for; what is stored is named as its route keys it.
fn as_keyed(policy: &Policy, selector: Selector) -> Vec<Selector> {
    let Selector::Url { authority, path_and_query } = selector else { return vec![selector] };
    let path = path_and_query.split('?').next().unwrap_or(&path_and_query);
    let mut keyed = match &authority {
        Some(host) => {
            // Methods may have routes of their own, and these are the ones whose answers are stored.
            let routes =
                [Method::GET, Method::POST].map(|method| policy.find(&method, host, path).route);
            routes.map(|route| route.query.apply(&path_and_query).into_owned()).to_vec()
        }
        // On every host: each of them may have a route of its own for it.
        None => {
            let routes = policy.routes().iter().chain([policy.fallback()]);
            routes.map(|route| route.query.apply(&path_and_query).into_owned()).collect()
        }
    };
    keyed.sort_unstable();
    keyed.dedup();
    keyed
        .into_iter()
        .map(|path_and_query| Selector::Url { authority: authority.clone(), path_and_query })
        .collect()
}
