//! What an operator's purge means under the routes there are.

use http::Method;

use super::Service;
use crate::cache::Purging;
use crate::caching::purge::{Purge, Selector};
use crate::policy::Policy;

impl Service {
    /// Carries out a purge. Goes through all of memory: not for a thread that serves requests.
    pub fn purge(&self, mut purge: Purge) -> Purging {
        let rulebook = self.rulebook.load_full();
        let policy = &rulebook.policy;
        purge.selectors =
            purge.selectors.into_iter().flat_map(|selector| as_keyed(policy, selector)).collect();
        self.cache.purge(&purge)
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
