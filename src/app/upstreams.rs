//! The upstreams of a configuration, those that run already among them.

use std::sync::Arc;

use crate::clock::Clock;
use crate::config::UpstreamSettings;
use crate::counters::Counters;
use crate::upstream::{Events, Upstream};

/// The upstreams that are `configured`, in that order. Those that are `running` and are configured as they were stay, with
/// their connections and what is known of their servers; the others end with the requests that they have.
pub(super) fn start(
    configured: Vec<UpstreamSettings>,
    running: &[Arc<Upstream>],
    clock: &Clock,
    counters: &Arc<Counters>,
    events: &Arc<dyn Events>,
) -> Vec<Arc<Upstream>> {
    let upstreams = configured.into_iter().map(|UpstreamSettings { name, settings }| {
        let same = |old: &&Arc<Upstream>| old.name() == name && *old.settings() == settings;
        running.iter().find(same).cloned().unwrap_or_else(|| {
            let counters = counters.upstream(&name);
            Upstream::start(&name, settings, clock.clone(), counters, Arc::clone(events))
        })
    });
    let upstreams: Vec<_> = upstreams.collect();
    for old in running {
        let successor = upstreams.iter().find(|new| new.name() == old.name());
        if !successor.is_some_and(|new| Arc::ptr_eq(old, new)) {
            old.retire(successor.map(Arc::as_ref));
        }
    }
    upstreams
}

/// `http://127.0.0.1:3000; web: http://127.0.0.1:3001`
pub(super) fn told(upstreams: &[Arc<Upstream>]) -> String {
    let each = upstreams.iter().enumerate().map(|(index, upstream)| match index {
        0 => upstream.to_string(),
        _ => format!("{}: {upstream}", upstream.name()),
    });
    each.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    fn configured(servers: &str, more: &str) -> Vec<UpstreamSettings> {
        let text = format!("[upstream]\nservers = {servers}\n{more}");
        config::load(&text, "config.toml", &config::Environment::default())
            .unwrap_or_else(|errors| panic!("{errors}"))
            .settings
            .upstreams
    }

    #[tokio::test]
    async fn what_is_configured_as_it_was_stays_and_the_rest_goes() {
        let (clock, counters) = (Clock::system(), Counters::new("0"));
        let events: Arc<dyn Events> = Arc::new(());
        let begin =
            |configured, running: &[_]| start(configured, running, &clock, &counters, &events);
        let shown = |server: &str| {
            let metrics = counters.encode();
            metrics
                .lines()
                .filter(|line| line.contains("healthy{") && line.contains(server))
                .count()
        };

        let old = begin(
            configured(
                "[\"http://a\", \"http://b\"]",
                "health.path = \"/health\"\n[upstreams.web]\nservers = [\"http://w\"]",
            ),
            &[],
        );
        assert_eq!((shown("http://a"), shown("http://b"), shown("http://w")), (1, 1, 1));
        let new = begin(
            configured(
                "[\"http://a\", \"http://c\"]",
                "health.path = \"/health\"\n[upstreams.web]\nservers = [\"http://w\"]",
            ),
            &old,
        );
        assert!(!Arc::ptr_eq(&old[0], &new[0]) && Arc::ptr_eq(&old[1], &new[1]));
        assert_eq!((shown("http://a"), shown("http://b"), shown("http://c")), (1, 0, 1));

        let last =
            begin(configured("[\"http://a\", \"http://c\"]", "health.path = \"/health\""), &new);
        assert!(Arc::ptr_eq(&new[0], &last[0]));
        assert_eq!((shown("http://a"), shown("http://w")), (1, 0));
    }
}
