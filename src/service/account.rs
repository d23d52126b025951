//! What is counted and told of a request once its response has been sent, or has failed to be.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, Response, StatusCode};
use http_body::Body as _;

use super::Service;
use super::unasked::Asked;
use crate::body::{Body, Ending, Watched};
use crate::cache::Inquiry;
use crate::caching::cache_status::CacheStatus;
use crate::clock::Stopwatch;
use crate::counters::Outcome;
use crate::journal::Value;
use crate::policy::Route;

/// Which requests get a line, and what stands in it.
#[derive(Clone, Copy, Debug)]
pub struct AccessLog {
    /// Of a million requests that went well, how many get a line.
    pub sample: u32,
    /// Whether those that failed do.
    pub failed: bool,
    /// Whether those that took longer than this do.
    pub slow: Option<Duration>,
    /// Whether query strings are shown.
    pub query: bool,
}

impl AccessLog {
    fn wants(&self, failed: bool, took: Duration) -> bool {
        failed && self.failed
            || self.slow.is_some_and(|slow| took > slow)
            || self.sample >= 1_000_000
            || self.sample > 0 && fastrand::u32(..1_000_000) < self.sample
    }
}

/// One request and how it went.
struct Line<'a> {
    client: IpAddr,
    method: &'a Method,
    host: &'a str,
    path_and_query: &'a str,
    route: &'a str,
    status: StatusCode,
    outcome: Outcome,
    cache: Option<CacheStatus>,
    error: Option<&'static str>,
    bytes: u64,
    took: Duration,
}

/// How a request went.
#[derive(Clone, Copy)]
struct How {
    status: StatusCode,
    outcome: Outcome,
    cache: CacheStatus,
    error: Option<&'static str>,
}

/// A request under way. Whatever becomes of it is counted and told of once; when this is dropped unanswered, that is that
/// its client has left.
pub(super) struct Account {
    service: Arc<Service>,
    inquiry: Arc<Inquiry>,
    access: AccessLog,
    watch: Stopwatch,
    answered: bool,
}

/// What nginx's users know for a client that left before it was answered.
const CLIENT_LEFT: u16 = 499;

impl Account {
    pub(super) const fn open(
        service: Arc<Service>,
        inquiry: Arc<Inquiry>,
        access: AccessLog,
        watch: Stopwatch,
    ) -> Self {
        Self { service, inquiry, access, watch, answered: false }
    }

    /// Settles with a response: at once if it is all at hand, else when its body has ended.
    pub(super) fn close(
        mut self,
        response: Response<Body>,
        outcome: Outcome,
        cache: CacheStatus,
        failure: Option<&'static str>,
    ) -> Response<Body> {
        self.answered = true;
        let how = How { status: response.status(), outcome, cache, error: failure };
        if response.body().is_at_hand() {
            self.settle(how, response.body().size_hint().lower());
            return response;
        }
        response.map(|body| {
            Watched::watch(body, move |ending, bytes| {
                let error = match ending {
                    Ending::Whole => how.error,
                    Ending::Failed(error) => Some(error.as_str()),
                    Ending::Dropped => Some("client-left"),
                };
                self.settle(How { error, ..how }, bytes);
            })
        })
    }

    fn settle(&self, how: How, bytes: u64) {
        let Self { service, inquiry, access, watch, .. } = self;
        let took = watch.elapsed();
        inquiry.counters.request(&inquiry.method, how.status.as_u16(), how.outcome, took);
        service.tell(
            *access,
            &Line {
                client: inquiry.client.address,
                method: &inquiry.method,
                host: &inquiry.authority,
                path_and_query: inquiry.asked.as_str(),
                route: &inquiry.route.name,
                status: how.status,
                outcome: how.outcome,
                cache: Some(how.cache),
                error: how.error,
                bytes,
                took,
            },
        );
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        if !self.answered
            && let Ok(status) = StatusCode::from_u16(CLIENT_LEFT)
        {
            let cache = CacheStatus::neither();
            self.settle(
                How { status, outcome: Outcome::Error, cache, error: Some("client-left") },
                0,
            );
        }
    }
}

impl Service {
    /// Counts and tells of a request that was answered without asking anybody.
    pub(super) fn account_unasked(
        &self,
        asked: Asked<'_>,
        route: &Arc<Route>,
        response: Response<Body>,
        outcome: Outcome,
        error: Option<&'static str>,
    ) -> Response<Body> {
        let Asked { rulebook, parts, target, peer, watch } = asked;
        let (status, took) = (response.status(), watch.elapsed());
        let (counters, _) = rulebook.parts_of(route);
        counters.request(&parts.method, status.as_u16(), outcome, took);
        self.tell(
            rulebook.access,
            &Line {
                client: rulebook.proxies.client(peer, &parts.headers).address,
                method: &parts.method,
                host: &target.authority,
                path_and_query: target.path_and_query.as_str(),
                route: &route.name,
                status,
                outcome,
                cache: None,
                error,
                bytes: response.body().size_hint().lower(),
                took,
            },
        );
        response
    }

    fn tell(&self, access: AccessLog, line: &Line<'_>) {
        let failed = line.status.is_server_error() || line.error.is_some();
        if !access.wants(failed, line.took) {
            return;
        }
        let client = line.client.to_string();
        let (path, query) =
            line.path_and_query.split_once('?').unwrap_or((line.path_and_query, ""));
        let cache = line.cache.map(|cache| cache.to_string());
        let mut fields = vec![
            ("client", Value::Str(&client)),
            ("method", Value::Bytes(line.method.as_str().as_bytes())),
            ("host", Value::Bytes(line.host.as_bytes())),
            ("path", Value::Bytes(path.as_bytes())),
        ];
        if access.query && !query.is_empty() {
            fields.push(("query", Value::Bytes(query.as_bytes())));
        }
        fields.extend([
            ("status", Value::Int(i64::from(line.status.as_u16()))),
            ("bytes", Value::Int(i64::try_from(line.bytes).unwrap_or(i64::MAX))),
            ("duration", Value::Seconds(line.took)),
            ("outcome", Value::Str(line.outcome.as_str())),
            ("route", Value::Str(line.route)),
        ]);
        if let Some(cache) = &cache {
            fields.push(("cache", Value::Str(cache.trim_start_matches("forebay; "))));
        }
        if let Some(error) = line.error {
            fields.push(("error", Value::Str(error)));
        }
        self.journal.access(self.clock.now(), &fields);
    }
}
