//! What is settled when the program starts.

use crate::config::Settings;

/// The values of those keys that cannot change while the program runs.
pub(super) struct Fixed(Vec<(&'static str, String)>);

impl Fixed {
    /// Those of a configuration.
    pub(super) fn of(settings: &Settings) -> Self {
        let Settings { server, admin, redis, cache, .. } = settings;
        let redis = redis.as_ref();
        let url = redis.map(|redis| redis.url.expose());
        Self(vec![
            ("server.listen", format!("{:?}", server.listen)),
            ("server.threads", format!("{:?}", server.threads)),
            ("server.limits.connections", format!("{:?}", server.limits.connections)),
            ("server.drain_delay", format!("{:?}", server.drain_delay)),
            ("admin.enabled", format!("{:?}", admin.enabled)),
            ("admin.listen", format!("{:?}", admin.listen)),
            ("redis", format!("{redis:?} {url:?}")),
            ("cache.memory.capacity", format!("{:?}", cache.memory.capacity)),
        ])
    }

    /// The keys that have other values in `wanted`, and take effect at the next start.
    pub(super) fn pending(&self, wanted: &Self) -> Vec<&'static str> {
        let both = self.0.iter().zip(&wanted.0);
        both.filter(|(ours, theirs)| ours != theirs).map(|((key, _), _)| *key).collect()
    }
}
