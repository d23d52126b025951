//! What the admin listener can do.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::reload::{Because, Reloads};
use crate::admin::{self, Abilities, NotReloaded, Readiness, Unfinished};
use crate::counters::Counters;
use crate::redis::Link;
use crate::service::Service;
use crate::upstream::Upstream;

pub(super) fn abilities(
    service: &Arc<Service>,
    counters: &Arc<Counters>,
    reloads: &Arc<Reloads>,
    link: Option<&Arc<Link>>,
) -> Abilities {
    let link = link.cloned();
    let (read, outcome) = (Arc::clone(service), Arc::downgrade(reloads));
    let (forgetful, explaining) = (Arc::clone(service), Arc::clone(service));
    let reloads = Arc::downgrade(reloads);
    Abilities {
        readiness: Arc::new(move || Readiness {
            ready: !read.leaving.load(Ordering::Relaxed),
            redis: redis(link.as_deref()),
            configuration: outcome.upgrade().map(|last| last.configuration()).unwrap_or_default(),
            ..readiness(&read)
        }),
        counters: Arc::clone(counters),
        forget: Arc::new(move |purge| {
            let service = Arc::clone(&forgetful);
            Box::pin(async move { service.purge_aside(purge).await.ok_or(Unfinished) })
        }),
        explain: Arc::new(move |question| explaining.explain(question, true)),
        reload: Arc::new(move || {
            let outcome = reloads.upgrade().map(|reloads| reloads.ask(Because::Admin));
            Box::pin(async move {
                let outcome = outcome.ok_or(NotReloaded::Stopping)?;
                outcome.await.unwrap_or(Err(NotReloaded::Unfinished))
            })
        }),
        purges: Arc::clone(&service.purges),
    }
}

/// How the parts are.
fn readiness(service: &Service) -> Readiness {
    let (memory, rulebook) = (service.cache.memory(), service.rulebook.load());
    Readiness {
        memory: admin::Memory {
            stored_bytes: memory.bytes(),
            capacity_bytes: service.cache.capacity(),
            stored_responses: memory.keys(),
        },
        servers: rulebook.upstreams.iter().flat_map(servers_of).collect(),
        ..Readiness::default()
    }
}

fn redis(link: Option<&Link>) -> admin::Redis {
    match link.map(Link::is_up) {
        None => admin::Redis::Disabled,
        Some(true) => admin::Redis::Healthy,
        Some(false) => admin::Redis::Unavailable,
    }
}

fn servers_of(upstream: &Arc<Upstream>) -> Vec<admin::Server> {
    let name = upstream.name();
    let servers = upstream.servers().into_iter();
    servers
        .map(|(server, healthy)| admin::Server { upstream: name.to_owned(), server, healthy })
        .collect()
}
