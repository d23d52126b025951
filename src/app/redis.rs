//! The link to Redis, where the fleet shares one.

use std::sync::Arc;

use tokio::runtime::Handle;

use super::observers::Reporter;
use crate::clock::Clock;
use crate::config::RedisSettings;
use crate::counters::Counters;
use crate::fleet::Log;
use crate::journal::{Journal, Level};
use crate::limit::Sharing;
use crate::redis::{self, Around, Link, Operation};

/// Begins to connect. Where nobody could vouch for the server, that is told, and the machine is alone.
pub(super) fn link(
    settings: Option<&RedisSettings>,
    journal: &Journal,
    clock: &Clock,
    counters: &Arc<Counters>,
    runtimes: Vec<Handle>,
) -> Option<Arc<Link>> {
    let settings = settings?;
    let around = Around {
        clock: clock.clone(),
        events: Arc::new(Reporter::new(journal, clock)),
        counters: Some(counters.redis(&Operation::names())),
        authorities: settings.authorities.clone(),
        runtimes,
    };
    let wanted = redis::Settings {
        url: settings.url.expose().to_owned(),
        prefix: settings.prefix.clone(),
        timeout: settings.timeout,
        connections: settings.connections,
    };
    match Link::start_within(wanted, around) {
        Ok(link) => Some(Arc::new(link)),
        Err(error) => {
            journal.write(clock.now(), Level::Error, &format!("redis.url: {error}"), &[]);
            None
        }
    }
}

/// With whom limits are shared, where they are.
pub(super) fn sharing(link: Option<&Arc<Link>>, log: Option<&Arc<Log>>) -> Option<Sharing> {
    let (link, log) = link.zip(log)?;
    Some(Sharing { link: Arc::clone(link), replicas: log.living() })
}
