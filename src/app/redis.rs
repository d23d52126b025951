//! The link to Redis, where the fleet shares one.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use crate::clock::Clock;
use crate::config::RedisSettings;
use crate::journal::{Journal, Level};
use crate::limit::Sharing;
use crate::redis::{self, Link};

/// Begins to connect. A URL that is none is told of, and the machine is alone.
pub(super) fn link(
    settings: Option<&RedisSettings>,
    journal: &Journal,
    clock: &Clock,
) -> Option<Arc<Link>> {
    let settings = settings?;
    let link = Link::start(redis::Settings {
        url: settings.url.expose().to_owned(),
        prefix: settings.prefix.clone(),
        timeout: settings.timeout,
        connections: settings.connections,
    });
    match link {
        Ok(link) => Some(Arc::new(link)),
        Err(error) => {
            journal.write(clock.now(), Level::Error, &format!("redis.url: {error}"), &[]);
            None
        }
    }
}

/// With whom limits are shared, where they are: `replicas` are alive, this one among them.
pub(super) fn sharing(link: Option<&Arc<Link>>, replicas: &Arc<AtomicUsize>) -> Option<Sharing> {
    Some(Sharing { link: Arc::clone(link?), replicas: Arc::clone(replicas) })
}
