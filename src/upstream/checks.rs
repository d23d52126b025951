//! Servers are asked now and then whether they are well.

use std::sync::Arc;
use std::time::Duration;

use http::header::{ACCEPT, CONNECTION, HOST, USER_AGENT};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method};
use tokio::task::AbortHandle;

use super::connection::Connection;
use super::failure::Failure;
use super::health::{Finding, Health, HealthSettings};
use super::hearing::Hearing;
use super::sending::Request;
use super::server::Server;
use super::watch::Watch;
use crate::body::Body;
use crate::clock::Clock;

/// Who we are when we ask for ourselves.
const CHECKER: HeaderValue =
    HeaderValue::from_static(concat!("forebay/", env!("CARGO_PKG_VERSION"), " (health check)"));

/// The checks of an upstream's servers. They end when this is dropped.
#[derive(Debug, Default)]
pub(super) struct Checks(Vec<AbortHandle>);

impl Checks {
    /// Begins to check each of the `servers`, if there is a path to ask for; within a runtime. `host` is the Host they see,
    /// where it is not their own.
    pub(super) fn start(
        settings: &HealthSettings,
        servers: &[Arc<Server>],
        host: Option<&HeaderValue>,
        watch: &Arc<Watch>,
        clock: &Clock,
    ) -> Self {
        let Some(path) = &settings.path else { return Self::default() };
        let checks = servers.iter().map(|server| {
            let check = Check {
                path: path.clone(),
                host: host.unwrap_or(&server.host).clone(),
                settings: settings.clone(),
                server: Arc::clone(server),
                watch: Arc::clone(watch),
                clock: clock.clone(),
            };
            tokio::spawn(check.run()).abort_handle()
        });
        Self(checks.collect())
    }
}

impl Drop for Checks {
    fn drop(&mut self) {
        self.0.iter().for_each(AbortHandle::abort);
    }
}

struct Check {
    path: PathAndQuery,
    host: HeaderValue,
    settings: HealthSettings,
    server: Arc<Server>,
    watch: Arc<Watch>,
    clock: Clock,
}

impl Check {
    async fn run(self) {
        let mut health = Health::default();
        // The servers, and the replicas that ask them, do not all begin at once.
        tokio::time::sleep(self.settings.interval.mul_f64(fastrand::f64() / 10.0)).await;
        loop {
            let finding = self.ask().await;
            if let Some(is_healthy) = health.note(finding, &self.settings) {
                self.server.set_sick(!is_healthy);
                self.watch.look(&self.server, &finding, self.clock.now());
            }
            tokio::time::sleep(jittered(self.settings.interval)).await;
        }
    }

    /// Asks once, over a connection that nothing else uses.
    async fn ask(&self) -> Finding {
        let asking = tokio::time::timeout(self.settings.timeout, self.exchange());
        asking.await.unwrap_or(Finding::Failed(Failure::ResponseTimeout))
    }

    async fn exchange(&self) -> Finding {
        let timeout = self.settings.timeout;
        let connection = match self.server.dial(timeout, &self.clock).await {
            Ok(stream) => Connection::new(stream, self.clock.now()),
            Err(failure) => return Finding::Failed(failure),
        };
        let fields = HeaderMap::from_iter([
            (HOST, self.host.clone()),
            (USER_AGENT, CHECKER),
            (ACCEPT, HeaderValue::from_static("*/*")),
            (CONNECTION, HeaderValue::from_static("close")),
        ]);
        let target = self.path.clone();
        let request = Request { method: Method::GET, target, fields, body: Body::Empty };
        match connection.exchange(request, &Hearing::default(), timeout, &self.clock).await {
            Ok(answered) => Finding::Answered(answered.head.status),
            Err(unanswered) => Finding::Failed(unanswered.failure),
        }
    }
}

/// A tenth more or less.
fn jittered(interval: Duration) -> Duration {
    interval.mul_f64(0.9 + fastrand::f64() / 5.0)
}
